#include "cli/serve/signals.hpp"

#include <pthread.h>
#include <cstdlib>
#include <ctime>

#include "cli/serve/log.hpp"

namespace gatherd::cli {
namespace {

extern "C" void stop_at_once(int number) {
    constexpr int signal_base = 128;  // as shells say it
    log_from_handler("stopped by a second signal, without waiting");
    std::_Exit(signal_base + number);
}

}  // namespace

serve_signals::serve_signals() noexcept {
    sigemptyset(&waited_for_);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
        sigaddset(&waited_for_, number);
    }
    pthread_sigmask(SIG_BLOCK, &waited_for_, nullptr);
}

int serve_signals::next() noexcept {
    int number = 0;
    while (sigwait(&waited_for_, &number) != 0) {  // EINTR: a debugger
    }
    if (number != SIGHUP) {
        // `timeout` sends its signal to the process and then to its group, so it comes twice; and who passes a Ctrl-C
        // on as SIGTERM sends one of each. That is one request.
        constexpr timespec instant{.tv_sec = 0, .tv_nsec = 50'000'000};
        sigset_t stopping;
        sigemptyset(&stopping);
        for (const int each : {SIGTERM, SIGINT}) {
            sigaddset(&stopping, each);
        }
        static_cast<void>(sigtimedwait(&stopping, nullptr, &instant));
        for (const int each : {SIGTERM, SIGINT}) {
            std::signal(each, stop_at_once);
        }
        pthread_sigmask(SIG_UNBLOCK, &stopping, nullptr);
    }
    return number;
}

}  // namespace gatherd::cli
