#include "cli/bench/load_run.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <cerrno>
#include <csignal>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "cli/bench/load_worker.hpp"
#include "cli/failures.hpp"

namespace gatherd::cli::bench {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

namespace {

constexpr auto look = 20ms;
constexpr auto start_delay = 20ms;  // so that all processes have heard of the start before it comes

[[noreturn]] void fail(const char* what) {
    throw std::system_error{errno, std::system_category(), what};
}

/// What the processes of a run share: a mapping that forks keep.
class shared_counts {
public:
    explicit shared_counts(std::size_t processes) : size_{sizeof(header) + processes * sizeof(shared_tally)} {
        memory_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory_ == MAP_FAILED) {
            fail("mmap");
        }
        header_ = new (memory_) header;
        for (std::size_t i = 0; i < processes; ++i) {
            new (tallies() + i) shared_tally;
        }
    }
    ~shared_counts() { ::munmap(memory_, size_); }
    shared_counts(const shared_counts&) = delete;
    shared_counts& operator=(const shared_counts&) = delete;

    [[nodiscard]] std::atomic<bool>& stop() { return header_->stop; }
    [[nodiscard]] shared_tally& of(std::size_t process) { return tallies()[process]; }

private:
    struct alignas(64) header {
        std::atomic<bool> stop{false};
        static_assert(std::atomic<bool>::is_always_lock_free, "processes share it");
    };

    [[nodiscard]] shared_tally* tallies() { return reinterpret_cast<shared_tally*>(header_ + 1); }

    std::size_t size_;
    void* memory_ = nullptr;
    header* header_ = nullptr;
};

/// What parent and child tell each other, each by one message: the child `ready` or a complaint, the parent the start,
/// the child that it is `done`. The end of the parent's side ends the child.
constexpr char ready = 'r';
constexpr char done = 'd';

/// A child process and the parent's end of the line to it.
class child {
public:
    template <typename Body>
    explicit child(const Body& body) {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
            fail("socketpair");
        }
        process_ = ::fork();
        if (process_ < 0) {
            fail("fork");
        }
        if (process_ == 0) {
            ::close(ends[0]);
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            body(ends[1]);
            ::_exit(0);  // the parent's objects are the parent's to destroy
        }
        ::close(ends[1]);
        line_ = ends[0];
    }
    child(child&& other) noexcept
        : process_{std::exchange(other.process_, -1)}, line_{std::exchange(other.line_, -1)} {}
    child& operator=(child&&) = delete;
    ~child() {
        if (process_ > 0) {
            ::close(line_);
            ::kill(process_, SIGKILL);
            ::waitpid(process_, nullptr, 0);
        }
    }

    /// The child's next message; empty if it has ended. Blocks.
    [[nodiscard]] std::string receive() const {
        std::array<char, 1024> text;
        ssize_t size = 0;
        while ((size = ::recv(line_, text.data(), text.size(), 0)) < 0 && errno == EINTR) {
        }
        return size <= 0 ? std::string{} : std::string{text.data(), static_cast<std::size_t>(size)};
    }
    /// Whether a message is there, or its end.
    [[nodiscard]] bool has_spoken() const {
        pollfd wanted{.fd = line_, .events = POLLIN, .revents = 0};
        return ::poll(&wanted, 1, 0) > 0;
    }
    void send_start(clock::time_point start) const {
        const auto count = start.time_since_epoch().count();
        (void)::send(line_, &count, sizeof count, MSG_NOSIGNAL);
    }

private:
    pid_t process_ = -1;
    int line_ = -1;
};

/// The whole life of a child.
void be_child(int line, load_worker& worker, const asio::generic::stream_protocol::endpoint& server) {
    std::signal(SIGINT, SIG_IGN);  // the parent tells us
    std::signal(SIGTERM, SIG_IGN);
    ::prctl(PR_SET_TIMERSLACK, 1UL);  // else the kernel adds 50 us to each wait
    std::string word(1, ready);
    try {
        worker.connect(server);
    } catch (const std::exception& failed) {
        word = failed.what();
    }
    clock::rep start = 0;
    if (::send(line, word.data(), word.size(), MSG_NOSIGNAL) <= 0 || ::recv(line, &start, sizeof start, 0) <= 0) {
        return;
    }
    worker.run(clock::time_point{clock::duration{start}});
    char end = done;
    (void)::send(line, &end, 1, MSG_NOSIGNAL);
    (void)::recv(line, &end, 1, 0);  // the connections stay open until the parent has looked at the server
}

/// Turns SIGINT and SIGTERM into a flag, as long as it is there.
class interrupts {
public:
    interrupts() {
        caught = 0;
        struct sigaction action = {};
        action.sa_handler = [](int number) { caught = number; };
        ::sigaction(SIGINT, &action, &before_int_);
        ::sigaction(SIGTERM, &action, &before_term_);
    }
    ~interrupts() {
        ::sigaction(SIGINT, &before_int_, nullptr);
        ::sigaction(SIGTERM, &before_term_, nullptr);
    }
    interrupts(const interrupts&) = delete;
    interrupts& operator=(const interrupts&) = delete;

    [[nodiscard]] bool came() const { return caught != 0; }

private:
    static inline volatile std::sig_atomic_t caught = 0;  // a signal handler reaches nothing else
    struct sigaction before_int_ = {};
    struct sigaction before_term_ = {};
};

asio::generic::stream_protocol::endpoint resolve(const config::address& server) {
    asio::io_context context;
    asio::error_code failed;
    if (server.is == config::address::kind::local) {
        return asio::local::stream_protocol::endpoint{server.path};
    }
    const auto found = asio::ip::tcp::resolver{context}.resolve(server.host, std::to_string(server.port), failed);
    if (failed || found.empty()) {
        throw connection_error{config::to_text(server) + ": " + failed.message()};
    }
    for (const auto& each : found) {  // a name may stand for IPv4 and IPv6: the one where somebody listens
        asio::ip::tcp::socket probe{context};
        probe.connect(each.endpoint(), failed);
        if (!failed) {
            return each.endpoint();
        }
    }
    throw connection_error{"no connection to " + config::to_text(server) + ": " + failed.message() +
                           "; is the daemon running?"};
}

void allow_many_files() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)::setrlimit(RLIMIT_NOFILE, &files);
    }
}

/// Samples the server as the run goes on.
class server_watch {
public:
    explicit server_watch(const asio::generic::stream_protocol::endpoint& server) : usage_{server} {
        if (const auto first = usage_.now()) {
            record_.emplace();
            record_->processes = usage_.processes();
            record_->before = *first;
        }
    }
    void note(usage server_record::*stage) {
        if (const auto now = usage_.now(); record_ && now) {
            (*record_).*stage = *now;
            see(*now);
        }
    }
    void look() {
        if (const auto now = usage_.now(); record_ && now) {
            see(*now);
        }
    }
    [[nodiscard]] std::optional<server_record> take() { return std::move(record_); }

private:
    void see(const usage& now) {
        record_->peak_resident_bytes = std::max(record_->peak_resident_bytes, now.resident_bytes);
        record_->peak_private_bytes = std::max(record_->peak_private_bytes, now.private_bytes);
    }

    server_usage usage_;
    std::optional<server_record> record_;
};

/// Waits until all children are done, and looks at the server meanwhile.
void watch_run(std::vector<child>& children, shared_counts& counts, const load_options& options,
               clock::time_point start, server_watch& server, const interrupts& signals,
               const std::function<void(const load_progress&)>& progress) {
    bool begun = false;
    bool ended = false;
    const auto finished = [&] { return std::ranges::all_of(children, &child::has_spoken); };
    for (auto next = start; !finished(); next += look) {
        std::this_thread::sleep_until(next);
        if (signals.came()) {
            counts.stop().store(true, std::memory_order_relaxed);
        }
        const auto elapsed = clock::now() - start;
        if (!begun && elapsed >= options.times.measured_from()) {
            begun = true;
            server.note(&server_record::begun);
        } else if (!ended && elapsed >= options.times.end()) {
            ended = true;
            server.note(&server_record::ended);
        } else {
            server.look();
        }
        load_progress now{.elapsed = elapsed, .tasks = 0, .failures = 0};
        for (std::size_t i = 0; i < children.size(); ++i) {
            now.tasks += counts.of(i).live_tasks.load(std::memory_order_relaxed);
            now.failures += counts.of(i).live_failures.load(std::memory_order_relaxed);
        }
        progress(now);
    }
    if (!begun) {
        server.note(&server_record::begun);
    }
    if (!ended) {
        server.note(&server_record::ended);
    }
    server.note(&server_record::finished);
}

}  // namespace

load_outcome run_load(const config::address& server, const load_options& options, const workload& shapes,
                      const std::function<void(const load_progress&)>& progress) {
    const auto endpoint = resolve(server);
    allow_many_files();
    shared_counts counts{options.processes};
    server_watch watch{endpoint};
    const interrupts signals;
    std::vector<child> children;
    for (std::size_t i = 0; i < options.processes; ++i) {
        children.emplace_back([&](int line) {
            load_worker worker{options, i, shapes, counts.of(i), counts.stop()};
            be_child(line, worker, endpoint);
        });
    }
    for (const auto& each : children) {
        if (const auto word = each.receive(); word != std::string(1, ready)) {
            throw connection_error{word.empty() ? "a process of the load test ended early" : word};
        }
    }
    watch.note(&server_record::connected);
    const auto start = clock::now() + start_delay;
    for (const auto& each : children) {
        each.send_start(start);
    }
    watch_run(children, counts, options, start, watch, signals, progress);
    load_outcome outcome;
    for (std::size_t i = 0; i < children.size(); ++i) {
        if (children[i].receive() != std::string(1, done)) {
            throw std::runtime_error{"a process of the load test ended early"};
        }
        outcome.counted.add(counts.of(i).counted);
    }
    // A run that ends with its requests, or early, is as long as its last answer says.
    outcome.measured = std::clamp(outcome.counted.last_answer - options.times.measured_from(),
                                  std::chrono::nanoseconds{0}, options.times.duration);
    if (!options.requests && !signals.came()) {
        outcome.measured = options.times.duration;
    }
    outcome.interrupted = signals.came();
    outcome.server = watch.take();
    return outcome;
}

}  // namespace gatherd::cli::bench
