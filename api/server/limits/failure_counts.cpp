#include "api/server/limits/failure_counts.hpp"

#include <algorithm>
#include <exception>
#include <functional>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/shortened.hpp"

namespace gatherd::api::server {

failure_counts::rank failure_counts::rank_of(const table::value_type& pair) noexcept {
    return {pair.second.count + pair.second.inherited, pair.second.last, &pair.first};
}

void failure_counts::add(std::string_view function, std::string_view type) noexcept {
    const std::pair names_of_it{first_bytes(function, most_name_bytes), first_bytes(type, most_name_bytes)};
    const std::lock_guard guard{lock_};
    ++failures_;
    try {
        auto pair = counts_.find(names_of_it);
        if (pair == counts_.end()) {
            const std::uint64_t inherited = counts_.size() < most_pairs ? 0 : make_room();
            pair = counts_.emplace(names{names_of_it.first, names_of_it.second}, place{.inherited = inherited}).first;
        } else {
            ranks_.erase(rank_of(*pair));
        }
        ++pair->second.count;
        pair->second.last = failures_;
        ranks_.insert(rank_of(*pair));
    } catch (const std::exception&) {  // no memory
        ++others_;
    }
}

/// The rarest pair leaves. Gives its rank. Under lock_.
std::uint64_t failure_counts::make_room() noexcept {
    const auto [its_rank, last, leaving] = *ranks_.begin();
    ranks_.erase(ranks_.begin());
    const auto at = counts_.find(*leaving);
    others_ += at->second.count;
    counts_.erase(at);
    return its_rank;
}

value failure_counts::most_frequent(std::size_t most) const {
    using counted = std::pair<names, std::uint64_t>;
    std::vector<counted> all;
    std::uint64_t others = 0;
    {
        const std::lock_guard guard{lock_};
        for (const auto& [of, its_place] : counts_) {
            all.emplace_back(of, its_place.count);
        }
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
