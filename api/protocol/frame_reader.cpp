#include "api/protocol/frame_reader.hpp"

#include <malloc.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "api/huge_pages.hpp"
#include "api/protocol/diagnosis.hpp"
#include "gatherd/executor/allocated_memory.hpp"

namespace gatherd::api::protocol {
namespace {

constexpr std::size_t padding = 64;                              // SIMDJSON_PADDING
constexpr std::size_t kept_capacity = std::size_t{1} << 20;      // a larger buffer is given up once it is empty
constexpr std::size_t max_header_bytes = std::size_t{8} << 10;   // of one header block
constexpr std::size_t max_lines_counted = std::size_t{4} << 20;  // bytes before a fault: that many take a millisecond
constexpr std::size_t max_searched = std::size_t{64} << 10;  // bytes in which the id of what is too deep is looked for
constexpr std::string_view spaces = " \t\r\n";
constexpr std::string_view length_name = "content-length";
constexpr char tls_handshake = 0x16;
constexpr char tls_major = 0x03;

char lower(char byte) noexcept {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
}

bool equal_in_any_case(std::string_view text, std::string_view lower_case) noexcept {
    return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                      [](char a, char b) { return lower(a) == b; });
}

bool is_literal(std::string_view token) noexcept {
    return token == "true" || token == "false" || token == "null";
}

std::string_view trimmed(std::string_view text) noexcept {
    const auto from = text.find_first_not_of(spaces);
    return from == text.npos ? text.substr(0, 0) : text.substr(from, text.find_last_not_of(spaces) + 1 - from);
}

// The byte as an error message may show it: nothing that is not printable ASCII.
std::string shown(char byte) {
    if (byte == '\n') {
        return "the end of the line";
    }
    if (byte >= ' ' && byte <= '~') {
        return std::string{"'"} + byte + '\'';
    }
    constexpr std::string_view hex = "0123456789ABCDEF";
    const auto code = static_cast<unsigned char>(byte);
    return std::string{"byte 0x"} + hex[code >> 4U] + hex[code & 0xFU];
}

}  // namespace

frame_reader::frame_reader(const message_limits& limits)
    : id_bytes_{static_cast<std::uint32_t>(limits.id_bytes)},
      message_bytes_{limits.message_bytes},
      scanner_{limits.depth} {}

std::span<char> frame_reader::prepare(std::size_t at_least) {
    if (begin_ == end_) {
        begin_ = scanned_ = end_ = line_end_ = 0;
        if (capacity_ > kept_capacity && at_least <= kept_capacity) {
            shrink();
        }
    }
    if (capacity_ - end_ < at_least) {
        make_room(at_least);
    }
    return {buffer_.get() + end_, capacity_ - end_};
}

// Moves what is pending to the front, but only where that frees at least as much as it moves: so every byte is moved
// a constant number of times, however it came.
void frame_reader::make_room(std::size_t at_least) {
    const auto size = end_ - begin_;
    const bool fits = size + at_least <= capacity_ && size <= begin_;
    if (size == 0 && !fits) {
        shrink();  // nothing is to be copied
    } else if (begin_ != 0) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, size);
    }
    scanned_ -= begin_;
    line_end_ -= std::min(line_end_, begin_);
    end_ = size;
    begin_ = 0;
    if (!fits) {
        grow(size == 0 ? at_least : 2 * (size + at_least));
    }
}

/// Where operator new counts, this does.
void frame_reader::count(std::ptrdiff_t bytes) noexcept {
    if (executor::allocated_memory::is_counting()) {
        executor::allocated_memory::add(bytes);
    }
}

void frame_reader::freed::operator()(char* memory) const noexcept {
    count(-static_cast<std::ptrdiff_t>(malloc_usable_size(memory)));
    std::free(memory);
}

// By realloc, which gives a large buffer more pages behind those that it has; a copy would touch all of them again.
void frame_reader::grow(std::size_t capacity) {
    const auto before = static_cast<std::ptrdiff_t>(malloc_usable_size(buffer_.get()));
    auto* const larger = static_cast<char*>(std::realloc(buffer_.get(), capacity + padding));
    if (larger == nullptr) {
        throw std::bad_alloc{};
    }
    const std::size_t given = malloc_usable_size(larger);
    count(static_cast<std::ptrdiff_t>(given) - before);
    use_huge_pages(larger, given);
    static_cast<void>(buffer_.release());  // realloc has freed it
    buffer_.reset(larger);
    capacity_ = capacity;
}

void frame_reader::commit(std::size_t count) noexcept {
    assert(count <= capacity_ - end_);
    if (phase_ != phase::closed) {
        end_ += count;
    }
}

void frame_reader::feed(std::string_view bytes) {
    if (!bytes.empty()) {
        std::memcpy(prepare(bytes.size()).data(), bytes.data(), bytes.size());
        commit(bytes.size());
    }
}

void frame_reader::shrink() noexcept {
    if (begin_ == end_) {
        buffer_.reset();
        capacity_ = begin_ = scanned_ = end_ = line_end_ = 0;
    }
}

void frame_reader::drop(std::size_t count) noexcept {
    begin_ += count;
    scanned_ = begin_;
}

bool frame_reader::mid_message() const noexcept {
    switch (phase_) {
        case phase::closed:
        case phase::between:
            return false;
        case phase::detecting:
            return begin_ != end_;
        case phase::headers:
            return header_bytes_ != 0 || begin_ != end_;
        default:
            return true;
    }
}

std::optional<frame> frame_reader::next() {
    for (;;) {
        std::optional<frame> found;
        const auto before = phase_;
        switch (phase_) {
            case phase::detecting:
                found = step_detecting();
                break;
            case phase::between:
                found = step_between();
                break;
            case phase::inside:
            case phase::skipping:
                found = step_lines();
                break;
            case phase::discarding:
                found = step_discarding();
                break;
            case phase::headers:
                found = step_headers();
                break;
            case phase::body:
                found = step_body();
                break;
            case phase::closed:
                return std::nullopt;
        }
        if (found) {
            return found;
        }
        if (phase_ == before) {
            return finished_ ? step_end() : std::nullopt;
        }
    }
}

// The method of an HTTP request and the name of a header are tokens; JSON begins with one only if it is a literal or a
// number. It may be as long as a message, so it is looked at as it comes, and never again.
std::optional<frame> frame_reader::step_detecting() {
    const char* const data = buffer_.get();
    scanned_ = static_cast<std::size_t>(first_token_.scan(data + scanned_, data + end_) - data);
    const auto bytes = pending();
    const auto token = bytes.substr(0, scanned_ - begin_);
    const bool may_be_tls = bytes.starts_with(tls_handshake);
    if (token.size() > std::max(message_bytes_, length_name.size())) {
        return too_large();
    }
    const bool is_cut = token.size() == bytes.size() || (may_be_tls && bytes.size() == 1);
    if (is_cut && !finished_) {
        return std::nullopt;
    }
    const char next = is_cut ? '\n' : bytes[token.size()];
    if ((may_be_tls && !is_cut && bytes[1] == tls_major) ||
        (next == ' ' && !token.empty() && !is_literal(token) && !first_token_.is_number())) {
        return close_with({frame_kind::foreign});
    }
    const bool has_headers = next == ':' && equal_in_any_case(token, length_name);
    framing_ = has_headers ? framing::content_length : framing::json_lines;
    if (has_headers) {
        phase_ = phase::headers;
        scanned_ = begin_;
    } else if (token.empty()) {
        phase_ = phase::between;
    } else {
        begin_message();
        static_cast<void>(scanner_.scan(token.data(), token.data() + 1));  // to which all bytes of a token are alike
        phase_ = phase::inside;
    }
    return std::nullopt;
}

std::optional<frame> frame_reader::step_between() {
    drop(std::min(pending().find_first_not_of(spaces), pending().size()));
    const auto bytes = pending();
    if (bytes.empty()) {
        return std::nullopt;
    }
    if (begin_ >= line_end_ && (bytes.front() == '{' || bytes.front() == '[')) {
        const auto searched = bytes.substr(0, huge_message_bytes);
        const auto line_size = searched.find('\n');
        line_end_ = begin_ + std::min(line_size, searched.size());  // up to there no line end is looked for again
        if (line_size <= message_bytes_) {
            drop(line_size);
            return frame{frame_kind::message, trimmed(bytes.substr(0, line_size)), std::nullopt, true};
        }
    }
    begin_message();
    phase_ = phase::inside;
    return std::nullopt;
}

void frame_reader::scan_line(std::string_view line) {
    begin_ = scanned_ = static_cast<std::size_t>(line.data() - buffer_.get());
    begin_message();
    phase_ = phase::inside;
}

void frame_reader::begin_message() {
    dropped_ = 0;
    scanner_.reset();
}

void frame_reader::skip_line() noexcept {
    if (framing_ == framing::json_lines && phase_ == phase::between) {
        dropped_ = 0;
        is_answered_ = true;
        phase_ = phase::discarding;
    }
}

std::optional<frame> frame_reader::step_lines() {
    const char* const data = buffer_.get();
    const auto [what, at] = scanner_.scan(data + scanned_, data + end_);
    scanned_ = static_cast<std::size_t>(at - data);
    const auto size = scanned_ - begin_;
    if (dropped_ + size > message_bytes_) {
        return too_large();
    }
    const auto seen = pending().substr(0, size);
    const bool skipping = phase_ == phase::skipping;
    switch (what) {
        case structure_scanner::outcome::complete:
        case structure_scanner::outcome::scalar:
            phase_ = phase::between;
            drop(size);
            return skipping ? std::nullopt : std::optional{frame{frame_kind::message, trimmed(seen)}};
        case structure_scanner::outcome::broken:
            if (!skipping) {
                note_fault(size);
            }
            is_answered_ = skipping;
            phase_ = phase::discarding;
            return std::nullopt;
        case structure_scanner::outcome::too_deep: {
            auto answer = deep_frame(seen);
            phase_ = phase::skipping;
            dropped_ += size;
            drop(size);
            return answer;
        }
        default:
            if (skipping) {
                dropped_ += size;
                drop(size);
            }
            return std::nullopt;
    }
}

// What follows a fault up to the end of its line is not looked at: the client's next line is the first place where a
// message of its own can be expected to begin.
std::optional<frame> frame_reader::step_discarding() {
    const auto rest = std::string_view{buffer_.get(), end_}.substr(scanned_);
    const auto line_end = rest.find('\n');
    const auto size = scanned_ - begin_ + (line_end == rest.npos ? rest.size() : line_end);
    if (dropped_ + size > message_bytes_) {
        return too_large();
    }
    if (line_end == rest.npos) {
        dropped_ += size;
        drop(size);
        return std::nullopt;
    }
    drop(size + 1);
    phase_ = phase::between;
    return is_answered_ ? std::nullopt : std::optional{malformed_frame()};
}

std::optional<frame> frame_reader::step_headers() {
    for (;;) {
        const auto rest = std::string_view{buffer_.get(), end_}.substr(scanned_);
        const auto line_end = rest.find('\n');
        const auto size = scanned_ - begin_ + (line_end == rest.npos ? rest.size() : line_end + 1);
        if (header_bytes_ + size > max_header_bytes) {
            return bad_header("headers of more than " + std::to_string(max_header_bytes) + " bytes");
        }
        if (line_end == rest.npos) {
            scanned_ = end_;
            return std::nullopt;
        }
        const auto line = trimmed(pending().substr(0, size));
        header_bytes_ = static_cast<std::uint16_t>(header_bytes_ + size);  // at most max_header_bytes
        if (line.empty()) {
            drop(size);
            return end_headers();
        }
        if (auto wrong = read_header(line); !wrong.empty()) {
            return bad_header(wrong);
        }
        drop(size);
    }
}

std::optional<frame> frame_reader::end_headers() {
    if (!has_length_) {
        return bad_header("no Content-Length before the empty line");
    }
    if (body_bytes_ > message_bytes_) {
        return too_large();
    }
    header_bytes_ = 0;
    begin_message();
    scanned_so_far_ = structure_scanner::outcome::more;
    phase_ = phase::body;
    return std::nullopt;
}

// What is wrong with a header line; empty if nothing is.
std::string frame_reader::read_header(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == line.npos || colon == 0) {
        return "a header must be NAME: VALUE";
    }
    if (!equal_in_any_case(line.substr(0, colon), length_name)) {
        return {};  // other headers mean nothing here
    }
    const auto digits = trimmed(line.substr(colon + 1));
    if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos) {
        return "Content-Length must be a number of bytes, in decimal digits";
    }
    auto bytes = static_cast<std::size_t>(-1);  // stays so if the digits do not fit: over any limit
    std::from_chars(digits.data(), digits.data() + digits.size(), bytes);
    if (has_length_ && body_bytes_ != bytes) {
        return "two Content-Length headers that differ";
    }
    body_bytes_ = bytes;
    has_length_ = true;
    return {};
}

// Whether it is JSON its decoder says; only too many brackets are looked for here, as the body comes.
std::optional<frame> frame_reader::step_body() {
    const auto size = body_bytes_;
    const char* const data = buffer_.get();
    if (scanned_so_far_ == structure_scanner::outcome::more) {
        const auto [what, at] = scanner_.scan(data + scanned_, data + std::min(end_, begin_ + size));
        scanned_so_far_ = what;
        scanned_ = static_cast<std::size_t>(at - data);
    }
    if (end_ - begin_ < size) {
        return std::nullopt;
    }
    const auto body = pending().substr(0, size);
    auto found = scanned_so_far_ == structure_scanner::outcome::too_deep ? deep_frame(body.substr(0, scanned_ - begin_))
                                                                         : frame{frame_kind::message, trimmed(body)};
    drop(size);
    has_length_ = false;
    phase_ = phase::headers;
    return found;
}

// At the end of input, with nothing more to be found in what is pending.
std::optional<frame> frame_reader::step_end() {
    const bool is_cut = mid_message();
    const bool is_scalar = phase_ == phase::inside && scanner_.is_whole_scalar();
    const bool is_told = phase_ == phase::skipping || (phase_ == phase::discarding && is_answered_);
    const bool has_fault = phase_ == phase::discarding;
    phase_ = phase::closed;
    if (!is_cut || is_told) {
        return std::nullopt;
    }
    if (is_scalar) {
        return frame{frame_kind::message, trimmed(pending())};
    }
    if (!has_fault) {
        fault_ = std::make_unique<const std::string>("the input ended inside a message");
    }
    return malformed_frame();
}

void frame_reader::note_fault(std::size_t position) {
    const std::string why = ": expected " + std::string{scanner_.expected()} + ", not " + shown(pending()[position]);
    if (position > max_lines_counted) {
        fault_ = std::make_unique<const std::string>("byte " + std::to_string(position + 1) + why);
        return;
    }
    const auto before = pending().substr(0, position);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const void* const line_end = ::memrchr(before.data(), '\n', before.size());  // rfind looks at a byte at a time
    const auto column = line_end == nullptr
                            ? position + 1
                            : static_cast<std::size_t>(&before.back() - static_cast<const char*>(line_end)) + 1;
    fault_ = std::make_unique<const std::string>("line " + std::to_string(line) + ", column " + std::to_string(column) +
                                                 why);
}

frame frame_reader::malformed_frame() const {
    return {frame_kind::malformed, {}, refusal{request_id::null(), {errc::parse_error, "malformed JSON: " + *fault_}}};
}

frame frame_reader::deep_frame(std::string_view seen) const {
    const std::size_t depth = scanner_.max_depth();
    auto id = diagnose(seen.substr(0, max_searched), {.depth = depth, .id_bytes = id_bytes_}).id;
    return {frame_kind::too_deep,
            {},
            refusal{id.is_absent() ? request_id::null() : std::move(id), over_limit("limits.depth", depth)}};
}

frame frame_reader::too_large() {
    return close_with(
        {frame_kind::too_large, {}, refusal{request_id::null(), over_limit("limits.message_bytes", message_bytes_)}});
}

frame frame_reader::bad_header(const std::string& what) {
    return close_with(
        {frame_kind::bad_header, {}, refusal{request_id::null(), {errc::parse_error, "malformed header: " + what}}});
}

frame frame_reader::close_with(frame last) {
    phase_ = phase::closed;
    drop(end_ - begin_);
    return last;
}

}  // namespace gatherd::api::protocol
