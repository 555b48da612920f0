#include "cli/serve_check.hpp"

#include <algorithm>
#include <exception>
#include <functional>

#include "api/functions/standard.hpp"
#include "api/plan/model/registry.hpp"
#include "api/pools/pool_table.hpp"
#include "api/server/net/listening_socket.hpp"
#include "api/server/net/tls_context.hpp"
#include "cli/serve_settings.hpp"

namespace gatherd::cli {

std::vector<std::string> start_faults(const config::settings& settings) {
    using api::server::listening_socket, api::server::tls_context;
    using kind = config::address::kind;
    std::vector<std::string> faults;
    const auto note = [&faults](const std::function<void()>& check) {
        try {
            check();
        } catch (const std::exception& wrong) {
            faults.emplace_back(wrong.what());
        }
    };
    note([&] {
        check_tls(settings);
        if (std::ranges::any_of(settings.listen, &config::address::tls)) {
            static_cast<void>(tls_context::read(tls_files_from(settings)));
        }
    });
    for (const config::address& at : settings.listen) {
        if (at.is == kind::local) {
            note([&] { listening_socket::check_local(at.path, unix_access_from(settings)); });
        } else if (at.is == kind::tcp) {
            note([&] {
                const auto probe = listening_socket::probe(at.host, at.port);
                config::address in_clear = at;
                in_clear.tls = false;
                check_exposure(config::to_text(in_clear), probe.is_local(), at.tls, settings);
            });
        }  // what systemd hands over is not there yet
    }
    if (const auto& at = settings.admin.listen) {
        note([&] {
            const auto probe = listening_socket::probe(at->host, at->port);
            check_admin_exposure(config::to_text(*at), probe.is_local(), settings);
        });
    }
    api::plan::registry functions;
    note([&] { api::functions::add_standard(functions, outside_from(settings)); });
    note([&] { add_plugins(functions, settings); });
    for (const auto& each : pools_from(settings)) {
        note([&] { api::pools::check(each, functions); });
    }
    return faults;
}

}  // namespace gatherd::cli
