#include "api/server/limits/failure_counts.hpp"

#include <algorithm>
#include <exception>
#include <functional>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/shortened.hpp"

namespace gatherd::api::server {

void failure_counts::add(std::string_view function, std::string_view type) noexcept {
    const std::pair names_of_it{first_bytes(function, most_name_bytes), first_bytes(type, most_name_bytes)};
    const std::lock_guard guard{lock_};
    try {
        if (const auto found = counts_.find(names_of_it); found != counts_.end()) {
            ++found->second;
        } else if (counts_.size() < most_pairs) {
            counts_.emplace(names{names_of_it.first, names_of_it.second}, 1);
        } else {
            ++others_;
        }
    } catch (const std::exception&) {  // no memory
        ++others_;
    }
}

value failure_counts::most_frequent(std::size_t most) const {
    using counted = std::pair<names, std::uint64_t>;
    std::vector<counted> all;
    std::uint64_t others = 0;
    {
        const std::lock_guard guard{lock_};
        all.assign(counts_.begin(), counts_.end());
        others = others_;
    }
    std::ranges::sort(all, [](const counted& one, const counted& other) {
        return one.second != other.second ? one.second > other.second : one.first < other.first;
    });
    value list = value::array();
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (i < most) {
            list.push_back({{"function", all[i].first.first}, {"type", all[i].first.second}, {"count", all[i].second}});
        } else {
            others += all[i].second;
        }
    }
    if (others > 0) {
        list.push_back({{"function", "(others)"}, {"type", "(others)"}, {"count", others}});
    }
    return list;
}

}  // namespace gatherd::api::server
