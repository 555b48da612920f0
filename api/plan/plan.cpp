#include "api/plan/plan.hpp"

#include <algorithm>

namespace gatherd::api::plan {

std::string_view plan::keep(std::string_view text) {
    const std::span<char> copy = make_span<char>(text.size());
    std::copy(text.begin(), text.end(), copy.begin());
    return {copy.data(), copy.size()};
}

std::span<value> plan::make_values(std::size_t count) {
    if (values_.empty() || values_.back().size - values_.back().used < count) {
        // Small plans get small chunks; large ones few.
        const std::size_t usual = values_.empty() ? 8 : std::min(values_a_chunk, values_.back().size * 2);
        const std::size_t size = std::max(count, usual);
        values_.push_back({std::make_unique<value[]>(size), 0, size});
    }
    values_chunk& last = values_.back();
    const std::span<value> room{last.values.get() + last.used, count};
    last.used += count;
    return room;
}

}  // namespace gatherd::api::plan
