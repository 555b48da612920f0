/// \file
/// Counts brackets, to find where a JSON text would end without reading it closely.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gatherd::api::protocol {

/// Finds the end of a JSON text that comes in pieces of any size, if it is one: it looks at brackets and quotes alone.
///
/// Of well-formed text it says what json_scanner says, several times as fast; of any other what it says means nothing,
/// and whoever uses it must find that out, by decoding what it found.
///
/// Threads: one at a time. Memory: none but its own. Cost: each byte is looked at once, 64 at a time where the
/// processor has SSE2.
class bracket_counter {
public:
    enum class outcome {
        more,    ///< all bytes were taken, and the outermost bracket is open
        closed,  ///< the outermost bracket closed: `at` is after it
        deep,    ///< one bracket more than allowed may have opened: `at` means nothing
    };
    struct step {
        outcome what;
        const char* at;
    };

    explicit bracket_counter(std::size_t max_depth) noexcept : max_depth_{max_depth} {}

    /// Goes on with a text that begins with a bracket. After `closed` or `deep` call `reset` first.
    [[nodiscard]] step count(const char* first, const char* last) noexcept;

    /// Begins a new text.
    void reset() noexcept;

private:
    struct marks;

    [[nodiscard]] static marks marks_of(const char* block) noexcept;
    [[nodiscard]] std::uint64_t escaped(std::uint64_t backslashes, std::size_t size) noexcept;
    [[nodiscard]] step take(marks block, const char* at, std::size_t size) noexcept;

    std::size_t max_depth_;
    std::size_t depth_ = 0;    // brackets open
    bool in_string_ = false;   // behind what was taken
    bool is_escaped_ = false;  // the next byte
};

}  // namespace gatherd::api::protocol
