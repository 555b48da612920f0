#include "api/functions/place_line.hpp"

namespace gatherd::api::functions {

void place_line::enter(place& newcomer) {
    const std::lock_guard guard{lock_};
    client_line& line = clients_[newcomer.client_];
    if (free_ > 0) {
        --free_;
        ++line.held;
        line.last_turn = ++turns_;
        newcomer.granted_.set();
        return;
    }
    line.waiting.push_back(&newcomer);
    newcomer.position_ = std::prev(line.waiting.end());
    in_line_.insert(rank_of(newcomer.client_, line));  // no second time if it is there already
}

void place_line::leave(place& leaving) noexcept {
    const std::lock_guard guard{lock_};
    const auto at = clients_.find(leaving.client_);
    client_line& line = at->second;
    const auto before = in_line_.find(rank_of(leaving.client_, line));
    auto in_line = before == in_line_.end() ? decltype(in_line_)::node_type{} : in_line_.extract(before);
    if (leaving.granted_.is_set()) {
        --line.held;
        ++free_;
    } else {
        line.waiting.erase(leaving.position_);
    }
    if (!line.waiting.empty()) {
        in_line.value() = rank_of(leaving.client_, line);
        in_line_.insert(std::move(in_line));
    } else if (line.held == 0) {
        clients_.erase(at);
    }
    grant_free();
}

/// Under lock_.
void place_line::grant_free() noexcept {
    while (free_ > 0 && !in_line_.empty()) {
        auto first = in_line_.extract(in_line_.begin());
        const void* const client = std::get<2>(first.value());
        client_line& line = clients_.find(client)->second;
        place& next = *line.waiting.front();
        line.waiting.pop_front();
        --free_;
        ++line.held;
        line.last_turn = ++turns_;
        if (!line.waiting.empty()) {
            first.value() = rank_of(client, line);
            in_line_.insert(std::move(first));
        }
        next.granted_.set();
    }
}

}  // namespace gatherd::api::functions
