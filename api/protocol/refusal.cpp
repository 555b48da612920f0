#include "api/protocol/refusal.hpp"

#include <nlohmann/json.hpp>

namespace gatherd::api::protocol {

error over_limit(const char* limit, std::size_t max) {
    return {errc::limit_exceeded, std::string{"the message is over "} + limit + ", which is " + std::to_string(max),
            std::make_shared<const value>(value{{"limit", limit}, {"max", max}})};
}

}  // namespace gatherd::api::protocol
