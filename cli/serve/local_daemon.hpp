/// \file
/// A daemon inside the command itself: `gatherd run`, and --local.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatherd::cli {

/// What plans may reach outside of a daemon inside the command. By default all that the user may: it is the user's own
/// program, and paths are those of the process.
struct local_rights {
    std::optional<std::vector<std::string>> programs{};           ///< as process.allow; none: every program
    std::optional<std::map<std::string, std::string>> folders{};  ///< as file.roots; none: every path
    std::optional<std::vector<std::string>> hosts{};              ///< as http.allow; none: every host and address
};

/// What `serve` runs, without a listener: the same service, functions and limits, and threads of its own.
///
/// Settings come from the environment and the file that GATHERD_CONFIG names, as those of `serve` do; what they say of
/// listening, tokens and TLS does not count, nor what they allow of programs, folders and hosts: `local_rights` does.
///
/// Threads: one at a time.
class local_daemon {
public:
    /// Throws usage_error where settings or rights are wrong.
    explicit local_daemon(const local_rights& rights);

    /// Ends what still runs, once every connection's other end is closed. What has not ended within half a second, such
    /// as a thread inside a call that blocks, is left behind: see `is_left_behind`.
    ~local_daemon();
    local_daemon(const local_daemon&) = delete;
    local_daemon& operator=(const local_daemon&) = delete;

    /// A new connection: the descriptor of our end, which is the caller's to close. Throws std::system_error.
    [[nodiscard]] int connect();

    /// Whether threads of one still run in this process, which then must not be taken apart: leave it by std::_Exit.
    [[nodiscard]] static bool is_left_behind() noexcept;

private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

}  // namespace gatherd::cli
