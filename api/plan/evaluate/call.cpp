#include "api/plan/evaluate/call.hpp"

#include <new>
#include <utility>
#include <vector>

#include "api/plan/evaluate/evaluate.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/plan/model/function.hpp"
#include "api/protocol/json_writer.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/to_thread.hpp"

namespace gatherd::api::plan {

namespace {

/// The exception that is being handled, as a failure.
failure_ptr handled(place where) {
    const auto as = [where](const char* type, const std::string& message) {
        return std::make_shared<const failure>(failure{type, message, where});
    };
    try {
        throw;
    } catch (const raised& e) {
        return as(e.type().c_str(), e.message());
    } catch (const executor::cancelled_error& e) {
        return as("CancelledError", e.message());
    } catch (const executor::timeout_error& e) {
        return as("TimeoutError", e.message());
    } catch (const std::bad_alloc&) {
        return as("MemoryError", "");
    } catch (const std::exception& e) {  // a function of somebody's own, or a bug of ours
        return as("RuntimeError", e.what());
    }
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

/// Puts what a task gave into its place in the arguments.
void fill(std::vector<value>& into, const awaited_part& h, value result) {
    value* at = &into[h.argument];
    for (const std::uint32_t position : h.place) {
        if (at->is_array()) {
            at = &(*at)[position];
        } else {
            at = &(at->get_ref<value::object_t&>().begin() + position)->second;
        }
    }
    *at = std::move(result);
}

/// Runs a call on a pool, with the program kept alive for as long as the thread needs it.
template <typename Pool>
executor::task<outcome> call_on(Pool pool, call_site site, std::vector<value> bound, program& p) {
    try {
        // Named, since g++ 12 destroys temporaries with captures twice in some awaits.
        auto body = [callee = &site.callee, where = site.where, args = std::move(bound), owner = p.shared_from_this()] {
            return call_now(*callee, args, where, *owner);
        };
        auto called = pool(std::move(body));
        outcome result = co_await called;
        co_return result;
    } catch (const executor::cancelled_error& e) {
        co_return cancelled_at(site.where, e);
    } catch (const std::exception& e) {  // no thread can be started
        co_return failure{"RuntimeError", e.what(), site.where};
    }
}

/// Takes the size of `v` from `left`: its memory, about.
measure measure_within(const value& v, std::size_t max_depth, std::size_t& left) {
    const std::size_t own = sizeof v + (v.is_string() ? v.get_ref<const std::string&>().size() : 0);
    if (own > left) {
        return measure::too_large;
    }
    left -= own;
    if (!v.is_structured()) {
        return measure::fits;
    }
    if (max_depth == 0) {
        return measure::too_deep;
    }
    for (const value& inner : v) {
        if (const measure m = measure_within(inner, max_depth - 1, left); m != measure::fits) {
            return m;
        }
    }
    return measure::fits;
}

// asyncio's letter: the answer does not wait for the thread of a cancelled to_thread. The calls own what they use.
constexpr auto blocking = [](auto f) { return executor::to_thread_unjoined(std::move(f)); };
constexpr auto computing = [](auto f) { return executor::compute_unjoined(std::move(f)); };

/// `await asyncio.sleep(delay, result)`
executor::task<outcome> sleep_for(const sleeping_body& body, std::span<const value> bound, place where) {
    std::chrono::nanoseconds delay{};
    const outcome checked = sleep_delay(body, bound, where, delay);
    if (!checked.has_value()) {
        co_return checked;
    }
    try {
        co_await executor::sleep(delay);
    } catch (const executor::cancelled_error& e) {
        co_return cancelled_at(where, e);
    }
    co_return sleep_result(body, bound, where);
}

/// Any call, with a frame of its own for the arguments that have to be awaited.
executor::task<outcome> evaluate_any_call(call_site site, environment_ptr names, program& p, bool on_thread) {
    const function& callee = site.callee;
    std::vector<value> own;  // where awaits have to be filled in, or a thread needs a copy
    std::span<const value> bound = site.arguments.bound;
    const awaited_arguments* const awaited = site.arguments.awaited;
    if (awaited != nullptr && awaited->whole != nullptr) {
        outcome args = co_await evaluate(*awaited->whole, names, p);
        if (!args.has_value()) {
            co_return args;
        }
        const outcome fitted = guarded(site.where, [&]() -> outcome {
            own = bind_value(callee, std::move(args.result()));
            return value{};
        });
        if (!fitted.has_value()) {
            co_return fitted;
        }
        bound = own;
    } else if (awaited != nullptr) {
        own.assign(bound.begin(), bound.end());
        for (const awaited_part& h : awaited->parts) {
            outcome result = co_await evaluate(*h.task, names, p);
            if (!result.has_value()) {
                co_return result;
            }
            fill(own, h, std::move(result.result()));
        }
        bound = own;
    }
    if (const auto* const sleeping = std::get_if<sleeping_body>(&callee.body)) {
        co_return co_await sleep_for(*sleeping, bound, site.where);
    }
    if (on_thread || callee.pool == thread_pool::blocking) {
        co_return co_await call_on(blocking, site, {bound.begin(), bound.end()}, p);
    }
    const bool is_long = callee.pool == thread_pool::compute && (callee.is_brief == nullptr || !callee.is_brief(bound));
    if (is_long && !(callee.draws && p.is_seeded())) {
        co_return co_await call_on(computing, site, {bound.begin(), bound.end()}, p);
    }
    co_return call_now(callee, bound, site.where, p);
}

}  // namespace

outcome cancelled_at(place where, const executor::cancelled_error& cause) {
    return failure{"CancelledError", cause.message(), where};
}

measure measure_of(const value& v, std::size_t max_depth, std::size_t max_bytes, std::size_t& bytes) {
    std::size_t left = max_bytes;
    const measure found = measure_within(v, max_depth, left);
    bytes = max_bytes - left;
    return found;
}

outcome call_now(const function& callee, arguments bound, place where, program& p) {
    outcome made = guarded(where, [&]() -> outcome {
        const auto turn = callee.draws ? p.generator_turn() : std::unique_lock<std::mutex>{};
        return std::get<plain_body>(callee.body)(p, bound);
    });
    if (made.has_value() && (made.result().is_structured() || made.result().is_string())) {
        std::size_t bytes = 0;
        // Too deep or too large is judged where it is looked at: here only what it holds matters.
        static_cast<void>(measure_of(made.result(), p.bounds().depth, p.bounds().result_bytes, bytes));
        if (!p.account_for(bytes)) {
            return failure{"CancelledError", "", where};
        }
    }
    return made;
}

failure_ptr append_call(std::string& text, const function& callee, arguments bound, place where,
                        call_context& context) {
    const std::size_t begin = text.size();
    try {
        protocol::append_value(text, std::get<plain_body>(callee.body)(context, bound));
        return nullptr;
    } catch (const std::exception&) {
        text.resize(begin);
        return handled(where);
    }
}

outcome sleep_delay(const sleeping_body& body, arguments bound, place where, std::chrono::nanoseconds& delay) {
    return guarded(where, [&]() -> outcome {
        delay = body.delay(bound);
        return value{};
    });
}

outcome sleep_result(const sleeping_body& body, arguments bound, place where) {
    return guarded(where, [&]() -> outcome { return body.result(bound); });
}

executor::task<outcome> evaluate_call(call_site site, environment_ptr names, program& p, bool on_thread) {
    const auto* const sleeping = std::get_if<sleeping_body>(&site.callee.body);
    if (sleeping != nullptr && site.arguments.awaited == nullptr) {
        return sleep_for(*sleeping, site.arguments.bound, site.where);  // many of them may wait: one frame less each
    }
    return evaluate_any_call(site, std::move(names), p, on_thread);
}

}  // namespace gatherd::api::plan
