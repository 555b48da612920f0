/// \file
/// The table of functions.
#include "api/plan/model/registry.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "api/plan/model/nearest_name.hpp"

namespace gatherd::api::plan {

void registry::add(function f) {
    std::string name = f.name;
    if (const auto [place, added] = functions_.try_emplace(std::move(name), std::move(f)); !added) {
        throw std::logic_error{"two functions are named " + place->first};
    }
}

const function* registry::find(std::string_view name) const noexcept {
    const auto place = functions_.find(name);
    return place == functions_.end() ? nullptr : &place->second;
}

std::string_view registry::nearest(std::string_view name) const {
    nearest_name nearest{name};
    for (const auto& [candidate, ignored] : functions_) {
        nearest.consider(candidate);
    }
    return nearest.found();
}

std::vector<const function*> registry::all() const {
    std::vector<const function*> sorted;
    sorted.reserve(functions_.size());
    for (const auto& [ignored, f] : functions_) {
        sorted.push_back(&f);
    }
    std::sort(sorted.begin(), sorted.end(), [](const function* a, const function* b) { return a->name < b->name; });
    return sorted;
}

}  // namespace gatherd::api::plan
