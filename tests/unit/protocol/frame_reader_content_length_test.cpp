#include <catch2/catch.hpp>

#include "api/protocol/frame_reader.hpp"
#include "frames_of.hpp"

namespace gatherd::api::protocol {
namespace {

std::string with_length(std::string_view body) {
    return "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
}

}  // namespace

TEST_CASE("frame_reader: a connection that begins with Content-Length speaks it", "[protocol]") {
    frame_reader reader;
    CHECK(reader.spoken() == framing::undecided);
    reader.feed(with_length(R"({"id":1})") + with_length(" [1]\n "));
    CHECK(reader.next()->text == R"({"id":1})");
    CHECK(reader.spoken() == framing::content_length);
    CHECK(reader.next()->text == "[1]");
    CHECK_FALSE(reader.next());
    CHECK_FALSE(reader.mid_message());
}

TEST_CASE("frame_reader: header names are in any case, and other headers are ignored", "[protocol]") {
    CHECK(frames_of("content-LENGTH:2\nContent-Type: application/json\r\n\r\n{}") == lines{"{}"});
    CHECK(frames_of("CONTENT-LENGTH: 2 \r\n\r\n{}X-Y: z\r\ncontent-length: 2\r\n\r\n[]") == lines{"{}", "[]"});
}

TEST_CASE("frame_reader: a bad header closes the stream", "[protocol]") {
    for (const std::string header :
         {"Content-Length: x\r\n\r\n", "Content-Length:\r\n\r\n", "Content-Length: -1\r\n\r\n",
          "Content-Length: 1 2\r\n", "Content-Length: 2\r\nnonsense\r\n", "Content-Length: 2\r\n: 3\r\n",
          "Content-Length: 2\r\nContent-Length: 3\r\n"}) {
        CAPTURE(header);
        CHECK(frames_of(header + "{}{}", true) == lines{"<bad_header>"});
    }
    CHECK(frames_of(with_length("{}") + "X: y\r\n\r\n{}") == lines{"{}", "<bad_header>"});
    CHECK(frames_of("Content-Length: 2\r\nX: " + std::string(9000, 'y')) == lines{"<bad_header>"});

    frame_reader reader;
    reader.feed("Content-Length: x\r\n");
    const auto refused = reader.next();
    REQUIRE(refused);
    CHECK(refused->closes());
    CHECK(refused->answer->reason.code == errc::parse_error);
    CHECK(refused->answer->reason.message ==
          "malformed header: Content-Length must be a number of bytes, in decimal digits");
}

TEST_CASE("frame_reader: a bad body is answered, and the connection lives on", "[protocol]") {
    for (const std::string_view body : {"{", "{}{}", "{]", "", " ", "{\"a\":\"\n\"}", "1 2", "5\n6", "-", "[tru]"}) {
        CAPTURE(body);
        CHECK(frames_of(with_length(body) + with_length("{}")) == lines{"<malformed>", "{}"});
    }
    CHECK(frames_of(with_length("5") + with_length("5 \n ") + with_length("{}")) == lines{"5", "5", "{}"});
    CHECK(frames_of(with_length("[[[]]]") + with_length("{}"), false, {.depth = 2}) == lines{"<too_deep>", "{}"});
}

TEST_CASE("frame_reader: a body over the limit is refused by its header", "[protocol]") {
    CHECK(frames_of("Content-Length: 5\r\n\r\n", false, {.message_bytes = 4}) == lines{"<too_large>"});
    CHECK(frames_of("Content-Length: 99999999999999999999999\r\n\r\n") == lines{"<too_large>"});
}

TEST_CASE("frame_reader: the end of input inside a header or body is malformed", "[protocol]") {
    CHECK(frames_of(with_length("{}") + "Content-", true) == lines{"{}", "<malformed>"});
    CHECK(frames_of("Content-Length: 3\r\n\r\n{}", true) == lines{"<malformed>"});
    CHECK(frames_of("Content-Length: 3\r\n", true) == lines{"<malformed>"});
    CHECK(frames_of("Content-Le", true) == lines{"<malformed>"});
    CHECK(frames_of(with_length("{}"), true) == lines{"{}"});
}

}  // namespace gatherd::api::protocol
