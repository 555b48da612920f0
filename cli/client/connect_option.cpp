#include "cli/client/connect_option.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <stdexcept>

#include "cli/client/request_options.hpp"
#include "cli/client/secret_file.hpp"
#include "cli/failures.hpp"
#include "cli/serve/local_daemon.hpp"
#include "config/settings.hpp"

namespace gatherd::cli {

namespace {

std::string token_of(const std::string& file) {
    try {
        return read_secret(file);
    } catch (const std::runtime_error& wrong) {
        throw usage_error{std::string{"--token-file or GATHERD_CONNECT_TOKEN_FILE: "} + wrong.what()};
    }
}

}  // namespace

void connect_option::add_to(CLI::App& app) {
    text_ = config::to_text(config::settings{}.listen.front());
    app.add_option("--connect", text_,
                   "where the daemon is: HOST:PORT, unix:/PATH, tls:HOST:PORT (default " + text_ + ")")
        ->type_name("ADDRESS")
        ->envname("GATHERD_CONNECT");
    const auto add_file = [&app](const char* flag, std::string& into, const char* variable, const char* help) {
        app.add_option(flag, into, help)->type_name("FILE")->envname(variable);
    };
    add_file("--token-file", token_file_, "GATHERD_CONNECT_TOKEN_FILE", "file whose first line is the token to show");
    add_file("--tls-ca", ca_, "GATHERD_CONNECT_TLS_CA",
             "PEM file of the authorities that the daemon's certificate is from");
    add_file("--tls-certificate", certificate_, "GATHERD_CONNECT_TLS_CERTIFICATE", "PEM file of a certificate to show");
    add_file("--tls-key", key_, "GATHERD_CONNECT_TLS_KEY", "PEM file of its key");
    app.add_option("--connect-timeout", timeout_, "how long connecting may take (default 10s)")->type_name("TIME");
}

void connect_option::add_with_local_to(CLI::App& app) {
    add_to(app);
    has_local_ = true;
    app.add_flag("--local", is_local_, "run it in this process, without a daemon; what it starts ends with it");
    add_rights_to(app);
}

void connect_option::add_local_to(CLI::App& app) {
    is_local_ = true;
    add_rights_to(app);
}

void connect_option::add_rights_to(CLI::App& app) {
    app.add_option("--allow-process", programs_,
                   "in this process: the only programs that plans may run, as process.allow; - for none (default: all)")
        ->type_name("PROGRAM,...")
        ->delimiter(',')
        ->allow_extra_args(false);
    app.add_option("--allow-file", folders_,
                   "in this process: the only folders that plans may reach, as file.roots; - for none (default: all)")
        ->type_name("NAME=FOLDER,...")
        ->delimiter(',')
        ->allow_extra_args(false);
    app.add_option("--allow-http", hosts_,
                   "in this process: the only hosts that plans may reach, as http.allow; - for none (default: all)")
        ->type_name("HOST,...")
        ->delimiter(',')
        ->allow_extra_args(false);
}

local_rights connect_option::rights() const {
    const auto listed = [](std::vector<std::string> given) {
        std::erase(given, "-");
        return given;
    };
    local_rights allowed;
    if (!programs_.empty()) {
        allowed.programs = listed(programs_);
    }
    if (!folders_.empty()) {
        allowed.folders.emplace();
        for (const auto& each : listed(folders_)) {
            const auto equals = each.find('=');
            if (equals == std::string::npos || equals == 0 || equals + 1 == each.size() ||
                each.substr(0, equals).find('/') != std::string::npos) {
                throw usage_error{"--allow-file: '" + each + "' must be NAME=FOLDER, as data=/srv/data"};
            }
            allowed.folders->insert_or_assign(each.substr(0, equals), each.substr(equals + 1));
        }
    }
    if (!hosts_.empty()) {
        allowed.hosts = listed(hosts_);
    }
    return allowed;
}

std::vector<global_option> connect_option::globals() {
    CLI::App declared;
    declared.set_help_flag();
    connect_option options;
    options.add_with_local_to(declared);
    std::vector<global_option> names;
    for (const auto* const each : declared.get_options()) {
        for (const auto& name : each->get_lnames()) {
            names.push_back({"--" + name, each->get_items_expected_max() > 0});
        }
    }
    return names;
}

void connect_option::check() const {
    if (is_local_) {
        static_cast<void>(rights());
    } else if (!programs_.empty() || !folders_.empty() || !hosts_.empty()) {
        throw usage_error{
            "--allow-process, --allow-file and --allow-http are for --local: a daemon's settings say what it allows"};
    } else {
        check_all({[this] { static_cast<void>(address()); },
                   [this] { static_cast<void>(time_of("--connect-timeout", timeout_)); }});
    }
}

config::address connect_option::address() const {
    const auto where = config::parse_address(text_);
    const bool is_there = where && (where->is == config::address::kind::local ||
                                    (where->is == config::address::kind::tcp && where->port != 0));
    if (!is_there) {
        throw usage_error{
            "--connect or GATHERD_CONNECT: '" + text_ +
            "' is no address: write HOST:PORT, as 127.0.0.1:7117 or [::1]:7117, unix:/PATH or tls:HOST:PORT"};
    }
    return *where;
}

destination connect_option::server() const {
    if (is_local_) {
        destination here;
        here.inside = std::make_shared<local_daemon>(rights());
        return here;
    }
    if (const char* const token = std::getenv("GATHERD_CONNECT_TOKEN");
        token_file_.empty() && token != nullptr && *token != '\0') {
        throw usage_error{
            "GATHERD_CONNECT_TOKEN is not read, since other processes can read a variable: write the token to a file, "
            "and name that with "
            "--token-file or GATHERD_CONNECT_TOKEN_FILE"};
    }
    destination found{address()};
    found.token = token_file_.empty() ? "" : token_of(token_file_);
    found.token_file = token_file_;
    found.could_be_local = has_local_;
    found.ca = ca_;
    found.certificate = certificate_;
    found.key = key_;
    found.connect_timeout = time_of("--connect-timeout", timeout_);
    return found;
}

}  // namespace gatherd::cli
