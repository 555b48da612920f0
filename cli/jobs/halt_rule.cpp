#include "cli/jobs/halt_rule.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "cli/failures.hpp"

namespace gatherd::cli::jobs {

namespace {

constexpr int most_failures = 101;  // what a status tells: more than 100

std::string in_full(const std::string& text) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> old{
        {{"0", "never"}, {"1", "soon,fail=1"}, {"2", "now,fail=1"}, {"-1", "soon,success=1"}, {"-2", "now,success=1"}}};
    const auto* const found = std::ranges::find(old, text, &std::pair<std::string_view, std::string_view>::first);
    if (found != old.end()) {
        return std::string{found->second};
    }
    return text.ends_with('%') && text.find(',') == std::string::npos ? "soon,fail=" + text : text;
}

}  // namespace

halt_rule::halt_rule(const std::string& text) {
    if (text == "never" || text == "0") {
        return;
    }
    const auto refuse = [&text] {
        throw usage_error{
            "--halt: '" + text +
            "' is not never, or now or soon, a comma, and fail=N, success=N or done=N: now,fail=1, soon,fail=20%"};
    };
    const auto whole = in_full(text);
    const auto comma = whole.find(',');
    const auto equals = whole.find('=');
    if (comma == std::string::npos || equals == std::string::npos || equals < comma) {
        refuse();
    }
    const auto when = whole.substr(0, comma);
    const auto counted = whole.substr(comma + 1, equals - comma - 1);
    auto number = whole.substr(equals + 1);
    if (number.ends_with('%')) {
        is_percentage_ = true;
        number.pop_back();
    }
    const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), number_);
    constexpr std::uint64_t all = 100;
    const bool is_good = (when == "now" || when == "soon") &&
                         (counted == "fail" || counted == "success" || counted == "done") && fault == std::errc{} &&
                         end == number.data() + number.size() && number_ > 0 && (!is_percentage_ || number_ <= all);
    if (!is_good) {
        refuse();
    }
    when_ = when == "now" ? action::now : action::soon;
    counted_ = counted == "fail" ? what::fail : counted == "success" ? what::success : what::done;
}

halt_rule::action halt_rule::after(std::uint64_t done, std::uint64_t failed, std::optional<std::uint64_t> total) const {
    if (is_never() || (is_percentage_ && !total)) {
        return action::none;
    }
    const auto count = counted_ == what::fail ? failed : counted_ == what::success ? done - failed : done;
    constexpr double all = 100;
    const bool is_reached =
        is_percentage_ ? static_cast<double>(count) * all >= static_cast<double>(number_) * static_cast<double>(*total)
                       : count >= number_;
    return is_reached && count > 0 ? when_ : action::none;
}

int halt_rule::exit_status(std::optional<int> stopped_by, std::uint64_t total, std::uint64_t failed) const {
    const int failures = static_cast<int>(std::min<std::uint64_t>(failed, most_failures));
    if (is_never()) {
        return failures;
    }
    if (stopped_by && counted_ == what::success) {
        return 0;
    }
    constexpr std::uint64_t all = 100;
    if (stopped_by && is_percentage_ && number_ * total == all) {
        return *stopped_by;  // a percentage that is one job
    }
    if (is_percentage_) {
        const auto of_all = std::max<std::uint64_t>(total, 1);
        return static_cast<int>((failed * all + of_all - 1) / of_all);
    }
    return stopped_by && number_ == 1 ? *stopped_by : failures;
}

}  // namespace gatherd::cli::jobs
