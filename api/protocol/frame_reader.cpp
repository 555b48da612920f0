#include "api/protocol/frame_reader.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/protocol/id_texts.hpp"
#include "api/protocol/message_decoder.hpp"

namespace gatherd::api::protocol {
namespace {

constexpr std::size_t padding = 64;                             // SIMDJSON_PADDING
constexpr std::size_t kept_capacity = std::size_t{1} << 20;     // a larger buffer is given up once it is empty
constexpr std::size_t max_header_bytes = std::size_t{8} << 10;  // of one header block
constexpr std::size_t max_method_bytes = 32;                    // of HTTP; the longest registered one has 17
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

enum class opening { undecided, json_lines, content_length, foreign };

// What a connection's first bytes say. JSON begins with none of these letters.
opening opening_of(std::string_view first) noexcept {
    if (first.empty()) {
        return opening::undecided;
    }
    if (first[0] == tls_handshake) {
        return first.size() < 2 ? opening::undecided : first[1] == tls_major ? opening::foreign : opening::json_lines;
    }
    const auto name = first.substr(0, length_name.size());
    const bool maybe_header = equal_in_any_case(name, length_name.substr(0, name.size()));
    if (maybe_header && first.size() > length_name.size() && first[length_name.size()] == ':') {
        return opening::content_length;
    }
    const auto is_method_byte = [](char byte) { return (byte >= 'A' && byte <= 'Z') || byte == '-'; };
    const auto method_end = std::find_if_not(first.begin(), first.end(), is_method_byte);
    const auto method_size = static_cast<std::size_t>(method_end - first.begin());
    // A minus begins a number, not a method.
    const bool maybe_method = method_size != 0 && method_size <= max_method_bytes && first[0] != '-';
    if (maybe_method && method_end != first.end() && *method_end == ' ') {
        return opening::foreign;
    }
    const bool undecided =
        (maybe_header && first.size() <= length_name.size()) || (maybe_method && method_end == first.end());
    return undecided ? opening::undecided : opening::json_lines;
}

std::string_view trimmed(std::string_view text) noexcept {
    const auto from = text.find_first_not_of(spaces);
    return from == text.npos ? std::string_view{} : text.substr(from, text.find_last_not_of(spaces) + 1 - from);
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

refusal over_limit(request_id id, const std::string& name, std::size_t max) {
    auto data = std::make_shared<const value>(value{{"limit", name}, {"max", max}});
    return {
        std::move(id),
        {errc::limit_exceeded, "the message is over " + name + ", which is " + std::to_string(max), std::move(data)}};
}

bool opens(std::string_view text) noexcept {
    return text.starts_with('{') || text.starts_with('[');
}

}  // namespace

frame_reader::frame_reader(frame_limits limits) : limits_{limits}, brackets_{limits.depth} {}

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

// By realloc, which gives a large buffer more pages behind those that it has; a copy would touch all of them again.
void frame_reader::grow(std::size_t capacity) {
    auto* const larger = static_cast<char*>(std::realloc(buffer_.get(), capacity + padding));
    if (larger == nullptr) {
        throw std::bad_alloc{};
    }
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
        if (!mid_message()) {
            close_.reset();
        }
    }
}

frame_reader::close_reading& frame_reader::reading_closely() {
    if (close_ == nullptr) {
        close_ = std::make_unique<close_reading>(close_reading{json_scanner{limits_.depth}});
    }
    return *close_;
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

std::optional<frame> frame_reader::next(message_decoder* decoder) {
    if (decoder != nullptr) {
        decoder->forget_parsed();
    }
    for (;;) {
        std::optional<frame> found;
        const auto before = phase_;
        switch (phase_) {
            case phase::detecting:
                found = step_detecting();
                break;
            case phase::between:
                skip_space();
                break;
            case phase::arriving:
                if (decoder != nullptr && !finished_) {
                    found = step_arriving(*decoder);
                } else {
                    scan_from_begin();
                }
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
                found = step_body(decoder);
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

std::optional<frame> frame_reader::step_detecting() {
    switch (opening_of(pending())) {
        case opening::undecided:
            if (!finished_) {
                return std::nullopt;
            }
            [[fallthrough]];
        case opening::json_lines:
            framing_ = framing::json_lines;
            phase_ = phase::between;
            return std::nullopt;
        case opening::content_length:
            framing_ = framing::content_length;
            phase_ = phase::headers;
            return std::nullopt;
        default:
            return close_with({frame_kind::foreign});
    }
}

void frame_reader::skip_space() {
    const auto bytes = pending();
    const auto first = bytes.find_first_not_of(spaces);
    drop(std::min(first, bytes.size()));
    if (begin_ == end_) {
        return;
    }
    dropped_ = 0;
    if (begin_ >= line_end_ && opens(pending())) {
        brackets_.reset();
        phase_ = phase::arriving;
    } else {
        scan_from_begin();
    }
}

void frame_reader::scan_from_begin() {
    reading_closely().scanner.reset();
    scanned_ = begin_;
    phase_ = phase::inside;
}

// Without a line end nothing has to be said of malformed text, so that brackets are enough to know whether a message is
// whole. Whatever is no message on one line is left to the scanner; and a very large one, so that many lines cost it
// little more than one.
std::optional<frame> frame_reader::step_arriving(message_decoder& decoder) {
    const char* const data = buffer_.get();
    const auto found = std::string_view{data, end_}.find('\n', scanned_);
    const bool has_line = found != std::string_view::npos;
    const std::size_t size = (has_line ? found : end_) - begin_;
    if (size > std::min(limits_.message_bytes, most_unproven_bytes)) {
        scan_from_begin();
        return std::nullopt;
    }
    if (has_line) {
        line_end_ = found + 1;
    }
    std::string_view text = pending().substr(0, size);
    std::size_t dropped = size + 1;
    if (has_line && size < huge_message_bytes) {
        text = trimmed(text);
    } else {
        const auto [what, at] = brackets_.count(data + scanned_, text.data() + size);
        if (what == bracket_counter::outcome::more && !has_line) {
            scanned_ = end_;
            return std::nullopt;
        }
        if (what != bracket_counter::outcome::closed) {
            scan_from_begin();
            return std::nullopt;
        }
        dropped = static_cast<std::size_t>(at - text.data());
        text = text.substr(0, dropped);
    }
    const bool is_unproven = text.size() >= huge_message_bytes;
    if (!is_unproven && !decoder.try_parse(text)) {
        scan_from_begin();
        return std::nullopt;
    }
    phase_ = phase::between;
    drop(dropped);
    return frame{frame_kind::message, text, std::nullopt, is_unproven};
}

std::optional<frame> frame_reader::look_closely(std::string_view unproven) {
    if (framing_ == framing::content_length) {
        return scan_body(unproven);
    }
    begin_ = static_cast<std::size_t>(unproven.data() - buffer_.get());
    scan_from_begin();
    return next();
}

std::optional<frame> frame_reader::step_lines() {
    const char* const data = buffer_.get();
    const auto [what, at] = close_->scanner.scan(data + scanned_, data + end_);
    scanned_ = static_cast<std::size_t>(at - data);
    const auto size = scanned_ - begin_;
    if (dropped_ + size > limits_.message_bytes) {
        return too_large();
    }
    const auto seen = pending().substr(0, size);
    const bool skipping = phase_ == phase::skipping;
    switch (what) {
        case json_scanner::outcome::complete:
            phase_ = phase::between;
            drop(size);
            return skipping ? std::nullopt : std::optional{frame{frame_kind::message, seen}};
        case json_scanner::outcome::scalar:
            phase_ = phase::between;
            drop(size);
            return scalar_frame();
        case json_scanner::outcome::broken:
            if (!skipping) {
                note_fault(pending(), size);
            }
            is_answered_ = skipping;
            phase_ = phase::discarding;
            return std::nullopt;
        case json_scanner::outcome::too_deep: {
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
    if (dropped_ + size > limits_.message_bytes) {
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
        header_bytes_ += size;
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
    if (!body_bytes_) {
        return bad_header("no Content-Length before the empty line");
    }
    if (*body_bytes_ > limits_.message_bytes) {
        return too_large();
    }
    header_bytes_ = 0;
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
    if (body_bytes_ && *body_bytes_ != bytes) {
        return "two Content-Length headers that differ";
    }
    body_bytes_ = bytes;
    return {};
}

std::optional<frame> frame_reader::step_body(message_decoder* decoder) {
    const auto size = *body_bytes_;
    if (end_ - begin_ < size) {
        return std::nullopt;
    }
    const auto body = pending().substr(0, size);
    const auto text = trimmed(body);
    const bool may_be_message = decoder != nullptr && opens(text);
    const bool is_unproven = may_be_message && text.size() >= huge_message_bytes;
    auto found = is_unproven || (may_be_message && decoder->try_parse(text))
                     ? frame{frame_kind::message, text, std::nullopt, is_unproven}
                     : scan_body(body);
    drop(size);
    body_bytes_.reset();
    phase_ = phase::headers;
    return found;
}

frame frame_reader::scan_body(std::string_view body) {
    using outcome = json_scanner::outcome;
    auto& [scanner, fault] = reading_closely();
    scanner.reset();
    const auto [what, at] = scanner.scan(body.data(), body.data() + body.size());
    const auto size = static_cast<std::size_t>(at - body.data());
    const bool is_scalar = what == outcome::scalar || (what == outcome::more && scanner.is_whole_scalar());
    if (what == outcome::too_deep) {
        return deep_frame(body.substr(0, size));
    }
    if ((what == outcome::complete || is_scalar) && trimmed(body.substr(size)).empty()) {
        return is_scalar ? scalar_frame() : frame{frame_kind::message, trimmed(body.substr(0, size))};
    }
    if (what == outcome::broken) {
        note_fault(body, size);
    } else {
        fault = what == outcome::more ? "the body ends before its JSON does" : "a body must hold one JSON text";
    }
    return malformed_frame();
}

// At the end of input, with nothing more to be found in what is pending.
std::optional<frame> frame_reader::step_end() {
    const bool cut = mid_message();
    const bool scalar = phase_ == phase::inside && close_->scanner.is_whole_scalar();
    const bool answered = phase_ == phase::skipping || (phase_ == phase::discarding && is_answered_);
    const bool has_fault = phase_ == phase::discarding;
    phase_ = phase::closed;
    if (!cut || answered) {
        return std::nullopt;
    }
    if (scalar) {
        return scalar_frame();
    }
    if (!has_fault) {
        reading_closely().fault = "the input ended inside a message";
    }
    return malformed_frame();
}

void frame_reader::note_fault(std::string_view text, std::size_t position) {
    const auto before = text.substr(0, position);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const auto column = position - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0: the first line
    std::string& fault = close_->fault;
    fault = "line " + std::to_string(line) + ", column " + std::to_string(column);
    if (close_->scanner.number_is_too_great()) {
        fault += ": the number that ends here is beyond double";
        return;
    }
    fault += ": expected ";
    fault += close_->scanner.expected();
    fault += ", not " + shown(text[position]);
}

frame frame_reader::malformed_frame() {
    return {frame_kind::malformed,
            {},
            refusal{request_id::null(), {errc::parse_error, "malformed JSON: " + close_->fault}}};
}

frame frame_reader::scalar_frame() const {
    return {frame_kind::scalar,
            {},
            refusal{request_id::null(),
                    {errc::invalid_request, "a message must be an object (a request) or an array of requests"}}};
}

frame frame_reader::deep_frame(std::string_view seen) const {
    auto id = request_id::null();
    if (seen.front() != '[') {  // of a batch it cannot be said which request it is
        const auto ids = id_texts(seen);
        // What was scanned is JSON so far, so its first byte says what it is: a string or a number is echoed.
        if (!ids.empty() && !ids.front().empty() && std::strchr("\"-0123456789", ids.front().front()) != nullptr) {
            id = request_id{ids.front()};
        }
    }
    return {frame_kind::too_deep, {}, over_limit(std::move(id), "limits.depth", limits_.depth)};
}

frame frame_reader::too_large() {
    return close_with(
        {frame_kind::too_large, {}, over_limit(request_id::null(), "limits.message_bytes", limits_.message_bytes)});
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
