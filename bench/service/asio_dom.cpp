/// \file
/// The same work as a C++ program would be written without further ado: Asio's coroutines on a pool of two threads, and
/// nlohmann's DOM.
///
/// Usage: asio_dom PORT_FILE
#include <asio.hpp>
#include <chrono>
#include <cstdio>
#include <deque>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace {

using asio::awaitable, asio::use_awaitable, asio::ip::tcp;
using nlohmann::json;

awaitable<json> call(std::string function, json args) {
    if (function == "sleep") {
        asio::steady_timer timer{co_await asio::this_coro::executor,
                                 std::chrono::nanoseconds{static_cast<std::int64_t>(args.at(0).get<double>() * 1e9)}};
        co_await timer.async_wait(use_awaitable);
    } else if (function != "noop") {
        throw std::invalid_argument{"unknown function " + function};
    }
    co_return nullptr;
}

/// A client; its strand keeps its members to one thread at a time.
class client : public std::enable_shared_from_this<client> {
public:
    explicit client(tcp::socket socket) : socket_{std::move(socket)} { socket_.set_option(tcp::no_delay{true}); }

    awaitable<void> read() {
        std::string pending;
        for (;;) {
            const auto size =
                co_await asio::async_read_until(socket_, asio::dynamic_buffer(pending), '\n', use_awaitable);
            asio::co_spawn(socket_.get_executor(), answer(json::parse(pending.substr(0, size))), asio::detached);
            pending.erase(0, size);
        }
    }

private:
    /// The state of one gather: its children end on the strand, one at a time.
    struct gathering {
        json::array_t results;
        std::size_t left;
        json id;
    };

    awaitable<void> answer(json request) {
        const auto self = shared_from_this();
        const json& params = request["params"];
        const bool is_map = request["method"] == "map";
        const json& items = is_map ? params["over"] : params["tasks"];
        const auto all =
            std::make_shared<gathering>(gathering{json::array_t(items.size()), items.size(), request["id"]});
        for (std::size_t i = 0; i < items.size(); ++i) {
            auto child =
                is_map ? call(params["call"], items[i]) : call(items[i]["call"], items[i].value("args", json::array()));
            asio::co_spawn(socket_.get_executor(), std::move(child),
                           [self, all, i](std::exception_ptr failed, json result) {
                               all->results[i] = failed ? json{} : std::move(result);
                               if (--all->left == 0) {
                                   self->send(*all);
                               }
                           });
        }
        co_return;
    }

    void send(gathering& of) {
        out_ += json{{"jsonrpc", "2.0"}, {"id", std::move(of.id)}, {"result", std::move(of.results)}}.dump() + '\n';
        if (!std::exchange(is_writing_, true)) {
            asio::co_spawn(socket_.get_executor(), write(), asio::detached);
        }
    }

    awaitable<void> write() {
        const auto self = shared_from_this();
        for (std::string writing; !out_.empty();) {
            writing = std::exchange(out_, {});
            co_await asio::async_write(socket_, asio::buffer(writing), use_awaitable);
        }
        is_writing_ = false;
    }

    tcp::socket socket_;
    std::string out_;
    bool is_writing_ = false;
};

awaitable<void> serve(tcp::socket socket) {
    const auto one = std::make_shared<client>(std::move(socket));
    try {
        co_await one->read();
    } catch (const std::system_error&) {  // the end of the connection
    }
}

awaitable<void> accept(tcp::acceptor& listener) {
    for (;;) {
        auto strand = asio::make_strand(co_await asio::this_coro::executor);
        auto socket = co_await listener.async_accept(strand, use_awaitable);
        asio::co_spawn(strand, serve(std::move(socket)), asio::detached);
    }
}

}  // namespace

int main(int count, char** words) {
    if (count != 2) {
        std::fputs("usage: asio_dom PORT_FILE\n", stderr);
        return 2;
    }
    asio::thread_pool pool{2};
    tcp::acceptor listener{pool, {asio::ip::address_v4::loopback(), 0}};
    std::ofstream{words[1]} << "127.0.0.1:" << listener.local_endpoint().port() << std::endl;
    asio::co_spawn(pool, accept(listener), asio::detached);
    pool.join();
}
