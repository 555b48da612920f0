/// \file
/// A read-only view of a decoded JSON value, without its decoder's types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gatherd::api::json {

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

/// One value inside a decoded message. Two words: pass it by value.
///
/// Lifetime: as the message that it came from, that is until its wire::message_decoder decodes again; so are the string
/// views it gives. Threads: any number may read. Reading as another kind than `kind()` says is a bug of the caller
/// (asserted). Cost: constant, unless stated.
class json_view {
public:
    class items_view;
    class members_view;
    struct member;

    /// For wire::message_decoder: a position on the tape of a `simdjson::dom::document`.
    json_view(const void* document, std::size_t position) noexcept : document_{document}, position_{position} {}

    [[nodiscard]] json_kind kind() const noexcept;
    [[nodiscard]] bool is_null() const noexcept { return kind() == json_kind::null; }
    [[nodiscard]] bool is_boolean() const noexcept { return kind() == json_kind::boolean; }
    [[nodiscard]] bool is_string() const noexcept { return kind() == json_kind::string; }
    [[nodiscard]] bool is_array() const noexcept { return kind() == json_kind::array; }
    [[nodiscard]] bool is_object() const noexcept { return kind() == json_kind::object; }
    /// Of any of the three kinds of number.
    [[nodiscard]] bool is_number() const noexcept;

    [[nodiscard]] bool as_boolean() const noexcept;
    [[nodiscard]] std::int64_t as_integer() const noexcept;
    [[nodiscard]] std::uint64_t as_unsigned() const noexcept;
    [[nodiscard]] double as_real() const noexcept;
    [[nodiscard]] std::string_view as_string() const noexcept;
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
    // Both give tape positions: where this array or object has its end mark, and what follows this value.
    [[nodiscard]] std::size_t end_mark() const noexcept;
    [[nodiscard]] std::size_t after() const noexcept;

    const void* document_;
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
        iterator& operator++() noexcept;
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
        [[nodiscard]] member operator*() const noexcept;
        iterator& operator++() noexcept;
        [[nodiscard]] bool operator==(const iterator& other) const noexcept {
            return name_.position_ == other.name_.position_;
        }

    private:
        json_view name_;
    };

    members_view(json_view first, json_view last) noexcept : first_{first}, last_{last} {}
    [[nodiscard]] iterator begin() const noexcept { return iterator{first_}; }
    [[nodiscard]] iterator end() const noexcept { return iterator{last_}; }

private:
    json_view first_;
    json_view last_;
};

}  // namespace gatherd::api::json
