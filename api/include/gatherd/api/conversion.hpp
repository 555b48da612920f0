/// \file
/// JSON values to the C++ types of a function's parameters, and its result to JSON: what registry::add is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "gatherd/api/value.hpp"

namespace gatherd::api::detail {

/// A value that is being read, and what messages call it: "resize(): sizes[2]". All that it names outlives it.
struct reading {
    std::string_view callee;
    std::string_view parameter;  ///< of the parameter itself
    const value& given;
    const reading* outer = nullptr;    ///< the list or object that it is an item of; null: it is the whole argument
    std::size_t index = 0;             ///< there, in a list
    const std::string* key = nullptr;  ///< there, in an object

    [[nodiscard]] reading item(const value& of_list, std::size_t place) const noexcept {
        return {callee, parameter, of_list, this, place, nullptr};
    }
    [[nodiscard]] reading member(const value& of_object, const std::string& name) const noexcept {
        return {callee, parameter, of_object, this, 0, &name};
    }
};

// All throw `raised`: TypeError for a value of another type, ValueError for one that is out of range.
[[nodiscard]] std::int64_t read_signed(const reading& source, std::int64_t least, std::int64_t most);
[[nodiscard]] std::uint64_t read_unsigned(const reading& source, std::uint64_t most);
[[nodiscard]] double read_number(const reading& source, double most);
[[nodiscard]] bool read_flag(const reading& source);
[[nodiscard]] const std::string& read_text(const reading& source);
[[nodiscard]] const value::array_t& read_list(const reading& source);
[[nodiscard]] const value::object_t& read_object(const reading& source);

/// The value cannot be read as a type of the user's; `why` is nlohmann's message.
[[noreturn]] void refuse_user_type(const reading& source, const char* why);

/// A number that is not finite: throws `raised` OverflowError.
[[nodiscard]] value write_number(double number);
/// A text that is not UTF-8: throws `raised` ValueError.
[[nodiscard]] value write_text(std::string text);
/// A result whose parts nobody has looked at: as these two, and RecursionError where it nests deeper than 1000.
[[nodiscard]] value checked(value result);
/// How deep it may nest.
inline constexpr std::size_t deepest_result = 1000;  // the most that limits.depth may be
[[noreturn]] void refuse_depth();

/// The RecursionError of `checked`, before anything goes into all of its depth, as a copy does.
template <typename Json>
void check_depth(const Json& part, std::size_t depth = 0) {
    if (depth > deepest_result) {
        refuse_depth();
    }
    if (part.is_structured()) {
        for (const auto& each : part) {
            check_depth(each, depth + 1);
        }
    }
}

template <typename T>
inline constexpr bool is_json = nlohmann::detail::is_basic_json<T>::value;

template <typename T>
struct sequence : std::false_type {};
template <typename T, typename Allocator>
struct sequence<std::vector<T, Allocator>> : std::true_type {};

template <typename T>
struct object : std::false_type {};
template <typename T, typename... Rest>
struct object<std::map<std::string, T, Rest...>> : std::true_type {};
template <typename T, typename... Rest>
struct object<std::unordered_map<std::string, T, Rest...>> : std::true_type {};

template <typename T>
struct maybe : std::false_type {};
template <typename T>
struct maybe<std::optional<T>> : std::true_type {};

/// What the list of functions calls a type.
template <typename T>
[[nodiscard]] std::string type_text() {
    if constexpr (is_json<T>) {
        return "any";
    } else if constexpr (std::is_same_v<T, bool>) {
        return "true or false";
    } else if constexpr (std::is_integral_v<T>) {
        return "integer";
    } else if constexpr (std::is_floating_point_v<T>) {
        return "number";
    } else if constexpr (std::is_same_v<T, std::string>) {
        return "text";
    } else if constexpr (maybe<T>::value) {
        return type_text<typename T::value_type>() + " or null";
    } else if constexpr (sequence<T>::value) {
        return "list of " + type_text<typename T::value_type>();
    } else if constexpr (object<T>::value) {
        return "object of " + type_text<typename T::mapped_type>();
    } else {
        return "any";  // nobody knows what its from_json takes
    }
}

/// The value as a T.
template <typename T>
[[nodiscard]] T read(const reading& source) {
    if constexpr (std::is_same_v<T, value>) {
        return source.given;
    } else if constexpr (is_json<T>) {
        return T(source.given);
    } else if constexpr (std::is_same_v<T, bool>) {
        return read_flag(source);
    } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
        return static_cast<T>(read_signed(source, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    } else if constexpr (std::is_integral_v<T>) {
        return static_cast<T>(read_unsigned(source, std::numeric_limits<T>::max()));
    } else if constexpr (std::is_floating_point_v<T>) {
        constexpr bool is_narrow = std::numeric_limits<T>::max_exponent < std::numeric_limits<double>::max_exponent;
        return static_cast<T>(read_number(source, is_narrow ? static_cast<double>(std::numeric_limits<T>::max())
                                                            : std::numeric_limits<double>::max()));
    } else if constexpr (std::is_same_v<T, std::string>) {
        return read_text(source);
    } else if constexpr (maybe<T>::value) {
        return source.given.is_null() ? T{} : T{read<typename T::value_type>(source)};
    } else if constexpr (sequence<T>::value) {
        const auto& items = read_list(source);
        T all;
        all.reserve(items.size());
        for (std::size_t i = 0; i < items.size(); ++i) {
            all.push_back(read<typename T::value_type>(source.item(items[i], i)));
        }
        return all;
    } else if constexpr (object<T>::value) {
        T all;
        for (const auto& [name, member] : read_object(source)) {
            all.emplace(name, read<typename T::mapped_type>(source.member(member, name)));
        }
        return all;
    } else {
        static_assert(!std::is_pointer_v<T> && !std::is_same_v<T, std::string_view>,
                      "what a function keeps of its arguments owns its text: take std::string");
        try {
            return nlohmann::json(source.given).template get<T>();
        } catch (const nlohmann::json::exception& wrong) {
            refuse_user_type(source, wrong.what());
        }
    }
}

/// A T as a value.
template <typename T>
[[nodiscard]] value write(T result) {
    if constexpr (std::is_same_v<T, value>) {
        return checked(std::move(result));
    } else if constexpr (is_json<T>) {
        check_depth(result);
        return checked(value(result));
    } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::nullptr_t>) {
        return value(result);
    } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
        return value(static_cast<std::int64_t>(result));
    } else if constexpr (std::is_integral_v<T>) {
        return value(static_cast<std::uint64_t>(result));
    } else if constexpr (std::is_floating_point_v<T>) {
        return write_number(static_cast<double>(result));
    } else if constexpr (std::is_convertible_v<T, std::string_view>) {
        if constexpr (std::is_same_v<T, std::string>) {
            return write_text(std::move(result));
        } else {
            return write_text(std::string{std::string_view{result}});
        }
    } else if constexpr (maybe<T>::value) {
        return result ? write<typename T::value_type>(std::move(*result)) : value(nullptr);
    } else if constexpr (sequence<T>::value) {
        value list = value::array();
        auto& items = list.template get_ref<value::array_t&>();
        items.reserve(result.size());
        for (auto&& each : result) {
            items.push_back(write<typename T::value_type>(std::move(each)));
        }
        return list;
    } else if constexpr (object<T>::value) {
        value members = value::object();
        auto& all = members.template get_ref<value::object_t&>();
        all.reserve(result.size());
        for (auto& [name, member] : result) {
            // Names of a map differ: no look for each at all the others.
            all.emplace_back(write_text(name).template get<std::string>(),
                             write<typename T::mapped_type>(std::move(member)));
        }
        return members;
    } else {
        const nlohmann::json whole(std::move(result));
        check_depth(whole);
        return checked(value(whole));
    }
}

}  // namespace gatherd::api::detail
