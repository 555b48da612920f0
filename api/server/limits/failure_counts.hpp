/// \file
/// How often calls of each function have failed, by the type of the error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "gatherd/api/value.hpp"

namespace gatherd::api::server {

/// Types are what functions of clients say, so there may be any number of pairs of function and type. 256 are counted
/// each. A further one takes the place of the one that is rarest, and begins with its rank (Space-Saving: Metwally,
/// Agrawal and El Abbadi 2005). So pairs that fail often stay, however many rare ones come. What was counted of those
/// that have left is among the others.
///
/// Threads: all members are safe from any thread. Memory: bounded, some 150 KB. Cost of add: logarithmic.
class failure_counts {
public:
    void add(std::string_view function, std::string_view type) noexcept;

    /// `[{"function", "type", "count"}..]`, the most frequent first; up to so many. A count is exact since the pair got
    /// its place, and all counts together are all failures. The rest has no names but `(others)`, and comes last.
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
    struct place {
        std::uint64_t count = 0;
        std::uint64_t inherited = 0;  // the rank of the one whose place it took
        std::uint64_t last = 0;       // the number of its last failure
    };
    using table = std::map<names, place, by_name>;
    using rank =
        std::tuple<std::uint64_t, std::uint64_t, const names*>;  // count and what it inherited; last; the names

    static rank rank_of(const table::value_type& pair) noexcept;
    [[nodiscard]] std::uint64_t make_room() noexcept;

    mutable std::mutex lock_;
    table counts_;          // under lock_, as all below
    std::set<rank> ranks_;  // of the same pairs, the rarest first; of equals the one that has not failed for longest
    std::uint64_t failures_ = 0;
    std::uint64_t others_ = 0;
};

}  // namespace gatherd::api::server
