/// \file
/// Server-sent events: a snapshot of the daemon at once and each second, and what becomes of one task.
#pragma once

#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/admin/exchange.hpp"
#include "api/server/tasks/created_task.hpp"

namespace gatherd::api::admin {

class event_watcher;

/// Makes one snapshot a second for all who watch, and none while nobody does.
///
/// Threads: the loop's alone.
class event_stream {
public:
    /// `snapshot`: gives the data of the event, one line.
    event_stream(asio::io_context& loop, std::function<std::string()> snapshot);

    /// A new watcher. `task`: whose start and end it hears of, too; or null.
    [[nodiscard]] std::shared_ptr<request_handler> watch(std::shared_ptr<server::created_task> task);

private:
    friend class event_watcher;

    void enter(const std::shared_ptr<event_watcher>& watcher);
    void tick();
    void make_snapshot();

    asio::io_context& loop_;
    const std::function<std::string()> snapshot_;
    asio::steady_timer timer_;
    bool is_ticking_ = false;
    std::shared_ptr<const std::string> latest_{};
    std::vector<std::weak_ptr<event_watcher>> watchers_{};
};

}  // namespace gatherd::api::admin
