#include "api/server/limits/counters.hpp"

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

#include "gatherd/executor/detail/worker.hpp"
#include "gatherd/executor/scheduler.hpp"

namespace gatherd::api::server {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(event::count)> event_names{
    "connections_accepted", "connections_refused", "foreign_closed",    "tls_failed",
    "tokens_refused",       "bytes_read",          "bytes_written",     "requests",
    "programs_run",         "programs_failed",     "tasks_started",     "tasks_done",
    "tasks_failed",         "tasks_cancelled",     "created_tasks_run", "answers_ignored",
};

constexpr std::array codes{
    errc::parse_error,   errc::invalid_request, errc::method_not_found, errc::invalid_params, errc::internal_error,
    errc::task_failed,   errc::timed_out,       errc::cancelled,        errc::overloaded,     errc::not_authenticated,
    errc::shutting_down, errc::limit_exceeded,  errc::no_such_task,
};

constexpr std::array<std::string_view, 24> limit_names{
    "limits.message_bytes",
    "limits.depth",
    "limits.plan_tasks",
    "limits.result_bytes",
    "limits.output_lines",
    "limits.tasks_in_flight",
    "limits.connections",
    "limits.unread_bytes",
    "limits.connection_tasks_in_flight",
    "limits.unread_time",
    "limits.message_time",
    "limits.token_tasks_in_flight",
    "limits.idle_time",
    "limits.cleanup_time",
    "limits.address_connections",
    "limits.kept_results",
    "limits.kept_bytes",
    "limits.memory_bytes",
    "tasks.keep",
    "auth.time",
    "auth.tries",
    "limits.connection_requests",
    "limits.client_memory_bytes",
    "limits.functions",
};

}  // namespace

counters::counters(const executor::scheduler& threads)
    : threads_{threads}, workers_{threads.workers()}, places_{std::make_unique<place[]>(workers_ + 1)} {
    static_assert(codes.size() < most_errors && limit_names.size() <= most_limits);
}

void counters::add_at(std::size_t index, std::uint64_t n) noexcept {
    executor::worker* const here = executor::worker::current();
    if (here != nullptr && &here->owner() == &threads_) {
        auto& own = places_[here->index()].numbers[index];
        own.store(own.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);  // nobody else writes it
    } else {
        places_[workers_].numbers[index].fetch_add(n, std::memory_order_relaxed);
    }
}

std::uint64_t counters::sum(std::size_t index) const noexcept {
    std::uint64_t all = 0;
    for (std::size_t i = 0; i <= workers_; ++i) {
        all += places_[i].numbers[index].load(std::memory_order_relaxed);
    }
    return all;
}

void counters::add_answer(std::size_t method, const errc* failed) noexcept {
    const std::size_t how =
        failed == nullptr
            ? 0
            : 1 + static_cast<std::size_t>(std::find(codes.begin(), codes.end(), *failed) - codes.begin());
    add_at(first_answer + method * most_errors + how, 1);
}

void counters::add_request_time(std::chrono::nanoseconds took) noexcept {
    add_at(first_time + latency_bucket(took), 1);
    add_at(all_times, static_cast<std::uint64_t>(took.count()));
}

counters::answer_counts counters::answers(std::size_t method) const {
    const std::size_t first = first_answer + method * most_errors;
    answer_counts all{.results = sum(first)};
    for (std::size_t i = 0; i < codes.size(); ++i) {
        all.errors.emplace_back(codes[i], sum(first + 1 + i));
    }
    return all;
}

latency_histogram counters::request_times() const {
    latency_histogram all;
    for (std::size_t i = 0; i < all.counts.size(); ++i) {
        all.counts[i] = sum(first_time + i);
    }
    all.sum = std::chrono::nanoseconds{sum(all_times)};
    return all;
}

void counters::add_error(const error& reason) noexcept {
    const auto* const found = std::find(codes.begin(), codes.end(), reason.code);
    add_at(first_error + static_cast<std::size_t>(found - codes.begin()), 1);
    if (reason.code == errc::limit_exceeded && reason.data != nullptr) {
        const auto limit = reason.data->find("limit");
        if (limit != reason.data->end() && limit->is_string()) {
            add_limit(limit->get_ref<const std::string&>());
        }
    }
}

void counters::add_limit(std::string_view name, std::uint64_t n) noexcept {
    const auto* const found = std::find(limit_names.begin(), limit_names.end(), name);
    if (found != limit_names.end()) {
        add_at(first_limit + static_cast<std::size_t>(found - limit_names.begin()), n);
    }
}

value counters::events() const {
    value all = value::object();
    for (std::size_t i = 0; i < event_names.size(); ++i) {
        all[std::string{event_names[i]}] = sum(i);
    }
    return all;
}

value counters::errors() const {
    value all = value::object();
    for (std::size_t i = 0; i < codes.size(); ++i) {
        all[std::to_string(static_cast<int>(codes[i]))] = sum(first_error + i);
    }
    return all;
}

value counters::limits_met() const {
    value all = value::object();
    for (std::size_t i = 0; i < limit_names.size(); ++i) {
        all[std::string{limit_names[i]}] = sum(first_limit + i);
    }
    return all;
}

}  // namespace gatherd::api::server
