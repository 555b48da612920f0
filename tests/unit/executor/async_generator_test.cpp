#include "gatherd/executor/async_generator.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "gatherd/executor/context_var.hpp"
#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"

using namespace gatherd::executor;

namespace {

async_generator<int> numbers(int end) {
    for (int i = 0; i < end; ++i) {
        co_yield i;
    }
}

/// Notes its end, and how it came.
struct noted_end {
    explicit noted_end(std::vector<std::string>& notes) noexcept : into{notes} {}
    noted_end(const noted_end&) = delete;
    noted_end& operator=(const noted_end&) = delete;
    ~noted_end() { into.emplace_back("destroyed"); }
    std::vector<std::string>& into;
};

async_generator<int> endless(std::vector<std::string>& notes) {
    const noted_end end{notes};
    for (int i = 0;; ++i) {
        co_yield i;
    }
}

/// Its clean-up awaits, and then yields once more if it is told to.
async_generator<int> tidies_up(std::vector<std::string>& notes, bool yields_again) {
    bool was_closed = false;
    try {
        for (int i = 0;; ++i) {
            co_yield i;
        }
    } catch (const generator_exit& exit) {
        notes.emplace_back(exit.what());
        was_closed = true;
    }
    if (was_closed) {
        co_await yield();
        notes.emplace_back("tidy");
        if (yields_again) {
            co_yield -1;
        }
    }
}

async_generator<int> doubled(async_generator<int> source) {
    while (auto item = co_await source.next()) {
        co_yield 2 * *item;
    }
}

}  // namespace

TEST_CASE("async_generator: next gives one item after the other, and then nothing", "[executor]") {
    std::vector<int> items;
    int after_the_end = 0;
    const auto main = [&]() -> task<> {
        auto generator = numbers(3);
        while (auto item = co_await generator.next()) {
            items.push_back(*item);
        }
        after_the_end += (co_await generator.next()).has_value() ? 1 : 0;
        after_the_end += (co_await generator.next()).has_value() ? 1 : 0;
    };
    run(main());
    CHECK(items == std::vector<int>{0, 1, 2});
    CHECK(after_the_end == 0);
}

TEST_CASE("async_generator: it runs only when it is asked", "[executor]") {
    std::vector<std::string> notes;
    const auto main = [&notes]() -> task<> {
        const auto notes_begin = [](std::vector<std::string>& into) -> async_generator<int> {
            into.emplace_back("begun");
            co_yield 1;
            into.emplace_back("went on");
        };
        auto generator = notes_begin(notes);
        notes.emplace_back("made");
        co_await generator.next();
        notes.emplace_back("got one");
        co_await generator.next();
    };
    run(main());
    CHECK(notes == std::vector<std::string>{"made", "begun", "got one", "went on"});
}

TEST_CASE("async_generator: it may await what a task may, on any worker", "[executor]") {
    const auto main = []() -> task<int> {
        const auto waits = []() -> async_generator<int> {
            for (int i = 0; i < 1000; ++i) {
                co_await yield();
                co_yield i;
                const auto twice = [](int n) -> task<int> { co_return 2 * n; };
                co_yield co_await create_task(twice(i));
                co_yield co_await twice(i);
            }
        };
        int sum = 0;
        auto generator = waits();
        while (auto item = co_await generator.next()) {
            sum += *item;
        }
        co_return sum;
    };
    scheduler on{{.workers = 2}};
    CHECK(run(on, main()) == 5 * 999 * 500);
}

TEST_CASE("async_generator: a million items need no stack", "[executor]") {
    const auto main = []() -> task<long> {
        long sum = 0;
        auto generator = doubled(numbers(1'000'000));
        while (auto item = co_await generator.next()) {
            sum += *item;
        }
        co_return sum;
    };
    CHECK(run(main()) == 999'999L * 1'000'000);
}

TEST_CASE("async_generator: a chain of any length needs no stack, run or destroyed", "[executor]") {
    const auto main = [](int length) -> task<int> {
        auto generator = numbers(2);
        for (int i = 0; i < length; ++i) {
            const auto passes_on = [](async_generator<int> source) -> async_generator<int> {
                while (auto item = co_await source.next()) {
                    co_yield *item;
                }
            };
            generator = passes_on(std::move(generator));
        }
        co_await generator.next();
        const auto second = co_await generator.next();
        co_return second.value_or(-1);  // and now all are destroyed, suspended
    };
    CHECK(run(main(100'000)) == 1);
}

TEST_CASE("async_generator: an exception comes out of next, and ends it", "[executor]") {
    std::vector<std::string> notes;
    const auto main = [&notes]() -> task<> {
        const auto breaks = [](std::vector<std::string>& into) -> async_generator<int> {
            const noted_end end{into};
            co_yield 1;
            throw std::runtime_error{"boom"};
        };
        auto generator = breaks(notes);
        co_await generator.next();
        try {
            co_await generator.next();
        } catch (const std::runtime_error& e) {
            notes.emplace_back(e.what());
        }
        notes.emplace_back((co_await generator.next()).has_value() ? "more" : "nothing");
    };
    run(main());
    CHECK(notes == std::vector<std::string>{"destroyed", "boom", "nothing"});
}

TEST_CASE("async_generator: what the copy of an item throws comes out of its co_yield", "[executor]") {
    struct throws_when_copied {
        throws_when_copied() = default;
        throws_when_copied(const throws_when_copied&) { throw std::runtime_error{"no copy"}; }
        throws_when_copied(throws_when_copied&&) noexcept {}
    };
    bool caught = false;
    const auto main = [&caught]() -> task<bool> {
        const auto yields = [](bool& into) -> async_generator<throws_when_copied> {
            const throws_when_copied item;
            try {
                co_yield item;
            } catch (const std::runtime_error&) {
                into = true;
            }
            co_yield throws_when_copied{};
        };
        auto generator = yields(caught);
        co_return (co_await generator.next()).has_value();
    };
    CHECK(run(main()));
    CHECK(caught);
}

TEST_CASE("async_generator: the consumer's cancellation is raised where the generator waits", "[executor]") {
    std::vector<std::string> notes;
    const auto main = [&notes]() -> task<> {
        event waits;
        event never;
        const auto waits_in_vain = [](event& begun, event& wanted,
                                      std::vector<std::string>& into) -> async_generator<int> {
            const noted_end end{into};
            co_yield 1;
            begun.set();
            try {
                co_await wanted.wait();
            } catch (const cancelled_error&) {
                into.emplace_back("cancelled inside");
                throw;
            }
        };
        const auto consumes = [&]() -> task<> {
            auto generator = waits_in_vain(waits, never, notes);
            while (auto item = co_await generator.next()) {
            }
            notes.emplace_back("not reached");
        };
        const auto consumer = create_task(consumes());
        co_await waits.wait();
        consumer.cancel();
        co_await wait(consumer.ref());
        notes.emplace_back(consumer.cancelled() ? "cancelled" : "not cancelled");
    };
    scheduler on{{.workers = 2}};
    run(on, main());
    CHECK(notes == std::vector<std::string>{"cancelled inside", "destroyed", "cancelled"});
}

TEST_CASE("async_generator: a generator may go on after a cancellation", "[executor]") {
    const auto main = []() -> task<int> {
        const auto retries = []() -> async_generator<int> {
            try {
                co_await sleep(std::chrono::hours{1});
            } catch (const cancelled_error&) {
                task_state::current().uncancel();
            }
            co_yield 5;
        };
        const auto consumes = [&]() -> task<int> {
            auto generator = retries();
            const auto item = co_await generator.next();
            co_return *item;
        };
        const auto consumer = create_task(consumes());
        co_await wait(consumer.ref(), std::chrono::nanoseconds{0});  // until it waits
        consumer.cancel();
        co_return co_await consumer;
    };
    CHECK(run(main()) == 5);
}

TEST_CASE("async_generator: its early end runs its destructors", "[executor]") {
    std::vector<std::string> notes;
    const auto main = [&notes]() -> task<> {
        {
            auto generator = endless(notes);
            co_await generator.next();
            co_await generator.next();
            notes.emplace_back("break");
        }
        { const auto never_begun = endless(notes); }
        auto replaced = endless(notes);
        co_await replaced.next();
        replaced = numbers(1);
        notes.emplace_back("end");
    };
    run(main());
    CHECK(notes == std::vector<std::string>{"break", "destroyed", "destroyed", "end"});
}

TEST_CASE("async_generator: aclose lets clean-up await", "[executor]") {
    std::vector<std::string> notes;
    const auto main = [&notes]() -> task<> {
        auto generator = tidies_up(notes, false);
        co_await generator.next();
        co_await generator.aclose();
        notes.emplace_back((co_await generator.next()).has_value() ? "more" : "nothing");
        co_await generator.aclose();  // does nothing

        auto not_begun = tidies_up(notes, false);
        co_await not_begun.aclose();
        notes.emplace_back((co_await not_begun.next()).has_value() ? "more" : "nothing");

        auto lets_it_out = endless(notes);
        co_await lets_it_out.next();
        co_await lets_it_out.aclose();
    };
    run(main());
    CHECK(notes == std::vector<std::string>{"GeneratorExit", "tidy", "nothing", "nothing", "destroyed"});
}

TEST_CASE("async_generator: one that ignores generator_exit is told so, and can be used on", "[executor]") {
    std::vector<std::string> notes;
    const auto main = [&notes]() -> task<> {
        auto generator = tidies_up(notes, true);
        co_await generator.next();
        try {
            co_await generator.aclose();
        } catch (const std::logic_error& e) {
            notes.emplace_back(e.what());
        }
        notes.emplace_back((co_await generator.next()).has_value() ? "more" : "nothing");
    };
    run(main());
    CHECK(notes ==
          std::vector<std::string>{"GeneratorExit", "tidy", "the async_generator ignored generator_exit", "nothing"});
}

TEST_CASE("async_generator: a second next meanwhile is refused", "[executor]") {
    bool refused = false;
    const auto main = [&refused]() -> task<> {
        event go_on;
        const auto waits = [](event& wanted) -> async_generator<int> {
            co_await wanted.wait();
            co_yield 1;
        };
        auto generator = waits(go_on);
        const auto asks = [&]() -> task<> { co_await generator.next(); };
        const auto first = create_task(asks());
        co_await wait(first.ref(), std::chrono::nanoseconds{0});  // until it waits
        try {
            co_await generator.next();
        } catch (const std::logic_error&) {
            refused = true;
        }
        go_on.set();
        co_await first;
    };
    run(main());
    CHECK(refused);
}

TEST_CASE("async_generator: items may be move-only, and outlive the generator", "[executor]") {
    std::vector<int> items;
    const auto main = [&items]() -> task<> {
        std::vector<std::unique_ptr<int>> kept;
        {
            const auto makes = []() -> async_generator<std::unique_ptr<int>> {
                co_yield std::make_unique<int>(1);
                auto two = std::make_unique<int>(2);
                co_yield std::move(two);
            };
            auto generator = makes();
            while (auto item = co_await generator.next()) {
                kept.push_back(std::move(*item));
            }
        }
        for (const auto& each : kept) {
            items.push_back(*each);
        }
    };
    run(main());
    CHECK(items == std::vector<int>{1, 2});
}

TEST_CASE("async_generator: an item may be given in braces, and a local one is copied", "[executor]") {
    std::vector<std::string> items;
    const auto main = [&items]() -> task<> {
        const auto makes = []() -> async_generator<std::string> {
            std::string kept = "kept";
            co_yield kept;
            co_yield kept;
            co_yield "literal";
        };
        auto generator = makes();
        while (auto item = co_await generator.next()) {
            items.push_back(std::move(*item));
        }
        const auto pairs = []() -> async_generator<std::pair<int, std::string>> { co_yield {1, "one"}; };
        auto in_braces = pairs();
        const auto pair = co_await in_braces.next();
        items.push_back(pair->second);
    };
    run(main());
    CHECK(items == std::vector<std::string>{"kept", "kept", "literal", "one"});
}

TEST_CASE("async_generator: of references it gives pointers to what it yields", "[executor]") {
    std::vector<int> values{1, 2, 3};
    const auto main = [&values]() -> task<> {
        const auto each_of = [](std::vector<int>& all) -> async_generator<int&> {
            for (int& each : all) {
                co_yield each;
            }
        };
        auto generator = each_of(values);
        while (int* const item = co_await generator.next()) {
            *item *= 10;
        }
        const auto reads = [](const std::vector<int>& all) -> async_generator<const int&> {
            for (const int& each : all) {
                co_yield each;
            }
        };
        auto reader = reads(values);
        while (const int* const item = co_await reader.next()) {
            static_cast<void>(*item);
        }
    };
    run(main());
    CHECK(values == std::vector<int>{10, 20, 30});
}

TEST_CASE("async_generator: it shares its consumer's context", "[executor]") {
    static context_var<int> number{"number"};
    std::vector<int> seen;
    const auto main = [&seen]() -> task<> {
        const auto reads_and_sets = []() -> async_generator<int> {
            co_yield number.get();
            number.set(2);
            co_yield number.get();
        };
        number.set(1);
        auto generator = reads_and_sets();
        while (auto item = co_await generator.next()) {
            seen.push_back(*item);
        }
        seen.push_back(number.get());
    };
    run(main());
    CHECK(seen == std::vector<int>{1, 2, 2});
}
