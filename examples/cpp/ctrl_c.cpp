// Cancellation with Ctrl-C: the work unwinds, cleans up, and the process ends with the status that shells expect. A
// second Ctrl-C during the clean-up ends the process at once.
#include <chrono>
#include <cstdio>
#include <exception>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/task_group.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

void say(const char* text) {
    std::puts(text);
    std::fflush(stdout);
}

// Destructors run when a cancelled coroutine unwinds.
struct partial_file {
    ~partial_file() { say("partial file removed"); }
};

task<> download() {
    const partial_file file;
    say("downloading; stop with Ctrl-C");
    co_await sleep(1h);
    say("complete");
}

// Clean-up that waits: the cancellation is caught, and raised again when the clean-up is done.
task<> keep_a_connection() {
    std::exception_ptr cancelled;
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        cancelled = std::current_exception();  // C++ allows no co_await in a handler
    }
    if (cancelled) {
        co_await sleep(10ms);  // the other end is told
        say("connection closed");
        std::rethrow_exception(cancelled);
    }
}

task<> transfer() {
    const auto both = [](task_group& group) -> task<> {
        group.create_task(keep_a_connection());
        co_await yield();
        co_await download();
    };
    co_await with_task_group(both);
}

}  // namespace

int main() {
    try {
        run(transfer(), {.handle_sigint = true});
    } catch (const keyboard_interrupt&) {
        say("interrupted");
        return 130;  // 128 + SIGINT
    }
}
