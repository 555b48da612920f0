#include "config/nearest_name.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>
#include <vector>

namespace gatherd::config {

namespace {

std::string folded(std::string_view name) {
    std::string plain{name};
    for (char& c : plain) {
        c = c == '-' ? '_' : (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return plain;
}

/// Names that settings had before, or that other programs have for them, as `folded` spells them.
constexpr std::array renamed{std::pair<std::string_view, std::string_view>{"workers", "threads"},
                             std::pair<std::string_view, std::string_view>{"pin_workers", "pin_threads"},
                             std::pair<std::string_view, std::string_view>{"port", "listen"},
                             std::pair<std::string_view, std::string_view>{"host", "listen"},
                             std::pair<std::string_view, std::string_view>{"bind", "listen"},
                             std::pair<std::string_view, std::string_view>{"port", "connect"},
                             std::pair<std::string_view, std::string_view>{"host", "connect"}};

/// A folded name without what a flag or a variable has before it.
std::string_view bare(std::string_view folded) {
    for (const std::string_view before : {"__", "gatherd_"}) {
        folded.remove_prefix(folded.starts_with(before) ? before.size() : 0);
    }
    return folded;
}

/// How many letters to insert, drop or change to make one of the other (Levenshtein).
std::size_t edits(std::string_view one, std::string_view other) {
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < one.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < other.size(); ++j) {
            const std::size_t change = diagonal + (one[i] == other[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({change, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

}  // namespace

std::string_view nearest_name(std::string_view name, std::span<const std::string> candidates) {
    constexpr std::size_t longest = 64;  // no name is longer, and the cost grows with the length
    if (name.empty() || name.size() > longest) {
        return {};
    }
    const auto wanted = folded(name);
    for (const auto& [before, now] : renamed) {
        const auto found = std::ranges::find_if(
            candidates, [next = now](const std::string& each) { return bare(folded(each)) == next; });
        if (bare(wanted) == before && found != candidates.end()) {
            return *found;
        }
    }
    std::string_view best;
    std::size_t fewest = std::max<std::size_t>(1, name.size() / 3) + 1;
    for (const auto& candidate : candidates) {
        const auto offered = folded(candidate);
        const auto dot = offered.rfind('.');
        const auto last = dot == std::string::npos ? offered : offered.substr(dot + 1);
        const auto distance = std::min(edits(wanted, offered), edits(wanted, last));
        if (distance < fewest) {
            fewest = distance;
            best = candidate;
        }
    }
    return best;
}

}  // namespace gatherd::config
