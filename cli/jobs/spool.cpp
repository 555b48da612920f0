#include "cli/jobs/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "cli/failures.hpp"

namespace gatherd::cli::jobs {

namespace {

constexpr std::size_t piece_size = std::size_t{64} << 10;

std::string spool_folder() {
    const char* const named = std::getenv("TMPDIR");
    return named != nullptr && *named != '\0' ? named : "/tmp";
}

[[noreturn]] void fail_spool() {
    const int reason = errno;
    throw usage_error{"cannot keep output in the folder " + spool_folder() + ": " + std::strerror(reason) +
                      "; TMPDIR names another"};
}

}  // namespace

spool::~spool() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

void spool::open_file() {
    const auto folder = spool_folder();
    constexpr mode_t for_us = 0600;
    descriptor_ = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, for_us);
    if (descriptor_ < 0) {  // a file system without nameless files
        auto name = folder + "/gatherd-XXXXXX";
        descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
        if (descriptor_ < 0) {
            fail_spool();
        }
        ::unlink(name.c_str());
    }
}

void spool::add(stream& into, std::string_view bytes) {
    auto& pieces = into.pieces_;
    if (in_memory_ + bytes.size() <= most_memory_) {
        in_memory_ += bytes.size();
        const bool goes_on = !pieces.empty() && pieces.back().size == 0 && pieces.back().text.size() < piece_size;
        goes_on ? static_cast<void>(pieces.back().text.append(bytes)) : pieces.push_back({.text = std::string{bytes}});
        return;
    }
    if (descriptor_ < 0) {
        open_file();
    }
    const auto place = end_;
    for (std::size_t at = 0; at < bytes.size();) {
        const auto count = ::pwrite(descriptor_, bytes.data() + at, bytes.size() - at, static_cast<off_t>(end_));
        if (count < 0 && errno != EINTR) {
            fail_spool();
        }
        at += count < 0 ? 0 : static_cast<std::size_t>(count);
        end_ += count < 0 ? 0 : static_cast<std::uint64_t>(count);
    }
    in_file_ += bytes.size();
    const bool goes_on = !pieces.empty() && pieces.back().size != 0 && pieces.back().size < piece_size &&
                         pieces.back().place + pieces.back().size == place;
    if (goes_on) {
        pieces.back().size += bytes.size();
    } else {
        pieces.push_back({.text = {}, .place = place, .size = bytes.size()});
    }
}

std::string spool::take(stream& source) {
    auto first = std::move(source.pieces_.front());
    source.pieces_.pop_front();
    if (first.size == 0) {
        in_memory_ -= first.text.size();
        return std::move(first.text);
    }
    std::string bytes(first.size, '\0');
    for (std::size_t at = 0; at < bytes.size();) {
        const auto count =
            ::pread(descriptor_, bytes.data() + at, bytes.size() - at, static_cast<off_t>(first.place + at));
        if (count == 0) {
            errno = EIO;
        }
        if (count == 0 || (count < 0 && errno != EINTR)) {
            fail_spool();
        }
        at += count < 0 ? 0 : static_cast<std::size_t>(count);
    }
    give_back(first);
    return bytes;
}

void spool::drop(stream& of) {
    for (const auto& each : of.pieces_) {
        each.size == 0 ? static_cast<void>(in_memory_ -= each.text.size()) : give_back(each);
    }
    of.pieces_.clear();
}

void spool::give_back(const stream::piece& done) noexcept {
    in_file_ -= done.size;
    if (in_file_ == 0) {
        end_ = ::ftruncate(descriptor_, 0) == 0 ? 0 : end_;
    } else {  // space is given back where the file system can; else it is when all has been read
        static_cast<void>(::fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                      static_cast<off_t>(done.place), static_cast<off_t>(done.size)));
    }
}

}  // namespace gatherd::cli::jobs
