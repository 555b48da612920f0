#include "api/protocol/request_id.hpp"

#include <nlohmann/json.hpp>

#include "api/protocol/json_value.hpp"

namespace gatherd::api::protocol {

bool request_id::means(json_view other) const {
    if (is_absent()) {
        return false;
    }
    const auto mine = value::parse(text_, nullptr, false);
    const auto theirs = to_value(other);
    // nlohmann finds 1 equal to 1.0; an id is a name, and these are two.
    return !mine.is_discarded() && mine.is_number_float() == theirs.is_number_float() && mine == theirs;
}

}  // namespace gatherd::api::protocol
