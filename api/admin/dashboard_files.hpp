/// \file
/// The files of api/admin/dashboard/, in the program.
#pragma once

#include <span>
#include <string_view>

namespace gatherd::api::admin {

struct embedded_file {
    std::string_view name;  ///< without a folder: "style.css"
    std::string_view text;
};

/// All that the build has put in.
[[nodiscard]] std::span<const embedded_file> dashboard_files();

}  // namespace gatherd::api::admin
