#include "api/process/process_spawner.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <system_error>
#include <utility>

// As an attribute of GNU: clang knows no [[gnu::no_sanitize]].
#define NOT_INSTRUMENTED __attribute__((noinline, no_sanitize("address", "thread", "undefined")))

namespace gatherd::api::process {

namespace {

constexpr int passed_socket = 3;  // what a process gets beyond its standard streams
constexpr int first_free_descriptor = 4;

/// What the child needs between its birth and its exec. It runs in our memory, while our thread is suspended.
struct birth {
    const char* program;
    char* const* argv;
    char* const* environment;
    int input;
    int output;
    int errors;
    int socket;                // -1: none
    int folder;                // -1: stay
    const process_user* user;  // null: the daemon's
    pid_t parent;
    std::array<std::pair<int, rlimit>, 3> bounds;
    std::size_t bounds_count = 0;
    bool has_handlers = false;  // the signal handlers are still the daemon's
    int failure = 0;            // errno of the step that failed
};

/// As the kernel lays it out.
struct kernel_sigaction {
    unsigned long handler = 0;  // SIG_DFL
    unsigned long flags = 0;
    unsigned long restorer = 0;
    unsigned long mask = 0;
};

/// Ends the child; our thread goes on, and finds why.
[[noreturn]] void give_up(birth& plan) noexcept {
    constexpr int cannot_execute = 127;
    plan.failure = errno;
    for (;;) {
        syscall(SYS_exit_group, cannot_execute);
    }
}

void require(birth& plan, long result) noexcept {
    if (result < 0) {
        give_up(plan);
    }
}

/// The child. Only system calls, directly: whatever the libraries or sanitizers keep is shared with the daemon.
[[noreturn]] NOT_INSTRUMENTED void become(birth& plan) noexcept {
    kernel_sigaction standard;
    constexpr int signals = 64;
    for (int number = 1; number <= signals; ++number) {
        kernel_sigaction now;
        const bool is_ignored = number == SIGPIPE || number == SIGXFSZ;  // by the daemon
        if (!is_ignored &&
            (!plan.has_handlers || syscall(SYS_rt_sigaction, number, nullptr, &now, sizeof now.mask) != 0 ||
             now.handler <= 1)) {  // SIG_DFL, SIG_IGN
            continue;
        }
        syscall(SYS_rt_sigaction, number, &standard, nullptr, sizeof standard.mask);
    }
    require(plan, syscall(SYS_setpgid, 0, 0));
    if (plan.user != nullptr) {  // first: a change of the user takes the next setting back
        require(plan, syscall(SYS_setgroups, plan.user->groups.size(), plan.user->groups.data()));
        require(plan, syscall(SYS_setresgid, plan.user->group, plan.user->group, plan.user->group));
        require(plan, syscall(SYS_setresuid, plan.user->user, plan.user->user, plan.user->user));
    }
    require(plan, syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
    if (syscall(SYS_getppid) != plan.parent) {  // the daemon was killed before it could be told
        errno = ECHILD;
        give_up(plan);
    }
    for (std::size_t i = 0; i < plan.bounds_count; ++i) {
        require(plan, syscall(SYS_prlimit64, 0, plan.bounds[i].first, &plan.bounds[i].second, nullptr));
    }
    if (plan.folder >= 0) {
        require(plan, syscall(SYS_fchdir, plan.folder));
    }
    require(plan, syscall(SYS_dup3, plan.input, STDIN_FILENO, 0));
    require(plan, syscall(SYS_dup3, plan.output, STDOUT_FILENO, 0));
    require(plan, syscall(SYS_dup3, plan.errors, STDERR_FILENO, 0));
    if (plan.socket >= 0) {
        require(plan, syscall(SYS_dup3, plan.socket, passed_socket, 0));
    }
    require(plan, syscall(SYS_close_range, plan.socket >= 0 ? first_free_descriptor : passed_socket, ~0U, 0));
    const unsigned long no_signals = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, nullptr, sizeof no_signals);
    syscall(SYS_execve, plan.program, plan.argv, plan.environment);
    give_up(plan);
}

// The child shares our stack, and our thread sleeps until it has executed its program or ended. So the system call is
// written in place: a function that made it would return in the child first, and find another return address later.

#if defined(__x86_64__)
NOT_INSTRUMENTED long clone_with(clone_args& args, birth& plan) noexcept {
    long result = SYS_clone3;
    asm volatile("syscall" : "+a"(result) : "D"(&args), "S"(sizeof args) : "rcx", "r11", "memory");
    if (result == 0) {
        become(plan);
    }
    return result;
}

/// Where clone3 is refused, as by the filters of some containers.
NOT_INSTRUMENTED long old_clone_with(const clone_args& args, birth& plan) noexcept {
    long result = SYS_clone;
    register long child_tid asm("r10") = 0;
    register long tls asm("r8") = 0;
    asm volatile("syscall"
                 : "+a"(result)
                 : "D"(args.flags | args.exit_signal), "S"(0L), "d"(args.pidfd), "r"(child_tid), "r"(tls)
                 : "rcx", "r11", "memory");
    if (result == 0) {
        become(plan);
    }
    return result;
}
#elif defined(__aarch64__)
NOT_INSTRUMENTED long clone_with(clone_args& args, birth& plan) noexcept {
    register long number asm("x8") = SYS_clone3;
    register long result asm("x0") = reinterpret_cast<long>(&args);
    register long size asm("x1") = sizeof args;
    asm volatile("svc #0" : "+r"(result) : "r"(number), "r"(size) : "memory");
    if (result == 0) {
        become(plan);
    }
    return result;
}

/// Where clone3 is refused, as by the filters of some containers.
NOT_INSTRUMENTED long old_clone_with(const clone_args& args, birth& plan) noexcept {
    register long number asm("x8") = SYS_clone;
    register long result asm("x0") = static_cast<long>(args.flags | args.exit_signal);
    register long stack asm("x1") = 0;
    register long pidfd asm("x2") = static_cast<long>(args.pidfd);
    register long tls asm("x3") = 0;
    register long child_tid asm("x4") = 0;
    asm volatile("svc #0" : "+r"(result) : "r"(number), "r"(stack), "r"(pidfd), "r"(tls), "r"(child_tid) : "memory");
    if (result == 0) {
        become(plan);
    }
    return result;
}
#else
#error "a child that shares the stack is written for x86-64 and arm64"
#endif

/// The child's pid, or -errno. Every signal is blocked in the calling thread.
long give_birth(birth& plan, int& pidfd) noexcept {
    clone_args args{};
    args.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
    args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
    args.exit_signal = SIGCHLD;
    long pid = clone_with(args, plan);
    if (pid == -ENOSYS || pid == -EPERM) {
        args.flags &= ~static_cast<std::uint64_t>(CLONE_CLEAR_SIGHAND);
        plan.has_handlers = true;
        pid = old_clone_with(args, plan);
    }
    return pid;
}

/// A descriptor that is none of the four that the child's will be moved to.
descriptor moved_up(descriptor given) {
    if (!given || given.number() >= first_free_descriptor) {
        return given;
    }
    return descriptor{fcntl(given.number(), F_DUPFD_CLOEXEC, first_free_descriptor)};
}

[[noreturn]] void fail_to_start(const process_request& request, int number) {
    throw std::system_error{number, std::generic_category(), request.argv.front()};
}

struct pipe_ends {
    descriptor ours;
    descriptor childs;
};

pipe_ends make_pipe(const process_request& request) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        fail_to_start(request, errno);
    }
    pipe_ends made{descriptor{ends[0]}, moved_up(descriptor{ends[1]})};
    if (!made.childs || fcntl(made.ours.number(), F_SETFL, O_NONBLOCK) != 0) {
        fail_to_start(request, errno);
    }
    return made;
}

/// A file in memory with the input: nobody has to feed the process, and it may read as slowly as it likes.
descriptor input_file(const process_request& request) {
    descriptor file = moved_up(descriptor{memfd_create("stdin", MFD_CLOEXEC)});
    if (!file) {
        fail_to_start(request, errno);
    }
    for (std::size_t at = 0; at < request.input->size();) {
        const ssize_t written =
            pwrite(file.number(), request.input->data() + at, request.input->size() - at, static_cast<off_t>(at));
        if (written < 0 && errno != EINTR) {
            fail_to_start(request, errno);
        }
        at += written < 0 ? 0 : static_cast<std::size_t>(written);
    }
    return file;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (const std::string& each : texts) {
        pointers.push_back(const_cast<char*>(each.c_str()));  // execve takes them so and does not write
    }
    pointers.push_back(nullptr);
    return pointers;
}

void add_bound(birth& plan, int which, rlim_t soft, rlim_t hard) noexcept {
    rlimit now{};
    if (getrlimit(static_cast<__rlimit_resource>(which), &now) == 0 && now.rlim_max != RLIM_INFINITY) {
        hard = std::min(hard, now.rlim_max);
    }
    plan.bounds[plan.bounds_count++] = {which, rlimit{std::min(soft, hard), hard}};
}

started_process start_now(process_request& request, const descriptor& nothing) {
    if (request.socket) {
        request.socket = moved_up(std::move(request.socket));
        if (!request.socket) {
            fail_to_start(request, errno);
        }
    }
    pipe_ends output = make_pipe(request);
    pipe_ends errors = make_pipe(request);
    const descriptor input = request.input ? input_file(request) : descriptor{};
    const std::vector<char*> argv = pointers_to(request.argv);
    const std::vector<char*> environment = pointers_to(request.environment);
    birth plan{.program = request.program.c_str(),
               .argv = argv.data(),
               .environment = environment.data(),
               .input = input ? input.number() : nothing.number(),
               .output = output.childs.number(),
               .errors = errors.childs.number(),
               .socket = request.socket.number(),
               .folder = request.folder.number(),
               .user = request.user ? &*request.user : nullptr,
               .parent = getpid(),
               .bounds = {}};
    if (request.max_memory != 0) {
        add_bound(plan, RLIMIT_AS, request.max_memory, request.max_memory);
    }
    if (request.max_cpu != 0) {
        add_bound(plan, RLIMIT_CPU, request.max_cpu, request.max_cpu + 1);  // SIGXCPU, a second later SIGKILL
    }
    if (request.open_files) {
        add_bound(plan, RLIMIT_NOFILE, *request.open_files, RLIM_INFINITY);
    }
    int handle = -1;
    const long pid = give_birth(plan, handle);
    if (pid < 0) {
        fail_to_start(request, static_cast<int>(-pid));
    }
    started_process started{static_cast<pid_t>(pid), descriptor{handle}, std::move(output.ours),
                            std::move(errors.ours)};
    if (plan.failure != 0) {
        started.reap();
        fail_to_start(request, plan.failure);
    }
    return started;
}

}  // namespace

started_process::started_process(pid_t pid, descriptor its_handle, descriptor its_output,
                                 descriptor its_errors) noexcept
    : handle{std::move(its_handle)}, output{std::move(its_output)}, errors{std::move(its_errors)}, pid_{pid} {}

started_process::started_process(started_process&& other) noexcept
    : handle{std::move(other.handle)},
      output{std::move(other.output)},
      errors{std::move(other.errors)},
      pid_{std::exchange(other.pid_, -1)} {}

started_process& started_process::operator=(started_process other) noexcept {
    std::swap(handle, other.handle);
    std::swap(output, other.output);
    std::swap(errors, other.errors);
    std::swap(pid_, other.pid_);
    return *this;
}

started_process::~started_process() {
    if (pid_ > 0) {
        signal_group(SIGKILL);
        reap();
    }
}

void started_process::signal_group(int number) const noexcept {
    if (pid_ > 0) {
        kill(-pid_, number);
    }
}

started_process::ending started_process::reap() noexcept {
    siginfo_t info{};
    while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) {
    }
    pid_ = -1;
    return {info.si_code, info.si_status};
}

process_spawner::process_spawner(std::size_t threads)
    : most_threads_{threads}, nothing_{moved_up(descriptor{open("/dev/null", O_RDONLY | O_CLOEXEC)})} {}

process_spawner::~process_spawner() {
    {
        const std::lock_guard guard{lock_};
        is_stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& each : threads_) {
        each.join();
    }
}

executor::future<started_process> process_spawner::start(process_request request) {
    order made{std::move(request), {}};
    auto answer = made.answer.get_future();
    {
        const std::lock_guard guard{lock_};
        orders_.push_back(std::move(made));
        if (idle_ < orders_.size() && threads_.size() < most_threads_) {
            try {
                threads_.emplace_back([this] { run(); });
            } catch (const std::system_error&) {  // no thread can be started: those that there are will do
                if (threads_.empty()) {
                    orders_.pop_back();
                    throw;
                }
            }
        }
    }
    changed_.notify_one();
    return answer;
}

void process_spawner::run() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);  // no handler may run in a child, which shares our memory
    std::unique_lock guard{lock_};
    for (;;) {
        ++idle_;
        changed_.wait(guard, [this] { return is_stopping_ || !orders_.empty(); });
        --idle_;
        if (orders_.empty()) {
            return;
        }
        order next = std::move(orders_.front());
        orders_.pop_front();
        guard.unlock();
        try {
            static_cast<void>(next.answer.try_set_result(start_now(next.request, nothing_)));
        } catch (const std::exception&) {
            static_cast<void>(next.answer.try_set_exception(std::current_exception()));
        }
        guard.lock();
    }
}

}  // namespace gatherd::api::process
