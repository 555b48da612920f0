/// \file
/// The guess at what a misspelt name meant.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gatherd::api::plan {

/// Finds, of the names that are known, the one nearest to a misspelt one.
///
/// Lifetime: the names outlive it. Cost: of each name at most nine steps a letter, and none where the lengths differ by
/// more than four; of very many names, some tenths of a millisecond in all: those beyond that are not proposed.
class nearest_name {
public:
    explicit nearest_name(std::string_view misspelt);

    void consider(std::string_view known);

    /// Whether it considers no more names.
    [[nodiscard]] bool is_tired() const noexcept { return rows_left_ == 0; }

    /// The nearest of those considered, or empty if none is near enough to be worth proposing. Of equals the first in
    /// the alphabet. A last part alone finds its whole name: "uniform" means "random.uniform".
    [[nodiscard]] std::string_view found() const noexcept { return best_; }

    /// "did you mean sleep?", or empty.
    [[nodiscard]] std::string question() const;

private:
    std::string_view misspelt_;
    std::string_view best_{};
    std::size_t best_distance_;
    std::size_t rows_left_ = std::size_t{1} << 13;  // of distances, of nine steps each
};

}  // namespace gatherd::api::plan
