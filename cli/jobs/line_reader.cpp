#include "cli/jobs/line_reader.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <cerrno>
#include <utility>

namespace gatherd::cli::jobs {

namespace {

constexpr std::size_t read_size = std::size_t{64} << 10;

}  // namespace

line_reader::line_reader(asio::io_context& context, int descriptor, std::size_t most_bytes, char separator)
    : context_{context}, descriptor_{descriptor}, most_bytes_{most_bytes}, separator_{separator}, waiting_{context} {
    struct stat found {};
    if (fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode)) {
        const off_t place = lseek(descriptor, 0, SEEK_CUR);
        size_ = place >= 0 && place < found.st_size ? static_cast<std::uint64_t>(found.st_size - place) : 0;
        return;
    }
    asio::error_code refused;
    waiting_.assign(descriptor, refused);
}

line_reader::~line_reader() {
    close();
}

void line_reader::close() noexcept {
    if (waiting_.is_open()) {
        waiting_.release();
    }
}

std::optional<line_reader::line> line_reader::next() {
    for (;;) {
        const auto end = buffer_.find(separator_, scanned_);
        const bool is_last = end == std::string::npos;
        if (is_last && !has_ended_) {
            scanned_ = buffer_.size();
            if (scanned_ - taken_ > most_bytes_) {
                is_skipping_ = true;
                buffer_.clear();
                taken_ = scanned_ = 0;
            }
            return std::nullopt;
        }
        if (is_last && taken_ == buffer_.size() && !is_skipping_) {
            return std::nullopt;
        }
        const auto text = std::string_view{buffer_}.substr(taken_, is_last ? std::string::npos : end - taken_);
        taken_ = scanned_ = is_last ? buffer_.size() : end + 1;
        if (std::exchange(is_skipping_, false) || text.size() > most_bytes_) {
            return line{.text = {}, .is_too_long = true};
        }
        return line{text};
    }
}

void line_reader::read_more(std::function<void()> then) {
    is_reading_ = true;
    auto read_and_tell = [this, then = std::move(then)](asio::error_code stopped = {}) {
        is_reading_ = false;
        if (stopped != asio::error::operation_aborted) {  // any other: epoll does not take it, as /dev/null
            read_now();
            then();
        }
    };
    if (waiting_.is_open()) {
        waiting_.async_wait(asio::posix::stream_descriptor::wait_read, std::move(read_and_tell));
    } else {
        asio::post(context_, std::move(read_and_tell));
    }
}

void line_reader::read_now() {
    buffer_.erase(0, taken_);
    scanned_ -= taken_;
    taken_ = 0;
    const auto kept = buffer_.size();
    buffer_.resize(kept + read_size);
    const auto got = ::read(descriptor_, buffer_.data() + kept, read_size);
    buffer_.resize(kept + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got > 0) {
        bytes_ += static_cast<std::uint64_t>(got);
    } else if (got == 0) {
        has_ended_ = true;
    } else if (errno != EINTR && errno != EAGAIN) {
        failure_ = errno;
        has_ended_ = true;
    }
}

std::optional<double> line_reader::part_taken() const {
    if (size_ == 0) {
        return std::nullopt;
    }
    const auto bytes = static_cast<double>(bytes_ - (buffer_.size() - taken_));
    return std::min(1.0, bytes / static_cast<double>(size_));
}

}  // namespace gatherd::cli::jobs
