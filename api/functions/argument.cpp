#include "api/functions/argument.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/functions/python_value.hpp"
#include "api/protocol/json_writer.hpp"
#include "api/shortened.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::functions {

namespace {

using plan::raised;

std::string complaint(const argument& about, std::string_view expected) {
    return std::string{about.callee} + "(): " + std::string{about.name} + " must be " + std::string{expected} +
           ", not " + shown(about.given);
}

/// How many bytes a character has that begins so, or 0 if none does; and the range of its second byte.
struct lead {
    std::size_t bytes;
    unsigned char least = 0x80;
    unsigned char most = 0xBF;
};

lead lead_of(unsigned char first) noexcept {
    if (first < 0x80U) {
        return {1};
    }
    if (first >= 0xC2U && first <= 0xDFU) {
        return {2};
    }
    if (first >= 0xE0U && first <= 0xEFU) {
        return {3, static_cast<unsigned char>(first == 0xE0U ? 0xA0 : 0x80),
                static_cast<unsigned char>(first == 0xEDU ? 0x9F : 0xBF)};
    }
    if (first >= 0xF0U && first <= 0xF4U) {
        return {4, static_cast<unsigned char>(first == 0xF0U ? 0x90 : 0x80),
                static_cast<unsigned char>(first == 0xF4U ? 0x8F : 0xBF)};
    }
    return {0};
}

/// How many bytes at the beginning are a character, or the beginning of one; and whether it is whole.
struct scanned {
    std::size_t bytes;
    bool is_whole;
};

/// Whether the next eight bytes are ASCII.
bool is_ascii_word(std::string_view bytes) noexcept {
    std::uint64_t word = ~std::uint64_t{0};
    if (bytes.size() >= sizeof word) {
        std::memcpy(&word, bytes.data(), sizeof word);
    }
    return (word & 0x8080808080808080U) == 0;
}

scanned scan_character(std::string_view bytes) noexcept {
    const lead expected = lead_of(static_cast<unsigned char>(bytes[0]));
    if (expected.bytes == 0) {
        return {1, false};
    }
    std::size_t seen = 1;
    for (; seen < expected.bytes && seen < bytes.size(); ++seen) {
        const auto byte = static_cast<unsigned char>(bytes[seen]);
        const bool continues = seen == 1 ? byte >= expected.least && byte <= expected.most : (byte & 0xC0U) == 0x80U;
        if (!continues) {
            break;
        }
    }
    return {seen, seen == expected.bytes};
}

/// How many bytes at the beginning are whole characters.
std::size_t leading_text(std::string_view bytes) noexcept {
    std::size_t good = 0;
    while (good < bytes.size()) {
        if (is_ascii_word(bytes.substr(good))) {
            good += sizeof(std::uint64_t);
            continue;
        }
        const scanned next = scan_character(bytes.substr(good));
        if (!next.is_whole) {
            break;
        }
        good += next.bytes;
    }
    return good;
}

}  // namespace

std::string shown(const value& v) {
    if (const auto* const text = v.get_ptr<const std::string*>()) {
        return "the text '" + shortened(*text) + "'";
    }
    if (v.is_array()) {
        return "a list";
    }
    if (v.is_object()) {
        return "an object";
    }
    std::string text = v.is_number() ? "the number " : "";
    protocol::append_value(text, v);
    return text;
}

void argument::refuse_type(std::string_view expected) const {
    throw raised{"TypeError", complaint(*this, expected)};
}

void argument::refuse_value(std::string_view expected) const {
    throw raised{"ValueError", complaint(*this, expected)};
}

const std::string& argument::text() const {
    if (!given.is_string()) {
        refuse_type("a text");
    }
    return given.get_ref<const std::string&>();
}

const std::string& argument::plain_text() const {
    const std::string& found = text();
    if (found.find('\0') != std::string::npos) {
        refuse_value("a text without a NUL");
    }
    return found;
}

bool argument::flag() const {
    if (!given.is_boolean()) {
        refuse_type("true or false");
    }
    return given.get<bool>();
}

std::size_t argument::count(std::size_t least, std::size_t most) const {
    const std::string expected = "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    if (!given.is_number_integer()) {
        refuse_type(expected);
    }
    const int128 n = int_of(given);
    if (n < static_cast<int128>(least) || n > static_cast<int128>(most)) {
        refuse_value(expected);
    }
    return static_cast<std::size_t>(n);
}

double argument::seconds() const {
    if (!given.is_number()) {
        refuse_type("a number of seconds");
    }
    const double found = float_of(given);
    if (found < 0.0) {
        refuse_value("a number of seconds from 0 on");
    }
    return found;
}

std::vector<std::string> argument::texts() const {
    if (!given.is_array()) {
        refuse_type("a list of texts");
    }
    std::vector<std::string> all;
    all.reserve(given.size());
    for (const value& each : given) {
        if (!each.is_string()) {
            throw raised{"TypeError", std::string{callee} + "(): " + std::string{name} +
                                          " must be a list of texts, and its item " + std::to_string(all.size()) +
                                          " is " + shown(each)};
        }
        all.push_back(argument{callee, name, each}.plain_text());
    }
    return all;
}

std::string argument::bytes(bool is_binary) const {
    const std::string& found = text();
    if (!is_binary) {
        return found;
    }
    auto decoded = from_base64(found);
    if (!decoded) {
        refuse_value("base64");
    }
    return *std::move(decoded);
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    if (text.empty()) {
        return std::string{};
    }
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    const auto is_digit = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    };
    if (!std::ranges::all_of(text.substr(0, text.size() - padding), is_digit)) {
        return std::nullopt;
    }
    std::string bytes(text.size() / 4 * 3, '\0');
    // In pieces: OpenSSL counts in ints.
    constexpr std::size_t most_at_once = std::size_t{1} << 24;
    for (std::size_t at = 0; at < text.size(); at += most_at_once) {
        const std::string_view piece = text.substr(at, most_at_once);
        if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()) + at / 4 * 3,
                            reinterpret_cast<const unsigned char*>(piece.data()), static_cast<int>(piece.size())) < 0) {
            return std::nullopt;
        }
    }
    bytes.resize(bytes.size() - padding);
    return bytes;
}

std::string to_base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL writes a NUL behind it
    constexpr std::size_t most_at_once = std::size_t{3} << 22;
    for (std::size_t at = 0; at < bytes.size(); at += most_at_once) {
        const std::string_view piece = bytes.substr(at, most_at_once);
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()) + at / 3 * 4,
                        reinterpret_cast<const unsigned char*>(piece.data()), static_cast<int>(piece.size()));
    }
    text.pop_back();
    return text;
}

bool is_utf8(std::string_view bytes) noexcept {
    return leading_text(bytes) == bytes.size();
}

std::string text_from(std::string bytes) {
    const std::string_view all = bytes;
    const std::size_t good = leading_text(all);
    if (good == all.size()) {
        return bytes;
    }
    std::string text{all.substr(0, good)};
    for (std::size_t at = good; at < all.size();) {
        const scanned next = scan_character(all.substr(at));
        text += next.is_whole ? all.substr(at, next.bytes) : "\xEF\xBF\xBD";
        at += next.bytes;
    }
    return text;
}

std::size_t whole_characters(std::string_view bytes) noexcept {
    for (std::size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
        const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
        if ((byte & 0xC0U) != 0x80U) {  // where the last character begins
            return lead_of(byte).bytes > back ? bytes.size() - back : bytes.size();
        }
    }
    return bytes.size();
}

value bytes_value(std::string bytes, bool is_binary) {
    memory_limit::check(is_binary ? 2 * bytes.size() : 0);
    return is_binary ? value(to_base64(bytes)) : value(text_from(std::move(bytes)));
}

}  // namespace gatherd::api::functions
