/// \file
/// Where the daemon is, for the subcommands that talk to one.
#pragma once

#include <string>

#include "cli/destination.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

/// The option --connect and its kin, each with a variable GATHERD_CONNECT.. behind it.
class connect_option {
public:
    /// The options must live as long as the app is used.
    void add_to(CLI::App& app);

    /// Reads the token's file. Throws usage_error if it is no address to connect to, or a file cannot be read.
    [[nodiscard]] destination server() const;

private:
    std::string text_;
    std::string token_file_;
    std::string ca_;
    std::string certificate_;
    std::string key_;
    std::string timeout_ = "10s";
};

}  // namespace gatherd::cli
