/// \file
/// What a coroutine came to: a value or an exception.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

namespace gatherd::executor::detail {

/// How a result of type T is kept: std::monostate for void, std::reference_wrapper<U> for U&, else T itself.
template <typename T>
using stored = std::conditional_t<
    std::is_void_v<T>, std::monostate,
    std::conditional_t<std::is_reference_v<T>, std::reference_wrapper<std::remove_reference_t<T>>, T>>;

/// Whether a result can be copied. Containers say so of themselves even if their elements cannot be copied.
template <typename T>
inline constexpr bool is_copyable_result = std::is_copy_constructible_v<T>;
template <typename T>
requires requires {
    typename T::value_type;
}
inline constexpr bool is_copyable_result<T> =
    std::is_copy_constructible_v<T> &&
    (std::is_same_v<typename T::value_type, T> || is_copyable_result<typename T::value_type>);

/// Nothing to begin with, then a value or what was raised, once. A std::variant of the three takes twice the
/// instructions, and there is one of these for each call.
template <typename T>
class outcome {
public:
    outcome() noexcept {}  // NOLINT(modernize-use-equals-default): a union has no default one
    outcome(const outcome&) = delete;
    outcome& operator=(const outcome&) = delete;
    ~outcome() {
        if (kind_ == kind::value) {
            value_.~T();
        } else if (kind_ == kind::failure) {
            failure_.~exception_ptr();
        }
    }

    /// If this throws it is nothing still.
    template <typename... Arguments>
    void set_value(Arguments&&... arguments) {
        std::construct_at(&value_, std::forward<Arguments>(arguments)...);
        kind_ = kind::value;
    }
    void set_failure(std::exception_ptr why) noexcept {
        std::construct_at(&failure_, std::move(why));
        kind_ = kind::failure;
    }

    [[nodiscard]] bool has_failed() const noexcept { return kind_ == kind::failure; }
    [[nodiscard]] std::exception_ptr& failure() noexcept { return failure_; }  ///< only if it has
    [[nodiscard]] const std::exception_ptr& failure() const noexcept { return failure_; }
    [[nodiscard]] T& value() noexcept { return value_; }  ///< only if there is one

private:
    enum class kind : unsigned char { nothing, value, failure };

    union {  // by kind_
        T value_;
        std::exception_ptr failure_;
    };
    kind kind_ = kind::nothing;
};

}  // namespace gatherd::executor::detail
