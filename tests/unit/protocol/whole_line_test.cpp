// frame_reader::next with a decoder finds a message by decoding its line. Whatever comes, it must find what it finds
// without.
#include <catch2/catch.hpp>

#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/protocol/frame_reader.hpp"
#include "api/protocol/message_decoder.hpp"
#include "frames_of.hpp"

namespace gatherd::api::protocol {
namespace {

constexpr frame_limits limits{.message_bytes = 200, .depth = 4};

/// Kind, text and answer of each frame, and the methods and ids that a message decodes to.
std::vector<std::string> all_of(std::string_view bytes, std::size_t piece, bool with_decoder) {
    frame_reader reader{limits};
    message_decoder decoder{limits.depth};
    std::vector<std::string> found;
    const auto take = [&] {
        while (const auto frame = reader.next(with_decoder ? &decoder : nullptr)) {
            auto text = std::to_string(static_cast<int>(frame->kind)) + ' ' + std::string{frame->text};
            if (frame->answer) {
                text += frame->answer->id.text();
                text += frame->answer->reason.message;
            }
            if (frame->kind == frame_kind::message) {
                for (const auto& item : decoder.decode(frame->text).items) {
                    const auto* const is = std::get_if<request>(&item);
                    text += is != nullptr ? " | " + std::string{is->method} + ' ' + std::string{is->id.text()}
                                          : " | " + std::get<refusal>(item).reason.message;
                }
            }
            found.push_back(std::move(text));
        }
    };
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
        reader.feed(bytes.substr(0, piece));
        take();
    }
    reader.finish();
    take();
    return found;
}

/// The next frame, after whoever decodes it has looked whether it is JSON.
std::optional<frame> proven(frame_reader& reader, message_decoder& decoder) {
    auto found = reader.next(&decoder);
    if (found && found->is_unproven && !decoder.try_parse(found->text)) {
        found = reader.look_closely(found->text);
    }
    return found;
}

/// Each message, or what its kind is, of bytes that come in such pieces.
std::vector<std::string> proven_of(std::string_view bytes, std::size_t piece, frame_limits most = {}) {
    frame_reader reader{most};
    message_decoder decoder;
    std::vector<std::string> found;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
        reader.feed(bytes.substr(0, piece));
        while (const auto frame = proven(reader, decoder)) {
            found.push_back(described(*frame));
        }
    }
    return found;
}

}  // namespace

TEST_CASE("frame_reader: with a decoder it finds the same frames, however they are cut", "[protocol]") {
    for (const std::string_view bytes :
         {"{\"id\":1,\"method\":\"a\"}\n{\"id\":2,\"method\":\"b\"}\n",
          "{\"id\":1,\"method\":\"a\"} \t\r\n  {\"id\":2,\"method\":\"b\"}{\"id\":3,\"method\":\"c\"}\n",
          "{\"id\":1,\n\"method\":\"a\"}\n[{\"id\":2,\"method\":\"b\"},3]\n[]\n{}\n",
          "42\n\"text\"\n{\"id\":1\n{\"id\":2}\n{\"id\":1,\"method\":]\n{\"method\":\"\xff\"}\n",
          "[[[[]]]]\n[[[[[]]]]]\n[[[[1]]]]\n[[[[[1]]]]]\n{\"id\":7,\"a\":[[[{}]]]}\n{\"id\":8,\"a\":[[[[2]]]]}\n",
          "{\"id\":99999999999999999999,\"method\":\"a\"}\n{\"id\":-0,\"method\":\"b\"}\n{\"id\":1e400}\n",
          "Content-Length: 24\r\n\r\n{\"id\":1,\"method\":\"ping\"}", "GET / HTTP/1.1\n",
          "{\"id\":1,\"method\":\"a\"}"}) {
        for (const std::size_t piece : {1U, 3U, 7U, 40U, 1000U}) {
            INFO(bytes << " in pieces of " << piece);
            CHECK(all_of(bytes, piece, true) == all_of(bytes, 1000, false));
        }
    }
    const auto too_large = "{\"a\":\"" + std::string(300, 'x') + "\"}\n{}\n";
    CHECK(all_of(too_large, 1000, true) == all_of(too_large, 1000, false));
}

TEST_CASE("frame_reader: with a decoder it finds the same frames in whatever comes", "[protocol]") {
    constexpr unsigned seed = 20261122;
    INFO("seed " << seed);
    std::mt19937 random{seed};
    constexpr std::string_view pieces[] = {"{\"id\":", "1",    "-0",  ",\"method\":\"m\"",
                                           "}",        "[",    "]",   "\n",
                                           "\r\n",     " ",    ",",   "\"t\"",
                                           "\\",       "null", "1e5", "{}",
                                           "[[]]",     "\xc3", ":",   "{\"id\":3,\"method\":\"m\"}\n"};
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes;
        for (auto count = random() % 14; count > 0; --count) {
            bytes += pieces[random() % std::size(pieces)];
        }
        const auto expected = all_of(bytes, 1000, false);
        if (all_of(bytes, 1000, true) != expected || all_of(bytes, 1 + random() % 9, true) != expected) {
            FAIL(bytes);
        }
    }
}

TEST_CASE("frame_reader: a message without a line end is found when its last bracket has come", "[protocol]") {
    message_decoder decoder{limits.depth};
    for (const std::size_t piece : {1U, 5U, 100U}) {
        frame_reader reader{limits};
        const std::string_view text = R"({"id":1,"method":"a"}{"id":2,"me)";
        std::vector<std::string> found;
        for (auto left = text; !left.empty(); left.remove_prefix(std::min(piece, left.size()))) {
            reader.feed(left.substr(0, piece));
            while (const auto frame = reader.next(&decoder)) {
                found.emplace_back(frame->text);
            }
        }
        CHECK(found == std::vector<std::string>{R"({"id":1,"method":"a"})"});
        CHECK(reader.mid_message());
    }
}

TEST_CASE("frame_reader: with a decoder it finds the same huge messages", "[protocol]") {
    const std::string filling(huge_message_bytes, 'x');
    const std::string good = "{\"method\":\"" + filling + "\"}";
    const std::string bad = "{\"method\":nul,\"a\":\"" + filling + "\"}";
    const std::string pretty = "{\"method\":\n\"" + filling + "\"}";
    const std::string bytes = good + good + " \n" + bad + " \r\n" + bad + "[]\n" + pretty + "[1]\n" + good + "\n";
    for (const std::size_t piece : {std::size_t{1000}, std::size_t{9} * huge_message_bytes}) {
        CHECK((proven_of(bytes, piece) == lines{good, good, "<malformed>", "<malformed>", pretty, "[1]", good}));
    }
}

TEST_CASE("frame_reader: a huge message on one line is not read closely before it is decoded", "[protocol]") {
    const std::string filling(huge_message_bytes, 'x');
    message_decoder decoder;
    frame_reader reader;
    reader.feed("{\"method\":nul,\"a\":\"" + filling + "\"}");
    const auto found = reader.next(&decoder);
    REQUIRE((found && found->kind == frame_kind::message && found->is_unproven));
    CHECK_FALSE(decoder.try_parse(found->text));
    CHECK_FALSE(reader.look_closely(found->text));  // malformed, which is to be said at the end of its line
    reader.feed(" []\n[2]\n");
    CHECK(reader.next(&decoder)->kind == frame_kind::malformed);
    CHECK(reader.next(&decoder)->text == "[2]");
}

TEST_CASE("frame_reader: a huge message may be JSON though a decoder does not take it at once", "[protocol]") {
    const std::string great = "[" + std::string(huge_message_bytes, '1') + "]";  // an integer beyond 64 bits
    CHECK((proven_of(great + "\n[1]\n", 1000, {.message_bytes = 1U << 20U}) ==
           proven_of(great + "\n[1]\n", great.size() + 9)));
    std::string deep = std::string(9, '[') + '"' + std::string(huge_message_bytes, 'x') + '"' + std::string(9, ']');
    CHECK((proven_of(deep + "\n[1]\n", 1000, {.depth = 9}) == lines{deep, "[1]"}));
    CHECK((proven_of(deep + "\n[1]\n", 1000, {.depth = 8}) == lines{"<too_deep>", "[1]"}));
}

TEST_CASE("frame_reader: what is longer than may be unproven is scanned, and found the same", "[protocol]") {
    const std::string longest = "[\"" + std::string(most_unproven_bytes - 4, 'x') + "\"]";
    const std::string longer = "[\"" + std::string(most_unproven_bytes - 3, 'x') + "\"]";
    message_decoder decoder;
    frame_reader reader;
    reader.feed(longest + "\n");
    CHECK(reader.next(&decoder)->is_unproven);
    reader.feed(longer + "\n" + longest + "[3]\n");
    const auto scanned = reader.next(&decoder);
    CHECK_FALSE(scanned->is_unproven);
    CHECK(scanned->text.size() == longer.size());
    CHECK(reader.next(&decoder)->text.size() == longest.size());
    CHECK(reader.next(&decoder)->text == "[3]");
}

TEST_CASE("frame_reader: with a decoder it takes the same bodies", "[protocol]") {
    const std::string filling(huge_message_bytes, 'x');
    const auto frames_of_body = [&](const std::string& body) {
        message_decoder decoder;
        frame_reader reader;
        reader.feed("Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        std::vector<frame_kind> found;
        while (const auto frame = proven(reader, decoder)) {
            found.push_back(frame->kind);
        }
        return found;
    };
    for (const std::string& some : {std::string{"x"}, filling}) {
        CHECK(frames_of_body(" [\"" + some + "\"] ") == std::vector{frame_kind::message});
        CHECK(frames_of_body("[\"" + some + "\"][]") == std::vector{frame_kind::malformed});
        CHECK(frames_of_body("[\"" + some + "\"") == std::vector{frame_kind::malformed});
        CHECK(frames_of_body('"' + some + '"') == std::vector{frame_kind::scalar});
    }
}

TEST_CASE("message_decoder: what try_parse has parsed is decoded once, and never in place of another text",
          "[protocol]") {
    message_decoder decoder;
    std::string text = R"({"id":1,"method":"a"})";
    text.resize(text.size() + 64);
    const auto view = std::string_view{text}.substr(0, text.size() - 64);
    REQUIRE(decoder.try_parse(view));
    CHECK(std::get<request>(decoder.decode(view).items[0]).method == "a");
    REQUIRE(decoder.try_parse(view));
    decoder.forget_parsed();
    text[18] = 'b';  // the same place and size, another message
    CHECK(std::get<request>(decoder.decode(view).items[0]).method == "b");
    text[18] = 'c';
    CHECK(std::get<request>(decoder.decode(view).items[0]).method == "c");
}

}  // namespace gatherd::api::protocol
