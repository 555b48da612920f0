/// \file
/// Loads a plug-in's functions.
#pragma once

#include <string>
#include <vector>

#include "api/plan/model/registry.hpp"

namespace gatherd::api {

/// Loads the shared libraries and adds the functions that they register. A path is searched for as by dlopen(3): one
/// without a slash in the system's folders. None is ever unloaded: their functions live as long as the process.
///
/// Throws std::runtime_error that names the file and says what is wrong: it was named before, cannot be loaded, is
/// shorter than its headers say, is no plug-in, was built for another version, could not register its functions, or has
/// a name that is taken. Its own code may have run then. Not noticed before it does harm: a file whose contents are
/// damaged, and an exception of what runs while it is loaded, such as the constructor of a global object: that ends the
/// process.
void load_plugins(const std::vector<std::string>& paths, plan::registry& functions);

}  // namespace gatherd::api
