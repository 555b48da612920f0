// The decoder takes the texts that the reference takes, and reads the same values out of them; and their structure is
// what the scanner says.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/protocol/frame_reader.hpp"
#include "api/protocol/json_value.hpp"
#include "api/protocol/json_writer.hpp"
#include "api/protocol/message_decoder.hpp"
#include "api/protocol/response.hpp"
#include "api/protocol/structure_scanner.hpp"
#include "tests/fuzz/reference_decoder.hpp"

namespace {

using namespace gatherd::api;
using namespace gatherd::api::protocol;

void require(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "broken: %s\n", what);
        std::abort();
    }
}

bool same(double a, double b) {
    return a == b && std::signbit(a) == std::signbit(b);
}

// nlohmann's own equality finds 1 and 1.0, 0.0 and -0.0 equal.
bool same(const value& a, const value& b) {
    if (a.is_number_float() || b.is_number_float()) {
        return a.is_number_float() && b.is_number_float() && same(a.get<double>(), b.get<double>());
    }
    if (a.is_structured() && a.type() == b.type() && a.size() == b.size()) {
        auto other = b.begin();
        for (auto it = a.begin(); it != a.end(); ++it, ++other) {
            if (!same(*it, *other) || (a.is_object() && it.key() != other.key())) {
                return false;
            }
        }
        return true;
    }
    return a == b;
}

void check_request(const request& call) {
    const auto id = value::parse(call.id.text(), nullptr, false);
    require(id.is_null() || id.is_string() || id.is_number(), "an id is a string, a number or null");
    if (call.params) {
        const auto params = protocol::to_value(*call.params);
        std::string text;
        protocol::append_value(text, params);
        require(same(value::parse(text), params), "what is written reads back the same");
    }
}

// What nlohmann makes of a text that both take and that holds no huge integer.
void check_params(const message& m, std::string_view text) {
    const auto all = value::parse(text);
    for (std::size_t i = 0; i < m.items.size(); ++i) {
        const auto* call = std::get_if<request>(&m.items[i]);
        if (call == nullptr) {
            continue;
        }
        const auto& item = m.is_batch ? all.at(i) : all;
        require(call->id.text().size() <= 6 * message_limits{}.id_bytes + 2, "an id is short");
        require(item.at("method").get<std::string>() == call->method, "the method is the same");
        require(item.contains("id") == !call->id.is_absent(), "the id is there or not");
        require(call->id.is_absent() || same(value::parse(call->id.text()), item.at("id")), "the id is the same");
        require(item.contains("params") == call->params.has_value(), "params are there or not");
        require(!call->params || same(protocol::to_value(*call->params), item.at("params")), "params are the same");
    }
}

// Whether it has the structure of one JSON text, when it comes in pieces of so many bytes.
bool has_structure(std::string_view text, std::size_t piece) {
    structure_scanner scanner{text.size()};
    for (std::size_t at = 0; at < text.size(); at += piece) {
        const auto part = text.substr(at, piece);
        const auto [what, end] = scanner.scan(part.data(), part.data() + part.size());
        if (what != structure_scanner::outcome::more) {
            const auto rest = text.substr(static_cast<std::size_t>(end - text.data()));
            return what != structure_scanner::outcome::broken && rest.find_first_not_of(" \t\r\n") == rest.npos;
        }
    }
    return scanner.is_whole_scalar();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static message_decoder decoder;
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const std::string padded = std::string{text} + std::string(64, '\xFF');
    const auto& m = decoder.decode(std::string_view{padded}.substr(0, size));

    bool refused = false;
    bool too_deep = false;
    std::string answers;
    for (const auto& item : m.items) {
        if (const auto* call = std::get_if<request>(&item)) {
            check_request(*call);
        } else {
            const auto& answer = std::get<refusal>(item);
            require(!answer.id.is_absent(), "a refusal is to an id");
            answers.clear();
            append_error(answers, answer);
            require(value::accept(answers), "an answer is JSON");
            refused = refused || answer.reason.code == errc::parse_error;
            too_deep = too_deep || answer.reason.code == errc::limit_exceeded;
        }
    }
    if (too_deep) {
        return 0;
    }
    require(refused != is_json(text), "both decoders take the same texts");
    require(refused != m.is_json, "and the message says so");
    require(refused || has_structure(text, size + 1), "what is JSON has its structure");
    require(has_structure(text, 1) == has_structure(text, size + 1), "a byte at a time too");
    if (!refused && !may_have_huge_integer(text)) {
        check_params(m, text);
    }
    // What the decoder takes as a request or a batch, the frame reader takes as one message.
    if (!refused && text.find_first_of("{[") == text.find_first_not_of(" \t\r\n")) {
        frame_reader reader{{.depth = 4096}};
        reader.feed(text);
        auto found = reader.next();
        if (found && found->is_line && decoder.decode_line(found->text) == nullptr) {
            reader.scan_line(found->text);
            found = reader.next();
        }
        require(found && found->kind == frame_kind::message, "the frame reader agrees");
        require(text.find(found->text) != text.npos && !reader.next(), "and finds one message");
    }
    return 0;
}
