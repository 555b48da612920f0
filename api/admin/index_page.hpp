/// \file
/// The page at `/`: a list of what the admin port answers.
#pragma once

#include "api/admin/http_message.hpp"

namespace gatherd::api::admin {

/// It may load nothing, send nothing and be framed by nobody.
[[nodiscard]] http_answer index_page();

}  // namespace gatherd::api::admin
