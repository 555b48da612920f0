/// \file
/// How much one connection may do before the others of its worker have their turn.
#pragma once

#include <cstddef>

namespace gatherd::api::server {

/// What is read is scanned at once, some nanoseconds a byte.
constexpr std::size_t bytes_read_a_turn = 16 * 1024;
constexpr std::size_t bytes_written_a_turn = 512 * 1024;

}  // namespace gatherd::api::server
