/// \file
/// What a plan may call: a function's description, where it runs, its body, what it raises, and how arguments are bound
/// to its parameters.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/trace_parent.hpp"
#include "gatherd/api/arguments.hpp"
#include "gatherd/api/raised.hpp"
#include "gatherd/api/value.hpp"
#include "gatherd/executor/allocated_memory.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::api::process {
class peer_process;
}

namespace gatherd::api::plan {

using api::arguments, api::raised;

class python_random;

/// For whom a program runs, as far as its functions have to know.
struct caller {
    const void* share = nullptr;  ///< callers with the same one share their part of a budget; never followed
    std::shared_ptr<process::peer_process> process{};  ///< that it is; null: it is of no pool
    const char* refusal = nullptr;  ///< the setting for want of which no function that `needs` one is offered to it
    trace_parent trace{};           ///< of the request; handed on to what its functions call
};

/// What a running program offers to the functions that it calls.
///
/// Threads: a function may use its context only while it is called, or until its coroutine has ended. All but `random`
/// are safe from any thread; `random` gives a generator that the calling thread has to itself.
class call_context {
public:
    virtual ~call_context() = default;

    /// One line of the program's output, without its line end.
    virtual void print(std::string line) = 0;

    /// The program's generator where it has a seed, else the calling thread's, seeded by the operating system.
    virtual python_random& random() = 0;

    /// Who asks for the call.
    [[nodiscard]] virtual caller client() const noexcept { return {}; }

    /// Whose memory it is that a coroutine takes elsewhere than in its own steps, on a pool or in the reactor: there a
    /// memory_turn has to say so. It may be kept. Null: nobody's.
    [[nodiscard]] virtual std::shared_ptr<executor::memory_account> account() { return nullptr; }

    /// When the program's own timeout runs out; none: it has none.
    [[nodiscard]] virtual std::optional<std::chrono::steady_clock::time_point> deadline() const noexcept {
        return std::nullopt;
    }

    /// A call that has waited in a line for its place begins. In the task of the call.
    virtual void call_began() noexcept {}

    /// A call of that function has raised an error of that type, which is no CancelledError.
    virtual void call_failed(std::string_view /*function*/, std::string_view /*type*/) noexcept {}

    /// The program went beyond that limit ("limits.result_bytes"): it is cancelled, and that is its end.
    virtual void exceed(const char* /*limit*/) noexcept {}
};

/// Which pool of threads runs a function.
enum class thread_pool {
    none,       ///< on a worker, unless its arguments are large: it returns within microseconds, or it only waits
    compute,    ///< may take much CPU: on the compute pool, unless is_brief says otherwise
    blocking,   ///< blocks its thread: on the blocking pool, unless all that it does is to sleep
    elsewhere,  ///< in a worker: another process, which serves it
};

/// What a function's body gets as its arguments.
enum class args_form {
    bound,  ///< one value for each parameter, as the check has bound them
    whole,  ///< args as they were given, if they fit the parameters: one value, a list or an object; none if left out
    unchecked,  ///< the same, whatever they are: the function has not declared its parameters
};

/// One parameter. Python's positional-or-keyword kind, or `*name` where it takes the rest.
struct parameter {
    std::string name;
    std::optional<value> default_value = std::nullopt;  ///< none: the argument is required, unless `optional`
    bool variadic = false;                              ///< takes all further arguments, by position only
    std::string type{};                                 ///< for people: "number", "list of texts"
    std::string unit{};                                 ///< "seconds"; empty: it has none
    std::string help{};                                 ///< one line for people
    bool optional = false;                              ///< may be left out, though there is no default

    [[nodiscard]] bool is_required() const noexcept { return !default_value && !optional && !variadic; }
};

/// A body that returns without waiting for anything. Throws `raised` and the executor's errors.
using plain_body = value (*)(call_context&, arguments);

/// The same with a state of its own: a function of somebody's program or plug-in.
struct closure_body {
    std::function<value(call_context&, arguments)> call;
};

/// A body that waits by a timer: what asyncio.sleep is, and time.sleep, which holds up its own task alone and so needs
/// no thread. `delay` gives how long (throws TypeError and the like), `result` what it returns after it. The evaluator
/// sleeps, so that a sleeping call costs no coroutine of its own.
struct sleeping_body {
    std::chrono::nanoseconds (*delay)(arguments);
    value (*result)(arguments);
};

/// A body that is a coroutine with a state of its own. It may await whatever the executor offers: timers, the reactor,
/// the pools. Its arguments and its context outlive it. A cancellation is raised where it waits; it ends by throwing
/// what a plain body throws.
using coroutine_body = std::function<executor::task<value>(call_context&, arguments)>;

/// A call as people would write it, and what it gives. Texts of JSON.
struct function_example {
    std::string task{};    ///< a TASK
    std::string result{};  ///< empty: it varies
    int seed = 0;          ///< of the program; 0: none
};

/// A function that plans may call.
struct function {
    std::string name;                   ///< as plans spell it: "random.uniform"
    std::string summary;                ///< one line for people
    std::vector<parameter> parameters;  ///< required ones first; a variadic one last
    thread_pool pool = thread_pool::none;
    std::variant<plain_body, sleeping_body, coroutine_body, closure_body> body;
    /// Of a compute function: whether these arguments are so small that a worker may run it at once.
    bool (*is_brief)(arguments) = nullptr;
    bool draws = false;   ///< from its context's generator: of a seeded program no two such calls run at a time
    bool prints = false;  ///< its calls are made in their order, where they cannot wait
    std::vector<std::string> errors{};  ///< types of what it raises
    function_example example{};
    std::string needs{};  ///< the setting that allows it; empty: it is always allowed
    args_form takes = args_form::bound;
    bool has_line = false;  ///< a coroutine whose calls wait for a place, and tell their context when they have got it

    /// Whether asyncio would call it `async def`: to_thread refuses it.
    [[nodiscard]] bool is_async() const noexcept { return !returns_at_once() && pool != thread_pool::blocking; }

    /// Whether its body waits for nothing.
    [[nodiscard]] bool returns_at_once() const noexcept {
        return std::holds_alternative<plain_body>(body) || std::holds_alternative<closure_body>(body);
    }

    /// Calls a body that waits for nothing.
    value call(call_context& context, arguments given) const {
        const auto* const plain = std::get_if<plain_body>(&body);
        return plain != nullptr ? (*plain)(context, given) : std::get<closure_body>(body).call(context, given);
    }
};

/// Why arguments do not fit, as Python says it: "missing a required argument: 'b'".
struct misfit {
    std::string why;
    std::string hint{};  ///< "did you mean delay?", or empty
};

/// For each argument given, in order, the index of the parameter slot that takes it; and how many slots there are.
struct binding {
    std::vector<std::size_t> slots;
    std::size_t count = 0;
};

/// How many slots so many arguments by position fill, defaults included; nothing where they do not fit.
[[nodiscard]] std::optional<std::size_t> slots_by_position(const function& callee, std::size_t given) noexcept;

/// Binds `given` arguments by position.
[[nodiscard]] std::variant<binding, misfit> bind_positions(const function& callee, std::size_t given);

/// Binds arguments by name.
[[nodiscard]] std::variant<binding, misfit> bind_names(const function& callee,
                                                       const std::vector<std::string_view>& names);

/// Binds args that were computed: a list or an object. Throws `raised` TypeError, as the call would in Python. A
/// function that takes them whole gets them so, and finds out itself whether they fit.
[[nodiscard]] std::vector<value> bind_value(const function& callee, value args);

/// Whether these are so many values, or such long texts, that to copy them would hold a worker up. Cost: bounded.
[[nodiscard]] bool are_large(arguments given) noexcept;

/// Whether these are so many values that to destroy them would. A text is given back at once. Cost: bounded.
[[nodiscard]] bool are_many(arguments given) noexcept;

/// About how many steps of a turn (api/plan/evaluate/turn.hpp) it takes to look at each value, and at each character of
/// a text. More than most_steps_to_read: it is no worker's work. Cost: bounded.
[[nodiscard]] std::size_t steps_to_read(arguments given) noexcept;
constexpr std::size_t most_steps_to_read = 513;  // of 4096 values and 16 KiB of text

/// The same of a call with these arguments.
[[nodiscard]] std::size_t steps_to_call(const function& callee, arguments given) noexcept;

/// Whether a worker may run a call at once if its arguments are few.
[[nodiscard]] inline bool may_be_brief(const function& callee) noexcept {
    return !callee.is_async() && callee.pool != thread_pool::blocking;
}

/// steps_to_call, if a worker may run the call with these arguments at once; else nothing.
[[nodiscard]] inline std::optional<std::size_t> steps_on_worker(const function& callee, arguments given) {
    if (!may_be_brief(callee)) {
        return std::nullopt;
    }
    const std::size_t steps = steps_to_call(callee, given);
    const bool is_brief = callee.pool == thread_pool::none ? steps <= most_steps_to_read
                                                           : callee.is_brief != nullptr && callee.is_brief(given);
    return is_brief ? std::optional{steps} : std::nullopt;
}

/// Whether they are more than so many values, or so many bytes of text. Cost: bounded by these.
[[nodiscard]] bool are_more_than(arguments given, std::size_t values, std::size_t text_bytes) noexcept;

/// `type(v).__name__`: "NoneType", "bool", "int", "float", "str", "list" or "dict".
[[nodiscard]] std::string_view python_type(const value& v) noexcept;

}  // namespace gatherd::api::plan
