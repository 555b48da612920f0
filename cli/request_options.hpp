/// \file
/// The options --timeout and --seed of what runs a program.
#pragma once

#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace gatherd::cli {

/// Members of the params that the command line sets. `add_to` makes the options.
class request_options {
public:
    /// The options must live as long as the app is used.
    void add_to(CLI::App& app);

    /// The timeout in seconds as JSON, if there is one. Throws usage_error if it is no time.
    [[nodiscard]] std::optional<std::string> timeout() const;

    /// The seed as JSON, if there is one. Throws usage_error if it is no whole number from -2^63 to 2^64 - 1.
    [[nodiscard]] std::optional<std::string> seed() const;

private:
    std::string timeout_;
    std::string seed_;
};

/// The number of seconds that "2", "1.5s", "250ms" or "2m" mean, as JSON. Throws usage_error.
[[nodiscard]] std::string seconds_json(const std::string& text);

/// A whole number as JSON spells it. Throws usage_error.
[[nodiscard]] std::string seed_json(const std::string& text);

}  // namespace gatherd::cli
