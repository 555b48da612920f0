/// \file
/// What one setting is: its name, its kind with its range, and one line of help.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/settings.hpp"

namespace gatherd::config {

/// What 0 means, where it means something of its own; that word may then be written for it.
using word_for_zero = std::string_view;

/// A whole number from `least` to `most`.
struct count_field {
    std::uint64_t& (*of)(settings&);
    std::uint64_t least, most;
    word_for_zero zero = {};
};

/// A size from `least` to `most` bytes.
struct bytes_field {
    std::uint64_t& (*of)(settings&);
    std::uint64_t least, most;
    word_for_zero zero = {};
};

/// A time from `least` to `most`.
struct duration_field {
    std::chrono::milliseconds& (*of)(settings&);
    std::chrono::milliseconds least, most;
    word_for_zero zero = {};
};

struct text_field {
    std::string& (*of)(settings&);
};

/// A file's mode, in octal digits.
struct mode_field {
    std::uint64_t& (*of)(settings&);
};

/// yes or no.
struct switch_field {
    bool& (*of)(settings&);
};

/// The tokens that clients may show.
struct tokens_field {
    std::vector<token>& (*of)(settings&);
};

/// Pools of processes by name: a JSON object.
struct pools_field {
    std::vector<pool>& (*of)(settings&);
};

/// Texts without commas: a JSON list, or one text with commas between.
struct texts_field {
    std::vector<std::string>& (*of)(settings&);
    bool (*is_item)(std::string_view text) = nullptr;  ///< null: any text will do
    std::string_view item_is = {};                     ///< what is expected of each, for a person
    std::string_view item_pattern = {};                ///< that as a regular expression, for the schema
};

/// Folders by name: a JSON object, or one text as "data=/srv/data,logs=/var/log".
struct folders_field {
    std::map<std::string, std::string>& (*of)(settings&);
};

/// One of some words, by its place among them.
struct word_field {
    std::span<const std::string_view> words;
    std::string_view type;  ///< what the words are, for the table of settings
    std::size_t (*get)(const settings&);
    void (*set)(settings&, std::size_t);
};

/// One or more addresses.
struct addresses_field {
    std::vector<address>& (*of)(settings&);
};

/// Where the admin port is, or nothing: an empty text.
struct admin_address_field {
    std::optional<address>& (*of)(settings&);
};

/// One row of the table of settings.
struct setting {
    std::string_view name;  // dotted, as the file and error messages spell it: "limits.depth"
    std::variant<count_field, bytes_field, duration_field, text_field, mode_field, switch_field, tokens_field,
                 pools_field, texts_field, folders_field, word_field, addresses_field, admin_address_field>
        field;
    std::string_view help;  // no full stop, so that range and default may follow

    /// "GATHERD_LIMITS_DEPTH"
    [[nodiscard]] std::string variable() const;
    /// "--limits.depth", "--port-file"
    [[nodiscard]] std::string flag() const;
};

}  // namespace gatherd::config
