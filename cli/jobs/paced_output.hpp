/// \file
/// Writing to a standard stream no faster than its reader takes it, while signals and answers still come.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace gatherd::cli::jobs {

/// Holds what a slow reader has not taken. The descriptor keeps its own flags, which other processes may share: a pipe
/// is written to only where it has room.
///
/// Threads: one at a time, which runs the io_context.
class paced_output {
public:
    /// The descriptor stays the caller's. On a terminal control characters of what is written are escaped, unless
    /// `is_exact`.
    paced_output(asio::io_context& context, int descriptor, bool is_exact = false);
    ~paced_output();
    paced_output(const paced_output&) = delete;
    paced_output& operator=(const paced_output&) = delete;

    /// Called when less than `little` is held again, or the reader has gone, or writing has failed.
    void on_room(std::function<void()> then) { on_room_ = std::move(then); }

    /// Written soon: at the end of this turn of the io_context.
    void write(std::string_view text);

    [[nodiscard]] std::size_t held() const noexcept { return held_.size() - written_; }
    [[nodiscard]] bool is_full() const noexcept { return held() > much; }
    /// Nobody reads any more; what is written is dropped.
    [[nodiscard]] bool is_closed() const noexcept { return failure_ != 0; }
    /// errno of the write that failed, EPIPE where the reader has gone; or 0.
    [[nodiscard]] int failure() const noexcept { return failure_; }

    static constexpr std::size_t little = std::size_t{64} << 10;
    static constexpr std::size_t much = std::size_t{1} << 20;

private:
    void write_now();
    [[nodiscard]] bool try_write();

    asio::io_context& context_;
    const int descriptor_;
    bool is_terminal_;
    asio::posix::stream_descriptor waiting_;  // not open where the descriptor is always ready
    std::string held_;
    std::size_t written_ = 0;
    bool is_writing_ = false;
    int failure_ = 0;
    std::function<void()> on_room_;
};

}  // namespace gatherd::cli::jobs
