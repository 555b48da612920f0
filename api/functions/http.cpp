/// \file
/// The functions of HTTP: their arguments, and their result.
#include "api/functions/http.hpp"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/functions/argument.hpp"
#include "api/functions/option.hpp"
#include "api/functions/parse_json.hpp"
#include "api/functions/place_line.hpp"
#include "api/http/client.hpp"
#include "api/http/lower_case.hpp"
#include "api/protocol/json_writer.hpp"
#include "api/regular_file.hpp"
#include "api/shortened.hpp"
#include "gatherd/executor/to_thread.hpp"

namespace gatherd::api::functions {

namespace {

using plan::arguments;
using plan::call_context;
using plan::raised;

constexpr std::string_view request_name = "http.request";
constexpr std::string_view get_name = "http.get";

constexpr std::uint64_t default_max_body = std::uint64_t{16} << 20;
constexpr std::size_t most_body = std::size_t{256} << 20;
constexpr std::size_t most_follow = 100;

/// A body of this size takes some 100 us to decode; a larger one is decoded on the compute pool.
constexpr std::size_t brief_body = std::size_t{64} << 10;

/// The arguments of either function, by their names.
struct http_call {
    std::string_view callee;
    arguments given;

    [[nodiscard]] bool is_get() const noexcept { return callee == get_name; }
    [[nodiscard]] argument url() const { return {callee, "url", given[0]}; }
    [[nodiscard]] argument headers() const { return {callee, "headers", given[is_get() ? 1 : 2]}; }
    [[nodiscard]] argument option(std::string_view name, std::size_t place) const {
        return {callee, name, given[is_get() ? place + 2 : place + 5]};
    }
    [[nodiscard]] argument timeout() const { return option("timeout", 0); }
    [[nodiscard]] argument follow() const { return option("follow", 1); }
    [[nodiscard]] argument max_body() const { return option("max_body", 2); }
    [[nodiscard]] argument check() const { return option("check", 3); }
    [[nodiscard]] argument binary() const { return option("binary", 4); }
    // Of http.request alone.
    [[nodiscard]] argument method() const { return {callee, "method", given[1]}; }
    [[nodiscard]] argument body() const { return {callee, "body", given[3]}; }
    [[nodiscard]] argument json() const { return {callee, "json", given[4]}; }
};

bool is_json_type(std::string_view type) {
    type = type.substr(0, std::min(type.find(';'), type.size()));
    while (type.ends_with(' ') || type.ends_with('\t')) {
        type.remove_suffix(1);
    }
    const std::string name = http::lower_case(type);
    return name == "application/json" || name == "text/json" || name.ends_with("+json");
}

/// `name`: in lower case.
bool has_header(const std::vector<http::header>& headers, std::string_view name) {
    return std::ranges::any_of(headers,
                               [name](const http::header& each) { return http::lower_case(each.name) == name; });
}

void read_body(const http_call& call, http::request& request) {
    const argument body = call.body();
    const argument json = call.json();
    if (!body.is_null() && !json.is_null()) {
        throw raised{"ValueError",
                     std::string{call.callee} + "(): body and json are given, of which a request has one"};
    }
    if (!body.is_null()) {
        request.body = body.bytes(call.binary().flag());
    } else if (!json.is_null()) {
        protocol::append_value(request.body.emplace(), json.given);
        if (!has_header(request.headers, "content-type")) {
            request.headers.push_back({"Content-Type", "application/json"});
        }
    }
}

http::request request_from(const http_call& call) {
    http::request request;
    request.url = call.url().plain_text();
    const argument headers = call.headers();
    if (!headers.given.is_object()) {
        headers.refuse_type("an object of texts");
    }
    for (const auto& [name, text] : headers.given.items()) {
        request.headers.push_back({name, argument{call.callee, "headers' " + shortened(name), text}.text()});
    }
    if (const argument limit = call.timeout(); limit.is_null()) {
        request.timeout.reset();
    } else {
        constexpr double longest = 1e9;  // some thirty years: a deadline reckoned from it cannot overflow
        request.timeout = std::chrono::nanoseconds{static_cast<std::int64_t>(std::min(limit.seconds(), longest) * 1e9)};
    }
    request.follow = call.follow().count(0, most_follow);
    request.max_body = call.max_body().count(0, most_body);
    static_cast<void>(call.check().flag());
    static_cast<void>(call.binary().flag());
    if (!call.is_get()) {
        request.method = call.method().text();
        std::ranges::transform(request.method, request.method.begin(),
                               [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
        read_body(call, request);
    }
    return request;
}

/// The value of a body that is said to be JSON; null if it is none, or more than json.loads takes.
value json_from(std::string_view body) {
    try {
        return parse_json(get_name, body);
    } catch (const raised&) {
        return nullptr;
    }
}

/// The value that an answer is.
value result_of(http::response answer, bool is_binary) {
    value headers = value::object();
    bool is_json = false;
    for (http::header& each : answer.headers) {
        is_json = is_json || (each.name == "content-type" && is_json_type(each.value));
        headers.get_ref<value::object_t&>().emplace_back(text_from(std::move(each.name)),
                                                         text_from(std::move(each.value)));
    }
    value json = is_json ? json_from(answer.body) : value(nullptr);
    return {{"status", answer.status},
            {"headers", std::move(headers)},
            {"body", bytes_value(std::move(answer.body), is_binary)},
            {"json", std::move(json)},
            {"url", std::move(answer.url)},
            {"elapsed", std::chrono::duration<double>{answer.elapsed}.count()}};
}

const char* exception_for(http::fault::kind reason) noexcept {
    switch (reason) {
        case http::fault::kind::permission:
            return "PermissionError";
        case http::fault::kind::value:
            return "ValueError";
        case http::fault::kind::redirects:
            return "HTTPError";
        case http::fault::kind::overflow:
            return "OverflowError";
        case http::fault::kind::memory:
            return "MemoryError";
        case http::fault::kind::connection:
            break;
    }
    return "ConnectionError";
}

/// The file of authorities. Throws where it can be read and holds no certificates: libcurl would say so at each request
/// only.
const std::string& checked_authorities(const std::string& file) {
    if (file.empty() || access(file.c_str(), R_OK) != 0) {
        return file;  // the client says why it cannot be read
    }
    const auto refuse = [&file](const std::string& why) {
        throw std::invalid_argument{"http.ca_file: cannot read '" + file + "': " + why};
    };
    if (is_no_regular_file(file)) {
        refuse("it is no regular file");
    }
    const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store{X509_STORE_new(), &X509_STORE_free};
    const bool has_any = store != nullptr && X509_STORE_load_file(store.get(), file.c_str()) == 1;
    ERR_clear_error();
    if (!has_any) {
        refuse("it has no certificate in PEM");
    }
    return file;
}

/// Both functions, with their settings and all that their calls have in common.
class http_family {
public:
    explicit http_family(const http_settings& settings)
        : line_{settings.running},
          client_{{.allow = settings.allow,
                   .dns_servers = settings.dns_servers,
                   .ca_file = checked_authorities(settings.ca_file),
                   .most_connections = settings.running,
                   .most_body_bytes = settings.max_received,
                   .user_agent = settings.user_agent}} {}

    /// The wait for a place, in a frame that is as small as it can be: a plan may have a million of these.
    executor::task<value> run(call_context& context, std::string_view callee, arguments given) {
        place_line::place here{line_, context.client().share};
        if (!here.is_granted()) {
            check_call(callee, given);
            co_await here.granted();
        }
        context.call_began();
        co_return co_await run_now(context, {callee, given});
    }

private:
    void check_call(std::string_view callee, arguments given) const {
        try {
            client_.check(request_from({callee, given}));
        } catch (const http::fault& fault) {
            throw raised_by(fault, callee);
        }
    }

    static raised raised_by(const http::fault& fault, std::string_view callee) {
        // It may quote what a server sent, as the place of a redirect.
        return {exception_for(fault.reason()), std::string{callee} + ": " + text_from(fault.message())};
    }

    executor::task<value> run_now(call_context& context, http_call call) {
        http::request request = request_from(call);
        if (const trace_parent trace = context.client().trace;
            !trace.empty() && !has_header(request.headers, "traceparent")) {
            request.headers.push_back({"traceparent", std::string{trace.text()}});
        }
        http::response answer;
        try {
            answer = co_await client_.fetch(std::move(request));
        } catch (const http::fault& fault) {
            throw raised_by(fault, call.callee);
        } catch (const executor::timeout_error& late) {
            throw executor::timeout_error{std::string{call.callee} + ": " + text_from(late.message())};
        }
        constexpr int first_error = 400;
        if (answer.status >= first_error && call.check().flag()) {
            throw raised{"HTTPError", std::string{call.callee} + ": status " + std::to_string(answer.status) +
                                          (answer.reason.empty() ? "" : " " + shortened(text_from(answer.reason))) +
                                          " from '" + shortened(answer.url) + "'"};
        }
        const bool is_binary = call.binary().flag();
        if (answer.body.size() <= brief_body) {
            co_return result_of(std::move(answer), is_binary);
        }
        auto decode = [account = context.account(), answer = std::move(answer), is_binary]() mutable {
            const executor::memory_turn turn{account.get()};
            return result_of(std::move(answer), is_binary);
        };
        co_return co_await executor::compute_unjoined(std::move(decode));
    }

    place_line line_;
    const http::client client_;
};

std::vector<plan::parameter> common_options() {
    return {option("timeout", 30, "number or null",
                   "how long it may take, redirects included, once it is its turn; null: for ever", "seconds"),
            option("follow", 5, "integer", "how many redirects are followed; more are HTTPError"),
            option("max_body", default_max_body, "integer",
                   "how large the body may be, decompressed; more is OverflowError", "bytes"),
            option("check", false, "boolean", "whether a status from 400 on raises HTTPError"),
            option("binary", false, "boolean", "whether body is base64")};
}

plan::function http_function(const std::shared_ptr<http_family>& family, std::string_view name, std::string summary,
                             std::vector<plan::parameter> parameters, std::string example) {
    for (plan::parameter& each : common_options()) {
        parameters.push_back(std::move(each));
    }
    return {.name = std::string{name},
            .summary = std::move(summary),
            .parameters = std::move(parameters),
            .body = plan::coroutine_body{[family, name](call_context& context, arguments given) {
                return family->run(context, name, given);
            }},
            .errors = {"ConnectionError", "TimeoutError", "PermissionError", "ValueError", "HTTPError", "OverflowError",
                       "MemoryError", "TypeError"},
            .example = {std::move(example), R"("no answer")"},
            .needs = "http.allow",
            .has_line = true};
}

}  // namespace

void add_http(plan::registry& functions, const http_settings& settings) {
    const auto family = std::make_shared<http_family>(settings);
    const plan::parameter url{.name = "url", .type = "text", .help = "where to, with http: or https:"};
    const plan::parameter headers =
        option("headers", value::object(), "object of texts", "more headers of the request, by their names");
    functions.add(http_function(
        family, request_name, "Sends a request over HTTP, and returns status, headers and body of the answer.",
        {url, option("method", "GET", "text", "GET, POST, PUT, PATCH, DELETE, HEAD ..."), headers,
         option("body", nullptr, "text or null", "what to send"),
         option("json", nullptr, "any", "what to send as JSON, in place of body")},
        R"({"try": {"call": "http.request", "args": {"url": "http://127.0.0.1:1/", "method": "POST", "json": {"a": 1}}}, "except": {"value": "no answer"}})"));
    functions.add(http_function(
        family, get_name, "Fetches a URL over HTTP, and returns status, headers and body of the answer.",
        {url, headers},
        R"({"try": {"call": "http.get", "args": ["http://127.0.0.1:1/"]}, "except": {"value": "no answer"}})"));
}

}  // namespace gatherd::api::functions
