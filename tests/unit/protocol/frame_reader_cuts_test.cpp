#include <catch2/catch.hpp>
#include <random>

#include "api/protocol/frame_reader.hpp"
#include "frames_of.hpp"

namespace gatherd::api::protocol {
namespace {

const message_limits small{.message_bytes = 48, .depth = 4};

// Streams that end in every phase that a reader has; under `small` many go over a limit.
const std::vector<std::string> streams{
    R"({"id":1,"method":"ping"})"
    "\n"
    R"([{"id":2},{"id":"a\"b\\"}])"
    "\r\n\r\n{}[]",
    "{\n \"a\" : [ 1.5e+3 , -0, true ,false,null ] }\n \t [\"\\u00e9\\ud83d\\ude00\"] 5\n\"x\"\n{}",
    "{\"id\":1\n{\"id\":2}\n{\"id\":3}\n}{\n[1,2}{}\n{}\n\"\n{}\nnul\n1 2\n{}",
    R"({"id":"deep","x":[[[[[[1]]]]],"y":"]"}{"id":1}[[[[[}{}{})"
    "\n[[[[[",
    "[\"" + std::string(60, 'a') + "\"]{}",
    "}" + std::string(60, 'a') + "\n{}",
    R"({"id":1,"x":[[[[")" + std::string(60, 'b') + "\"]]]]}",
    "Content-Length: 2\r\n\r\n{}content-length:4\nX: y\n\n[1]\nContent-Length: 1\r\n\r\n{CONTENT-LENGTH: "
    "9\r\n\r\n[[[[[]]]]Content-Length: 1\r\n\r\n7Content-Length: x\r\n",
    "{\"a\":tru}{}\n{}\n{\n\"a\":\n01}\n{}\n\"\\x\"\n{}[\"\xFF\"] []\n[]\n1e999\n[1e999]\ntru",
    "true\n{}",
    "patch / HTTP/1.1\n{}",
    "1a /\n{}",
    "-1 \n{}",
    std::string(60, 'x') + " /\n{}",
    "Content-Length: 49\r\n\r\n{}",
    "Content-Length: 4\r\n\r\n{}",
    "GET / HTTP/1.1\r\n\r\n{}",
    "GETTING\n{}\nGET /\n",
    "\x16\x03\x01{}",
    "\x16\n{}",
    "Content-Le\n{}",
    "-",
    "12",
};

std::vector<std::string> frames_of_pieces(const std::vector<std::string_view>& pieces, const message_limits& limits) {
    frame_reader reader{limits};
    std::vector<std::string> found;
    for (const auto piece : pieces) {
        reader.feed(piece);
        take_all(reader, found, limits);
    }
    reader.finish();
    take_all(reader, found, limits);
    return found;
}

}  // namespace

TEST_CASE("frame_reader: any cut into two or three packets gives the same frames", "[protocol]") {
    for (const auto& limits : {message_limits{}, small, message_limits{.message_bytes = 3}}) {
        for (const std::string_view stream : streams) {
            const auto expected = frames_of(stream, true, limits);
            for (std::size_t first = 0; first <= stream.size(); ++first) {
                const auto second = first + (stream.size() - first) / 2;
                const auto found = frames_of_pieces(
                    {stream.substr(0, first), stream.substr(first, second - first), stream.substr(second)}, limits);
                if (found != expected) {
                    CAPTURE(stream, first, second);
                    CHECK(found == expected);
                }
            }
        }
    }
}

TEST_CASE("frame_reader: random packets of a mixed stream give the same frames", "[protocol]") {
    const auto seed = GENERATE(take(20, random(1, 1 << 30)));
    CAPTURE(seed);
    std::mt19937 random(static_cast<std::mt19937::result_type>(seed));
    std::string stream;
    for (int i = 0; i < 50; ++i) {
        stream += streams[std::uniform_int_distribution<std::size_t>{0, 3}(random)] + "\n";
    }
    const auto expected = frames_of(stream, true, {.message_bytes = 1U << 20U, .depth = 5});
    REQUIRE(expected.size() > 50);
    std::vector<std::string_view> pieces;
    for (std::string_view rest = stream; !rest.empty();) {
        const auto size = std::uniform_int_distribution<std::size_t>{0, 1 + random() % 70}(random);
        pieces.push_back(rest.substr(0, size));
        rest.remove_prefix(pieces.back().size());
    }
    CHECK(frames_of_pieces(pieces, {.message_bytes = 1U << 20U, .depth = 5}) == expected);
}

TEST_CASE("frame_reader: one byte at a time gives the same frames", "[protocol]") {
    for (const auto& limits : {message_limits{}, small, message_limits{.message_bytes = 3}}) {
        for (const std::string_view stream : streams) {
            std::vector<std::string_view> bytes;
            for (std::size_t i = 0; i < stream.size(); ++i) {
                bytes.push_back(stream.substr(i, 1));
            }
            CAPTURE(stream);
            CHECK(frames_of_pieces(bytes, limits) == frames_of(stream, true, limits));
        }
    }
}

}  // namespace gatherd::api::protocol
