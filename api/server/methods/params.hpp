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
#include <utility>
#include <vector>

#include "api/error.hpp"
#include "api/plan/model/python_random.hpp"
#include "api/protocol/json_view.hpp"
#include "api/result.hpp"
#include "api/trace_parent.hpp"

namespace gatherd::api::server {

/// Why a request is refused: thrown by whatever a method asks before it starts anything, caught where it was called.
struct refused {
    error reason;
};

/// What a result holds, or throws its reason.
template <typename T>
[[nodiscard]] T value_or_refuse(result<T> outcome) {
    if (!outcome) {
        throw refused{std::move(outcome).reason()};
    }
    return *std::move(outcome);
}

/// What a method takes: the names that may also come by position, in their order, then those that come by name only.
struct signature {
    std::vector<std::string_view> positional{};
    std::vector<std::string_view> named{};
};

/// The params of one request, checked against a signature.
///
/// Lifetime: as the message that they came in, and the signature. The readers of single members return the value, or
/// nothing where it is absent or null. Throws `refused`: -32602 with the place of what is wrong.
class params {
public:
    /// Unknown names, or more positions than there are, are refused.
    params(std::optional<protocol::json_view> given, const signature& expected);
    params(const params&) = delete;
    params& operator=(const params&) = delete;

    /// Whether nothing is there but what may come by position, and a trace: all else then has its default, as in most
    /// requests.
    [[nodiscard]] bool is_plain() const noexcept { return is_plain_; }

    /// A member, if it is there and not null.
    [[nodiscard]] std::optional<protocol::json_view> operator[](std::string_view name) const;

    /// A member that must be there.
    [[nodiscard]] protocol::json_view required(std::string_view name) const;

    /// How a pointer into the params spells this member: its name, or its position.
    [[nodiscard]] std::string step(std::string_view name) const;

    [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
    [[nodiscard]] std::string required_text(std::string_view name) const;
    [[nodiscard]] bool flag(std::string_view name) const;
    [[nodiscard]] std::optional<std::chrono::nanoseconds> seconds(std::string_view name) const;
    [[nodiscard]] std::unique_ptr<plan::python_random> seed() const;
    [[nodiscard]] std::optional<std::vector<std::string>> texts(std::string_view name) const;

    /// The trace that the request belongs to: any method takes `traceparent` by name. Without it that of its
    /// connection.
    [[nodiscard]] trace_parent trace_or(const trace_parent& of_connection) const noexcept {
        return trace_.value_or(of_connection);
    }

    /// Refuses a member.
    [[noreturn]] void refuse(std::string_view name, std::string_view why) const;

private:
    static constexpr std::size_t most = 10;  // params of a method

    struct member {
        std::string_view name;
        protocol::json_view value;
    };

    void add(std::string_view name, protocol::json_view value);
    void take_trace(protocol::json_view given);
    [[nodiscard]] std::optional<protocol::json_view> raw(std::string_view name) const;

    const signature& expected_;
    // Those that are there, each name once: few, so that asking for one that is not costs next to nothing.
    std::array<std::optional<member>, most> members_{};
    std::size_t count_ = 0;
    bool by_position_ = false;
    bool is_plain_ = true;
    std::optional<trace_parent> trace_{};
};

/// Throws `refused`: -32602 with a pointer into the params.
[[noreturn]] void refuse_params(const std::string& path, std::string_view why, const std::string& hint = {});

}  // namespace gatherd::api::server
