/// \file
/// Output that waits to be printed: in memory, and beyond some MiB in a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace gatherd::cli::jobs {

/// Keeps the bytes of any number of streams. All of them share one file without a name in TMPDIR, or /tmp, which is
/// made when it is needed and gives space back as it is read.
///
/// Threads: one at a time.
class spool {
public:
    /// Bytes of one stream, first in, first out.
    class stream {
    public:
        [[nodiscard]] bool is_empty() const noexcept { return pieces_.empty(); }

    private:
        friend class spool;
        struct piece {
            std::string text;         // in memory, or
            std::uint64_t place = 0;  // in the file
            std::size_t size = 0;     // there; 0: in memory
        };
        std::deque<piece> pieces_{};
    };

    explicit spool(std::size_t most_memory) : most_memory_{most_memory} {}
    ~spool();
    spool(const spool&) = delete;
    spool& operator=(const spool&) = delete;

    /// Throws usage_error where there is no room for the file.
    void add(stream& into, std::string_view bytes);

    /// The oldest bytes of a stream that is not empty, some of them. Throws usage_error if the file cannot be read.
    [[nodiscard]] std::string take(stream& source);

    void drop(stream& of);

    /// Of all streams, in memory and in the file.
    [[nodiscard]] std::uint64_t held() const noexcept { return in_memory_ + in_file_; }

private:
    void open_file();
    void give_back(const stream::piece& done) noexcept;

    const std::size_t most_memory_;
    std::size_t in_memory_ = 0;
    std::uint64_t in_file_ = 0;
    std::uint64_t end_ = 0;
    int descriptor_ = -1;
};

}  // namespace gatherd::cli::jobs
