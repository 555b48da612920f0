/// \file
/// Where the daemon is, for the subcommands that talk to one.
#pragma once

#include <string>
#include <vector>

#include "cli/client/destination.hpp"
#include "cli/command_words.hpp"
#include "cli/serve/local_daemon.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

/// The option --connect and its kin, each with a variable GATHERD_CONNECT.. behind it.
class connect_option {
public:
    /// The options must live as long as the app is used.
    void add_to(CLI::App& app);

    /// As `add_to`, with --local for commands that can do without a daemon that runs.
    void add_with_local_to(CLI::App& app);

    /// For commands that know no daemon but the one inside them: the options --allow-.. alone.
    void add_local_to(CLI::App& app);

    /// The names of these options, which may stand before a subcommand as well.
    [[nodiscard]] static std::vector<global_option> globals();

    /// Throws usage_error with all that is wrong.
    void check() const;

    /// Reads the token's file, or starts the daemon inside this command. Throws usage_error if it is no address to
    /// connect to, or a file cannot be read.
    [[nodiscard]] destination server() const;

private:
    void add_rights_to(CLI::App& app);
    [[nodiscard]] config::address address() const;
    [[nodiscard]] local_rights rights() const;

    std::string text_;
    std::string token_file_;
    std::string ca_;
    std::string certificate_;
    std::string key_;
    std::string timeout_ = "10s";
    bool is_local_ = false;
    bool has_local_ = false;  // the option --local
    std::vector<std::string> programs_;
    std::vector<std::string> folders_;
    std::vector<std::string> hosts_;
};

}  // namespace gatherd::cli
