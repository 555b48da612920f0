/// \file
/// How often calls of each function have failed, by the type of the error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "gatherd/api/value.hpp"

namespace gatherd::api::server {

/// Types are what functions of clients say: the first 256 pairs of function and type are counted each, all others
/// together.
///
/// Threads: all members are safe from any thread. Memory: bounded, some 100 KB.
class failure_counts {
public:
    void add(std::string_view function, std::string_view type) noexcept;

    /// `[{"function", "type", "count"}..]`, the most frequent first; up to so many. Those that are not counted each have
    /// no names but `(others)`, and come last.
    [[nodiscard]] value most_frequent(std::size_t most) const;

private:
    static constexpr std::size_t most_pairs = 256;
    static constexpr std::size_t most_name_bytes = 128;

    using names = std::pair<std::string, std::string>;
    struct by_name {
        using is_transparent = void;
        template <typename One, typename Other>
        bool operator()(const One& one, const Other& other) const noexcept {
            const int order = std::string_view{one.first}.compare(other.first);
            return order != 0 ? order < 0 : std::string_view{one.second} < std::string_view{other.second};
        }
    };

    mutable std::mutex lock_;
    std::map<names, std::uint64_t, by_name> counts_;  // under lock_, as the next
    std::uint64_t others_ = 0;
};

}  // namespace gatherd::api::server
