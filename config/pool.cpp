#include "config/pool.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "config/quantity.hpp"

namespace gatherd::config {

namespace {

using json = nlohmann::ordered_json;
using milliseconds = std::chrono::milliseconds;

constexpr std::size_t most_name_bytes = 64;
constexpr std::size_t most_pools = 100;
constexpr std::uint64_t most_processes = 1'000;
constexpr std::uint64_t most_concurrency = 1024;
constexpr std::uint64_t most_calls = 1'000'000'000'000;
constexpr milliseconds longest = std::chrono::hours{24 * 365};
constexpr milliseconds shortest{1};
constexpr std::uint64_t least_memory = std::uint64_t{1} << 20;

bool is_pool_name(std::string_view text) {
    const auto is_good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.';
    };
    return !text.empty() && text.size() <= most_name_bytes && std::ranges::all_of(text, is_good);
}

bool is_plain_text(const json& value) {
    return value.is_string() && value.get_ref<const std::string&>().find('\0') == std::string::npos;
}

/// Each gives what is expected, or nothing if it was there.
std::string read_count(const json& value, std::uint64_t least, std::uint64_t most, std::uint64_t& into) {
    const bool good = value.is_number_integer() && value >= least && value <= most;
    into = good ? value.get<std::uint64_t>() : into;
    return good ? "" : "a whole number (" + std::to_string(least) + " to " + std::to_string(most) + ")";
}

std::string read_time(const json& value, milliseconds least, milliseconds& into) {
    const auto text = value.is_string() ? value.get<std::string>() : value.is_number() ? value.dump() : std::string{};
    const auto time = parse_duration(text);
    const bool good = time && *time >= least && *time <= longest;
    into = good ? *time : into;
    return good ? "" : R"(a time as "250ms", "1.5s", "2m", "1h" or a number of seconds)";
}

std::string read_texts(const json& value, bool may_be_empty, std::vector<std::string>& into) {
    const bool good = value.is_array() && (may_be_empty || !value.empty()) && std::ranges::all_of(value, is_plain_text);
    into = good ? value.get<std::vector<std::string>>() : into;
    return good ? "" : "a list of texts";
}

bool is_off(const json& value) {
    return value.is_null() || value == "off";
}

std::string read_processes(const json& value, pool& into) {
    if (value == "auto") {
        into.processes = 0;
        return {};
    }
    const auto wanted = read_count(value, 1, most_processes, into.processes);
    return wanted.empty() ? wanted : wanted + " or auto, one a CPU";
}

std::string read_command(const json& value, pool& into) {
    const auto wanted = read_texts(value, false, into.command);
    return wanted.empty() && !into.command.front().empty()
               ? ""
               : R"(the program and its arguments, as ["python3", "tasks.py"])";
}

std::string read_functions(const json& value, pool& into) {
    const auto is_function = [](const std::string& name) {
        constexpr std::size_t most_bytes = 128;
        const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
        return !name.empty() && name.size() <= most_bytes && is_letter(name.front()) &&
               std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '.'; });
    };
    const auto wanted = read_texts(value, true, into.functions);
    return wanted.empty() && std::ranges::all_of(into.functions, is_function) ? "" : "a list of names of functions";
}

std::string read_env(const json& value, pool& into) {
    bool good = value.is_object();
    if (good) {
        for (const auto& [name, text] : value.items()) {
            const bool is_name = !name.empty() && name.find_first_of(std::string_view{"=\0", 2}) == std::string::npos &&
                                 !name.starts_with("GATHERD_");
            good = good && is_name && (is_plain_text(text) || text.is_null());
            if (good) {
                into.env.insert_or_assign(name, text.is_null() ? std::nullopt : std::optional{text.get<std::string>()});
            }
        }
    }
    return good ? "" : R"(an object of texts or null, as {"LANG": "C.UTF-8"}, without names that begin with GATHERD_)";
}

std::string read_memory(const json& value, pool& into) {
    const auto text = value.is_string() ? value.get<std::string>() : value.is_number() ? value.dump() : std::string{};
    const auto bytes = parse_bytes(text);
    into.max_memory = bytes.value_or(0);
    return bytes && *bytes >= least_memory ? "" : R"(a size as "512MiB", 1MiB or more)";
}

// Members of the same kind: a reader and a schema for each kind.

template <std::string pool::*Member>
std::string read_text(const json& value, pool& into) {
    const bool good = is_plain_text(value) && !value.get_ref<const std::string&>().empty();
    into.*Member = good ? value.get<std::string>() : "";
    return good ? "" : "a text that is not empty";
}

json text_schema() {
    return {{"type", "string"}, {"minLength", 1}};
}

template <std::uint64_t pool::*Member, std::uint64_t Most>
std::string read_number(const json& value, pool& into) {
    return read_count(value, 1, Most, into.*Member);
}

template <std::uint64_t Most>
json number_schema() {
    return {{"type", "integer"}, {"minimum", 1}, {"maximum", Most}};
}

template <milliseconds pool::*Member, std::int64_t Least = shortest.count()>
std::string read_milliseconds(const json& value, pool& into) {
    return read_time(value, milliseconds{Least}, into.*Member);
}

template <std::int64_t Least = shortest.count()>
json time_schema() {
    constexpr double millisecond = 0.001;
    constexpr auto most = std::chrono::duration_cast<std::chrono::seconds>(longest).count();
    return {{"anyOf",
             {{{"type", "number"}, {"minimum", static_cast<double>(Least) * millisecond}, {"maximum", most}},
              {{"type", "string"}, {"pattern", duration_pattern(milliseconds{Least}, longest)}}}}};
}

/// A member of a pool: its name, how it is read, and what a schema says of it.
struct pool_member {
    std::string_view name;
    std::string (*read)(const json& value, pool& into);  // what is expected of a value that is something else
    json (*schema)();
    bool may_be_off = true;  // null or "off", as if it were not there
};

constexpr std::array<pool_member, 15> pool_members{{
    {"command", read_command,
     [] {
         return json{{"type", "array"}, {"items", {{"type", "string"}}}, {"minItems", 1}};
     },
     false},
    {"processes", read_processes,
     [] {
         return json{{"anyOf", {number_schema<most_processes>(), {{"const", "auto"}}}}};
     },
     false},
    {"functions", read_functions,
     [] {
         return json{{"type", "array"},
                     {"uniqueItems", true},
                     {"items", {{"type", "string"}, {"pattern", "^[A-Za-z_][A-Za-z0-9_.]{0,127}$"}}}};
     }},
    {"concurrency", read_number<&pool::concurrency, most_concurrency>, number_schema<most_concurrency>},
    {"env", read_env,
     [] {
         return json{{"type", "object"},
                     {"propertyNames", {{"pattern", "^(?!GATHERD_)[^=]+$"}}},
                     {"additionalProperties", {{"type", {"string", "null"}}}}};
     }},
    {"cwd", read_text<&pool::cwd>, text_schema},
    {"user", read_text<&pool::user>, text_schema},
    {"max_calls", read_number<&pool::max_calls, most_calls>, number_schema<most_calls>},
    {"max_memory", read_memory,
     [] {
         return json{{"anyOf",
                      {{{"type", "integer"}, {"minimum", least_memory}},
                       {{"type", "string"}, {"pattern", bytes_pattern(least_memory, std::uint64_t(-1))}}}}};
     }},
    {"max_age", read_milliseconds<&pool::max_age>, time_schema},
    {"start_time", read_milliseconds<&pool::start_time>, time_schema},
    {"cancel_time",
     [](const json& value, pool& into) { return read_time(value, shortest, into.cancel_time.emplace()); }, time_schema},
    {"drain_time", read_milliseconds<&pool::drain_time, 0>, time_schema<0>},
    {"restart_min", read_milliseconds<&pool::restart_min>, time_schema},
    {"restart_max", read_milliseconds<&pool::restart_max>, time_schema},
}};

std::string all_members() {
    std::string all;
    for (const pool_member& each : pool_members) {
        all += (all.empty() ? "" : ", ") + std::string{each.name};
    }
    return all;
}

/// The words of a command; none where a quote is not closed.
std::optional<std::vector<std::string>> split(std::string_view command) {
    std::vector<std::string> words;
    bool is_in_word = false;
    char quote = 0;
    for (std::size_t i = 0; i < command.size(); ++i) {
        const char each = command[i];
        if (quote == 0 && (each == ' ' || each == '\t' || each == '\n')) {
            is_in_word = false;
            continue;
        }
        if (!is_in_word) {
            words.emplace_back();
            is_in_word = true;
        }
        if (quote == 0 && (each == '\'' || each == '"')) {
            quote = each;
        } else if (quote != 0 && each == quote) {
            quote = 0;
        } else if (each == '\\' && quote != '\'' && i + 1 < command.size()) {
            words.back() += command[++i];
        } else {
            words.back() += each;
        }
    }
    return quote == 0 ? std::optional{words} : std::nullopt;
}

/// "python3 -u lib/tasks.py" is "tasks"; "./worker" is "worker".
std::string name_of(const std::vector<std::string>& words) {
    const auto is_script = [](const std::string& word) {
        return word.ends_with(".py") || word.ends_with(".js") || word.ends_with(".mjs") || word.ends_with(".php") ||
               word.ends_with(".sh");
    };
    const auto script = std::ranges::find_if(words, is_script);
    std::string name = script == words.end() ? words.front() : script->substr(0, script->rfind('.'));
    name.erase(0, name.find_last_of('/') + 1);
    std::ranges::replace_if(
        name,
        [](char c) {
            return !is_pool_name(std::string_view{&c, 1});
        },
        '_');
    name.resize(std::min(name.size(), most_name_bytes / 2));
    return name.empty() ? "pool" : name;
}

}  // namespace

std::variant<std::vector<pool>, std::string> read_pools(const json& object) {
    if (!object.is_object()) {
        return R"(not an object of pools, as {"img": {"command": ["python3", "tasks.py"]}})";
    }
    if (object.size() > most_pools) {
        return "there are at most " + std::to_string(most_pools) + " pools";
    }
    std::vector<pool> all;
    for (const auto& [name, members] : object.items()) {
        if (!is_pool_name(name)) {
            return "'" + name.substr(0, most_name_bytes) +
                   "' is no name of a pool: letters, digits, '_', '-' and '.', up to 64";
        }
        if (!members.is_object()) {
            return name + R"(: not an object, as {"command": ["python3", "tasks.py"]})";
        }
        pool read{.name = name};
        for (const auto& [key, value] : members.items()) {
            const auto* const member = std::ranges::find(pool_members, key, &pool_member::name);
            if (member == pool_members.end()) {
                return name + ": unknown member '" + key.substr(0, most_name_bytes) + "'; there are " + all_members();
            }
            if (member->may_be_off && is_off(value)) {
                continue;
            }
            if (const auto wanted = member->read(value, read); !wanted.empty()) {
                return name + "." + key + " must be " + wanted;
            }
        }
        if (read.command.empty()) {
            return name + R"(: it needs a command, as ["python3", "tasks.py"])";
        }
        if (read.restart_max < read.restart_min) {
            read.restart_min = members.contains("restart_min") ? read.restart_min : read.restart_max;
            if (read.restart_max < read.restart_min) {
                return name + ": restart_max is less than restart_min";
            }
        }
        for (std::size_t i = 0; i < read.functions.size(); ++i) {
            if (std::ranges::count(std::span{read.functions}.first(i), read.functions[i]) > 0) {
                return name + ".functions: " + read.functions[i] + " is there twice";
            }
        }
        for (const pool& other : all) {
            for (const std::string& each : read.functions) {
                if (std::ranges::count(other.functions, each) > 0) {
                    return name + ".functions: " + each + " is a function of pool " + other.name + " already";
                }
            }
        }
        all.push_back(std::move(read));
    }
    return all;
}

json pools_schema() {
    json members = json::object();
    for (const pool_member& each : pool_members) {
        json schema = each.schema();
        members[std::string{each.name}] =
            each.may_be_off ? json{{"anyOf", {std::move(schema), {{"enum", {nullptr, "off"}}}}}} : std::move(schema);
    }
    return {{"type", "object"},
            {"propertyNames", {{"pattern", "^[A-Za-z0-9_.-]{1," + std::to_string(most_name_bytes) + "}$"}}},
            {"maxProperties", most_pools},
            {"additionalProperties",
             {{"type", "object"},
              {"additionalProperties", false},
              {"required", json::array({"command"})},
              {"properties", std::move(members)}}}};
}

json to_json(const std::vector<pool>& pools) {
    static const pool standard{};
    json all = json::object();
    for (const pool& each : pools) {
        json one = {{"command", each.command}};
        const auto put = [&one](const char* key, const auto& value, const auto& usual, const auto& text) {
            if (value != usual) {
                one[key] = text(value);
            }
        };
        const auto as_it_is = [](const auto& value) { return value; };
        put("processes", each.processes, standard.processes, as_it_is);
        put("functions", each.functions, standard.functions, as_it_is);
        put("concurrency", each.concurrency, standard.concurrency, as_it_is);
        put("env", each.env, standard.env, [](const auto& env) {
            json values = json::object();
            for (const auto& [name, text] : env) {
                values[name] = text ? json(*text) : json(nullptr);
            }
            return values;
        });
        put("cwd", each.cwd, standard.cwd, as_it_is);
        put("max_calls", each.max_calls, standard.max_calls, as_it_is);
        put("max_memory", each.max_memory, standard.max_memory, bytes_text);
        put("max_age", each.max_age, standard.max_age, duration_text);
        put("user", each.user, standard.user, as_it_is);
        put("start_time", each.start_time, standard.start_time, duration_text);
        put("cancel_time", each.cancel_time, standard.cancel_time,
            [](const auto& time) { return duration_text(*time); });
        put("drain_time", each.drain_time, standard.drain_time, duration_text);
        put("restart_min", each.restart_min, standard.restart_min, duration_text);
        put("restart_max", each.restart_max, standard.restart_max, duration_text);
        all[each.name] = std::move(one);
    }
    return all;
}

std::variant<pool, std::string> pool_of_command(std::string_view command, const std::vector<pool>& taken) {
    const auto words = split(command);
    if (!words) {
        return std::string{"a quote is not closed"};
    }
    if (words->empty() || words->front().empty()) {
        return std::string{"a command is expected, as 'python3 tasks.py' or tasks.py"};
    }
    if (command.find('\0') != std::string_view::npos || taken.size() >= most_pools) {
        return "there are at most " + std::to_string(most_pools) + " pools";
    }
    pool made{.name = name_of(*words), .command = *words};
    const std::string name = made.name;
    for (int number = 2; std::ranges::count(taken, made.name, &pool::name) > 0; ++number) {
        made.name = name + '-' + std::to_string(number);
    }
    return made;
}

}  // namespace gatherd::config
