#include "gatherd/executor/allocated_memory.hpp"

#include <cstdint>
#include <mutex>

#include "gatherd/executor/detail/spin_lock.hpp"

namespace gatherd::executor {
namespace {

constexpr std::ptrdiff_t batch_bytes = 32 * 1024;

constinit spin_lock accounts_lock;

/// That of a lasting_account.
struct lasting : memory_account {
    lasting* next_unused = nullptr;  // under accounts_lock
};
constinit lasting* first_unused = nullptr;  // likewise

constinit std::atomic<std::ptrdiff_t> alarm_mark{PTRDIFF_MAX};
constinit std::atomic<sem_t*> alarm_bell{nullptr};  // taken out by who rings it
constinit std::atomic<bool> was_rung{false};        // since it was armed last, perhaps while there was no bell
constinit std::atomic<std::ptrdiff_t> group_mark{PTRDIFF_MAX};

std::ptrdiff_t signed_bytes(std::size_t bytes) {
    constexpr auto most = static_cast<std::size_t>(PTRDIFF_MAX);
    return static_cast<std::ptrdiff_t>(bytes < most ? bytes : most);
}

}  // namespace

thread_local constinit allocated_memory::cell allocated_memory::own_;
constinit std::atomic<std::ptrdiff_t> allocated_memory::total_{0};
constinit std::atomic<bool> allocated_memory::is_counting_{false};

/// The list of the cells of all threads, and the place of this thread's in it.
struct allocated_memory::membership {
    membership() noexcept {
        const std::lock_guard guard{lock};
        own_.next = first;
        if (first != nullptr) {
            first->previous = &own_;
        }
        first = &own_;
    }
    ~membership() {
        const std::lock_guard guard{lock};
        (own_.previous != nullptr ? own_.previous->next : first) = own_.next;
        if (own_.next != nullptr) {
            own_.next->previous = own_.previous;
        }
        own_.batch = 0;  // what other destructors of the thread still free is sent at once
        own_.has_ended = true;
        const std::ptrdiff_t counted = own_.counted.load(std::memory_order_relaxed);
        total_.fetch_add(counted - own_.sent.exchange(counted, std::memory_order_relaxed), std::memory_order_relaxed);
    }

    static constinit spin_lock lock;
    static constinit cell* first;  // under lock
};
constinit spin_lock allocated_memory::membership::lock;
constinit allocated_memory::cell* allocated_memory::membership::first = nullptr;

void allocated_memory::send() noexcept {
    cell& own = own_;
    if (own.batch == 0 && !own.has_ended) {
        own.batch = batch_bytes;
        static thread_local const membership listed;
        static_cast<void>(listed);
    }
    const std::ptrdiff_t counted = own.counted.load(std::memory_order_relaxed);
    const std::ptrdiff_t unsent = counted - own.sent.load(std::memory_order_relaxed);
    own.sent.store(counted, std::memory_order_relaxed);
    const std::ptrdiff_t total = total_.fetch_add(unsent, std::memory_order_relaxed) + unsent;
    if (total > alarm_mark.load(std::memory_order_relaxed)) [[unlikely]] {
        ring();
    }
}

std::size_t allocated_memory::exact_bytes() noexcept {
    const std::lock_guard guard{membership::lock};
    std::ptrdiff_t bytes = total_.load(std::memory_order_relaxed);
    for (const cell* each = membership::first; each != nullptr; each = each->next) {
        bytes += each->counted.load(std::memory_order_relaxed) - each->sent.load(std::memory_order_relaxed);
    }
    return bytes < 0 ? 0 : static_cast<std::size_t>(bytes);
}

void allocated_memory::arm_alarm(std::size_t mark, sem_t* bell) noexcept {
    alarm_mark.store(signed_bytes(mark), std::memory_order_relaxed);
    // Sequentially consistent, as in ring: either that finds this bell, or this finds that it was rung.
    alarm_bell.store(bell);
    if (was_rung.exchange(false)) {
        ring();
    }
}

void allocated_memory::ring() noexcept {
    if (alarm_bell.load(std::memory_order_relaxed) == nullptr && was_rung.load(std::memory_order_relaxed)) {
        return;  // once is enough
    }
    was_rung.store(true);
    if (sem_t* const bell = alarm_bell.exchange(nullptr)) {
        was_rung.store(false);
        sem_post(bell);
    }
}

void memory_group::add(std::ptrdiff_t bytes) noexcept {
    const std::ptrdiff_t sum = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    if (bytes > 0 && sum > group_mark.load(std::memory_order_relaxed)) [[unlikely]] {
        allocated_memory::ring();
    }
}

void memory_group::set_mark(std::size_t bytes) noexcept {
    group_mark.store(signed_bytes(bytes), std::memory_order_relaxed);
}

void memory_account::tell() noexcept {
    const std::lock_guard guard{lock_};
    const auto now = static_cast<std::ptrdiff_t>(bytes());
    const std::ptrdiff_t more = now - told_.exchange(now, std::memory_order_relaxed);
    if (group_ != nullptr) {
        group_->add(more);
    }
}

void memory_account::join(std::shared_ptr<memory_group> group) noexcept {
    {
        const std::lock_guard guard{lock_};
        const auto now = static_cast<std::ptrdiff_t>(bytes());
        const std::ptrdiff_t told = told_.exchange(now, std::memory_order_relaxed);
        group_.swap(group);
        if (group != nullptr) {
            group->add(-told);
        }
        if (group_ != nullptr) {
            group_->add(now);
        }
    }  // the last one group may end here
}

void memory_account::reset() noexcept {
    join(nullptr);
    const std::lock_guard guard{lock_};
    bytes_.store(0, std::memory_order_relaxed);
    told_.store(0, std::memory_order_relaxed);
    is_denied_.store(false, std::memory_order_relaxed);
    uses_.fetch_add(1, std::memory_order_relaxed);
}

lasting_account::lasting_account()
    : account_{[]() -> memory_account& {
          {
              const std::lock_guard guard{accounts_lock};
              if (lasting* const unused = first_unused) {
                  first_unused = unused->next_unused;
                  return *unused;
              }
          }
          return *new lasting;
      }()} {
    account_.reset();  // what was added since its last use is nobody's
}

lasting_account::~lasting_account() {
    account_.join(nullptr);
    const std::lock_guard guard{accounts_lock};
    auto& unused = static_cast<lasting&>(account_);
    unused.next_unused = first_unused;
    first_unused = &unused;
}

}  // namespace gatherd::executor
