#include "api/protocol/message_decoder.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <simdjson.h>
#include <nlohmann/json.hpp>

#include "api/protocol/diagnosis.hpp"
#include "api/release_memory.hpp"
#include "api/shortened.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::protocol {
namespace {

// What texts beyond this size need is computed, and asked of the limit, before they are decoded.
constexpr std::size_t usual_bytes = std::size_t{256} << 10;
constexpr std::size_t least_bytes = std::size_t{4} << 10;

// What is kept for the next message: about fourteen times so much memory, and so many items of a batch.
constexpr std::size_t kept_bytes = std::size_t{16} << 10;
constexpr std::size_t kept_items = 256;

constexpr const char* not_a_message = "a message must be an object (a request) or an array of requests";

std::string huge_at(const std::string& pointer) {
    return "the integer at " + shortened(pointer) + " is outside [-2^63, 2^64)";
}

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

/// simdjson takes memory for the worst text of a length, about fourteen times it, and touches what this one needs. Only
/// that is counted, and asked of the limit.
class parser_memory {
public:
    parser_memory() noexcept = default;
    parser_memory(const parser_memory&) = delete;
    parser_memory& operator=(const parser_memory&) = delete;
    ~parser_memory() { release(); }

    /// Before the parser takes memory for a large text. Throws memory_limit_exceeded.
    void expect(std::string_view text) {
        constexpr std::size_t taken_a_byte = 14;  // 8 of the tape, 4 of an index, 5/3 of the strings
        release();
        const std::size_t needed = bytes_for(text);
        memory_limit::check(needed + memory_limit::most() / 8);  // some is left for the plan, and for programs that run
        if (executor::allocated_memory::is_counting() && needed < text.size() * taken_a_byte) {
            untouched_ = static_cast<std::ptrdiff_t>(text.size() * taken_a_byte - needed);
            executor::allocated_memory::add(-untouched_);
        }
    }

    /// The parser's memory has gone.
    void release() noexcept { executor::allocated_memory::add(std::exchange(untouched_, 0)); }

private:
    /// At most: each value has two words of the tape and an index, each comma, colon and bracket an index.
    static std::size_t bytes_for(std::string_view text) noexcept {
        std::size_t marks = 0;
        for (const char each : text) {
            marks += each == ',' || each == ':' || each == '[' || each == '{' ? 1 : 0;
        }
        constexpr std::size_t bytes_a_mark = 2 * (sizeof(std::uint64_t) + sizeof(std::uint32_t));
        return marks * bytes_a_mark + text.size() + usual_bytes;
    }

    std::ptrdiff_t untouched_ = 0;
};

// What is looked for in a request; of duplicates the last one counts.
struct known_members {
    std::optional<json_view> version;
    std::optional<json_view> id;
    std::optional<json_view> method;
    std::optional<json_view> params;
    bool is_answer = false;

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
            } else if (name == "result" || name == "error") {
                is_answer = true;
            }
        }
    }
};

}  // namespace

struct message_decoder::state {
    explicit state(const message_limits& limits_) : limits{limits_} {}

    void decode(std::string_view text);
    [[nodiscard]] simdjson::error_code decode_line(std::string_view text);
    template <typename Parse>
    [[nodiscard]] simdjson::error_code read_within_memory(const Parse& parse_text);
    [[nodiscard]] simdjson::error_code parse(std::string_view padded);
    [[nodiscard]] simdjson::error_code parse_deeper(std::string_view padded);
    void forget_parser();
    void read_message();
    [[nodiscard]] message_item read_item(json_view item) const;
    void explain(std::string_view text, simdjson::error_code fault);
    void refuse_all(request_id id, error reason) {
        out.is_batch = false;
        out.items.clear();
        out.items.emplace_back(refusal{std::move(id), std::move(reason)});
    }

    message_limits limits;
    parser_memory memory;  // of a large text; goes after the parser
    simdjson::dom::parser parser;
    json_tape tape;  // the parser's, for the views in `out`
    message out;
};

simdjson::error_code message_decoder::state::parse(std::string_view padded) {
    if (parser.capacity() < padded.size()) {
        if (padded.size() > usual_bytes) {
            forget_parser();  // of what was decoded before nothing is needed
            memory.expect(padded);
        }
        // Doubled, so that growth costs little; beyond what it can hold, parse says so.
        const auto room = std::min(std::max({padded.size(), 2 * parser.capacity(), least_bytes}),
                                   std::size_t{simdjson::SIMDJSON_MAXSIZE_BYTES});
        // simdjson counts the text itself, and lets an empty array or object in one level deeper: so this is never
        // one too many.
        if (const auto fault = parser.allocate(room, limits.depth); fault != simdjson::SUCCESS) {
            return fault;
        }
    }
    const auto fault = parser.parse(padded.data(), padded.size(), false).error();
    tape = {parser.doc.tape.get(), parser.doc.string_buf.get()};
    return fault;
}

// For a text that is just as deep as is allowed.
simdjson::error_code message_decoder::state::parse_deeper(std::string_view padded) {
    const auto room = parser.capacity();
    auto fault = parser.allocate(room, limits.depth + 1);
    if (fault == simdjson::SUCCESS) {
        fault = parse(padded);
    }
    const auto kept = parser.allocate(room, limits.depth);
    return fault == simdjson::SUCCESS ? kept : fault;
}

void message_decoder::state::forget_parser() {
    parser = simdjson::dom::parser{};
    memory.release();
}

message_item message_decoder::state::read_item(json_view item) const {
    if (!item.is_object()) {
        return invalid_request(request_id::null(),
                               std::string{"a request must be an object, not "}.append(name_of(item.kind())));
    }
    const known_members has{item};
    const auto told = [&has, item](refusal no_request) {
        if (has.is_answer && !has.method) {
            no_request.answer = item;
        }
        return no_request;
    };
    request_id id;
    if (has.id) {
        const auto kind = has.id->kind();
        if (kind == json_kind::boolean || kind == json_kind::array || kind == json_kind::object) {
            return told(invalid_request(
                request_id::null(), std::string{"id must be a string, a number or null, not "}.append(name_of(kind))));
        }
        if (kind == json_kind::string && has.id->as_string().size() > limits.id_bytes) {
            return told({request_id::null(), over_limit("limits.id_bytes", limits.id_bytes)});
        }
        id = request_id{*has.id};
    }
    const auto refuse = [&](std::string why) {
        return invalid_request(id.is_absent() ? request_id::null() : std::move(id), std::move(why));
    };
    if (has.version && !(has.version->is_string() && has.version->as_string() == "2.0")) {
        return refuse(R"(jsonrpc must be "2.0" or left out)");
    }
    if (!has.method) {
        auto no_request = refuse("a request must have a method, such as \"run\"");
        no_request.is_empty = !has.is_answer;
        return told(std::move(no_request));
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
    if (root.is_object()) {
        out.items.push_back(read_item(root));
    } else if (!out.is_batch) {
        refuse_all(request_id::null(), {errc::invalid_request, not_a_message});
    } else if (root.size() == 0) {
        refuse_all(request_id::null(), {errc::invalid_request, "a batch must hold at least one request"});
    } else {
        memory_limit::check(root.size() * sizeof(message_item));
        out.items.reserve(root.size());
        for (const auto item : root.items()) {
            out.items.push_back(read_item(item));
        }
    }
}

// simdjson says no without saying where, and it refuses integers that are the fault of one request only.
void message_decoder::state::explain(std::string_view text, simdjson::error_code fault) {
    auto seen = diagnose(text, limits);
    const bool is_identified = seen.is_batch || !seen.id.is_absent();
    auto id = seen.is_batch || seen.id.is_absent() ? request_id::null() : std::move(seen.id);
    if (fault == simdjson::DEPTH_ERROR) {
        refuse_all(std::move(id), over_limit("limits.depth", limits.depth));
    } else if (fault == simdjson::MEMALLOC) {
        refuse_all(std::move(id), over_limit("limits.memory_bytes", limits.memory_bytes));
    } else if (fault == simdjson::CAPACITY) {
        refuse_all(std::move(id), over_limit("limits.message_bytes", simdjson::SIMDJSON_MAXSIZE_BYTES));
    } else if (!seen.fault.empty() || !seen.huge) {
        out.is_json = false;
        refuse_all(request_id::null(), {errc::parse_error, "malformed JSON: " + seen.fault});
        if (!seen.has_method) {
            std::get<refusal>(out.items.front()).call = std::move(id);
        }
    } else if (const auto& [is_in_params, pointer] = *seen.huge; !is_in_params) {
        refuse_all(std::move(id), {errc::invalid_request, huge_at(pointer)});
    } else if (is_identified) {  // else it is a notification
        auto data = std::make_shared<const value>(
            value{{"path", pointer}, {"hint", "send it as a string, or with an exponent as a double"}});
        refuse_all(std::move(id), {errc::invalid_params, huge_at(pointer), std::move(data)});
    }
}

simdjson::error_code message_decoder::state::decode_line(std::string_view text) {
    out.is_json = true;
    out.is_batch = false;
    out.items.clear();
    return read_within_memory([&] { return parse(text); });
}

/// MEMALLOC where there is no memory for the message.
template <typename Parse>
simdjson::error_code message_decoder::state::read_within_memory(const Parse& parse_text) {
    executor::memory_account decoding{executor::memory_account::kind::early};
    const executor::memory_turn turn{&decoding};
    auto fault = simdjson::MEMALLOC;
    try {
        fault = parse_text();
        if (fault == simdjson::SUCCESS) {
            read_message();
        }
    } catch (const memory_limit_exceeded&) {
        fault = simdjson::MEMALLOC;
    }
    if (fault == simdjson::MEMALLOC) {
        release_memory(out.items);
        forget_parser();
    }
    return fault;
}

void message_decoder::state::decode(std::string_view text) {
    auto fault = decode_line(text);
    if (fault == simdjson::DEPTH_ERROR) {
        fault = read_within_memory([&] { return parse_deeper(text); });
    }
    if (fault != simdjson::SUCCESS) {
        explain(text, fault);
    }
}

message_decoder::message_decoder(const message_limits& limits) : state_{std::make_unique<state>(limits)} {}
message_decoder::~message_decoder() = default;
message_decoder::message_decoder(message_decoder&&) noexcept = default;
message_decoder& message_decoder::operator=(message_decoder&&) noexcept = default;

const message& message_decoder::decode(std::string_view padded_text) {
    state_->decode(padded_text);
    return state_->out;
}

const message* message_decoder::decode_line(std::string_view padded_text) {
    return state_->decode_line(padded_text) == simdjson::SUCCESS ? &state_->out : nullptr;
}

void message_decoder::shrink() noexcept {
    if (state_->parser.capacity() > kept_bytes || state_->out.items.capacity() > kept_items) {
        state_->forget_parser();
        state_->out = {};
    }
}

}  // namespace gatherd::api::protocol
