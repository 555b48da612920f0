/// \file
/// A JSON Schema of the file of settings, for editors: they complete names, show help, and mark what is wrong.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace gatherd::config {

/// Draft 2020-12, made from the table of settings. It takes whatever `load` takes, and refuses wrong names, types,
/// words and numbers; that a size or a time that is written as text lies in its range it does not check.
[[nodiscard]] nlohmann::ordered_json settings_schema();

}  // namespace gatherd::config
