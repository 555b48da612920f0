#include "api/plan/model/nearest_name.hpp"

#include <algorithm>
#include <array>

namespace gatherd::api::plan {

namespace {

constexpr std::size_t most_slips = 4;

/// How many slips a name may hold and still be taken for a misspelling: one in four letters, four at most. None where
/// the slip would be the whole name.
std::size_t tolerated(std::string_view name) noexcept {
    return name.size() < 2 ? 0 : std::clamp<std::size_t>(name.size() / 4, 1, most_slips);
}

char lower(char letter) noexcept {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

/// Insertions, deletions, replacements and swaps of neighbours (Damerau-Levenshtein, each place touched once)
/// that turn one name into the other; capitals count as small letters. `most` + 1 where there are more than `most`.
/// Only the cells of the matrix that are at most so far from its diagonal are computed, a row at a time, for as long as
/// there are `rows_left`. Precondition: the lengths differ by at most `most`, and that is at most most_slips.
std::size_t distance(std::string_view first, std::string_view second, std::size_t most,
                     std::size_t& rows_left) noexcept {
    using band = std::array<std::size_t, 2 * most_slips + 1>;  // at `d` stands column i + d - most of row i
    const std::size_t width = 2 * most + 1;
    const std::size_t far = most + 1;
    band before_last{};
    band last{};
    band row{};
    for (std::size_t d = 0; d < width; ++d) {
        row[d] = d < most ? far : d - most;
    }
    for (std::size_t i = 1; i <= first.size(); ++i) {
        if (rows_left == 0) {
            return far;
        }
        --rows_left;
        before_last = last;
        last = row;
        std::size_t least = far;
        for (std::size_t d = 0; d < width; ++d) {
            row[d] = far;
            if (i + d < most || i + d - most > second.size()) {
                continue;
            }
            const std::size_t j = i + d - most;
            if (j == 0) {
                row[d] = i;
            } else {
                const bool same = lower(first[i - 1]) == lower(second[j - 1]);
                const bool swapped = i > 1 && j > 1 && lower(first[i - 1]) == lower(second[j - 2]) &&
                                     lower(first[i - 2]) == lower(second[j - 1]);
                row[d] = std::min({far, last[d] + (same ? 0 : 1), d + 1 < width ? last[d + 1] + 1 : far,
                                   d > 0 ? row[d - 1] + 1 : far, swapped ? before_last[d] + 1 : far});
            }
            least = std::min(least, row[d]);
        }
        if (least == far) {
            return far;
        }
    }
    return row[second.size() + most - first.size()];
}

/// Whether the name is what follows the last dot of the known one: "uniform", of "random.uniform".
bool is_last_part(std::string_view name, std::string_view known) noexcept {
    return known.size() > name.size() && known.ends_with(name) && known[known.size() - name.size() - 1] == '.' &&
           name.find('.') == std::string_view::npos;
}

}  // namespace

nearest_name::nearest_name(std::string_view misspelt) : misspelt_{misspelt}, best_distance_{tolerated(misspelt) + 1} {}

void nearest_name::consider(std::string_view known) {
    constexpr std::size_t rows_a_name = 4;  // what looking at one costs
    rows_left_ -= std::min(rows_left_, rows_a_name);
    const std::size_t gap =
        known.size() > misspelt_.size() ? known.size() - misspelt_.size() : misspelt_.size() - known.size();
    const std::size_t most = best_distance_ - (best_.empty() ? 1 : 0);
    std::size_t slips = most + 1;
    if (is_last_part(misspelt_, known)) {
        slips = 0;  // the right name without its family
    } else if (gap <= most) {
        slips = distance(misspelt_, known, most, rows_left_);
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
