#include "api/protocol/frame_reader.hpp"

#include <catch2/catch.hpp>

#include "frames_of.hpp"

namespace gatherd::api::protocol {

TEST_CASE("frame_reader: a message ends where its outermost bracket closes", "[protocol]") {
    frame_reader reader;
    reader.feed(R"({"id":1,"a":[{}]})");
    const auto first = reader.next();
    REQUIRE(first);
    CHECK(first->kind == frame_kind::message);
    CHECK(first->text == R"({"id":1,"a":[{}]})");
    CHECK_FALSE(reader.next());
    CHECK_FALSE(reader.mid_message());
    CHECK(reader.spoken() == framing::json_lines);
}

TEST_CASE("frame_reader: a frame may arrive one byte at a time", "[protocol]") {
    frame_reader reader;
    const std::string_view text = R"( {"a":"}\"\\","b":[-1.5e+3,true,false,null,"\u00e9"]})";
    for (const char byte : text) {
        REQUIRE_FALSE(reader.next());
        reader.feed({&byte, 1});
    }
    const auto whole = reader.next();
    REQUIRE(whole);
    CHECK(whole->text == text.substr(1));
}

TEST_CASE("frame_reader: messages need no separator, and white space between them is skipped", "[protocol]") {
    CHECK(frames_of("{}[] \t{\"a\":1}\r\n\n\n[1]\r\n") == lines{"{}", "[]", "{\"a\":1}", "[1]"});
}

TEST_CASE("frame_reader: a message may span lines", "[protocol]") {
    CHECK(frames_of("{\n  \"id\": 1,\r\n  \"x\": [\n]\n}\n{}") == lines{"{\n  \"id\": 1,\r\n  \"x\": [\n]\n}", "{}"});
}

TEST_CASE("frame_reader: it knows whether a message is under way", "[protocol]") {
    frame_reader reader;
    const auto after = [&](std::string_view bytes) {
        reader.feed(bytes);
        while (reader.next()) {
        }
        return reader.mid_message();
    };
    CHECK_FALSE(reader.mid_message());
    CHECK_FALSE(after("\n"));
    CHECK(after("{"));
    CHECK_FALSE(after("}\n"));
    CHECK(after("}"));
    CHECK_FALSE(after("\n"));
    CHECK(after("5"));
    CHECK_FALSE(after("\n"));
}

TEST_CASE("frame_reader: a fault of structure is answered at the end of its line", "[protocol]") {
    CHECK(frames_of("{\"id\":1\n{\"id\":2}") == lines{});
    CHECK(frames_of("{\"id\":1\n{\"id\":2}\n") == lines{"<malformed>"});
    CHECK(frames_of("{\"a\":\"b\nc\"}\n") == lines{"<malformed>", "<malformed>"});
    CHECK(frames_of("[1,2}\n{}\n") == lines{"<malformed>", "{}"});
    CHECK(frames_of("[1,\n2}\n{}\n") == lines{"<malformed>", "{}"});
    CHECK(frames_of("{]{}{}\n[]") == lines{"<malformed>", "[]"});
    CHECK(frames_of("}\n{}") == lines{"<malformed>", "{}"});
    CHECK(frames_of("{}}\n{}") == lines{"{}", "<malformed>", "{}"});
    CHECK(frames_of("{},{}\n{}") == lines{"{}", "<malformed>", "{}"});
    CHECK(frames_of("\xEF\xBB\xBF{}\n{}") == lines{"<malformed>", "{}"});
}

TEST_CASE("frame_reader: a fault of spelling takes the rest of the line on which its message ends", "[protocol]") {
    CHECK(frames_of("{\"a\":tru}{}\n{}\n") == lines{"<malformed>", "{}"});
    CHECK(frames_of("{\"a\":\n tru\n}\n{}\n") == lines{"<malformed>", "{}"});
    CHECK(frames_of("{\"a\":\n tru\n} {}\n{}\n") == lines{"<malformed>", "{}"});
    CHECK(frames_of("{\"a\":tru\n{}\n{}\n") == lines{"<malformed>", "{}"});  // the missing bracket is of structure
    CHECK(frames_of("{\"a\":tru}", true) == lines{"<malformed>"});
    CHECK(frames_of("tru\n{}\n") == lines{"<malformed>", "{}"});
    CHECK(frames_of("{}\ntru\n{}\n") == lines{"{}", "<malformed>", "{}"});
    frame_reader reader;
    reader.feed("{\"a\":tru}");
    REQUIRE(reader.next()->kind == frame_kind::message);  // its decoder says that it is none, at once
    reader.skip_line();
    reader.feed("{}");
    CHECK_FALSE(reader.next());
    CHECK(reader.mid_message());
    reader.feed("\n[]");
    CHECK(reader.next()->text == "[]");
}

TEST_CASE("frame_reader: the whole grammar is checked", "[protocol]") {
    for (const std::string text :
         {"[01]",  "[-]",     "[1.]",  "[.5]",     "[1e]",    "[1e+]",     "[+1]",          "[--1]",    "[0x1]",
          "[1 2]", "[,]",     "[1,]",  "{,}",      "{\"a\"}", "{\"a\":}",  "{\"a\":1,}",    "{1:2}",    "{\"a\" 1}",
          "[tru]", "[truee]", "[NaN]", "[nul\nl]", "['a']",   "[\"\\x\"]", "[\"\\u12g4\"]", "[\"\t\"]", "[1//\n]",
          "[-a]",  "[1.a]",   "[1ea]", "[1e+a]",   "[1.5.5]", "[00]"}) {
        CAPTURE(text);
        CHECK(frames_of(text + "\n").front() == "<malformed>");
    }
    const auto all =
        R"([0,-0,1.5,-1.25E-7,1e5,2E+3,0e0,10,true,false,null,"","\"\\\/\b\f\n\r\t\uABcd",[],{},[[]],{"":{}}])";
    CHECK(frames_of(all) == lines{all});
}

TEST_CASE("frame_reader: a scalar is its whole line", "[protocol]") {
    CHECK(frames_of("5") == lines{});
    for (const std::string text : {"5", "-0.5e3 ", "\"{}\"\r", "true", "null\t"}) {
        CAPTURE(text);
        const auto bare = text.substr(0, text.find_last_not_of(" \t\r") + 1);
        CHECK(frames_of(text + "\n{}") == lines{bare, "{}"});
    }
    CHECK(frames_of("1 2\n{}") == lines{"<malformed>", "{}"});
    CHECK(frames_of("1 {}\n{}") == lines{"<malformed>", "{}"});
    CHECK(frames_of("{}1\n{}") == lines{"{}", "1", "{}"});
    CHECK(frames_of("tru\n{}") == lines{"<malformed>", "{}"});
}

TEST_CASE("frame_reader: the end of input inside a message is malformed", "[protocol]") {
    CHECK(frames_of("{\"a\":", true) == lines{"<malformed>"});
    CHECK(frames_of("{}{", true) == lines{"{}", "<malformed>"});
    CHECK(frames_of("{} \n", true) == lines{"{}"});
    CHECK(frames_of("", true) == lines{});
    CHECK(frames_of("nonsense", true) == lines{"<malformed>"});
    CHECK(frames_of("-", true) == lines{"<malformed>"});
    CHECK(frames_of("GE", true) == lines{"<malformed>"});
    SECTION("but a whole scalar ends with it") {
        CHECK(frames_of("12", true) == lines{"12"});
    }
}

TEST_CASE("frame_reader: what was wrong and where is said", "[protocol]") {
    frame_reader reader;
    message_decoder decoder;
    reader.feed("{\"a\": [1,\n  2}\n");
    const auto wrong = next_scanned(reader, decoder);
    REQUIRE(wrong);
    REQUIRE(wrong->answer);
    CHECK_FALSE(wrong->closes());
    CHECK(wrong->answer->id.text() == "null");
    CHECK(wrong->answer->reason.code == errc::parse_error);
    CHECK(wrong->answer->reason.message == "malformed JSON: line 2, column 4: expected ',' or ']', not '}'");
}

TEST_CASE("frame_reader: connections of browsers and of TLS are foreign", "[protocol]") {
    for (const std::string first :
         {"GET / HTTP/1.1\r\n", "POST /", "CONNECT a:1", "OPTIONS *", "M-SEARCH *", "PRI * H", "\x16\x03\x01",
          "VERSION-CONTROL /", "patch / HTTP/1.1", "get /", "x!#$%&'*+-.^_`|~9 /", "1a /", "-x /", "nulls /", "True /",
          "hello world", "NaN /", "Content-Length : 2"}) {
        CAPTURE(first);
        CHECK(frames_of(first + "\r\n{\"id\":1}\n{}\n", true) == lines{"<foreign>"});
    }
    const std::string long_method(100'000, 'x');
    CHECK(frames_of(long_method + " /\r\n\r\n{}\n") == lines{"<foreign>"});
    frame_reader reader;
    reader.feed("GET ");
    const auto found = reader.next();
    REQUIRE(found);
    CHECK(found->closes());
    CHECK_FALSE(found->answer);
    SECTION("only at their beginning") {
        CHECK(frames_of("{}\nGET /\n{}\n") == lines{"{}", "<malformed>", "{}"});
        CHECK(frames_of("\nGET /\n{}\n") == lines{"<malformed>", "{}"});
    }
    SECTION("other text is merely malformed, or a scalar") {
        CHECK(frames_of("hello, world\n{}") == lines{"<malformed>", "{}"});
        CHECK(frames_of("hello\n{}") == lines{"<malformed>", "{}"});
        CHECK(frames_of("true story\n{}") == lines{"<malformed>", "{}"});
        CHECK(frames_of("NaN\n{}") == lines{"<malformed>", "{}"});
        CHECK(frames_of("\x16\x04\n{}") == lines{"<malformed>", "{}"});
        for (const std::string value : {"true", "false", "null", "0", "-1.5e+3", "12"}) {
            CHECK(frames_of(value + " \n{}") == lines{value, "{}"});
        }
    }
    SECTION("a number is told from a method however long it is, and however it is cut") {
        const std::string digits(100'000, '7');
        for (const std::string& number :
             {"-" + digits, "0." + digits, "0e" + digits, "1e+" + digits, "12.0E-" + digits}) {
            const auto frames = frames_of(number + " \n{}");
            CHECK((frames == lines{number, "{}"} ||
                   frames == lines{"<malformed>", "{}"}));  // which it is beyond a double
        }
        for (const std::string& method :
             {"0" + digits, digits + ".", digits + "e", digits + "-", digits + "+1", "." + digits, "+" + digits,
              "1." + digits + ".1", "1e+" + digits + "e", std::string{"-"}}) {
            CHECK(frames_of(method + " /\n{}") == lines{"<foreign>"});
        }
    }
    SECTION("a token is no longer than a message may be") {
        CHECK(frames_of(std::string(21, 'x'), false, {.message_bytes = 20}) == lines{"<too_large>"});
        CHECK(frames_of(std::string(20, 'x'), false, {.message_bytes = 20}) == lines{});
    }
}

TEST_CASE("frame_reader: the room that was prepared is read into", "[protocol]") {
    frame_reader reader;
    for (int round = 0; round < 1000; ++round) {
        const auto room = reader.prepare(3);
        REQUIRE(room.size() >= 3);
        room[0] = '[';
        room[1] = ']';
        room[2] = '\n';
        reader.commit(3);
        const auto found = reader.next();
        REQUIRE(found);
        REQUIRE(found->text == "[]");
        REQUIRE_FALSE(reader.next());
    }
    reader.shrink();
    reader.feed("{");
    reader.shrink();  // keeps what is pending
    reader.feed("}");
    CHECK(reader.next()->text == "{}");
}

}  // namespace gatherd::api::protocol
