#include "api/plan/settled.hpp"

namespace gatherd::api::plan {

void settle(value& entry, outcome result) {
    if (result.has_value()) {
        entry["value"] = std::move(result.result());
    } else if (result.reason()->is_cancellation()) {
        entry["error"] = {{"type", "CancelledError"}, {"message", ""}};
    } else {
        entry["error"] = describe(*result.reason());
    }
}

}  // namespace gatherd::api::plan
