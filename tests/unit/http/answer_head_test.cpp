#include "api/http/answer_head.hpp"

#include <initializer_list>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

using gatherd::api::http::answer_head;

namespace {

answer_head fed(std::initializer_list<std::string_view> lines) {
    answer_head head;
    for (const auto line : lines) {
        REQUIRE(head.feed(line));
    }
    return head;
}

}  // namespace

TEST_CASE("answer_head: status, reason and headers in lower case", "[http]") {
    auto head = fed({"HTTP/1.1 404 Not Found\r\n", "Content-Type: text/plain \r\n", "X-A:1\r\n", "\r\n"});
    CHECK(head.is_complete());
    CHECK(head.status() == 404);
    CHECK(head.reason() == "Not Found");
    CHECK(*head.field("content-type") == "text/plain");
    CHECK(*head.field("x-a") == "1");
    CHECK(head.field("x-b") == nullptr);
}

TEST_CASE("answer_head: repeated headers are joined", "[http]") {
    auto head =
        fed({"HTTP/2 200 \r\n", "Vary: a\r\n", "Set-Cookie: a=1\r\n", "VARY: b\r\n", "set-cookie: b=2\r\n", "\r\n"});
    CHECK(*head.field("vary") == "a, b");
    CHECK(*head.field("set-cookie") == "a=1\nb=2");
    CHECK(head.reason().empty());
}

TEST_CASE("answer_head: interim answers and trailers are dropped", "[http]") {
    auto head = fed(
        {"HTTP/1.1 103 Early Hints\r\n", "Link: a\r\n", "\r\n", "HTTP/1.1 200 OK\r\n", "A: b\r\n", "\r\n", "T: c\r\n"});
    CHECK(head.status() == 200);
    CHECK(head.fields().size() == 1);
}

TEST_CASE("answer_head: lines that go on, and lines that are none", "[http]") {
    auto head =
        fed({"HTTP/1.1 200 OK\r\n", "A: b\r\n", "  c\r\n", "nonsense\r\n", "\tdropped\r\n", ": no name\r\n", "\r\n"});
    CHECK(*head.field("a") == "b c");
    CHECK(head.fields().size() == 1);
}

TEST_CASE("answer_head: leads elsewhere with a Location only", "[http]") {
    for (const char* status : {"301", "302", "303", "307", "308"}) {
        const std::string line = std::string{"HTTP/1.1 "} + status + " x\r\n";
        CHECK(fed({line, "Location: /a\r\n", "\r\n"}).is_redirect());
        CHECK_FALSE(fed({line, "\r\n"}).is_redirect());
    }
    CHECK_FALSE(fed({"HTTP/1.1 304 x\r\n", "Location: /a\r\n", "\r\n"}).is_redirect());
    CHECK_FALSE(fed({"HTTP/1.1 200 x\r\n", "Location: /a\r\n", "\r\n"}).is_redirect());
}

TEST_CASE("answer_head: is bounded", "[http]") {
    answer_head lines;
    std::size_t fed_lines = 0;
    while (lines.feed("a: b\r\n")) {
        ++fed_lines;
    }
    CHECK(fed_lines == answer_head::most_lines);
    answer_head bytes;
    const std::string line = "a: " + std::string(100'000, 'x') + "\r\n";
    CHECK(bytes.feed(line));
    CHECK(bytes.feed(line));
    CHECK_FALSE(bytes.feed(line));
    CHECK(bytes.fault() == answer_head::too_long);
}

TEST_CASE("answer_head: says one length of the body, or is refused", "[http]") {
    CHECK(*fed({"HTTP/1.1 200 OK\r\n", "Content-Length: 12\r\n", "content-length:12\r\n"}).field("content-length") ==
          "12, 12");
    CHECK(fed({"HTTP/1.1 200 OK\r\n", "Content-Length: 9223372036854775807\r\n"}).fault().empty());
    for (const char* second : {"13", "9223372036854775808", "-1", "+1", "0x10", "1 2", ""}) {
        CAPTURE(second);
        auto head = fed({"HTTP/1.1 200 OK\r\n", "Content-Length: 12\r\n"});
        CHECK_FALSE(head.feed("Content-Length: " + std::string{second} + "\r\n"));
        CHECK_FALSE(head.fault().empty());
    }
}
