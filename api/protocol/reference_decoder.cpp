#include "api/protocol/reference_decoder.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/protocol/json_pointer.hpp"

namespace gatherd::api::protocol {
namespace {

using json = nlohmann::json;

// Stands for every huge integer: out of the range, but nowhere near the end of double, so that nlohmann takes it.
constexpr std::string_view marker = "99999999999999999999";

// What nlohmann says, fit for an answer: without its prefix and without the client's own bytes, of which there may be
// megabytes that are not UTF-8.
std::string readable(std::string_view what) {
    if (const auto prefix = what.find("] "); what.starts_with("[json.exception.") && prefix != what.npos) {
        what.remove_prefix(prefix + 2);
    }
    what = what.substr(0, what.find("; last read"));
    constexpr std::size_t enough = 160;
    std::string text{what.substr(0, enough)};
    std::replace_if(
        text.begin(), text.end(), [](char byte) { return byte < ' ' || byte > '~'; }, '?');
    return what.size() > enough ? text + "..." : text;
}

// Listens to a parse; derived ones hear more.
class listener : public nlohmann::json_sax<json> {
public:
    bool null() override { return item(); }
    bool boolean(bool) override { return item(); }
    bool number_integer(number_integer_t) override { return item(); }
    bool number_unsigned(number_unsigned_t) override { return item(); }
    bool number_float(number_float_t, const string_t& text) override {
        number(text);
        return item();
    }
    bool string(string_t&) override { return item(); }
    bool binary(binary_t&) override { return item(); }
    bool start_object(std::size_t) override { return open(true); }
    bool key(string_t& name) override {
        named(name);
        return true;
    }
    bool end_object() override { return close(); }
    bool start_array(std::size_t) override { return open(false); }
    bool end_array() override { return close(); }
    bool parse_error(std::size_t, const std::string&, const json::exception& reason) override {
        fault = readable(reason.what());
        return false;
    }

    std::optional<std::string> fault;

protected:
    virtual bool item() { return true; }
    virtual bool open(bool) { return true; }
    virtual bool close() { return true; }
    virtual void named(std::string&) {}
    virtual void number(const std::string&) {}
};

// Knows at each value the way to it.
class pointer_listener final : public listener {
public:
    std::vector<huge_param> found;

protected:
    bool item() override {
        if (!path_.empty() && !path_.back().is_object) {
            ++path_.back().index;
        }
        return true;
    }
    bool open(bool object) override {
        path_.push_back({object, 0, {}});
        return true;
    }
    bool close() override {
        path_.pop_back();
        return item();
    }
    void named(std::string& name) override { path_.back().name = std::move(name); }
    void number(const std::string& text) override {
        const bool is_huge = text == marker;
        const std::size_t top = !path_.empty() && !path_.front().is_object ? 1 : 0;  // 1 in a batch
        if (!is_huge || path_.size() <= top || path_[top].name != "params" || !path_[top].is_object) {
            return;
        }
        const auto of_item = top == 1 ? path_.front().index : 0;
        if (found.empty() || found.back().item != of_item) {
            found.push_back({of_item, pointer(top + 1)});
        }
    }

private:
    struct step {
        bool is_object;
        std::size_t index;
        std::string name;
    };

    [[nodiscard]] std::string pointer(std::size_t from) const {
        std::string text;
        for (auto i = from; i < path_.size(); ++i) {
            text += '/';
            text += path_[i].is_object ? pointer_step(path_[i].name) : std::to_string(path_[i].index);
        }
        return text;
    }

    std::vector<step> path_;
};

bool is_in_range(std::string_view integer) {
    const bool negative = integer.front() == '-';
    integer.remove_prefix(negative ? 1 : 0);
    constexpr std::string_view most = "18446744073709551615";
    constexpr std::string_view least = "9223372036854775808";
    const auto bound = negative ? least : most;
    return integer.size() < bound.size() || (integer.size() == bound.size() && integer <= bound);
}

bool is_number_byte(char byte) {
    return (byte >= '0' && byte <= '9') || byte == '-' || byte == '+' || byte == '.' || byte == 'e' || byte == 'E';
}

// JSON's grammar of integers: no sign but minus, no leading zero.
bool is_integer(std::string_view word) {
    word.remove_prefix(word.front() == '-' ? 1 : 0);
    return !word.empty() && word.front() != '0' && word.find_first_not_of("0123456789") == word.npos;
}

}  // namespace

std::vector<huge_integer> find_huge_integers(std::string_view text) {
    std::vector<huge_integer> found;
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] == '"') {
            for (++at; at < text.size() && text[at] != '"';) {
                at += text[at] == '\\' ? 2 : 1;
            }
            ++at;
            continue;
        }
        const auto begin = at;
        while (at < text.size() && is_number_byte(text[at])) {
            ++at;
        }
        const auto word = text.substr(begin, at - begin);
        if (word.size() >= marker.size() && is_integer(word) && !is_in_range(word)) {
            found.push_back({begin, word.size()});
        }
        if (word.empty()) {
            ++at;
        }
    }
    return found;
}

std::optional<std::string> fault_of(std::string_view text) {
    // nlohmann skips a byte order mark, and takes a zero byte after a value for the end of the text.
    if (text.starts_with("\xEF\xBB\xBF")) {
        return "the text begins with a byte order mark: send UTF-8 without one";
    }
    if (const auto zero = text.find('\0'); zero != text.npos) {
        return "a zero byte at byte " + std::to_string(zero + 1);
    }
    const auto huge = find_huge_integers(text);
    const auto ranged = huge.empty() ? std::string{} : replace_integers(text, huge, marker);
    const auto judged = huge.empty() ? text : std::string_view{ranged};
    listener ears;
    if (json::sax_parse(judged.begin(), judged.end(), &ears) || ears.fault) {
        return ears.fault;
    }
    return "not a JSON text";
}

std::vector<huge_param> find_huge_params(std::string_view text) {
    const auto ranged = replace_integers(text, find_huge_integers(text), marker);
    pointer_listener ears;
    json::sax_parse(ranged, &ears);
    return std::move(ears.found);
}

std::string replace_integers(std::string_view text, const std::vector<huge_integer>& integers,
                             std::string_view instead) {
    std::string copy{text};
    for (const auto& [position, size] : integers) {
        std::fill_n(copy.begin() + static_cast<std::ptrdiff_t>(position), size, ' ');
        copy.replace(position, instead.size(), instead);
    }
    return copy;
}

}  // namespace gatherd::api::protocol
