/// \file
/// The guess at what a misspelt name meant.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gatherd::api::plan {

/// Finds, of the names that are known, the one nearest to a misspelt one.
///
/// Lifetime: the names outlive it. Cost: of each name the product of the lengths, unless these differ much; of very
/// many names, some milliseconds in all: those beyond that are not proposed.
class nearest_name {
public:
    explicit nearest_name(std::string_view misspelt);

    void consider(std::string_view known);

    /// The nearest of those considered, or empty if none is near enough to be worth proposing. Of equals the first in
    /// the alphabet. A last part alone finds its whole name: "uniform" means "random.uniform".
    [[nodiscard]] std::string_view found() const noexcept { return best_; }

    /// "did you mean sleep?", or empty.
    [[nodiscard]] std::string question() const;

private:
    std::string_view misspelt_;
    std::string_view best_{};
    std::size_t best_distance_;
    std::size_t steps_left_ = std::size_t{1} << 20;
};

}  // namespace gatherd::api::plan
