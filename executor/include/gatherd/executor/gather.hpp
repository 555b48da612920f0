/// \file
/// Running several coroutines at once and taking their results in order: asyncio.gather.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/detail/gathering.hpp"
#include "gatherd/executor/detail/outcome.hpp"

namespace gatherd::executor {

/// What a task<T> gives inside a list of results: T; std::monostate for void; std::reference_wrapper<U> for U&.
template <typename T>
using gathered_value = detail::stored<T>;

/// What became of one child of gather_exceptions: its value or its exception.
template <typename T>
using gathered = std::variant<gathered_value<T>, std::exception_ptr>;

namespace detail {

/// The children of a gather of one type, and where they leave their results.
template <typename T>
class range_children {
public:
    using result = std::conditional_t<std::is_void_v<T>, void, std::vector<stored<T>>>;

    explicit range_children(std::vector<task<T>> coroutines)
        : coroutines_{std::move(coroutines)}, outcomes_(coroutines_.size()) {}

    /// Calls f(coroutine, outcome) for one child.
    template <typename Function>
    void visit(std::size_t number, Function f) {
        f(coroutines_[number], outcomes_[number]);
    }

    /// All results, each by `take(outcome)`.
    template <typename Function>
    auto take_each(Function take) {
        std::vector<decltype(take(outcomes_.front()))> all;
        all.reserve(outcomes_.size());
        for (outcome<stored<T>>& each : outcomes_) {
            all.push_back(take(each));
        }
        return all;
    }

    void forget_outcomes() noexcept { outcomes_.clear(); }

private:
    std::vector<task<T>> coroutines_;
    std::vector<outcome<stored<T>>> outcomes_;
};

/// As range_children, for children of different types.
template <typename... Ts>
class tuple_children {
public:
    using result = std::conditional_t<(std::is_void_v<Ts> && ...), void, std::tuple<stored<Ts>...>>;

    explicit tuple_children(std::tuple<task<Ts>...> coroutines) : coroutines_{std::move(coroutines)} {}

    template <typename Function>
    void visit(std::size_t number, Function f) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            ((I == number ? f(std::get<I>(coroutines_), std::get<I>(*outcomes_)) : void()), ...);
        }
        (std::index_sequence_for<Ts...>{});
    }

    template <typename Function>
    auto take_each(Function take) {
        return std::apply([&take](auto&... each) { return std::tuple<decltype(take(each))...>{take(each)...}; },
                          *outcomes_);
    }

    void forget_outcomes() noexcept { outcomes_.reset(); }

private:
    std::tuple<task<Ts>...> coroutines_;
    std::optional<std::tuple<outcome<stored<Ts>>...>> outcomes_{std::in_place};
};

/// A gather whose children are known by type.
template <typename Children>
class gathering_of final : public gathering, public pooled {
public:
    template <typename Coroutines>
    gathering_of(std::size_t children, Coroutines coroutines, on_failure policy)
        : gathering{task_state::current().scope(), children, policy}, children_{std::move(coroutines)} {}

    [[nodiscard]] Children& children() noexcept { return children_; }

private:
    [[nodiscard]] std::coroutine_handle<> take_coroutine(std::size_t number) noexcept override {
        std::coroutine_handle<> taken;
        children_.visit(number, [&taken](auto& coroutine, auto&) { taken = release_once(coroutine); });
        return taken;
    }

    child_end collect(std::size_t number, std::coroutine_handle<> ended) noexcept override {
        child_end end = child_end::returned;
        children_.visit(number, [ended, &end]<typename T>(task<T>&, outcome<stored<T>>& result) {
            const auto root = std::coroutine_handle<task_promise<T>>::from_address(ended.address());
            try {
                if constexpr (std::is_void_v<T>) {
                    root.promise().take();
                    result.set_value();
                } else {
                    result.set_value(root.promise().take());
                }
            } catch (const cancelled_error&) {
                end = child_end::cancelled;
                result.set_failure(std::current_exception());
            } catch (...) {  // the edge of the child: the exception is raised where the gather is awaited
                end = child_end::raised;
                result.set_failure(std::current_exception());
            }
        });
        ended.destroy();
        return end;
    }

    void refuse(std::size_t number, std::coroutine_handle<> unstarted, std::exception_ptr reason) noexcept override {
        children_.visit(number, [&reason](auto&, auto& result) { result.set_failure(std::move(reason)); });
        unstarted.destroy();
    }

    [[nodiscard]] std::exception_ptr exception_of(std::size_t number) noexcept override {
        std::exception_ptr exception;
        children_.visit(number, [&exception](auto&, auto& result) {
            if (result.has_failed()) {
                exception = result.failure();
            }
        });
        return exception;
    }

    void forget_outcomes() noexcept override { children_.forget_outcomes(); }
    void destroy() noexcept override { delete this; }

    Children children_;
};

/// The awaiting coroutine's hold on its gather.
struct release_gathering {
    void operator()(gathering* g) const noexcept { g->release(); }
};

/// Starts the children and waits for the end of the gather.
class gather_awaiter {
public:
    using native_awaiter = void;

    explicit gather_awaiter(gathering& awaited) noexcept : awaited_{awaited} {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(detail::awaiting_coroutine at) noexcept { return awaited_.await_suspend(at); }
    void await_resume() { awaited_.await_resume(); }

private:
    gathering& awaited_;
};

/// `Result`: void, or what `take` makes of all outcomes.
template <typename Children, typename Result, typename Coroutines, typename Function>
task<Result> gather_all(std::size_t count, Coroutines coroutines, on_failure policy, Function take) {
    const std::unique_ptr<gathering_of<Children>, release_gathering> all{
        new gathering_of<Children>{count, std::move(coroutines), policy}};
    if (count != 0) {
        co_await gather_awaiter{*all};
    }
    if constexpr (!std::is_void_v<Result>) {
        co_return all->children().take_each(take);
    }
}

inline constexpr auto take_value = []<typename T>(outcome<T>& ended) { return std::move(ended.value()); };
inline constexpr auto take_outcome = []<typename T>(outcome<T>& ended) {
    using either = std::variant<T, std::exception_ptr>;
    return ended.has_failed() ? either{std::in_place_index<1>, std::move(ended.failure())}
                              : either{std::in_place_index<0>, std::move(ended.value())};
};

template <typename T>
auto gather_range(std::vector<task<T>> coroutines, on_failure policy) {
    using children = range_children<T>;
    const std::size_t count = coroutines.size();
    return gather_all<children, typename children::result>(count, std::move(coroutines), policy, take_value);
}

template <typename... Ts>
auto gather_tuple(on_failure policy, task<Ts>... coroutines) {
    using children = tuple_children<Ts...>;
    return gather_all<children, typename children::result>(
        sizeof...(Ts), std::tuple<task<Ts>...>{std::move(coroutines)...}, policy, take_value);
}

}  // namespace detail

/// `co_await gather(coroutines)`: runs all of them as tasks and gives their results in the order given: a
/// std::vector<gathered_value<T>>, or nothing for coroutines without a result. Of none gives an empty vector.
///
/// When a child raises, or ends by CancelledError, its siblings are cancelled; those that have not started never start.
/// When all have ended, the first exception is raised. If the awaiting task is cancelled, all children are cancelled,
/// and CancelledError is raised when they have ended. In any case this returns only when all children have ended, so
/// they may use what the awaiting coroutine's frame holds. asyncio.gather leaves the siblings running: that is
/// gather_unjoined.
///
/// Cost: children start in the order given, on the awaiting thread as long as no other thread takes some of them. One
/// that ends without having waited costs little more than its coroutine: see detail/gathering.hpp.
template <typename T>
auto gather(std::vector<task<T>> coroutines) {
    return detail::gather_range(std::move(coroutines), on_failure::cancel_siblings);
}

/// `co_await gather(a(), b())`: the same for coroutines of different types. Gives a tuple, in which a coroutine without
/// a result has std::monostate; or nothing if none has a result.
template <typename... Ts>
requires(sizeof...(Ts) > 0) auto gather(task<Ts>... coroutines) {
    return detail::gather_tuple(on_failure::cancel_siblings, std::move(coroutines)...);
}

/// asyncio.gather to the letter: as gather, but the first exception is raised at once, and the siblings run on until
/// they end or their scope ends them. They must not use anything that the awaiting coroutine owns.
template <typename T>
auto gather_unjoined(std::vector<task<T>> coroutines) {
    return detail::gather_range(std::move(coroutines), on_failure::leave_siblings);
}
template <typename... Ts>
requires(sizeof...(Ts) > 0) auto gather_unjoined(task<Ts>... coroutines) {
    return detail::gather_tuple(on_failure::leave_siblings, std::move(coroutines)...);
}

/// asyncio.gather with return_exceptions=True: as gather, but an exception is a result like others and cancels nothing.
/// Raises only the awaiting task's own cancellation, when all children have ended.
template <typename T>
task<std::vector<gathered<T>>> gather_exceptions(std::vector<task<T>> coroutines) {
    const std::size_t count = coroutines.size();
    return detail::gather_all<detail::range_children<T>, std::vector<gathered<T>>>(
        count, std::move(coroutines), on_failure::go_on, detail::take_outcome);
}
template <typename... Ts>
requires(sizeof...(Ts) > 0) task<std::tuple<gathered<Ts>...>> gather_exceptions(task<Ts>... coroutines) {
    return detail::gather_all<detail::tuple_children<Ts...>, std::tuple<gathered<Ts>...>>(
        sizeof...(Ts), std::tuple<task<Ts>...>{std::move(coroutines)...}, on_failure::go_on, detail::take_outcome);
}

}  // namespace gatherd::executor
