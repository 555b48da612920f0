/// \file
/// The head of a request, from libmicrohttpd.
#pragma once

#include "api/admin/http_message.hpp"

struct MHD_Connection;

namespace gatherd::api::admin {

/// Whether a request's target has a NUL, which would end a path or a query for whoever reads it as text of C.
[[nodiscard]] bool has_nul(const char* target) noexcept;

/// `url`: the path, unescaped; `socket`: the connection's. Throws std::bad_alloc.
[[nodiscard]] request_head read_head(MHD_Connection* connection, const char* url, const char* method, int socket);

}  // namespace gatherd::api::admin
