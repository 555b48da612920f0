/// \file
/// Who serves which functions, and which of their calls run where.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/error.hpp"
#include "api/latency_histogram.hpp"
#include "api/plan/model/registry.hpp"
#include "api/process/peer_process.hpp"
#include "api/workers/call_line.hpp"
#include "api/workers/declaration.hpp"
#include "api/workers/served_call.hpp"
#include "api/workers/worker.hpp"
#include "gatherd/api/limits.hpp"
#include "gatherd/api/value.hpp"
#include "gatherd/executor/timer.hpp"

namespace gatherd::executor {
class scheduler;
}

namespace gatherd::api::workers {

/// A name that workers serve, or served not long ago, or that calls wait for. Under the table's lock.
struct served_name {
    using clock = std::chrono::steady_clock;

    served_name(std::string its_name, program_turns& turns) : name{std::move(its_name)}, line{turns} {}

    const std::string name;
    std::vector<offer*> offers{};  ///< of workers that serve it now
    call_line line;
    offer* newest = nullptr;                       ///< whose declaration plans are checked by
    bool is_known = false;                         ///< the registry has it
    bool is_sweeping = false;                      ///< the timer is set: calls wait, and nobody serves the name
    clock::time_point orphaned_at = clock::now();  ///< since when nobody serves it
    std::string loss{};                            ///< why
    std::optional<std::list<std::shared_ptr<served_name>>::iterator> remembered{};
    executor::timer sweep;

    std::size_t running = 0;  ///< calls, as all below
    std::uint64_t returned = 0;
    std::uint64_t failed = 0;
    std::chrono::nanoseconds time_queued{0};
    latency_histogram times_run{};
};

/// What the calls of one name did.
struct name_calls {
    std::string name;
    std::size_t queued = 0;   ///< calls that wait now
    std::size_t running = 0;  ///< calls that run now
    std::uint64_t returned = 0;
    std::uint64_t failed = 0;
    std::chrono::nanoseconds time_queued{0};
    latency_histogram times_run{};
};

/// The workers, their functions and the calls on their way.
///
/// A declaration becomes a function of the registry, whose body finds a worker for each call (`call_worker`). A call
/// gets a place in the worker that has the most free ones, or waits in line. Invariant: while a call waits, no worker
/// that serves its name has a free place.
///
/// Threads: all members are safe from any thread. One lock; the registry's, events and timers are taken under it, and
/// nothing else: messages are sent without it.
/// Cost: of a call, linear in the workers that serve its name, then, when a place becomes free, in the functions of
/// that worker. Both are at most limits.functions, together: some microseconds for what is usual. Who serves or goes
/// with many functions holds the lock for a part of them at a time.
class worker_table {
public:
    using bounds_source = std::function<const limits&()>;

    worker_table(executor::scheduler& threads, plan::registry& functions, bounds_source bounds);
    ~worker_table();
    worker_table(const worker_table&) = delete;
    worker_table& operator=(const worker_table&) = delete;

    // The connections' side.

    /// What the worker serves from now on, in place of what it said last. It gets no call before `resume`, which is to
    /// be called once for each serve that succeeds. An error: the functions of all workers together were more than
    /// limits.functions, or one is a pool's of which the worker is none, and nothing has changed. `path`: where the
    /// list of functions stands in the params.
    [[nodiscard]] std::optional<error> serve(const std::shared_ptr<worker>& host, worker_info info,
                                             std::vector<declaration_ptr> functions, const std::string& path);

    /// The answer to serve has been sent.
    void resume(worker& served);

    /// It wanted to serve, and was refused: for who asks why its pool does not serve.
    void note_refusal(worker& host, const std::string& why);

    /// Its connection has ended: calls that it had go to others, or fail. Where it is of a pool, that is told instead,
    /// and calls `end` when it knows more. `why`: the daemon ended it for that; empty: the worker did.
    void lose(worker& gone, const std::string& why);

    /// The call of that id, which is over for the worker: it has answered. Null if there is none.
    [[nodiscard]] std::shared_ptr<served_call> take_answered(worker& host, std::uint64_t id, bool has_returned);

    /// The call of that id, or null.
    [[nodiscard]] std::shared_ptr<served_call> find_call(worker& host, std::uint64_t id);

    /// "w7".
    [[nodiscard]] std::string id_of(const worker& named) const;

    /// What it serves.
    [[nodiscard]] std::vector<std::string> names_of(const worker& host) const;

    // The pools' side.

    /// A process of a pool has a connection. `end` is owed to it.
    void join(const worker& made);

    /// Why the daemon has ended its connection, or will; empty: it has not.
    [[nodiscard]] std::string why_hung_up(const worker& asked) const;

    /// Why its last serve was refused; empty: it was not.
    [[nodiscard]] std::string refusal_of(const worker& asked) const;

    /// The process gets no new calls. It is told how long it may take for those that it has.
    void rest(worker& tired, std::chrono::milliseconds within);

    /// Its process has ended, or its connection is of no use any more: calls that it had go to others, or fail.
    void end(worker& gone, const std::string& why);

    /// The pool will serve these names, whoever calls them: they belong to it from now on, in place of those that it
    /// listed before.
    void list(const std::shared_ptr<const std::string>& pool, const std::vector<std::string>& names);

    /// There is no such pool any more: its names are anybody's.
    void forget_pool(const std::string& pool);

    /// A pool that has not served yet: checks of plans wait for it. Until `serve`, or forget_pool.
    void expect(const std::string& pool);

    /// Why no process of the pool serves at the moment; empty: one does.
    void set_fault(const std::string& pool, const std::string& why);

    // The service's side.

    /// Whether a pool has not served since the daemon started.
    [[nodiscard]] bool is_expecting() const;

    /// How many of those that were expected have come, or will not: who has found no function looks again if this has
    /// changed meanwhile.
    [[nodiscard]] std::uint64_t arrivals() const noexcept { return arrivals_.load(); }

    /// Nobody is expected any more: who waits is called. When the daemon ends.
    void end_expecting();

    /// Calls it when fewer pools are expected than now; at once if none is. The number takes it back.
    std::uint64_t when_served(std::function<void()> call);
    void forget_call(std::uint64_t number) noexcept;

    /// Why pools that have not served do not, of the first three by name: for who calls a function that nobody has
    /// served. Empty: none is like that.
    [[nodiscard]] std::string faults() const;

    /// Whether processes of pools have a connection, or will.
    [[nodiscard]] bool has_pools() const;

    /// How many there are, and processes of pools that will.
    [[nodiscard]] std::size_t size() const;

    /// Tells all workers that the daemon stops, and how long it waits.
    void drain(std::chrono::nanoseconds within);

    /// How many workers there are, and how many functions they serve, together.
    [[nodiscard]] std::size_t declared() const;

    /// The answer to method workers.
    [[nodiscard]] value describe() const;

    /// Of each name what its calls did; for method stats.
    /// Of more than `most` names those with the most calls.
    [[nodiscard]] value describe_calls(std::size_t most = ~std::size_t{0}) const;

    /// How many names those are.
    [[nodiscard]] std::size_t names() const;

    /// The same for up to so many names, the first in the order of the table; those of all others together have an
    /// empty name, and come last.
    [[nodiscard]] std::vector<name_calls> calls_by_name(std::size_t most) const;

    /// How long all calls so far have waited for a place.
    [[nodiscard]] latency_histogram times_queued() const;

    // The calls' side.

    /// A new attempt, in line or with a place.
    [[nodiscard]] std::shared_ptr<served_call> enter(const std::string& name, plan::call_context& context);

    /// It leaves the line; or gives back its place, if it was not sent.
    void leave(served_call& leaving) noexcept;

    /// It has not answered a cancellation: its worker is lost.
    void hang_up(const served_call& unanswered);

    [[nodiscard]] executor::scheduler& threads() noexcept { return threads_; }
    [[nodiscard]] const plan::registry& functions() const noexcept { return functions_; }
    [[nodiscard]] const limits& bounds() const { return bounds_(); }

private:
    using clock = std::chrono::steady_clock;
    using name_ptr = std::shared_ptr<served_name>;
    using calls = std::vector<std::shared_ptr<served_call>>;

    // worker_table.cpp: who serves what. All under lock_.
    [[nodiscard]] name_ptr name_entry(const std::string& name);
    void declare(const std::shared_ptr<worker>& host, const declaration_ptr& declared,
                 std::shared_ptr<const plan::function> callee, std::uint64_t serve_number);
    void withdraw(offer& gone, const std::string& why);
    static void drop_offer(const offer& unused) noexcept;
    void publish(served_name& name, offer& newest);
    void remember(const name_ptr& name);
    void forget(served_name& name);
    void forget_old();
    void arm_forgetting();
    void drop_if_unused(served_name& name) noexcept;
    void withdraw_all(worker& host, std::vector<std::shared_ptr<offer>> offers, std::uint64_t kept_number,
                      const std::string& why);
    [[nodiscard]] static std::string drain_message(clock::time_point by);

    // placement.cpp: who runs where. All under lock_.
    [[nodiscard]] static offer* freest(const served_name& name) noexcept;
    [[nodiscard]] bool is_own_pool_full(const served_name& name, pid_t asking) const noexcept;
    void look_at_rest(worker& host) noexcept;
    [[nodiscard]] std::string why_orphaned(const served_name& name) const;
    void place(served_call& call, offer& taken);
    void fill(worker& host);
    void give_back(served_call& call) noexcept;
    void arm_sweep(const name_ptr& name);
    void sweep(const name_ptr& name);

    // pool_names.cpp: what belongs to pools. Under lock_.
    struct ownership {
        std::shared_ptr<const std::string> pool;
        bool is_listed = false;  // in the pool's setting: it never goes by itself
    };
    [[nodiscard]] static bool is_of_pool(const worker& host, const std::string& pool) noexcept;
    [[nodiscard]] std::optional<error> fault_of_owner(const worker& host, const std::vector<declaration_ptr>& functions,
                                                      const std::string& path) const;
    void take_ownership(const worker& host, const std::vector<declaration_ptr>& functions);
    void drop_ownership(const worker& host, const served_name& name);
    [[nodiscard]] bool is_listed(const std::string& name) const;
    void announce_listed(served_name& name);
    [[nodiscard]] std::vector<std::function<void()>> take_expected(const std::string& pool);
    [[nodiscard]] std::vector<std::function<void()>> take_waiting();

    executor::scheduler& threads_;
    plan::registry& functions_;
    const bounds_source bounds_;
    process::socket_owners socket_owners_;

    mutable std::mutex lock_;
    program_turns turns_;  // under lock_, as all below
    std::unordered_map<std::string_view, name_ptr> names_;
    std::unordered_map<std::uint64_t, std::shared_ptr<worker>> workers_;  // by number
    std::list<name_ptr> remembered_;  // names that nobody serves any more, but the registry has; the oldest first
    bool is_forgetting_ = false;      // the timer is set
    std::unordered_map<std::string, ownership> owners_;  // by name of function
    std::map<std::string, std::string> expected_;        // pools that have not served, and why
    std::atomic<std::uint64_t> arrivals_{0};
    std::unordered_map<std::string, std::string> faults_;  // of pools that do not serve now
    std::unordered_map<std::uint64_t, std::function<void()>> when_served_;
    std::uint64_t last_when_served_ = 0;
    std::unordered_map<pid_t, const worker*> joined_;  // processes of pools with a connection
    std::size_t serving_members_ = 0;                  // of these, who are among the workers
    std::size_t declared_ = 0;                         // functions of all workers
    std::size_t waiting_ = 0;                          // calls in line
    std::uint64_t last_worker_ = 0;
    std::uint64_t last_serve_ = 0;
    std::uint64_t last_call_ = 0;
    latency_histogram times_queued_{};
    std::optional<clock::time_point> drained_by_{};
    executor::timer forgetting_;
};

}  // namespace gatherd::api::workers
