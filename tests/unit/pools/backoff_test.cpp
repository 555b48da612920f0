#include "api/pools/backoff.hpp"

#include <catch2/catch.hpp>

using gatherd::api::pools::backoff;
using std::chrono::milliseconds;

TEST_CASE("backoff: pauses double up to the longest, each up to a quarter longer", "[pools]") {
    backoff pauses{milliseconds{100}, milliseconds{1000}, 1};
    for (const int base : {100, 200, 400, 800, 1000, 1000}) {
        const auto pause = pauses.next();
        CHECK(pause >= milliseconds{base});
        CHECK(pause <= milliseconds{base + base / 4});
    }
}

TEST_CASE("backoff: it begins anew after a reset", "[pools]") {
    backoff pauses{milliseconds{100}, milliseconds{1000}, 1};
    static_cast<void>(pauses.next());
    static_cast<void>(pauses.next());
    pauses.reset();
    CHECK(pauses.next() <= milliseconds{125});
}

TEST_CASE("backoff: two that failed together part", "[pools]") {
    backoff one{milliseconds{1000}, milliseconds{1000}, 1};
    backoff other{milliseconds{1000}, milliseconds{1000}, 12345};
    bool differ = false;
    for (int i = 0; i < 10; ++i) {
        differ = one.next() != other.next() || differ;
    }
    CHECK(differ);
}
