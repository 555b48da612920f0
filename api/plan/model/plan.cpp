#include "api/plan/model/plan.hpp"

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/plan/model/drop_aside.hpp"
#include "api/plan/model/node.hpp"

namespace gatherd::api::plan {

plan::~plan() {
    for (const values_chunk& each : values_) {
        take_apart({each.values.get(), each.used});
    }
}

std::string_view plan::keep(std::string_view text) {
    const std::span<char> copy = make_span<char>(text.size());
    std::copy(text.begin(), text.end(), copy.begin());
    return {copy.data(), copy.size()};
}

void plan::keep_served(std::shared_ptr<const function> served) {
    if (served_ == nullptr) {
        served_ = std::make_unique<served_functions>();
    }
    const std::string_view name = served->name;
    served_->emplace(name, std::move(served));
}

const function* plan::find_served(std::string_view name) const {
    if (served_ == nullptr) {
        return nullptr;
    }
    const auto found = served_->find(name);
    return found == served_->end() ? nullptr : found->second.get();
}

std::span<value> plan::make_values(std::size_t count) {
    if (values_.empty() || values_.back().size - values_.back().used < count) {
        // Small plans get small chunks; large ones few.
        const std::size_t usual = values_.empty() ? 8 : std::min(largest_chunk, values_.back().size * 2);
        const std::size_t size = std::max(count, usual);
        memory_limit::check(size * sizeof(value));
        values_.push_back({std::make_unique<value[]>(size), 0, size});
    }
    values_chunk& last = values_.back();
    const std::span<value> room{last.values.get() + last.used, count};
    last.used += count;
    return room;
}

std::string pointer_to(const place& where, std::size_t most) {
    std::vector<const node*> upwards;
    for (const node* each = where.at; each != nullptr; each = each->parent) {
        upwards.push_back(each);
    }
    std::string pointer;
    for (auto each = upwards.rbegin(); each != upwards.rend() && pointer.size() <= most; ++each) {
        pointer += *(*each)->step;
        if ((*each)->position != place::no_item) {
            pointer += '/' + std::to_string((*each)->position);
        }
    }
    if (where.item == place::no_item) {
        return pointer;
    }
    if (const auto* const map = static_cast<const map_node*>(where.at); map->has_listed_calls()) {
        // The map of a method stands at its params: its own step says how `over` is called there.
        pointer += map->over_step;
        pointer += '/' + std::to_string(where.item);
    }
    return pointer;
}

std::chrono::nanoseconds to_duration(double seconds) noexcept {
    constexpr double most = 9.2e9;
    if (seconds >= most) {
        return std::chrono::nanoseconds::max();
    }
    if (seconds <= -most) {
        return std::chrono::nanoseconds::min();
    }
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>{seconds});
}

}  // namespace gatherd::api::plan
