/// \file
/// Which coroutines may await what this library makes.
#pragma once

#include <concepts>
#include <coroutine>

namespace gatherd::executor::detail {

class promise_base;

/// The coroutine that awaits: a task<> or async_generator<>. A coroutine of another library is refused when it is
/// compiled. It would suspend whatever task runs on the thread at that moment, instead of itself.
class awaiting_coroutine {
public:
    template <std::derived_from<promise_base> Promise>
    awaiting_coroutine(std::coroutine_handle<Promise> frame) noexcept  // NOLINT(google-explicit-constructor)
        : frame_{frame} {}

    operator std::coroutine_handle<>() const noexcept { return frame_; }  // NOLINT(google-explicit-constructor)

private:
    std::coroutine_handle<> frame_;
};

}  // namespace gatherd::executor::detail
