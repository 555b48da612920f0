// The primitives that tasks wait for, on three workers, with cancellations at random moments. What is counted at the
// end is exact: a lost permit, item or wake-up makes a test hang or a sum differ.
#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <vector>

#include "gatherd/executor/barrier.hpp"
#include "gatherd/executor/condition.hpp"
#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/future.hpp"
#include "gatherd/executor/mutex.hpp"
#include "gatherd/executor/queue.hpp"
#include "gatherd/executor/semaphore.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"
#include "tests/stress/harassed.hpp"

using namespace gatherd::executor;

namespace {

constexpr int rounds = 2000;

// ---- mutex -----------------------------------------------------------------------------------

task<long> locks(mutex& only, long& total, unsigned seed) {
    std::mt19937 random{seed};
    long added = 0;
    for (int i = 0; i < rounds; ++i) {
        try {
            const auto guard = co_await only.lock();
            ++total;  // no atomic: the mutex alone keeps this right
            ++added;
            co_await pause(random);
        } catch (const cancelled_error&) {
        }
    }
    co_return added;
}

task<long> difference_under_a_mutex(unsigned seed) {
    mutex only;
    long total = 0;
    std::vector<task<long>> all;
    for (unsigned i = 0; i < 6; ++i) {
        all.push_back(locks(only, total, seed + i));
    }
    const long added = co_await sum_of_harassed(std::move(all), seed);
    co_return only.locked() ? -1 : total - added;
}

// ---- queue -----------------------------------------------------------------------------------

task<long> puts(queue<long>& to, unsigned seed) {
    std::mt19937 random{seed};
    long sum = 0;
    for (long i = 1; i <= rounds; ++i) {
        try {
            co_await to.put(i);
            sum += i;
            co_await pause(random);
        } catch (const cancelled_error&) {  // at put: it is not in the queue
        }
    }
    co_return sum;
}

/// Until it has got a zero.
task<long> gets(queue<long>& from, unsigned seed) {
    std::mt19937 random{seed};
    long sum = 0;
    while (true) {
        try {
            const long item = co_await from.get();
            from.task_done();
            if (item == 0) {
                co_return -sum;
            }
            sum += item;
            co_await pause(random);
        } catch (const cancelled_error&) {  // at get: nothing was taken
        }
    }
}

task<long> puts_then_ends(queue<long>& through, unsigned seed, std::size_t getters) {
    std::vector<task<long>> putting;
    for (unsigned i = 0; i < 3; ++i) {
        putting.push_back(puts(through, seed + i));
    }
    const long sum = co_await sum_of_harassed(std::move(putting), seed);
    for (; getters > 0; --getters) {
        co_await through.put(0);
    }
    co_return sum;
}

task<long> difference_through_a_queue(unsigned seed, std::size_t maxsize) {
    constexpr std::size_t getters = 3;
    queue<long> through{maxsize};
    const auto putting = create_task(puts_then_ends(through, seed, getters));
    std::atomic<long> got{0};
    std::vector<task_handle<>> getting;
    for (unsigned i = 0; i < getters; ++i) {
        getting.push_back(create_task(add_to(got, gets(through, seed + 100 + i))));
        while (!getting.back().ref()->has_waited()) {  // else it may be cancelled before its first step
            co_await yield();
        }
    }
    const auto harassing = create_task(harass(getting, seed));
    const long sum = co_await putting;
    co_await ends_of(std::move(getting));
    co_await harassing;
    co_await through.join();
    co_return through.empty() && !through.full() ? sum + got : -1;
}

// ---- condition -------------------------------------------------------------------------------

/// One token at a time, from hand to hand: a notification that is lost stops everything.
struct handover {
    mutex only;
    condition given{only};
    condition taken{only};
    bool has_token = false;
    std::atomic<bool> over{false};
    std::atomic<long> taken_by_all{0};
};

task<long> gives(handover& through, int tokens, unsigned seed) {
    std::mt19937 random{seed};
    for (int i = 0; i < tokens; ++i) {
        const auto guard = co_await through.only.lock();
        while (through.has_token) {
            co_await through.taken.wait();
        }
        through.has_token = true;
        through.given.notify_one();
        co_await pause(random);  // time for the one that was notified to be cancelled
    }
    const auto guard = co_await through.only.lock();
    while (through.has_token) {
        co_await through.taken.wait();
    }
    through.over = true;
    through.given.notify_all();
    co_return tokens;
}

task<> takes(handover& through, std::atomic<int>& entered) {
    ++entered;
    while (true) {
        try {
            const auto guard = co_await through.only.lock();
            while (!through.has_token && !through.over) {
                co_await through.given.wait();
            }
            if (!through.has_token) {
                co_return;
            }
            through.has_token = false;
            ++through.taken_by_all;
            through.taken.notify_one();
            continue;
        } catch (const cancelled_error&) {
        }
        // A token that it was notified of is for another now: it does not make good itself what it should pass on.
        for (const long seen = through.taken_by_all; !through.over && through.taken_by_all == seen;) {
            try {
                co_await yield();
            } catch (const cancelled_error&) {
            }
        }
    }
}

task<long> difference_of_tokens(unsigned seed) {
    handover through;
    std::atomic<int> entered{0};
    std::vector<task_handle<>> taking;
    for (int i = 0; i < 4; ++i) {
        taking.push_back(create_task(takes(through, entered)));
    }
    while (entered < 4) {  // else one may be cancelled before its first step
        co_await yield();
    }
    // The last is left in peace, so that there is always somebody to take.
    const auto harassing = create_task(harass(std::vector(taking.begin(), taking.end() - 1), seed));
    const long given = co_await gives(through, rounds, seed);
    co_await ends_of(std::move(taking));
    co_await harassing;
    co_return through.only.locked() ? -1 : given - through.taken_by_all;
}

// ---- barrier ---------------------------------------------------------------------------------

constexpr long parties = 4;

/// Until it is aborted: how often it passed, and the indices that it got, times a million.
/// How often a task came through a barrier, and the sum of the indices that it was given there.
struct passages {
    long count = 0;
    long indices = 0;
};

task<passages> passes(barrier& at) {
    passages mine;
    while (true) {
        try {
            mine.indices += static_cast<long>(co_await at.wait());
            ++mine.count;
        } catch (const broken_barrier_error&) {
            if (at.broken()) {
                co_return mine;
            }
        }
    }
}

task<long> whole_rounds_of_a_barrier(unsigned seed) {
    std::mt19937 random{seed};
    barrier at{parties};
    std::vector<task_handle<passages>> all;
    for (long i = 0; i < parties + 2; ++i) {
        all.push_back(create_task(passes(at)));
    }
    for (int i = 0; i < 200; ++i) {
        co_await sleep(std::chrono::microseconds{random() % 200});
        at.reset();
    }
    at.abort();
    passages sum;
    for (const auto& each : all) {
        const passages& one = co_await each;
        sum.count += one.count;
        sum.indices += one.indices;
    }
    const bool whole = sum.count % parties == 0 && sum.indices == sum.count / parties * (0 + 1 + 2 + 3);
    co_return at.n_waiting() == 0 && whole ? 0 : -1;
}

task<long> passes_though_cancelled(barrier& at) {
    while (true) {
        try {
            co_await at.wait();
        } catch (const cancelled_error&) {
        } catch (const broken_barrier_error&) {
            co_return 0;
        }
    }
}

task<long> left_in_a_barrier(unsigned seed) {
    std::mt19937 random{seed};
    barrier at{parties};
    std::vector<task_handle<long>> all;
    for (long i = 0; i < 2 * parties; ++i) {
        all.push_back(create_task(passes_though_cancelled(at)));
    }
    for (int i = 0; i < rounds; ++i) {
        all[random() % all.size()].cancel();
        co_await pause(random);
    }
    at.abort();
    for (const auto& each : all) {
        co_await wait(each.ref());
    }
    co_return static_cast<long>(at.n_waiting());
}

// ---- future ----------------------------------------------------------------------------------

/// What one who is not cancelled himself sees: 1 for the value, 0 for a cancelled future.
task<long> sees(future<long> awaited) {
    try {
        co_return co_await awaited;
    } catch (const cancelled_error&) {
        co_return 0;
    }
}

task<long> sets(promise<long>& of, std::chrono::microseconds delay) {
    co_await sleep(delay);
    co_return of.try_set_result(1) ? 1 : 0;
}

task<long> cancels(future<long> of, std::chrono::microseconds delay) {
    co_await sleep(delay);
    co_return of.cancel() ? 1 : 0;
}

/// Rounds in which a setter, a canceller and a cancelled awaiter meet, less those with one outcome that all saw.
task<long> futures_of_two_minds(unsigned seed) {
    std::mt19937 random{seed};
    const auto some_time = [&random] { return std::chrono::microseconds{random() % 60}; };
    long bad = 0;
    for (int i = 0; i < rounds / 4; ++i) {
        promise<long> of;
        const auto awaited = of.get_future();
        const auto a = create_task(sees(awaited));
        const auto b = create_task(sees(awaited));
        const auto setting = create_task(sets(of, some_time()));
        const auto cancelling = create_task(cancels(awaited, some_time()));
        const auto victim = create_task(sees(awaited));
        co_await sleep(some_time());
        victim.cancel();  // cancels the future, if it waits for it
        const long first = co_await a;
        const long second = co_await b;
        const long set = co_await setting;
        const long cancelled = co_await cancelling;
        co_await wait(victim.ref());
        const bool one_outcome = first == second && first == set && set + cancelled <= 1 && awaited.done() &&
                                 awaited.cancelled() == (set == 0);
        bad += one_outcome ? 0 : 1;
    }
    co_return bad;
}

// ---- destruction -----------------------------------------------------------------------------

/// Of each kind one, such that whoever comes waits.
struct doomed {
    event set;
    semaphore permits{0};
    barrier parties{1000};
    queue<int> empty;
    queue<int> full{1};

    doomed() { full.put_nowait(1); }
};

/// Counts that it ends: it goes on, is abandoned, or is cancelled.
task<> waits_for_doomed(std::shared_ptr<std::atomic<long>> ends, doomed& all, unsigned kind) {
    try {
        switch (kind % 6) {
            case 0:
                co_await all.set.wait();
                break;
            case 1: {
                auto permit = co_await all.permits.acquire();
                permit.forget();  // the semaphore may be gone
                break;
            }
            case 2:
                co_await all.parties.wait();
                break;
            case 3:
                co_await all.empty.get();
                break;
            case 4:
                co_await all.full.put(2);
                break;
            default:
                co_await all.full.join();
                break;
        }
    } catch (const abandoned_error&) {
    } catch (const cancelled_error&) {
    }
    *ends += 1;
}

/// Another task cancels the waiters while this destroys, or serves and destroys, what they wait for.
task<long> destroys_under_waiters(unsigned seed) {
    std::mt19937 random{seed};
    long missing = 0;
    for (int i = 0; i < rounds / 4; ++i) {
        auto all = std::make_unique<doomed>();
        const auto ends = std::make_shared<std::atomic<long>>(0);
        std::vector<task_handle<>> waiting;
        for (unsigned kind = 0; kind < 12; ++kind) {
            waiting.push_back(create_task(waits_for_doomed(ends, *all, kind)));
        }
        for (const auto& each : waiting) {
            while (!each.ref()->has_waited() || each.cancelling() != 0) {  // takes the lock under which it begins to
                co_await yield();
            }
        }
        const auto canceller = create_task([](std::vector<task_handle<>> victims, unsigned first) -> task<> {
            for (std::size_t n = 0; n < victims.size(); ++n) {
                victims[(first + n * 5) % victims.size()].cancel();
            }
            co_return;
        }(waiting, static_cast<unsigned>(random() % 12)));
        co_await pause(random);
        if (random() % 2 == 0) {
            all->set.set();
            if (random() % 2 == 0) {
                all->empty.put_nowait(1);
                static_cast<void>(all->full.get_nowait());
            }
        }
        all.reset();
        co_await canceller;
        for (const auto& each : waiting) {
            co_await wait(each.ref());
        }
        missing += static_cast<long>(waiting.size()) - *ends;
    }
    co_return missing;
}

}  // namespace

TEST_CASE("mutex: keeps cancelled tasks apart, and is not lost with them", "[stress]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    CHECK(run_on_three(difference_under_a_mutex(seed)) == 0);
}

TEST_CASE("queue: what was put by cancelled tasks is got by cancelled tasks, once", "[stress]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    CHECK(run_on_three(difference_through_a_queue(seed, 1)) == 0);
    CHECK(run_on_three(difference_through_a_queue(seed, 8)) == 0);
}

TEST_CASE("condition: no notification is lost with a cancelled task", "[stress]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    CHECK(run_on_three(difference_of_tokens(seed)) == 0);
}

TEST_CASE("barrier: all parties pass, or none, whenever it is reset", "[stress]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    CHECK(run_on_three(whole_rounds_of_a_barrier(seed)) == 0);
    CHECK(run_on_three(left_in_a_barrier(seed)) == 0);
}

TEST_CASE("future: has one outcome for all, whoever sets and cancels", "[stress]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    CHECK(run_on_three(futures_of_two_minds(seed)) == 0);
}

TEST_CASE("sync: what tasks wait for may be destroyed while they are cancelled", "[stress]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    CHECK(run_on_three(destroys_under_waiters(seed)) == 0);
}
