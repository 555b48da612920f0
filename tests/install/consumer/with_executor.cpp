// A program that uses the installed executor, and nothing else of gatherd.
#include <chrono>
#include <cstdio>
#include <vector>

#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"

using namespace std::chrono_literals;
namespace ex = gatherd::executor;

ex::task<int> after(std::chrono::milliseconds delay, int result) {
    co_await ex::sleep(delay);
    co_return result;
}

ex::task<int> sum() {
    std::vector<ex::task<int>> parts;
    parts.push_back(after(2ms, 40));
    parts.push_back(after(1ms, 2));
    const auto results = co_await ex::gather(std::move(parts));
    co_return results[0] + results[1];
}

int main() {
    std::printf("%d\n", ex::run(sum()));
}
