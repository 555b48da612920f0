#include "api/admin/host_guard.hpp"

#include <catch2/catch.hpp>

using gatherd::api::admin::asking_client, gatherd::api::admin::host_guard;

namespace {

constexpr asking_client from_elsewhere{};
constexpr asking_client from_here{.is_on_loopback = true};
constexpr asking_client with_token{.has_token = true};

}  // namespace

TEST_CASE("host_guard: on loopback its names with the port are allowed and nothing else", "[admin]") {
    const host_guard guard{"127.0.0.1:7118", true, {}};
    for (const char* const host : {"127.0.0.1:7118", "localhost:7118", "LocalHost:7118", "[::1]:7118"}) {
        CAPTURE(host);
        CHECK(guard.allows_host(host, from_here));
    }
    for (const char* const host :
         {"", ":7118", "localhost", "localhost:", "localhost:7119", "localhost.:7118", "127.0.0.2:7118", "::1:7118",
          "[::1:7118", "[::1]x:7118", "localhost:7118:7118", "localhost:7118/", "evil.example:7118", "localhost:007118",
          "a@localhost:7118", "192.0.2.1:7118"}) {
        CAPTURE(host);
        CHECK_FALSE(guard.allows_host(host, from_here));
        CHECK_FALSE(guard.allows_host(host, with_token));
    }
}

TEST_CASE("host_guard: beyond loopback any IP address will do, and anything with a token", "[admin]") {
    const host_guard guard{"0.0.0.0:7118", false, {}};
    CHECK(guard.allows_host("192.0.2.1:7118", from_elsewhere));
    CHECK(guard.allows_host("192.0.2.1:30080", from_elsewhere));
    CHECK(guard.allows_host("[2001:db8::1]", from_elsewhere));
    CHECK_FALSE(guard.allows_host("2001:db8::1", from_elsewhere));
    CHECK_FALSE(guard.allows_host("gatherd.example:7118", from_elsewhere));
    CHECK_FALSE(guard.allows_host("0x7f.1:7118", from_elsewhere));
    CHECK_FALSE(guard.allows_host("localhost:7118", from_elsewhere));
    CHECK(guard.allows_host("localhost:7118", from_here));
    CHECK(guard.allows_host("gatherd.example:7118", with_token));
}

TEST_CASE("host_guard: port 80 may be left out", "[admin]") {
    const host_guard guard{"127.0.0.1:80", true, {}};
    CHECK(guard.allows_host("localhost", from_here));
    CHECK(guard.allows_origin("http://localhost", from_here));
    CHECK_FALSE(guard.allows_origin("https://localhost", from_here));
}

TEST_CASE("host_guard: a listed host is allowed with the port of its entry, or with any", "[admin]") {
    const host_guard guard{"127.0.0.1:7118", true, {"Any.example", "one.example:443"}};
    CHECK(guard.allows_host("any.example", from_here));
    CHECK(guard.allows_host("any.example:1234", from_here));
    CHECK(guard.allows_host("ONE.example:443", from_here));
    CHECK_FALSE(guard.allows_host("one.example", from_here));
    CHECK(guard.allows_origin("https://one.example", from_here));
    CHECK_FALSE(guard.allows_origin("http://one.example", from_here));
}

TEST_CASE("host_guard: an origin is a scheme and a host that is allowed", "[admin]") {
    const host_guard guard{"127.0.0.1:7118", true, {}};
    CHECK(guard.allows_origin("http://127.0.0.1:7118", from_here));
    for (const char* const origin : {"", "null", "http://", "localhost:7118", "ftp://localhost:7118",
                                     "http://localhost", "http://evil.example:7118", "http://localhost:7118/",
                                     "http://a@localhost:7118", "chrome-extension://localhost:7118"}) {
        CAPTURE(origin);
        CHECK_FALSE(guard.allows_origin(origin, from_here));
    }
}
