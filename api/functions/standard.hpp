/// \file
/// The functions that every server has.
#pragma once

#include "api/functions/file.hpp"
#include "api/functions/http.hpp"
#include "api/functions/process.hpp"
#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions {

/// What the functions that reach outside may do. By default nothing: they are there, and say which setting allows them.
struct outside_settings {
    process_settings process{};
    file_settings file{};
    http_settings http{};
};

/// Adds every family of this folder. Throws std::logic_error if the registry has one of their names already, and
/// std::invalid_argument for settings that cannot hold.
void add_standard(plan::registry& functions, const outside_settings& outside = {});

}  // namespace gatherd::api::functions
