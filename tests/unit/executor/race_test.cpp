#include "gatherd/executor/race.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>

#include "gatherd/executor/sleep.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

task<int> after_turns(int turns, int n) {
    for (int i = 0; i < turns; ++i) {
        co_await yield();
    }
    co_return n;
}

task<int> fails_at_once() {
    throw std::runtime_error{"boom"};
    co_return 0;
}

task<int> cleans_up(std::string& out) {
    bool cancelled = false;
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        cancelled = true;
        out.push_back('c');
    }
    co_await yield();
    out.push_back('C');
    if (cancelled) {
        throw std::runtime_error{"clean-up"};
    }
    co_return 0;
}

task<std::string> first_wins() {
    std::string out;
    const int winner = co_await race(cleans_up(out), after_turns(3, 3), after_turns(2, 2));
    co_return out + std::to_string(winner);
}

task<std::string> failure_wins() {
    std::string out;
    std::vector<task<int>> all;
    all.push_back(cleans_up(out));
    all.push_back(after_turns(1, 0));
    all[1] = fails_at_once();
    try {
        co_await race(std::move(all));
    } catch (const std::runtime_error& e) {
        out += e.what();
    }
    co_return out;
}

task<std::string> cancelled_itself() {
    std::string out;
    const auto racing = create_task(race(cleans_up(out), cleans_up(out)));
    co_await yield();
    co_await yield();
    racing.cancel();
    co_await wait(racing.ref());
    co_return out + ends_of(racing);
}

task<bool> of_none() {
    try {
        co_await race(std::vector<task<int>>{});
    } catch (const value_error&) {
        co_return true;
    }
    co_return false;
}

task<std::unique_ptr<int>> pointer_to(int n) {
    co_return std::make_unique<int>(n);
}

task<> nothing() {
    co_return;
}

task<int> of_other_results() {
    co_await race(nothing(), nothing());
    const auto pointer = co_await race(pointer_to(42));
    co_return *pointer;
}

}  // namespace

TEST_CASE("race: the first to end wins, and the others have ended by cancellation", "[executor]") {
    CHECK(serially(first_wins()) == "cC2");
}

TEST_CASE("race: an exception wins too, and those of the others are nobody's", "[executor]") {
    CHECK(serially(failure_wins()) == "cCboom");
}

TEST_CASE("race: cancelled itself, it cancels all and waits for their clean-up", "[executor]") {
    CHECK(serially(cancelled_itself()) == "ccCCc");
}

TEST_CASE("race: of none is an error", "[executor]") {
    CHECK(serially(of_none()));
}

TEST_CASE("race: results may be void, or movable only", "[executor]") {
    CHECK(serially(of_other_results()) == 42);
}
