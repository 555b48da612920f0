/// \file
/// Where the daemon is, for the subcommands that talk to one.
#pragma once

#include <string>

#include "config/address.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

/// The option --connect, with the variable GATHERD_CONNECT behind it.
class connect_option {
public:
    /// The option must live as long as the app is used.
    void add_to(CLI::App& app);

    /// Throws usage_error if it is no address to connect to.
    [[nodiscard]] config::address server() const;

private:
    std::string text_;
};

}  // namespace gatherd::cli
