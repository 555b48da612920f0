/// \file
/// The table of functions, and the guess at what a misspelt name meant.
#include "api/plan/model/registry.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <utility>

namespace gatherd::api::plan {

namespace {

/// How many slips a name may hold and still be taken for a misspelling: one in four letters, four at most.
std::size_t tolerated(std::string_view name) noexcept {
    return std::clamp<std::size_t>(name.size() / 4, 1, 4);
}

char lower(char letter) noexcept {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

/// Insertions, deletions, replacements and swaps of neighbours (Damerau-Levenshtein, each place touched once)
/// that turn one name into the other; capitals count as small letters. Cost: the product of the lengths.
std::size_t distance(std::string_view first, std::string_view second) {
    std::vector<std::size_t> before_last(second.size() + 1);
    std::vector<std::size_t> last(second.size() + 1);
    std::vector<std::size_t> row(second.size() + 1);
    for (std::size_t j = 0; j <= second.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= first.size(); ++i) {
        std::swap(before_last, last);
        std::swap(last, row);
        row[0] = i;
        for (std::size_t j = 1; j <= second.size(); ++j) {
            const bool same = lower(first[i - 1]) == lower(second[j - 1]);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0U : 1U)});
            const bool swapped = i > 1 && j > 1 && lower(first[i - 1]) == lower(second[j - 2]) &&
                                 lower(first[i - 2]) == lower(second[j - 1]);
            if (swapped) {
                row[j] = std::min(row[j], before_last[j - 2] + 1);
            }
        }
    }
    return row[second.size()];
}

/// What follows the last dot: of "random.uniform", "uniform".
std::string_view last_part(std::string_view name) noexcept {
    return name.substr(name.rfind('.') + 1);
}

}  // namespace

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
    std::string_view best;
    std::size_t best_distance = tolerated(name) + 1;
    for (const auto& [candidate, ignored] : functions_) {
        const std::size_t gap =
            candidate.size() > name.size() ? candidate.size() - name.size() : name.size() - candidate.size();
        std::size_t slips = best_distance + 1;
        if (last_part(candidate) == name) {
            slips = 0;                      // the right function without its child_list: "uniform"
        } else if (gap <= best_distance) {  // else it cannot win: so a huge name costs a comparison of lengths
            slips = distance(name, candidate);
        }
        // Of equals the first by name, so that the answer does not hang on the table's order.
        if (slips < best_distance || (slips == best_distance && !best.empty() && candidate < best)) {
            best = candidate;
            best_distance = slips;
        }
    }
    return best;
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
