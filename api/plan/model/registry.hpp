/// \file
/// The functions that plans may call, by name.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/plan/model/function.hpp"

namespace gatherd::api::plan {

/// A table of functions. Filled at start by the families of api/functions/, then only read, from any thread.
class registry {
public:
    registry() { functions_.max_load_factor(sparse); }

    /// Adds a function. Throws std::logic_error if the name is taken: two families must not share one.
    void add(function f);

    /// The function of that name, or null. Constant time; the pointer stays valid as long as the registry.
    [[nodiscard]] const function* find(std::string_view name) const noexcept;

    /// The name nearest to a misspelt one, or empty if none is near enough to be worth proposing.
    [[nodiscard]] std::string_view nearest(std::string_view name) const;

    /// All functions, sorted by name.
    [[nodiscard]] std::vector<const function*> all() const;

private:
    // Names seldom share a bucket: a search computes the hash of each name in the one that it looks through.
    static constexpr float sparse = 0.125F;

    struct name_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>{}(name); }
    };
    std::unordered_map<std::string, function, name_hash, std::equal_to<>> functions_;
};

}  // namespace gatherd::api::plan
