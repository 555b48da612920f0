/// \file
/// Server-sent events: a snapshot of the daemon at once and each second, and what becomes of one program.
#pragma once

#include <asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/admin/exchange.hpp"
#include "api/admin/program_feed.hpp"
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

    /// A new watcher. `program`: of which it is sent events, too, as program_feed says. The stream ends when `caller`
    /// is revoked, or has no longer the right `admin`.
    [[nodiscard]] std::shared_ptr<request_handler> watch(std::shared_ptr<const server::identity> caller,
                                                         std::optional<server::watched_program> program);

private:
    friend class event_watcher;

    void enter(const std::shared_ptr<event_watcher>& watcher);
    void tick();
    void make_snapshot();
    [[nodiscard]] std::shared_ptr<program_feed> feed_of(server::watched_program program);

    asio::io_context& loop_;
    server::bulk_lane& lane_;
    const std::function<std::string()> snapshot_;
    asio::steady_timer timer_;
    bool is_ticking_ = false;
    std::shared_ptr<const std::string> latest_{};
    std::vector<std::weak_ptr<event_watcher>> watchers_{};
    std::map<const void*, std::weak_ptr<program_feed>> feeds_{};  // by watched_program::key
    const std::shared_ptr<held_texts> held_texts_ = std::make_shared<held_texts>(0);
};

}  // namespace gatherd::api::admin
