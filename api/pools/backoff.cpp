#include "api/pools/backoff.hpp"

#include <algorithm>

namespace gatherd::api::pools {

backoff::duration backoff::next() {
    pause_ = pause_.count() == 0 ? first_ : std::max(first_, std::min(2 * pause_, most_));
    return pause_ + duration{std::uniform_int_distribution<duration::rep>{0, pause_.count() / 4}(random_)};
}

}  // namespace gatherd::api::pools
