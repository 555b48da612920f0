/// \file
/// The params of a method: by name or by position.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/json/json_view.hpp"
#include "api/plan/python_random.hpp"
#include "api/result.hpp"

namespace gatherd::api::server {

/// What a method takes: the names that may also come by position, in their order, then those that come by name only.
struct signature {
    std::vector<std::string_view> positional{};
    std::vector<std::string_view> named{};
};

/// The params of one request, checked against a signature.
///
/// Lifetime: as the message that they came in, and the signature. The readers of single members return the value, or
/// nothing where it is absent or null; a wrong type is an error with its place.
class params {
public:
    /// Unknown names, or more positions than there are, are refused.
    [[nodiscard]] static result<params> read(std::optional<json::json_view> from, const signature& expected);

    /// Whether nothing is there but what may come by position: all else then has its default, as in most requests.
    [[nodiscard]] bool is_plain() const noexcept { return is_plain_; }

    /// A member, if it is there and not null.
    [[nodiscard]] std::optional<json::json_view> operator[](std::string_view name) const;

    /// A member that must be there.
    [[nodiscard]] result<json::json_view> required(std::string_view name) const;

    /// How a pointer into the params spells this member: its name, or its position.
    [[nodiscard]] std::string step(std::string_view name) const;

    [[nodiscard]] result<std::optional<std::string>> text(std::string_view name) const;
    [[nodiscard]] result<bool> flag(std::string_view name) const;
    [[nodiscard]] result<std::optional<std::chrono::nanoseconds>> seconds(std::string_view name) const;
    [[nodiscard]] result<std::unique_ptr<plan::python_random>> seed() const;
    [[nodiscard]] result<std::optional<std::vector<std::string>>> texts(std::string_view name) const;

    /// -32602 at a member.
    [[nodiscard]] error refuse(std::string_view name, std::string_view why) const;

private:
    static constexpr std::size_t most = 8;  // params of a method

    struct member {
        std::string_view name;
        json::json_view value;
    };

    void add(std::string_view name, json::json_view value);
    [[nodiscard]] std::optional<json::json_view> raw(std::string_view name) const;

    const signature* expected_ = nullptr;
    // Those that are there, each name once: few, so that asking for one that is not costs next to nothing.
    std::array<std::optional<member>, most> members_{};
    std::size_t count_ = 0;
    bool by_position_ = false;
    bool is_plain_ = true;
};

/// -32602 with a pointer into the params.
[[nodiscard]] error invalid_params(const std::string& path, std::string_view why);

}  // namespace gatherd::api::server
