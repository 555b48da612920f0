#include "cli/jobs/paced_output.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <cerrno>
#include <climits>

#include "cli/standard_output.hpp"

namespace gatherd::cli::jobs {

paced_output::paced_output(asio::io_context& context, int descriptor, bool is_exact)
    : context_{context},
      descriptor_{descriptor},
      is_terminal_{!is_exact && isatty(descriptor) == 1},
      waiting_{context} {
    struct stat found {};
    if (fstat(descriptor, &found) == 0 && !S_ISREG(found.st_mode)) {
        asio::error_code refused;
        waiting_.assign(descriptor, refused);
    }
}

paced_output::~paced_output() {
    if (waiting_.is_open()) {
        waiting_.release();
    }
}

void paced_output::write(std::string_view text) {
    if (failure_ != 0) {
        return;
    }
    is_terminal_ ? held_.append(without_controls(text)) : held_.append(text);
    if (!is_writing_) {
        is_writing_ = true;
        asio::post(context_, [this] { write_now(); });
    }
}

/// Writes what the descriptor takes at once; false: it takes no more for now.
bool paced_output::try_write() {
    while (held() > 0 && failure_ == 0) {
        std::size_t most = held();
        if (waiting_.is_open()) {
            // A pipe that polls as ready takes so much without blocking.
            most = std::min<std::size_t>(most, PIPE_BUF);
            pollfd ready{descriptor_, POLLOUT, 0};
            if (poll(&ready, 1, 0) == 0) {
                return false;
            }
        }
        const auto count = ::write(descriptor_, held_.data() + written_, most);
        if (count >= 0) {
            written_ += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN) {
            return false;
        } else if (errno != EINTR) {
            failure_ = errno;
        }
    }
    return true;
}

void paced_output::write_now() {
    const bool is_done = try_write();
    if (failure_ != 0) {
        held_.clear();
        written_ = 0;
    }
    if (written_ == held_.size() || written_ > much) {
        held_.erase(0, written_);
        written_ = 0;
    }
    if (is_done) {
        is_writing_ = false;
    } else {
        waiting_.async_wait(asio::posix::stream_descriptor::wait_write, [this](asio::error_code stopped) {
            if (stopped != asio::error::operation_aborted) {  // any other: epoll does not take it, as /dev/null
                write_now();
            }
        });
    }
    if (on_room_ && held() < little) {
        on_room_();
    }
}

}  // namespace gatherd::cli::jobs
