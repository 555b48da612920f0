#include "api/http/target.hpp"

#include <string>

#include <catch2/catch.hpp>

#include "api/http/message.hpp"

using gatherd::api::http::fault;
using gatherd::api::http::target;

namespace {

std::string refusal(const std::string& url) {
    try {
        static_cast<void>(target{url});
    } catch (const fault& e) {
        return e.reason() == fault::kind::value ? e.message() : "another kind";
    }
    return {};
}

}  // namespace

TEST_CASE("target: host, port and text", "[http]") {
    const target plain{"http://API.Example.com./a b?c#d"};
    CHECK(plain.host() == "api.example.com");
    CHECK(plain.port() == 80);
    CHECK_FALSE(plain.address());
    CHECK(plain.text() == "http://api.example.com/a%20b?c");
    CHECK(target{"https://a"}.port() == 443);
    CHECK(target{"HTTP://a:8080/"}.port() == 8080);
}

TEST_CASE("target: each spelling of an address is that address", "[http]") {
    for (const char* url :
         {"http://127.0.0.1", "http://127.1", "http://0x7f.0.0.1", "http://2130706433", "http://017700000001"}) {
        CAPTURE(url);
        const target found{url};
        REQUIRE(found.address());
        CHECK(found.address()->to_string() == "127.0.0.1");
        CHECK(found.host() == "127.0.0.1");
    }
    CHECK(target{"http://[::1]:8080/"}.address()->to_string() == "::1");
    CHECK(target{"http://[0:0:0:0:0:ffff:7f00:1]/"}.address()->is_v6());
}

TEST_CASE("target: where a Location leads", "[http]") {
    const target base{"http://a.example/x/y?z"};
    CHECK(base.resolve("/b").text() == "http://a.example/b");
    CHECK(base.resolve("b").text() == "http://a.example/x/b");
    CHECK(base.resolve("//c.example/b").host() == "c.example");
    CHECK(base.resolve("https://a.example/b").port() == 443);
    CHECK(base.resolve("/b").has_same_origin(base));
    CHECK_FALSE(base.resolve("https://a.example/").has_same_origin(base));
    CHECK_FALSE(base.resolve("http://a.example:81/").has_same_origin(base));
    CHECK_FALSE(base.resolve("http://b.example/").has_same_origin(base));
    CHECK_THROWS_AS(base.resolve("ftp://a.example/"), fault);
    CHECK_THROWS_AS(base.resolve("http://user@a.example/"), fault);
    CHECK_THROWS_AS(base.resolve("file:///etc/passwd"), fault);
}

TEST_CASE("target: what is no URL that is fetched says why", "[http]") {
    for (const char* url : {"",
                            "a",
                            "/a",
                            "example.com",
                            "http://",
                            "http://a:99999/",
                            "http://a:x/",
                            "http://[::1",
                            "http://[x]/",
                            "http://[fe80::1%25eth0]/",
                            "http://a_b c/",
                            "http://a\tb/",
                            "ftp://a/",
                            "file:///a",
                            "gopher://a",
                            "javascript:1",
                            "http:///a",
                            "http:////a",
                            "http://user:word@a/",
                            "http://user@a/",
                            "http://a:0/"}) {
        CAPTURE(url);
        CHECK(refusal(url).starts_with("the URL '"));
    }
}
