/// \file
/// How much one connection may do before the others of its worker have their turn.
#pragma once

#include <cstddef>

namespace gatherd::api::server {

/// What is read is scanned at once, about 1.5 ns a byte; a line that comes in one read is not. So it is as much as
/// inbox reads at a time.
constexpr std::size_t bytes_read_a_turn = 64 * 1024;
constexpr std::size_t bytes_written_a_turn = 512 * 1024;

/// What is longer is not written by the thread that made it, but by the connection's worker.
constexpr std::size_t bytes_written_at_once = 16 * 1024;

/// When the answers made in one turn are longer, the messages behind wait for the next one: a short request may have a
/// long answer.
constexpr std::size_t bytes_answered_a_turn = 64 * 1024;

/// An answer or notifications of more bytes are put together on the bulk lane.
constexpr std::size_t bytes_made_a_turn = 256 * 1024;

/// Requests of one batch, or requests that wait for one task or have one id: more than these are handled in several
/// turns, or on the bulk lane.
constexpr std::size_t items_a_turn = 256;

}  // namespace gatherd::api::server
