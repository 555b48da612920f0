#include "cli/serve/check.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "api/functions/standard.hpp"
#include "api/plan/model/registry.hpp"
#include "api/pools/pool_table.hpp"
#include "api/server/net/listening_socket.hpp"
#include "api/server/net/tls_context.hpp"
#include "cli/client/secret_file.hpp"
#include "cli/failures.hpp"
#include "cli/serve/settings.hpp"

namespace gatherd::cli {

namespace {

bool speaks_tls(const config::settings& settings) {
    return std::ranges::any_of(settings.listen, &config::address::tls);
}

/// The addresses at which the daemon would listen, as they are resolved.
class listened_addresses {
public:
    /// Throws where a Unix socket with the same file was added.
    void add_local(const std::string& path) {
        std::error_code ignored;
        const auto file = std::filesystem::weakly_canonical(path, ignored).string();
        if (!files_.insert(file.empty() ? path : file).second) {
            throw usage_error{"listen: unix:" + path + " is another's file, too: only one of them can listen"};
        }
    }

    /// Throws where the system would let only one socket listen there: at the same port of the same address, or of all
    /// addresses of that kind. `probe`: a socket at the same host. Port 0 is any free one.
    void add(const std::string& name, const config::address& at, const api::server::listening_socket& probe) {
        if (at.port == 0) {
            return;
        }
        const std::string text = probe.address();
        entry added{name, text.substr(0, text.rfind(':')), at.port, probe.family()};
        const auto same = std::ranges::find_if(all_, [&added](const entry& each) {
            return each.port == added.port && each.family == added.family &&
                   (each.host == added.host || is_any(each.host) || is_any(added.host));
        });
        if (same != all_.end()) {
            throw usage_error{added.name + " and " + same->name +
                              " are one address, at which only one of them can listen"};
        }
        all_.push_back(std::move(added));
    }

private:
    struct entry {
        std::string name;
        std::string host;
        std::uint16_t port;
        int family;
    };

    static bool is_any(const std::string& host) { return host == "0.0.0.0" || host == "[::]"; }

    std::vector<entry> all_{};
    std::set<std::string> files_{};
};

/// Lines of what is refused.
class fault_list {
public:
    void note(const std::function<void()>& check) {
        try {
            check();
        } catch (const std::exception& wrong) {
            lines_.emplace_back(wrong.what());
        }
    }

    [[nodiscard]] std::vector<std::string> take() noexcept { return std::move(lines_); }

private:
    std::vector<std::string> lines_{};
};

void check_addresses(fault_list& faults, const config::settings& settings) {
    using api::server::listening_socket;
    using kind = config::address::kind;
    listened_addresses taken;
    for (const config::address& at : settings.listen) {
        if (at.is == kind::local) {
            faults.note([&] {
                listening_socket::check_local(at.path, unix_access_from(settings));
                taken.add_local(at.path);
            });
        } else if (at.is == kind::tcp) {
            faults.note([&] {
                const auto probe = listening_socket::probe(at.host, at.port);
                config::address in_clear = at;
                in_clear.tls = false;
                check_exposure(config::to_text(in_clear), probe.is_local(), at.tls, settings);
                taken.add("listen: " + config::to_text(at), at, probe);
            });
        }  // what systemd hands over is not there yet
    }
    if (const auto& at = settings.admin.listen) {
        faults.note([&] {
            const auto probe = listening_socket::probe(at->host, at->port);
            check_admin_exposure(config::to_text(*at), probe.is_local(), settings);
            taken.add("admin.listen: " + config::to_text(*at), *at, probe);
        });
    }
}

std::vector<std::string> start_faults(const config::settings& settings) {
    fault_list faults;
    faults.note([&] {
        check_tls(settings);
        if (speaks_tls(settings)) {
            static_cast<void>(api::server::tls_context::read(tls_files_from(settings)));
        }
    });
    check_addresses(faults, settings);
    faults.note([&] { static_cast<void>(tokens_from(settings)); });
    faults.note([&] { check_port_file(settings); });
    api::plan::registry functions;
    faults.note([&] { api::functions::add_standard(functions, outside_from(settings)); });
    faults.note([&] { add_plugins(functions, settings); });
    for (const auto& each : pools_from(settings)) {
        faults.note([&] { api::pools::check(each, functions); });
    }
    return faults.take();
}

}  // namespace

std::vector<std::string> start_warnings(const config::settings& settings) {
    std::vector<std::string> warnings;
    const auto add = [&warnings](std::optional<std::string> warning) {
        if (warning) {
            warnings.push_back(std::move(*warning));
        }
    };
    if (speaks_tls(settings)) {
        const auto files = tls_files_from(settings);
        add(api::server::tls_context::validity_fault(files));
        add(secret_exposure("tls.key", files.key));
    }
    for (const auto& each : settings.auth.tokens) {
        add(secret_exposure("auth.tokens", each.file));
    }
    return warnings;
}

std::vector<std::string> address_faults(const config::settings& settings) {
    fault_list faults;
    check_addresses(faults, settings);
    return faults.take();
}

start_findings check_start(const config::settings& settings) {
    start_findings found{start_faults(settings), {}};
    if (found.faults.empty()) {
        found.warnings = start_warnings(settings);
    }
    return found;
}

}  // namespace gatherd::cli
