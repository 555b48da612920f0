#include "gatherd/executor/shield.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>

#include "gatherd/executor/event.hpp"
#include "gatherd/executor/sleep.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;

namespace {

task<int> number_after(event& gate, int n) {
    co_await gate.wait();
    co_return n;
}

task<int> awaits_shielded(task_handle<int> inner) {
    co_return co_await shield(inner);
}

task<std::string> outer_is_cancelled(bool when_done) {
    event gate;
    const auto inner = create_task(number_after(gate, 7));
    const auto outer = create_task(awaits_shielded(inner));
    co_await yield();
    if (when_done) {
        gate.set();
        co_await yield();  // inner ends, and calls outer
    }
    outer.cancel();
    co_await wait(outer.ref());
    gate.set();
    const int value = co_await inner;
    co_return ends_of(outer, inner) + std::to_string(value);
}

task<std::string> inner_is_cancelled() {
    event gate;
    const auto inner = create_task(number_after(gate, 7));
    const auto outer = create_task(awaits_shielded(inner));
    co_await yield();
    inner.cancel();
    co_await wait(outer.ref());
    co_return ends_of(outer, inner) + std::to_string(outer.cancelling());
}

task<> fails() {
    throw std::runtime_error{"boom"};
    co_return;
}

task<std::string> of_coroutines() {
    event gate;
    gate.set();
    const int value = co_await shield(number_after(gate, 7));
    std::string text = std::to_string(value);
    try {
        co_await shield(fails());
    } catch (const std::runtime_error& e) {
        text += e.what();
    }
    co_return text;
}

}  // namespace

TEST_CASE("shield: cancelling who awaits leaves the task alone", "[executor]") {
    CHECK(serially(outer_is_cancelled(false)) == "cv7");
}

TEST_CASE("shield: a cancellation that crosses with the end is raised", "[executor]") {
    CHECK(serially(outer_is_cancelled(true)) == "cv7");
}

TEST_CASE("shield: a task that is cancelled itself raises CancelledError", "[executor]") {
    CHECK(serially(inner_is_cancelled()) == "cc0");
}

TEST_CASE("shield: takes coroutines, and gives their results and exceptions", "[executor]") {
    CHECK(serially(of_coroutines()) == "7boom");
}
