#include "cli/bench/tally.hpp"

#include <algorithm>

#include "api/shortened.hpp"

namespace gatherd::cli::bench {

namespace {

void add_errors(tally& to, int code, std::uint64_t times) {
    const auto fits = [code](const tally::error_count& each) { return each.times == 0 || each.code == code; };
    auto found = std::ranges::find_if(to.errors, fits);
    if (found == to.errors.end()) {
        found = to.errors.end() - 1;
        found->code = 0;
    } else {
        found->code = code;
    }
    found->times += times;
}

}  // namespace

void tally::count_error(int code) noexcept {
    add_errors(*this, code, 1);
}

void tally::keep_complaint(std::string_view text) noexcept {
    if (complaint[0] == '\0') {
        std::ranges::copy(api::first_bytes(text, complaint.size() - 1), complaint.begin());
    }
}

std::uint64_t tally::error_answers() const noexcept {
    std::uint64_t all = 0;
    for (const auto& each : errors) {
        all += each.times;
    }
    return all;
}

void tally::add(const tally& other) noexcept {
    requests += other.requests;
    tasks += other.tasks;
    latency.add(other.latency);
    lateness.add(other.lateness);
    right += other.right;
    wrong += other.wrong;
    unasked += other.unasked;
    unanswered += other.unanswered;
    unsent += other.unsent;
    lost_connections += other.lost_connections;
    for (const auto& each : other.errors) {
        if (each.times != 0) {
            add_errors(*this, each.code, each.times);
        }
    }
    tasks_by_time.add(other.tasks_by_time);
    last_answer = std::max(last_answer, other.last_answer);
    keep_complaint(other.complaint.data());
}

}  // namespace gatherd::cli::bench
