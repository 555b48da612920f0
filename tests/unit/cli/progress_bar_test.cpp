#include "cli/progress_bar.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using gatherd::cli::progress_line;

TEST_CASE("progress_bar: a line shows part, failures and time", "[cli]") {
    CHECK(progress_line({200, 100, 2}, 3150ms, 43) == "[========>       ] 100/200  2 failed  3.1 s");
    CHECK(progress_line({4, 4, 0}, 0ms, 24) == "[===========] 4/4  0.0 s");
}

TEST_CASE("progress_bar: a line never outgrows its width", "[cli]") {
    for (std::size_t width = 0; width < 200; ++width) {
        CHECK(progress_line({1'000'000, 999'999, 17}, 61s, width).size() <= width);
    }
}

TEST_CASE("progress_bar: without room for a bar the numbers stand alone", "[cli]") {
    CHECK(progress_line({4, 2, 0}, 1s, 20) == "2/4  1.0 s");
}

TEST_CASE("progress_bar: odd counts make no odd bar", "[cli]") {
    CHECK(progress_line({0, 0, 0}, 1234ms, 24) == "1.2 s");
    CHECK(progress_line({2, 5, 0}, 0ms, 24) == "[===========] 5/2  0.0 s");
}
