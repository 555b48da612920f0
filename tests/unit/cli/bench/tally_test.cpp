#include "cli/bench/tally.hpp"

#include <catch2/catch.hpp>

#include <string>

using gatherd::cli::bench::tally;

TEST_CASE("tally: the first complaint is kept, cut between two characters", "[bench]") {
    tally counted;
    std::string text;
    for (int i = 0; i < 200; ++i) {
        text += "\xE2\x82\xAC";  // three bytes
    }
    counted.keep_complaint(text);
    counted.keep_complaint("another");
    CHECK(std::string{counted.complaint.data()} == text.substr(0, 510));
}
