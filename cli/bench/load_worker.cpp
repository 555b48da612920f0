#include "cli/bench/load_worker.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "cli/failures.hpp"

namespace gatherd::cli::bench {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t scratch_bytes = std::size_t{256} << 10;

std::uint64_t share_of(std::uint64_t all, std::size_t index, std::size_t parts) {
    return all / parts + (index < all % parts ? 1 : 0);
}

}  // namespace

load_worker::load_worker(const load_options& options, std::size_t index, workload shapes, shared_tally& shared,
                         const std::atomic<bool>& stop)
    : options_{options},
      index_{index},
      shapes_{std::move(shapes)},
      shared_{shared},
      stop_{stop},
      allowed_{options.requests ? share_of(*options.requests, index, options.processes) : ~std::uint64_t{0}},
      epoll_{::epoll_create1(EPOLL_CLOEXEC)},
      scratch_(scratch_bytes) {
    if (epoll_ < 0) {
        throw std::system_error{errno, std::system_category(), "epoll_create1"};
    }
    if (options.rate) {
        schedule_.emplace(*options.rate, options.times.ramp);
    }
}

load_worker::~load_worker() {
    ::close(epoll_);
}

void load_worker::connect(const asio::generic::stream_protocol::endpoint& server) {
    const auto count = share_of(options_.connections, index_, options_.processes);
    for (std::size_t i = 0; i < count; ++i) {
        asio::generic::stream_protocol::socket socket{context_};
        asio::error_code failed;
        socket.connect(server, failed);
        if (failed) {
            throw connection_error{"connection " + std::to_string(i + 1) + " of " + std::to_string(count) +
                                   " could not be made: " + failed.message()};
        }
        peers_.push_back({std::make_unique<load_connection>(std::move(socket), options_.pipeline, shapes_,
                                                            options_.any_result, out_)});
        watch(i, EPOLL_CTL_ADD, false);
    }
    alive_ = peers_.size();
}

void load_worker::watch(std::size_t connection, int operation, bool for_writing) {
    epoll_event wanted{.events = EPOLLIN | (for_writing ? EPOLLOUT : 0U), .data = {.u64 = connection}};
    if (::epoll_ctl(epoll_, operation, peers_[connection].link->handle(), &wanted) != 0) {
        throw std::system_error{errno, std::system_category(), "epoll_ctl"};
    }
    peers_[connection].watched_for_writing = for_writing;
}

void load_worker::run(clock::time_point start) {
    start_ = start;
    for (auto now = clock::now(); !is_done(now); now = clock::now()) {
        start_due(now);
        wait_for_events(clock::now());
    }
    for (std::size_t i = 0; i < peers_.size(); ++i) {
        if (peers_[i].link) {
            counted_.unanswered += peers_[i].link->in_flight();
            counted_.keep_complaint(peers_[i].link->complaint());
        }
    }
    counted_.unsent += backlog_;
}

bool load_worker::may_start(clock::time_point now) const noexcept {
    return started_ + backlog_ < allowed_ && now < start_ + options_.times.end() && now >= start_ &&
           !stop_.load(std::memory_order_relaxed);
}

bool load_worker::is_done(clock::time_point now) const noexcept {
    const auto end = start_ + options_.times.end();
    // An open loop owes what was due by the end, also where this process looks only later.
    const bool is_time_up = is_open_loop() ? due(fallen_due_) >= end : now >= end;
    const bool no_more = started_ + backlog_ >= allowed_ || is_time_up || stop_.load(std::memory_order_relaxed);
    const bool is_answered = in_flight_ == 0 && backlog_ == 0;
    // A run that ends with its requests has no other end where the server has fallen silent.
    const bool may_give_up = (no_more || options_.requests) && !is_answered;
    return alive_ == 0 || (no_more && is_answered) ||
           (may_give_up && now >= std::max(last_event_, giving_up_from()) + options_.patience);
}

/// A run for a time waits from its end on, one for so many requests all the time.
load_worker::clock::time_point load_worker::giving_up_from() const noexcept {
    const bool is_stopped = stop_.load(std::memory_order_relaxed);
    return start_ + (options_.requests || is_stopped ? std::chrono::nanoseconds{0} : options_.times.end());
}

load_worker::clock::time_point load_worker::due(std::uint64_t own_number) const noexcept {
    return start_ + schedule_->due(own_number * options_.processes + index_);
}

/// Starts what time alone starts: requests of an open loop, the connections of a closed one.
void load_worker::start_due(clock::time_point now) {
    if (now < start_) {
        return;
    }
    if (!is_open_loop()) {
        const auto ramp = std::chrono::duration<double>(options_.times.ramp);
        const double part = ramp.count() == 0 ? 1 : std::min(1.0, std::chrono::duration<double>(now - start_) / ramp);
        const auto wanted =
            std::max<std::size_t>(1, static_cast<std::size_t>(part * static_cast<double>(peers_.size())));
        for (; begun_peers_ < std::min(wanted, peers_.size()); ++begun_peers_) {
            start_more(begun_peers_, now);
        }
        return;
    }
    const auto last = start_ + options_.times.end();
    for (; may_start(std::min(now, last - 1ns)); ++fallen_due_) {
        if (const auto at = due(fallen_due_); at > now || at >= last) {
            return;
        }
        auto& of = peers_[fallen_due_ % peers_.size()];
        ++of.backlog;
        ++backlog_;
        start_more(fallen_due_ % peers_.size(), now);
    }
}

void load_worker::start_more(std::size_t connection, clock::time_point now) {
    auto& of = peers_[connection];
    if (!of.link) {
        return;
    }
    if (is_open_loop()) {
        for (; of.backlog > 0 && of.link->has_room(); --of.backlog, --backlog_) {
            const auto since = due(of.next++ * peers_.size() + connection);
            begin(connection, since, now);
        }
    } else {
        while (of.link->has_room() && may_start(now)) {
            begin(connection, now, now);
        }
    }
    flush(connection);
}

void load_worker::begin(std::size_t connection, clock::time_point since, clock::time_point now) {
    if (is_open_loop() && options_.times.measures(since - start_)) {
        counted_.lateness.record(now - since);
    }
    peers_[connection].link->ask(started_ % shapes_.size(), since);
    ++started_;
    ++in_flight_;
    last_event_ = now;
}

void load_worker::flush(std::size_t connection) {
    auto& of = peers_[connection];
    of.link->flush();
    if (of.link->is_lost()) {
        drop_lost(connection);
    } else if (of.link->is_blocked() != of.watched_for_writing) {
        watch(connection, EPOLL_CTL_MOD, of.link->is_blocked());
    }
}

void load_worker::wait_for_events(clock::time_point now) {
    std::array<epoll_event, 128> events;
    // What time starts next, or a look at `stop`.
    auto until = now + 50ms;
    if (now < start_) {
        until = std::min(until, start_);
    } else if (is_open_loop() && may_start(now)) {
        until = std::min(until, due(fallen_due_));
    } else if (begun_peers_ < peers_.size() && !is_open_loop()) {
        until = std::min(until, now + 1ms);
    }
    const auto wait = std::max<std::chrono::nanoseconds>(until - now, 0ns);
    const timespec limit{.tv_sec = 0, .tv_nsec = static_cast<long>(wait.count())};
    const int count = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &limit, nullptr);
    if (count < 0 && errno != EINTR) {
        throw std::system_error{errno, std::system_category(), "epoll_pwait2"};
    }
    for (int i = 0; i < count; ++i) {
        handle(events[static_cast<std::size_t>(i)].data.u64, events[static_cast<std::size_t>(i)].events);
    }
}

void load_worker::handle(std::size_t connection, std::uint32_t events) {
    auto& of = peers_[connection];
    if (!of.link) {
        return;
    }
    ended_.clear();
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) {
        of.link->read_some(scratch_, ended_);
    }
    const auto now = clock::now();
    for (const auto& each : ended_) {
        count(each, now);
    }
    if (of.link->is_lost()) {
        drop_lost(connection);
    } else if (is_open_loop() ? of.backlog > 0 : connection < begun_peers_) {
        start_more(connection, now);
    } else if (of.link->is_blocked()) {
        flush(connection);
    }
}

void load_worker::count(const ended_request& each, clock::time_point now) {
    const auto at = now - start_;
    last_event_ = now;
    in_flight_ -= each.tasks == 0 ? 0 : 1;  // what answers nothing that was asked has no tasks
    switch (each.how) {
        case ending::right:
            break;
        case ending::error:
            counted_.count_error(each.code);
            shared_.live_failures.fetch_add(1, std::memory_order_relaxed);
            return;
        case ending::wrong:
        case ending::unasked:
            ++(each.how == ending::wrong ? counted_.wrong : counted_.unasked);
            shared_.live_failures.fetch_add(1, std::memory_order_relaxed);
            return;
    }
    ++counted_.right;
    counted_.last_answer = at;
    // Nobody else writes it: a load and a store, no locked instruction.
    shared_.live_tasks.store(shared_.live_tasks.load(std::memory_order_relaxed) + each.tasks,
                             std::memory_order_relaxed);
    counted_.tasks_by_time.add(at, each.tasks);
    if (options_.times.measures(at)) {
        ++counted_.requests;
        counted_.tasks += each.tasks;
    }
    if (options_.times.measures(each.since - start_)) {
        counted_.latency.record(now - each.since);
    }
}

void load_worker::drop_lost(std::size_t connection) {
    auto& of = peers_[connection];
    ++counted_.lost_connections;
    counted_.unanswered += of.link->in_flight();
    counted_.keep_complaint(of.link->complaint());
    in_flight_ -= of.link->in_flight();
    of.link.reset();
    --alive_;
}

}  // namespace gatherd::cli::bench
