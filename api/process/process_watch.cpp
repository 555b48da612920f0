#include "api/process/process_watch.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/post.hpp>
#include <cerrno>
#include <csignal>
#include <utility>

#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::process {

namespace {

constexpr std::size_t most_in_a_turn = std::size_t{256} << 10;

/// Takes it out of the reactor and closes it, in this order: another child, which is about to execute its program, may
/// still have the same open file, which would stay in the reactor.
void close(asio::posix::stream_descriptor& open) {
    if (open.is_open()) {
        ::close(open.release());
    }
}

}  // namespace

process_watch::process_watch(asio::io_context& home, started_process started, std::size_t max_output,
                             std::shared_ptr<executor::memory_account> account, clock::time_point began,
                             std::chrono::milliseconds before_kill)
    : max_output_{max_output},
      before_kill_{before_kill},
      account_{std::move(account)},
      began_{began},
      process_{std::move(started)},
      handle_{home, process_.handle.release()},
      output_{home, std::move(process_.output)},
      errors_{home, std::move(process_.errors)},
      timer_{home} {}

void process_watch::start(std::optional<std::chrono::nanoseconds> timeout) {
    await_input(output_);
    await_input(errors_);
    handle_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](const asio::error_code&) { self->end(); });
    if (timeout) {
        timer_.expires_after(std::chrono::duration_cast<clock::duration>(*timeout));
        timer_.async_wait([self = shared_from_this()](const asio::error_code& why) {
            if (!why && !self->is_over_ && !self->is_stopping_) {
                self->is_timed_out_ = true;
                self->begin_to_stop();
            }
        });
    }
}

void process_watch::stop() {
    asio::post(timer_.get_executor(), [self = shared_from_this()] {
        if (!self->is_over_ && !self->is_stopping_) {
            self->begin_to_stop();
        }
    });
}

void process_watch::kill() {
    asio::post(timer_.get_executor(), [self = shared_from_this()] {
        self->is_stopping_ = true;
        self->process_.signal_group(SIGKILL);
    });
}

void process_watch::begin_to_stop() {
    is_stopping_ = true;
    process_.signal_group(SIGTERM);
    timer_.expires_after(before_kill_);
    timer_.async_wait([self = shared_from_this()](const asio::error_code& why) {
        if (!why && !self->is_over_) {
            self->process_.signal_group(SIGKILL);
        }
    });
}

void process_watch::await_input(stream& source) {
    source.pipe.async_wait(asio::posix::stream_descriptor::wait_read,
                           [self = shared_from_this(), &source](const asio::error_code& why) {
                               if (why || self->is_over_) {
                                   return;
                               }
                               if (self->read_from(source, most_in_a_turn)) {
                                   self->await_input(source);
                               } else {
                                   close(source.pipe);
                               }
                           });
}

/// Reads up to so many bytes of what is there. False: there will be no more.
bool process_watch::read_from(stream& source, std::size_t most) {
    thread_local std::array<char, std::size_t{64} << 10> buffer;
    while (most > 0) {
        const ssize_t got = ::read(source.pipe.native_handle(), buffer.data(), std::min(buffer.size(), most));
        if (got <= 0) {
            if (got < 0 && errno == EINTR) {
                continue;
            }
            return got < 0 && errno == EAGAIN;
        }
        const auto bytes = static_cast<std::size_t>(got);
        take(source, {buffer.data(), bytes});
        most -= bytes;
    }
    return true;
}

void process_watch::take(stream& source, std::string_view bytes) {
    const std::size_t room = std::min(bytes.size(), max_output_ - source.kept.size());
    keep(source, bytes.substr(0, room));
    source.was_longer = source.was_longer || room < bytes.size();
}

void process_watch::keep(stream& source, std::string_view bytes) {
    const executor::memory_turn turn{account_.get()};
    try {
        if (source.kept.capacity() - source.kept.size() < bytes.size()) {
            source.kept.reserve(2 * (source.kept.size() + bytes.size()));
            memory_limit::check(0);  // with what is reserved: many may write at the same time
        }
        source.kept.append(bytes);
    } catch (const memory_limit_exceeded&) {
        source.was_longer = true;
    }
}

/// What the process has written, now that it has ended; not what others may write from now on.
void process_watch::read_rest(stream& source) {
    if (!source.pipe.is_open()) {
        return;
    }
    int pending = 0;
    if (ioctl(source.pipe.native_handle(), FIONREAD, &pending) == 0 && pending > 0) {
        static_cast<void>(read_from(source, static_cast<std::size_t>(pending)));
    }
}

void process_watch::end() {
    if (is_over_) {
        return;
    }
    is_over_ = true;
    read_rest(output_);
    read_rest(errors_);
    if (ends_group()) {
        process_.signal_group(SIGKILL);  // those of its group that have not ended with it
    }
    ending_ = process_.reap();
    elapsed_ = clock::now() - began_;
    close(output_.pipe);
    close(errors_.pipe);
    close(handle_);
    timer_.cancel();
    ended_.set();
    tell_end();
}

}  // namespace gatherd::api::process
