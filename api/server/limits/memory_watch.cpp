#include "api/server/limits/memory_watch.hpp"

#include <malloc.h>
#include <pthread.h>

#include <algorithm>
#include <ctime>
#include <unordered_set>
#include <utility>

#include "api/process/resident_memory.hpp"
#include "gatherd/api/memory_limit.hpp"
#include "gatherd/executor/allocated_memory.hpp"

namespace gatherd::api::server {
namespace {

using executor::allocated_memory, executor::memory_group;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds between_looks{2};
constexpr std::chrono::milliseconds between_idle_looks{50};  // while those who hold much need not end
constexpr std::chrono::milliseconds between_counts{10};      // of what is resident, while much is allocated
constexpr std::chrono::milliseconds between_givings{500};    // back of free memory, while there is room for more
constexpr std::size_t much_memory = std::size_t{48} << 20;
constexpr std::size_t most_unallocated = std::size_t{96} << 20;  // of what is resident, before the limit gives way
constexpr std::chrono::seconds patience{1};                      // with those that were told to end, before others are
constexpr std::size_t least_worth = std::size_t{1} << 20;        // of what holds less, several are ended together
constexpr std::size_t most_victims = 256;
constexpr std::size_t small_change = std::size_t{128} << 10;  // of a connection: a buffer that it may keep

/// False: the time has passed.
bool wait_for(sem_t& bell, std::chrono::milliseconds time) noexcept {
    timespec until{};
    clock_gettime(CLOCK_MONOTONIC, &until);
    constexpr long nanoseconds_a_second = 1'000'000'000;
    const std::chrono::nanoseconds delay = time;
    until.tv_sec += delay.count() / nanoseconds_a_second;
    until.tv_nsec += delay.count() % nanoseconds_a_second;
    if (until.tv_nsec >= nanoseconds_a_second) {
        ++until.tv_sec;
        until.tv_nsec -= nanoseconds_a_second;
    }
    return sem_clockwait(&bell, CLOCK_MONOTONIC, &until) == 0;
}

}  // namespace

/// A program or a connection.
struct memory_watch::holder {
    std::size_t bytes = 0;
    std::shared_ptr<client_share> client;
    std::shared_ptr<plan::program> program;
    std::shared_ptr<memory_holder> connected;
};

bool memory_watch::by_bytes(const holder& one, const holder& other) noexcept {
    return one.bytes < other.bytes;
}

void memory_watch::place::enter(memory_watch& watch, std::shared_ptr<client_share> client,
                                const std::shared_ptr<plan::program>& program) {
    program->memory().join(client);
    watch_ = &watch;
    client_ = std::move(client);
    program_ = program;
    const std::lock_guard guard{watch.lock_};
    next_ = watch.first_;
    if (next_ != nullptr) {
        next_->previous_ = this;
    }
    watch.first_ = this;
}

void memory_watch::place::leave() noexcept {
    if (watch_ == nullptr) {
        return;
    }
    if (const auto program = program_.lock()) {
        program->memory().join(nullptr);
    }
    memory_watch& watch = *std::exchange(watch_, nullptr);
    const std::lock_guard guard{watch.lock_};
    (previous_ != nullptr ? previous_->next_ : watch.first_) = next_;
    if (next_ != nullptr) {
        next_->previous_ = previous_;
    }
    next_ = previous_ = nullptr;
}

memory_watch::memory_watch(const limits& bounds) : client_bytes_{bounds.client_memory_bytes} {
    sem_init(&bell_, 0, 0);
    memory_limit::set(bounds.memory_bytes);
    memory_group::set_mark(bounds.client_memory_bytes);
}

memory_watch::~memory_watch() {
    stop();
    sem_destroy(&bell_);
}

void memory_watch::start(memory_holders& watched) {
    watched_ = &watched;
    if (allocated_memory::is_counting()) {
        thread_ = std::thread{[this] { run(); }};
    }
}

void memory_watch::change_limits(const limits& bounds) noexcept {
    memory_limit::set(bounds.memory_bytes);
    memory_group::set_mark(bounds.client_memory_bytes);
    client_bytes_.store(bounds.client_memory_bytes, std::memory_order_relaxed);  // a number by itself
    sem_post(&bell_);
}

bool memory_watch::may_one_be_full() const noexcept {
    return allocated_memory::bytes() > client_bytes_.load(std::memory_order_relaxed);
}

bool memory_watch::is_full(const client_share& client) const noexcept {
    const std::size_t most = client_bytes_.load(std::memory_order_relaxed);
    return client.bytes() > most && may_one_be_full();
}

void memory_watch::note_waiting() noexcept {
    if (!some_wait_.exchange(true)) {  // if the thread has just taken it back, it wakes once more
        sem_post(&bell_);
    }
}

void memory_watch::stop() noexcept {
    if (thread_.joinable()) {
        is_stopping_.store(true, std::memory_order_relaxed);  // the semaphore orders it
        sem_post(&bell_);
        thread_.join();
        allocated_memory::arm_alarm(0, nullptr);
    }
}

void memory_watch::run() noexcept {
    pthread_setname_np(pthread_self(), "memory");
    while (!is_stopping_.load(std::memory_order_relaxed)) {
        const bool has_much = allocated_memory::bytes() > much_memory;
        const std::size_t high_water = memory_limit::high_water();
        allocated_memory::arm_alarm(has_much ? high_water : std::min(much_memory, high_water), &bell_);
        const bool is_high = memory_limit::is_high();
        bool was_rung = true;
        if (is_high || is_one_full_ || some_wait_.load(std::memory_order_relaxed)) {
            static_cast<void>(wait_for(bell_, is_high || !victims_.empty() ? between_looks : between_idle_looks));
        } else if (has_much || has_left_much_) {
            was_rung = wait_for(bell_, between_counts);  // else it may have been freed since
        } else {
            static_cast<void>(sem_wait(&bell_));  // after EINTR one look too many
        }
        if (was_rung) {
            const auto began = steady_clock::now();
            look();
            std::this_thread::sleep_for(10 * (steady_clock::now() - began));  // others have the CPU ten times as long
        }
        has_left_much_ = !give_back_free_memory();
    }
}

/// Memory that malloc keeps, since each thread has an arena of its own and one does not use what is free in another, is
/// in no count. Where that is much it is given back to the system: now and then, and at once where the process has more
/// than the limit, and more than the last time left. What cannot be given back, since it lies between pieces in use, is
/// set aside from the limit. False: it is much, and its time will come.
bool memory_watch::give_back_free_memory() {
#ifdef __GLIBC__
    std::size_t resident = process::resident_bytes("self");
    left_resident_ = std::min(left_resident_, resident);
    const auto now = steady_clock::now();
    const bool is_much = resident > allocated_memory::bytes() + much_memory;
    const bool is_urgent = resident > std::max(memory_limit::most(), left_resident_ + much_memory / 2);
    const bool gives = is_much && (is_urgent || now - last_giving_ >= between_givings);
    if (gives) {
        malloc_trim(0);
        last_giving_ = steady_clock::now();
        left_resident_ = resident = process::resident_bytes("self");
    }
    const std::size_t borne = allocated_memory::bytes() + most_unallocated;
    memory_limit::set_aside(resident - std::min(resident, borne));
    return gives || !is_much;
#else
    return true;
#endif
}

std::vector<memory_watch::holder> memory_watch::holders() {
    std::vector<holder> all;
    {
        const std::lock_guard guard{lock_};
        for (const place* each = first_; each != nullptr; each = each->next_) {
            if (auto program = each->program_.lock()) {
                all.push_back({program->memory().bytes(), each->client_, program, nullptr});
            }
        }
    }
    for (auto& each : watched_->holders()) {
        if (const std::size_t bytes = each->held_bytes(); bytes > small_change) {
            all.push_back({bytes, each->share(), nullptr, each});
        }
    }
    return all;
}

void memory_watch::look() {
    auto all = holders();
    std::unordered_set<client_share*> clients;
    bool is_one_denied = false;  // it is about to give back what it holds
    for (const holder& each : all) {
        if (each.program != nullptr && each.program->memory().is_denied()) {
            each.program->end_for_memory("limits.memory_bytes");
            is_one_denied = true;
        }
        clients.insert(each.client.get());
    }
    // Before anything ends for them, or a message is refused that has to leave some room.
    if (memory_limit::is_high(memory_limit::most() / 8)) {
        watched_->drop_records();
    }
    const bool is_high = memory_limit::is_high();
    if (!is_high && some_wait_.exchange(false)) {
        for (const auto& each : watched_->holders()) {
            each->look_at_memory();
        }
    }
    const std::size_t client_most = client_bytes_.load(std::memory_order_relaxed);
    bool waits = some_are_ending() || is_one_denied;
    client_share* fullest = nullptr;
    is_one_full_ = false;
    for (client_share* const client : clients) {
        fullest = fullest == nullptr || client->bytes() > fullest->bytes() ? client : fullest;
        if (client->bytes() > client_most) {
            is_one_full_ = true;
            waits = waits || (is_full(*client) && end_largest(all, client, "limits.client_memory_bytes"));
        }
    }
    if (!is_high || waits) {
        return;
    }
    const auto largest = std::max_element(all.begin(), all.end(), by_bytes);
    const std::size_t kept = watched_->kept_bytes();
    if (largest == all.end() || std::max(largest->bytes, fullest->bytes()) < kept) {
        watched_->drop_half();
    } else {
        // Where all are small, those of the client that holds most.
        static_cast<void>(end_largest(all, largest->bytes < least_worth ? fullest : nullptr, "limits.memory_bytes"));
    }
}

/// Ends what holds most: of one client, or of all (null); of what is small, several. False: there is nothing.
bool memory_watch::end_largest(std::vector<holder>& all, const client_share* client, const char* limit) {
    const auto end = std::partition(all.begin(), all.end(), [client](const holder& each) {
        const bool is_ending = each.program != nullptr && each.program->memory().is_denied();
        return !is_ending && (client == nullptr || each.client.get() == client);
    });
    std::size_t ended = 0;
    for (auto rest = all.begin(); rest != end && ended < least_worth && victims_.size() < most_victims; ++rest) {
        std::iter_swap(rest, std::max_element(rest, end, by_bytes));
        ended += rest->bytes;
        if (rest->program != nullptr) {
            victims_.emplace_back(rest->program);
            rest->program->end_for_memory(limit);
        } else {
            leaving_ = rest->connected;
            rest->connected->end_for_memory(limit);
        }
    }
    victims_since_ = steady_clock::now();
    return ended != 0;
}

/// Whether those that were told to end have not yet given back what they hold. They have a while for it.
bool memory_watch::some_are_ending() {
    if (steady_clock::now() - victims_since_ > patience) {
        victims_.clear();
        leaving_.reset();
    }
    std::erase_if(victims_, [](const auto& each) { return each.expired(); });
    const auto leaving = leaving_.lock();
    return !victims_.empty() || (leaving != nullptr && leaving->held_bytes() >= least_worth);
}

}  // namespace gatherd::api::server
