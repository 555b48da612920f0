#include "config/settings_text.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

#include "config/json_text.hpp"
#include "config/setting_table.hpp"

namespace gatherd::config {

namespace {

using json = nlohmann::ordered_json;

file_place place_of(std::string_view text, std::size_t offset) {
    const auto before = text.substr(0, std::min(offset, text.size()));
    const auto line_end = before.rfind('\n');
    return {1 + static_cast<std::size_t>(std::ranges::count(before, '\n')),
            1 + before.size() - (line_end == std::string_view::npos ? 0 : line_end + 1)};
}

/// Walks the text for the parser and tells where it is: nlohmann's SAX events carry no places.
class tracking_iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    tracking_iterator(const char* at, const char** reached) : at_{at}, reached_{reached} {}
    reference operator*() const { return *at_; }
    tracking_iterator& operator++() {
        *reached_ = ++at_;
        return *this;
    }
    tracking_iterator operator++(int) {
        auto before = *this;
        ++*this;
        return before;
    }
    friend bool operator==(const tracking_iterator& a, const tracking_iterator& b) { return a.at_ == b.at_; }

private:
    const char* at_;
    const char** reached_;
};

/// Receives the parser's events and flattens them into entries.
class entry_collector {
public:
    entry_collector(std::string_view text, const char* const& reached) : text_{text}, reached_{reached} {}

    file_content take() { return std::move(content_); }

    bool null() { return scalar(nullptr); }
    bool boolean(bool value) { return scalar(value); }
    bool number_integer(std::int64_t value) { return scalar(value); }
    bool number_unsigned(std::uint64_t value) { return scalar(value); }
    bool number_float(double value, const std::string& /*text*/) { return scalar(value); }
    bool string(std::string& value) { return scalar(std::move(value)); }
    bool binary(json::binary_t& /*value*/) { return true; }  // JSON has none

    bool start_object(std::size_t /*size*/) {
        if (inside_value_ == 0 && (groups_.empty() || is_group(name_))) {
            groups_.push_back(groups_.empty() ? "" : name_ + ".");
            return true;
        }
        return open_value(json::object());
    }
    bool end_object() {
        if (inside_value_ > 0) {
            close_value();
        } else {
            groups_.pop_back();
        }
        return true;
    }
    bool start_array(std::size_t /*size*/) { return groups_.empty() ? not_an_object() : open_value(json::array()); }
    bool end_array() {
        close_value();
        return true;
    }
    bool key(std::string& name) {
        if (inside_value_ == 0) {
            name_ = groups_.back() + name;
            // The parser has just read the closing quote; a name of ours has no escapes, so its length leads back.
            const auto end = static_cast<std::size_t>(reached_ - text_.data());
            place_ = place_of(text_, end - std::min(end, name.size() + 2));
        } else {
            if (open_.back()->contains(name)) {
                const auto end = static_cast<std::size_t>(reached_ - text_.data());
                content_.faults.push_back(
                    {place_of(text_, end - std::min(end, name.size() + 2)), name_ + ": " + there_twice(name)});
            }
            inner_key_ = name;
        }
        return true;
    }
    bool parse_error(std::size_t byte, const std::string& token, const json::exception& fault) {
        const auto offset = std::min(byte == 0 ? 0 : byte - 1, text_.size());
        const bool comment = token.starts_with("/") || token.starts_with("#") ||
                             (offset < text_.size() && (text_[offset] == '/' || text_[offset] == '#'));
        const bool empty = text_.find_first_not_of(" \t\r\n") == std::string_view::npos;
        content_.faults.push_back({place_of(text_, offset), empty     ? "the file is empty: write at least {}"
                                                            : comment ? "JSON has no comments: take this one out"
                                                                      : "not JSON: " + parse_reason(fault.what())});
        return false;
    }

private:
    bool not_an_object() {
        content_.faults.push_back({place_of(text_, 0), R"(the file must be an object, as {"threads": 4})"});
        return false;
    }

    bool scalar(json value) {
        if (groups_.empty()) {
            return not_an_object();
        }
        put(std::move(value));
        return true;
    }

    /// Puts it where it stands, and gives that place.
    json* put(json value) {
        if (inside_value_ == 0) {
            content_.entries.push_back({name_, place_, std::move(value)});
            return &content_.entries.back().value;
        }
        json& around = *open_.back();
        if (around.is_array()) {
            around.push_back(std::move(value));
            return &around.back();
        }
        return &(around[inner_key_] = std::move(value));
    }

    bool open_value(json value) {
        if (groups_.empty()) {
            return not_an_object();
        }
        // Good until its bracket closes: what is around it does not change meanwhile.
        open_.push_back(put(std::move(value)));
        ++inside_value_;
        return true;
    }

    void close_value() {
        open_.pop_back();
        --inside_value_;
    }

    std::string_view text_;
    const char* const& reached_;
    file_content content_;
    std::vector<std::string> groups_;  // what stands before the names of each open object: "", "limits."
    std::size_t inside_value_ = 0;     // how many brackets of an array or object that is a value are open
    std::vector<json*> open_;          // those, in their entry
    std::string inner_key_;
    std::string name_;
    file_place place_;
};

}  // namespace

file_content read_settings_text(std::string_view text) {
    const char* reached = text.data();
    entry_collector collector{text, reached};
    const tracking_iterator first{text.data(), &reached};
    const tracking_iterator last{text.data() + text.size(), &reached};
    json::sax_parse(first, last, &collector);
    return collector.take();
}

}  // namespace gatherd::config
