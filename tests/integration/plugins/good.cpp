// Functions of each kind, which use the executor of the daemon that loads them.
#include "gatherd/api/plugin.hpp"

#include <chrono>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "gatherd/executor/condition.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/mutex.hpp"
#include "gatherd/executor/sleep.hpp"

namespace {

using gatherd::api::lane;
using gatherd::executor::task;

struct point {
    double x = 0;
    double y = 0;
};

void from_json(const nlohmann::json& from, point& read) {
    from.at("x").get_to(read.x);
    from.at("y").get_to(read.y);
}

double distance(const point& from, const point& to) {
    return std::hypot(to.x - from.x, to.y - from.y);
}

double add(double left, double right) {
    return left + right;
}

task<int> sleeping(int milliseconds) {
    co_await gatherd::executor::sleep(std::chrono::milliseconds{milliseconds});
    co_return milliseconds;
}

task<int> sum_of_sleeping(std::vector<int> all) {
    std::vector<task<int>> tasks;
    for (const int each : all) {
        tasks.push_back(sleeping(each));
    }
    int sum = 0;
    for (const int each : co_await gatherd::executor::gather(std::move(tasks))) {
        sum += each;
    }
    co_return sum;
}

task<> never() {
    gatherd::executor::event never;
    co_await never.wait();
}

void add_functions(gatherd::api::registry& functions) {
    functions.add("my.distance", distance, {.parameters = {{"from"}, {"to"}}, .summary = "Between two points."});
    functions.add("my.add", add, {.parameters = {{"left"}, {"right"}}, .runs = lane::at_once});
    functions.add("my.sum_of_sleeping", sum_of_sleeping);
    functions.add("my.never", never);
    functions.add("my.fail", [](const std::string& text) -> int { throw std::out_of_range{text}; });
    functions.add("my.zeros", [](std::size_t count) { return std::vector<int>(count); });
    functions.add("my.text", [](std::size_t bytes) { return std::string(bytes, 'x'); }, {.runs = lane::blocking});
}

}  // namespace

const gatherd::api::plugin* gatherd_plugin() {
    static constexpr auto described = gatherd::api::plugin_of(add_functions);
    return &described;
}
