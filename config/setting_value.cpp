#include "config/setting_value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "config/json_text.hpp"
#include "config/quantity.hpp"

namespace gatherd::config {

namespace {

using json = nlohmann::ordered_json;

constexpr int octal = 8;
constexpr std::size_t mode_digits = 3;
constexpr std::uint64_t most_mode = 0777;

/// As JSON; bytes that are no UTF-8, which a flag may hold, are replaced.
std::string dumped(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Enough of a text to be recognised in a message, cut between two characters. As api/shortened.hpp, which config does
/// not know.
std::string clipped(std::string text) {
    std::size_t most = 80;
    if (text.size() > most) {
        while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) {
            --most;
        }
        text.resize(most);
        text += "...";
    }
    return text;
}

std::string join(std::span<const std::string_view> words) {
    std::string line;
    for (const auto word : words) {
        line += (line.empty() ? "" : ", ") + std::string{word};
    }
    return line;
}

std::string with_zero(std::string range, word_for_zero zero) {
    return zero.empty() ? range : "0 or " + std::string{zero} + ", " + range;
}

// One overload for each kind of field: what it is called, its range, its value as text, and the reading of a text.

std::string_view type_of(const count_field&) {
    return "number";
}
std::string_view type_of(const bytes_field&) {
    return "size";
}
std::string_view type_of(const duration_field&) {
    return "time";
}
std::string_view type_of(const text_field&) {
    return "text";
}
std::string_view type_of(const mode_field&) {
    return "mode";
}
std::string_view type_of(const switch_field&) {
    return "switch";
}
std::string_view type_of(const tokens_field&) {
    return "tokens";
}
std::string_view type_of(const pools_field&) {
    return "pools";
}
std::string_view type_of(const texts_field&) {
    return "texts";
}
std::string_view type_of(const folders_field&) {
    return "folders";
}
std::string_view type_of(const word_field& f) {
    return f.type;
}
std::string_view type_of(const addresses_field&) {
    return "addresses";
}
std::string_view type_of(const admin_address_field&) {
    return "address";
}

std::string range_of(const count_field& f) {
    const auto least = f.zero.empty() ? f.least : std::max<std::uint64_t>(f.least, 1);
    return with_zero(std::to_string(least) + " to " + std::to_string(f.most), f.zero);
}
std::string range_of(const bytes_field& f) {
    return with_zero(bytes_text(f.least) + " to " + bytes_text(f.most), f.zero);
}
std::string range_of(const duration_field& f) {
    const auto least = f.zero.empty() ? f.least : std::max(f.least, std::chrono::milliseconds{1});
    return with_zero(duration_text(least) + " to " + duration_text(f.most), f.zero);
}
std::string range_of(const text_field&) {
    return {};
}
std::string range_of(const mode_field&) {
    return "000 to 777";
}
std::string range_of(const switch_field&) {
    return "yes, no";
}
std::string range_of(const tokens_field&) {
    return {};
}
std::string range_of(const pools_field&) {
    return {};
}
std::string range_of(const texts_field&) {
    return {};
}
std::string range_of(const folders_field&) {
    return {};
}
std::string range_of(const word_field& f) {
    return join(f.words);
}
std::string range_of(const addresses_field&) {
    return {};
}
std::string range_of(const admin_address_field&) {
    return {};
}

std::string wanted_of(const count_field& f) {
    return "a whole number (" + range_of(f) + ")";
}
std::string wanted_of(const bytes_field& f) {
    return R"(a size as 512, "64KiB" or "1MB" ()" + range_of(f) + ")";
}
std::string wanted_of(const duration_field& f) {
    return R"(a time as "250ms", "1.5s", "2m", "1h" or a number of seconds ()" + range_of(f) + ")";
}
std::string wanted_of(const text_field&) {
    return "text";
}
std::string wanted_of(const mode_field& f) {
    return R"(a text of octal digits, as "660" ()" + range_of(f) + ")";
}
std::string wanted_of(const switch_field&) {
    return "yes or no";
}
std::string wanted_of(const tokens_field&) {
    return R"(a list of tokens, as [{"name": "ci", "sha256": "9f86..", "rights": ["submit"]}])";
}
std::string wanted_of(const pools_field&) {
    return R"(an object of pools, as {"img": {"command": ["python3", "tasks.py"]}})";
}
std::string wanted_of(const texts_field&) {
    return R"(a list of texts, as ["convert", "/usr/bin/env"], or one text with commas between)";
}
std::string wanted_of(const folders_field&) {
    return R"(names with absolute folders, as {"data": "/srv/data"} or "data=/srv/data,logs=/var/log")";
}
std::string wanted_of(const word_field& f) {
    return "one of " + range_of(f);
}
std::string wanted_of(const addresses_field&) {
    return "host:port, as 127.0.0.1:7117 or [::1]:7117, unix:/path, systemd, one of them behind tls:, or a list of "
           "them";
}
std::string wanted_of(const admin_address_field&) {
    return "host:port, as 127.0.0.1:7118 or [::1]:7118";
}

std::string text_of(const count_field& f, settings& from) {
    const auto value = f.of(from);
    return value == 0 && !f.zero.empty() ? std::string{f.zero} : std::to_string(value);
}
std::string text_of(const bytes_field& f, settings& from) {
    const auto value = f.of(from);
    return value == 0 && !f.zero.empty() ? std::string{f.zero} : bytes_text(value);
}
std::string text_of(const duration_field& f, settings& from) {
    const auto value = f.of(from);
    return value.count() == 0 && !f.zero.empty() ? std::string{f.zero} : duration_text(value);
}
std::string text_of(const text_field& f, settings& from) {
    return f.of(from);
}
std::string text_of(const mode_field& f, settings& from) {
    std::array<char, 8> digits{};
    const auto [end, fault] = std::to_chars(digits.data(), digits.data() + digits.size(), f.of(from), octal);
    const std::string text{digits.data(), end};
    return std::string(mode_digits - std::min(mode_digits, text.size()), '0') + text;
}
std::string text_of(const switch_field& f, settings& from) {
    return f.of(from) ? "yes" : "no";
}
std::string text_of(const tokens_field& f, settings& from) {
    return to_json(f.of(from)).dump();
}
std::string text_of(const pools_field& f, settings& from) {
    return to_json(f.of(from)).dump(-1, ' ', false, json::error_handler_t::replace);
}
std::string text_of(const texts_field& f, settings& from) {
    std::string line;
    for (const auto& each : f.of(from)) {
        line += (line.empty() ? "" : ",") + each;
    }
    return line;
}
std::string text_of(const folders_field& f, settings& from) {
    std::string line;
    for (const auto& [name, folder] : f.of(from)) {
        line += (line.empty() ? "" : ",") + name + "=" + folder;
    }
    return line;
}
std::string text_of(const word_field& f, settings& from) {
    return std::string{f.words[f.get(from)]};
}
std::string text_of(const addresses_field& f, settings& from) {
    std::string line;
    for (const auto& each : f.of(from)) {
        line += (line.empty() ? "" : ",") + to_text(each);
    }
    return line;
}

std::string text_of(const admin_address_field& f, settings& from) {
    const auto& where = f.of(from);
    return where ? to_text(*where) : std::string{};
}

template <typename Field>
std::string is_not(const Field& f, std::string_view shown) {
    // Tokens, and environments of pools, are secrets: an error does not repeat them.
    constexpr bool is_secret = std::is_same_v<Field, tokens_field> || std::is_same_v<Field, pools_field>;
    return std::string{is_secret ? "what was given" : shown} + " is not " + wanted_of(f);
}

template <typename Field, typename Value>
value_fault keep_in_range(const Field& f, const Value& value, std::string_view shown, settings& into) {
    if (value < f.least || value > f.most) {
        return std::string{shown} + " is out of range (" + range_of(f) + ")";
    }
    f.of(into) = value;
    return std::nullopt;
}

value_fault assign(const count_field& f, std::string_view text, std::string_view shown, settings& into) {
    std::uint64_t value = 0;
    const auto* last = text.data() + text.size();
    const auto [end, fault] = std::from_chars(text.data(), last, value);
    const bool word = !f.zero.empty() && text == f.zero;
    if (fault == std::errc::result_out_of_range) {
        return std::string{shown} + " is out of range (" + range_of(f) + ")";
    }
    if (!word && (fault != std::errc{} || end != last)) {
        return is_not(f, shown);
    }
    return keep_in_range(f, word ? 0 : value, shown, into);
}

value_fault assign(const bytes_field& f, std::string_view text, std::string_view shown, settings& into) {
    const bool word = !f.zero.empty() && (text == f.zero || text == "0");
    if (word) {
        f.of(into) = 0;
        return std::nullopt;
    }
    const auto value = parse_bytes(text);
    if (!value) {
        return is_not(f, shown);
    }
    return keep_in_range(f, *value, shown, into);
}

value_fault assign(const duration_field& f, std::string_view text, std::string_view shown, settings& into) {
    const bool word = !f.zero.empty() && text == f.zero;
    const auto value = word ? std::chrono::milliseconds{0} : parse_duration(text);
    if (!value) {
        return is_not(f, shown);
    }
    return keep_in_range(f, *value, shown, into);
}

value_fault assign(const text_field& f, std::string_view text, std::string_view shown, settings& into) {
    if (text.find('\0') != std::string_view::npos) {
        return std::string{shown} + " holds a NUL, which no file name can";
    }
    f.of(into) = text;
    return std::nullopt;
}

value_fault assign(const mode_field& f, std::string_view text, std::string_view shown, settings& into) {
    std::uint64_t value = 0;
    const auto* last = text.data() + text.size();
    const auto [end, fault] = std::from_chars(text.data(), last, value, octal);
    if (fault != std::errc{} || end != last || text.size() < mode_digits || text.size() > mode_digits + 1 ||
        value > most_mode) {
        return is_not(f, shown);
    }
    f.of(into) = value;
    return std::nullopt;
}

value_fault assign(const switch_field& f, std::string_view text, std::string_view shown, settings& into) {
    const bool on = text == "yes" || text == "true";
    if (!on && text != "no" && text != "false") {
        return is_not(f, shown);
    }
    f.of(into) = on;
    return std::nullopt;
}

value_fault assign(const tokens_field& f, std::string_view text, std::string_view shown, settings& into) {
    const auto given = read_json_text(text);
    if (const auto* const fault = std::get_if<std::string>(&given)) {
        return is_not(f, shown) + ": " + *fault;
    }
    const auto& parsed = std::get<json>(given);
    if (!parsed.is_array()) {
        return is_not(f, shown);
    }
    auto read = read_tokens(parsed);
    if (auto* const fault = std::get_if<std::string>(&read)) {
        return *fault;
    }
    f.of(into) = std::get<std::vector<token>>(std::move(read));
    return std::nullopt;
}

/// The parts of a text between commas, without the spaces around them; none of an empty one.
std::vector<std::string> parts_of(std::string_view text) {
    std::vector<std::string> parts;
    for (bool more = !text.empty(); more;) {
        const auto comma = text.find(',');
        auto each = text.substr(0, comma);
        each.remove_prefix(std::min(each.find_first_not_of(' '), each.size()));
        each.remove_suffix(each.size() - std::min(each.find_last_not_of(' ') + 1, each.size()));
        parts.emplace_back(each);
        more = comma != std::string_view::npos;
        text.remove_prefix(more ? comma + 1 : text.size());
    }
    return parts;
}

value_fault assign(const pools_field& f, std::string_view text, std::string_view shown, settings& into) {
    const auto given = read_json_text(text);
    if (const auto* const fault = std::get_if<std::string>(&given)) {
        return is_not(f, shown) + ": " + *fault;
    }
    const auto& parsed = std::get<json>(given);
    if (!parsed.is_object()) {
        return is_not(f, shown);
    }
    auto read = read_pools(parsed);
    if (auto* const fault = std::get_if<std::string>(&read)) {
        return *fault;
    }
    f.of(into) = std::get<std::vector<pool>>(std::move(read));
    return std::nullopt;
}

value_fault assign(const texts_field& f, std::string_view text, std::string_view shown, settings& into) {
    auto all = parts_of(text);
    const auto is_bad = [](const std::string& each) { return each.empty() || each.find('\0') != std::string::npos; };
    if (std::ranges::any_of(all, is_bad)) {
        return std::string{shown} + " has an item that is empty or holds a NUL";
    }
    if (f.is_item != nullptr) {
        if (const auto wrong = std::ranges::find_if_not(all, f.is_item); wrong != all.end()) {
            return clipped(dumped(json(*wrong))) + " is not " + std::string{f.item_is};
        }
    }
    f.of(into) = std::move(all);
    return std::nullopt;
}

value_fault assign(const folders_field& f, std::string_view text, std::string_view shown, settings& into) {
    std::map<std::string, std::string> all;
    for (const auto& each : parts_of(text)) {
        const auto equals = std::min(each.find('='), each.size());
        const auto name = each.substr(0, equals);
        const auto folder = each.substr(std::min(equals + 1, each.size()));
        const bool is_name = !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
        if (!is_name || !folder.starts_with('/') || each.find('\0') != std::string::npos) {
            return is_not(f, shown);
        }
        if (!all.emplace(name, folder).second) {
            return std::string{shown} + " names '" + name + "' twice";
        }
    }
    f.of(into) = std::move(all);
    return std::nullopt;
}

value_fault assign(const word_field& f, std::string_view text, std::string_view shown, settings& into) {
    const auto found = std::ranges::find(f.words, text);
    if (found == f.words.end()) {
        return is_not(f, shown);
    }
    f.set(into, static_cast<std::size_t>(found - f.words.begin()));
    return std::nullopt;
}

value_fault assign(const addresses_field& f, std::string_view text, std::string_view shown, settings& into) {
    std::vector<address> all;
    for (bool more = true; more;) {
        const auto comma = text.find(',');
        auto each = text.substr(0, comma);
        each.remove_prefix(std::min(each.find_first_not_of(' '), each.size()));
        each.remove_suffix(each.size() - std::min(each.find_last_not_of(' ') + 1, each.size()));
        const auto parsed = parse_address(each);
        if (!parsed) {
            return is_not(f, shown);
        }
        const bool is_any_port = parsed->is == address::kind::tcp && parsed->port == 0;  // of which there are many
        if (std::ranges::find(all, *parsed) != all.end() && !is_any_port) {
            return std::string{shown} + " names " + to_text(*parsed) + " twice";
        }
        all.push_back(*parsed);
        more = comma != std::string_view::npos;
        text.remove_prefix(more ? comma + 1 : text.size());
    }
    f.of(into) = std::move(all);
    return std::nullopt;
}

value_fault assign(const admin_address_field& f, std::string_view text, std::string_view shown, settings& into) {
    const auto parsed = text.empty() ? std::nullopt : parse_address(text);
    if (!text.empty() && (!parsed || parsed->is != address::kind::tcp || parsed->tls)) {
        return is_not(f, shown);
    }
    f.of(into) = parsed;
    return std::nullopt;
}

/// What a JSON value would be as text, or nothing where no text can stand for it.
std::optional<std::string> as_text(const setting& which, const json& value) {
    const bool number_goes = std::holds_alternative<count_field>(which.field) ||
                             std::holds_alternative<bytes_field>(which.field) ||
                             std::holds_alternative<duration_field>(which.field);
    if (std::holds_alternative<switch_field>(which.field) && value.is_boolean()) {
        return value.get<bool>() ? "yes" : "no";
    }
    if (std::holds_alternative<tokens_field>(which.field)) {
        return value.is_array() ? std::optional{dumped(value)} : std::nullopt;
    }
    if (std::holds_alternative<pools_field>(which.field)) {
        return value.is_object() ? std::optional{dumped(value)} : std::nullopt;
    }
    if (number_goes && value.is_number()) {
        return value.dump();
    }
    if (std::holds_alternative<addresses_field>(which.field) && value.is_array()) {
        std::string line;
        for (const auto& each : value) {
            if (!each.is_string()) {
                return std::nullopt;
            }
            line += (line.empty() ? "" : ",") + each.get<std::string>();
        }
        return line;
    }
    if (std::holds_alternative<texts_field>(which.field) && value.is_array()) {
        std::string line;
        for (const auto& each : value) {
            if (!each.is_string() || each.get_ref<const std::string&>().find(',') != std::string::npos) {
                return std::nullopt;
            }
            line += (&each == &value.front() ? "" : ",") + each.get<std::string>();
        }
        return line;
    }
    if (std::holds_alternative<folders_field>(which.field) && value.is_object()) {
        std::string line;
        for (const auto& [name, folder] : value.items()) {
            if (!folder.is_string() || (name + folder.get<std::string>()).find_first_of(",") != std::string::npos ||
                name.find('=') != std::string::npos) {
                return std::nullopt;
            }
            line += (line.empty() ? "" : ",") + name + "=" + folder.get<std::string>();
        }
        return line;
    }
    const auto* const count = std::get_if<count_field>(&which.field);
    const bool text_goes = count == nullptr || (!count->zero.empty() && value == json(count->zero));
    return value.is_string() && text_goes ? std::optional{value.get<std::string>()} : std::nullopt;
}

}  // namespace

value_fault assign_text(const setting& which, std::string_view text, settings& into) {
    return std::visit([&](const auto& field) { return assign(field, text, clipped(dumped(json(text))), into); },
                      which.field);
}

value_fault assign_json(const setting& which, const json& value, settings& into) {
    const auto shown = value.is_object() ? std::string{"an object"} : clipped(dumped(value));
    const auto text = as_text(which, value);
    return std::visit(
        [&](const auto& field) -> value_fault {
            return text ? assign(field, *text, shown, into) : is_not(field, shown);
        },
        which.field);
}

std::string value_text(const setting& which, const settings& from) {
    auto copy = from;  // the accessors give references for writing
    return std::visit([&](const auto& field) { return text_of(field, copy); }, which.field);
}

json value_json(const setting& which, const settings& from) {
    auto copy = from;
    if (const auto* const count = std::get_if<count_field>(&which.field)) {
        return count->of(copy);
    }
    if (const auto* const list = std::get_if<tokens_field>(&which.field)) {
        return to_json(list->of(copy));
    }
    if (const auto* const list = std::get_if<pools_field>(&which.field)) {
        return to_json(list->of(copy));
    }
    if (const auto* const list = std::get_if<texts_field>(&which.field)) {
        return list->of(copy);
    }
    if (const auto* const folders = std::get_if<folders_field>(&which.field)) {
        json all = json::object();
        for (const auto& [name, folder] : folders->of(copy)) {
            all[name] = folder;
        }
        return all;
    }
    if (const auto* const list = std::get_if<addresses_field>(&which.field)) {
        json all = json::array();
        for (const auto& each : list->of(copy)) {
            all.push_back(to_text(each));
        }
        return all.size() == 1 ? all.front() : all;
    }
    return value_text(which, from);
}

std::string_view type_name(const setting& which) {
    return std::visit([](const auto& field) { return type_of(field); }, which.field);
}

std::string range_text(const setting& which) {
    return std::visit([](const auto& field) { return range_of(field); }, which.field);
}

}  // namespace gatherd::config
