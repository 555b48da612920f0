/// \file
/// What a ref may name.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace gatherd::api::plan {

/// The names in force at a place of a plan, while it is read: those of one let or try, then those around it. Views into
/// the message's text; on the stack of what reads the let or try.
struct names_in_force {
    const names_in_force* outer = nullptr;
    std::unordered_map<std::string_view, std::uint32_t> slots{};  ///< of its environment, when it runs
};

}  // namespace gatherd::api::plan
