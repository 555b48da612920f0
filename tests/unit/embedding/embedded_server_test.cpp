// The daemon inside a program, over real sockets.
#include "gatherd/api/embedded_server.hpp"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <future>
#include <stdexcept>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/event.hpp"

namespace {

using gatherd::api::embedded_server, gatherd::api::registry, gatherd::api::settings;
using gatherd::executor::task;

settings on_loopback() {
    settings wanted;
    wanted.listen = {"127.0.0.1:0"};
    wanted.threads = 2;
    return wanted;
}

/// A client in a few lines.
class client {
public:
    explicit client(const embedded_server& of) : socket_{socket(AF_INET, SOCK_STREAM, 0)} {
        const std::string& address = of.addresses().front();
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(connect(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    }
    ~client() { close(socket_); }
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    void send(std::string_view line) const {
        const std::string all = std::string{line} + "\n";
        REQUIRE(::send(socket_, all.data(), all.size(), 0) == static_cast<ssize_t>(all.size()));
    }

    /// The next line; empty at the end of input.
    [[nodiscard]] std::string line() const {
        std::string read;
        char next = 0;
        while (recv(socket_, &next, 1, 0) == 1 && next != '\n') {
            read += next;
        }
        return read;
    }

    [[nodiscard]] std::string ask(std::string_view text) const {
        send(text);
        return line();
    }

private:
    int socket_;
};

std::string run(std::string_view task) {
    return R"({"id":1,"method":"run","params":{"task":)" + std::string{task} + "}}";
}

}  // namespace

TEST_CASE("embedded_server: plans call its functions beside the daemon's own", "[embedding]") {
    registry functions;
    functions.add("twice", [](int n) { return 2 * n; }, {.parameters = {{"n"}}});
    embedded_server running{on_loopback(), std::move(functions)};
    const client asking{running};
    CHECK(asking.ask(run(R"({"gather":[{"call":"twice","args":[21]},{"call":"add","args":[1,2]}]})")) ==
          R"({"jsonrpc":"2.0","id":1,"result":[42,3]})");
    CHECK(asking.ask(R"({"id":2,"method":"functions"})").find(R"("name":"twice")") != std::string::npos);
}

TEST_CASE("embedded_server: settings that cannot be are refused", "[embedding]") {
    const auto fault = [](settings wanted, registry functions = {}) -> std::string {
        try {
            const embedded_server running{wanted, std::move(functions)};
            return "fine";
        } catch (const std::exception& refused) {
            return refused.what();
        }
    };
    settings wanted = on_loopback();
    registry taken;
    taken.add("sleep", [] {});
    CHECK(fault(wanted, std::move(taken)) == "'sleep' is a function of the daemon's own");
    for (const char* const address :
         {"", "localhost", "127.0.0.1:", "127.0.0.1:x", "::1:7117", ":1", "127.0.0.1:70000"}) {
        wanted.listen = {address};
        CHECK(fault(wanted) ==
              "listen: '" + std::string{address} + "' is no address: host:port, [IPv6 address]:port or unix:/path");
    }
    wanted.listen = {"0.0.0.0:0"};
    CHECK(fault(wanted).find("could run plans here") != std::string::npos);
    wanted.is_open = true;
    CHECK(fault(wanted) == "fine");
    wanted.listen = {};
    CHECK(fault(wanted) == "listen: no address");
    wanted = on_loopback();
    wanted.tokens = {{.name = "a", .text = ""}};
    CHECK(fault(wanted) == "tokens: the text of 'a' is empty");
    const embedded_server first{on_loopback(), {}};
    wanted = on_loopback();
    wanted.listen = first.addresses();
    CHECK(fault(wanted).find(first.addresses().front()) != std::string::npos);
}

TEST_CASE("embedded_server: with tokens a client has to show one", "[embedding]") {
    settings wanted = on_loopback();
    wanted.tokens = {{.name = "a", .text = "secret"}};
    embedded_server running{wanted, {}};
    const client asking{running};
    CHECK(asking.ask(run(R"({"value":1})")).find("-32004") != std::string::npos);
    CHECK(asking.ask(R"({"id":2,"method":"auth","params":{"token":"secret"}})").find("result") != std::string::npos);
    CHECK(asking.ask(run(R"({"value":1})")) == R"({"jsonrpc":"2.0","id":1,"result":1})");
}

TEST_CASE("embedded_server: the end of grace cancels what runs, and a plain function is waited for", "[embedding]") {
    std::promise<void> has_begun;
    std::promise<void> may_end;
    std::atomic<bool> has_ended{false};
    std::atomic<bool> was_cancelled{false};
    registry functions;
    functions.add("blocks",
                  [&] {
                      has_begun.set_value();
                      may_end.get_future().wait();
                      has_ended = true;
                  },
                  {.runs = gatherd::api::lane::blocking});
    functions.add("never", [&]() -> task<> {
        gatherd::executor::event never;
        try {
            co_await never.wait();
        } catch (const gatherd::executor::cancelled_error&) {
            was_cancelled = true;
            may_end.set_value();
            throw;
        }
    });
    settings wanted = on_loopback();
    wanted.grace = std::chrono::milliseconds{0};
    embedded_server running{wanted, std::move(functions)};
    const client asking{running};
    asking.send(run(R"({"gather":[{"call":"never"},{"call":"blocks"}]})"));
    has_begun.get_future().wait();
    running.stop();
    CHECK(was_cancelled);
    CHECK(has_ended);
    CHECK(asking.line().find("-32002") != std::string::npos);
    CHECK(asking.line().empty());
    running.stop();  // a second time does nothing
}

TEST_CASE("serve: ends by SIGTERM, and leaves the signals as they were", "[embedding]") {
    sigset_t before;
    pthread_sigmask(SIG_SETMASK, nullptr, &before);
    std::string address;
    gatherd::api::serve(on_loopback(), {}, [&address](const embedded_server& running) {
        address = running.addresses().front();
        const client asking{running};
        CHECK(asking.ask(R"({"id":1,"method":"ping"})").find("result") != std::string::npos);
        pthread_kill(pthread_self(), SIGTERM);  // it is blocked, and taken when serve waits
    });
    CHECK(address.starts_with("127.0.0.1:"));
    sigset_t after;
    pthread_sigmask(SIG_SETMASK, nullptr, &after);
    CHECK(sigismember(&after, SIGTERM) == sigismember(&before, SIGTERM));
}
