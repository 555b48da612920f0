#include "gatherd/executor/detail/frame_pool.hpp"

#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdio>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "gatherd/executor/allocated_memory.hpp"
#include "gatherd/executor/detail/spin_lock.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define GATHERD_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GATHERD_SANITIZED
#endif

namespace gatherd::executor {

namespace {

/// See frame_pool::allocate.
std::align_val_t alignment_for(std::size_t size) noexcept {
    const std::size_t divides = std::size_t{1} << std::countr_zero(size);
    return std::align_val_t{
        std::clamp<std::size_t>(divides, __STDCPP_DEFAULT_NEW_ALIGNMENT__, frame_pool::strongest_alignment)};
}

void* allocate_alone(std::size_t size) {
    return ::operator new(size, alignment_for(size));
}

void deallocate_alone(void* given, std::size_t size) noexcept {
    ::operator delete(given, size, alignment_for(size));
}

}  // namespace

thread_local constinit frame_pool::owner_head* frame_pool::mine_ = nullptr;
thread_local constinit frame_pool::owner_head* frame_pool::own_ = nullptr;

#ifdef GATHERD_SANITIZED  // no thread has a pool: the fast paths are never taken

void* frame_pool::allocate_slowly(std::size_t size) {
    return allocate_alone(size);
}
void frame_pool::deallocate_slowly(void* given, std::size_t size) noexcept {
    deallocate_alone(given, size);
}
void frame_pool::settle(slab&) noexcept {}
void frame_pool::take_up() noexcept {}
bool frame_pool::lay_down() noexcept {
    return false;
}
frame_pool::membership::membership() noexcept = default;
frame_pool::membership::~membership() = default;
bool frame_pool::rest(std::chrono::steady_clock::time_point) noexcept {
    return false;
}
frame_pool::slab_counts frame_pool::slabs() noexcept {
    return {};
}

#else

/// Slabs, and the blocks in them. Every member but give_back is called under the lock.
class pool : public frame_pool::owner_head {
public:
    using block = frame_pool::block;
    using slab = frame_pool::slab;
    static constexpr std::size_t slab_size = frame_pool::slab_size;

    pool() noexcept { current.fill(&nobodys); }

    /// As frame_pool::allocate.
    [[nodiscard]] void* allocate(std::size_t size);

    /// See slab::settles_at.
    void settle(slab& s) noexcept;

    /// Blocks of this pool that a thread without the lock gives back, chained. Any thread.
    void give_back(block* first, block* last) noexcept;

    /// Takes in some of what others gave back while the lock was not to be had. True: there is more.
    bool collect() noexcept;

    /// Gives up the slabs that it keeps for its next blocks, if no block of them is in use.
    void give_up_unused() noexcept;

    pool* older = nullptr;               ///< of all pools; never changes
    std::atomic<bool> has_thread{true};  ///< or is the shared one

    // On a line of its own, with what others write when they do not get it.
    alignas(128) spin_lock lock;  ///< a worker holds that of its pool while it runs

private:
    std::atomic<block*> returned_{nullptr};  // R: who takes a block sees what its last user wrote

    static void carve(slab& s) noexcept;
    static void unlink(slab& s, slab*& list) noexcept;
    [[nodiscard]] slab& make_slab(std::size_t index);

    static inline slab nobodys;

    alignas(128) std::array<slab*, frame_pool::classes> partial_{};
    block* collected_ = nullptr;  // taken out of returned_, and not yet in their slabs
};

namespace {

constexpr std::size_t region_size = 2 * 1024 * 1024;  // a huge page
constexpr std::size_t kept_empty_slabs = 8;           // half a MiB: these never give their pages back
constexpr std::chrono::seconds between_trims{1};
constexpr std::size_t page_size = 4096;
constexpr std::size_t batch = 64;              // blocks that go home together
constexpr std::size_t collect_limit = 4096;    // blocks of a pool that are taken in at a time: some 50 us
constexpr std::size_t malloc_slack = 4 << 20;  // bytes that the process grows or shrinks by before malloc is trimmed

/// All pools: of threads that run, of threads that have ended, for the next ones, and the shared one. They are never
/// destroyed: threads may end after main's statics.
class pool_list {
public:
    /// A pool that no thread has. Throws std::bad_alloc.
    [[nodiscard]] pool& take() {
        for (pool* each = first(); each != nullptr; each = each->older) {
            if (!each->has_thread.exchange(true, std::memory_order_acquire)) {  // T
                return *each;
            }
        }
        auto& made = *new pool;
        made.older = first_.load(std::memory_order_relaxed);
        while (!first_.compare_exchange_weak(made.older, &made, std::memory_order_release)) {  // F
        }
        return made;
    }

    static void give(pool& left) noexcept { left.has_thread.store(false, std::memory_order_release); }  // T

    [[nodiscard]] pool* first() const noexcept { return first_.load(std::memory_order_acquire); }  // F

private:
    std::atomic<pool*> first_{nullptr};
};

constinit pool_list all_pools;

/// The one of all threads that have none of their own.
pool& shared_pool() {
    static pool& only = all_pools.take();
    return only;
}

/// What the process has in memory; 0 if the kernel does not tell.
std::size_t resident_bytes() noexcept {
    std::size_t total = 0;
    std::size_t resident = 0;
    if (std::FILE* const statm = std::fopen("/proc/self/statm", "re")) {
        if (std::fscanf(statm, "%zu %zu", &total, &resident) != 2) {
            resident = 0;
        }
        std::fclose(statm);
    }
    return resident * page_size;
}

/// Slabs that nobody uses, for all pools.
class slab_store {
public:
    using time_point = std::chrono::steady_clock::time_point;

    [[nodiscard]] void* take() {
        const std::lock_guard guard{lock_};
        if (empty_.empty()) {
            add_region();
        }
        void* const taken = empty_.back();
        empty_.pop_back();
        fewest_ = std::min(fewest_, empty_.size());
        if (clean_ > empty_.size()) {
            clean_ = empty_.size();
            count_pages(pool::slab_size);
        } else {
            allocated_memory::attribute(pool::slab_size);
        }
        return taken;
    }

    void give(void* emptied) noexcept {
        const std::lock_guard guard{lock_};
        empty_.push_back(emptied);  // there is room: add_region reserved it
        allocated_memory::attribute(-static_cast<std::ptrdiff_t>(pool::slab_size));
    }

    /// See frame_pool::rest. `was_active`: the caller has used its pool since it last called.
    bool trim(time_point now, bool was_active) noexcept {
        bool is_idle = false;
        {
            const std::lock_guard guard{lock_};
            if (was_active) {
                last_active_ = now;
                left_to_do_ = true;
            }
            if (!left_to_do_ || now - last_trim_ < between_trims) {
                return left_to_do_;
            }
            last_trim_ = now;
            is_idle = now - last_active_ >= between_trims;
            left_to_do_ = !is_idle;
        }
        tidy_pools();
        if (is_idle) {
            trim_malloc();
        }
        const std::lock_guard guard{lock_};
        // Those that were empty all the time since the last trim are at the front: the others come and go at the back.
        for (; clean_ + kept_empty_slabs < fewest_; ++clean_) {
            madvise(empty_[clean_], pool::slab_size, MADV_DONTNEED);  // the range stays ours, and comes back as zeros
            count_pages(-static_cast<std::ptrdiff_t>(pool::slab_size));
        }
        fewest_ = empty_.size();
        left_to_do_ = left_to_do_ || empty_.size() > clean_ + kept_empty_slabs;
        return left_to_do_;
    }

    [[nodiscard]] frame_pool::slab_counts counts() noexcept {
        const std::lock_guard guard{lock_};
        return {.used = slabs_ - empty_.size(), .kept = empty_.size() - clean_};
    }

private:
    /// Regions come from operator new, never to be given back: a program that replaces it sees them.
    void add_region() {
        constexpr std::size_t slabs_a_region = region_size / pool::slab_size;
        empty_.reserve(slabs_ + slabs_a_region);
        auto* const begin = static_cast<std::byte*>(::operator new (region_size, std::align_val_t{region_size}));
        madvise(begin, region_size, MADV_HUGEPAGE);  // page faults cost more than the blocks; a hint
        if (allocated_memory::is_counting()) {       // by operator new, with what aligns it: it has no page yet
            allocated_memory::add(-static_cast<std::ptrdiff_t>(malloc_usable_size(begin)));
        }
        slabs_ += slabs_a_region;
        for (std::size_t at = region_size; at != 0; at -= pool::slab_size) {
            empty_.push_back(begin + at - pool::slab_size);
        }
        clean_ = empty_.size();  // never touched yet
    }

    /// Counts slabs that get pages, or lose them.
    static void count_pages(std::ptrdiff_t bytes) noexcept {
        if (allocated_memory::is_counting()) {
            allocated_memory::add(bytes);
        }
    }

    /// A pool whose thread runs is left out: that thread comes here before it sleeps.
    static void tidy_pools() noexcept {
        for (pool* each = all_pools.first(); each != nullptr; each = each->older) {
            for (bool more = true; more && each->lock.try_lock(); each->lock.unlock()) {  // a thread may be waiting
                more = each->collect();
                each->give_up_unused();
            }
        }
    }

    /// It walks through all that is free, and takes malloc's locks for that: so only of an idle process, and if that
    /// has another size than after the last time. A smaller one has freed what was still in use then.
    void trim_malloc() noexcept {
#ifdef __GLIBC__
        const std::size_t resident = resident_bytes();
        const std::size_t before = resident_after_trim_.load();
        if (std::max(resident, before) - std::min(resident, before) > malloc_slack) {
            malloc_trim(0);
            resident_after_trim_ = resident_bytes();
        }
#endif
    }

    std::mutex lock_;
    std::vector<void*> empty_;
    std::size_t clean_ = 0;   // so many at the front hold no pages
    std::size_t fewest_ = 0;  // so many have been empty since the last trim
    std::size_t slabs_ = 0;
    bool left_to_do_ = false;
    time_point last_trim_{};
    time_point last_active_{};
    std::atomic<std::size_t> resident_after_trim_{0};  // of one thread a second
};

/// Never destroyed, as the pools.
union lasting_store {
    constexpr lasting_store() noexcept : store{} {}
    ~lasting_store() {}

    slab_store store;
};
constinit lasting_store lasting;

slab_store& store() noexcept {
    return lasting.store;
}

/// What a thread with a pool of its own holds of others' blocks.
class on_the_way {
public:
    void hold(pool& owner, pool::block* given) noexcept {
        if (first_ == nullptr || home_ != &owner || count_ == batch) {
            send();
            home_ = &owner;
            last_ = given;
        }
        given->next = first_;
        first_ = given;
        ++count_;
    }

    void send() noexcept {
        if (first_ != nullptr) {
            home_->give_back(std::exchange(first_, nullptr), last_);
            count_ = 0;
        }
    }

private:
    pool* home_ = nullptr;
    pool::block* first_ = nullptr;
    pool::block* last_ = nullptr;
    std::size_t count_ = 0;
};

thread_local constinit on_the_way away;

}  // namespace

void* pool::allocate(std::size_t size) {
    const std::size_t index = frame_pool::class_of(size);
    if (current[index]->free == nullptr) {
        collect();
    }
    slab*& source = current[index];
    if (source->free == nullptr && source->untouched == 0) {
        slab*& partial = partial_[index];
        slab* const next = partial != nullptr ? partial : &make_slab(index);  // may throw: nothing has changed yet
        if (source != &nobodys) {
            source->settles_at = slab::at_once;
        }
        if (next == partial) {
            unlink(*next, partial);
        }
        source = next;
        source->settles_at = slab::never;
    }
    if (source->free == nullptr) {
        carve(*source);
    }
    block* const taken = source->free;
    source->free = taken->next;
    ++source->used;
    return taken;
}

/// Makes a page's worth of the untouched blocks free: the others' memory is not touched before it is needed.
void pool::carve(slab& s) noexcept {
    std::uint32_t count = static_cast<std::uint32_t>(page_size / s.block_size) + 1;
    count = count < s.untouched ? count : s.untouched;
    std::byte* at = reinterpret_cast<std::byte*>(&s) + slab_size - std::size_t{s.untouched} * s.block_size;
    s.untouched -= count;
    block** link = &s.free;
    for (; count != 0; --count, at += s.block_size) {
        *link = reinterpret_cast<block*>(at);
        link = &(*link)->next;
    }
    *link = nullptr;
}

void pool::settle(slab& s) noexcept {
    slab*& partial = partial_[s.block_size / frame_pool::step - 1];
    if (s.settles_at == slab::at_once) {
        s.settles_at = slab::when_empty;
        s.previous = nullptr;
        s.next = partial;
        if (s.next != nullptr) {
            s.next->previous = &s;
        }
        partial = &s;
    }
    if (s.used == 0) {
        unlink(s, partial);
        store().give(&s);
    }
}

void pool::unlink(slab& s, slab*& list) noexcept {
    (s.previous != nullptr ? s.previous->next : list) = s.next;
    if (s.next != nullptr) {
        s.next->previous = s.previous;
    }
    s.next = s.previous = nullptr;
}

pool::slab& pool::make_slab(std::size_t index) {
    auto& made = *new (store().take()) slab;
    made.owner = this;
    made.block_size = static_cast<std::uint32_t>((index + 1) * frame_pool::step);
    made.untouched = static_cast<std::uint32_t>((slab_size - sizeof(slab)) / made.block_size);
    return made;
}

void pool::give_back(block* first, block* last) noexcept {
    if (lock.try_lock()) {  // its thread sleeps, or it has none
        last->next = nullptr;
        while (first != nullptr) {
            block* const each = std::exchange(first, first->next);
            frame_pool::put_back(slab::around(each), each);
        }
        lock.unlock();
        return;
    }
    block* head = returned_.load(std::memory_order_relaxed);  // a guess; the exchange decides
    do {
        last->next = head;
    } while (!returned_.compare_exchange_weak(head, first, std::memory_order_release));  // R
}

bool pool::collect() noexcept {
    if (collected_ == nullptr) {
        if (returned_.load(std::memory_order_relaxed) == nullptr) {  // only a hint
            return false;
        }
        collected_ = returned_.exchange(nullptr, std::memory_order_acquire);  // R
    }
    for (std::size_t left = collect_limit; left > 0 && collected_ != nullptr; --left) {
        block* const each = std::exchange(collected_, collected_->next);
        frame_pool::put_back(slab::around(each), each);
    }
    return collected_ != nullptr;
}

void pool::give_up_unused() noexcept {
    for (slab*& each : current) {
        if (each != &nobodys && each->used == 0) {
            store().give(std::exchange(each, &nobodys));
        }
    }
}

/// The thread goes on, and needs its pool.
void frame_pool::take_up() noexcept {
    if (mine_ == nullptr && own_ != nullptr) {
        static_cast<pool*>(own_)->lock.lock();
        mine_ = own_;
    }
}

void* frame_pool::allocate_slowly(std::size_t size) {
    if (size > largest_block) {
        return allocate_alone(size);
    }
    take_up();
    if (mine_ != nullptr) {
        return static_cast<pool*>(mine_)->allocate(size);
    }
    pool& shared = shared_pool();
    const std::lock_guard guard{shared.lock};
    return shared.allocate(size);
}

void frame_pool::deallocate_slowly(void* given, std::size_t size) noexcept {
    if (size > largest_block) {
        deallocate_alone(given, size);
        return;
    }
    take_up();
    auto* const freed = static_cast<block*>(given);
    auto& owner = static_cast<pool&>(*slab::around(given).owner);
    if (mine_ == &owner) {
        put_back(slab::around(given), freed);
    } else if (mine_ != nullptr) {
        away.hold(owner, freed);
    } else {
        owner.give_back(freed, freed);
    }
}

void frame_pool::settle(slab& s) noexcept {
    static_cast<pool*>(s.owner)->settle(s);
}

/// Without memory for a pool the thread does with the shared one.
frame_pool::membership::membership() noexcept {
    try {
        own_ = &all_pools.take();
    } catch (const std::bad_alloc&) {
    }
}

frame_pool::membership::~membership() {
    static_cast<void>(lay_down());
    if (own_ != nullptr) {
        pool_list::give(static_cast<pool&>(*std::exchange(own_, nullptr)));
    }
}

/// The thread is about to rest. False: it has not used its pool since it did so last.
bool frame_pool::lay_down() noexcept {
    if (mine_ == nullptr) {
        return false;
    }
    away.send();
    static_cast<pool*>(std::exchange(mine_, nullptr))->lock.unlock();
    return true;
}

bool frame_pool::rest(std::chrono::steady_clock::time_point now) noexcept {
    return store().trim(now, lay_down());
}

frame_pool::slab_counts frame_pool::slabs() noexcept {
    return store().counts();
}

#endif

}  // namespace gatherd::executor
