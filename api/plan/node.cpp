#include "api/plan/node.hpp"

#include <vector>

namespace gatherd::api::plan {

std::string pointer_to(const place& where) {
    std::vector<const node*> upwards;
    for (const node* each = where.at; each != nullptr; each = each->parent) {
        upwards.push_back(each);
    }
    std::string pointer;
    for (auto each = upwards.rbegin(); each != upwards.rend(); ++each) {
        pointer += (*each)->step;
        if ((*each)->position != place::no_item) {
            pointer += '/' + std::to_string((*each)->position);
        }
    }
    if (where.item != place::no_item) {
        // The map of a method stands at its params: its own step says how `over` is called there.
        const auto* const map = static_cast<const map_node*>(where.at);
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
