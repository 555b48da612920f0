/// \file
/// The dashboard: one page at `/`, and its scripts and style below `/dashboard/`.
#pragma once

#include <string_view>

#include "api/admin/http_message.hpp"

namespace gatherd::api::admin {

/// The page. It may load its own files alone, ask its own daemon alone, and be framed by nobody.
[[nodiscard]] http_answer dashboard_page();

/// The file of that name, or 404.
[[nodiscard]] http_answer dashboard_file(std::string_view name);

}  // namespace gatherd::api::admin
