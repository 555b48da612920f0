/// \file
/// The flags that set settings, made from config's table.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/load.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

/// What was given on the command line for settings; filled while it is parsed.
class setting_flags {
public:
    /// Adds --config and a flag for each setting. The flags must live as long as the app is used.
    void add_to(CLI::App& app);

    /// Puts defaults, file, environment and these flags together.
    /// Throws usage_error with all faults, one a line, those of words that are no flags too.
    [[nodiscard]] config::load_outcome load() const;

private:
    const CLI::App* app_ = nullptr;  // whose words these are
    std::string file_;
    std::vector<std::string> pools_;            // commands, of --pool
    std::vector<std::string> plugins_;          // files, of --plugin
    std::map<std::string, std::string> texts_;  // by the setting's name
};

}  // namespace gatherd::cli
