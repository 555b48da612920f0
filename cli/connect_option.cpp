#include "cli/connect_option.hpp"

#include <CLI/CLI.hpp>

#include "cli/failures.hpp"
#include "config/settings.hpp"

namespace gatherd::cli {

void connect_option::add_to(CLI::App& app) {
    text_ = config::to_text(config::settings{}.listen.front());
    app.add_option("--connect", text_, "where the daemon is (default " + text_ + ")")
        ->type_name("HOST:PORT")
        ->envname("GATHERD_CONNECT");
}

config::address connect_option::server() const {
    auto where = config::parse_address(text_);
    if (!where || where->port == 0) {
        throw usage_error{"--connect or GATHERD_CONNECT: '" + text_ +
                          "' is no address: write HOST:PORT, as 127.0.0.1:7117 or [::1]:7117"};
    }
    return *where;
}

}  // namespace gatherd::cli
