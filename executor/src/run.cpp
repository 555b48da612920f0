#include "gatherd/executor/run.hpp"

#include <semaphore.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <thread>

#include "executor/src/scope_end.hpp"

namespace gatherd::executor::detail {
namespace {

// A signal handler has nothing but what is static. All atomics are seq_cst: of the handler and who installs it, each
// writes and then reads what the other writes.
std::atomic<bool> is_taken{false};
std::atomic<bool> has_come{false};         // a signal that wait() has not seen
std::atomic<sem_t*> waiting_run{nullptr};  // the semaphore of the run, while that waits
std::atomic<int> handlers_in_progress{0};
struct sigaction former;

extern "C" void handle_interrupt(int) {
    const int saved = errno;
    handlers_in_progress.fetch_add(1);
    sigaction(SIGINT, &former, nullptr);
    has_come.store(true);
    if (sem_t* const semaphore = waiting_run.load()) {
        sem_post(semaphore);
    }
    handlers_in_progress.fetch_sub(1);
    errno = saved;
}

}  // namespace

sigint_handling::sigint_handling() {
    if (is_taken.exchange(true)) {
        throw std::logic_error{"another run() handles SIGINT"};
    }
    has_come.store(false);
    sigaction(SIGINT, nullptr, &former);  // before a signal may need it
    struct sigaction ours {};
    ours.sa_handler = &handle_interrupt;
    ours.sa_flags = SA_RESTART;
    sigemptyset(&ours.sa_mask);
    sigaction(SIGINT, &ours, nullptr);
}

sigint_handling::~sigint_handling() {
    struct sigaction current {};
    sigaction(SIGINT, nullptr, &current);
    if (current.sa_handler == &handle_interrupt) {  // else a signal came, and what is there now is not ours
        sigaction(SIGINT, &former, nullptr);
    }
    is_taken.store(false);
}

bool sigint_handling::wait(async_scope& scope, task_state& main) {
    const std::shared_ptr<scope_end> end = scope.end_;
    bool is_cancelled = false;
    bool is_too_late = false;
    scope.begin_to_join();
    waiting_run.store(&end->semaphore());
    while (true) {
        if (has_come.exchange(false)) {
            (main.cancel() ? is_cancelled : is_too_late) = true;
        }
        if (end->has_come()) {
            break;
        }
        end->wait_once();
    }
    waiting_run.store(nullptr);
    while (handlers_in_progress.load() != 0) {  // one may still post
        std::this_thread::yield();
    }
    if (is_too_late) {
        throw keyboard_interrupt{};
    }
    return is_cancelled;
}

}  // namespace gatherd::executor::detail
