/// \file
/// The loop of a pool over bare socketpairs, as a yardstick: each of the workers gets the next call when it has
/// answered. It knows neither plans nor limits, and reads of an answer its result only.
///
/// Usage: bare_pool CALLS WORKERS COMMAND...    prints calls a second
#include <charconv>
#include <chrono>
#include <cstdlib>

#include "bench/workers/process.hpp"

namespace {

using namespace gatherd::bench;

struct worker {
    int socket;
    std::size_t number = 0;  // of its call
    std::string answer{};
};

/// Whether the line says that the call of that number gave one more.
bool is_right(std::string_view line, std::size_t number) {
    constexpr std::string_view key = "\"result\":";
    const auto at = line.find(key);
    std::size_t result = 0;
    return at != line.npos &&
           std::from_chars(line.data() + at + key.size(), line.data() + line.size(), result).ec == std::errc{} &&
           result == number + 1;
}

void run(std::vector<worker>& workers, int epoll, std::size_t calls) {
    std::size_t begun = 0;
    std::size_t done = 0;
    const auto give_next = [&](worker& one) {
        if (begun < calls) {
            one.number = begun++;
            send_whole(one.socket, invoke(one.number, one.number));
        }
    };
    for (worker& each : workers) {
        give_next(each);
    }
    for (std::array<epoll_event, 16> events; done < calls;) {
        const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            worker& one = *static_cast<worker*>(events[static_cast<std::size_t>(i)].data.ptr);
            receive_more(one.socket, one.answer);
            if (one.answer.back() != '\n') {
                continue;
            }
            if (!is_right(one.answer, one.number)) {
                std::fprintf(stderr, "a wrong answer: %s", one.answer.c_str());
                std::exit(1);
            }
            one.answer.clear();
            ++done;
            give_next(one);
        }
    }
}

}  // namespace

int main(int count, char** words) {
    if (count < 4) {
        std::fputs("usage: bare_pool CALLS WORKERS COMMAND...\n", stderr);
        return 2;
    }
    const std::size_t calls = std::strtoul(words[1], nullptr, 10);
    std::vector<worker> workers;
    for (std::size_t i = 0; i < std::strtoul(words[2], nullptr, 10); ++i) {
        workers.push_back({start_worker(words + 3)});
    }
    const int epoll = checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    for (worker& each : workers) {
        epoll_event wanted{.events = EPOLLIN, .data = {.ptr = &each}};
        checked(::epoll_ctl(epoll, EPOLL_CTL_ADD, each.socket, &wanted), "epoll_ctl");
    }
    run(workers, epoll, calls / 10);  // warm
    const auto begin = std::chrono::steady_clock::now();
    run(workers, epoll, calls);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("%f\n", static_cast<double>(calls) / took.count());
}
