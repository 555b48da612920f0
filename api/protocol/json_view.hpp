/// \file
/// A read-only view of a decoded JSON value, without its decoder's types.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace gatherd::api::protocol {

enum class json_kind : unsigned char {
    null,
    boolean,
    integer,           ///< fits int64_t
    unsigned_integer,  ///< fits uint64_t only: at least 2^63
    real,              ///< written with a fraction or an exponent
    string,
    array,
    object,
};

/// Where a decoded message stands: simdjson's tape, as its doc/tape.md describes it, and the texts that it points into.
///
/// Read here, inline, and not by simdjson's own class: a plan looks at each word of its tape several times.
struct json_tape {
    const std::uint64_t* words = nullptr;
    const std::uint8_t* texts = nullptr;
};

/// One value inside a decoded message. Two words: pass it by value.
///
/// Lifetime: as the message that it came from, that is until its message_decoder decodes again; so are the string
/// views it gives. Threads: any number may read. Reading as another kind than `kind()` says is a bug of the caller
/// (asserted). Cost: constant, unless stated.
class json_view {
public:
    class items_view;
    class members_view;
    struct member;

    /// For message_decoder: a position on a tape, which outlives the view.
    json_view(const json_tape* tape, std::size_t position) noexcept : tape_{tape}, position_{position} {}

    [[nodiscard]] json_kind kind() const noexcept {
        switch (tag()) {
            case '[':
                return json_kind::array;
            case '{':
                return json_kind::object;
            case '"':
                return json_kind::string;
            case 'l':
                return json_kind::integer;
            case 'u':
                return json_kind::unsigned_integer;
            case 'd':
                return json_kind::real;
            case 't':
            case 'f':
                return json_kind::boolean;
            default:
                return json_kind::null;
        }
    }
    [[nodiscard]] bool is_null() const noexcept { return kind() == json_kind::null; }
    [[nodiscard]] bool is_boolean() const noexcept { return kind() == json_kind::boolean; }
    [[nodiscard]] bool is_string() const noexcept { return tag() == '"'; }
    [[nodiscard]] bool is_array() const noexcept { return tag() == '['; }
    [[nodiscard]] bool is_object() const noexcept { return tag() == '{'; }
    /// Of any of the three kinds of number.
    [[nodiscard]] bool is_number() const noexcept { return tag() == 'l' || tag() == 'u' || tag() == 'd'; }

    [[nodiscard]] bool as_boolean() const noexcept {
        assert(is_boolean());
        return tag() == 't';
    }
    [[nodiscard]] std::int64_t as_integer() const noexcept {
        assert(kind() == json_kind::integer);
        return std::bit_cast<std::int64_t>(tape_->words[position_ + 1]);
    }
    [[nodiscard]] std::uint64_t as_unsigned() const noexcept {
        assert(kind() == json_kind::unsigned_integer);
        return tape_->words[position_ + 1];
    }
    [[nodiscard]] double as_real() const noexcept {
        assert(kind() == json_kind::real);
        return std::bit_cast<double>(tape_->words[position_ + 1]);
    }
    [[nodiscard]] std::string_view as_string() const noexcept {
        assert(is_string());
        const std::uint8_t* const text = tape_->texts + (word() & payload_mask);
        std::uint32_t size = 0;
        std::memcpy(&size, text, sizeof size);
        return {reinterpret_cast<const char*>(text) + sizeof size, size};
    }
    /// Of any number, rounded to the nearest double.
    [[nodiscard]] double as_number() const noexcept;

    /// Items of an array, members of an object (duplicates counted).
    [[nodiscard]] std::size_t size() const noexcept;

    /// The items of an array, in order.
    [[nodiscard]] items_view items() const noexcept;

    /// The members of an object, in order, duplicates as they stand in the text.
    [[nodiscard]] members_view members() const noexcept;

    /// The value of an object's last member of that name, if any. Linear in the number of members.
    [[nodiscard]] std::optional<json_view> find(std::string_view name) const noexcept;

private:
    static constexpr unsigned tag_shift = 56;
    static constexpr std::uint64_t payload_mask = (std::uint64_t{1} << tag_shift) - 1;

    [[nodiscard]] std::uint64_t word() const noexcept { return tape_->words[position_]; }
    [[nodiscard]] char tag() const noexcept { return static_cast<char>(word() >> tag_shift); }

    // Both give tape positions: where this array or object has its end mark, and what follows this value.
    [[nodiscard]] std::size_t end_mark() const noexcept { return after() - 1; }
    [[gnu::always_inline]] [[nodiscard]] std::size_t after() const noexcept {
        if (is_array() || is_object()) {
            return static_cast<std::uint32_t>(word());
        }
        return position_ + (is_number() ? 2 : 1);  // a number itself is a second word
    }

    const json_tape* tape_;
    std::size_t position_;
};

struct json_view::member {
    std::string_view name;
    json_view value;
};

class json_view::items_view {
public:
    class iterator {
    public:
        explicit iterator(json_view at) noexcept : at_{at} {}
        [[nodiscard]] json_view operator*() const noexcept { return at_; }
        iterator& operator++() noexcept {
            at_.position_ = at_.after();
            return *this;
        }
        [[nodiscard]] bool operator==(const iterator& other) const noexcept {
            return at_.position_ == other.at_.position_;
        }

    private:
        json_view at_;
    };

    items_view(json_view first, json_view last) noexcept : first_{first}, last_{last} {}
    [[nodiscard]] iterator begin() const noexcept { return iterator{first_}; }
    [[nodiscard]] iterator end() const noexcept { return iterator{last_}; }

private:
    json_view first_;
    json_view last_;
};

class json_view::members_view {
public:
    class iterator {
    public:
        explicit iterator(json_view name) noexcept : name_{name} {}
        [[nodiscard]] member operator*() const noexcept { return {name_.as_string(), value()}; }
        [[gnu::always_inline]] iterator& operator++() noexcept {
            name_.position_ = value().after();
            return *this;
        }
        [[nodiscard]] bool operator==(const iterator& other) const noexcept {
            return name_.position_ == other.name_.position_;
        }

    private:
        // A name takes one word of the tape, its value follows.
        [[nodiscard]] json_view value() const noexcept { return {name_.tape_, name_.position_ + 1}; }

        json_view name_;
    };

    members_view(json_view first, json_view last) noexcept : first_{first}, last_{last} {}
    [[nodiscard]] iterator begin() const noexcept { return iterator{first_}; }
    [[nodiscard]] iterator end() const noexcept { return iterator{last_}; }

private:
    json_view first_;
    json_view last_;
};

inline json_view::items_view json_view::items() const noexcept {
    assert(is_array());
    return {json_view{tape_, position_ + 1}, json_view{tape_, end_mark()}};
}

inline json_view::members_view json_view::members() const noexcept {
    assert(is_object());
    return {json_view{tape_, position_ + 1}, json_view{tape_, end_mark()}};
}

}  // namespace gatherd::api::protocol
