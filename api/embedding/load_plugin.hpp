/// \file
/// Loads a plug-in's functions.
#pragma once

#include <string>

#include "api/plan/model/registry.hpp"

namespace gatherd::api {

/// Loads the shared library and adds the functions that it registers. `path` is searched for as by dlopen(3): one
/// without a slash in the system's folders. It is never unloaded: its functions live as long as the process.
///
/// Throws std::runtime_error that names the file and says what is wrong: it cannot be loaded, is no plug-in, was built
/// for another version, could not register its functions, or has a name that is taken. Its own code has run then.
void load_plugin(const std::string& path, plan::registry& functions);

}  // namespace gatherd::api
