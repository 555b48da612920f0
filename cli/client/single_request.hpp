/// \file
/// One question to the daemon and its answer, for commands that run nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/client/client.hpp"
#include "cli/client/destination.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

/// How long such a command waits for its answer where its user says nothing.
inline constexpr std::chrono::milliseconds answer_patience{10'000};

/// Connects, asks, and gives the result as JSON text. Waits at most `patience`, the connecting included; none: for
/// ever. Throws connection_error, timeout_error; refusal_error with the exit status of an error answer.
[[nodiscard]] std::string ask_once(const destination& server, const request& what,
                                   std::optional<std::chrono::milliseconds> patience = answer_patience);

}  // namespace gatherd::cli
