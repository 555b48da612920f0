// A program with a daemon inside: plans call its own functions, beside those that every daemon has.
//
//   stock unix:/tmp/stock.sock
//   gatherd call --connect unix:/tmp/stock.sock stock.put apple 3 0.5
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

#include "gatherd/api/embedded_server.hpp"
#include "gatherd/executor/condition.hpp"
#include "gatherd/executor/mutex.hpp"
#include "gatherd/executor/task.hpp"

namespace {

using gatherd::executor::task;

struct article {
    int count = 0;
    double price = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(article, count, price)

/// What is in stock. Calls come from several threads; these are coroutines, so they wait without holding a thread.
class stock {
public:
    task<article> put(std::string name, int count, double price) {
        if (count < 1) {
            throw std::invalid_argument{"count must be at least 1, not " + std::to_string(count)};  // ValueError
        }
        auto held = co_await lock_.lock();
        article& stored = articles_[name];
        stored.count += count;
        stored.price = price;
        changed_.notify_all();
        co_return stored;
    }

    /// Waits until there are as many. A plan bounds the wait: {"wait_for": {"call": "stock.take", ..}, "timeout": 2}.
    task<double> take(std::string name, int count) {
        auto held = co_await lock_.lock();
        co_await changed_.wait([&] { return articles_[name].count >= count; });
        articles_[name].count -= count;
        co_return count* articles_[name].price;
    }

private:
    gatherd::executor::mutex lock_;
    gatherd::executor::condition changed_{lock_};
    std::map<std::string, article> articles_;
};

/// A plain function: the types of its parameters are checked before it is called.
double total(const std::map<std::string, article>& order) {
    double sum = 0;
    for (const auto& [name, each] : order) {
        sum += each.count * each.price;
    }
    return sum;
}

}  // namespace

int main(int argc, char** argv) {
    stock shared;
    gatherd::api::registry functions;
    functions.add(
        "stock.put",
        [&shared](std::string name, int count, double price) { return shared.put(std::move(name), count, price); },
        {.parameters = {{"name"}, {"count", 1}, {"price", 0.0}}, .summary = "Adds to the stock."});
    functions.add("stock.take", [&shared](std::string name, int count) { return shared.take(std::move(name), count); },
                  {.parameters = {{"name"}, {"count", 1}}, .summary = "Takes from the stock, once there is enough."});
    functions.add("stock.total", total, {.parameters = {{"order"}}, .runs = gatherd::api::lane::at_once});

    gatherd::api::settings wanted;
    if (argc > 1) {
        wanted.listen = {argv[1]};
    }
    try {
        gatherd::api::serve(wanted, std::move(functions), [](const gatherd::api::embedded_server& running) {
            std::printf("listening at %s; stop with Ctrl-C\n", running.addresses().front().c_str());
            std::fflush(stdout);
        });
    } catch (const std::exception& wrong) {
        std::fprintf(stderr, "stock: %s\n", wrong.what());
        return 1;
    }
}
