/// \file
/// How long a ping takes while all threads of the compute pool compute: through TCP, with a function of its own on that
/// pool that does nothing but compute.
///
/// Usage: ping_under_compute PINGS    a ping a millisecond, first while nothing else happens, then while the lane
/// computes
#include <algorithm>
#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "api/functions/standard.hpp"
#include "api/server/net/listener.hpp"
#include "api/server/net/listening_socket.hpp"
#include "api/server/service.hpp"
#include "gatherd/api/limits.hpp"
#include "gatherd/executor/scheduler.hpp"

namespace {

using namespace gatherd;
using clock_type = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto spin_time = 20ms;
constexpr std::string_view ping = R"({"id":1,"method":"ping"})"
                                  "\n";
constexpr std::string_view spins =
    R"({"id":2,"method":"map","params":{"call":"spin","over":[[],[],[],[],[],[],[],[]]}})"
    "\n";

api::value spin(api::plan::call_context& /*of*/, api::plan::arguments /*none*/) {
    for (const auto end = clock_type::now() + spin_time; clock_type::now() < end;) {
    }
    return nullptr;
}

/// One client that waits for each of its answers.
class client {
public:
    explicit client(const std::string& address) : socket_{io_} {
        std::uint16_t port = 0;
        const auto colon = address.rfind(':');
        std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
        socket_.connect({asio::ip::make_address(address.substr(0, colon)), port});
        socket_.set_option(asio::ip::tcp::no_delay{true});
    }

    std::string ask(std::string_view request) {
        asio::write(socket_, asio::buffer(request));
        const std::size_t size = asio::read_until(socket_, asio::dynamic_buffer(input_), '\n');
        std::string answer = input_.substr(0, size);
        input_.erase(0, size);
        return answer;
    }

private:
    asio::io_context io_;
    asio::ip::tcp::socket socket_;
    std::string input_;
};

/// Prints quantiles of the pings' times. False: one was not answered with "pong".
bool measure(const char* what, client& from, std::size_t pings) {
    std::vector<double> times;
    auto due = clock_type::now();
    for (std::size_t i = 0; i < pings; ++i) {
        due += 1ms;
        std::this_thread::sleep_until(due);
        const auto begin = clock_type::now();
        if (from.ask(ping).find("pong") == std::string::npos) {
            return false;
        }
        times.push_back(std::chrono::duration<double, std::milli>{clock_type::now() - begin}.count());
    }
    std::sort(times.begin(), times.end());
    const auto quantile = [&](double q) { return times[static_cast<std::size_t>(q * static_cast<double>(pings - 1))]; };
    std::printf("%-16s %8.3f %8.3f %8.3f %8.3f\n", what, quantile(0.5), quantile(0.9), quantile(0.99), times.back());
    return true;
}

bool run(std::size_t pings) {
    api::plan::registry functions;
    api::functions::add_standard(functions);
    functions.add({.name = "spin",
                   .summary = "Computes.",
                   .parameters = {},
                   .pool = api::plan::thread_pool::compute,
                   .body = spin});
    executor::scheduler on{{}};
    api::server::service daemon{on, functions, api::limits{}, "test"};
    const auto listener = std::make_shared<api::server::listener>(
        daemon.connections(), api::server::listening_socket::tcp("127.0.0.1", 0), nullptr);
    listener->start();
    bool is_right = false;
    {
        client pinging{listener->address()};
        client computing{listener->address()};
        std::printf("%-16s %8s %8s %8s %8s\n", "ping, ms", "p50", "p90", "p99", "most");
        is_right = measure("idle", pinging, pings);
        std::atomic<bool> enough{false};
        std::thread load{[&] {
            while (!enough.load()) {
                static_cast<void>(computing.ask(spins));
            }
        }};
        std::this_thread::sleep_for(5 * spin_time);
        is_right = measure("lane computes", pinging, pings) && is_right;
        enough = true;
        load.join();
    }
    listener->stop();
    std::atomic<bool> is_empty{false};
    daemon.drain([&] {
        is_empty = true;
        is_empty.notify_one();
    });
    is_empty.wait(false);
    daemon.state().stop_bulk();
    on.stop();
    return is_right;
}

}  // namespace

int main(int count, char** words) {
    const std::string_view text = count == 2 ? words[1] : "";
    std::size_t pings = 0;
    std::from_chars(text.data(), text.data() + text.size(), pings);
    if (pings == 0) {
        std::fputs("usage: ping_under_compute PINGS\n", stderr);
        return 2;
    }
    try {
        return run(pings) ? 0 : 1;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "ping_under_compute: %s\n", e.what());
        return 1;
    }
}
