// How gather runs its children: in place while it can, as tasks of their own where they wait.
#include "gatherd/executor/detail/gathering.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

/// Blocks its thread until the flag is set.
void block_until(const std::atomic<bool>& flag) {
    while (!flag) {
        std::this_thread::yield();
    }
}

task<int> deep(int levels) {
    if (levels == 0) {
        co_return 1;
    }
    std::vector<task<int>> one;
    one.push_back(deep(levels - 1));
    const auto results = co_await gather(std::move(one));
    co_return results[0] + 1;
}

task<std::vector<const task_state*>> who_runs(int children) {
    std::vector<task<const task_state*>> all;
    for (int i = 0; i < children; ++i) {
        all.push_back([]() -> task<const task_state*> { co_return &task_state::current(); }());
    }
    co_return co_await gather(std::move(all));
}

}  // namespace

TEST_CASE("gathering: children run as tasks of their own, not as the one that awaits", "[executor]") {
    const auto main = []() -> task<bool> {
        const auto* const self = &task_state::current();
        const auto children = co_await who_runs(3);
        co_return std::find(children.begin(), children.end(), self) == children.end() && &task_state::current() == self;
    };
    CHECK(run(main()));
}

TEST_CASE("gathering: children start in the order given, on one worker and up to 64", "[executor]") {
    for (const int count : {3, 64}) {
        scheduler one{{.workers = 1}};
        std::vector<int> started;
        const auto main = [](std::vector<int>& seen, int children) -> task<> {
            std::vector<task<int>> all;
            for (int i = 0; i < children; ++i) {
                all.push_back([](std::vector<int>& in, int n) -> task<int> {
                    in.push_back(n);
                    if (n % 3 == 0) {
                        co_await yield();
                    }
                    co_return n;
                }(seen, i));
            }
            const auto results = co_await gather(std::move(all));
            CHECK(std::is_sorted(results.begin(), results.end()));
        };
        run(one, main(started, count));
        CHECK(started.size() == static_cast<std::size_t>(count));
        CHECK(std::is_sorted(started.begin(), started.end()));
    }
}

TEST_CASE("gathering: gathers in gathers to any depth need no stack", "[executor]") {
    CHECK(run(deep(20'000)) == 20'001);
}

TEST_CASE("gathering: another worker takes the rest while a child computes", "[executor]") {
    scheduler two{{.workers = 2}};
    std::atomic<bool> second_ran{false};
    const auto main = [](std::atomic<bool>& flag) -> task<int> {
        std::vector<task<int>> all;
        all.push_back([](std::atomic<bool>& until) -> task<int> {
            block_until(until);  // ends only if the other one runs meanwhile
            co_return 1;
        }(flag));
        all.push_back([](std::atomic<bool>& set) -> task<int> {
            set = true;
            co_return 2;
        }(flag));
        const auto results = co_await gather(std::move(all));
        co_return results[0] * 10 + results[1];
    };
    CHECK(run(two, main(second_ran)) == 12);
}

TEST_CASE("gathering: unjoined, after a failure in the first step the others still run", "[executor]") {
    for (const std::size_t workers : {1U, 2U}) {
        scheduler on{{.workers = workers}};
        std::atomic<int> ran{0};
        const auto main = [](std::atomic<int>& count) -> task<std::string> {
            std::vector<task<int>> all;
            all.push_back([]() -> task<int> {
                throw std::runtime_error{"first"};
                co_return 0;
            }());
            for (int i = 0; i < 200; ++i) {
                all.push_back([](std::atomic<int>& of) -> task<int> {
                    ++of;
                    co_return 0;
                }(count));
            }
            std::string why;
            try {
                co_await gather_unjoined(std::move(all));
            } catch (const std::runtime_error& e) {
                why = e.what();
            }
            while (count < 200) {
                co_await yield();
            }
            co_return why;
        };
        CHECK(run(on, main(ran)) == "first");
        CHECK(ran == 200);
    }
}

TEST_CASE("gathering: after a failure in the first step the others do not start, and their frames are gone",
          "[executor]") {
    for (const std::size_t workers : {1U, 2U}) {
        for (const int children : {50, 10'000}) {
            scheduler on{{.workers = workers}};
            std::atomic<int> began{0};
            const auto held = std::make_shared<int>(0);
            const auto main = [](std::atomic<int>& count, std::shared_ptr<int> hold, int size) -> task<long> {
                std::vector<task<int>> all;
                all.push_back([]() -> task<int> {
                    throw std::runtime_error{"first"};
                    co_return 0;
                }());
                for (int i = 0; i < size; ++i) {
                    all.push_back([](std::atomic<int>& in, std::shared_ptr<int>) -> task<int> {
                        ++in;
                        co_await sleep(1h);
                        co_return 0;
                    }(count, hold));
                }
                try {
                    co_await gather(std::move(all));
                } catch (const std::runtime_error&) {
                    co_return hold.use_count();
                }
                co_return 0;
            };
            CHECK(run(on, main(began, held, children)) == 2);
            CHECK((workers > 1 || began == 0));
        }
    }
}

TEST_CASE("gathering: when the program ends, what has not started is dropped with all that it holds", "[executor]") {
    for (const int children : {50, 10'000}) {
        scheduler one{{.workers = 1}};
        const auto held = std::make_shared<int>(0);
        const auto main = [](std::shared_ptr<int> hold, int count) -> task<> {
            std::vector<task<int>> all;
            all.push_back([]() -> task<int> {
                throw std::runtime_error{"first"};
                co_return 0;
            }());
            for (int i = 0; i < count; ++i) {
                all.push_back([](std::shared_ptr<int> of) -> task<int> { co_return ++*of; }(hold));
            }
            co_await gather_unjoined(std::move(all));  // raises, and so ends the program
        };
        CHECK_THROWS_WITH(run(one, main(held, children)), "first");
        CHECK(held.use_count() == 1);
        CHECK(*held <= children);
    }
}

TEST_CASE("gathering: a program that was left early waits for a child that runs elsewhere", "[executor]") {
    scheduler two{{.workers = 2}};
    std::atomic<bool> elsewhere{false};
    std::atomic<bool> failed{false};
    std::atomic<bool> ended{false};
    const auto main = [](std::atomic<bool>& other, std::atomic<bool>& fails, std::atomic<bool>& end) -> task<> {
        std::vector<task<int>> all;
        all.push_back([](std::atomic<bool>& o, std::atomic<bool>& f) -> task<int> {
            block_until(o);
            f = true;
            throw std::runtime_error{"first"};
            co_return 0;
        }(other, fails));
        all.push_back([](std::atomic<bool>& o, std::atomic<bool>& f, std::atomic<bool>& e) -> task<int> {
            o = true;
            block_until(f);
            std::this_thread::sleep_for(5ms);
            e = true;
            co_return 0;
        }(other, fails, end));
        co_await gather_unjoined(std::move(all));
    };
    CHECK_THROWS_WITH(run(two, main(elsewhere, failed, ended)), "first");
    CHECK(ended);
}

TEST_CASE("gathering: a cancellation with a message reaches those that wait and those that have not started",
          "[executor]") {
    scheduler one{{.workers = 1}};
    std::atomic<int> began{0};
    const auto main = [](std::atomic<int>& count) -> task<std::string> {
        event hold;
        const auto parent = create_task([](std::atomic<int>& of, event& never) -> task<std::string> {
            std::vector<task<int>> all;
            for (int i = 0; i < 3; ++i) {
                all.push_back([](std::atomic<int>& in, event& until) -> task<int> {
                    ++in;
                    try {
                        co_await until.wait();
                    } catch (const cancelled_error& e) {
                        throw std::runtime_error{"told " + e.message()};
                    }
                    co_return 0;
                }(of, never));
            }
            std::string told;
            for (const auto& each : co_await gather_exceptions(std::move(all))) {
                told += each.index() == 1 ? "!" : "?";
            }
            co_return told;
        }(count, hold));
        co_await sleep(1ms);
        parent.cancel("go");
        try {
            co_return co_await parent;
        } catch (const cancelled_error& e) {
            co_return "cancelled: " + e.message();
        }
    };
    CHECK(run(one, main(began)) == "cancelled: go");
    CHECK(began == 3);
}

TEST_CASE("gathering: a child that runs while the gather is cancelled is told where it waits next", "[executor]") {
    scheduler two{{.workers = 2}};
    std::atomic<bool> running{false};
    std::atomic<bool> go{false};
    const auto main = [](std::atomic<bool>& runs, std::atomic<bool>& may_go) -> task<std::string> {
        const auto parent = create_task([](std::atomic<bool>& r, std::atomic<bool>& g) -> task<int> {
            std::vector<task<int>> all;
            all.push_back([]() -> task<int> {  // waits, so that the next one is not run by who awaits
                co_await sleep(1h);
                co_return 0;
            }());
            all.push_back([](std::atomic<bool>& in, std::atomic<bool>& until) -> task<int> {
                in = true;
                block_until(until);
                co_await sleep(1h);
                co_return 0;
            }(r, g));
            co_await gather(std::move(all));
            co_return 0;
        }(runs, may_go));
        while (!runs) {
            co_await yield();
        }
        parent.cancel("now");
        may_go = true;
        try {
            co_await parent;
        } catch (const cancelled_error& e) {
            co_return e.message();
        }
        co_return "not cancelled";
    };
    CHECK(run(two, main(running, go)) == "now");
}

TEST_CASE("gathering: who swallows the cancellation of all its children is cancelled itself, as in asyncio",
          "[executor]") {
    const auto main = []() -> task<bool> {
        const auto parent = create_task([]() -> task<int> {
            std::vector<task<int>> all;
            all.push_back([]() -> task<int> {
                try {
                    co_await sleep(1h);
                } catch (const cancelled_error&) {
                }
                co_return 1;
            }());
            co_return (co_await gather(std::move(all)))[0];
        }());
        co_await sleep(1ms);
        parent.cancel();
        co_await wait(parent.ref());
        co_return parent.cancelled();
    };
    CHECK(run(main()));
}

TEST_CASE("gathering: in a serial scope each child is a task in the line", "[executor]") {
    std::string order;
    const auto main = [](std::string& seen) -> task<> {
        std::vector<task<int>> all;
        for (const char name : {'a', 'b', 'c'}) {
            all.push_back([](std::string& in, char who) -> task<int> {
                in += who;
                co_await yield();
                in += who;
                co_return 0;
            }(seen, name));
        }
        co_await gather(std::move(all));
    };
    serially(main(order));
    CHECK(order == "abcabc");
}

TEST_CASE("gathering: a child that creates tasks and ends leaves them to the program", "[executor]") {
    std::atomic<int> ran{0};
    const auto main = [](std::atomic<int>& count) -> task<> {
        std::vector<task<int>> all;
        for (int i = 0; i < 20; ++i) {
            all.push_back([](std::atomic<int>& of) -> task<int> {
                for (int k = 0; k < 3; ++k) {
                    create_task([](std::atomic<int>& in) -> task<> {
                        ++in;
                        co_return;
                    }(of));
                }
                co_return 0;
            }(count));
        }
        co_await gather(std::move(all));
        while (count < 60) {
            co_await yield();
        }
    };
    run(main(ran));
    CHECK(ran == 60);
}

TEST_CASE("task: awaited before it started it runs in place, and a chain of such needs no stack", "[executor]") {
    static constexpr auto chain = [](auto self, int left) -> task<int> {
        if (left == 0) {
            co_return 0;
        }
        const auto next = create_task(self(self, left - 1));
        co_return 1 + co_await next;
    };
    CHECK(run(chain(chain, 20'000)) == 20'000);
}
