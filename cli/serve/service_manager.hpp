/// \file
/// What the service manager is told of the daemon (sd_notify(3)): systemd, or whoever else set NOTIFY_SOCKET.
#pragma once

#include <string>

#include "gatherd/executor/async_scope.hpp"

namespace gatherd::executor {
class scheduler;
}

namespace gatherd::cli {

/// Says nothing where nobody asked for it. Nothing here throws: a manager that does not listen stops no daemon.
///
/// Where it has set WATCHDOG_USEC, a task on the executor tells it twice in that time that the daemon is alive. So a
/// daemon is restarted that runs no task any more.
///
/// Threads: one.
class service_manager {
public:
    /// `pool` is what has to be alive. The watchdog is fed from here on.
    explicit service_manager(executor::scheduler& pool);

    /// Clients are accepted. `status`: a line for people, as `systemctl status` shows it.
    static void tell_ready(const std::string& status);

    /// The settings are being read again; tell_ready follows.
    static void tell_reloading();

    static void tell_stopping(const std::string& status);

    /// The end of the task, and of the watchdog with it. Before the executor stops.
    void end_watchdog();

private:
    executor::async_scope watched_;
};

}  // namespace gatherd::cli
