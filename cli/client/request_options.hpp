/// \file
/// The options --timeout, --grace and --seed of what runs a program.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace gatherd::cli {

/// How long a command waits for the answer after its timeout, unless told. Not less than the daemon may take to cancel
/// the request: workers.cancel_time for a worker that ignores it, or limits.cleanup_time for clean-up that does not
/// end.
constexpr std::chrono::seconds default_grace{15};

/// The option --grace: "15s" unless given.
void add_grace_option(CLI::App& app, std::string& grace);

/// The time that the daemon has for a request, and how much longer the command waits for the answer. `add_to` makes the
/// options --timeout and --grace.
class time_limit {
public:
    /// The options must live as long as the app is used. `help` says what the timeout does.
    void add_to(CLI::App& app, const std::string& help);

    /// Throws one usage_error with all that is wrong.
    void check() const;

    /// The timeout in seconds as JSON, if there is one. Throws usage_error if it is no time.
    [[nodiscard]] std::optional<std::string> timeout() const;

    /// How long the command waits at most, if there is a timeout: that and the grace. Without an option --timeout it
    /// is `timeout_in_file`, in seconds. Throws usage_error.
    [[nodiscard]] std::optional<std::chrono::milliseconds> patience(
        std::optional<double> timeout_in_file = std::nullopt) const;

    /// `,"timeout":1.500` where there is one, and the trace_member: members to put behind others. Throws usage_error.
    [[nodiscard]] std::string members() const;

private:
    std::string timeout_;
    std::string grace_;
};

/// Members of the params that the command line sets: the time limit and --seed.
class request_options : public time_limit {
public:
    /// The options must live as long as the app is used.
    void add_to(CLI::App& app);

    /// Throws one usage_error with all that is wrong.
    void check() const;

    /// The seed as JSON, if there is one. Throws usage_error if it is no whole number from -2^63 to 2^64 - 1.
    [[nodiscard]] std::optional<std::string> seed() const;

    /// As that of the time limit, with the seed.
    [[nodiscard]] std::string members() const;

private:
    std::string seed_;
};

/// `,"traceparent":"00-.."` where the environment variable TRACEPARENT holds a valid one: a member to put behind
/// others.
[[nodiscard]] std::string trace_member();

/// A time that an option of that name gives. Throws usage_error.
[[nodiscard]] std::chrono::milliseconds time_of(const std::string& option, const std::string& text);

/// The number of seconds that "2", "1.5s", "250ms" or "2m" mean, as JSON. Throws usage_error that names the option.
[[nodiscard]] std::string seconds_json(const std::string& option, const std::string& text);

/// A whole number as JSON spells it. Throws usage_error.
[[nodiscard]] std::string seed_json(const std::string& text);

}  // namespace gatherd::cli
