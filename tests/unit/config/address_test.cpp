#include "config/address.hpp"

#include <catch2/catch.hpp>

using gatherd::config::address, gatherd::config::parse_address, gatherd::config::to_text;

TEST_CASE("address: a host and a port stand with a colon between", "[config]") {
    CHECK(parse_address("127.0.0.1:7117") == address{"127.0.0.1", 7117});
    CHECK(parse_address("localhost:0") == address{"localhost", 0});
    CHECK(parse_address("gatherd.internal:65535") == address{"gatherd.internal", 65535});
}

TEST_CASE("address: a number of IPv6 stands in brackets", "[config]") {
    CHECK(parse_address("[::1]:7117") == address{"::1", 7117});
    CHECK(parse_address("[::]:0") == address{"::", 0});
    CHECK_FALSE(parse_address("::1:7117"));
    CHECK_FALSE(parse_address("[]:7117"));
    CHECK_FALSE(parse_address("[::1:7117"));
}

TEST_CASE("address: a Unix socket, systemd's sockets and TLS have words of their own", "[config]") {
    CHECK(parse_address("unix:/run/g.sock") == address{.host = {}, .is = address::kind::local, .path = "/run/g.sock"});
    CHECK(parse_address("unix:7117") == address{"unix", 7117});
    CHECK(parse_address("systemd") == address{.host = {}, .is = address::kind::systemd});
    CHECK(parse_address("tls:7117") == address{"tls", 7117});
    auto secure = address{"::1", 7117};
    secure.tls = true;
    CHECK(parse_address("tls:[::1]:7117") == secure);
    CHECK_FALSE(parse_address("unix:run/g.sock"));
    CHECK_FALSE(parse_address("tls:tls:a:1"));
}

TEST_CASE("address: what is no address is refused", "[config]") {
    const auto* const text = GENERATE("", ":", "7117", "localhost", "localhost:", ":7117", "localhost:65536",
                                      "localhost:-1", "localhost:+1", "localhost:0x10", "localhost: 7117",
                                      "local host:7117", "http://localhost:7117", "localhost:7117/", "a,b:1");
    CAPTURE(text);
    CHECK_FALSE(parse_address(text));
}

TEST_CASE("address: its text reads back as itself", "[config]") {
    const auto* const text = GENERATE("127.0.0.1:7117", "[::1]:7117", "localhost:0", "unix:/run/g.sock", "systemd",
                                      "tls:[::1]:1", "tls:unix:/g.sock", "tls:systemd");
    CHECK(to_text(*parse_address(text)) == text);
}
