#include "api/admin/admin_port.hpp"

#include <algorithm>
#include <array>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <charconv>
#include <chrono>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/admin/background_answer.hpp"
#include "api/admin/dashboard.hpp"
#include "api/admin/event_stream.hpp"
#include "api/admin/health_probe.hpp"
#include "api/admin/host_guard.hpp"
#include "api/admin/http_server.hpp"
#include "api/admin/metrics.hpp"
#include "api/admin/service_call.hpp"
#include "api/http/lower_case.hpp"
#include "api/latency_histogram.hpp"
#include "api/process/peer_process.hpp"
#include "api/server/methods/stats.hpp"
#include "api/server/net/credentials.hpp"
#include "api/server/tasks/created_task.hpp"
#include "api/server/tasks/watched_program.hpp"
#include "api/shortened.hpp"
#include "gatherd/executor/dump_tasks.hpp"

namespace gatherd::api::admin {
namespace {

constexpr std::size_t most_tasks_dumped = 10'000;
constexpr std::size_t most_name_shown = 80;
constexpr std::size_t most_functions_told = 100;  // of those that workers serve, each second

/// What a client must have shown before a path answers it.
enum class access : std::uint8_t {
    probe,    ///< nothing; Host and Origin are not looked at either
    page,     ///< nothing
    metrics,  ///< as `known`, unless admin.open_metrics
    any,      ///< a token, whatever it allows: the methods ask for more
    known,    ///< a token that allows something
    see_all,
    admin,
};

/// What a query means, as params of a method.
struct query_meaning {
    std::string params{};
    const char* fault = nullptr;
};

std::string_view bearer_of(std::string_view header) {
    constexpr std::string_view scheme = "bearer ";
    if (http::lower_case(header.substr(0, scheme.size())) != scheme) {
        return {};
    }
    header.remove_prefix(scheme.size());
    const auto begin = std::min(header.find_first_not_of(' '), header.size());
    return header.substr(begin, header.find_last_not_of(' ') + 1 - begin);
}

/// To a client that has shown no token, or none that is known.
http_answer unauthorized(const request_head& head) {
    const bool shows_one = head.authorizations.size() == 1 && !bearer_of(head.authorizations.front()).empty();
    auto answer = text_answer(
        401, shows_one ? "this token is not known here" : "a token is needed: one header Authorization: Bearer TOKEN");
    answer.headers.push_back({"WWW-Authenticate", "Bearer"});
    return answer;
}

/// Whether the word is one of those with spaces between.
bool holds_word(std::string_view words, std::string_view word) {
    while (!words.empty()) {
        const auto end = std::min(words.find(' '), words.size());
        if (words.substr(0, end) == word) {
            return true;
        }
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return false;
}

bool is_json(std::string_view type) {
    const std::string lower = http::lower_case(type.substr(0, type.find(';')));
    return std::string_view{lower}.substr(0, lower.find_last_not_of(' ') + 1) == "application/json";
}

/// The params of method tasks from its query, or what is wrong with that.
query_meaning tasks_params(const request_head& head) {
    value params = value::object();
    if (const auto state = head.query_value("state")) {
        params["state"] = *state;
    }
    if (const auto limit = head.query_value("limit")) {
        std::uint64_t most = 0;
        const char* const last = limit->data() + limit->size();
        const auto [end, failed] = std::from_chars(limit->data(), last, most);
        if (end != last || failed != std::errc{} || most == 0) {
            return {.fault = "limit is an integer of at least 1"};
        }
        params["limit"] = most;
    }
    if (const auto running = head.query_value("running")) {
        if (*running != "0" && *running != "1") {
            return {.fault = "running is 1 or 0"};
        }
        params["running"] = *running == "1";
    }
    return {.params = params.dump(-1, ' ', false, value::error_handler_t::replace)};
}

}  // namespace

/// Which path answers what, and to whom. All but the atomic belongs to the server's thread, once that runs.
class admin_port::routes {
public:
    routes(server::service& daemon, const pools::pool_table& pools, server::listening_socket at,
           std::size_t connections, admin_access access)
        : daemon_{daemon},
          pools_{pools},
          access_{std::move(access)},
          server_{std::move(at),
                  {.connections = connections,
                   .message_time = [&daemon] { return daemon.state().bounds().message_time; },
                   .unread_time = std::max(std::chrono::ceil<std::chrono::seconds>(daemon.state().bounds().unread_time),
                                           std::chrono::seconds{1})},
                  [this](const request_head& head) { return route(head); }},
          probe_{daemon.state().runs_on(), server_.loop()},
          events_{server_.loop(), daemon.state().bulk(), [this] { return snapshot(); }} {
        set_guard();
        server_.start();
    }

    void set_ready() noexcept { is_ready_.store(true, std::memory_order_relaxed); }  // nothing else hangs on it

    void change(admin_access access) {
        asio::post(server_.loop(), [this, access = std::move(access)]() mutable {
            access_ = std::move(access);
            set_guard();
        });
    }

    void stop() noexcept {
        server_.stop();
        daemon_.state().bulk().finish();  // which may be making an answer
    }

    [[nodiscard]] const http_server& server() const noexcept { return server_; }

private:
    struct path_entry {
        std::string_view path;
        bool takes_post;  // and nothing else; others take GET and HEAD
        access needs;
        std::string_view parameters;  // of its query, with spaces between; probes and pages look at none
        route_outcome (routes::*answer)(const request_head&, const std::shared_ptr<server::identity>&);
    };
    static const std::array<path_entry, 11> paths;

    void set_guard() { guard_.emplace(server_.address(), server_.is_local(), access_.hosts); }

    route_outcome route(const request_head& head) {
        if (head.has_nul) {
            return {text_answer(400, "%00 is in no path and in no query")};
        }
        const auto* const found = std::ranges::find_if(paths, [&head](const path_entry& each) {
            return each.path.ends_with('/') && each.path.size() > 1
                       ? head.path.starts_with(each.path) && head.path.size() > each.path.size()
                       : head.path == each.path;
        });
        const bool is_probe = found != paths.end() && found->needs == access::probe;
        std::shared_ptr<server::identity> who = is_probe ? nullptr : daemon_.state().without_token();
        if (!is_probe && who == nullptr && head.authorizations.size() == 1) {
            server::credentials shown{daemon_.state(), head.peer};
            const auto token = bearer_of(head.authorizations.front());
            who = !token.empty() && shown.show(token) ? shown.who() : nullptr;
        }
        if (auto refused = is_probe ? std::nullopt : look_at_host(head, who != nullptr && !who->name().empty())) {
            return {*std::move(refused)};
        }
        if (found == paths.end()) {
            return {text_answer(404, "there is no such path; / lists those that there are")};
        }
        if (head.method != (found->takes_post ? "POST" : "GET") && (found->takes_post || head.method != "HEAD")) {
            auto answer = text_answer(405, found->takes_post ? "this path takes POST" : "this path takes GET and HEAD");
            answer.headers.push_back({"Allow", found->takes_post ? "POST" : "GET, HEAD"});
            return {std::move(answer)};
        }
        if (auto refused = look_at_rights(*found, head, who.get())) {
            return {*std::move(refused)};
        }
        if (auto refused = look_at_query(*found, head)) {
            return {*std::move(refused)};
        }
        return (this->*found->answer)(head, who);
    }

    std::optional<http_answer> look_at_host(const request_head& head, bool has_token) const {
        const asking_client client{head.is_on_loopback, has_token};
        if (head.hosts.size() != 1 || !guard_->allows_host(head.hosts.front(), client)) {
            return text_answer(403, "this Host is not the address of the admin port; admin.hosts lists further ones");
        }
        const bool is_foreign = !std::ranges::all_of(
            head.origins, [&](const std::string& each) { return guard_->allows_origin(each, client); });
        return is_foreign
                   ? std::optional{text_answer(403, "this Origin is foreign; admin.hosts lists those that are not")}
                   : std::nullopt;
    }

    std::optional<http_answer> look_at_rights(const path_entry& path, const request_head& head,
                                              const server::identity* who) const {
        if (path.needs == access::probe || path.needs == access::page ||
            (path.needs == access::metrics && access_.open_metrics)) {
            return std::nullopt;
        }
        if (who == nullptr) {
            return unauthorized(head);
        }
        const bool may = path.needs == access::see_all ? who->may(server::right::see_all)
                         : path.needs == access::admin ? who->may(server::right::admin)
                                                       : path.needs == access::any || who->may_anything();
        return may ? std::nullopt : std::optional{text_answer(403, "the token does not allow this")};
    }

    /// A parameter with a slip in its name would else be one that is not there.
    static std::optional<http_answer> look_at_query(const path_entry& path, const request_head& head) {
        if (path.needs == access::probe || path.needs == access::page) {
            return std::nullopt;
        }
        std::set<std::string_view> seen;
        for (const auto& [name, text] : head.query) {
            if (!holds_word(path.parameters, name)) {
                return text_answer(400,
                                   "there is no query parameter '" + loggable(name, most_name_shown) + "' here: " +
                                       (path.parameters.empty() ? "this path takes none"
                                                                : "this path takes " + std::string{path.parameters}));
            }
            if (!seen.insert(name).second) {
                return text_answer(400, "the query parameter '" + name + "' is there twice");
            }
        }
        return std::nullopt;
    }

    using identity_ptr = std::shared_ptr<server::identity>;

    /// Null: whoever has shown no token is one client, since a connection carries one request.
    static std::shared_ptr<server::client_share> client_of(const identity_ptr& who) {
        return who == nullptr || who->name().empty() ? nullptr : who->share();
    }

    route_outcome healthz(const request_head& /*head*/, const identity_ptr& /*who*/) {
        return {health_answer(server_.loop(), probe_), true};
    }

    route_outcome readyz(const request_head& /*head*/, const identity_ptr& /*who*/) {
        const std::string why = why_not_ready();
        return {why.empty() ? text_answer(200, "ready") : text_answer(503, why), true};
    }

    route_outcome index(const request_head& /*head*/, const identity_ptr& /*who*/) { return {dashboard_page()}; }

    route_outcome dashboard(const request_head& head, const identity_ptr& /*who*/) {
        return {dashboard_file(std::string_view{head.path}.substr(std::string_view{"/dashboard/"}.size()))};
    }

    route_outcome metrics(const request_head& /*head*/, const identity_ptr& who) {
        return {background_answer(server_.loop(), daemon_.state().bulk(), client_of(who), [this] {
            return http_answer{.type = "text/plain; version=0.0.4; charset=utf-8",
                               .body = metrics_text(daemon_, pools_.states())};
        })};
    }

    route_outcome stats(const request_head& head, const identity_ptr& who) {
        return {method_call(server_.loop(), daemon_, {who, head.peer}, "stats", {})};
    }

    route_outcome tasks(const request_head& head, const identity_ptr& who) {
        const auto wanted = tasks_params(head);
        if (wanted.fault != nullptr) {
            return {text_answer(400, wanted.fault)};
        }
        return {method_call(server_.loop(), daemon_, {who, head.peer}, "tasks", wanted.params)};
    }

    route_outcome task(const request_head& head, const identity_ptr& who) {
        const std::string id = head.path.substr(std::string_view{"/tasks/"}.size());
        const std::string params =
            value{{"id", id}, {"nodes", true}}.dump(-1, ' ', false, value::error_handler_t::replace);
        return {method_call(server_.loop(), daemon_, {who, head.peer}, "status", params)};
    }

    route_outcome debug_tasks(const request_head& /*head*/, const identity_ptr& who) {
        return {background_answer(server_.loop(), daemon_.state().bulk(), client_of(who), [this] {
            std::string text = to_string(executor::dump_tasks(daemon_.state().runs_on(), most_tasks_dumped));
            if (auto* const bulk = daemon_.state().made_bulk_scheduler()) {
                text += "\nof large plans:\n" + to_string(executor::dump_tasks(*bulk, most_tasks_dumped));
            }
            return http_answer{.type = "text/plain; charset=utf-8", .body = std::move(text)};
        })};
    }

    route_outcome events(const request_head& head, const identity_ptr& who) {
        if (head.method == "HEAD") {
            return {http_answer{.type = "text/event-stream"}};
        }
        const auto id = head.query_value("task");
        if (!id) {
            return {events_.watch(who, std::nullopt)};
        }
        if (auto task = daemon_.tasks().find(*id)) {
            return {events_.watch(who, server::watched_program{std::move(task)})};
        }
        if (const auto request = server::find_request(daemon_.connections(), *id).request) {
            return {events_.watch(who, server::watched_program{*id, *request})};
        }
        return {
            text_answer(404, "no such task: it was never created, its result was dropped, or the request has ended")};
    }

    route_outcome rpc(const request_head& head, const identity_ptr& who) {
        if (!is_json(head.content_type) || !head.content_encoding.empty()) {
            return {text_answer(415, "the body is JSON: Content-Type: application/json, without Content-Encoding")};
        }
        const std::size_t most = daemon_.state().bounds().message_bytes;
        if (head.content_length.value_or(0) > most) {
            return {text_answer(413, "limits.message_bytes is " + std::to_string(most))};
        }
        const auto bytes = head.is_chunked ? std::nullopt : std::optional{head.content_length.value_or(0)};
        // Of several nobody knows which is meant: a trace then starts anew.
        const trace_parent trace{head.trace_parents.size() == 1 ? std::string_view{head.trace_parents.front()}
                                                                : std::string_view{}};
        const bool may_be_of_pool = daemon_.state().workers().has_pools();
        const auto process = may_be_of_pool ? process::peer_process::behind(head.socket) : nullptr;
        return {message_call(server_.loop(), daemon_, {who, head.peer, process, trace}, bytes)};
    }

    [[nodiscard]] std::string why_not_ready() const {
        if (daemon_.state().is_draining()) {
            return "draining";
        }
        if (!is_ready_.load(std::memory_order_relaxed)) {
            return "starting";
        }
        for (const auto& each : pools_.states()) {
            if (each.processes.serving == 0) {
                return "no process of pool " + each.name + " serves";
            }
        }
        return {};
    }

    /// How many requests took so long, for quantiles.
    [[nodiscard]] value request_times() const {
        value bounds = value::array();
        for (const auto& each : latency_bounds) {
            bounds.push_back(std::chrono::duration<double>{each}.count());
        }
        return {{"bounds", std::move(bounds)}, {"counts", daemon_.state().counts().request_times().counts}};
    }

    [[nodiscard]] std::string snapshot() const {
        value pools = value::array();
        for (const auto& each : pools_.states()) {
            pools.push_back({{"pool", each.name},
                             {"starting", each.processes.starting},
                             {"serving", each.processes.serving},
                             {"ending", each.processes.ending}});
        }
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        const std::size_t functions = daemon_.state().workers().names();
        const value all = {{"time", std::chrono::duration<double>{now}.count()},
                           {"ready", why_not_ready().empty()},
                           {"version", daemon_.state().version()},
                           {"stats", server::describe_stats(daemon_.parts(), most_functions_told)},
                           {"functions_left_out", functions - std::min(functions, most_functions_told)},
                           {"request_seconds", request_times()},
                           {"pools", std::move(pools)}};
        return all.dump(-1, ' ', false, value::error_handler_t::replace);
    }

    server::service& daemon_;
    const pools::pool_table& pools_;
    admin_access access_;
    std::optional<host_guard> guard_{};
    std::atomic<bool> is_ready_{false};
    http_server server_;
    health_probe probe_;
    event_stream events_;
};

const std::array<admin_port::routes::path_entry, 11> admin_port::routes::paths{{
    {"/healthz", false, access::probe, "", &routes::healthz},
    {"/readyz", false, access::probe, "", &routes::readyz},
    {"/", false, access::page, "", &routes::index},
    {"/dashboard/", false, access::page, "", &routes::dashboard},
    {"/metrics", false, access::metrics, "", &routes::metrics},
    {"/stats", false, access::admin, "", &routes::stats},
    {"/tasks", false, access::known, "state limit running", &routes::tasks},
    {"/tasks/", false, access::known, "", &routes::task},
    {"/debug/tasks", false, access::see_all, "", &routes::debug_tasks},
    {"/events", false, access::admin, "task", &routes::events},
    {"/rpc", true, access::any, "", &routes::rpc},
}};

admin_port::admin_port(server::service& daemon, const pools::pool_table& pools, server::listening_socket at,
                       std::size_t connections, admin_access access)
    : routes_{std::make_unique<routes>(daemon, pools, std::move(at), connections, std::move(access))} {}

admin_port::~admin_port() {
    stop();
}

void admin_port::set_ready() noexcept {
    routes_->set_ready();
}

void admin_port::change_access(admin_access access) {
    routes_->change(std::move(access));
}

void admin_port::hurry() {
    routes_->server().hurry();
}

std::size_t admin_port::owed() const noexcept {
    return routes_->server().owed();
}

void admin_port::stop() noexcept {
    routes_->stop();
}

const std::string& admin_port::address() const noexcept {
    return routes_->server().address();
}

bool admin_port::is_local() const noexcept {
    return routes_->server().is_local();
}

}  // namespace gatherd::api::admin
