// Connections on several workers, while all that they can be asked for goes on.
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <asio/post.hpp>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <latch>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/functions/standard.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/service.hpp"
#include "gatherd/executor/scheduler.hpp"

namespace gatherd::api::server {
namespace {

/// A service on three workers.
class busy_service {
public:
    busy_service() { functions::add_standard(functions_); }
    ~busy_service() {
        of.state().stop_bulk();
        on.stop();
    }
    busy_service(const busy_service&) = delete;
    busy_service& operator=(const busy_service&) = delete;

    /// A connection; the client's end of its socket.
    int connect() {
        std::array<int, 2> ends{};
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) {
            std::terminate();
        }
        const std::size_t home = next_home_++ % on.workers();
        const auto who = std::make_shared<connection>(
            of.connections(), transport::socket_type{on.io(home), asio::generic::stream_protocol{AF_UNIX, 0}, ends[0]},
            nullptr, peer_address{});
        static_cast<void>(of.connections().enter(who));
        asio::post(on.io(home), [who] { who->start(); });
        return ends[1];
    }

    /// Waits until all have gone.
    void drain() {
        std::latch is_over{1};
        of.drain([&is_over] { is_over.count_down(); });
        is_over.wait();
    }

    executor::scheduler on{{.workers = 3}};

private:
    plan::registry functions_;

public:
    service of{on, functions_, limits{}, "test"};

private:
    std::atomic<std::size_t> next_home_{0};
};

/// A client that writes and reads lines, and counts what is not as it should be.
class line_client {
public:
    line_client(int socket, std::atomic<int>& wrong) : socket_{socket}, wrong_{wrong} {
        const timeval patience{.tv_sec = 60, .tv_usec = 0};  // then the test fails instead of waiting for ever
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    ~line_client() { ::close(socket_); }
    line_client(const line_client&) = delete;
    line_client& operator=(const line_client&) = delete;

    void send(const value& message) { send(message.dump() + "\n"); }
    void send(const std::string& bytes) {
        for (std::size_t gone = 0; gone < bytes.size();) {
            const auto count = ::send(socket_, bytes.data() + gone, bytes.size() - gone, MSG_NOSIGNAL);
            if (count <= 0) {
                expect(false);
                return;
            }
            gone += static_cast<std::size_t>(count);
        }
    }

    /// The next line, or null at the end.
    value read() {
        for (;;) {
            if (const auto end = held_.find('\n'); end != std::string::npos) {
                value found = value::parse(held_.substr(0, end), nullptr, false);
                held_.erase(0, end + 1);
                return found;
            }
            std::array<char, 65536> bytes{};
            const auto count = ::recv(socket_, bytes.data(), bytes.size(), 0);
            if (count <= 0) {
                return nullptr;
            }
            held_.append(bytes.data(), static_cast<std::size_t>(count));
        }
    }

    void expect(bool is_right) { wrong_ += is_right ? 0 : 1; }

private:
    int socket_;
    std::atomic<int>& wrong_;
    std::string held_;
};

value request(int id, const char* method, value params) {
    return {{"id", id}, {"method", method}, {"params", std::move(params)}};
}

/// Requests that are answered on the spot come back in their order, in bursts and cut anywhere.
void ask_in_bursts(line_client& client, int rounds) {
    constexpr int burst = 25;
    for (int round = 0; round < rounds; ++round) {
        std::string all;
        for (int i = 0; i < burst; ++i) {
            all += request(round * burst + i, "run", {{"task", {{"call", "add"}, {"args", {round, i}}}}}).dump() + "\n";
        }
        const std::size_t cut = all.size() * static_cast<std::size_t>(round % 7) / 7;
        client.send(all.substr(0, cut));
        client.send(all.substr(cut));
        for (int i = 0; i < burst; ++i) {
            const value got = client.read();
            client.expect(got.is_object() && got.value("id", -1) == round * burst + i &&
                          got.value("result", -1) == round + i);
        }
    }
}

/// What other workers send: lines printed in order, then the answer behind them.
void ask_for_output(line_client& client, int rounds) {
    const value say = {{"call", "print"}, {"args", {"a"}}};
    const value wait = {{"call", "sleep"}, {"args", {0}}};
    for (int round = 0; round < rounds; ++round) {
        client.send(request(round, "run", {{"task", {{"sequence", {say, wait, say, wait, say}}}}}));
        for (int i = 0; i < 3; ++i) {
            const value got = client.read();
            client.expect(got.is_object() && got.value("method", "") == "output");
        }
        const value got = client.read();
        client.expect(got.is_object() && got.value("id", -1) == round && got.contains("result"));
    }
}

/// A stream of children, each once.
void ask_for_streams(line_client& client, int rounds) {
    constexpr int children = 20;
    value tasks = value::array();
    for (int i = 0; i < children; ++i) {
        tasks.push_back({{"call", "sleep"}, {"args", {0.0001 * (i % 3), i}}});
    }
    for (int round = 0; round < rounds; ++round) {
        client.send(request(round, "gather", {{"tasks", tasks}, {"stream", true}}));
        std::set<int> seen;
        for (int i = 0; i < children; ++i) {
            const value got = client.read();
            client.expect(got.is_object() && got.value("method", "") == "completed");
            if (got.is_object() && got.contains("params")) {
                seen.insert(got["params"].value("index", -1));
            }
        }
        client.expect(seen.size() == children);
        const value got = client.read();
        client.expect(got.is_object() && got.value("id", -1) == round && got.contains("result"));
    }
}

/// A request is cancelled from where the connection lives by then.
void ask_and_cancel(line_client& client, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        client.send(request(2 * round, "run", {{"task", {{"call", "sleep"}, {"args", {3600}}}}}));
        client.send(request(2 * round + 1, "cancel", {{"request", 2 * round}}));
        std::set<int> seen;
        for (int i = 0; i < 2; ++i) {
            const value got = client.read();
            const int id = got.is_object() ? got.value("id", -1) : -1;
            client.expect(id >= 0 && got.contains(id % 2 == 0 ? "error" : "result"));
            seen.insert(id);
        }
        client.expect(seen == std::set<int>{2 * round, 2 * round + 1});
    }
}

/// Messages for the bulk lane, and short ones behind them.
void ask_in_bulk(line_client& client, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        client.send(request(2 * round, "ping", nullptr).dump() + std::string(150 * 1024, ' ') + "\n");
        client.send(request(2 * round + 1, "ping", nullptr));
        for (int i = 0; i < 2; ++i) {
            const value got = client.read();
            client.expect(got.is_object() && got.value("id", -1) == 2 * round + i);
        }
    }
}

/// Answers that do not fit into the socket, so that it waits for room.
void ask_for_much(line_client& client, int rounds) {
    const std::string text(200'000, 'x');
    for (int round = 0; round < rounds; ++round) {
        for (int i = 0; i < 4; ++i) {
            client.send(request(i, "run", {{"task", {{"call", "echo"}, {"args", {text}}}}}));
        }
        std::set<int> seen;
        for (int i = 0; i < 4; ++i) {
            const value got = client.read();
            client.expect(got.is_object() && got.value("result", "").size() == text.size());
            seen.insert(got.is_object() ? got.value("id", -1) : -1);
        }
        client.expect(seen.size() == 4);
    }
}

using conversation = void (*)(line_client&, int);

}  // namespace

TEST_CASE("connection: several workers serve whatever their clients ask for at the same time", "[server]") {
    constexpr int rounds = 40;
    std::atomic<int> wrong{0};
    busy_service service;
    {
        std::vector<std::jthread> clients;
        for (const conversation talk : {ask_in_bursts, ask_for_output, ask_for_streams, ask_and_cancel, ask_for_much,
                                        ask_in_bulk, ask_in_bursts, ask_for_output}) {
            clients.emplace_back([&, talk] {
                line_client client{service.connect(), wrong};
                talk(client, rounds);
            });
        }
    }
    CHECK(wrong == 0);
    service.drain();
    CHECK(service.of.connections().size() == 0);
}

TEST_CASE("connection: its end cancels what it runs, and a drain answers it", "[server]") {
    std::atomic<int> wrong{0};
    busy_service service;
    for (int i = 0; i < 20; ++i) {
        line_client client{service.connect(), wrong};
        ask_in_bursts(client, 1);
        client.send(request(1, "run", {{"task", {{"call", "sleep"}, {"args", {3600}}}}}));
        client.send(request(2, "ping", nullptr));  // whose answer it does not take: else it could still read
    }
    line_client staying{service.connect(), wrong};
    ask_in_bursts(staying, 2);
    staying.send(request(7, "run", {{"task", {{"call", "sleep"}, {"args", {0.05, "awake"}}}}}));
    staying.send(request(8, "ping", nullptr));
    CHECK(staying.read().value("id", -1) == 8);  // the request before it is known, then
    service.drain();
    CHECK(staying.read().value("result", "") == "awake");
    CHECK(staying.read().is_null());  // the end
    CHECK(wrong == 0);
    CHECK(*service.of.state().tasks_in_flight() == 0);
}

}  // namespace gatherd::api::server
