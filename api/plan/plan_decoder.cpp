#include "api/plan/plan_decoder.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/json/json_pointer.hpp"
#include "api/json/json_value.hpp"
#include "api/plan/call.hpp"
#include "api/plan/call_arguments.hpp"
#include "api/plan/members.hpp"

namespace gatherd::api::plan {
namespace {

using json::json_kind, json::json_view;

/// A fault on its way out of the recursion; caught at the edge of the decoder. Refusals are rare, and a throw keeps
/// the way of a good plan free of checks at each level.
struct refused {
    error reason;
};

/// What a message shows of a client's text.
std::string quoted(std::string_view text) {
    constexpr std::size_t most = 80;
    return "'" + std::string{text.substr(0, most)} + (text.size() > most ? "...'" : "'");
}

/// The names in force, while a plan is read.
struct names {
    const names* outer = nullptr;
    std::unordered_map<std::string_view, std::uint32_t> slots{};
};

/// How a path goes on below a node: made to a text only where there is a fault or a task to place.
struct step_below {
    std::string_view member;
    std::uint32_t item = place::no_item;

    [[nodiscard]] std::string text() const {
        return std::string{member} + (item == place::no_item ? std::string{} : '/' + std::to_string(item));
    }
};

/// Whether two pieces of memory have the same `Word` at their beginning, and the same one at their end.
template <typename Word>
bool same_ends(std::string_view a, std::string_view b) noexcept {
    const auto word = [](const char* at) {
        Word made;
        std::memcpy(&made, at, sizeof made);
        return made;
    };
    const std::size_t last = a.size() - sizeof(Word);
    return word(a.data()) == word(b.data()) && word(a.data() + last) == word(b.data() + last);
}

/// Whether two names are one. Inline, as its like below: of a large plan each task asks for several.
[[gnu::always_inline]] inline bool same(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) {
        return false;
    }
    if (a.size() >= 4 && a.size() <= 8) {
        return same_ends<std::uint32_t>(a, b);
    }
    return std::memcmp(a.data(), b.data(), a.size()) == 0;
}

/// The same of a name that the compiler knows.
template <std::size_t Size>
[[gnu::always_inline]] inline bool is(std::string_view name, const char (&known)[Size]) noexcept {
    return name.size() == Size - 1 && std::memcmp(name.data(), known, Size - 1) == 0;
}

class reader {
public:
    reader(const registry& functions, std::size_t max_tasks, plan& into)
        : functions_{functions}, max_tasks_{max_tasks}, plan_{into} {}

    /// Reads a TASK and says where it stands.
    const node& read(json_view task, const names* in_force, const node* parent, std::string_view step,
                     std::uint32_t position = place::no_item) {
        if (const node* const call = read_plain_call(task, in_force, parent, step, position)) {
            return *call;
        }
        // The place is needed before the node is there: for a fault in it, and by its children.
        node& where = plan_.make<node>(kind::value);
        where.parent = parent;
        where.step = step;
        where.position = position;
        return read_at(where, task, in_force);
    }

    /// A step of a path that outlives the call.
    std::string_view keep_step(std::string_view member) { return plan_.keep('/' + std::string{member}); }

    const node& read_gather(json_view tasks, std::string_view at, const gather_members& options) {
        node& top = plan_.make<node>(kind::value);
        count(1);
        list_node& n = plan_.make<list_node>(kind::gather);
        place_as(n, top);
        read_gather_options(n.options, top, options.return_exceptions, options.limit);
        const std::string_view step = keep_step(at);
        if (!tasks.is_array()) {
            refuse(top, step, "a list of tasks is expected");
        }
        read_children(n, tasks, nullptr, step);
        return n;
    }

    const node& read_map(json_view name, std::string_view name_at, json_view over, std::string_view over_at,
                         const gather_members& options) {
        node& top = plan_.make<node>(kind::value);
        count(1);
        map_node& n = plan_.make<map_node>();
        place_as(n, top);
        n.callee = &find_function(name, top, '/' + std::string{name_at});
        n.over_step = keep_step(over_at);
        read_gather_options(n.options, top, options.return_exceptions, options.limit);
        read_over(n, over, nullptr);
        return n;
    }

private:
    [[noreturn]] void refuse(const node& at, std::string_view below, std::string_view why, std::string hint = {}) {
        const std::string path = pointer_to({&at}) + std::string{below};
        value data = {{"path", path}};
        std::string message =
            "Invalid params: " + (path.empty() ? std::string{"params"} : path) + ": " + std::string{why};
        if (!hint.empty()) {
            message += ": " + hint;
            data["hint"] = std::move(hint);
        }
        throw refused{{errc::invalid_params, std::move(message), std::make_shared<const value>(std::move(data))}};
    }

    void count(std::size_t more) {
        plan_.count_tasks(more);
        if (plan_.tasks() > max_tasks_) [[unlikely]] {
            refuse_tasks();
        }
    }

    [[noreturn]] void refuse_tasks() {
        throw refused{
            {errc::limit_exceeded,
             "Over a limit: the plan has more than " + std::to_string(max_tasks_) + " tasks (limits.plan_tasks)",
             std::make_shared<const value>(value{{"limit", "limits.plan_tasks"}, {"max", max_tasks_}})}};
    }

    static void place_as(node& n, const node& where) {
        n.parent = where.parent;
        n.step = where.step;
        n.position = where.position;
    }

    const node& read_at(node& where, json_view task, const names* in_force) {
        count(1);
        if (!task.is_object()) {
            refuse(where, "", "a task is an object with one of: " + list_of_kinds());
        }
        const members m{task};
        const kind is = the_kind(m, where);
        if (const auto name = m.unknown_to(is)) {
            const std::string known = list_of_options(is);
            refuse(where, '/' + json::pointer_step(*name),
                   "unknown option " + quoted(*name) + " of " + std::string{name_of(is)},
                   known.empty() ? "it takes none" : "it takes " + known);
        }
        return read_kind(is, m, where, in_force);
    }

    kind the_kind(const members& m, const node& where) {
        const std::optional<kind> is = m.kind_after();
        if (!is) {
            refuse(where, "", m.stranger() ? "unknown kind of task " + quoted(*m.stranger()) : "a task needs a kind",
                   "the kinds are " + list_of_kinds());
        }
        if (const std::optional<kind> another = m.kind_after(is)) {
            refuse(where, "",
                   "a task has exactly one kind, this one has '" + std::string{name_of(*is)} + "' and '" +
                       std::string{name_of(*another)} + "'");
        }
        return *is;
    }

    const node& read_kind(kind is, const members& m, node& where, const names* in_force) {
        const json_view own = *m[is];
        switch (is) {
            case kind::call:
                return read_call(m, where, in_force);
            case kind::map:
                return read_map_task(m, where, in_force);
            case kind::value: {
                value_node& n = plan_.make<value_node>();
                place_as(n, where);
                value& constant = plan_.make_values(1)[0];
                constant = json::to_value(own);
                n.constant = &constant;
                n.is_instant = true;
                return n;
            }
            case kind::ref:
                return read_ref(own, where, in_force);
            case kind::gather:
            case kind::task_group:
            case kind::race:
            case kind::sequence:
                return read_list(is, m, where, in_force);
            case kind::wait:
                return read_wait(m, where, in_force);
            case kind::wait_for:
            case kind::shield:
            case kind::to_thread:
                return read_inner(is, m, where, in_force);
            case kind::let:
                return read_let(m, where, in_force);
            case kind::try_:
                return read_try(m, where, in_force);
            case kind::retry:
                return read_retry(m, where, in_force);
        }
        std::terminate();  // every kind is above
    }

    // ---- calls ---------------------------------------------------------------------------------

    /// What most tasks of large plans are: `call`, perhaps `args` after it, and no other member. Null where it is
    /// anything else, or names no function: what that is, read_at finds out.
    const node* read_plain_call(json_view task, const names* in_force, const node* parent, std::string_view step,
                                std::uint32_t position) {
        if (!task.is_object()) {
            return nullptr;
        }
        const auto members = task.members();
        auto each = members.begin();
        if (each == members.end() || !is((*each).name, "call") || !(*each).value.is_string()) {
            return nullptr;
        }
        const function* const callee = known_function((*each).value.as_string());
        if (callee == nullptr) {
            return nullptr;
        }
        std::optional<json_view> args;
        if (++each != members.end()) {
            if (!is((*each).name, "args")) {
                return nullptr;
            }
            args = (*each).value;
            if (++each != members.end()) {
                return nullptr;
            }
        }
        count(1);
        call_node& n = plan_.make<call_node>();
        n.parent = parent;
        n.step = step;
        n.position = position;
        n.callee = callee;
        read_call_arguments(n, args && !args->is_null() ? args : std::nullopt, in_force);
        return &n;
    }

    /// A plan calls few functions, and often: the last one is remembered.
    const function* known_function(std::string_view name) {
        if (last_function_ == nullptr || !same(last_function_->name, name)) {
            last_function_ = functions_.find(name);
        }
        return last_function_;
    }

    const function& find_function(json_view name, const node& where, std::string_view below) {
        if (!name.is_string()) {
            refuse(where, below, "the name of a function is expected");
        }
        const function* const found = known_function(name.as_string());
        if (found == nullptr) {
            const std::string_view near = functions_.nearest(name.as_string());
            refuse(where, below, "unknown function " + quoted(name.as_string()),
                   near.empty() ? std::string{} : "did you mean " + std::string{near} + "?");
        }
        return *found;
    }

    const node& read_call(const members& m, node& where, const names* in_force) {
        call_node& n = plan_.make<call_node>();
        place_as(n, where);
        n.callee = &find_function(*m[kind::call], where, "/call");
        read_call_arguments(n, m.given(option::args), in_force);
        return n;
    }

    void read_call_arguments(call_node& n, const std::optional<json_view>& args, const names* in_force) {
        const step_below below{"/args"};
        if (!args && n.callee->parameters.empty()) {
            n.is_instant = is_brief(*n.callee, n.arguments);
            return;
        }
        if (args) {
            n.arguments = read_arguments(*n.callee, *args, n, below, in_force);
        } else {
            n.arguments.bound = by_position(*n.callee, 0, n, below);
        }
        n.is_instant = n.arguments.awaited == nullptr && is_brief(*n.callee, n.arguments);
        n.is_sleep = n.arguments.awaited == nullptr && is_sleep(*n.callee, n.arguments);
    }

    static bool is_brief(const function& callee, const call_arguments& arguments) {
        if (callee.is_async() || callee.where == lane::blocking) {
            return false;
        }
        return callee.where == lane::async || (callee.is_brief != nullptr && callee.is_brief(arguments.bound));
    }

    static bool is_sleep(const function& callee, const call_arguments& arguments) {
        const auto* const body = std::get_if<sleeping_body>(&callee.body);
        std::chrono::nanoseconds delay{};
        return body != nullptr && sleep_delay(*body, arguments.bound, {}, delay).has_value();
    }

    /// Room for so many arguments, with the defaults of those behind them.
    std::span<value> by_position(const function& callee, std::size_t given, const node& at, step_below below) {
        const auto slots = slots_by_position(callee, given);
        if (!slots) {
            refuse(at, below.text(), std::get<misfit>(bind_positions(callee, given)).why);
        }
        return with_defaults(callee, *slots);
    }

    std::span<value> with_defaults(const function& callee, std::size_t slots) {
        if (slots == 0) {
            return {};
        }
        const std::span<value> values = plan_.make_values(slots);
        for (std::size_t i = 0; i < std::min(slots, callee.parameters.size()); ++i) {
            if (callee.parameters[i].default_value) {
                values[i] = *callee.parameters[i].default_value;
            }
        }
        return values;
    }

    call_arguments read_arguments(const function& callee, json_view args, const node& at, step_below below,
                                  const names* in_force) {
        if (args.is_array()) {
            const std::size_t given = args.size();
            const std::span<value> values = by_position(callee, given, at, below);
            if (given == 0) {
                return {values};
            }
            std::vector<hole> holes;
            std::uint32_t i = 0;
            for (const json_view item : args.items()) {
                if (has_await(item)) {
                    values[i] = read_template(item, i, at, below.text() + '/' + std::to_string(i), in_force, holes);
                } else {
                    values[i] = json::to_value(item);
                }
                ++i;
            }
            return {values, holes.empty() ? nullptr : &await_first({keep(holes)})};
        }
        if (!args.is_object()) {
            refuse(at, below.text(), "args must be a list or an object");
        }
        if (const auto awaited = as_await(args)) {
            return {{}, &await_first({{}, &read(*awaited, in_force, &at, plan_.keep(below.text() + "/await"))})};
        }
        return read_named_arguments(callee, args, at, below.text(), in_force);
    }

    const awaited_arguments& await_first(const awaited_arguments& what) { return plan_.make<awaited_arguments>(what); }

    call_arguments read_named_arguments(const function& callee, json_view args, const node& at, std::string_view below,
                                        const names* in_force) {
        const auto given = unique_members(args);
        std::vector<std::string_view> argument_names;
        for (const auto& each : given) {
            argument_names.push_back(each.name);
        }
        const auto bound = bind_names(callee, argument_names);
        if (const auto* no = std::get_if<misfit>(&bound)) {
            refuse(at, below, no->why);
        }
        const auto& [slots, slot_count] = std::get<binding>(bound);
        const std::span<value> values = with_defaults(callee, slot_count);
        std::vector<hole> holes;
        for (std::size_t i = 0; i < given.size(); ++i) {
            auto& into = values[slots[i]];
            if (has_await(given[i].value)) {
                into = read_template(given[i].value, static_cast<std::uint32_t>(slots[i]), at,
                                     std::string{below} + '/' + json::pointer_step(given[i].name), in_force, holes);
            } else {
                into = json::to_value(given[i].value);
            }
        }
        return {values, holes.empty() ? nullptr : &await_first({keep(holes)})};
    }

    value read_template(json_view from, std::uint32_t argument, const node& at, const std::string& path,
                        const names* in_force, std::vector<hole>& holes) {
        return template_reader{*this, argument, at, in_force, holes}.read(from, path);
    }

    /// Reads an argument that has tasks in it: they become holes, null for the time being.
    struct template_reader {
        reader& outer;
        std::uint32_t argument;
        const node& at;
        const names* in_force;
        std::vector<hole>& holes;
        std::vector<std::uint32_t> place{};

        value read(json_view from, const std::string& path) {
            if (const auto awaited = as_await(from)) {
                const node& task = outer.read(*awaited, in_force, &at, outer.plan_.keep(path + "/await"));
                holes.push_back({&task, argument, outer.keep(place)});
                return nullptr;
            }
            if (from.is_array()) {
                value items = value::array();
                for (const json_view item : from.items()) {
                    place.push_back(static_cast<std::uint32_t>(items.size()));
                    items.push_back(read(item, path + '/' + std::to_string(items.size())));
                    place.pop_back();
                }
                return items;
            }
            if (from.is_object()) {
                value object = value::object();
                auto& members_of = object.get_ref<value::object_t&>();
                for (const auto& [name, member] : unique_members(from)) {
                    place.push_back(static_cast<std::uint32_t>(members_of.size()));
                    value read_member = read(member, path + '/' + json::pointer_step(name));
                    members_of.emplace_back(std::string{name}, std::move(read_member));
                    place.pop_back();
                }
                return object;
            }
            return json::to_value(from);
        }
    };

    /// The TASK of `{"await": TASK}`, if it is that.
    static std::optional<json_view> as_await(json_view from) {
        if (!from.is_object() || from.size() == 0) {
            return std::nullopt;
        }
        std::optional<json_view> awaited;
        for (const auto& [name, member] : from.members()) {
            if (name != "await") {
                return std::nullopt;
            }
            awaited = member;
        }
        return awaited;
    }

    static bool has_await(json_view from) {
        if (from.is_array()) {
            for (const json_view item : from.items()) {
                if (has_await(item)) {
                    return true;
                }
            }
            return false;
        }
        if (!from.is_object()) {
            return false;
        }
        if (as_await(from)) {
            return true;
        }
        for (const auto& [name, member] : from.members()) {
            if (has_await(member)) {
                return true;
            }
        }
        return false;
    }

    /// Members in the order of their first appearance, each with its last value.
    static std::vector<json_view::member> unique_members(json_view object) {
        std::vector<json_view::member> unique;
        std::unordered_map<std::string_view, std::size_t> seen;
        for (const auto& each : object.members()) {
            const auto [at, is_new] = seen.try_emplace(each.name, unique.size());
            if (is_new) {
                unique.push_back(each);
            } else {
                unique[at->second].value = each.value;
            }
        }
        return unique;
    }

    template <typename T>
    std::span<const T> keep(const std::vector<T>& items) {
        if (items.empty()) {
            return {};
        }
        const std::span<T> kept = plan_.make_span<T>(items.size());
        std::copy(items.begin(), items.end(), kept.begin());
        return kept;
    }

    // ---- many at once --------------------------------------------------------------------------

    const node& read_map_task(const members& m, node& where, const names* in_force) {
        map_node& n = plan_.make<map_node>();
        place_as(n, where);
        n.callee = &find_function(*m[kind::map], where, "/map");
        if (!m[option::over]) {
            refuse(where, "", "map misses its 'over'");
        }
        read_gather_options(n.options, where, m[option::return_exceptions], m[option::limit]);
        read_over(n, *m[option::over], in_force);
        return n;
    }

    void read_over(map_node& n, json_view over, const names* in_force) {
        if (!over.is_array()) {
            refuse(n, n.over_step, "over is a list of argument lists");
        }
        count(over.size());
        const std::span<call_arguments> items = plan_.make_span<call_arguments>(over.size());
        n.is_instant = true;
        n.items_sleep = true;
        std::uint32_t i = 0;
        for (const json_view item : over.items()) {
            items[i] = read_arguments(*n.callee, item, n, {n.over_step, i}, in_force);
            n.is_instant = n.is_instant && items[i].awaited == nullptr && is_brief(*n.callee, items[i]);
            n.items_sleep = n.items_sleep && items[i].awaited == nullptr && is_sleep(*n.callee, items[i]);
            ++i;
        }
        n.over = items;
    }

    void read_gather_options(gather_options& into, const node& at, const std::optional<json_view>& exceptions,
                             const std::optional<json_view>& limit) {
        if (exceptions && !exceptions->is_null()) {
            if (!exceptions->is_boolean()) {
                refuse(at, "/return_exceptions", "return_exceptions is true or false");
            }
            into.return_exceptions = exceptions->as_boolean();
        }
        if (limit && !limit->is_null()) {
            into.limit = static_cast<std::size_t>(positive(*limit, at, "limit"));
        }
    }

    std::uint64_t positive(json_view number, const node& at, std::string_view name) {
        if (number.kind() == json_kind::unsigned_integer) {
            return number.as_unsigned();
        }
        if (number.kind() != json_kind::integer || number.as_integer() < 1) {
            refuse(at, '/' + std::string{name}, std::string{name} + " is an integer of at least 1");
        }
        return static_cast<std::uint64_t>(number.as_integer());
    }

    std::optional<double> seconds(const members& m, option o, const node& at) {
        const auto number = m.given(o);
        if (!number) {
            return std::nullopt;
        }
        if (!number->is_number()) {
            const std::string name{name_of(o)};
            refuse(at, '/' + name, name + " is a number" + (o == option::factor ? "" : " of seconds"));
        }
        return number->as_number();
    }

    const node& read_list(kind is, const members& m, node& where, const names* in_force) {
        list_node& n = plan_.make<list_node>(is);
        place_as(n, where);
        if (is == kind::gather) {
            read_gather_options(n.options, where, m[option::return_exceptions], m[option::limit]);
        }
        read_children_of(n, m, in_force);
        n.is_instant = n.is_instant && (is == kind::gather || is == kind::sequence);
        return n;
    }

    void read_children_of(list_node& n, const members& m, const names* in_force) {
        const std::string_view name = name_of(n.is);
        const json_view list = *m[n.is];
        const std::string_view step = step_of(n.is);
        if (!list.is_array()) {
            refuse(n, step, std::string{name} + " is a list of tasks");
        }
        read_children(n, list, in_force, step);
    }

    void read_children(list_node& n, json_view list, const names* in_force, std::string_view step) {
        const std::span<const node*> children = plan_.make_span<const node*>(list.size());
        n.is_instant = true;
        std::uint32_t i = 0;
        for (const json_view item : list.items()) {
            children[i] = &read(item, in_force, &n, step, i);
            n.is_instant = n.is_instant && children[i]->is_instant;
            ++i;
        }
        n.children = children;
    }

    static std::string_view step_of(kind is) {
        constexpr std::array<std::string_view, kind_count> steps{
            "/call", "/map",    "/value",    "/ref", "/gather", "/task_group", "/wait",     "/wait_for",
            "/race", "/shield", "/sequence", "/let", "/try",    "/retry",      "/to_thread"};
        return steps[static_cast<std::size_t>(is)];
    }

    const node& read_wait(const members& m, node& where, const names* in_force) {
        wait_node& n = plan_.make<wait_node>();
        place_as(n, where);
        if (const auto timeout = seconds(m, option::timeout, where)) {
            n.timeout = to_duration(*timeout);
        }
        if (const auto when = m.given(option::return_when)) {
            const std::string_view text = when->is_string() ? when->as_string() : std::string_view{};
            if (text == "FIRST_COMPLETED") {
                n.when = executor::return_when::first_completed;
            } else if (text == "FIRST_EXCEPTION") {
                n.when = executor::return_when::first_exception;
            } else if (text != "ALL_COMPLETED") {
                refuse(where, "/return_when", "return_when is FIRST_COMPLETED, FIRST_EXCEPTION or ALL_COMPLETED");
            }
        }
        read_children_of(n, m, in_force);
        n.is_instant = false;
        return n;
    }

    // ---- one inside another --------------------------------------------------------------------

    const node& read_inner(kind is, const members& m, node& where, const names* in_force) {
        inner_node& n = plan_.make<inner_node>(is);
        place_as(n, where);
        if (is == kind::wait_for) {
            if (!m[option::timeout]) {
                refuse(where, "", "wait_for misses its 'timeout'", "seconds, or null for none");
            }
            if (const auto timeout = seconds(m, option::timeout, where)) {
                n.timeout = to_duration(*timeout);
            }
        }
        n.inner = &read(*m[is], in_force, &n, step_of(is));
        if (is == kind::to_thread) {
            const auto* const call = static_cast<const call_node*>(n.inner);
            if (n.inner->is != kind::call || call->callee->is_async()) {
                refuse(where, "/to_thread", "to_thread takes a call of a function that is not async");
            }
        }
        return n;
    }

    const node& read_ref(json_view own, node& where, const names* in_force) {
        ref_node& n = plan_.make<ref_node>();
        place_as(n, where);
        if (!own.is_string()) {
            refuse(where, "/ref", "ref is a name");
        }
        for (const names* each = in_force; each != nullptr; each = each->outer, ++n.levels) {
            if (const auto found = each->slots.find(own.as_string()); found != each->slots.end()) {
                n.slot = found->second;
                return n;
            }
        }
        refuse(where, "/ref", "unknown name " + quoted(own.as_string()),
               "a ref names a task of a let around it, an earlier one of the same let, or what try's 'as' names");
    }

    const node& read_let(const members& m, node& where, const names* in_force) {
        let_node& n = plan_.make<let_node>();
        place_as(n, where);
        const json_view tasks = *m[kind::let];
        if (!tasks.is_object()) {
            refuse(where, "/let", "let is an object of tasks");
        }
        if (!m[option::in]) {
            refuse(where, "", "let misses its 'in'");
        }
        names inner{in_force};
        const auto named = unique_members(tasks);
        const std::span<const node*> slots = plan_.make_span<const node*>(named.size());
        for (std::uint32_t i = 0; i < named.size(); ++i) {
            slots[i] = &read(named[i].value, &inner, &n, plan_.keep("/let/" + json::pointer_step(named[i].name)));
            inner.slots.emplace(named[i].name, i);
        }
        n.tasks = slots;
        n.body = &read(*m[option::in], &inner, &n, "/in");
        return n;
    }

    const node& read_try(const members& m, node& where, const names* in_force) {
        try_node& n = plan_.make<try_node>();
        place_as(n, where);
        n.body = &read(*m[kind::try_], in_force, &n, "/try");
        const auto handler = m.given(option::except);
        const auto as = m.given(option::as);
        const auto types = m.given(option::types);
        if (as && !as->is_string()) {
            refuse(where, "/as", "as is a name");
        }
        if (!handler && (as || types)) {
            refuse(where, "", "'as' and 'types' go with 'except'");
        }
        if (types) {
            n.types = read_types(*types, where);
        }
        if (handler) {
            names inner{in_force};
            if (as) {
                inner.slots.emplace(as->as_string(), 0);
            }
            n.names_error = as.has_value();
            n.handler = &read(*handler, as ? &inner : in_force, &n, "/except");
        }
        if (const auto finalizer = m.given(option::finally)) {
            n.finalizer = &read(*finalizer, in_force, &n, "/finally");
        }
        return n;
    }

    std::span<const std::string_view> read_types(json_view types, const node& where) {
        const auto complain = [&] { refuse(where, "/types", "types is a list of at least one type name"); };
        if (!types.is_array() || types.size() == 0) {
            complain();
        }
        const std::span<std::string_view> kept = plan_.make_span<std::string_view>(types.size());
        std::size_t i = 0;
        for (const json_view item : types.items()) {
            if (!item.is_string()) {
                complain();
            }
            kept[i++] = plan_.keep(item.as_string());
        }
        return kept;
    }

    const node& read_retry(const members& m, node& where, const names* in_force) {
        retry_node& n = plan_.make<retry_node>();
        place_as(n, where);
        if (!m[option::attempts]) {
            refuse(where, "", "retry misses its 'attempts'");
        }
        n.attempts = positive(*m[option::attempts], where, "attempts");
        n.delay = seconds(m, option::delay, where).value_or(0);
        n.factor = seconds(m, option::factor, where).value_or(1);
        n.max_delay = seconds(m, option::max_delay, where);
        n.inner = &read(*m[kind::retry], in_force, &n, "/retry");
        return n;
    }

    const registry& functions_;
    std::size_t max_tasks_;
    plan& plan_;
    const function* last_function_ = nullptr;
};

template <typename Read>
result<std::unique_ptr<plan>> decode_with(const registry& functions, std::size_t max_tasks, const Read& read) {
    auto made = std::make_unique<plan>();
    try {
        reader from{functions, max_tasks, *made};
        made->set_root(read(from));
    } catch (refused& fault) {
        return std::move(fault.reason);
    }
    return made;
}

}  // namespace

result<std::unique_ptr<plan>> plan_decoder::decode_task(json_view task, std::string_view at) const {
    return decode_with(functions_, max_tasks_, [&](reader& from) -> const node& {
        return from.read(task, nullptr, nullptr, from.keep_step(at));
    });
}

result<std::unique_ptr<plan>> plan_decoder::decode_gather(json_view tasks, std::string_view at,
                                                          const gather_members& options) const {
    return decode_with(functions_, max_tasks_,
                       [&](reader& from) -> const node& { return from.read_gather(tasks, at, options); });
}

result<std::unique_ptr<plan>> plan_decoder::decode_map(json_view function_name, std::string_view name_at,
                                                       json_view over, std::string_view over_at,
                                                       const gather_members& options) const {
    return decode_with(functions_, max_tasks_, [&](reader& from) -> const node& {
        return from.read_map(function_name, name_at, over, over_at, options);
    });
}

}  // namespace gatherd::api::plan
