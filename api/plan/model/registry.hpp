/// \file
/// The functions that plans may call, by name.
#pragma once

#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/plan/model/function.hpp"

namespace gatherd::api::plan {

/// A table of functions: the daemon's own, which the families of api/functions/ add at start, and those that workers
/// serve, which come and go while it runs.
///
/// Threads: `add` before anybody else; all else from any thread. Looking for one of the daemon's own takes no lock.
class registry {
public:
    registry() { functions_.max_load_factor(sparse); }

    /// Adds a function. Throws std::logic_error if the name is taken: two families must not share one.
    void add(function f);

    /// The daemon's own function of that name, or null. Constant time; the pointer stays valid as long as the registry.
    [[nodiscard]] const function* find(std::string_view name) const noexcept;

    /// The function of that name that workers serve, or null. Whoever keeps it may call it, whatever becomes of the
    /// name.
    [[nodiscard]] std::shared_ptr<const function> find_served(std::string_view name) const;

    /// From now on this is the function of its name. Precondition: the daemon has none of that name.
    void serve(std::shared_ptr<const function> f);

    /// From now on no worker's function has that name.
    void withdraw(std::string_view name);

    /// The name nearest to a misspelt one, or empty if none is near enough to be worth proposing. Cost: bounded; of
    /// very many names that are served not all are considered.
    [[nodiscard]] std::string nearest(std::string_view name) const;

    /// The daemon's own functions, sorted by name.
    [[nodiscard]] std::vector<const function*> all() const;

    /// How many are served.
    [[nodiscard]] std::size_t served() const;

    /// Those that are served, sorted by name.
    [[nodiscard]] std::vector<std::shared_ptr<const function>> all_served() const;

private:
    // Names seldom share a bucket: a search computes the hash of each name in the one that it looks through.
    static constexpr float sparse = 0.125F;

    struct name_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>{}(name); }
    };
    std::unordered_map<std::string, function, name_hash, std::equal_to<>> functions_;

    struct served_functions {
        std::shared_mutex lock;
        std::unordered_map<std::string_view, std::shared_ptr<const function>> by_name;  // a key is its function's name
    };
    std::unique_ptr<served_functions> served_ = std::make_unique<served_functions>();  // so that this can be moved
};

}  // namespace gatherd::api::plan
