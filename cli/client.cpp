#include "cli/client.hpp"

#include <array>
#include <asio.hpp>
#include <csignal>
#include <deque>
#include <string_view>
#include <system_error>

#include "cli/failures.hpp"

namespace gatherd::cli {

using asio::ip::tcp;
using std::chrono::milliseconds;

namespace {

constexpr std::uint64_t request_id = 1;

std::string seconds_text(milliseconds time) {
    auto text = std::to_string(static_cast<double>(time.count()) / 1000.0);
    text.erase(text.find_last_not_of('0') + 1);
    return text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
}

std::string message_line(std::uint64_t id, std::string_view method, std::string_view params) {
    auto line = R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + std::string{method} + '"';
    if (!params.empty()) {
        line.append(R"(,"params":)").append(params);
    }
    return line + "}\n";
}

}  // namespace

struct client::connection {
    explicit connection(const config::address& to) : name{config::to_text(to)} {}

    std::string name;  // of the server, for messages
    asio::io_context context;
    tcp::socket socket{context};
    std::string received;     // and not yet handed out
    std::size_t scanned = 0;  // of it, without a line end
};

/// A request on its way: writing, reading, signals and the timer are all in flight at once, since the daemon may answer
/// before it has read everything, and a cancel must not wait for anything.
class client::exchange {
public:
    exchange(connection& with, const ask_options& options)
        : with_{with}, options_{options}, signals_{with.context}, timer_{with.context} {}

    reply run(const request& what) {
        with_.context.restart();
        send(message_line(request_id, what.method, what.params));
        read_more();
        if (options_.on_interrupt) {
            signals_.add(SIGINT);
            signals_.add(SIGTERM);
            wait_for_signal();
        }
        if (options_.patience) {
            timer_.expires_after(*options_.patience);
            timer_.async_wait([this](std::error_code fault) {
                if (!fault) {
                    finish({.how = reply::end::silence});
                }
            });
        }
        with_.context.run();  // returns once nothing is in flight, so no handler outlives this object
        if (!lost_.empty()) {
            throw connection_error{lost_};
        }
        auto answer = std::move(*outcome_);
        answer.interrupted_by = interrupted_by_;
        return answer;
    }

private:
    [[nodiscard]] bool finished() const { return outcome_ || !lost_.empty(); }

    void finish(reply how) {
        if (!finished()) {
            outcome_ = std::move(how);
        }
        stop();
    }

    void lose(std::string why) {
        if (!finished()) {
            lost_ = std::move(why);
        }
        stop();
    }

    void stop() {
        std::error_code ignored;
        with_.socket.cancel(ignored);
        signals_.cancel(ignored);
        timer_.cancel();
    }

    void send(std::string line) {
        outgoing_.push_back(std::move(line));
        if (outgoing_.size() == 1) {
            write_next();
        }
    }

    void write_next() {
        asio::async_write(with_.socket, asio::buffer(outgoing_.front()), [this](std::error_code fault, std::size_t) {
            if (fault || finished()) {
                return;  // the read tells why: the daemon may have said so before it closed
            }
            outgoing_.pop_front();
            if (!outgoing_.empty()) {
                write_next();
            }
        });
    }

    void read_more() {
        with_.socket.async_read_some(asio::buffer(chunk_), [this](std::error_code fault, std::size_t count) {
            if (finished()) {
                return;
            }
            if (fault) {
                lose("the connection to " + with_.name + " was lost before the answer came (" +
                     (fault == asio::error::eof ? "closed by the other end" : fault.message()) + ")");
                return;
            }
            with_.received.append(chunk_.data(), count);
            take_lines();
            if (!finished()) {
                read_more();
            }
        });
    }

    void take_lines() {
        std::size_t taken = 0;
        while (!finished()) {
            const auto end = with_.received.find('\n', std::max(taken, with_.scanned));
            if (end == std::string::npos) {
                break;
            }
            take_line(std::string_view{with_.received}.substr(taken, end - taken));
            taken = end + 1;
        }
        with_.received.erase(0, taken);
        with_.scanned = with_.received.size();
    }

    void take_line(std::string_view line) {
        auto message = parse_server_message(line);
        if (!message) {
            lose("what answers at " + with_.name + " is no gatherd: use --connect HOST:PORT");
        } else if (message->is_notification()) {
            if (options_.on_notification) {
                options_.on_notification(*message);
            }
        } else if (message->result && message->id == request_id) {
            finish({.how = reply::end::result, .result = std::move(*message->result)});
        } else if (!message->result && (message->id == request_id || !message->id)) {
            // Without an id it is about the connection or our message as a whole: there will be no other answer.
            finish({.how = reply::end::error, .error = std::move(message->error)});
        }  // else it answers our cancel, which needs no answer
    }

    void wait_for_signal() {
        signals_.async_wait([this](std::error_code fault, int signal) {
            if (fault || finished()) {
                return;
            }
            if (interrupted_by_ != 0) {
                finish({.how = reply::end::abandoned});
                return;
            }
            interrupted_by_ = signal;
            options_.on_interrupt();
            send(message_line(request_id + 1, "cancel", R"({"request":1,"message":"cancelled by the user"})"));
            wait_for_signal();
        });
    }

    connection& with_;
    const ask_options& options_;
    asio::signal_set signals_;
    asio::steady_timer timer_;
    std::array<char, 65'536> chunk_{};
    std::deque<std::string> outgoing_;  // the first is being written
    std::optional<reply> outcome_;
    std::string lost_;  // why there will be no answer
    int interrupted_by_ = 0;
};

client::client(const config::address& server, milliseconds patience)
    : connection_{std::make_unique<connection>(server)} {
    auto& [name, context, socket, received, scanned] = *connection_;
    tcp::resolver resolver{context};
    std::error_code unknown;
    const auto endpoints =
        resolver.resolve(server.host, std::to_string(server.port), tcp::resolver::numeric_service, unknown);
    if (unknown) {
        throw connection_error{"no host '" + server.host + "' (" + unknown.message() + "): use --connect HOST:PORT"};
    }
    std::error_code refused = asio::error::would_block;
    asio::async_connect(socket, endpoints,
                        [&refused](std::error_code fault, const tcp::endpoint&) { refused = fault; });
    context.run_for(patience);
    if (refused) {
        const auto reason = refused == asio::error::would_block ? "no answer within " + seconds_text(patience) + " s"
                                                                : refused.message();
        std::error_code ignored;
        socket.close(ignored);
        context.run();  // the handler refers to this frame
        throw connection_error{"no gatherd at " + name + " (" + reason +
                               "): is `gatherd serve` running? use --connect HOST:PORT"};
    }
    socket.set_option(tcp::no_delay{true}, refused);  // a refusal costs latency only
}

client::~client() = default;

reply client::ask(const request& what, const ask_options& options) {
    return exchange{*connection_, options}.run(what);
}

}  // namespace gatherd::cli
