/// \file
/// The table of functions.
#include "api/plan/model/registry.hpp"

#include <algorithm>
#include <mutex>
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

std::shared_ptr<const function> registry::find_served(std::string_view name) const {
    const std::shared_lock guard{served_->lock};
    const auto place = served_->by_name.find(name);
    return place == served_->by_name.end() ? nullptr : place->second;
}

void registry::serve(std::shared_ptr<const function> f) {
    const std::string_view name = f->name;
    std::shared_ptr<const function> before;  // goes when nobody waits for the lock
    const std::lock_guard guard{served_->lock};
    if (auto replaced = served_->by_name.extract(name)) {
        before = std::move(replaced.mapped());
    }
    served_->by_name.emplace(name, std::move(f));
}

void registry::withdraw(std::string_view name) {
    std::shared_ptr<const function> before;
    const std::lock_guard guard{served_->lock};
    if (auto gone = served_->by_name.extract(name)) {
        before = std::move(gone.mapped());
    }
}

std::string registry::nearest(std::string_view name) const {
    nearest_name nearest{name};
    for (const auto& [candidate, ignored] : functions_) {
        nearest.consider(candidate);
    }
    const std::shared_lock guard{served_->lock};
    for (auto each = served_->by_name.begin(); each != served_->by_name.end() && !nearest.is_tired(); ++each) {
        nearest.consider(each->first);
    }
    return std::string{nearest.found()};
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

std::size_t registry::served() const {
    const std::shared_lock guard{served_->lock};
    return served_->by_name.size();
}

std::vector<std::shared_ptr<const function>> registry::all_served() const {
    std::vector<std::shared_ptr<const function>> sorted;
    {
        const std::shared_lock guard{served_->lock};
        sorted.reserve(served_->by_name.size());
        for (const auto& [ignored, f] : served_->by_name) {
            sorted.push_back(f);
        }
    }
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a->name < b->name; });
    return sorted;
}

}  // namespace gatherd::api::plan
