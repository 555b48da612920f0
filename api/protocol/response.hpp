/// \file
/// Answers and notifications as JSON-RPC 2.0 messages, and messages as frames.
#pragma once

#include <string>
#include <string_view>

#include "api/error.hpp"
#include "api/protocol/framing.hpp"
#include "api/protocol/refusal.hpp"
#include "api/protocol/request_id.hpp"
#include "gatherd/api/value.hpp"

namespace gatherd::api::protocol {

// All of these append to `out` and touch nothing else. Throws: std::bad_alloc.
// A batch is answered by `[`, its answers with `,` between them, and `]`: one body.

/// `{"jsonrpc":"2.0","id":..,"result":`: the result and a `}` are to follow.
void append_result_head(std::string& out, const request_id& id);

/// `{"jsonrpc":"2.0","id":..,"result":..}`
void append_result(std::string& out, const request_id& id, const value& result);

/// `{"jsonrpc":"2.0","id":..,"error":{"code":..,"message":..,"data":..}}`, without `data` where there is none.
void append_error(std::string& out, const request_id& id, const error& reason);
void append_error(std::string& out, const refusal& answer);

/// The same in two parts: `{"code":..,"message":..,"data":..}`, which may be kept, and the message around it.
void append_error_body(std::string& out, const error& reason);
void append_error_around(std::string& out, const request_id& id, std::string_view body);

/// `{"jsonrpc":"2.0","method":..,"params":..}`
void append_notification(std::string& out, std::string_view method, const value& params);

/// The same with `"request":..` before the other params: the id of the request that it belongs to.
void append_notification(std::string& out, std::string_view method, const request_id& request, const value& params);

/// One message, framed: a line feed after it, or a Content-Length header before it. `body` is not inside `out`.
void append_framed(std::string& out, framing spoken, std::string_view body);

}  // namespace gatherd::api::protocol
