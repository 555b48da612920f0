/// \file
/// Server-sent events: a snapshot of the daemon at once and each second, and what becomes of one program.
#pragma once

#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/admin/exchange.hpp"
#include "api/server/auth/identity.hpp"
#include "api/server/state/bulk_lane.hpp"
#include "api/server/tasks/watched_program.hpp"

namespace gatherd::api::admin {

class event_watcher;

/// Makes one snapshot a second for all who watch, and none while nobody does.
///
/// Threads: the loop's alone.
class event_stream {
public:
    /// `snapshot`: gives the data of the event, one line. `lane`: where the events of programs are written.
    event_stream(asio::io_context& loop, server::bulk_lane& lane, std::function<std::string()> snapshot);

    /// A new watcher. `program`: of which it is sent an event, too, when its nodes or its state have changed: at once, then
    /// at most ten a second. The first and the last have all nodes, those between the ones that have changed. The
    /// stream ends when `caller` is revoked.
    [[nodiscard]] std::shared_ptr<request_handler> watch(std::shared_ptr<const server::identity> caller,
                                                         std::optional<server::watched_program> program);

private:
    friend class event_watcher;

    void enter(const std::shared_ptr<event_watcher>& watcher);
    void tick();
    void make_snapshot();

    asio::io_context& loop_;
    server::bulk_lane& lane_;
    const std::function<std::string()> snapshot_;
    asio::steady_timer timer_;
    bool is_ticking_ = false;
    std::shared_ptr<const std::string> latest_{};
    std::vector<std::weak_ptr<event_watcher>> watchers_{};
};

}  // namespace gatherd::api::admin
