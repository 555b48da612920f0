/// \file
/// The model of executor/idle_workers.hpp with executor/injection_queue.hpp, executor/run_queue.hpp and
/// executor/work_deque.hpp: Relacy runs the sources that ship, under the C++ memory model.
///
/// Modelled      workers that look, search, announce themselves idle, look again and sleep, call for call what
///               executor/worker.cpp and executor/scheduler.cpp do; submitters from outside; jobs that push jobs of
///               their own; wake-ups by nobody's claim, as a socket makes them. A worker sleeps on an event that
///               remembers one wake-up, as the reactor does.
/// Checked       no job waits while every worker sleeps, or is held up by a job that waits for it: that would be a
///               deadlock, which Relacy reports (I3). Where there are no more jobs than workers every job waits for
///               all others to have begun, so not even one worker may sleep while a job waits.
///               Every job runs once, with what its submitter wrote into it visible.
///               At the end the counts of idle and searching workers are right (I1), and claims and claimed agree (Q).
/// Not modelled  timers, stop, the look around after every 61 jobs, and submit_soon, which wakes nobody on purpose.
///
///     idle_workers_model [SUITE...]      MODEL_ITERATIONS=N: so many random runs
///
/// Faults of the model's own, to see that it would notice: MODEL_MUTANT=worker:NAME, where NAME is
/// no_second_look, wake_before_push, silent_last_searcher, silent_take_all or silent_family.
#include "gatherd/executor/detail/idle_workers.hpp"

#include <array>
#include <cstddef>
#include <memory>

#include "gatherd/executor/detail/injection_queue.hpp"
#include "gatherd/executor/detail/work_deque.hpp"
#include "gatherd/executor/detail/run_queue.hpp"
#include "gatherd/executor/work.hpp"

// After all headers of gatherd.
#include "tests/model/relacy_sync.hpp"
#include "tests/model/suites.hpp"

namespace {

using gatherd::executor::work;
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
    bool siblings_together = false;  // a child waits until its siblings have begun
};

template <typename Suite, shape Shape>
class pool_suite : public rl::test_suite<Suite, Shape.workers + Shape.submitters> {
public:
    pool_suite() {
        for (std::size_t i = 0; i < total; ++i) {
            jobs_[i].number = static_cast<int>(i);
        }
        for (worker& each : workers_) {
            each.begun = std::make_unique<job_queue>(2);
            each.created = std::make_unique<job_deque>(2);
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
            RL_ASSERT(workers_[i].claims == workers_[i].claimed);
            idle_.announce(i, workers_[i].searching);
        }
        RL_ASSERT(idle_.claim_for_wake().has_value());   // somebody is idle and nobody searches ...
        RL_ASSERT(!idle_.claim_for_wake().has_value());  // ... and now somebody does
        for (std::size_t i = 0; i < count; ++i) {
            idle_by_themselves += idle_.retract(i) ? 1 : 0;
        }
        RL_ASSERT(idle_by_themselves == count - 1);
        RL_ASSERT(idle_.end_search());
        RL_ASSERT(!idle_.claim_for_wake().has_value());  // nobody is idle
    }

private:
    using job_deque = gatherd::executor::work_deque<work, relacy_sync>;
    using job_queue = gatherd::executor::run_queue<work, relacy_sync>;
    static constexpr std::size_t count = Shape.workers;
    static constexpr std::size_t total = Shape.submitters * Shape.jobs_each * (1 + Shape.children);
    static constexpr bool all_together = total <= count;

    struct worker {
        std::unique_ptr<job_queue> begun;
        std::unique_ptr<job_deque> created;
        int family = 0;
        event wake{event::kind::for_one};
        bool searching = false;
        int claims = 0;
        int claimed = 0;
    };

    // scheduler.cpp

    void wake_one() {
        if (const auto sleeper = idle_.claim_for_wake()) {
            ++workers_[*sleeper].claims;
            workers_[*sleeper].wake.set();
        }
    }

    template <typename Push>
    void submit(job& item, Push push) {
        item.payload(RL_INFO) = item.number;
        if (mutation::chosen().is("wake_before_push")) {
            wake_one();
            push(item);
            return;
        }
        push(item);
        wake_one();
    }

    work* steal_for(std::size_t thief) {
        for (std::size_t i = 1; i < count; ++i) {
            if (work* const item = steal_from(thief, workers_[(thief + i) % count])) {
                return item;
            }
        }
        return injected_.empty() ? nullptr : take_injected(thief);
    }

    bool any_work() {
        if (!injected_.empty()) {
            return true;
        }
        for (const worker& each : workers_) {
            if (each.begun->size() > 0 || each.created->size() > 0) {
                return true;
            }
        }
        return false;
    }

    // worker.cpp

    work* start_new(std::size_t self) {
        worker& own = workers_[self];
        work* eldest = own.created->size() > 0 ? own.created->try_pop() : nullptr;
        std::array<work*, total> family{};
        std::size_t others = 0;
        for (int left = own.family; left > 1 && eldest != nullptr; --left) {
            family[others++] = eldest;
            eldest = own.created->try_pop();
        }
        own.family = 0;
        if (others > 0) {
            for (std::size_t i = 0; i < others; ++i) {
                own.created->push(family[i]);
            }
            if (!mutation::chosen().is("silent_family")) {
                wake_one();
            }
        }
        return eldest != nullptr || others == 0 ? eldest : own.created->try_pop();
    }

    work* find_own(std::size_t self) {
        work* const item = workers_[self].begun->take();
        return item != nullptr ? item : start_new(self);
    }

    work* steal_from(std::size_t thief, worker& victim) {
        job_queue::loot loot;
        const std::size_t got = victim.begun->steal(loot);
        for (std::size_t i = 1; i < got; ++i) {
            workers_[thief].begun->push(loot[i]);
        }
        if (got > 1) {
            wake_one();
        }
        return got > 0 ? loot[0] : victim.created->try_steal();
    }

    work* take_injected(std::size_t self) {
        worker& own = workers_[self];
        work* item = injected_.take_all();
        if (item == nullptr) {
            return nullptr;
        }
        while (item != nullptr) {
            work* const following = item->next;
            own.begun->push(item);
            item = following;
        }
        work* const first = own.begun->take();
        if (own.begun->size() > 0 && !mutation::chosen().is("silent_take_all")) {
            wake_one();
        }
        return first;
    }

    work* find_elsewhere(std::size_t self) {
        if (work* const item = take_injected(self)) {
            return item;
        }
        if (!workers_[self].searching) {
            workers_[self].searching = idle_.begin_search();
        }
        return workers_[self].searching ? steal_for(self) : nullptr;
    }

    void sleep(std::size_t self) {
        worker& own = workers_[self];
        idle_.announce(self, own.searching);
        own.searching = false;
        const bool looks = !mutation::chosen().is("no_second_look");
        if (!(looks && any_work()) && !stopping_) {
            own.wake.wait();
        }
        own.searching = !idle_.retract(self);
        own.claimed += own.searching ? 1 : 0;
    }

    void run_worker(std::size_t self) {
        worker& own = workers_[self];
        while (!stopping_) {
            work* item = find_own(self);
            if (item == nullptr) {
                item = find_elsewhere(self);
            }
            if (item == nullptr) {
                sleep(self);
                continue;
            }
            if (own.searching) {
                own.searching = false;
                if (idle_.end_search() && !mutation::chosen().is("silent_last_searcher") && any_work()) {
                    wake_one();
                }
            }
            run_job(self, static_cast<job&>(*item));
        }
    }

    // The model's own.

    void run_job(std::size_t self, job& item) {
        RL_ASSERT(item.payload(RL_INFO) == item.number);
        ++item.runs;
        RL_ASSERT(item.runs == 1);
        for (job* child = item.children; child != nullptr; child = child->next_child) {
            submit(*child, [&](job& each) {
                workers_[self].created->push(&each);
                ++workers_[self].family;
            });
        }
        if (++begun_ == total) {
            stopping_ = true;
            all_begun_.set();
            for (worker& each : workers_) {
                each.wake.set();
            }
        } else if (all_together || (Shape.siblings_together && item.children == nullptr)) {
            all_begun_.wait();  // of one family: the last child that begins is the last of all
        }
    }

    void run_submitter(std::size_t index) {
        if (Shape.pokes) {
            workers_[rl::rand(Shape.workers)].wake.set();
        }
        constexpr std::size_t family = 1 + Shape.children;
        for (std::size_t i = 0; i < Shape.jobs_each; ++i) {
            job* const parent = &jobs_[(index * Shape.jobs_each + i) * family];
            for (std::size_t child = 1; child < family; ++child) {
                parent[child].next_child = parent->children;
                parent->children = &parent[child];
            }
            submit(*parent, [&](job& each) { injected_.push(each); });
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
    : pool_suite<two_jobs, shape{.workers = 2, .submitters = 2, .jobs_each = 1, .children = 0, .pokes = true}> {};

/// A job that waits for the one that it pushed into its own worker's deque: the other worker must come for it.
struct child : pool_suite<child, shape{.workers = 2, .submitters = 1, .jobs_each = 1, .children = 1, .pokes = true}> {};

/// A job with two children, and so three workers of which two may search at once.
struct children
    : pool_suite<children, shape{.workers = 3, .submitters = 1, .jobs_each = 1, .children = 2, .pokes = true}> {};

/// Two children that wait for each other, and a parent that does not: its worker turns the family round, and must tell
/// the other worker, which may have looked meanwhile.
struct family
    : pool_suite<
          family,
          shape{
              .workers = 2, .submitters = 1, .jobs_each = 1, .children = 2, .pokes = true, .siblings_together = true}> {
};

/// More jobs than workers: nobody waits for anybody, and all run.
struct busy : pool_suite<busy, shape{.workers = 2, .submitters = 2, .jobs_each = 2, .children = 1, .pokes = true}> {};

}  // namespace

int main(int argc, char** argv) {
    using namespace gatherd::model;
    return run_suites(argc, argv,
                      {{"one_job", &bounded<one_job, 2>},
                       {"two_jobs", &at_random<two_jobs, 200'000>},
                       {"child", &at_random<child, 200'000>},
                       {"children", &at_random<children, 100'000>},
                       {"family", &at_random<family, 100'000>},
                       {"busy", &at_random<busy, 100'000>}});
}
