/// \file
/// The load on job queues, which have protocols of their own: threads that hand in batches and wait for all results.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace gatherd::bench {

/// What a driver is told: HOST is 127.0.0.1.
struct queue_options {
    int port;
    std::size_t batch;
    std::size_t connections;
    std::chrono::duration<double> duration;

    /// From `drive PORT BATCH CONNECTIONS SECONDS`.
    static queue_options from(char** words) {
        return {std::atoi(words[2]), std::strtoul(words[3], nullptr, 10), std::strtoul(words[4], nullptr, 10),
                std::chrono::duration<double>{std::atof(words[5])}};
    }
};

/// A way to run a batch on one connection of its own: returns when all results are there. Called again and again.
using batch_runner = std::function<void()>;

/// Runs batches on all connections for the time, each connection one after the other, and prints tasks a second and the
/// quantiles of a batch's time as JSON, named as `gatherd bench --json` names them.
inline void drive(const queue_options& how, const std::function<batch_runner(std::size_t connection)>& connect) {
    using clock = std::chrono::steady_clock;
    std::vector<std::vector<double>> took(how.connections);
    std::atomic<std::size_t> ready{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < how.connections; ++i) {
        threads.emplace_back([&, i] {
            const auto run = connect(i);
            run();  // warm
            ++ready;
            while (ready != how.connections) {
                std::this_thread::yield();
            }
            const auto end = clock::now() + how.duration;
            for (auto now = clock::now(); now < end;) {
                run();
                const auto after = clock::now();
                took[i].push_back(std::chrono::duration<double>(after - now).count());
                now = after;
            }
        });
    }
    std::vector<double> all;
    for (std::size_t i = 0; i < how.connections; ++i) {
        threads[i].join();
        all.insert(all.end(), took[i].begin(), took[i].end());
    }
    std::sort(all.begin(), all.end());
    const auto quantile = [&all](double part) {
        return all[std::min(all.size() - 1, static_cast<std::size_t>(part * static_cast<double>(all.size())))];
    };
    const double batches = static_cast<double>(all.size()) / how.duration.count();
    std::printf(R"({"tasks_a_second": %.1f, "latency": {"p50": %.9f, "p99": %.9f, "p99.9": %.9f, "max": %.9f}})"
                "\n",
                batches * static_cast<double>(how.batch), quantile(0.5), quantile(0.99), quantile(0.999), all.back());
}

/// Ends the process with the reason.
[[noreturn]] inline void give_up(const std::string& why) {
    std::fprintf(stderr, "%s\n", why.c_str());
    std::exit(1);
}

}  // namespace gatherd::bench
