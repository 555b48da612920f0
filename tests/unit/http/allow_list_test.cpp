#include "api/http/allow_list.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using gatherd::api::http::allow_list;
using gatherd::api::http::is_public;

namespace {

asio::ip::address address(const char* text) {
    return asio::ip::make_address(text);
}

allow_list list(const std::vector<std::string>& entries) {
    return allow_list{entries};
}

std::string refusal(const std::string& entry) {
    try {
        list({entry});
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
    return {};
}

constexpr const char* public_v4 = "93.184.216.34";
constexpr const char* public_v6 = "2606:2800:220:1::1";

}  // namespace

TEST_CASE("is_public: no special range of RFC 6890 is", "[http]") {
    for (const char* each : {"0.0.0.0",
                             "0.1.2.3",
                             "10.0.0.1",
                             "100.64.0.1",
                             "100.127.255.255",
                             "127.0.0.1",
                             "127.255.255.254",
                             "169.254.169.254",
                             "172.16.0.1",
                             "172.31.255.255",
                             "192.0.0.8",
                             "192.0.2.1",
                             "192.88.99.1",
                             "192.168.1.1",
                             "198.18.0.1",
                             "198.19.255.255",
                             "198.51.100.7",
                             "203.0.113.9",
                             "224.0.0.1",
                             "239.255.255.255",
                             "240.0.0.1",
                             "255.255.255.255",
                             "::",
                             "::1",
                             "::7f00:1",
                             "::ffff:93.184.216.34",
                             "::ffff:127.0.0.1",
                             "64:ff9b::5db8:d822",
                             "64:ff9b:1::1",
                             "100::1",
                             "2001::1",
                             "2001:2::1",
                             "2001:10::1",
                             "2001:20::1",
                             "2001:db8::1",
                             "2002:7f00:1::1",
                             "2002:5db8:d822::1",
                             "3fff::1",
                             "fc00::1",
                             "fd12::1",
                             "fe80::1",
                             "fec0::1",
                             "ff02::1",
                             "5f00::1",
                             "4000::1"}) {
        CAPTURE(each);
        CHECK_FALSE(is_public(address(each)));
    }
    for (const char* each :
         {public_v4, public_v6, "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
          "169.253.0.1", "192.0.1.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2001:200::1",
          "2001:4860:4860::8888", "2003::1", "2a00:1450:4001::1"}) {
        CAPTURE(each);
        CHECK(is_public(address(each)));
    }
}

TEST_CASE("allow_list: a name allows its public addresses", "[http]") {
    const auto rules = list({"api.Example.com"});
    CHECK(rules.could_allow("api.example.com", 80));
    CHECK(rules.allows("api.example.com", address(public_v4), 80));
    CHECK(rules.allows("api.example.com", address(public_v6), 8080));
    CHECK_FALSE(rules.allows("api.example.com", address("127.0.0.1"), 80));
    CHECK_FALSE(rules.allows("api.example.com", address("::ffff:127.0.0.1"), 80));
    CHECK_FALSE(rules.could_allow("example.com", 80));
    CHECK_FALSE(rules.could_allow("xapi.example.com", 80));
    CHECK_FALSE(rules.could_allow("api.example.com.evil.org", 80));
    CHECK_FALSE(rules.allows("example.com", address(public_v4), 80));
}

TEST_CASE("allow_list: a suffix allows the names below it", "[http]") {
    const auto rules = list({"*.example.com:443"});
    CHECK(rules.allows("a.example.com", address(public_v4), 443));
    CHECK(rules.allows("a.b.example.com", address(public_v4), 443));
    CHECK_FALSE(rules.allows("example.com", address(public_v4), 443));
    CHECK_FALSE(rules.allows("badexample.com", address(public_v4), 443));
    CHECK_FALSE(rules.allows("a.example.com", address(public_v4), 80));
    CHECK_FALSE(rules.allows("a.example.com", address("10.0.0.1"), 443));
}

TEST_CASE("allow_list: a star allows all that is public, addresses in URLs too", "[http]") {
    const auto rules = list({"*"});
    CHECK(rules.allows("any.org", address(public_v4), 80));
    CHECK(rules.allows(public_v4, address(public_v4), 80));
    CHECK_FALSE(rules.allows("any.org", address("192.168.0.1"), 80));
    CHECK_FALSE(rules.allows("192.168.0.1", address("192.168.0.1"), 80));
}

TEST_CASE("allow_list: a block allows its addresses, whatever the name", "[http]") {
    const auto rules = list({"10.0.0.0/8", "[fd00::/8]:8443", "127.0.0.1:8080", "192.168.1.128/25"});
    CHECK(rules.could_allow("inside", 80));
    CHECK(rules.allows("inside", address("10.255.0.1"), 80));
    CHECK_FALSE(rules.allows("inside", address("11.0.0.1"), 80));
    CHECK_FALSE(rules.allows("inside", address(public_v4), 80));
    CHECK(rules.allows("inside", address("fd00::1"), 8443));
    CHECK_FALSE(rules.allows("inside", address("fd00::1"), 443));
    CHECK(rules.allows("localhost", address("127.0.0.1"), 8080));
    CHECK_FALSE(rules.allows("localhost", address("127.0.0.1"), 80));
    CHECK_FALSE(rules.allows("localhost", address("127.0.0.2"), 8080));
    CHECK(rules.allows("inside", address("192.168.1.200"), 80));
    CHECK_FALSE(rules.allows("inside", address("192.168.1.100"), 80));
    CHECK_FALSE(rules.allows("inside", address("::ffff:10.0.0.1"), 80));
    CHECK(list({"0.0.0.0/0"}).allows("x", address("127.0.0.1"), 1));
    CHECK(list({"::/0"}).allows("x", address("::ffff:10.0.0.1"), 1));
    CHECK(list({"::1"}).allows("x", address("::1"), 1));
}

TEST_CASE("allow_list: none allows nothing", "[http]") {
    const auto rules = list({});
    CHECK(rules.empty());
    CHECK_FALSE(rules.could_allow("example.com", 80));
    CHECK_FALSE(rules.allows("example.com", address(public_v4), 80));
}

TEST_CASE("allow_list: what is no entry says why", "[http]") {
    for (const char* each : {"", ":80", "http://example.com", "example.com/path", "a b", "*.", "*example.com", "a..b",
                             ".a", "a.", "*.*.com", "fe80::1%eth0", "user@host"}) {
        CAPTURE(each);
        CHECK(refusal(each).find("an entry is a host name") != std::string::npos);
    }
    for (const char* each :
         {"example.com:0", "example.com:65536", "example.com:", "example.com:x", "10.0.0.0/8:http"}) {
        CAPTURE(each);
        CHECK(refusal(each).find("a port is a number from 1 to 65535") != std::string::npos);
    }
    for (const char* each : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "::/129"}) {
        CAPTURE(each);
        CHECK(refusal(each).find("behind the slash") != std::string::npos);
    }
    CHECK(refusal("a b").starts_with("http.allow: 'a b': "));
}
