/// \file
/// The least that a server of batches can do, as a yardstick: one thread reads lines, parses them with simdjson's fast
/// interface and answers a gather or map of no-ops. No check, no limit, no task, no error, no other function.
///
/// Usage: bare PORT_FILE
#include <simdjson.h>

#include <charconv>

#include "bench/service/line_server.hpp"

namespace {

using namespace simdjson;

/// Appends the answer, or the end of the process: it is given nothing but batches of no-ops.
void answer(ondemand::parser& parser, std::string& padded, std::string_view line, std::string& out) {
    padded.assign(line);
    padded.reserve(line.size() + SIMDJSON_PADDING);
    ondemand::document request = parser.iterate(padded.data(), padded.size(), padded.capacity());
    const std::uint64_t id = request["id"];
    const std::string_view method = request["method"];
    ondemand::object params = request["params"];
    char digits[24];
    out += R"({"jsonrpc":"2.0","id":)";
    out.append(digits, std::to_chars(digits, digits + sizeof digits, id).ptr);
    out += R"(,"result":[)";
    bool first = true;
    const auto add_null = [&] {
        out += first ? "null" : ",null";
        first = false;
    };
    if (method == "map") {
        if (std::string_view{params["call"]} != "noop") {
            std::exit(1);
        }
        for (ondemand::array args : params["over"]) {
            if (!args.is_empty()) {
                std::exit(1);
            }
            add_null();
        }
    } else {
        for (ondemand::object task : params["tasks"]) {
            if (std::string_view{task["call"]} != "noop") {
                std::exit(1);
            }
            add_null();
        }
    }
    out += "]}\n";
}

}  // namespace

int main(int count, char** words) {
    if (count != 2) {
        std::fputs("usage: bare PORT_FILE\n", stderr);
        return 2;
    }
    ondemand::parser parser;
    std::string padded;
    gatherd::bench::serve_lines(gatherd::bench::listen_and_tell(words[1]),
                                [&](std::string_view line, std::string& out) { answer(parser, padded, line, out); });
}
