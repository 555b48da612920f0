/// \file
/// The model of executor's idle_workers.hpp with its injection_queue.hpp, run_queue.hpp and work_deque.hpp: Relacy runs
/// the sources that ship, under the C++ memory model.
///
/// Modelled      workers that take their own work, injected work, or stolen work, search, announce themselves idle,
/// look
///               again and sleep, call for call what the executor's worker.cpp and scheduler.cpp do; submitters from
///               outside; jobs that push jobs of their own; full queues, whose overflow goes to the injection queue;
///               polls between two jobs; wake-ups that no submitter has claimed, as a socket makes them. A worker
///               sleeps on an event that remembers one wake-up, as the reactor does. A thief that sees work may steal
///               it at once, or doze first: whether it has waited for long enough is left to chance.
/// Checked       no job waits while every worker sleeps, or is held up by a job that waits for it: that would be a
///               deadlock, which Relacy reports (I3). Where there are no more jobs than workers every job waits for
///               all others to have begun, so not even one worker may sleep while a job waits.
///               Every job runs once, with what its submitter wrote into it visible.
///               At the end the counts of idle and searching workers are right (I1, Q).
/// Not modelled  timers, stop, and placement::soon, which wakes nobody on purpose.
///
///     idle_workers_model [SUITE...]      MODEL_ITERATIONS=N: so many random runs
///
/// Faults of the model's own, to see that it would notice: MODEL_MUTANT=worker:NAME, where NAME is
/// no_second_look       a worker sleeps without the look after its announce
/// forgotten_search     a worker that announced itself and then saw work does not search for it
/// early_trust          a worker asks whether another one searches before its announce, so two may trust each other
/// wake_before_push     a submitter wakes a worker before its push
/// silent_last_searcher the last searcher that found a job looks for no more
/// silent_take          nobody is woken for what a worker has moved from the injection queue to its own
/// silent_poll          nor for what a poll has moved
/// silent_reverse       nor for the spawned jobs that were in no queue while their order was turned round
#include "gatherd/executor/detail/idle_workers.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include "gatherd/executor/detail/injection_queue.hpp"
#include "gatherd/executor/detail/run_queue.hpp"
#include "gatherd/executor/detail/work_deque.hpp"
#include "gatherd/executor/detail/work_list.hpp"
#include "gatherd/executor/work.hpp"

// After all headers of gatherd.
#include "tests/model/relacy_sync.hpp"
#include "tests/model/suites.hpp"

namespace {

using gatherd::executor::work;
using gatherd::executor::work_list;
using gatherd::model::mutation;
using gatherd::model::relacy_sync;

struct job : work {
    job() : work{[](work&) noexcept {}} {}

    rl::var<int> payload;  // plain memory whose data races Relacy reports
    int number = 0;        // known to the model alone, as is all else here that is not Relacy's
    int runs = 0;
    job* children = nullptr;  // pushed when this runs, linked through `next_child`
    job* next_child = nullptr;
};

/// An event of Relacy's that lives as long as this.
class event {
public:
    enum class kind { for_one, for_all };
    explicit event(kind k) { event_.init(k == kind::for_all, false, RL_INFO); }
    ~event() { event_.deinit(RL_INFO); }
    event(const event&) = delete;
    event& operator=(const event&) = delete;
    void set() { event_.set(RL_INFO); }
    void wait() { event_.wait(false, false, RL_INFO); }
    void wait_for_a_moment() { event_.wait(false, true, RL_INFO); }

private:
    rl::generic_event event_;
};

/// What the suites differ in.
struct shape {
    int workers;
    int submitters;
    int jobs_each;                   // of each submitter
    int children;                    // of each of those jobs
    bool pokes;                      // each submitter also wakes some worker without claiming it, before its first push
    std::size_t capacity = 4;        // of each queue of a worker
    bool polls = false;              // a worker may poll before any job
    bool siblings_together = false;  // a child waits until its siblings have begun
    bool in_bulk = false;            // a submitter pushes all its jobs at once
};

template <typename Suite, shape Shape>
class pool_suite : public rl::test_suite<Suite, Shape.workers + Shape.submitters> {
public:
    pool_suite() {
        for (std::size_t i = 0; i < total; ++i) {
            jobs_[i].number = static_cast<int>(i);
        }
    }

    void thread(unsigned index) {
        if (index < count) {
            run_worker(index);
        } else {
            run_submitter(index - count);
        }
    }

    void after() {
        for (const job& each : jobs_) {
            RL_ASSERT(each.runs == 1);
        }
        std::size_t idle_by_themselves = 0;
        for (std::size_t i = 0; i < count; ++i) {
            idle_.announce(i, workers_[i].searching);
        }
        RL_ASSERT(!idle_.is_searched());
        RL_ASSERT(idle_.claim_for_wake().has_value());   // somebody is idle and nobody searches ...
        RL_ASSERT(!idle_.claim_for_wake().has_value());  // ... and now somebody does
        RL_ASSERT(idle_.is_searched());
        for (std::size_t i = 0; i < count; ++i) {
            idle_by_themselves += idle_.retract(i, false) ? 0 : 1;
        }
        RL_ASSERT(idle_by_themselves == count - 1);
        RL_ASSERT(idle_.end_search());
        RL_ASSERT(!idle_.claim_for_wake().has_value());  // nobody is idle
    }

private:
    using job_deque = gatherd::executor::work_deque<work, Shape.capacity, relacy_sync>;
    using job_queue = gatherd::executor::run_queue<work, Shape.capacity, relacy_sync>;
    static constexpr std::size_t count = Shape.workers;
    static constexpr std::size_t total = Shape.submitters * Shape.jobs_each * (1 + Shape.children);
    static constexpr bool all_together = total <= count;
    static constexpr std::size_t most_injected_at_once = 2;
    static constexpr std::size_t most_ready_to_take = (Shape.capacity + 1) / 2;

    struct worker {
        // By themselves: Relacy does not align its suites as a queue wants it.
        std::unique_ptr<job_queue> ready = std::make_unique<job_queue>();
        std::unique_ptr<job_deque> spawned = std::make_unique<job_deque>();
        std::size_t unordered = 0;
        event wake{event::kind::for_one};
        bool searching = false;
        bool saw_work = false;
        bool gives_way = false;

        [[nodiscard]] std::size_t backlog() const { return ready->size() + spawned->size(); }
    };

    // scheduler.cpp

    void wake_one() {
        if (!idle_.has_to_wake()) {
            return;
        }
        if (const auto sleeper = idle_.claim_for_wake()) {
            workers_[*sleeper].wake.set();
        }
    }

    template <typename Push>
    void submit(job& item, Push push) {
        item.payload(RL_INFO) = item.number;
        if (is_faulty("wake_before_push")) {
            wake_one();
            push(item);
            return;
        }
        push(item);
        wake_one();
    }

    void inject(work& item) {
        work_list one;
        one.push(item);
        injected_.push(one);
    }

    bool any_work() {
        if (!injected_.empty()) {
            return true;
        }
        for (const worker& each : workers_) {
            if (each.backlog() > 0) {
                return true;
            }
        }
        return false;
    }

    // worker.cpp

    void push_ready(worker& own, work& item) {
        if (own.gives_way || !own.ready->try_push(item)) {
            inject(item);
        }
    }

    void spawn(worker& own, work& item) {
        if (own.spawned->try_push(item)) {
            ++own.unordered;
        } else {
            inject(item);
        }
    }

    void reverse_spawned(worker& own) {
        work_list newest_first;
        for (; own.unordered > 0; --own.unordered) {
            work* const item = own.spawned->try_pop();
            if (item == nullptr) {
                break;
            }
            newest_first.push(*item);
        }
        while (!newest_first.empty()) {
            RL_ASSERT(own.spawned->try_push(newest_first.pop()));
        }
        if (!is_faulty("silent_reverse")) {
            wake_one();
        }
    }

    work* next_spawned(worker& own) {
        if (own.unordered > 1) {
            reverse_spawned(own);
        }
        own.unordered = 0;
        return own.spawned->size() > 0 ? own.spawned->try_pop() : nullptr;
    }

    work* next_own(worker& own) {
        work* const item = own.ready->try_take();
        return item != nullptr ? item : next_spawned(own);
    }

    bool take_injected(worker& own) {
        work_list taken;
        const std::size_t room = most_ready_to_take - std::min(most_ready_to_take, own.ready->size());
        injected_.take(std::min(most_injected_at_once, room), taken);
        own.gives_way = room == 0 && !injected_.empty();
        const bool some = !taken.empty();
        while (!taken.empty()) {
            push_ready(own, taken.pop());
        }
        return some;
    }

    void poll(worker& own) {
        bool more = take_injected(own);
        if (work* const oldest = own.spawned->size() > 0 ? own.spawned->try_steal() : nullptr) {
            push_ready(own, *oldest);
            more = true;
        }
        if (more && !is_faulty("silent_poll")) {
            wake_one();
        }
    }

    work* steal_from(worker& own, worker& victim) {
        typename job_queue::loot loot;
        const std::size_t got = victim.ready->try_steal(loot);
        for (std::size_t i = 1; i < got; ++i) {
            push_ready(own, *loot[i]);
        }
        return got > 0 ? loot[0] : victim.spawned->try_steal();
    }

    bool watch_victims(std::size_t self) {
        for (std::size_t i = 1; i < count; ++i) {
            if (workers_[(self + i) % count].backlog() > 0) {
                return true;
            }
        }
        return false;
    }

    work* search(std::size_t self) {
        worker& own = workers_[self];
        own.saw_work = false;
        if (take_injected(own)) {
            return own.ready->try_take();
        }
        const bool have_waited = rl::rand(2) == 0;
        for (std::size_t i = 1; have_waited && i < count; ++i) {
            if (work* const item = steal_from(own, workers_[(self + i) % count])) {
                return item;
            }
        }
        own.saw_work = watch_victims(self);
        return nullptr;
    }

    work* find_elsewhere(std::size_t self) {
        worker& own = workers_[self];
        const bool had_injected = take_injected(own);
        if (work* const item = next_own(own)) {
            if (had_injected && own.backlog() > 0 && !is_faulty("silent_take")) {
                wake_one();
            }
            return item;
        }
        const bool sleeps_again = !had_injected && rl::rand(2) == 0;  // a socket woke it, and that is done
        if (!own.searching && !sleeps_again) {
            own.searching = idle_.begin_search();
        }
        return own.searching ? search(self) : nullptr;
    }

    void park(std::size_t self) {
        worker& own = workers_[self];
        const bool trusts_early = is_faulty("early_trust") && idle_.is_searched();
        idle_.announce(self, own.searching);
        own.searching = false;
        const bool may_sleep = is_faulty("no_second_look") || trusts_early || idle_.is_searched() || !any_work();
        if (may_sleep && !stopping_) {
            own.wake.wait();
        }
        own.searching = idle_.retract(self, !may_sleep && !is_faulty("forgotten_search"));
    }

    void run_worker(std::size_t self) {
        worker& own = workers_[self];
        while (!stopping_) {
            if (Shape.polls && rl::rand(2) == 0) {
                poll(own);
            }
            work* item = next_own(own);
            if (item == nullptr) {
                item = find_elsewhere(self);
            }
            if (item == nullptr) {
                if (own.searching && own.saw_work) {
                    own.wake.wait_for_a_moment();  // it dozes
                } else {
                    park(self);
                }
                continue;
            }
            if (own.searching) {
                own.searching = false;
                if (idle_.end_search() && !is_faulty("silent_last_searcher") && any_work()) {
                    wake_one();
                }
            }
            run_job(own, static_cast<job&>(*item));
        }
    }

    // The model's own.

    [[nodiscard]] static bool is_faulty(std::string_view fault) { return mutation::chosen().is(fault); }

    void run_job(worker& own, job& item) {
        RL_ASSERT(item.payload(RL_INFO) == item.number);
        ++item.runs;
        RL_ASSERT(item.runs == 1);
        for (job* child = item.children; child != nullptr; child = child->next_child) {
            submit(*child, [&](job& each) { spawn(own, each); });
        }
        if (++begun_ == total) {
            stopping_ = true;
            all_begun_.set();
            for (worker& each : workers_) {
                each.wake.set();
            }
        } else if (all_together || (Shape.siblings_together && item.children == nullptr)) {
            all_begun_.wait();  // of one job's children: the last one that begins is the last job of all
        }
    }

    void run_submitter(std::size_t index) {
        if (Shape.pokes) {
            workers_[rl::rand(Shape.workers)].wake.set();
        }
        constexpr std::size_t with_children = 1 + Shape.children;
        work_list all;
        for (std::size_t i = 0; i < Shape.jobs_each; ++i) {
            job* const parent = &jobs_[(index * Shape.jobs_each + i) * with_children];
            for (std::size_t child = 1; child < with_children; ++child) {
                parent[child].next_child = parent->children;
                parent->children = &parent[child];
            }
            if (Shape.in_bulk) {
                parent->payload(RL_INFO) = parent->number;
                all.push(*parent);
            } else {
                submit(*parent, [&](job& each) { inject(each); });
            }
        }
        if (Shape.in_bulk) {
            injected_.push(all);
            wake_one();
        }
    }

    gatherd::executor::idle_workers<relacy_sync> idle_{count};
    gatherd::executor::injection_queue<relacy_sync> injected_;
    std::array<worker, count> workers_;
    std::array<job, total> jobs_;
    event all_begun_{event::kind::for_all};
    std::size_t begun_ = 0;
    bool stopping_ = false;
};

/// One job from outside for one worker: the smallest race of a push with a worker that goes to sleep.
struct one_job
    : pool_suite<one_job, shape{.workers = 1, .submitters = 1, .jobs_each = 1, .children = 0, .pokes = false}> {};

/// Two jobs at once from outside, for two workers that both must run.
struct two_jobs
    : pool_suite<two_jobs,
                 shape{.workers = 2, .submitters = 2, .jobs_each = 1, .children = 0, .pokes = true, .polls = true}> {};

/// Two jobs that come in one push with one wake-up, for two workers that both must run.
struct bulk : pool_suite<bulk, shape{.workers = 2,
                                     .submitters = 1,
                                     .jobs_each = 2,
                                     .children = 0,
                                     .pokes = false,
                                     .polls = true,
                                     .in_bulk = true}> {};

/// A job that waits for the one that it pushed into its own worker's deque: the other worker must come for it.
struct child : pool_suite<child, shape{.workers = 2, .submitters = 1, .jobs_each = 1, .children = 1, .pokes = true}> {};

/// A job with two children, and so three workers of which two may search at once.
struct children
    : pool_suite<children, shape{.workers = 3, .submitters = 1, .jobs_each = 1, .children = 2, .pokes = true}> {};

/// Two children that wait for each other, and a parent that does not: its worker turns their order round, and must wake
/// the other worker, which may have looked meanwhile.
struct siblings
    : pool_suite<
          siblings,
          shape{
              .workers = 2, .submitters = 1, .jobs_each = 1, .children = 2, .pokes = true, .siblings_together = true}> {
};

/// Three workers, three jobs and queues of one slot: what does not fit goes to the injection queue.
struct overflow : pool_suite<overflow, shape{.workers = 3,
                                             .submitters = 1,
                                             .jobs_each = 1,
                                             .children = 2,
                                             .pokes = true,
                                             .capacity = 1,
                                             .polls = true}> {};

/// More jobs than workers: nobody waits for anybody, and all run.
struct busy : pool_suite<busy, shape{.workers = 2,
                                     .submitters = 2,
                                     .jobs_each = 2,
                                     .children = 2,
                                     .pokes = true,
                                     .capacity = 1,
                                     .polls = true}> {};

}  // namespace

int main(int argc, char** argv) {
    using namespace gatherd::model;
    return run_suites(argc, argv,
                      {{"one_job", &bounded<one_job, 3>},
                       {"two_jobs", &at_random<two_jobs, 200'000>},
                       {"bulk", &at_random<bulk, 200'000>},
                       {"child", &at_random<child, 200'000>},
                       {"children", &at_random<children, 100'000>},
                       {"siblings", &at_random<siblings, 100'000>},
                       {"overflow", &at_random<overflow, 100'000>},
                       {"busy", &at_random<busy, 100'000>}});
}
