#include "cli/top/snapshot.hpp"

#include <algorithm>

namespace gatherd::cli::top {

using api::value;

double number_at(const value& answer, const std::string& pointer) {
    const value::json_pointer place{pointer};
    const value* const found = answer.contains(place) ? &answer.at(place) : nullptr;
    return found != nullptr && found->is_number() ? found->get<double>() : 0;
}

std::string text_at(const value& answer, std::string_view member) {
    const auto found = answer.is_object() ? answer.find(std::string{member}) : answer.end();
    if (found == answer.end() || found->is_null()) {
        return {};
    }
    return found->is_string() ? found->get<std::string>()
                              : found->dump(-1, ' ', false, value::error_handler_t::replace);
}

rates::rates(const snapshot* before, const snapshot& now) : before_{before}, now_{now} {
    const double uptime = number_at(now.stats, "/uptime");
    if (before_ != nullptr && (before_->stats.is_null() || number_at(before_->stats, "/uptime") > uptime)) {
        before_ = nullptr;
    }
    constexpr double shortest = 1e-3;
    seconds_ = std::max(shortest, before_ == nullptr ? uptime : now.at - before_->at);
}

double rates::of_stats(const std::string& pointer) const {
    const auto then = before_ == nullptr ? std::nullopt : std::optional{number_at(before_->stats, pointer)};
    return between(then, number_at(now_.stats, pointer));
}

double rates::between(std::optional<double> then, double now) const {
    return std::max(0.0, now - (before_ == nullptr ? 0 : then.value_or(now))) / seconds_;
}

}  // namespace gatherd::cli::top
