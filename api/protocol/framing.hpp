/// \file
/// How messages are told apart on a connection.
#pragma once

namespace gatherd::api::protocol {

/// Chosen by the first bytes that a client sends, and then spoken in both directions.
enum class framing : unsigned char {
    undecided,       ///< too few bytes so far; whoever must write now writes JSON lines
    json_lines,      ///< one JSON text and a line feed
    content_length,  ///< the Language Server Protocol's: headers, an empty line, a body of that many bytes
};

}  // namespace gatherd::api::protocol
