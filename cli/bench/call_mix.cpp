#include "cli/bench/call_mix.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "cli/failures.hpp"

namespace gatherd::cli::bench {

namespace {

using json = nlohmann::ordered_json;

constexpr std::uint64_t most_weight = 1000;

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
    throw usage_error{"--mix: '" + std::string{text} + "': " + why + R"(; write it as noop or add[1,2]=3,echo["x"])"};
}

/// Where the first of these characters stands outside brackets and texts, or the end.
std::size_t find_outside(std::string_view text, char wanted) {
    int depth = 0;
    bool in_text = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_text) {
            i += c == '\\' ? 1 : 0;
            in_text = c != '"';
        } else if (depth == 0 && c == wanted) {
            return i;
        } else {
            in_text = c == '"';
            depth += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
        }
    }
    return text.size();
}

std::uint64_t parse_weight(std::string_view whole, std::string_view text) {
    std::uint64_t weight = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), weight);
    if (fault != std::errc{} || end != text.data() + text.size() || weight == 0 || weight > most_weight) {
        refuse(whole, "a weight is a number from 1 to " + std::to_string(most_weight));
    }
    return weight;
}

/// What the functions give whose meaning a client can be sure of.
std::optional<std::string> result_of(const std::string& function, const json& args) {
    if (function == "noop" && args.empty()) {
        return "null";
    }
    if (function == "echo" && args.size() == 1) {
        return args[0].dump();
    }
    if (function == "sleep" && !args.empty() && args.size() <= 2) {
        return args.size() == 2 ? args[1].dump() : "null";
    }
    if (function == "add") {
        constexpr std::int64_t most = 1'000'000'000;  // far from any overflow
        std::int64_t sum = 0;
        for (const auto& each : args) {
            if (!each.is_number_integer() || each > most || each < -most) {
                return std::nullopt;
            }
            sum += each.get<std::int64_t>();
        }
        return std::to_string(sum);
    }
    return std::nullopt;
}

mixed_call parse_call(std::string_view text) {
    mixed_call call;
    auto named = text.substr(0, find_outside(text, '='));
    if (named.size() < text.size()) {
        call.weight = parse_weight(text, text.substr(named.size() + 1));
    }
    const auto bracket = std::min(named.find('['), named.size());
    call.function = named.substr(0, bracket);
    call.args = bracket == named.size() ? "[]" : named.substr(bracket);
    if (call.function.empty() || call.function.find_first_of("\"\\{}] ") != std::string::npos) {
        refuse(text, "the name of a function is expected");
    }
    const auto args = json::parse(call.args, nullptr, false);
    if (!args.is_array()) {
        refuse(text, "the arguments are a JSON array");
    }
    call.result = result_of(call.function, args);
    return call;
}

}  // namespace

std::vector<mixed_call> parse_mix(std::string_view text) {
    std::vector<mixed_call> mix;
    for (auto rest = text;;) {
        const auto size = find_outside(rest, ',');
        mix.push_back(parse_call(rest.substr(0, size)));
        if (size == rest.size()) {
            return mix;
        }
        rest.remove_prefix(size + 1);
    }
}

}  // namespace gatherd::cli::bench
