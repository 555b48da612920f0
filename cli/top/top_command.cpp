#include "cli/top/top_command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <chrono>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <utility>

#include "cli/client/client.hpp"
#include "cli/client/connect_option.hpp"
#include "cli/client/request_options.hpp"
#include "cli/exit_status.hpp"
#include "cli/failures.hpp"
#include "cli/standard_output.hpp"
#include "cli/top/poller.hpp"
#include "cli/top/screen.hpp"
#include "cli/top/terminal.hpp"

namespace gatherd::cli {
namespace {

struct top_arguments {
    connect_option connect;
    std::string interval = "1s";
    bool is_once = false;
    bool is_json = false;
};

/// Signals that end it, as a descriptor. Threads that are made later do not get them.
int ending_signals() {
    sigset_t all;
    sigemptyset(&all);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
        sigaddset(&all, number);
    }
    const int made =
        pthread_sigmask(SIG_BLOCK, &all, nullptr) == 0 ? signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK) : -1;
    if (made < 0) {
        throw std::system_error{errno, std::system_category(), "signalfd"};
    }
    return made;
}

/// The status of a signal that came, or -1.
int status_of_signal(int signals) {
    signalfd_siginfo told{};
    if (read(signals, &told, sizeof told) != static_cast<ssize_t>(sizeof told)) {
        return -1;
    }
    constexpr int by_signal = 128;
    return told.ssi_signo == SIGINT ? exit_status::fine : by_signal + static_cast<int>(told.ssi_signo);
}

/// What is shown, and how news and keys change it.
class looked_at {
public:
    looked_at(top::poller& asks, std::string server, double interval) : asks_{asks} {
        known_.server = std::move(server);
        known_.interval = interval;
    }

    void draw(top::terminal& on) {
        auto page = top::draw(view_, known_, on.rows(), on.columns());
        shown_ = std::move(page.shown);
        on.show(page.lines);
    }

    void take_news() {
        auto news = asks_.take();
        if (!news.note.empty()) {
            view_.tell(news.note);
        }
        known_.fault = news.fault;
        known_.silence =
            !news.asked ? 0 : std::chrono::duration<double>{std::chrono::steady_clock::now() - *news.asked}.count();
        if (view_.is_paused()) {
            return;
        }
        if (news.now != now_) {
            before_ = std::exchange(now_, news.now);
            known_.before = before_.get();
            known_.now = now_.get();
        }
        if (news.task == view_.task()) {
            known_.status = std::move(news.status);
            known_.status_refusal = std::move(news.status_refusal);
        }
    }

    /// False: that was the last.
    [[nodiscard]] bool press(const top::key_press& pressed) {
        using kind = top::action::kind;
        auto asked = view_.press(pressed, shown_);
        switch (asked.is) {
            case kind::quit:
                return false;
            case kind::cancel:
                asks_.cancel(std::move(asked.task));
                break;
            case kind::watch:
            case kind::leave_task:
                known_.status = nullptr;
                known_.status_refusal.clear();
                asks_.watch(std::move(asked.task));
                break;
            case kind::set_interval:
                known_.interval = asked.seconds;
                asks_.set_interval(asked.seconds);
                break;
            case kind::none:
                break;
        }
        const bool looks_for_one = view_.current_tab() == top::tab::tasks && !view_.filter_words().empty();
        asks_.set_most_tasks(looks_for_one ? top::many_tasks : top::few_tasks);
        return true;
    }

private:
    top::poller& asks_;
    top::view view_;
    top::situation known_;
    top::extent shown_;
    std::shared_ptr<const top::snapshot> before_;
    std::shared_ptr<const top::snapshot> now_;
};

/// Gives the exit status.
int watch(const destination& server, double interval) {
    const int signals = ending_signals();
    top::terminal terminal;
    auto* const asks = new top::poller{server, interval};  // see there
    looked_at shown{*asks, server.name(), interval};
    constexpr int longest_wait = 250;  // milliseconds: that a daemon does not answer has no event
    std::array<pollfd, 3> events{{{STDIN_FILENO, POLLIN, 0}, {signals, POLLIN, 0}, {asks->descriptor(), POLLIN, 0}}};
    while (true) {
        shown.draw(terminal);
        if (poll(events.data(), events.size(), longest_wait) < 0 && errno != EINTR) {
            throw std::system_error{errno, std::system_category(), "poll"};
        }
        if (const int status = status_of_signal(signals); status >= 0) {
            return status;
        }
        shown.take_news();
        // Also where nothing can be read: a change of the window's size has interrupted poll.
        for (auto pressed = terminal.try_key(); pressed; pressed = terminal.try_key()) {
            if (!shown.press(*pressed)) {
                return exit_status::fine;
            }
            shown.draw(terminal);  // the next key is about what is shown then
        }
        if ((events[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
            return exit_status::fine;  // the terminal has gone
        }
    }
}

int print_once(const destination& server, bool is_json) {
    client daemon{server};
    const top::snapshot seen = top::ask_all(daemon, server.name(), top::many_tasks);
    if (seen.stats.is_null() && seen.tasks.is_null()) {
        throw refusal_error{seen.refusal, exit_status::not_let_in};
    }
    if (is_json) {
        const api::value all = {
            {"info", seen.info}, {"stats", seen.stats}, {"tasks", seen.tasks}, {"workers", seen.workers}};
        return write_out(all.dump() + "\n");
    }
    return write_out(top::plain_text({.server = server.name(), .now = &seen}));
}

int run_top(const top_arguments& arguments) {
    constexpr std::chrono::milliseconds shortest{100};
    const auto interval = time_of("--interval", arguments.interval);
    if (interval < shortest) {
        throw usage_error{"--interval: at least 100ms"};
    }
    const destination server = arguments.connect.server();
    std::setlocale(LC_CTYPE, "");
    if (arguments.is_once || arguments.is_json || isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1) {
        return print_once(server, arguments.is_json);
    }
    const int status = watch(server, std::chrono::duration<double>{interval}.count());
    std::fflush(nullptr);
    std::_Exit(status);  // the thread that asks may be waiting for the daemon
}

}  // namespace

void add_top(CLI::App& root, command& chosen) {
    auto* const app =
        root.add_subcommand("top", "show what the daemon does, live: rates, tasks, functions, pools, workers, threads");
    const auto arguments = std::make_shared<top_arguments>();
    arguments->connect.add_to(*app);
    app->add_option("--interval", arguments->interval,
                    "how long from one look to the next (default 1s, at least 100ms)")
        ->type_name("TIME");
    app->add_flag("--once", arguments->is_once,
                  "print it once as text, with rates since the daemon's start; so it does where there is no terminal");
    app->add_flag("--json", arguments->is_json,
                  "print the answers of info, stats, tasks and workers once, as one line of JSON");
    app->footer(
        R"(Keys: q quit, h help, arrows PgUp PgDn Home End, 1 to 5 or Tab what to list, / filter, s sort, r reverse,
k cancel a task, Enter its nodes, Esc back, d interval, Space pause.
Where the daemon wants tokens, the counters need one with the right admin; without it the rest is shown.
Colours are used where the terminal has them and NO_COLOR is not set.

Examples:
  gatherd top
  gatherd top --connect unix:/run/gatherd.sock --interval 2s
  gatherd top --once | head -5
  gatherd top --json | jq .stats.tasks_in_flight)");
    app->callback([=, &chosen] { chosen = [arguments] { return run_top(*arguments); }; });
}

}  // namespace gatherd::cli
