#include "cli/serve/settings.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "api/embedding/load_plugin.hpp"
#include "api/regular_file.hpp"
#include "cli/client/secret_file.hpp"
#include "cli/failures.hpp"
#include "cli/serve/available_memory.hpp"
#include "cli/version.hpp"
#include "config/setting_table.hpp"
#include "config/setting_value.hpp"
#include "gatherd/executor/available_parallelism.hpp"

namespace gatherd::cli {

namespace {

constexpr std::array<std::string_view, 22> start_settings{
    "log.format",      "listen",           "port_file",         "threads",      "pin_threads",  "unix.mode",
    "unix.owner",      "blocking.threads", "process.allow",     "process.path", "process.env",  "process.max_memory",
    "process.max_cpu", "process.running",  "file.roots",        "http.allow",   "http.running", "http.dns_servers",
    "http.ca_file",    "admin.listen",     "admin.connections", "plugins"};

bool is_for_start(std::string_view name) {
    return std::ranges::count(start_settings, name) > 0;
}

api::server::token_hash hash_from(std::string_view digits) {
    constexpr int hexadecimal = 16;
    api::server::token_hash hash{};
    for (std::size_t i = 0; i < hash.size(); ++i) {
        const char* const pair = digits.data() + 2 * i;
        std::from_chars(pair, pair + 2, hash[i], hexadecimal);  // config has seen that they are digits
    }
    return hash;
}

api::server::token_hash hash_in_file(const config::token& token) {
    try {
        return api::server::hash_of(read_secret(token.file));
    } catch (const std::runtime_error& wrong) {
        throw usage_error{"auth.tokens: " + token.name + ": " + wrong.what()};
    }
}

api::server::rights rights_from(const std::vector<std::string>& names) {
    using api::server::right;
    api::server::rights all = 0;
    for (const auto& [name, bit] :
         {std::pair{"submit", right::submit}, std::pair{"cancel_any", right::cancel_any},
          std::pair{"see_all", right::see_all}, std::pair{"admin", right::admin}, std::pair{"serve", right::serve}}) {
        if (std::ranges::count(names, name) > 0) {
            all |= static_cast<api::server::rights>(bit);
        }
    }
    // Who administers may do the rest, too.
    return (all & static_cast<api::server::rights>(right::admin)) != 0 ? api::server::all_rights : all;
}

}  // namespace

api::limits limits_from(const config::settings& s) {
    api::limits limits = s.limits;
    if (limits.memory_bytes == 0) {
        limits.memory_bytes = available_memory() / 2;
    }
    if (limits.message_bytes == 0) {
        limits.message_bytes = std::min(api::limits{}.message_bytes, limits.memory_bytes / 8);
    }
    if (limits.client_memory_bytes == 0) {
        limits.client_memory_bytes = limits.memory_bytes / 2;
    }
    return limits;
}

api::functions::outside_settings outside_from(const config::settings& s) {
    const auto cpu = std::chrono::ceil<std::chrono::seconds>(s.process.max_cpu);
    api::functions::outside_settings outside;
    outside.process.allow = s.process.allow;
    outside.process.path = s.process.path;
    outside.process.env = s.process.env;
    outside.process.max_memory = s.process.max_memory;
    outside.process.max_cpu = static_cast<std::uint64_t>(cpu.count());
    outside.process.running = s.process.running;
    outside.process.roots = s.file.roots;
    outside.file.roots = s.file.roots;
    outside.http.allow = s.http.allow;
    outside.http.running = s.http.running;
    outside.http.dns_servers = s.http.dns_servers;
    outside.http.ca_file = s.http.ca_file;
    outside.http.max_received = limits_from(s).memory_bytes / 2;
    outside.http.user_agent = "gatherd/" + std::string{version()};
    return outside;
}

std::vector<api::server::token_grant> tokens_from(const config::settings& s) {
    std::vector<api::server::token_grant> all;
    for (const config::token& each : s.auth.tokens) {
        auto what = rights_from(each.rights);
        if (each.serve) {
            what |= static_cast<api::server::rights>(api::server::right::serve);
        }
        const auto hash = each.file.empty() ? hash_from(each.sha256) : hash_in_file(each);
        if (const auto same = std::ranges::find(all, hash, &api::server::token_grant::hash); same != all.end()) {
            throw usage_error{"auth.tokens: " + same->name + " and " + each.name + " are the same token"};
        }
        all.push_back({each.name, hash, what, each.tasks_in_flight, each.functions, each.serve});
    }
    return all;
}

api::server::tls_files tls_files_from(const config::settings& s) {
    return {s.tls.certificate, s.tls.key.empty() ? s.tls.certificate : s.tls.key, s.tls.client_ca};
}

api::server::unix_access unix_access_from(const config::settings& s) {
    const auto colon = std::min(s.unix_socket.owner.find(':'), s.unix_socket.owner.size());
    const auto behind = std::min(colon + 1, s.unix_socket.owner.size());
    return {static_cast<unsigned>(s.unix_socket.mode), s.unix_socket.owner.substr(0, colon),
            s.unix_socket.owner.substr(behind)};
}

spdlog::level::level_enum level_from(config::log_level level) {
    switch (level) {
        case config::log_level::trace:
            return spdlog::level::trace;
        case config::log_level::debug:
            return spdlog::level::debug;
        case config::log_level::info:
            return spdlog::level::info;
        case config::log_level::warn:
            return spdlog::level::warn;
        case config::log_level::error:
            return spdlog::level::err;
        case config::log_level::off:
            break;
    }
    return spdlog::level::off;
}

log_style style_from(config::log_format format) {
    switch (format) {
        case config::log_format::text:
            return log_style::text;
        case config::log_format::json:
            return log_style::json;
        case config::log_format::automatic:
            break;
    }
    return log_style::automatic;
}

void add_plugins(api::plan::registry& functions, const config::settings& s) {
    try {
        api::load_plugins(s.plugins, functions);
    } catch (const std::runtime_error& e) {
        throw usage_error{std::string{"plugins: "} + e.what()};
    }
}

void check_port_file(const config::settings& s) {
    const std::string& path = s.port_file;
    if (path.empty()) {
        return;
    }
    const auto refuse = [&path](const std::string& why) {
        throw std::runtime_error{"cannot write the port file " + path + ": " + why};
    };
    const std::string folder = path.substr(0, path.rfind('/') + 1);
    if (access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) != 0) {
        refuse(std::strerror(errno));
    }
    if (path.ends_with('/') || api::is_no_regular_file(path) || api::is_no_regular_file(path + ".new")) {
        refuse("it is no regular file");
    }
    const auto is_it = [&path](const config::address& each) {
        return each.is == config::address::kind::local && each.path == path;
    };
    if (std::ranges::any_of(s.listen, is_it)) {
        refuse("it is a socket of listen");
    }
}

void check_pool_environments(const config::settings& s) {
    for (const config::pool& each : s.pools) {
        for (const auto& [name, text] : each.env) {
            if (!text && std::getenv(name.c_str()) == nullptr) {
                throw usage_error{"pools: " + each.name + ".env." + name +
                                  " is null, so the daemon's own environment has to have it, which it has not"};
            }
        }
    }
}

void check_tls(const config::settings& s) {
    const auto is_tls = [](const config::address& each) { return each.tls; };
    if (std::ranges::any_of(s.listen, is_tls) && s.tls.certificate.empty()) {
        throw usage_error{"listen: an address with tls: needs a certificate: set tls.certificate and tls.key"};
    }
}

void check_exposure(const std::string& address, bool is_local, bool is_tls, const config::settings& s) {
    const bool has_certificates = is_tls && !s.tls.client_ca.empty();
    if (!is_local && s.auth.tokens.empty() && !has_certificates && !s.auth.open) {
        throw usage_error{
            "listen: whoever reaches " + address +
            " could run plans here: set auth.tokens, or tls.client_ca with an address of tls:, or, if that is"
            " meant, --auth.open yes"};
    }
}

void check_admin_exposure(const std::string& address, bool is_local, const config::settings& s) {
    if (!is_local && s.auth.tokens.empty() && !s.auth.open) {
        throw usage_error{"admin.listen: whoever reaches " + address +
                          " could run plans there: set auth.tokens, or, if that is meant, --auth.open yes"};
    }
}

namespace {

/// The tokens that came, went or changed, by their names: what a hash is of nobody needs to read.
std::string token_changes(const std::vector<config::token>& before, const std::vector<config::token>& after) {
    std::string text;
    const auto add = [&text](const char* verb, const std::string& name) {
        text += (text.empty() ? "" : ", ") + std::string{verb} + " " + name;
    };
    for (const config::token& each : after) {
        const auto same = std::ranges::find(before, each.name, &config::token::name);
        if (same == before.end()) {
            add("added", each.name);
        } else if (same->sha256 != each.sha256 || same->file != each.file) {
            add("replaced", each.name);
        } else if (same->rights != each.rights || same->tasks_in_flight != each.tasks_in_flight ||
                   same->functions != each.functions || same->serve != each.serve) {
            add("changed", each.name);
        }
    }
    for (const config::token& each : before) {
        if (std::ranges::count(after, each.name, &config::token::name) == 0) {
            add("removed", each.name);
        }
    }
    return text;
}

}  // namespace

std::vector<api::pools::pool_settings> pools_from(const config::settings& s) {
    std::vector<api::pools::pool_settings> all;
    for (const config::pool& each : s.pools) {
        api::pools::pool_settings made;
        made.name = each.name;
        made.command = each.command;
        made.processes = each.processes == 0 ? executor::available_parallelism() : each.processes;
        made.functions = each.functions;
        made.concurrency = each.concurrency == 0 ? std::nullopt : std::optional<std::size_t>{each.concurrency};
        for (const auto& [name, text] : each.env) {
            if (text) {
                made.env.emplace(name, *text);  // the others it inherits
            }
        }
        made.cwd = each.cwd;
        made.max_calls = each.max_calls;
        made.max_memory = each.max_memory;
        made.max_age = each.max_age;
        made.user = each.user;
        made.start_time = each.start_time;
        made.cancel_time = each.cancel_time;
        made.drain_time = each.drain_time;
        made.restart_min = each.restart_min;
        made.restart_max = each.restart_max;
        all.push_back(std::move(made));
    }
    return all;
}

std::vector<std::string> changes(const config::settings& from, const config::settings& to) {
    std::vector<std::string> lines;
    for (const auto& each : config::setting_table()) {
        const auto before = config::value_text(each, from);
        const auto after = config::value_text(each, to);
        if (before != after && each.name == "auth.tokens") {
            const auto changed = token_changes(from.auth.tokens, to.auth.tokens);
            lines.push_back("auth.tokens: " + (changed.empty() ? "another order" : changed));
        } else if (before != after && each.name == "pools") {
            lines.emplace_back("pools: changed");  // their environments may hold secrets
        } else if (before != after) {
            lines.push_back(std::string{each.name} + ": " + (before.empty() ? "none" : before) + " -> " +
                            (after.empty() ? "none" : after) +
                            (is_for_start(each.name) ? "; that takes a restart" : ""));
        }
    }
    return lines;
}

config::settings keep_start_settings(config::settings next, const config::settings& now) {
    next.listen = now.listen;
    next.port_file = now.port_file;
    next.log.format = now.log.format;
    next.threads = now.threads;
    next.pin_threads = now.pin_threads;
    next.unix_socket = now.unix_socket;
    next.blocking = now.blocking;
    next.process = now.process;
    next.file = now.file;
    next.http = now.http;
    next.admin.listen = now.admin.listen;
    next.admin.connections = now.admin.connections;
    next.plugins = now.plugins;
    return next;
}

}  // namespace gatherd::cli
