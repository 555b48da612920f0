#include "api/protocol/message_decoder.hpp"

#include <algorithm>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <simdjson.h>
#include <nlohmann/json.hpp>

#include "api/protocol/id_texts.hpp"
#include "api/protocol/json_writer.hpp"
#include "api/protocol/reference_decoder.hpp"

namespace gatherd::api::protocol {
namespace {

// Texts up to this size keep their memory for the next one.
constexpr std::size_t usual_bytes = std::size_t{256} << 10;
constexpr std::size_t least_bytes = std::size_t{4} << 10;

refusal invalid_request(request_id id, std::string message) {
    return {std::move(id), {errc::invalid_request, std::move(message)}};
}

std::string_view name_of(json_kind kind) {
    switch (kind) {
        case json_kind::null:
            return "null";
        case json_kind::boolean:
            return "a boolean";
        case json_kind::string:
            return "a string";
        case json_kind::array:
            return "an array";
        case json_kind::object:
            return "an object";
        default:
            return "a number";
    }
}

// What is looked for in a request; of duplicates the last one counts.
struct known_members {
    std::optional<json_view> version;
    std::optional<json_view> id;
    std::optional<json_view> method;
    std::optional<json_view> params;

    explicit known_members(json_view object) {
        for (const auto [name, member] : object.members()) {
            if (name == "id") {
                id = member;
            } else if (name == "method") {
                method = member;
            } else if (name == "params") {
                params = member;
            } else if (name == "jsonrpc") {
                version = member;
            }
        }
    }
};

}  // namespace

struct message_decoder::state {
    explicit state(std::size_t depth) : max_depth{depth} {}

    void decode(std::string_view given);
    [[nodiscard]] bool parse(simdjson::dom::parser& with, std::size_t depth, std::string_view padded);
    // One level more than allowed: simdjson counts the text itself.
    [[nodiscard]] bool parse(std::string_view padded) { return parse(parser, max_depth + 1, padded); }
    void judge_again();
    void refuse_item(std::size_t item, const std::string& pointer);
    void refuse_all(refusal answer) {
        out.is_batch = false;
        out.items.clear();
        out.items.emplace_back(std::move(answer));
    }
    void read_message();
    [[nodiscard]] message_item read_item(json_view item, std::size_t index);
    [[nodiscard]] request_id read_id(json_view id, std::size_t index);
    [[nodiscard]] bool has_minus_zero() {
        if (!minus_zero) {
            minus_zero = text.find("-0") != text.npos;
        }
        return *minus_zero;
    }

    std::size_t max_depth;
    simdjson::dom::parser parser;
    simdjson::dom::parser
        line_parser;  // of try_parse: one level less, since simdjson lets an empty array in one deeper
    simdjson::error_code fault = simdjson::SUCCESS;
    json_tape tape;  // of the parser that was used last, for the views in `out`
    message out;

    std::string_view parsed;  // by try_parse, and not decoded yet

    // Of the message that is being decoded:
    std::string_view text;
    bool has_escapes = false;               // a backslash is in it somewhere
    bool has_huge = false;                  // integers were replaced by zeros
    std::optional<bool> minus_zero;         // "-0" is in it somewhere, once that was asked
    std::vector<std::string_view> raw_ids;  // looked for only when an id cannot be told from its value
};

// The text as it was written, where the value tells it; else it is looked for in the message.
request_id message_decoder::state::read_id(json_view id, std::size_t index) {
    std::string written;
    switch (id.kind()) {
        case json_kind::null:
            return request_id::null();
        case json_kind::integer:
            // A zero may have been written -0, or stand for a huge integer.
            if (id.as_integer() != 0 || !(has_huge || has_minus_zero())) {
                append_integer(written, id.as_integer());
            }
            break;
        case json_kind::unsigned_integer:
            append_unsigned(written, id.as_unsigned());
            break;
        case json_kind::string:
            if (!has_escapes) {
                written.reserve(id.as_string().size() + 2);
                written += '"';
                written += id.as_string();
                written += '"';
            }
            break;
        default:
            break;
    }
    if (!written.empty()) {
        return request_id{written};
    }
    if (raw_ids.empty()) {
        raw_ids = id_texts(text);
    }
    return request_id{raw_ids[index]};
}

bool message_decoder::state::parse(simdjson::dom::parser& with, std::size_t depth, std::string_view padded) {
    if (with.capacity() < padded.size()) {
        // Doubled, so that growth costs little; beyond what it can hold, parse says so.
        const auto room = std::min(std::max({padded.size(), 2 * with.capacity(), least_bytes}),
                                   std::size_t{simdjson::SIMDJSON_MAXSIZE_BYTES});
        if (with.allocate(room, depth) != simdjson::SUCCESS) {
            throw std::bad_alloc{};
        }
    }
    fault = with.parse(padded.data(), padded.size(), false).error();
    if (fault == simdjson::MEMALLOC) {
        throw std::bad_alloc{};
    }
    tape = {with.doc.tape.get(), with.doc.string_buf.get()};
    return fault == simdjson::SUCCESS;
}

message_item message_decoder::state::read_item(json_view item, std::size_t index) {
    if (!item.is_object()) {
        return invalid_request(request_id::null(),
                               std::string{"a request must be an object, not "}.append(name_of(item.kind())));
    }
    const known_members has{item};
    request_id id;
    if (has.id) {
        const auto kind = has.id->kind();
        if (kind == json_kind::boolean || kind == json_kind::array || kind == json_kind::object) {
            return invalid_request(request_id::null(),
                                   std::string{"id must be a string, a number or null, not "}.append(name_of(kind)));
        }
        id = read_id(*has.id, index);
    }
    const auto refuse = [&](std::string why) {
        return invalid_request(id.is_absent() ? request_id::null() : std::move(id), std::move(why));
    };
    if (has.version && !(has.version->is_string() && has.version->as_string() == "2.0")) {
        return refuse(R"(jsonrpc must be "2.0" or left out)");
    }
    if (!has.method) {
        return refuse("a request must have a method, such as \"run\"");
    }
    if (!has.method->is_string()) {
        return refuse(std::string{"method must be a string, not "}.append(name_of(has.method->kind())));
    }
    if (has.params && !has.params->is_array() && !has.params->is_object()) {
        return refuse(
            std::string{"params must be an array or an object, or left out, not "}.append(name_of(has.params->kind())));
    }
    return request{has.method->as_string(), has.params, std::move(id)};
}

void message_decoder::state::read_message() {
    const json_view root{&tape, 1};
    out.is_batch = root.is_array();
    if (!out.is_batch) {
        out.items.push_back(read_item(root, 0));
    } else if (root.size() == 0) {
        refuse_all(invalid_request(request_id::null(), "a batch must hold at least one request"));
    } else {
        out.items.reserve(root.size());
        for (const auto item : root.items()) {
            out.items.push_back(read_item(item, out.items.size()));
        }
    }
}

// simdjson said no without saying where, or because of integers that are the fault of one request only.
void message_decoder::state::judge_again() {
    if (fault == simdjson::DEPTH_ERROR || fault == simdjson::CAPACITY) {
        const bool deep = fault == simdjson::DEPTH_ERROR;
        const auto max = deep ? max_depth : std::size_t{0xFFFFFFFF};
        const std::string name = deep ? "limits.depth" : "limits.message_bytes";
        auto data = std::make_shared<const value>(value{{"limit", name}, {"max", max}});
        refuse_all({request_id::null(), {errc::limit_exceeded, "the message is over " + name, std::move(data)}});
        return;
    }
    if (auto why = fault_of(text)) {
        refuse_all({request_id::null(), {errc::parse_error, "malformed JSON: " + *why}});
        return;
    }
    const auto integers = find_huge_integers(text);
    auto ranged = replace_integers(text, integers, "0");
    ranged.resize(text.size() + simdjson::SIMDJSON_PADDING, ' ');
    if (!parse(std::string_view{ranged}.substr(0, text.size()))) {
        refuse_all({request_id::null(), {errc::parse_error, "malformed JSON"}});
        return;
    }
    has_huge = true;
    read_message();
    for (const auto& [item, pointer] : find_huge_params(text)) {
        refuse_item(item, pointer);
    }
    // Refused notifications: nobody is told.
    std::erase_if(out.items, [](const message_item& item) {
        const auto* answer = std::get_if<refusal>(&item);
        return answer != nullptr && answer->id.is_absent();
    });
}

void message_decoder::state::refuse_item(std::size_t item, const std::string& pointer) {
    auto* refused = std::get_if<request>(&out.items[item]);
    if (refused == nullptr) {
        return;  // no valid request anyway
    }
    if (refused->id.is_absent()) {
        out.items[item] = refusal{{}, {errc::invalid_params, {}}};
        return;
    }
    auto data = std::make_shared<const value>(
        value{{"path", pointer}, {"hint", "send it as a string, or with an exponent as a double"}});
    auto id = std::move(refused->id);
    out.items[item] =
        refusal{std::move(id),
                {errc::invalid_params, "the integer at " + pointer + " is outside [-2^63, 2^64)", std::move(data)}};
}

void message_decoder::state::decode(std::string_view given) {
    text = given;
    out.is_batch = false;
    out.items.clear();
    raw_ids.clear();
    minus_zero.reset();
    has_huge = false;
    has_escapes = text.find('\\') != text.npos;
    const bool is_parsed = parsed.data() == text.data() && parsed.size() == text.size();
    parsed = {};
    if (is_parsed || parse(text)) {
        read_message();
    } else {
        judge_again();
    }
    text = {};
}

message_decoder::message_decoder(std::size_t max_depth) : state_{std::make_unique<state>(max_depth)} {}
message_decoder::~message_decoder() = default;
message_decoder::message_decoder(message_decoder&&) noexcept = default;
message_decoder& message_decoder::operator=(message_decoder&&) noexcept = default;

const message& message_decoder::decode(std::string_view padded_text) {
    state_->decode(padded_text);
    return state_->out;
}

bool message_decoder::try_parse(std::string_view padded_text) {
    const bool is_whole = state_->parse(state_->line_parser, state_->max_depth, padded_text);
    state_->parsed = is_whole ? padded_text : std::string_view{};
    return is_whole;
}

void message_decoder::forget_parsed() noexcept {
    state_->parsed = {};
}

void message_decoder::shrink() noexcept {
    if (state_->parser.capacity() > usual_bytes) {
        state_->parser = simdjson::dom::parser{};
    }
    if (state_->line_parser.capacity() > usual_bytes) {
        state_->line_parser = simdjson::dom::parser{};
    }
    state_->parsed = {};
    state_->out = {};
    state_->raw_ids = {};
}

}  // namespace gatherd::api::protocol
