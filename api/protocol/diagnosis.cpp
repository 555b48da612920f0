#include "api/protocol/diagnosis.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/protocol/json_pointer.hpp"
#include "api/protocol/json_writer.hpp"

namespace gatherd::api::protocol {
namespace {

using json = nlohmann::json;

constexpr int number_overflow = 406;  // nlohmann's number for a number beyond double

// What nlohmann says, fit for an answer: without its prefix and without the client's own bytes, of which there may be
// megabytes that are not UTF-8.
std::string readable(std::string_view text) {
    constexpr std::size_t enough = 160;
    if (const auto prefix = text.find("] "); text.starts_with("[json.exception.") && prefix != text.npos) {
        text.remove_prefix(prefix + 2);
    }
    std::string shown{text.substr(0, std::min(text.find("; last read"), enough))};
    std::replace_if(
        shown.begin(), shown.end(), [](char byte) { return byte < ' ' || byte > '~'; }, '?');
    return shown;
}

// Of a number.
bool is_integer(std::string_view text) {
    return text.find_first_of(".eE") == text.npos;
}

// The text with every integer that is beyond double cut to as many digits as a double holds: nlohmann reads nothing
// behind such a one. Spaces stand for the other digits, so that all else keeps its place.
std::string with_shorter_integers(std::string_view text) {
    constexpr std::size_t enough_digits = std::numeric_limits<double>::max_exponent10;
    std::string copy{text};
    for (std::size_t at = 0; at < copy.size();) {
        if (copy[at] == '"') {
            for (++at; at < copy.size() && copy[at] != '"'; ++at) {
                at += copy[at] == '\\' ? 1 : 0;
            }
            ++at;
            continue;
        }
        const auto end = std::min(copy.find_first_not_of("0123456789", at), copy.size());
        const bool goes_on = end < copy.size() && !is_integer(text.substr(end, 1));
        if (end - at > enough_digits && !goes_on) {  // so many are enough in a fraction or an exponent, too
            std::fill_n(copy.begin() + static_cast<std::ptrdiff_t>(at + enough_digits), end - at - enough_digits, ' ');
        }
        at = std::max(end, at + 1);
    }
    return copy;
}

// Knows at each value the way to it.
class listener final : public nlohmann::json_sax<json> {
public:
    explicit listener(const message_limits& limits) : limits_{limits} {}

    diagnosis found;
    bool is_beyond_double = false;  // an integer is, and ended the reading

    bool null() override { return past(); }
    bool boolean(bool) override { return past(); }
    bool number_integer(number_integer_t number) override {
        return scalar([number](std::string& text) { append_integer(text, number); });
    }
    bool number_unsigned(number_unsigned_t number) override {
        return scalar([number](std::string& text) { append_unsigned(text, number); });
    }
    bool number_float(number_float_t number, const string_t& written) override {
        if (is_integer(written)) {
            note_huge();
            return past();
        }
        return scalar([number](std::string& text) { append_double(text, number); });
    }
    bool string(string_t& value) override {
        return value.size() > limits_.id_bytes ? past()
                                               : scalar([&](std::string& text) { append_string(text, value); });
    }
    bool binary(binary_t&) override { return true; }  // JSON has none
    bool start_object(std::size_t) override { return open(true); }
    bool start_array(std::size_t) override { return open(false); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        path_.back().name = std::move(name);
        if (names_id()) {
            found.id = request_id::null();  // of two members of that name the last one counts
        }
        found.has_method = found.has_method || (names_top_member() && path_.front().name == "method");
        return true;
    }
    bool parse_error(std::size_t, const std::string& token, const json::exception& reason) override {
        if (reason.id == number_overflow && is_integer(token)) {
            is_beyond_double = true;
        } else {
            found.fault = readable(reason.what());
        }
        return false;
    }

private:
    struct step {
        bool is_object;
        std::size_t index = 0;
        std::string name{};
    };

    [[nodiscard]] bool names_top_member() const { return path_.size() == 1 && path_.front().is_object; }
    [[nodiscard]] bool names_id() const { return names_top_member() && path_.front().name == "id"; }

    template <typename Append>
    bool scalar(Append append) {
        if (names_id()) {
            std::string text;
            append(text);
            found.id = request_id{text};
        }
        return past();
    }

    bool open(bool object) {
        found.is_batch = found.is_batch || (path_.empty() && !object);
        path_.push_back({object});
        return path_.size() <= limits_.depth;
    }

    bool close() {
        path_.pop_back();
        return past();
    }

    bool past() {
        if (!path_.empty() && !path_.back().is_object) {
            ++path_.back().index;
        }
        return true;
    }

    void note_huge() {
        if (found.huge) {
            return;
        }
        const std::size_t top = found.is_batch ? 1 : 0;
        const bool is_in_params = path_.size() > top + 1 && path_[top].is_object && path_[top].name == "params";
        std::string pointer;
        for (auto i = is_in_params ? top + 1 : 0; i < path_.size(); ++i) {
            pointer += '/';
            pointer += path_[i].is_object ? pointer_step(path_[i].name) : std::to_string(path_[i].index);
        }
        found.huge = {is_in_params, std::move(pointer)};
    }

    const message_limits& limits_;
    std::vector<step> path_;
};

// Nothing, if an integer beyond double ended the reading.
std::optional<diagnosis> read(std::string_view text, const message_limits& limits) {
    listener listening{limits};
    json::sax_parse(text.begin(), text.end(), &listening);
    return listening.is_beyond_double ? std::nullopt : std::optional{std::move(listening.found)};
}

}  // namespace

diagnosis diagnose(std::string_view text, const message_limits& limits) {
    auto found = read(text, limits);
    if (!found) {
        found = read(with_shorter_integers(text), limits);
    }
    // nlohmann skips a byte order mark, and takes a zero byte for the end of the text.
    if (text.starts_with("\xEF\xBB\xBF")) {
        found->fault = "the text begins with a byte order mark: send UTF-8 without one";
    } else if (const auto zero = text.find('\0'); zero != text.npos) {
        found->fault = "a zero byte at byte " + std::to_string(zero + 1);
    }
    return std::move(*found);
}

}  // namespace gatherd::api::protocol
