#include "cli/client/request_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/trace_parent.hpp"
#include "cli/failures.hpp"
#include "config/quantity.hpp"

namespace gatherd::cli {

namespace {

/// The number as JSON spells it, without leading zeros; empty where the text is no such number.
template <typename Number>
std::string respelt(const std::string& text) {
    Number number{};
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    return fault == std::errc{} && end == text.data() + text.size() ? std::to_string(number) : std::string{};
}

}  // namespace

void add_grace_option(CLI::App& app, std::string& grace) {
    grace = std::to_string(default_grace.count()) + "s";
    app.add_option("--grace", grace,
                   "with --timeout: how much longer to wait for the daemon's answer (default " + grace + ")")
        ->type_name("TIME");
}

void time_limit::add_to(CLI::App& app, const std::string& help) {
    app.add_option("--timeout", timeout_, help + ": seconds, or as 250ms, 1.5s, 1m30s")->type_name("TIME");
    add_grace_option(app, grace_);
}

void time_limit::check() const {
    check_all({[this] { static_cast<void>(timeout()); }, [this] { static_cast<void>(time_of("--grace", grace_)); }});
}

std::optional<std::string> time_limit::timeout() const {
    return timeout_.empty() ? std::nullopt : std::optional{seconds_json("--timeout", timeout_)};
}

std::optional<std::chrono::milliseconds> time_limit::patience(std::optional<double> timeout_in_file) const {
    const auto grace = time_of("--grace", grace_);
    if (!timeout_.empty()) {
        return time_of("--timeout", timeout_) + grace;
    }
    constexpr double longest = 100.0 * 366 * 86'400;  // seconds; as parse_duration
    if (!timeout_in_file || *timeout_in_file > longest) {
        return std::nullopt;
    }
    const std::chrono::duration<double> seconds{std::max(*timeout_in_file, 0.0)};
    return std::chrono::ceil<std::chrono::milliseconds>(seconds) + grace;
}

std::string trace_member() {
    const char* const given = std::getenv("TRACEPARENT");
    const api::trace_parent trace{given == nullptr ? std::string_view{} : std::string_view{given}};
    return trace.empty() ? std::string{} : R"(,"traceparent":")" + std::string{trace.text()} + '"';
}

std::string time_limit::members() const {
    const auto limit = timeout();
    return (limit ? R"(,"timeout":)" + *limit : std::string{}) + trace_member();
}

void request_options::add_to(CLI::App& app) {
    time_limit::add_to(app, "cancel it after so long");
    app.add_option("--seed", seed_, "make random numbers and the order of tasks repeatable")->type_name("NUMBER");
}

void request_options::check() const {
    check_all({[this] { time_limit::check(); }, [this] { static_cast<void>(seed()); }});
}

std::optional<std::string> request_options::seed() const {
    return seed_.empty() ? std::nullopt : std::optional{seed_json(seed_)};
}

std::string request_options::members() const {
    const auto number = seed();
    return time_limit::members() + (number ? R"(,"seed":)" + *number : std::string{});
}

std::chrono::milliseconds time_of(const std::string& option, const std::string& text) {
    const auto time = config::parse_duration(text);
    if (!time) {
        throw usage_error{option + ": '" + text + "' is no time: write seconds, or \"250ms\", \"1.5s\", \"2m\""};
    }
    return *time;
}

std::string seconds_json(const std::string& option, const std::string& text) {
    const auto count = time_of(option, text).count();
    auto thousandths = std::to_string(count % 1000);
    return std::to_string(count / 1000) + "." + std::string(3 - thousandths.size(), '0') + thousandths;
}

std::string seed_json(const std::string& text) {
    const auto small = respelt<std::int64_t>(text);
    auto number = small.empty() ? respelt<std::uint64_t>(text) : small;
    if (number.empty()) {
        throw usage_error{"--seed: '" + text + "' is no whole number from -2^63 to 2^64 - 1"};
    }
    return number;
}

}  // namespace gatherd::cli
