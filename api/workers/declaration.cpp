#include "api/workers/declaration.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <unordered_set>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "api/plan/model/function_name.hpp"
#include "api/plan/model/node.hpp"
#include "api/protocol/json_pointer.hpp"
#include "api/protocol/json_value.hpp"
#include "api/protocol/json_writer.hpp"
#include "api/shortened.hpp"

namespace gatherd::api::workers {

namespace {

using protocol::json_view;

constexpr std::size_t most_declaration_bytes = std::size_t{16} << 10;
constexpr std::size_t most_parameters = 255;
constexpr std::size_t most_groups = 64;

struct declaration_fault {
    error reason;
};

[[noreturn]] void refuse(const std::string& path, std::string_view why) {
    throw declaration_fault{{errc::invalid_params, "Invalid params: " + shortened(path) + ": " + std::string{why},
                             std::make_shared<const value>(value{{"path", path}})}};
}

/// About the memory that a declaration takes. Stops when it is more than there may be.
void add_weight(json_view counted, std::size_t& weight) {
    constexpr std::size_t of_a_value = 8;
    weight += of_a_value + (counted.is_string() ? counted.as_string().size() : 0);
    if (weight > most_declaration_bytes) {
        return;
    }
    if (counted.is_array()) {
        for (const json_view each : counted.items()) {
            add_weight(each, weight);
        }
    } else if (counted.is_object()) {
        for (const auto& [name, member] : counted.members()) {
            weight += name.size();
            add_weight(member, weight);
        }
    }
}

/// An object of a declaration: its members by name, of duplicates the last, null being absent but where it is data.
class declared_object {
public:
    template <std::size_t Count>
    declared_object(json_view object, std::string path, const std::array<std::string_view, Count>& known)
        : path_{std::move(path)} {
        if (!object.is_object()) {
            refuse(path_, "an object is expected");
        }
        for (const auto& [name, member] : object.members()) {
            if (std::ranges::count(known, name) == 0) {
                std::string all;
                for (const std::string_view each : known) {
                    all += (all.empty() ? "" : ", ") + std::string{each};
                }
                refuse(path_ + '/' + protocol::pointer_step(name),
                       "unknown member '" + shortened(name) + "'; there are " + all);
            }
            members_.insert_or_assign(name, member);
        }
    }

    [[nodiscard]] std::optional<json_view> raw(std::string_view name) const {
        const auto found = members_.find(name);
        return found == members_.end() ? std::nullopt : std::optional{found->second};
    }
    [[nodiscard]] std::optional<json_view> operator[](std::string_view name) const {
        const auto found = raw(name);
        return found && found->is_null() ? std::nullopt : found;
    }
    [[nodiscard]] std::string text(std::string_view name) const {
        const auto found = (*this)[name];
        if (found && !found->is_string()) {
            refuse_member(name, "a text is expected");
        }
        return found ? std::string{found->as_string()} : std::string{};
    }
    [[nodiscard]] bool flag(std::string_view name) const {
        const auto found = (*this)[name];
        if (found && !found->is_boolean()) {
            refuse_member(name, "true or false is expected");
        }
        return found && found->as_boolean();
    }
    [[nodiscard]] std::string name() const {
        const auto found = raw("name");
        if (!found) {
            refuse(path_, "the member 'name' is missing");
        }
        if (!found->is_string()) {
            refuse_member("name", "a text is expected");
        }
        return std::string{found->as_string()};
    }
    [[noreturn]] void refuse_member(std::string_view name, std::string_view why) const {
        refuse(path_ + '/' + std::string{name}, why);
    }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
    std::unordered_map<std::string_view, json_view> members_;
};

plan::parameter read_parameter(json_view from, const std::string& path) {
    static constexpr std::array<std::string_view, 6> known{"name", "default", "optional", "variadic", "type", "help"};
    const declared_object given{from, path, known};
    plan::parameter read{.name = given.name()};
    if (read.name.empty() || read.name.size() > plan::most_name_bytes) {
        given.refuse_member("name", "a name has 1 to 128 bytes");
    }
    read.type = given.text("type");
    read.help = given.text("help");
    read.optional = given.flag("optional");
    read.variadic = given.flag("variadic");
    if (const auto found = given.raw("default")) {  // null is a default like any other
        read.default_value = protocol::to_value(*found);
    }
    if (read.optional && read.default_value) {
        given.refuse_member("optional", "a parameter has a default or is optional, not both");
    }
    if (read.variadic && (read.optional || read.default_value)) {
        given.refuse_member("variadic", "a variadic parameter has no default and is not optional");
    }
    return read;
}

std::vector<plan::parameter> read_parameters(json_view from, const std::string& path) {
    if (!from.is_array()) {
        refuse(path, "a list of parameters is expected");
    }
    if (from.size() > most_parameters) {
        refuse(path, "a function has at most " + std::to_string(most_parameters) + " parameters");
    }
    std::vector<plan::parameter> all;
    std::unordered_set<std::string> names;
    bool is_optional_from_here = false;
    for (const json_view each : from.items()) {
        const std::string at = path + '/' + std::to_string(all.size());
        if (!all.empty() && all.back().variadic) {
            refuse(path + '/' + std::to_string(all.size() - 1), "a variadic parameter is the last one");
        }
        all.push_back(read_parameter(each, at));
        const plan::parameter& read = all.back();
        if (!names.insert(read.name).second) {
            refuse(at + "/name", "two parameters are named '" + shortened(read.name) + "'");
        }
        if (read.is_required() && is_optional_from_here) {
            refuse(at, "a parameter without a default follows one that may be left out");
        }
        is_optional_from_here = is_optional_from_here || (!read.is_required() && !read.variadic);
    }
    return all;
}

declaration read_declaration(json_view from, const std::string& path, const plan::registry& functions,
                             const place_groups& groups) {
    static constexpr std::array<std::string_view, 7> known{"name",    "summary",     "params", "idempotent",
                                                           "timeout", "concurrency", "group"};
    std::size_t weight = 0;
    add_weight(from, weight);
    if (weight > most_declaration_bytes) {
        refuse(path,
               "the declaration of a function is larger than " + std::to_string(most_declaration_bytes) + " bytes");
    }
    const declared_object given{from, path, known};
    declaration read;
    read.callee.name = given.name();
    read.callee.pool = plan::thread_pool::elsewhere;
    read.callee.has_line = true;
    if (const auto why = plan::why_unusable(read.callee.name, functions)) {
        given.refuse_member("name", *why);
    }
    read.callee.summary = given.text("summary");
    read.is_idempotent = given.flag("idempotent");
    read.callee.takes = plan::args_form::unchecked;
    if (const auto params = given["params"]) {
        read.callee.takes = plan::args_form::whole;
        read.callee.parameters = read_parameters(*params, path + "/params");
        read.sends_names = std::ranges::any_of(read.callee.parameters, &plan::parameter::optional);
    }
    if (const auto timeout = given["timeout"]) {
        if (!timeout->is_number() || timeout->as_number() <= 0) {
            given.refuse_member("timeout", "a number of seconds above 0 is expected");
        }
        read.timeout = plan::to_duration(timeout->as_number());
    }
    if (const auto concurrency = given["concurrency"]) {
        const auto places = concurrency_of(*concurrency);
        if (!places) {
            given.refuse_member("concurrency", concurrency_is);
        }
        read.concurrency = *places;
    }
    read.group = given.text("group");
    if (given["group"] && !groups.contains(read.group)) {
        given.refuse_member("group", "there is no group '" + shortened(read.group) + "' in the params' groups");
    }
    return read;
}

const value* find_named(const value& args, const std::string& name) {
    const auto found = args.find(name);
    return found == args.end() ? nullptr : &*found;
}

/// Throws TypeError where the arguments do not fit the parameters. `given`: how many are there by position.
void check_fit(const plan::function& callee, const value* args, std::size_t given) {
    std::variant<plan::binding, plan::misfit> bound;
    if (args != nullptr && args->is_object()) {
        std::vector<std::string_view> names;
        for (const auto& [name, unused] : args->items()) {
            names.push_back(name);
        }
        bound = plan::bind_names(callee, names);
    } else {
        bound = plan::bind_positions(callee, given);
    }
    if (const auto* no = std::get_if<plan::misfit>(&bound)) {
        throw plan::raised{"TypeError", no->why};
    }
}

}  // namespace

std::optional<std::size_t> concurrency_of(json_view given) noexcept {
    if (given.kind() != protocol::json_kind::integer || given.as_integer() < 1 ||
        given.as_integer() > static_cast<std::int64_t>(most_concurrency)) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(given.as_integer());
}

error too_many_functions(std::size_t most) {
    return {errc::limit_exceeded,
            "Over a limit: workers serve at most " + std::to_string(most) + " functions in all (limits.functions)",
            std::make_shared<const value>(value{{"limit", "limits.functions"}, {"max", most}})};
}

result<place_groups> read_groups(json_view groups, const std::string& path) {
    try {
        if (!groups.is_object()) {
            refuse(path, "an object is expected: how many calls of each group run at a time");
        }
        place_groups all;
        for (const auto& [name, given] : groups.members()) {
            const std::string at = path + '/' + protocol::pointer_step(name);
            const auto places = concurrency_of(given);
            if (name.empty() || name.size() > plan::most_name_bytes) {
                refuse(at, "a name has 1 to 128 bytes");
            }
            if (!places) {
                refuse(at, concurrency_is);
            }
            all.insert_or_assign(std::string{name}, *places);
            if (all.size() > most_groups) {
                refuse(path, "a worker has at most " + std::to_string(most_groups) + " groups");
            }
        }
        return all;
    } catch (declaration_fault& fault) {
        return std::move(fault.reason);
    }
}

result<std::vector<declaration_ptr>> read_declarations(json_view list, const std::string& path,
                                                       const plan::registry& functions, const place_groups& groups,
                                                       std::size_t most) {
    try {
        if (!list.is_array()) {
            refuse(path, "a list of functions is expected");
        }
        if (list.size() > most) {
            return too_many_functions(most);
        }
        std::vector<declaration_ptr> all;
        all.reserve(list.size());
        std::unordered_set<std::string_view> names;
        for (const json_view each : list.items()) {
            const std::string at = path + '/' + std::to_string(all.size());
            all.push_back(std::make_shared<const declaration>(read_declaration(each, at, functions, groups)));
            const std::string& name = all.back()->callee.name;
            if (!names.insert(name).second) {
                refuse(at + "/name", "'" + name + "' is there twice");
            }
        }
        return all;
    } catch (declaration_fault& fault) {
        return std::move(fault.reason);
    }
}

void append_arguments(std::string& text, const declaration& callee, const value* args) {
    if (callee.callee.takes == plan::args_form::unchecked) {
        if (args == nullptr) {
            text += "[]";
        } else {
            protocol::append_value(text, *args);
        }
        return;
    }
    const bool is_named = args != nullptr && args->is_object();
    const std::size_t given = args == nullptr || is_named ? 0 : args->size();
    check_fit(callee.callee, args, given);
    const char* separator = "";
    const auto append = [&](const plan::parameter& to, const value& argument) {
        text += separator;
        separator = ",";
        if (callee.sends_names) {
            protocol::append_string(text, to.name);
            text += ':';
        }
        protocol::append_value(text, argument);
    };
    text += callee.sends_names ? '{' : '[';
    std::size_t position = 0;
    for (const plan::parameter& each : callee.callee.parameters) {
        if (each.variadic) {
            break;
        }
        const value* const argument = is_named           ? find_named(*args, each.name)
                                      : position < given ? &(*args)[position]
                                                         : nullptr;
        ++position;
        if (argument != nullptr) {
            append(each, *argument);
        } else if (each.default_value) {
            append(each, *each.default_value);
        }
    }
    if (position < given) {  // to the variadic one
        const plan::parameter& rest = callee.callee.parameters.back();
        if (callee.sends_names) {
            append(rest, value(value::array_t((*args).begin() + static_cast<std::ptrdiff_t>(position), (*args).end())));
        } else {
            for (; position < given; ++position) {
                append(rest, (*args)[position]);
            }
        }
    }
    text += callee.sends_names ? '}' : ']';
}

}  // namespace gatherd::api::workers
