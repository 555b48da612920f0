#include "api/plan/unique_members.hpp"

#include <cstddef>
#include <string_view>
#include <unordered_map>

namespace gatherd::api::plan {

std::vector<protocol::json_view::member> unique_members(protocol::json_view object) {
    std::vector<protocol::json_view::member> unique;
    std::unordered_map<std::string_view, std::size_t> seen;
    for (const auto& each : object.members()) {
        const auto [at, is_new] = seen.try_emplace(each.name, unique.size());
        if (is_new) {
            unique.push_back(each);
        } else {
            unique[at->second].value = each.value;
        }
    }
    return unique;
}

}  // namespace gatherd::api::plan
