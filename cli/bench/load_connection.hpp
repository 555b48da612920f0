/// \file
/// One connection of a load test: requests out, answers in, each matched by its id and checked.
#pragma once

#include <asio/generic/stream_protocol.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/bench/workload.hpp"

namespace gatherd::cli::bench {

/// How a request ended, or what else came.
enum class ending : std::uint8_t {
    right,    ///< with the result that it must have
    error,    ///< with an error of the daemon
    wrong,    ///< with another result, or a text that is no answer
    unasked,  ///< an answer that no request waits for
};

struct ended_request {
    std::chrono::steady_clock::time_point since;  // what its latency counts from
    std::uint64_t tasks;
    ending how;
    int code;  // of an error
};

/// Never blocks. Requests are `ask`ed into a buffer and written by `flush`, so that a burst is one write.
///
/// Threads: one at a time. Memory: an answer while it is not yet whole, requests while the daemon does not read them.
class load_connection {
public:
    using clock = std::chrono::steady_clock;

    /// What the daemon may have answered: `read_some` learns the results of `shapes` that have none, unless any will
    /// do. The shapes and `out`, a buffer that the connections of a thread share between two flushes, outlive this
    /// object.
    load_connection(asio::generic::stream_protocol::socket socket, std::size_t pipeline, workload& shapes,
                    bool any_result, std::string& out);

    [[nodiscard]] int handle() { return socket_.native_handle(); }
    [[nodiscard]] bool has_room() const noexcept { return !free_.empty(); }
    [[nodiscard]] std::size_t in_flight() const noexcept { return slots_.size() - free_.size(); }
    [[nodiscard]] bool is_lost() const noexcept { return is_lost_; }
    /// Whether `flush` has to be called again once the socket takes more.
    [[nodiscard]] bool is_blocked() const noexcept { return written_ != unsent_.size(); }

    /// Adds a request to the shared buffer; only while it has room, and with `flush` before another connection asks.
    void ask(std::size_t shape, clock::time_point since);

    /// Writes what was asked. A connection that cannot be written to is lost.
    void flush();

    /// Reads what there is, once, into `scratch` first, and appends what ended.
    void read_some(std::vector<char>& scratch, std::vector<ended_request>& ended);

    /// For a person: the first thing that went wrong here; empty if nothing has.
    [[nodiscard]] const std::string& complaint() const noexcept { return complaint_; }

private:
    struct slot {
        std::uint64_t id = 0;  // of its next or present request: each pass adds the number of slots
        clock::time_point since{};
        std::uint32_t shape = 0;
        bool in_use = false;
    };

    /// Takes whole answers off the front of the bytes and gives how many bytes those were.
    std::size_t take_answers(std::string_view bytes, std::vector<ended_request>& ended);
    std::size_t take_expected(std::string_view bytes, std::vector<ended_request>& ended);
    void take_line(std::string_view line, std::vector<ended_request>& ended);
    [[nodiscard]] ending judge(request_shape& shape, const std::string& result);
    [[nodiscard]] slot* find(std::uint64_t id);
    void finish(slot& of, ending how, int code, std::vector<ended_request>& ended);
    void complain(std::string_view what, std::string_view about);
    void lose(const std::string& why);

    asio::generic::stream_protocol::socket socket_;
    workload& shapes_;
    std::string& out_;
    const bool any_result_;
    std::vector<slot> slots_;
    std::vector<std::uint32_t> free_;
    std::string unsent_;
    std::size_t written_ = 0;   // of unsent_
    std::string pending_;       // the beginning of an answer
    std::size_t searched_ = 0;  // of pending_, without a line end
    bool is_lost_ = false;
    std::string complaint_;
};

}  // namespace gatherd::cli::bench
