// A pipeline: one task finds pages, several load them, one adds up their sizes.
//
// Bounded queues between the stages keep memory small: a stage that is ahead waits. A semaphore limits how many pages
// are loaded at once, however many loaders there are.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "gatherd/executor/queue.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/semaphore.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/task_group.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

constexpr int pages = 20;
constexpr int loaders = 5;

struct stages {
    queue<std::optional<int>> found{4};           // the numbers of pages; nothing: there are no more
    queue<std::optional<std::string>> loaded{4};  // their texts; nothing: a loader has ended
    semaphore connections{2};
    std::atomic<int> open{0};
    std::atomic<int> most_open{0};
};

task<> find(stages& to) {
    for (int page = 1; page <= pages; ++page) {
        co_await to.found.put(page);
    }
    for (int i = 0; i < loaders; ++i) {
        co_await to.found.put(std::nullopt);
    }
}

task<std::string> fetch(stages& with, int page) {
    const int open = ++with.open;
    int most = with.most_open;
    while (open > most && !with.most_open.compare_exchange_weak(most, open)) {
    }
    co_await sleep(1ms);  // in place of a network
    --with.open;
    co_return std::string(static_cast<std::size_t>(page), 'x');
}

task<> load(stages& between) {
    while (const std::optional<int> page = co_await between.found.get()) {
        const auto connection = co_await between.connections.acquire();
        std::string text = co_await fetch(between, *page);
        co_await between.loaded.put(std::move(text));
    }
    co_await between.loaded.put(std::nullopt);
}

task<std::size_t> add_up(stages& with) {
    std::size_t bytes = 0;
    for (int running = loaders; running > 0;) {
        const std::optional<std::string> text = co_await with.loaded.get();
        text ? bytes += text->size() : static_cast<std::size_t>(--running);
    }
    co_return bytes;
}

task<> pipeline() {
    stages all;
    const auto body = [&all](task_group& group) -> task<std::size_t> {
        group.create_task(find(all));
        for (int i = 0; i < loaders; ++i) {
            group.create_task(load(all));
        }
        co_return co_await add_up(all);
    };
    const std::size_t bytes = co_await with_task_group(body);
    std::printf("%d pages, %zu bytes, no more than 2 connections: %s\n", pages, bytes,
                all.most_open <= 2 ? "yes" : "no");
}

}  // namespace

int main() {
    run(pipeline());
}
