/// \file
/// What counts as true.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "gatherd/api/value.hpp"

namespace gatherd::api::plan {

/// `bool(v)` of Python: false are null, false, 0, 0.0, "", [] and {}.
[[nodiscard]] inline bool is_true(const value& v) noexcept {
    switch (v.type()) {
        case value::value_t::boolean:
            return *v.get_ptr<const value::boolean_t*>();
        case value::value_t::number_integer:
        case value::value_t::number_unsigned:
            return *v.get_ptr<const value::number_integer_t*>() != 0;
        case value::value_t::number_float:
            return *v.get_ptr<const value::number_float_t*>() != 0.0;
        case value::value_t::string:
            return !v.get_ptr<const std::string*>()->empty();
        case value::value_t::array:
        case value::value_t::object:
            return !v.empty();
        default:
            return false;
    }
}

}  // namespace gatherd::api::plan
