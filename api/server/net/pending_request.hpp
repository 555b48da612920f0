/// \file
/// A request in progress, and what its watchers see of it.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "api/protocol/request_id.hpp"

namespace gatherd::api::plan {
class node_recorder;
class program;
}  // namespace gatherd::api::plan

namespace gatherd::api::server {

/// What becomes of a request. It outlives the request: a watcher is told the end by whoever ends the request, and
/// never concludes it from the request's destruction.
///
/// Threads: all members are safe from any thread.
class watched_request {
public:
    using clock = std::chrono::steady_clock;

    struct moment {
        std::string_view state{};                             ///< "waiting", "running", "done", "failed", "cancelled"
        std::optional<clock::time_point> began{};             ///< none: no program has begun
        std::optional<clock::time_point> ended{};             ///< none: it has not ended
        std::shared_ptr<const plan::node_recorder> record{};  ///< null: no program has begun, or it had ended before
    };

    /// `activity`: of the request.
    explicit watched_request(std::string_view activity) noexcept : now_{.state = activity} {}

    /// Where its nodes are recorded to the end, as the record says that the program ended.
    [[nodiscard]] moment now() const;

    /// It runs that program. Records the program's nodes from now on.
    void run(plan::program& program) noexcept;

    /// The first call counts. `state`: a literal.
    void end(std::string_view state) noexcept;

private:
    mutable std::mutex lock_;
    moment now_;  // under lock_
};

/// What method cancel and the end of a connection find of a request in progress.
class pending_request {
public:
    pending_request() = default;
    /// A request that goes without end_watch has failed.
    virtual ~pending_request();
    pending_request(const pending_request&) = delete;
    pending_request& operator=(const pending_request&) = delete;

    [[nodiscard]] virtual const protocol::request_id& id() const noexcept = 0;

    /// What it does: "running"; "waiting" for created tasks, or for a pool to serve. A literal.
    [[nodiscard]] virtual std::string_view activity() const noexcept { return "running"; }

    /// The program that it runs, if it is one that runs.
    [[nodiscard]] virtual std::shared_ptr<plan::program> program() const { return nullptr; }

    /// Asks it to end. False: it has ended already. From any thread; may answer before it returns.
    virtual bool cancel(const std::string& message) = 0;

    /// The same for all who watch it. The nodes of its program are recorded from now on. From any thread. Throws
    /// std::bad_alloc.
    [[nodiscard]] std::shared_ptr<const watched_request> watch();

    /// `successor` carries on the same request of the client: who watches this one now watches that one. Once, before
    /// the successor's program starts.
    void pass_watch_to(const std::shared_ptr<pending_request>& successor) noexcept;

protected:
    /// How it ended: a literal. The first call counts. Not under a lock that `program` takes.
    void end_watch(std::string_view state) noexcept;

private:
    std::mutex watch_lock_;                       // comes before the locks of the derived class
    std::shared_ptr<watched_request> watched_{};  // under watch_lock_, as all below; null until somebody watches
    std::weak_ptr<pending_request> successor_{};
    bool is_passed_on_ = false;
    std::string_view ended_as_{};  // empty: it has not ended
};

}  // namespace gatherd::api::server
