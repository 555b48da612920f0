/// \file
/// The functions of a program or a plug-in, which plans may call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "gatherd/api/arguments.hpp"
#include "gatherd/api/conversion.hpp"
#include "gatherd/api/value.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::api {

namespace plan {
class registry;
}

/// Where calls of a plain function run. A coroutine runs on a worker and must not block its thread.
enum class lane : std::uint8_t {
    compute,   ///< on a thread for computing, of which there are as many as workers: it takes CPU time and never waits
    blocking,  ///< on a thread of its own: it waits for a disk, a network, another process
    at_once,   ///< on the worker itself, between two sockets: it returns within microseconds. Calls with many or long
               ///< arguments run on the compute lane
};

/// A parameter as callers see it.
struct parameter {
    std::string name;
    std::optional<value> default_value{};  ///< none: it is required, or null where its type is std::optional
    std::string help{};                    ///< one line for people
    bool variadic = false;                 ///< takes all further arguments: the last one, a std::vector
};

/// What a signature does not tell. All of it may be left out.
struct function_options {
    std::vector<parameter> parameters{};  ///< one for each of the function's; none: they are called arg1, arg2 ...
    std::string summary{};                ///< one line for people
    lane runs = lane::compute;            ///< of a plain function
};

namespace detail {

/// What messages call a function and its parameters.
struct signature {
    std::string name;
    std::vector<std::string> parameters;
    bool is_variadic = false;  ///< the last one is
};
using signature_ptr = std::shared_ptr<const signature>;

using plain_function = std::function<value(arguments)>;
using coroutine_function = std::function<executor::task<value>(arguments)>;

/// A parameter's type, without the type.
struct parameter_type {
    std::string text;
    std::string item_text;  ///< of a std::vector, that of its items; else empty
    bool is_optional;
    void (*check)(const reading&);  ///< throws where a value does not fit
};

struct declared_function {
    std::string name;
    function_options options;
    std::vector<parameter_type> types;
    std::variant<plain_function, coroutine_function> body;
};

template <typename T>
struct awaited : std::false_type {};
template <typename T>
struct awaited<executor::task<T>> : std::true_type {
    using type = T;
};

/// What is kept of an argument while the function runs: a string for a string_view.
template <typename Parameter>
using kept = std::conditional_t<std::is_same_v<std::remove_cvref_t<Parameter>, std::string_view>, std::string,
                                std::remove_cvref_t<Parameter>>;

template <typename Parameter>
constexpr bool is_readable =
    !std::is_pointer_v<std::remove_cvref_t<Parameter>> &&
    !(std::is_lvalue_reference_v<Parameter> && !std::is_const_v<std::remove_reference_t<Parameter>>);

/// A kept argument as the function takes it.
template <typename Parameter>
[[nodiscard]] decltype(auto) pass(kept<Parameter>& argument) noexcept {
    if constexpr (std::is_same_v<std::remove_cvref_t<Parameter>, std::string_view>) {
        return std::string_view{argument};
    } else if constexpr (std::is_lvalue_reference_v<Parameter>) {
        return std::as_const(argument);
    } else {
        return std::move(argument);
    }
}

/// All arguments from that one on, as a list.
[[nodiscard]] value list_from(arguments given, std::size_t first);

template <typename T>
[[nodiscard]] T read_argument(const signature& callee, arguments given, std::size_t place) {
    if constexpr (sequence<T>::value) {
        if (callee.is_variadic && place + 1 == callee.parameters.size()) {
            const value list = list_from(given, place);
            return read<T>(reading{callee.name, callee.parameters[place], list});
        }
    }
    return read<T>(reading{callee.name, callee.parameters[place], given[place]});
}

template <typename... Parameters, std::size_t... Places>
[[nodiscard]] std::tuple<kept<Parameters>...> read_all([[maybe_unused]] const signature& callee,
                                                       [[maybe_unused]] arguments given,
                                                       std::index_sequence<Places...> /*places*/) {
    // In braces they are read from left to right: the first one that does not fit is reported.
    return std::tuple<kept<Parameters>...>{read_argument<kept<Parameters>>(callee, given, Places)...};
}

template <typename Result, typename... Parameters>
Result invoke(const std::function<Result(Parameters...)>& body, std::tuple<kept<Parameters>...>& given) {
    return std::apply([&body](auto&... each) -> Result { return body(pass<Parameters>(each)...); }, given);
}

/// Runs a coroutine with arguments that live as long as it.
template <typename T, typename... Parameters>
executor::task<value> await_with(const std::function<executor::task<T>(Parameters...)>& body,
                                 std::tuple<kept<Parameters>...> given) {
    auto called = invoke(body, given);  // named: g++ 12 destroys some temporaries of an await twice
    if constexpr (std::is_void_v<T>) {
        co_await std::move(called);
        co_return value(nullptr);
    } else {
        T result = co_await std::move(called);
        co_return write<T>(std::move(result));
    }
}

template <typename Result, typename... Parameters>
[[nodiscard]] auto bound_body(std::function<Result(Parameters...)> body, signature_ptr callee) {
    if constexpr (awaited<Result>::value) {
        return coroutine_function{
            [body = std::move(body), callee = std::move(callee)](arguments given) -> executor::task<value> {
                return await_with<typename awaited<Result>::type, Parameters...>(
                    body, read_all<Parameters...>(*callee, given, std::index_sequence_for<Parameters...>{}));
            }};
    } else {
        return plain_function{[body = std::move(body), callee = std::move(callee)](arguments given) -> value {
            auto all = read_all<Parameters...>(*callee, given, std::index_sequence_for<Parameters...>{});
            if constexpr (std::is_void_v<Result>) {
                invoke(body, all);
                return nullptr;
            } else {
                return write<std::remove_cvref_t<Result>>(invoke(body, all));
            }
        }};
    }
}

template <typename T>
[[nodiscard]] parameter_type type_of() {
    std::string item_text;
    if constexpr (sequence<T>::value) {
        item_text = type_text<typename T::value_type>();
    }
    return {type_text<T>(), std::move(item_text), maybe<T>::value,
            [](const reading& source) { static_cast<void>(read<T>(source)); }};
}

/// `arg1`, `arg2` ... where the caller gave no names.
void name_parameters(function_options& options, std::size_t count);

}  // namespace detail

/// Functions by name. Filled before the daemon starts, and then handed to it.
///
/// Threads: one at a time. What was added is called from several threads at the same time.
class registry {
public:
    /// Adds a function: a pointer, or an object with one operator(). A parameter is of type bool, a type of integers,
    /// float, double, std::string, std::string_view, `value` or another nlohmann::basic_json, std::vector<T>,
    /// std::map<std::string, T>, std::unordered_map<std::string, T>, std::optional<T>, or any other that nlohmann's
    /// from_json reads; it is taken by value or by reference to const. The result is one of these, or void, which gives
    /// null; user types are written by to_json. A last parameter that is a std::vector may be `variadic`: it takes all
    /// further arguments of a call. A function that returns executor::task<T> is a coroutine; its arguments
    /// live until it ends.
    ///
    /// A call with arguments of other types raises TypeError, one with a number out of range ValueError, as the
    /// daemon's own functions do. An exception of the function is raised in the plan: `raised` as it says,
    /// std::invalid_argument, domain_error, length_error and range_error as ValueError, out_of_range as IndexError,
    /// overflow_error as OverflowError, bad_alloc as MemoryError, system_error by its code as FileNotFoundError and the
    /// like, the executor's cancelled_error and timeout_error as CancelledError and TimeoutError, all else as
    /// RuntimeError. A number that is not finite in the result is OverflowError, a text that is not UTF-8 ValueError.
    ///
    /// Throws std::invalid_argument where the declaration cannot hold: options that do not fit the signature, a default
    /// that its parameter does not take, or a name twice. Whether the daemon has the name is found out when it starts.
    template <typename Function>
    void add(std::string name, Function body, function_options options = {}) {
        add_typed(std::move(name), std::function{std::move(body)}, std::move(options));
    }

    /// Adds all to the daemon's. Throws std::invalid_argument if a name is no name, or is one that the daemon has or
    /// keeps for itself; the functions before it have been added then.
    void move_to(plan::registry& functions) &&;

    [[nodiscard]] std::size_t size() const noexcept { return functions_.size(); }

private:
    template <typename Result, typename... Parameters>
    void add_typed(std::string name, std::function<Result(Parameters...)> body, function_options options) {
        static_assert(
            (detail::is_readable<Parameters> && ...),
            "a parameter is taken by value or by reference to const: no pointer, no reference that it changes");
        detail::name_parameters(options, sizeof...(Parameters));
        auto callee = std::make_shared<detail::signature>();
        callee->name = name;
        for (const parameter& each : options.parameters) {
            callee->parameters.push_back(each.name);
            callee->is_variadic = each.variadic;
        }
        add_declared({std::move(name),
                      std::move(options),
                      {detail::type_of<detail::kept<Parameters>>()...},
                      detail::bound_body(std::move(body), std::move(callee))});
    }

    void add_declared(detail::declared_function f);

    std::vector<detail::declared_function> functions_;
};

}  // namespace gatherd::api
