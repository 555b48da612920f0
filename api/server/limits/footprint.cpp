#include "api/server/limits/footprint.hpp"

#include <string>

#include <nlohmann/json.hpp>

namespace gatherd::api::server {
namespace {

constexpr std::size_t of_an_allocation = 16;  // the allocator's own, on average

/// Beyond the string object itself, which holds short ones inside.
std::size_t text_bytes(const std::string& text) {
    static const std::size_t inside = std::string{}.capacity();
    return text.capacity() > inside ? text.capacity() + of_an_allocation : 0;
}

}  // namespace

std::size_t footprint(const value& of) {
    std::size_t bytes = sizeof of;
    if (const auto* const text = of.get_ptr<const std::string*>()) {
        bytes += sizeof *text + of_an_allocation + text_bytes(*text);
    } else if (of.is_array()) {
        bytes += sizeof(value::array_t) + of_an_allocation;
        for (const value& each : of) {
            bytes += footprint(each);
        }
    } else if (of.is_object()) {
        bytes += sizeof(value::object_t) + of_an_allocation;
        for (const auto& [key, each] : of.get_ref<const value::object_t&>()) {
            bytes += sizeof key + text_bytes(key) + footprint(each);
        }
    }
    return bytes;
}

}  // namespace gatherd::api::server
