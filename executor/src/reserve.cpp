#include "gatherd/executor/detail/reserve.hpp"

#include <bitset>
#include <mutex>
#include <new>

#include "gatherd/executor/detail/misuse.hpp"
#include "gatherd/executor/detail/spin_lock.hpp"

namespace gatherd::executor::detail {
namespace {

/// Cells of 64 bytes, so many together as a block needs. To look for them is slow, and happens only without memory.
class cells {
public:
    [[nodiscard]] void* take(std::size_t size) noexcept {
        const std::size_t wanted = count_for(size);
        const std::lock_guard guard{lock_};
        std::size_t free = 0;  // in a row
        for (std::size_t i = 0; i < count; ++i) {
            free = used_[i] ? 0 : free + 1;
            if (free == wanted) {
                mark(i + 1 - wanted, wanted, true);
                return memory_ + (i + 1 - wanted) * cell_size;
            }
        }
        return nullptr;
    }

    /// False: it is none of these.
    [[nodiscard]] bool give_back(void* given, std::size_t size) noexcept {
        auto* const begin = static_cast<std::byte*>(given);
        if (begin < memory_ || begin >= memory_ + sizeof memory_) {
            return false;
        }
        const std::lock_guard guard{lock_};
        mark(static_cast<std::size_t>(begin - memory_) / cell_size, count_for(size), false);
        return true;
    }

private:
    static constexpr std::size_t cell_size = 64;
    static constexpr std::size_t count = 4096;
    static constexpr std::size_t count_for(std::size_t size) noexcept { return (size + cell_size - 1) / cell_size; }

    void mark(std::size_t first, std::size_t number, bool is_used) noexcept {
        for (std::size_t i = first; i < first + number; ++i) {
            used_[i] = is_used;
        }
    }

    spin_lock lock_;
    std::bitset<count> used_;
    alignas(cell_size) std::byte memory_[count * cell_size]{};  // takes no page before it is used
};

constinit cells last_resort;

}  // namespace

void* allocate_or_reserve(std::size_t size) noexcept {
    void* taken = nullptr;
    try {
        taken = ::operator new(size);
    } catch (const std::bad_alloc&) {
        taken = last_resort.take(size);
    }
    if (taken == nullptr) {
        end_for_misuse("out of memory, and the reserve is used up");
    }
    return taken;
}

void give_back_or_reserve(void* given, std::size_t size) noexcept {
    if (!last_resort.give_back(given, size)) {
        ::operator delete(given, size);
    }
}

std::string copy_or_nothing(const std::string& message) noexcept {
    try {
        return message;
    } catch (const std::bad_alloc&) {
        return {};
    }
}

}  // namespace gatherd::executor::detail
