/// \file
/// Files below the roots that are allowed: file.read, file.write, file.list, file.stat and file.remove.
#pragma once

#include <map>
#include <string>

#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions {

/// What the functions of files may reach. By default nothing.
struct file_settings {
    std::map<std::string, std::string> roots{};  ///< name and folder
    bool is_anywhere = false;                    ///< no roots: any path of the process
};

/// Adds the family. Throws std::invalid_argument if a root cannot be opened.
void add_file(plan::registry& functions, const file_settings& settings);

}  // namespace gatherd::api::functions
