#include "cli/request_options.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>

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

void request_options::add_to(CLI::App& app) {
    app.add_option("--timeout", timeout_, "cancel it after so long: seconds, or as 250ms, 1.5s, 2m")->type_name("TIME");
    app.add_option("--seed", seed_, "make random numbers and the order of tasks repeatable")->type_name("NUMBER");
}

std::optional<std::string> request_options::timeout() const {
    return timeout_.empty() ? std::nullopt : std::optional{seconds_json(timeout_)};
}

std::optional<std::string> request_options::seed() const {
    return seed_.empty() ? std::nullopt : std::optional{seed_json(seed_)};
}

std::string seconds_json(const std::string& text) {
    const auto time = config::parse_duration(text);
    if (!time) {
        throw usage_error{"--timeout: '" + text + "' is no time: write seconds, or \"250ms\", \"1.5s\", \"2m\""};
    }
    const auto count = time->count();
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
