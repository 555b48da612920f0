#include "api/http/client.hpp"

#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/post.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "api/http/lower_case.hpp"
#include "api/http/name_lookups.hpp"
#include "api/http/socket_watch.hpp"
#include "api/http/target.hpp"
#include "api/http/transfers.hpp"
#include "api/shortened.hpp"
#include "gatherd/executor/detail/time_after.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/timeout.hpp"
#include "gatherd/executor/use_task.hpp"

namespace gatherd::api::http {

namespace {

using kind = fault::kind;

/// Before the first thread, and once a process.
void start_libcurl() {
    static const CURLcode failed = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (failed != CURLE_OK) {
        throw std::runtime_error{std::string{"libcurl: "} + curl_easy_strerror(failed)};
    }
}

std::string joined(const std::vector<std::string>& parts) {
    std::string all;
    for (const auto& each : parts) {
        all += (all.empty() ? "" : ",") + each;
    }
    return all;
}

bool is_named(const header& field, std::string_view name) noexcept {
    return std::ranges::equal(field.name, name, [](char one, char other) { return lower_case(one) == other; });
}

bool is_token(std::string_view text) noexcept {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [others](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               others.find(c) != std::string_view::npos;
    });
}

[[noreturn]] void refuse_request(const std::string& reason) {
    throw fault{kind::value, reason};
}

/// What would make another request of it than the one that was meant, or none.
void check_request(const request& given) {
    constexpr std::size_t longest_method = 32;
    if (!is_token(given.method) || given.method.size() > longest_method || given.method == "CONNECT" ||
        given.method == "TRACE") {
        refuse_request("the method '" + shortened(given.method) + "' cannot be sent");
    }
    if (given.method == "HEAD" && given.body) {
        refuse_request("a HEAD request has no body");
    }
    for (const header& each : given.headers) {
        if (!is_token(each.name)) {
            refuse_request("'" + shortened(each.name) + "' is no name of a header");
        }
        for (const std::string_view own : {"host", "content-length", "transfer-encoding"}) {
            if (is_named(each, own)) {
                refuse_request("the header " + each.name + " follows from the request and cannot be given");
            }
        }
        if (each.value.find_first_of(std::string_view{"\r\n\0", 3}) != std::string::npos) {
            refuse_request("the header " + shortened(each.name) + " has a line end or a NUL in its value");
        }
    }
}

std::string described(const target& server) {
    return "'" + shortened(server.host()) + "' at port " + std::to_string(server.port());
}

std::string in_seconds(std::chrono::nanoseconds span) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%g", std::chrono::duration<double>{span}.count());
    return text.data();
}

/// Counts one as long as it lives.
class counted {
public:
    explicit counted(std::atomic<std::size_t>& number) noexcept : number_{number} {
        number_.fetch_add(1, std::memory_order_relaxed);
    }
    ~counted() { number_.fetch_sub(1, std::memory_order_relaxed); }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;

private:
    std::atomic<std::size_t>& number_;
};

/// What becomes of a request that is sent elsewhere.
void redirect(request& moved, int status, bool stays_at_origin) {
    constexpr int see_other = 303;
    const bool is_post = moved.method == "POST" && (status == 301 || status == 302);
    if (is_post || (status == see_other && moved.method != "HEAD")) {
        moved.method = "GET";
        moved.body.reset();
        std::erase_if(moved.headers, [](const header& each) {
            return is_named(each, "content-type") || is_named(each, "content-encoding") ||
                   is_named(each, "content-language") || is_named(each, "content-location");
        });
    }
    if (!stays_at_origin) {
        std::erase_if(moved.headers, [](const header& each) {
            return is_named(each, "authorization") || is_named(each, "cookie") || is_named(each, "proxy-authorization");
        });
    }
}

}  // namespace

/// All that only one reactor's worker touches, but for the number of requests.
struct client::reactor_part : std::enable_shared_from_this<reactor_part> {
    reactor_part(asio::io_context& at, const client_settings& settings, std::atomic<std::size_t>& body_bytes)
        : reactor{at},
          rules{settings.allow},
          sockets{at},
          lookups{at, sockets, joined(settings.dns_servers)},
          moving{at, sockets, rules, settings, body_bytes} {}

    void start() {
        moving.set_whole(weak_from_this());
        sockets.start(shared_from_this());
    }

    asio::io_context& reactor;
    const allow_list rules;
    socket_watch sockets;
    name_lookups lookups;
    transfers moving;
    std::atomic<std::size_t> requests{0};  // how many use it, for who chooses one; relaxed, as nothing hangs on it
};

namespace {

/// Awaits on a task's side what the reactor does: `begin(done)` is called there, and at a cancellation `end()`, which
/// gives whether `done` will be called no more. Both may use what the awaiting frame holds.
template <typename Result, typename Part, typename Begin, typename End>
auto on_reactor(std::shared_ptr<Part> there, Begin begin, End end) {
    const auto initiate = [](auto handler, std::shared_ptr<Part> part, Begin starts, End stops) {
        const auto home = asio::get_associated_executor(handler, part->reactor.get_executor());
        auto slot = asio::get_associated_cancellation_slot(handler);
        const auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
        asio::post(home, [part = std::move(part), waiting, slot, starts, stops]() mutable {
            slot.assign([waiting, stops](asio::cancellation_type) {
                if (stops()) {
                    (*waiting)(Result{});
                }
            });
            starts([waiting](Result result) { (*waiting)(std::move(result)); });
        });
    };
    return asio::async_initiate<const executor::use_task_t, void(Result)>(
        initiate, executor::use_task, std::move(there), std::move(begin), std::move(end));
}

}  // namespace

client::client(client_settings settings) : settings_{std::move(settings)}, rules_{settings_.allow} {
    name_lookups::check_servers(joined(settings_.dns_servers));
    if (!settings_.ca_file.empty() && access(settings_.ca_file.c_str(), R_OK) != 0) {
        throw std::invalid_argument{"http.ca_file: cannot read '" + settings_.ca_file + "': " + std::strerror(errno)};
    }
    start_libcurl();
}

/// The reactors may be polling the sockets at this moment.
client::~client() {
    for (const auto& each : parts_) {
        if (const part_ptr there = each.lock()) {
            asio::post(there->reactor, [there] { there->sockets.stop(); });
        }
    }
}

client::part_ptr client::part() const {
    constexpr std::size_t few_requests = 32;
    constexpr std::size_t most_parts = 2;
    asio::io_context& own = executor::this_io();
    const std::lock_guard guard{lock_};
    std::erase_if(parts_, [](const auto& each) { return each.expired(); });
    part_ptr first;
    for (const auto& each : parts_) {
        part_ptr there = each.lock();
        if (there == nullptr) {
            continue;
        }
        if (&there->reactor == &own ||
            (first == nullptr && there->requests.load(std::memory_order_relaxed) < few_requests)) {
            return there;
        }
        if (first == nullptr) {
            first = std::move(there);
        }
    }
    if (first != nullptr && parts_.size() == most_parts) {
        return first;
    }
    const auto made = std::make_shared<reactor_part>(own, settings_, body_bytes_);
    asio::post(own, [made] { made->start(); });
    parts_.push_back(made);
    return made;
}

void client::check(const request& given) const {
    check_request(given);
    check_host(target{given.url});
}

executor::task<response> client::fetch(request given) const {
    const auto began = std::chrono::steady_clock::now();
    check_request(given);
    executor::timeout_scope limit{given.timeout ? std::optional{executor::time_after(*given.timeout)} : std::nullopt};
    try {
        response answer = co_await follow(given);
        answer.elapsed = std::chrono::steady_clock::now() - began;
        co_return answer;
    } catch (const executor::cancelled_error&) {
        if (!limit.leave()) {
            throw;
        }
    }
    throw executor::timeout_error{"no whole answer of '" + shortened(given.url) + "' within " +
                                  in_seconds(*given.timeout) + " s"};
}

executor::task<response> client::follow(request& given) const {
    target where{given.url};
    check_host(where);
    const part_ptr there = part();
    const counted use{there->requests};
    for (std::size_t redirects = 0;; ++redirects) {
        exchange asked;
        asked.where = &where;
        asked.message = &given;
        co_await find_addresses(there, asked);
        co_await send(there, asked);
        if (!asked.head.is_redirect()) {
            response answer;
            answer.status = asked.head.status();
            answer.reason = asked.head.reason();
            answer.headers = std::move(asked.head.fields());
            answer.body = std::move(asked.body);
            answer.url = where.text();
            co_return answer;
        }
        if (redirects == given.follow) {
            throw fault{kind::redirects, "more than " + std::to_string(given.follow) +
                                             " redirects; the last one came from '" + shortened(where.text()) + "'"};
        }
        target next = where.resolve(*asked.head.field("location"));
        check_host(next);
        redirect(given, asked.head.status(), next.has_same_origin(where));
        where = std::move(next);
    }
}

void client::check_host(const target& server) const {
    if (rules_.empty()) {
        throw fault{kind::permission, "no host is allowed; set http.allow"};
    }
    if (!rules_.could_allow(server.host(), server.port())) {
        throw fault{kind::permission, described(server) + " is not in http.allow"};
    }
}

executor::task<> client::find_addresses(const part_ptr& there, exchange& begun) const {
    const target& where = *begun.where;
    if (where.address()) {
        begun.addresses = {*where.address()};
    } else {
        lookup_end found;
        const auto begin = [&](name_lookups::callback done) {
            there->lookups.start(where.host(), &begun, std::move(done));
        };
        const auto end = [&] { return there->lookups.cancel(&begun); };
        found = co_await on_reactor<lookup_end>(there, begin, end);
        if (!found.failure.empty()) {
            throw fault{kind::connection, "cannot resolve '" + shortened(where.host()) + "': " + found.failure};
        }
        begun.addresses = std::move(found.addresses);
    }
    const std::string first = begun.addresses.front().to_string();
    std::erase_if(begun.addresses, [&](const auto& each) { return !rules_.allows(where.host(), each, where.port()); });
    if (begun.addresses.empty()) {
        throw fault{kind::permission,
                    described(where) + " has the address " + first + ", which is in none of the blocks of http.allow" +
                        (is_public(asio::ip::make_address(first)) ? "" : ", and is none of the public internet")};
    }
}

executor::task<> client::send(const part_ptr& there, exchange& begun) {
    const auto begin = [&](transfers::callback done) { there->moving.start(begun, std::move(done)); };
    const auto end = [&] { return there->moving.cancel(begun); };
    exchange_end ended = co_await on_reactor<exchange_end>(there, begin, end);
    if (ended) {
        throw std::move(*ended);
    }
}

}  // namespace gatherd::api::http
