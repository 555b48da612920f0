#include "api/protocol/id_texts.hpp"

#include <cstddef>

#include <nlohmann/json.hpp>

namespace gatherd::api::protocol {
namespace {

constexpr std::string_view spaces = " \t\r\n";

// `quoted` is a whole string with its quotes, of valid JSON.
bool is_id_name(std::string_view quoted) {
    if (quoted.find('\\') == std::string_view::npos) {
        return quoted == R"("id")";
    }
    const auto name = nlohmann::json::parse(quoted, nullptr, false);
    return name == "id";
}

// One walk over the text, which looks at strings and brackets only.
class id_walk {
public:
    explicit id_walk(std::string_view text) : text_{text} {}

    std::vector<std::string_view> run() {
        const auto first = text_.find_first_not_of(spaces);
        if (first == std::string_view::npos) {
            return {};
        }
        request_depth_ = text_[first] == '[' ? 2 : 1;
        if (request_depth_ == 1) {
            ids_.emplace_back();
        }
        for (at_ = first; at_ < text_.size();) {
            step();
        }
        return std::move(ids_);
    }

private:
    void step() {
        const char byte = text_[at_];
        if (depth_ == 1 && request_depth_ == 2 && ids_.empty() && byte != ']' && !is_space(byte)) {
            ids_.emplace_back();  // the first item begins
        }
        switch (byte) {
            case '"':
                string();
                return;
            case '{':
            case '[':
                ++depth_;
                if (depth_ == request_depth_) {
                    in_request_ = name_next_ = byte == '{';
                }
                break;
            case '}':
            case ']':
                end_value();
                if (depth_ == request_depth_) {
                    in_request_ = false;
                }
                --depth_;
                break;
            case ',':
                end_value();
                name_next_ = in_request_ && depth_ == request_depth_;
                if (depth_ == 1 && request_depth_ == 2) {
                    ids_.emplace_back();
                }
                break;
            case ':':
                if (id_named_ && depth_ == request_depth_) {
                    id_named_ = false;
                    value_at_ = at_ + 1;
                }
                break;
            default:
                break;
        }
        ++at_;
    }

    void string() {
        const auto begin = at_++;
        while (at_ < text_.size() && text_[at_] != '"') {
            at_ += text_[at_] == '\\' ? 2 : 1;
        }
        if (at_ >= text_.size()) {
            at_ = text_.size();  // cut off
            return;
        }
        ++at_;
        if (name_next_ && depth_ == request_depth_) {
            name_next_ = false;
            id_named_ = is_id_name(text_.substr(begin, at_ - begin));
            if (id_named_) {
                ids_.back() = {};  // an earlier one of the same name counts no longer
            }
        }
    }

    // At a comma or a closing bracket: if it ends the value of an id, that is known now.
    void end_value() {
        if (value_at_ == 0 || depth_ != request_depth_) {
            return;
        }
        const auto raw = text_.substr(value_at_, at_ - value_at_);
        const auto from = raw.find_first_not_of(spaces);
        const auto to = raw.find_last_not_of(spaces);
        ids_.back() = from == std::string_view::npos ? std::string_view{} : raw.substr(from, to + 1 - from);
        value_at_ = 0;
    }

    static bool is_space(char byte) { return spaces.find(byte) != std::string_view::npos; }

    std::string_view text_;
    std::vector<std::string_view> ids_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    std::size_t request_depth_ = 1;  // of the members of a request: 2 in a batch
    std::size_t value_at_ = 0;       // where the value of an id begins that has not ended; 0: none
    bool in_request_ = false;        // the bracket at request_depth_ is an object's
    bool name_next_ = false;         // the next string at request_depth_ is a member's name
    bool id_named_ = false;          // that name was `id`, and its colon comes
};

}  // namespace

std::vector<std::string_view> id_texts(std::string_view text) {
    return id_walk{text}.run();
}

}  // namespace gatherd::api::protocol
