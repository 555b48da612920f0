/// \file
/// What it costs to find the end of a long message, pretty-printed over many short lines and on one line.
///
/// Usage: long_message                           CPU time of both, of each shape, measured in turn
///        long_message SHAPE LINES ITEMS BYTES   reads one message in pieces of so many bytes inside `counted_step`;
///                                               LINES is `short` or `one`
///        long_message --list                    all shapes, and how many bytes an item has on one line
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>

#include "api/protocol/frame_reader.hpp"
#include "api/protocol/message_decoder.hpp"

/// What callgrind is told to count: everything inside it.
extern "C" __attribute__((noinline)) void counted_step(const std::function<void()>& step) {
    step();
}

namespace {

using gatherd::api::protocol::frame_kind, gatherd::api::protocol::frame_reader, gatherd::api::protocol::message_decoder;

struct shape {
    const char* name;
    std::string_view pretty;  // one item, as Python's json.dumps(.., indent=1) writes it; a comma is between two
    std::string_view compact;
};

constexpr std::array<shape, 5> shapes{{
    {"calls", "\n    {\n     \"call\": \"noop\"\n    }", R"({"call":"noop"})"},
    {"integers", "\n    4711", "4711"},
    {"texts", "\n    \"abc\"", R"("abc")"},
    {"objects", "\n    {\n     \"a\": 1,\n     \"b\": \"x\"\n    }", R"({"a":1,"b":"x"})"},
    {"lists", "\n    [\n     1,\n     true\n    ]", "[1,true]"},
}};

const shape& shape_of(std::string_view name) {
    const auto* found =
        std::find_if(shapes.begin(), shapes.end(), [name](const shape& each) { return each.name == name; });
    if (found == shapes.end()) {
        std::fprintf(stderr, "long_message: no shape %s\n", std::string{name}.c_str());
        std::exit(2);
    }
    return *found;
}

std::string message_of(const shape& what, bool is_pretty, std::size_t items) {
    std::string text = is_pretty ? "{\n \"id\": 1,\n \"method\": \"run\",\n \"params\": [\n  {\n   \"value\": ["
                                 : R"({"id":1,"method":"run","params":[{"value":[)";
    const std::string_view item = is_pretty ? what.pretty : what.compact;
    text.reserve(text.size() + items * (item.size() + 1) + 32);
    for (std::size_t i = 0; i < items; ++i) {
        text.append(i == 0 ? "" : ",").append(item);
    }
    return text += is_pretty ? "\n   ]\n  }\n ]\n}\n" : "]}]}\n";
}

/// Reads the message as a connection does, and gives it back, so that it was not in vain.
std::size_t read_whole(frame_reader& reader, message_decoder& decoder, std::string_view text, std::size_t piece) {
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
        reader.feed(text.substr(0, piece));
        auto found = reader.next();
        if (found && found->is_line && decoder.decode_line(found->text) == nullptr) {
            reader.scan_line(found->text);
            found = reader.next();
        }
        if (found) {
            const bool is_message = found->kind == frame_kind::message && decoder.decode(found->text).is_json;
            return is_message ? found->text.size() : 0;
        }
    }
    return 0;
}

double cpu_milliseconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double milliseconds_of(std::string_view text) {
    constexpr std::size_t piece = 16 * 1024;  // as much as a connection reads at a time
    frame_reader reader{{.message_bytes = std::size_t{1} << 30}};
    message_decoder decoder;
    const double before = cpu_milliseconds();
    if (read_whole(reader, decoder, text, piece) == 0) {
        std::fputs("long_message: it was not read\n", stderr);
        std::exit(1);
    }
    return cpu_milliseconds() - before;
}

void measure(const shape& what) {
    constexpr std::size_t bytes = 60'000'000;  // of the pretty-printed one
    constexpr int times = 7;
    const std::size_t items = bytes / (what.pretty.size() + 1);
    const std::string pretty = message_of(what, true, items);
    const std::string compact = message_of(what, false, items);
    double best_pretty = 1e9;
    double best_compact = 1e9;
    for (int i = 0; i < times; ++i) {
        best_pretty = std::min(best_pretty, milliseconds_of(pretty));
        best_compact = std::min(best_compact, milliseconds_of(compact));
    }
    std::printf("| %-8s | %4.1f MB | %6.1f | %4.1f MB | %6.1f | %4.2f |\n", what.name,
                static_cast<double>(pretty.size()) / 1e6, best_pretty, static_cast<double>(compact.size()) / 1e6,
                best_compact, best_pretty / best_compact);
}

}  // namespace

int main(int count, char** words) {
    if (count == 1) {
        std::puts("| shape    | short lines | ms CPU | one line | ms CPU | ratio |\n|---|---|---|---|---|---|");
        std::for_each(shapes.begin(), shapes.end(), measure);
    } else if (count == 2 && std::string_view{words[1]} == "--list") {
        for (const shape& each : shapes) {
            std::printf("%s %zu\n", each.name, each.compact.size() + 1);
        }
    } else if (count == 5) {
        const std::string text =
            message_of(shape_of(words[1]), std::string_view{words[2]} == "short", std::strtoul(words[3], nullptr, 10));
        const std::size_t piece = std::strtoul(words[4], nullptr, 10);
        frame_reader reader;
        message_decoder decoder;
        std::size_t read = 0;
        counted_step([&] { read = read_whole(reader, decoder, text, piece); });
        return read == text.size() - 1 ? 0 : 1;
    } else {
        std::fputs("usage: long_message [SHAPE short|one ITEMS BYTES | --list]\n", stderr);
        return 2;
    }
}
