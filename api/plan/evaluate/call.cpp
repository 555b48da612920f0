#include "api/plan/evaluate/call.hpp"

#include <oneapi/tbb/task_group.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "api/plan/evaluate/aside.hpp"
#include "api/plan/evaluate/evaluate.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/plan/evaluate/turn.hpp"
#include "api/plan/model/drop_aside.hpp"
#include "api/plan/model/function.hpp"
#include "api/protocol/json_writer.hpp"
#include "gatherd/api/memory_limit.hpp"
#include "gatherd/executor/semaphore.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/to_thread.hpp"

namespace gatherd::api::plan {

failure_ptr handled(place where) {
    const auto as = [where](const char* type, const std::string& message) {
        return std::make_shared<const failure>(failure{type, message, where});
    };
    try {
        throw;
    } catch (const raised& e) {
        if (!memory_limit::is_granted(e.message().size())) {  // the program is over
            return as("CancelledError", "");
        }
        failure told{e.type(), e.message(), where};
        told.traceback = e.traceback();
        return std::make_shared<const failure>(std::move(told));
    } catch (const executor::cancelled_error& e) {
        return as("CancelledError", e.message());
    } catch (const executor::timeout_error& e) {
        return as("TimeoutError", e.message());
    } catch (const memory_limit_exceeded&) {  // the program is over: nothing of it catches this
        return as("CancelledError", "");
    } catch (const std::bad_alloc&) {
        return as("MemoryError", "");
    } catch (const std::exception& e) {  // a function of somebody's own, or a bug of ours
        return as("RuntimeError", e.what());
    }
}

namespace {

/// The failure of the exception that is being handled, raised by a call that was made, which its context is told.
failure_ptr handled_call(place where, const function& callee, call_context& context) {
    failure_ptr failed = handled(where);
    if (!failed->is_cancellation()) {
        context.call_failed(callee.name, failed->type);
    }
    return failed;
}

/// Calls and turns whatever it raises into a failure.
template <typename Body>
outcome guarded(place where, const Body& body) {
    try {
        return body();
    } catch (const std::exception&) {
        return handled(where);
    }
}

/// The arguments of a call: those of the plan, those that were made for this call, and large results of named tasks,
/// which all their readers share.
class bound_arguments {
public:
    bound_arguments() = default;
    explicit bound_arguments(std::span<const value> of_the_plan) : bound{of_the_plan} {}
    bound_arguments(bound_arguments&&) noexcept = default;
    bound_arguments& operator=(bound_arguments&&) noexcept = default;
    ~bound_arguments() {
        if (are_many(std::span<const value>{own_})) {  // though the function may not look at all of it
            drop_aside(std::move(own_));
        }
    }

    /// Others, made for this call.
    void take(std::vector<value> made) {
        own_ = std::move(made);
        bound = own_;
    }

    /// Others instead of some: of at most so many arguments.
    void expect(std::size_t most_changed) {
        own_.reserve(most_changed);
        places_.reserve(bound.size());
        for (const value& each : bound) {
            places_.push_back(&each);
        }
        bound = arguments{std::span<const value* const>{places_}};
    }

    /// Puts what a task gave into its place. The argument around it is copied from the plan, once.
    void fill(const awaited_part& part, value result) {
        const value*& place = places_[part.argument];
        if (part.place.empty()) {
            place = &own_.emplace_back(std::move(result));
            return;
        }
        if (part.argument != last_copied_) {
            last_copied_ = part.argument;
            place = &own_.emplace_back(*place);
        }
        fill_part(own_.back(), part, std::move(result));
    }

    void share(const awaited_part& part, std::shared_ptr<const value> result) {
        places_[part.argument] = result.get();
        shared_.push_back(std::move(result));
    }

    arguments bound{};

private:
    static constexpr std::uint32_t none = static_cast<std::uint32_t>(-1);

    std::vector<value> own_{};
    std::vector<std::shared_ptr<const value>> shared_{};
    std::vector<const value*> places_{};
    std::uint32_t last_copied_ = none;
};

/// The ref that is an argument as a whole, if the part is one.
const ref_node* whole_ref(const awaited_part& part) {
    return part.place.empty() && part.task->is == kind::ref ? static_cast<const ref_node*>(part.task) : nullptr;
}

/// The callee of a call node, or of a map.
const function& callee_at(place where) {
    return where.item != place::no_item ? *static_cast<const map_node&>(*where.at).callee
                                        : *static_cast<const call_node&>(*where.at).callee;
}

/// Binds args that were computed; or gives the failure that they are.
outcome bind_computed(bound_arguments& given, place where, value args) {
    return guarded(where, [&]() -> outcome {
        given.take(bind_value(callee_at(where), std::move(args)));
        return value{};
    });
}

/// Binds large args, on the compute pool. `args`: gives them, there. Never raises.
template <typename Args>
executor::task<outcome> bind_aside(bound_arguments& given, place where, Args args, program& p) {
    const auto made = std::make_shared<bound_arguments>();  // the thread may go on after a cancelled task
    auto body = [made, where, args = std::move(args)]() mutable { return bind_computed(*made, where, args()); };
    auto binding = make_aside(std::move(body), where, p);
    outcome fitted = co_await std::move(binding);
    if (fitted.has_value()) {
        given = std::move(*made);
    }
    co_return fitted;
}

/// The call at `where` begins, in the running task.
void note_begin(place where, const program& p) noexcept {
    if (node_recorder* const recorder = p.recorder()) [[unlikely]] {
        recorder->start(record_around.get(), where.at);
    }
}

/// The call at `where`, which begins to wait in a lane or to run.
timed_call timed_at(place where, const program& p, call_lane lane) noexcept {
    return {p.calls(), callee_at(where).name, lane};
}

/// A call that was cancelled has neither returned nor failed.
void end_timed(timed_call& timed, const outcome& result) noexcept {
    if (result.has_value() || !result.reason()->is_cancellation()) {
        timed.end(result.has_value());
    }
}

/// Runs a call on a pool.
template <typename Pool>
executor::task<outcome> call_on(Pool pool, place where, bound_arguments given, program& p, timed_call timed) {
    const record_id record = p.recorder() == nullptr ? no_record : record_around.get();
    auto body = [where, given = std::move(given), &p, record, timed = std::move(timed)]() mutable {
        timed.begin();
        if (record != no_record) [[unlikely]] {
            p.recorder()->start(record, where.at);
        }
        outcome made = call_now(callee_at(where), given.bound, where, p, 0);
        end_timed(timed, made);
        return made;
    };
    return make_on(std::move(pool), std::move(body), where, p);
}

// asyncio's letter: the answer does not wait for the thread of a cancelled to_thread. The calls own what they use.
constexpr auto blocking = [](auto f) { return executor::to_thread_unjoined(std::move(f)); };

/// One of a client's places on the blocking pool. It is kept until the thread has ended the call, also if nobody awaits
/// the call any more.
struct blocking_place {
    std::shared_ptr<executor::semaphore> places{};
    executor::semaphore::permit own{};
};

/// oneTBB's context of a call on the compute pool. Whoever awaits the call cancels it when that ends: a call that goes
/// on then, since its task was cancelled, can see it, and the parallel algorithms in it stop.
class computing_context {
public:
    computing_context() = default;
    ~computing_context() { context_->cancel_group_execution(); }
    computing_context(const computing_context&) = delete;
    computing_context& operator=(const computing_context&) = delete;

    /// A pool for call_on. `compute`: how it awaits the compute pool.
    template <typename Compute>
    [[nodiscard]] auto pool(Compute compute) const {
        return [context = context_, compute](auto f) {
            auto body = [context, f = std::move(f)]() mutable {
                outcome result;
                oneapi::tbb::task_group{*context}.run_and_wait([&] { result = f(); });
                return result;
            };
            return compute(std::move(body));
        };
    }

private:
    using context_type = oneapi::tbb::task_group_context;

    std::shared_ptr<context_type> context_ = std::make_shared<context_type>();  // shared with the thread
};

constexpr auto computes_beside_others = [](auto f) { return executor::compute_unjoined(std::move(f)); };
constexpr auto computes_in_turn_joined = [](auto f) { return executor::compute_in_turn_joined(std::move(f)); };

/// A call on the compute pool. If it is cancelled its task goes on at once, and the thread as soon as it sees that.
///
/// In a seeded program no other task runs meanwhile, as none does in CPython: what comes first does not hang on the
/// thread's time. There a call that draws is waited for also if it is cancelled, since the next draw comes after it.
executor::task<outcome> call_computing(place where, bound_arguments given, program& p) {
    const computing_context context;
    timed_call timed = timed_at(where, p, call_lane::compute);
    if (!p.is_seeded()) {
        co_return co_await call_on(context.pool(computes_beside_others), where, std::move(given), p, std::move(timed));
    }
    if (callee_at(where).draws) {
        co_return co_await call_on(context.pool(computes_in_turn_joined), where, std::move(given), p, std::move(timed));
    }
    co_return co_await call_on(context.pool(computes_in_turn), where, std::move(given), p, std::move(timed));
}

/// How long a sleeping call sleeps, in `delay`; or the failure that it is instead.
outcome sleep_delay(const sleeping_body& body, arguments bound, place where, std::chrono::nanoseconds& delay) {
    return guarded(where, [&]() -> outcome {
        delay = body.delay(bound);
        return value{};
    });
}

/// What it gives afterwards.
outcome sleep_result(const sleeping_body& body, arguments bound, place where) {
    return guarded(where, [&]() -> outcome { return body.result(bound); });
}

/// The same, of a call whose arguments are those of the plan.
outcome sleep_result(place where) {
    const call_site site = call_at(where);
    return sleep_result(std::get<sleeping_body>(site.callee.body), site.arguments.bound, where);
}

/// A call on the blocking pool, once its client has a place there.
executor::task<outcome> call_blocking(place where, bound_arguments given, program& p) {
    timed_call timed = timed_at(where, p, call_lane::blocking);
    blocking_place taken{p.blocking_places()};
    try {
        if (taken.places != nullptr) {
            taken.own = co_await taken.places->acquire();
        }
    } catch (const executor::cancelled_error& e) {
        co_return cancelled_at(where, e);
    }
    auto holding_it = [taken = std::move(taken)](auto f) mutable {
        return blocking([f = std::move(f), taken = std::move(taken)]() mutable { return f(); });
    };
    co_return co_await call_on(std::move(holding_it), where, std::move(given), p, std::move(timed));
}

/// Why its caller may not call it, or null.
failure_ptr refusal_of(const function& callee, place where, const program& p) {
    const char* const setting = p.client().refusal;
    return setting == nullptr || callee.needs.empty()
               ? nullptr
               : std::make_shared<const failure>(
                     failure{"PermissionError",
                             callee.name + ": not offered to clients without a token over TCP; set " + setting, where});
}

/// What a counted call has as its context: the program, and who hears when it begins.
class counted_context final : public call_context {
public:
    counted_context(program& p, timed_call timed) noexcept : program_{p}, timed_{std::move(timed)} {}

    [[nodiscard]] timed_call& timed() noexcept { return timed_; }

    // call_context
    void call_began() noexcept override {
        timed_.begin();
        program_.call_began();
    }
    void print(std::string line) override { program_.print(std::move(line)); }
    python_random& random() override { return program_.random(); }
    [[nodiscard]] caller client() const noexcept override { return program_.client(); }
    [[nodiscard]] std::shared_ptr<executor::memory_account> account() override { return program_.account(); }
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> deadline() const noexcept override {
        return program_.deadline();
    }
    void call_failed(std::string_view function, std::string_view type) noexcept override {
        program_.call_failed(function, type);
    }
    void exceed(const char* limit) noexcept override { program_.exceed(limit); }

private:
    program& program_;
    timed_call timed_;
};

/// Awaits a function that is a coroutine, in the frame that holds its arguments. Calls of workers are counted where
/// they are placed; their context is the program itself, by which they take turns.
executor::task<outcome> call_coroutine(const function& callee, arguments bound, place where, program& p) {
    if (auto refused = refusal_of(callee, where, p)) {
        co_return refused;
    }
    std::optional<counted_context> counted;
    if (callee.pool != thread_pool::elsewhere) {
        counted.emplace(p, timed_at(where, p, callee.has_line ? call_lane::own : call_lane::none));
    }
    if (!callee.has_line) {
        note_begin(where, p);
    }
    outcome result;
    try {
        result =
            co_await std::get<coroutine_body>(callee.body)(counted ? static_cast<call_context&>(*counted) : p, bound);
    } catch (const std::exception&) {
        result = handled_call(where, callee, p);
    }
    if (counted) {
        end_timed(counted->timed(), result);
    }
    co_return result;
}

executor::task<outcome> fail_with(outcome failed) {
    co_return failed;
}

/// `await asyncio.sleep(delay)`, then the result of the call at `where`. Of these a plan may have a million at a time:
/// the frame holds the wait and the place, and no variable beside them.
executor::task<outcome> sleep_at(place where, executor::sleep_awaiter delay) {
    try {
        co_await delay;
    } catch (...) {  // a CancelledError; g++ would keep the reference to it in the frame
        co_return handled(where);
    }
    co_return sleep_result(where);
}

/// A call whose arguments are there, as a coroutine.
executor::task<outcome> call_with(place where, bound_arguments given, program& p, bool on_thread) {
    const function& callee = callee_at(where);
    if (node_recorder* const recorder = p.recorder()) [[unlikely]] {
        recorder->set_arguments(record_around.get(), *where.at, callee, given.bound);
    }
    if (const auto* const sleeping = std::get_if<sleeping_body>(&callee.body)) {
        note_begin(where, p);
        std::chrono::nanoseconds delay{};
        outcome failed = sleep_delay(*sleeping, given.bound, where, delay);
        if (!failed.has_value()) {
            co_return failed;
        }
        try {
            co_await executor::sleep(delay);
        } catch (const executor::cancelled_error& e) {
            co_return cancelled_at(where, e);
        }
        co_return sleep_result(*sleeping, given.bound, where);
    }
    if (std::holds_alternative<coroutine_body>(callee.body)) {
        co_return co_await call_coroutine(callee, given.bound, where, p);
    }
    const bool draws_in_turn = callee.draws && p.is_seeded();  // also in to_thread
    if ((on_thread && !draws_in_turn) || callee.pool == thread_pool::blocking) {
        co_return co_await call_blocking(where, std::move(given), p);
    }
    const auto steps = steps_on_worker(callee, given.bound);
    if (!steps) {
        co_return co_await call_computing(where, std::move(given), p);
    }
    note_begin(where, p);
    co_return call_now(callee, given.bound, where, p, *steps);
}

/// A call whose args are computed, and large.
executor::task<outcome> call_with_many(place where, std::shared_ptr<const value> args, program& p) {
    bound_arguments given;
    auto copied = [args = std::move(args)] { return *args; };
    auto binding = bind_aside(given, where, std::move(copied), p);
    const outcome fitted = co_await std::move(binding);
    if (!fitted.has_value()) {
        co_return fitted;
    }
    co_return co_await call_with(where, std::move(given), p, false);
}

/// Any call, with a frame of its own for the arguments that have to be awaited.
executor::task<outcome> evaluate_any_call(place where, environment_ptr names, program& p, bool on_thread) {
    const call_site site = call_at(where);
    bound_arguments given{site.arguments.bound};
    const awaited_arguments* const awaited = site.arguments.awaited;
    if (awaited != nullptr && awaited->whole != nullptr) {
        outcome args = co_await evaluate(*awaited->whole, names, p);
        if (!args.has_value()) {
            co_return args;
        }
        outcome fitted;
        if (are_large({&args.result(), 1})) {
            auto moved = [args = std::move(args.result())]() mutable { return std::move(args); };
            auto binding = bind_aside(given, where, std::move(moved), p);
            fitted = co_await std::move(binding);
        } else {
            fitted = bind_computed(given, where, std::move(args.result()));
        }
        if (!fitted.has_value()) {
            co_return fitted;
        }
    } else if (awaited != nullptr) {
        given.expect(awaited->parts.size());
        turn own;
        for (const awaited_part& part : awaited->parts) {
            std::shared_ptr<const value> shared;
            const ref_node* const ref = whole_ref(part);
            auto evaluation = ref != nullptr ? recorded({ref}, evaluate_ref(*ref, names, p, &shared), p)
                                             : evaluate(*part.task, names, p);
            outcome result = co_await std::move(evaluation);
            if (!result.has_value()) {
                co_return result;
            }
            if (shared != nullptr) {
                given.share(part, std::move(shared));
            } else {
                given.fill(part, std::move(result.result()));
            }
            if (own.is_over_after_child()) {
                try {
                    co_await give_way{};
                } catch (const executor::cancelled_error& e) {
                    co_return cancelled_at(where, e);
                }
            }
        }
    }
    co_return co_await call_with(where, std::move(given), p, on_thread);
}

}  // namespace

outcome cancelled_at(place where, const executor::cancelled_error& cause) {
    return failure{"CancelledError", cause.message(), where};
}

bool is_deeper_than(const value& v, std::size_t max_depth) {
    if (!v.is_structured()) {
        return false;
    }
    return max_depth == 0 ||
           std::any_of(v.begin(), v.end(), [=](const value& inner) { return is_deeper_than(inner, max_depth - 1); });
}

outcome call_now(const function& callee, arguments bound, place where, program& p, std::size_t steps) {
    turn::take(steps);
    try {
        return callee.call(p, bound);
    } catch (const std::exception&) {
        return handled_call(where, callee, p);
    }
}

failure_ptr append_call(std::string& text, const function& callee, arguments bound, place where,
                        call_context& context) {
    const std::size_t begin = text.size();
    try {
        protocol::append_value(text, callee.call(context, bound));
        return nullptr;
    } catch (const memory_limit_exceeded&) {
        throw;
    } catch (const std::exception&) {
        text.resize(begin);
        return handled_call(where, callee, context);
    }
}

void fill_part(value& argument, const awaited_part& part, value result) {
    value* slot = &argument;
    for (const std::uint32_t position : part.place) {
        if (slot->is_array()) {
            slot = &(*slot)[position];
        } else {
            slot = &(slot->get_ref<value::object_t&>().begin() + position)->second;
        }
    }
    *slot = std::move(result);
}

bool is_more_than_a_step(const value& v) noexcept {
    constexpr std::size_t most_values = 256;
    constexpr std::size_t most_text_bytes = 1024;
    return are_more_than({&v, 1}, most_values, most_text_bytes);
}

std::optional<outcome> call_computed_now(place where, value args, program& p) {
    const function& callee = callee_at(where);
    bound_arguments given;
    outcome fitted = bind_computed(given, where, std::move(args));
    if (!fitted.has_value()) {
        return fitted;
    }
    const auto steps = steps_on_worker(callee, given.bound);
    return steps ? std::optional{call_now(callee, given.bound, where, p, *steps)} : std::nullopt;
}

executor::task<outcome> evaluate_computed_call(place where, std::shared_ptr<const value> args, program& p) {
    if (are_large({args.get(), 1})) {
        return call_with_many(where, std::move(args), p);
    }
    bound_arguments given;
    outcome fitted = bind_computed(given, where, *args);
    if (!fitted.has_value()) {
        return fail_with(std::move(fitted));
    }
    return call_with(where, std::move(given), p, false);
}

call_site call_at(place where) {
    if (where.item != place::no_item) {
        const auto& map = static_cast<const map_node&>(*where.at);
        return {*map.callee, map.over[where.item]};
    }
    const auto& call = static_cast<const call_node&>(*where.at);
    return {*call.callee, call.arguments};
}

bool sleeps_only(place where) {
    if (where.item != place::no_item && !static_cast<const map_node&>(*where.at).has_listed_calls()) {
        return false;
    }
    const call_site site = call_at(where);
    return std::holds_alternative<sleeping_body>(site.callee.body) && site.arguments.awaited == nullptr;
}

bool has_waited(const call_node& n) {
    const auto* const sleeping = std::get_if<sleeping_body>(&n.callee->body);
    std::chrono::nanoseconds delay{};
    if (std::holds_alternative<coroutine_body>(n.callee->body)) {
        return true;  // as far as anybody can tell
    }
    return sleeping != nullptr && n.callee->is_async() && n.arguments.awaited == nullptr &&
           sleep_delay(*sleeping, n.arguments.bound, {&n}, delay).has_value();
}

executor::task<outcome> evaluate_call(place where, environment_ptr names, program& p, bool on_thread) {
    const call_site site = call_at(where);
    const auto* const sleeping = std::get_if<sleeping_body>(&site.callee.body);
    if (sleeping == nullptr || site.arguments.awaited != nullptr) {
        return evaluate_any_call(where, std::move(names), p, on_thread);
    }
    std::chrono::nanoseconds delay{};
    outcome failed = sleep_delay(*sleeping, site.arguments.bound, where, delay);
    return failed.has_value() ? sleep_at(where, executor::sleep(delay)) : fail_with(std::move(failed));
}

}  // namespace gatherd::api::plan
