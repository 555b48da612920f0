#include "gatherd/executor/detail/frame_pool.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define GATHERD_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GATHERD_SANITIZED
#endif

namespace gatherd::executor {

thread_local constinit frame_pool::owner_head* frame_pool::mine_ = nullptr;

#ifdef GATHERD_SANITIZED  // nobody has a pool: the fast paths are never taken

void* frame_pool::allocate_slowly(std::size_t size) {
    return ::operator new(size);
}
void frame_pool::deallocate_slowly(void* given, std::size_t size) noexcept {
    ::operator delete(given, size);
}
void frame_pool::settle(slab&) noexcept {}
void frame_pool::send_home() noexcept {}
bool frame_pool::trim() noexcept {
    return false;
}

#else

/// One thread's slabs.
class pool : public frame_pool::owner_head {
public:
    using block = frame_pool::block;
    using slab = frame_pool::slab;
    static constexpr std::size_t slab_size = frame_pool::slab_size;

    pool() noexcept { current.fill(&nobodys); }

    /// As frame_pool::allocate, where the current slab has no free block.
    [[nodiscard]] void* allocate(std::size_t size);

    /// See slab::settles_at.
    void settle(slab& s) noexcept;

    /// Blocks of this pool that another thread gives back, chained. Any thread.
    void come_home(block* first, block* last) noexcept;

private:
    static void carve(slab& s) noexcept;
    static void unlink(slab& s, slab*& list) noexcept;
    [[nodiscard]] slab& make_slab(std::size_t index);
    void collect() noexcept;

    static inline slab nobodys;

    std::array<slab*, frame_pool::classes> partial_{};
    alignas(128) std::atomic<block*> returned_{nullptr};  // R: who takes a block sees what its last user wrote
};

namespace {

constexpr std::size_t region_size = 2 * 1024 * 1024;  // a huge page
constexpr std::size_t kept_empty_slabs = 64;          // 4 MiB: these never give their pages back
constexpr std::chrono::seconds between_trims{1};
constexpr std::size_t page_size = 4096;
constexpr std::size_t batch = 64;  // blocks that go home together

/// Slabs that nobody uses, for all threads.
class slab_store {
public:
    [[nodiscard]] void* take() {
        const std::lock_guard guard{lock_};
        if (empty_.empty()) {
            add_region();
        }
        void* const taken = empty_.back();
        empty_.pop_back();
        fewest_ = std::min(fewest_, empty_.size());
        clean_ = std::min(clean_, empty_.size());
        return taken;
    }

    void give(void* emptied) noexcept {
        const std::lock_guard guard{lock_};
        empty_.push_back(emptied);  // there is room: add_region reserved it
    }

    /// Those that were empty all the time since the last trim are at the front: the others come and go at the back.
    bool trim() noexcept {
        const std::lock_guard guard{lock_};
        const auto now = std::chrono::steady_clock::now();
        if (now - last_trim_ >= between_trims) {
            last_trim_ = now;
            for (; clean_ + kept_empty_slabs < fewest_; ++clean_) {
                madvise(empty_[clean_], pool::slab_size,
                        MADV_DONTNEED);  // the range stays ours, and comes back as zeros
            }
            fewest_ = empty_.size();
        }
        return empty_.size() > clean_ + kept_empty_slabs;
    }

private:
    void add_region() {
        // Twice the size, so that there is an aligned region in it; the rest goes back.
        void* const mapped =
            mmap(nullptr, 2 * region_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapped == MAP_FAILED) {
            throw std::bad_alloc{};
        }
        auto* const begin = static_cast<std::byte*>(mapped);
        const auto misaligned = reinterpret_cast<std::uintptr_t>(begin) % region_size;
        const std::size_t before = misaligned == 0 ? 0 : region_size - misaligned;
        if (before != 0) {
            munmap(begin, before);
        }
        munmap(begin + before + region_size, region_size - before);
        madvise(begin + before, region_size, MADV_HUGEPAGE);  // page faults cost more than the blocks; a hint
        slabs_ += region_size / pool::slab_size;
        empty_.reserve(slabs_);
        for (std::size_t at = region_size; at != 0; at -= pool::slab_size) {
            empty_.push_back(begin + before + at - pool::slab_size);
        }
        clean_ = empty_.size();  // never touched yet
    }

    std::mutex lock_;
    std::vector<void*> empty_;
    std::size_t clean_ = 0;   // so many at the front hold no pages
    std::size_t fewest_ = 0;  // so many have been empty since the last trim
    std::size_t slabs_ = 0;
    std::chrono::steady_clock::time_point last_trim_{};
};

slab_store& store() {
    static auto& only = *new slab_store;  // never destroyed: threads may end after main's statics
    return only;
}

/// The pools of threads that ended, with what others still use of them: the next threads take them over.
class pool_store {
public:
    [[nodiscard]] pool& take() {
        const std::lock_guard guard{lock_};
        if (free_.empty()) {
            free_.reserve(++made_);
            return *new pool;
        }
        pool* const taken = free_.back();
        free_.pop_back();
        return *taken;
    }
    void give(pool& orphan) noexcept {
        const std::lock_guard guard{lock_};
        free_.push_back(&orphan);  // there is room: take reserved it
    }

private:
    std::mutex lock_;
    std::vector<pool*> free_;
    std::size_t made_ = 0;
};

pool_store& pools() {
    static auto& only = *new pool_store;  // never destroyed, as store()
    return only;
}

/// What a thread holds of others' blocks.
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
            home_->come_home(std::exchange(first_, nullptr), last_);
            count_ = 0;
        }
    }

private:
    pool* home_ = nullptr;
    pool::block* first_ = nullptr;
    pool::block* last_ = nullptr;
    std::size_t count_ = 0;
};

/// A thread's life with a pool of its own.
class membership {
public:
    explicit membership(frame_pool::owner_head*& mine) : mine_{mine}, own_{pools().take()} { mine_ = &own_; }
    ~membership();
    membership(const membership&) = delete;
    membership& operator=(const membership&) = delete;

    on_the_way away;

private:
    frame_pool::owner_head*& mine_;
    pool& own_;
};

enum class stage : char { before, with_pool, after };
thread_local constinit stage life = stage::before;
thread_local constinit membership* member = nullptr;

membership::~membership() {
    away.send();
    mine_ = nullptr;
    member = nullptr;
    life = stage::after;
    pools().give(own_);
}

/// Makes this thread's pool, unless it is ending.
void join_pools(frame_pool::owner_head*& mine) {
    if (life == stage::before) {
        thread_local membership made{mine};
        member = &made;
        life = stage::with_pool;
    }
}

}  // namespace

void* pool::allocate(std::size_t size) {
    collect();
    const std::size_t index = frame_pool::class_of(size);
    slab*& from = current[index];
    if (from->free == nullptr && from->untouched == 0) {
        if (from != &nobodys) {
            from->settles_at = slab::at_once;
        }
        if (slab*& partial = partial_[index]; partial != nullptr) {
            from = partial;
            unlink(*from, partial);
        } else {
            from = &make_slab(index);
        }
        from->settles_at = slab::never;
    }
    if (from->free == nullptr) {
        carve(*from);
    }
    block* const taken = from->free;
    from->free = taken->next;
    ++from->used;
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

void pool::come_home(block* first, block* last) noexcept {
    block* head = returned_.load(std::memory_order_relaxed);  // a guess; the exchange decides
    do {
        last->next = head;
    } while (!returned_.compare_exchange_weak(head, first, std::memory_order_release));  // R
}

void pool::collect() noexcept {
    if (returned_.load(std::memory_order_relaxed) == nullptr) {  // only a hint
        return;
    }
    for (block* each = returned_.exchange(nullptr, std::memory_order_acquire); each != nullptr;) {  // R
        block* const following = each->next;
        frame_pool::put_back(slab::of(each), each);
        each = following;
    }
}

void* frame_pool::allocate_slowly(std::size_t size) {
    if (size > largest_block) {
        return ::operator new(size);
    }
    join_pools(mine_);
    if (mine_ != nullptr) {
        return static_cast<pool*>(mine_)->allocate(size);
    }
    pool& borrowed = pools().take();  // the thread is ending
    void* const made = borrowed.allocate(size);
    pools().give(borrowed);
    return made;
}

void frame_pool::deallocate_slowly(void* given, std::size_t size) noexcept {
    if (size > largest_block) {
        ::operator delete(given, size);
        return;
    }
    auto* const freed = static_cast<block*>(given);
    auto& owner = static_cast<pool&>(*slab::of(given).owner);
    join_pools(mine_);
    if (mine_ == &owner) {  // an orphan that this thread has just taken over
        put_back(slab::of(given), freed);
    } else if (mine_ != nullptr) {
        member->away.hold(owner, freed);
    } else {
        owner.come_home(freed, freed);
    }
}

void frame_pool::settle(slab& s) noexcept {
    static_cast<pool*>(s.owner)->settle(s);
}

bool frame_pool::trim() noexcept {
    return store().trim();
}

void frame_pool::send_home() noexcept {
    if (member != nullptr) {
        member->away.send();
    }
}

#endif

}  // namespace gatherd::executor
