#include "api/server/limits/limit_errors.hpp"

#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "gatherd/api/memory_limit.hpp"
#include "gatherd/executor/allocated_memory.hpp"

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

error out_of_memory() {
    return over_limit("limits.memory_bytes", memory_limit::most());
}

error no_memory_for(std::size_t own_bytes) {
    const std::size_t most = memory_limit::most();
    const bool is_held_by_others = executor::allocated_memory::bytes() > own_bytes + most / 4;
    return is_held_by_others ? overloaded("limits.memory_bytes", most) : out_of_memory();
}

std::size_t most_of(std::string_view limit, const limits& bounds) {
    return limit == "limits.output_lines"          ? bounds.output_lines
           : limit == "limits.memory_bytes"        ? bounds.memory_bytes
           : limit == "limits.client_memory_bytes" ? bounds.client_memory_bytes
           : limit == "limits.plan_tasks"          ? bounds.plan_tasks
                                                   : bounds.result_bytes;
}

}  // namespace gatherd::api::server
