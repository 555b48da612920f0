#include "api/server/net/credentials.hpp"

#include <catch2/catch.hpp>

#include "idle_service.hpp"

namespace gatherd::api::server {

using tests::grant, tests::idle_service;

TEST_CASE("credentials: where no tokens are asked for everybody is somebody", "[server]") {
    idle_service service;
    credentials shown{service.of.state(), peer_address{}};
    REQUIRE(shown.who() != nullptr);
    CHECK(shown.show("whatever"));
    CHECK(shown.who()->name().empty());
    CHECK_FALSE(shown.are_void());
    service.of.change_tokens({grant("ci", "secret")});
    CHECK(shown.are_void());  // now one is
}

TEST_CASE("credentials: nobody is put out after so many wrong tokens, and a right one comes too late then",
          "[server]") {
    limits bounds;
    bounds.auth_tries = 2;
    idle_service service{bounds};
    service.of.change_tokens({grant("ci", "secret")});
    credentials shown{service.of.state(), peer_address{}};
    CHECK(shown.who() == nullptr);
    CHECK_FALSE(shown.are_void());
    CHECK_FALSE(shown.show("guess"));
    CHECK_FALSE(shown.is_put_out());
    CHECK_FALSE(shown.show("another"));
    CHECK(shown.is_put_out());
    CHECK_FALSE(shown.show("secret"));
    CHECK(shown.who() == nullptr);
}

TEST_CASE("credentials: a token shown is void once it is taken back", "[server]") {
    idle_service service;
    service.of.change_tokens({grant("ci", "secret")});
    credentials shown{service.of.state(), peer_address{}};
    REQUIRE(shown.show("secret"));
    CHECK(shown.who()->name() == "ci");
    CHECK_FALSE(shown.are_void());
    service.of.change_tokens({grant("ci", "changed")});
    CHECK(shown.are_void());
}

}  // namespace gatherd::api::server
