#include "api/plan/model/nearest_name.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace gatherd::api::plan {

namespace {

/// How many slips a name may hold and still be taken for a misspelling: one in four letters, four at most. None where
/// the slip would be the whole name.
std::size_t tolerated(std::string_view name) noexcept {
    return name.size() < 2 ? 0 : std::clamp<std::size_t>(name.size() / 4, 1, 4);
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

nearest_name::nearest_name(std::string_view misspelt) : misspelt_{misspelt}, best_distance_{tolerated(misspelt) + 1} {}

void nearest_name::consider(std::string_view known) {
    const std::size_t gap =
        known.size() > misspelt_.size() ? known.size() - misspelt_.size() : misspelt_.size() - known.size();
    std::size_t slips = best_distance_ + 1;
    if (last_part(known) == misspelt_) {
        slips = 0;                       // the right name without its family: "uniform"
    } else if (gap <= best_distance_) {  // else it cannot win: so a huge name costs a comparison of lengths
        const std::size_t cost = misspelt_.size() * known.size();
        if (cost > steps_left_) {
            return;
        }
        steps_left_ -= cost;
        slips = distance(misspelt_, known);
    }
    if (slips < best_distance_ || (slips == best_distance_ && !best_.empty() && known < best_)) {
        best_ = known;
        best_distance_ = slips;
    }
}

std::string nearest_name::question() const {
    return best_.empty() ? std::string{} : "did you mean " + std::string{best_} + "?";
}

}  // namespace gatherd::api::plan
