#include "api/server/limits/limit_errors.hpp"

#include <memory>
#include <string>

#include <nlohmann/json.hpp>

namespace gatherd::api::server {

error overloaded(const char* limit, std::size_t most) {
    constexpr double retry_after = 1.0;
    return {errc::overloaded, std::string{"Overloaded: "} + limit + " is " + std::to_string(most) + "; nothing was run",
            std::make_shared<const value>(value{{"retry_after", retry_after}})};
}

error over_limit(const char* name, std::size_t most) {
    return {errc::limit_exceeded, std::string{"Over a limit: "} + name + " is " + std::to_string(most),
            std::make_shared<const value>(value{{"limit", name}, {"max", most}})};
}

}  // namespace gatherd::api::server
