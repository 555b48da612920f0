#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "api/protocol/frame_reader.hpp"
#include "frames_of.hpp"

namespace gatherd::api::protocol {
namespace {

std::string nested(std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

}  // namespace

TEST_CASE("frame_reader: the byte limit counts the message, not the space around it", "[protocol]") {
    const message_limits four{.message_bytes = 4, .depth = 512};
    CHECK(frames_of("      [12]      [34]\n", false, four) == lines{"[12]", "[34]"});
    CHECK(frames_of("[123]{}", false, four) == lines{"<too_large>"});
    CHECK(frames_of("[123", false, four) == lines{});
    CHECK(frames_of("[1234", false, four) == lines{"<too_large>"});
    CHECK(frames_of("}xxx\n{}", false, four) == lines{"<malformed>", "{}"});
    CHECK(frames_of("}xxxx", false, four) == lines{"<too_large>"});
}

TEST_CASE("frame_reader: a message over the byte limit is told so and closes the stream", "[protocol]") {
    frame_reader reader{{.message_bytes = 8}};
    reader.feed("[\"aaaaaaaaaaaa");
    const auto refused = reader.next();
    REQUIRE(refused);
    CHECK(refused->kind == frame_kind::too_large);
    CHECK(refused->closes());
    CHECK(refused->answer->reason.code == errc::limit_exceeded);
    CHECK(*refused->answer->reason.data == value::parse(R"({"limit":"limits.message_bytes","max":8})"));
    reader.feed("{}\n");
    CHECK_FALSE(reader.next());
    CHECK_FALSE(reader.mid_message());
}

TEST_CASE("frame_reader: a message may be as deep as the limit, and no deeper", "[protocol]") {
    const message_limits three{.message_bytes = 1000, .depth = 3};
    CHECK(frames_of(nested(3) + "{}", false, three) == lines{nested(3), "{}"});
    CHECK(frames_of(nested(4) + "{}", false, three) == lines{"<too_deep>", "{}"});
    CHECK(frames_of(nested(200) + "{}", false, three) == lines{"<too_deep>", "{}"});
    CHECK(frames_of(R"({"a":{"b":{"c":["]}}"]}},"d":1}{})", false, three) == lines{"<too_deep>", "{}"});
    SECTION("by default 512") {
        CHECK(frames_of(nested(512)) == lines{nested(512)});
        CHECK(frames_of(nested(513)) == lines{"<too_deep>"});
    }
}

TEST_CASE("frame_reader: a message that is too deep is answered once, whatever follows in it", "[protocol]") {
    const message_limits one{.message_bytes = 1000, .depth = 1};
    CHECK(frames_of("[[}\n{}", false, one) == lines{"<too_deep>", "{}"});
    CHECK(frames_of("[[\n]\n,[[[]]]]{}", false, one) == lines{"<too_deep>", "{}"});
    CHECK(frames_of("[[", true, one) == lines{"<too_deep>"});
    CHECK(frames_of("[[}", true, one) == lines{"<too_deep>"});
    SECTION("and still counts its bytes") {
        CHECK(frames_of("[[1111111]]", false, {.message_bytes = 6, .depth = 1}) == lines{"<too_deep>", "<too_large>"});
    }
}

TEST_CASE("frame_reader: a message that is too deep is answered to its id, if that came before", "[protocol]") {
    const auto id_of = [](std::string_view text) {
        frame_reader reader{{.depth = 2}};
        reader.feed(text);
        const auto found = reader.next();
        REQUIRE(found);
        REQUIRE(found->kind == frame_kind::too_deep);
        CHECK_FALSE(found->closes());
        CHECK(*found->answer->reason.data == value::parse(R"({"limit":"limits.depth","max":2})"));
        return std::string{found->answer->id.text()};
    };
    CHECK(id_of(R"({"id":7,"params":[[)") == "7");
    CHECK(id_of(R"({ "id" : "\u0041b" , "params":[[)") == R"("Ab")");
    CHECK(id_of(R"({"\u0069d":1.50,"params":[[)") == "1.5");
    CHECK(id_of(R"({"id":1,"id":2,"params":[[)") == "2");
    CHECK(id_of(R"({"params":[[]],"id":7})") == "null");
    CHECK(id_of(R"({"x":{"id":7},"params":[[)") == "null");
    CHECK(id_of(R"({"id":true,"params":[[)") == "null");
    CHECK(id_of(R"({"id":[[)") == "null");
    CHECK(id_of(R"({"id":")" + std::string(1024, 'x') + R"(","params":[[)") == '"' + std::string(1024, 'x') + '"');
    CHECK(id_of(R"({"id":")" + std::string(1025, 'x') + R"(","params":[[)") == "null");
    CHECK(id_of(R"([{"id":7,"params":[)") == "null");
}

TEST_CASE("frame_reader: a buffer grown by a large message is given up", "[protocol]") {
    frame_reader reader;
    reader.feed("[\"" + std::string(std::size_t{3} << 20, 'a') + "\"]");
    REQUIRE(reader.next());
    CHECK(reader.prepare(100).size() < std::size_t{1} << 20);
}

}  // namespace gatherd::api::protocol
