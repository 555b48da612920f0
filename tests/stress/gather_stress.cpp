// Gathers in gathers on three workers: children that wait, compute, fail or create others, with cancellations at random
// moments. No child is lost or run twice, and nothing of it is left when the program ends.
#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/gather.hpp"
#include "tests/stress/harassed.hpp"

using namespace gatherd::executor;

namespace {

/// Counts what lives and how often each child began.
struct ledger {
    std::atomic<long> alive{0};
    std::atomic<long> begun{0};
};

/// Lives in a child's frame, from before it starts.
class entry {
public:
    explicit entry(ledger& in) noexcept : in_{&in} { ++in_->alive; }
    entry(entry&& other) noexcept : in_{other.in_} { ++in_->alive; }
    entry& operator=(entry&&) = delete;
    ~entry() { --in_->alive; }
    void begin() const noexcept { ++in_->begun; }
    [[nodiscard]] ledger& of() const noexcept { return *in_; }

private:
    ledger* in_;
};

task<long> family(entry self, int depth, unsigned seed);

unsigned draw(std::mt19937& from) {
    return static_cast<unsigned>(from());
}

std::vector<task<long>> children(ledger& in, int depth, std::mt19937& random) {
    std::vector<task<long>> all;
    for (unsigned i = 0, count = 1 + draw(random) % (depth > 2 ? 4 : 90); i < count; ++i) {
        all.push_back(family(entry{in}, depth - 1, draw(random)));
    }
    return all;
}

/// Gives how many of its line have returned, itself among them. May raise.
task<long> family(entry self, int depth, unsigned seed) {
    self.begin();
    std::mt19937 random{seed};
    if (random() % 3 == 0) {
        co_await pause(random);
    }
    if (random() % 200 == 0) {
        throw std::runtime_error{"a failure"};
    }
    long line = 1;
    if (depth > 0 && random() % 2 == 0) {
        if (random() % 3 == 0) {
            for (const long each : co_await gather(children(self.of(), depth, random))) {
                line += each;
            }
        } else {
            for (const auto& each : co_await gather_exceptions(children(self.of(), depth, random))) {
                line += each.index() == 0 ? std::get<0>(each) : 0;
            }
        }
    }
    if (random() % 20 == 0) {
        create_task(family(entry{self.of()}, 0, draw(random))).ignore_exception();
    }
    co_return line;
}

/// A program's worth of it, for who is harassed.
task<long> generations(ledger& in, unsigned seed) {
    long bad = 0;
    for (unsigned round = 0; round < 40; ++round) {
        try {
            bad += co_await family(entry{in}, 4, seed + round) < 1 ? 1 : 0;
        } catch (const cancelled_error&) {
        } catch (const std::runtime_error&) {
        }
    }
    co_return bad;
}

task<long> some_generations(ledger& in, unsigned seed, bool are_harassed) {
    std::vector<task<long>> all;
    for (unsigned i = 0; i < 6; ++i) {
        all.push_back(generations(in, seed + i * 1000));
    }
    if (are_harassed) {
        co_return co_await sum_of_harassed(std::move(all), seed);
    }
    long bad = 0;
    for (const long each : co_await gather(std::move(all))) {
        bad += each;
    }
    co_return bad;
}

}  // namespace

TEST_CASE("stress: gathers in gathers leave nothing behind", "[stress]") {
    for (unsigned seed = 1; seed <= 4; ++seed) {
        ledger in;
        CHECK(run_on_three(some_generations(in, seed, false)) == 0);
        CHECK(in.alive == 0);
        CHECK(in.begun > 100);
    }
}

TEST_CASE("stress: gathers that are cancelled at any moment leave nothing behind", "[stress]") {
    for (unsigned seed = 1; seed <= 4; ++seed) {
        ledger in;
        CHECK(run_on_three(some_generations(in, seed, true)) == 0);
        CHECK(in.alive == 0);
    }
}
