#include "api/admin/service_call.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <charconv>
#include <cstddef>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/error.hpp"
#include "api/process/descriptor.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/net/listener.hpp"
#include "api/server/service.hpp"
#include "gatherd/api/value.hpp"

namespace gatherd::api::admin {
namespace {

constexpr std::size_t most_chunked = std::size_t{1} << 20;
constexpr std::size_t most_error_bytes = std::size_t{256} * 1024;
constexpr std::size_t passed_bytes = std::size_t{16} * 1024;

// What the service writes (protocol/response.cpp).
constexpr std::string_view notification_head = R"({"jsonrpc":"2.0","method":)";
constexpr std::string_view result_head = R"({"jsonrpc":"2.0","id":1,"result":)";
constexpr std::string_view length_name = "Content-Length: ";
constexpr std::string_view end_of_head = "\r\n\r\n";

std::string length_head(std::size_t bytes) {
    return std::string{length_name} + std::to_string(bytes) + std::string{end_of_head};
}

unsigned status_of(int code) {
    switch (static_cast<errc>(code)) {
        case errc::not_authenticated:
            return 403;
        case errc::no_such_task:
            return 404;
        case errc::invalid_params:
            return 400;
        case errc::overloaded:
        case errc::limit_exceeded:
        case errc::shutting_down:
            return 503;
        default:
            return 500;
    }
}

class service_call final : public request_handler, public std::enable_shared_from_this<service_call> {
public:
    /// `text`: the message; none: it is the body of the request.
    service_call(asio::io_context& loop, server::service& daemon, server::http_caller caller,
                 std::optional<std::string> text, std::optional<std::uint64_t> body_bytes)
        : daemon_{daemon},
          caller_{std::move(caller)},
          is_query_{text.has_value()},
          is_chunked_{!text && !body_bytes},
          out_{text         ? length_head(text->size()) + *text
               : body_bytes ? length_head(*body_bytes)
                            : std::string{}},
          socket_{loop} {}

    std::size_t take(std::string_view piece) override {
        if (is_query_ || has_answered_) {
            return piece.size();
        }
        if (is_chunked_) {
            if (out_.size() + piece.size() > most_chunked) {
                answer(text_answer(413, "a chunked body may have 1 MiB: send Content-Length with a larger one"));
            } else {
                out_ += piece;
            }
            return piece.size();
        }
        if (!open() || !flush()) {
            return has_answered_ || is_broken_ ? piece.size() : 0;
        }
        const std::size_t written = write(piece);
        if (written < piece.size() && !is_broken_) {
            wait(asio::socket_base::wait_write);
        }
        return is_broken_ ? piece.size() : written;
    }

    [[nodiscard]] bool is_owed() const noexcept override { return true; }

    void begin() override {
        if (has_answered_ || !open()) {
            return;
        }
        if (is_chunked_) {
            out_.insert(0, length_head(out_.size()));
        }
        is_whole_ = true;
        if (flush()) {
            end_message();
        }
        wait(asio::socket_base::wait_read);
    }

    ssize_t read(char* into, std::size_t most) override {
        const std::size_t wanted = std::min<std::uint64_t>(most, left_);
        if (!in_.empty()) {
            const std::size_t count = std::min(wanted, in_.size());
            std::copy_n(in_.data(), count, into);
            in_.erase(0, count);
            left_ -= count;
            return static_cast<ssize_t>(count);
        }
        asio::error_code failed;
        const std::size_t count = socket_.read_some(asio::buffer(into, wanted), failed);
        if (failed == asio::error::would_block || failed == asio::error::try_again) {
            wait(asio::socket_base::wait_read);
            return 0;
        }
        if (failed) {
            return read_end::broken;
        }
        left_ -= count;
        return static_cast<ssize_t>(count);
    }

private:
    void ended() noexcept override {
        asio::error_code ignored;
        socket_.close(ignored);
    }

    void answer(http_answer whole) {
        has_answered_ = true;
        out_.clear();
        if (to() != nullptr) {
            to()->answer(std::move(whole));
        }
    }

    /// False: it has answered that this cannot be.
    bool open() {
        if (connection_ != nullptr) {
            return true;
        }
        std::array<int, 2> ends{};
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
            answer(text_answer(503, "no descriptor is left"));
            return false;
        }
        process::descriptor theirs{ends[1]};
        socket_.assign(asio::local::stream_protocol{}, ends[0]);
        socket_.non_blocking(true);
        const std::size_t home = static_cast<std::size_t>(ends[0]) % daemon_.state().runs_on().workers();
        connection_ = server::let_in_http(daemon_.connections(), std::move(theirs), caller_, home);
        return true;
    }

    std::size_t write(std::string_view piece) {
        asio::error_code failed;
        const std::size_t count =
            piece.empty() ? 0 : socket_.write_some(asio::buffer(piece.data(), piece.size()), failed);
        is_broken_ = is_broken_ || (failed && failed != asio::error::would_block && failed != asio::error::try_again);
        return count;
    }

    /// True: all that was kept back is written. Else it waits.
    bool flush() {
        out_.erase(0, write(out_));
        if (is_broken_) {
            out_.clear();  // the service has closed: what it has said before is read
        }
        if (!out_.empty()) {
            wait(asio::socket_base::wait_write);
        }
        return out_.empty();
    }

    void end_message() {
        asio::error_code ignored;
        socket_.shutdown(asio::socket_base::shutdown_send, ignored);
    }

    void wait(asio::socket_base::wait_type what) {
        socket_.async_wait(what, [kept = weak_from_this(), what](const asio::error_code& failed) {
            if (const auto self = kept.lock(); self != nullptr && !failed && self->to() != nullptr) {
                what == asio::socket_base::wait_read ? self->readable() : self->writable();
            }
        });
    }

    void writable() {
        if (!is_whole_) {
            to()->wake();  // the piece comes again
        } else if (flush()) {
            end_message();
        }
    }

    void readable() {
        if (is_reading_body_) {
            to()->wake();
            return;
        }
        std::array<char, passed_bytes> piece{};
        for (;;) {
            asio::error_code failed;
            const std::size_t count = socket_.read_some(asio::buffer(piece), failed);
            if (failed == asio::error::would_block || failed == asio::error::try_again) {
                wait(asio::socket_base::wait_read);
                return;
            }
            if (failed) {
                end_without_answer();
                return;
            }
            in_.append(piece.data(), count);
            if (look_for_answer()) {
                return;
            }
        }
    }

    void end_without_answer() {
        const bool is_notification = !is_query_ && in_.empty() && connection_->has_finished();
        answer(is_notification ? http_answer{.status = 204}
                               : text_answer(503, "the daemon closed the connection without an answer"));
    }

    /// Drops notifications. True: the answer has begun, and how large it is is known.
    bool look_for_answer() {
        for (;;) {
            if (left_ == 0) {
                const auto end = in_.find(end_of_head);
                if (end == std::string::npos) {
                    return false;
                }
                std::from_chars(in_.data() + length_name.size(), in_.data() + end, left_);
                in_.erase(0, end + end_of_head.size());
            }
            if (!is_dropping_ && in_.size() < std::min<std::uint64_t>(left_, result_head.size())) {
                return false;
            }
            is_dropping_ = is_dropping_ || in_.starts_with(notification_head);
            if (!is_dropping_) {
                return is_query_ ? unwrap() : begin_answer(left_);
            }
            const std::size_t dropped = std::min<std::uint64_t>(left_, in_.size());
            in_.erase(0, dropped);
            left_ -= dropped;
            if (left_ > 0) {
                return false;
            }
            is_dropping_ = false;
        }
    }

    bool begin_answer(std::uint64_t bytes) {
        left_ = bytes;
        is_reading_body_ = has_answered_ = true;
        to()->begin_answer({.status = 200, .type = "application/json"}, bytes);
        return true;
    }

    /// The result alone, or the error.
    bool unwrap() {
        if (in_.starts_with(result_head)) {
            in_.erase(0, result_head.size());
            return begin_answer(left_ - result_head.size() - 1);
        }
        if (left_ > most_error_bytes) {
            answer(text_answer(500, "the daemon has answered with an error that is too long"));
            return true;
        }
        if (in_.size() < left_) {
            return false;
        }
        const value told = value::parse(std::string_view{in_}.substr(0, left_), nullptr, false);
        if (!told.is_object() || !told.contains("error")) {
            answer(text_answer(500, "the daemon has answered with what is no answer"));
            return true;
        }
        const value& error = told["error"];
        answer({.status = status_of(error.value("code", 0)),
                .type = "application/json",
                .body = value{{"error", error}}.dump()});
        return true;
    }

    server::service& daemon_;
    const server::http_caller caller_;
    const bool is_query_;
    const bool is_chunked_;
    std::string out_;  // what has not been written
    asio::local::stream_protocol::socket socket_;
    std::shared_ptr<server::connection> connection_{};
    bool is_whole_ = false;   // nothing more comes from the client
    bool is_broken_ = false;  // the service takes no more
    bool has_answered_ = false;
    bool is_reading_body_ = false;
    bool is_dropping_ = false;  // what comes is a notification
    std::string in_{};          // what was read and not looked at, or not passed on
    std::uint64_t left_ = 0;    // bytes of the message that is being read
};

}  // namespace

std::shared_ptr<request_handler> message_call(asio::io_context& loop, server::service& daemon,
                                              server::http_caller caller, std::optional<std::uint64_t> body_bytes) {
    return std::make_shared<service_call>(loop, daemon, std::move(caller), std::nullopt, body_bytes);
}

std::shared_ptr<request_handler> method_call(asio::io_context& loop, server::service& daemon,
                                             server::http_caller caller, const std::string& method,
                                             const std::string& params) {
    std::string text = R"({"jsonrpc":"2.0","id":1,"method":)" + value(method).dump();
    text += (params.empty() ? "" : R"(,"params":)" + params) + '}';
    return std::make_shared<service_call>(loop, daemon, std::move(caller), std::move(text), 0);
}

}  // namespace gatherd::api::admin
