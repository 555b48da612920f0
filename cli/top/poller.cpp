#include "cli/top/poller.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <system_error>
#include <thread>
#include <utility>

#include "api/error.hpp"
#include "cli/client/client.hpp"
#include "cli/client/single_request.hpp"
#include "cli/failure_report.hpp"
#include "cli/failures.hpp"

namespace gatherd::cli::top {
namespace {

using api::value;
using std::chrono::steady_clock;

reply ask_patiently(client& daemon, const std::string& server, const request& what) {
    auto answer = daemon.ask(what, {.until = steady_clock::now() + answer_patience});
    if (answer.how == reply::end::silence) {
        throw connection_error{"no answer from " + server};
    }
    return answer;
}

/// The result, or where it is refused null, and why.
value result_of(const reply& answer, std::string& refusal) {
    if (answer.how == reply::end::error) {
        refusal = report_failure(answer.error).text;
        return nullptr;
    }
    return value::parse(answer.result, nullptr, false);
}

value ask_one(client& daemon, const std::string& server, const request& what, std::string& refusal) {
    return result_of(ask_patiently(daemon, server, what), refusal);
}

bool is_wrong_param(const reply& answer) {
    return answer.how == reply::end::error &&
           number_at(answer.error, "/code") == static_cast<int>(api::errc::invalid_params);
}

/// Tasks and requests that run; of a daemon that lists no requests the tasks.
value ask_for_tasks(client& daemon, const std::string& server, std::size_t most_tasks, std::string& refusal) {
    const std::string params = R"({"state":"running","limit":)" + std::to_string(most_tasks);
    auto answer = ask_patiently(daemon, server, {.method = "tasks", .params = params + R"(,"running":true})"});
    if (is_wrong_param(answer)) {
        answer = ask_patiently(daemon, server, {.method = "tasks", .params = params + "}"});
    }
    return result_of(answer, refusal);
}

template <typename Clock>
double seconds_now() {
    return std::chrono::duration<double>{Clock::now().time_since_epoch()}.count();
}

int made_event() {
    const int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made < 0) {
        throw std::system_error{errno, std::system_category(), "eventfd"};
    }
    return made;
}

std::string named(const std::string& task) {
    return nlohmann::json(task).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

snapshot ask_all(client& daemon, const std::string& server, std::size_t most_tasks) {
    snapshot seen;
    seen.info = ask_one(daemon, server, {.method = "info"}, seen.refusal);
    seen.stats = ask_one(daemon, server, {.method = "stats"}, seen.refusal);
    seen.at = seconds_now<steady_clock>();
    seen.tasks = ask_for_tasks(daemon, server, most_tasks, seen.refusal);
    seen.has_all_tasks = seen.tasks.size() < most_tasks;
    seen.wall = seconds_now<std::chrono::system_clock>();
    seen.workers = ask_one(daemon, server, {.method = "workers"}, seen.refusal);
    return seen;
}

poller::poller(destination server, double interval)
    : server_{std::move(server)}, event_{made_event()}, wishes_{interval} {
    std::thread{[this] { run(); }}.detach();
}

report poller::take() {
    std::uint64_t count = 0;
    static_cast<void>(read(event_, &count, sizeof count));
    const std::lock_guard guard{lock_};
    report taken = report_;
    report_.note.clear();
    return taken;
}

void poller::set_interval(double seconds) {
    const std::lock_guard guard{lock_};
    wishes_.interval = seconds;
    wishes_.is_new = true;
    asked_.notify_one();
}

void poller::set_most_tasks(std::size_t most) {
    const std::lock_guard guard{lock_};
    if (most > wishes_.most_tasks) {
        wishes_.is_new = true;
        asked_.notify_one();
    }
    wishes_.most_tasks = most;
}

void poller::watch(std::string task) {
    const std::lock_guard guard{lock_};
    wishes_.watched = std::move(task);
    wishes_.is_new = true;
    report_.status = nullptr;
    report_.status_refusal.clear();
    asked_.notify_one();
}

void poller::cancel(std::string task) {
    const std::lock_guard guard{lock_};
    wishes_.doomed.push_back(std::move(task));
    wishes_.is_new = true;
    asked_.notify_one();
}

void poller::tell(const std::function<void(report&)>& change) {
    {
        const std::lock_guard guard{lock_};
        change(report_);
    }
    const std::uint64_t one = 1;
    static_cast<void>(write(event_, &one, sizeof one));
}

void poller::look_at_task(client& daemon, const std::string& task) {
    const auto ask = [&](const std::string& more) {
        return ask_patiently(daemon, server_.name(),
                             {.method = "status", .params = R"({"id":)" + named(task) + more + "}"});
    };
    auto answer = ask(knows_nodes_ ? R"(,"nodes":true)" : "");
    if (knows_nodes_ && is_wrong_param(answer)) {
        knows_nodes_ = false;
        answer = ask("");
    }
    const bool is_refused = answer.how == reply::end::error;
    value status = is_refused ? value(nullptr) : value::parse(answer.result, nullptr, false);
    const std::string refusal = is_refused ? report_failure(answer.error).text : std::string{};
    tell([&](report& told) {
        told.task = task;
        if (!is_refused) {  // else what was known last stays: a task that has ended may be forgotten
            told.status = std::move(status);
        }
        told.status_refusal = refusal;
    });
}

void poller::look(std::unique_ptr<client>& daemon, const wishes& asked) {
    if (daemon == nullptr) {
        daemon = std::make_unique<client>(server_);
        knows_nodes_ = true;
    }
    for (const auto& task : asked.doomed) {
        std::string refusal;
        const value answer = ask_one(
            *daemon, server_.name(),
            {.method = "cancel", .params = R"({"id":)" + named(task) + R"(,"message":"cancelled by gatherd top"})"},
            refusal);
        const bool is_reached = number_at(answer, "/cancelled") > 0;
        tell([&](report& told) {
            told.note = !refusal.empty() ? refusal
                        : is_reached     ? "cancelled: " + task
                                         : "it had ended already: " + task;
        });
    }
    if (!asked.watched.empty()) {
        look_at_task(*daemon, asked.watched);
    }
    auto seen = std::make_shared<const snapshot>(ask_all(*daemon, server_.name(), asked.most_tasks));
    tell([&](report& told) {
        told.now = std::move(seen);
        told.fault.clear();
    });
}

void poller::run() noexcept {
    std::unique_ptr<client> daemon;
    while (true) {
        wishes asked;
        {
            const std::lock_guard guard{lock_};
            asked = wishes_;
            wishes_.doomed.clear();
            wishes_.is_new = false;
        }
        tell([](report& told) { told.asked = steady_clock::now(); });
        try {
            look(daemon, asked);
        } catch (const std::exception& e) {
            daemon.reset();
            tell([&](report& told) { told.fault = e.what(); });
        }
        tell([](report& told) { told.asked.reset(); });
        std::unique_lock guard{lock_};
        asked_.wait_for(guard, std::chrono::duration<double>{asked.interval}, [this] { return wishes_.is_new; });
    }
}

}  // namespace gatherd::cli::top
