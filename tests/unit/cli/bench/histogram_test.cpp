#include "cli/bench/histogram.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

using gatherd::cli::bench::histogram;
using namespace std::chrono_literals;

namespace {

/// The least element that at least this part of all does not exceed: what a quantile is.
std::int64_t exact_quantile(std::vector<std::int64_t> all, double part) {
    std::ranges::sort(all);
    const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(all.size())));
    return all[std::max<std::size_t>(rank, 1) - 1];
}

}  // namespace

TEST_CASE("histogram: an empty one gives zeros", "[bench]") {
    const histogram of;
    CHECK(of.count() == 0);
    CHECK(of.quantile(0.5) == 0ns);
    CHECK(of.mean() == 0ns);
}

TEST_CASE("histogram: small times are exact", "[bench]") {
    histogram of;
    for (int i = 1; i <= 200; ++i) {
        of.record(std::chrono::nanoseconds{i});
    }
    CHECK(of.quantile(0.5) == 100ns);
    CHECK(of.quantile(0.99) == 198ns);
    CHECK(of.quantile(1) == 200ns);
    CHECK(of.quantile(0) == 1ns);
}

TEST_CASE("histogram: no quantile is below the true one, nor more than 0.8 % above it", "[bench]") {
    constexpr unsigned seed = 7;
    INFO("seed " << seed);
    std::mt19937_64 random{seed};
    std::lognormal_distribution<double> times{12, 3};  // from nanoseconds to minutes
    std::vector<std::int64_t> all;
    histogram of;
    for (int i = 0; i < 20'000; ++i) {
        all.push_back(static_cast<std::int64_t>(times(random)) % 3'600'000'000'000);
        of.record(std::chrono::nanoseconds{all.back()});
    }
    for (const double part : {0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
        const auto exact = exact_quantile(all, part);
        INFO("quantile " << part);
        CHECK(of.quantile(part).count() >= exact);
        CHECK(of.quantile(part).count() <= exact + exact / 128 + 1);
    }
    CHECK(of.max().count() == *std::ranges::max_element(all));
}

TEST_CASE("histogram: two added are one that recorded all", "[bench]") {
    histogram one;
    histogram other;
    histogram both;
    for (int i = 0; i < 1000; ++i) {
        const std::chrono::nanoseconds took{i * i * 37};
        (i % 3 == 0 ? one : other).record(took);
        both.record(took);
    }
    one.add(other);
    CHECK(one.count() == both.count());
    CHECK(one.max() == both.max());
    CHECK(one.mean() == both.mean());
    for (const double part : {0.1, 0.5, 0.999}) {
        CHECK(one.quantile(part) == both.quantile(part));
    }
}

TEST_CASE("histogram: what is out of range is counted, and the longest time stays exact", "[bench]") {
    histogram of;
    of.record(-5ns);
    of.record(30h);
    CHECK(of.count() == 2);
    CHECK(of.quantile(0.5) == 0ns);
    CHECK(of.quantile(1) == 30h);
}
