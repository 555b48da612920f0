#include "api/server/net/turn_window.hpp"

#include <algorithm>

namespace gatherd::api::server {
namespace {

constexpr std::uint32_t fewest_turns = 96;     // some eleven looks
constexpr std::uint32_t enough_turns = 768;    // to end without
constexpr std::uint32_t candidates_turns = 8;  // so many of its own
constexpr std::chrono::milliseconds least_time{10};
constexpr std::chrono::seconds most_time{5};

constexpr float busy_enough = 0.75F;

// How much more room than load there must be: the more, the less is moved in vain. With this, three connections to one
// become two and two, and five to three stay.
constexpr float margin = 1.4F;
constexpr float chance = 0.1F;  // an idle moment or two are none

}  // namespace

bool turn_window::is_open(clock::time_point now) const noexcept {
    return candidate_ != nullptr && now - began_ < most_time;
}

void turn_window::begin(const void* candidate, std::size_t other, clock::time_point now, std::uint64_t parks) noexcept {
    candidate_ = candidate;
    other_ = other;
    turns_ = candidates_turns_ = looks_ = idle_looks_ = 0;
    parks_ = parks;
    began_ = now;
    plan_look();
}

bool turn_window::look(bool other_idles, clock::time_point now) noexcept {
    ++looks_;
    idle_looks_ += other_idles ? 1 : 0;
    plan_look();
    const bool is_candidate_known = candidates_turns_ >= candidates_turns || turns_ >= enough_turns;
    return is_candidate_known && turns_ >= fewest_turns && now - began_ >= least_time;
}

bool turn_window::end(std::uint64_t parks, std::optional<float> others_share) noexcept {
    const auto turns = static_cast<float>(turns_);
    const float part = static_cast<float>(candidates_turns_) / turns;
    share_ = share_ == 0 ? part : (3 * share_ + part) / 4;
    const float busy = std::max(1 - static_cast<float>(parks - parks_) / turns, 0.0F);
    // A chance lull of the candidate is not taken for its nature: it counts as one of as many alike at least.
    const float load = busy * std::max(part, share_);
    const float idle_room = static_cast<float>(idle_looks_) / static_cast<float>(std::max(looks_, 1U));
    const float own_room = 1 - busy + chance;
    const float shared_room = others_share ? *others_share / (1 + *others_share) : 0;
    const bool should_move = busy >= busy_enough && candidates_turns_ > 0 &&
                             (idle_room - own_room > margin * load || shared_room > margin * load);
    leaving_ = should_move ? candidate_ : nullptr;
    leaves_to_ = other_;
    candidate_ = nullptr;
    return should_move;
}

}  // namespace gatherd::api::server
