#include "gatherd/executor/detail/cpu_mask.hpp"

#include <sched.h>

#include <bit>
#include <cerrno>
#include <limits>

namespace gatherd::executor {
namespace {

constexpr std::size_t bits_a_word = std::numeric_limits<unsigned long>::digits;

// glibc hands masks of any size to the kernel, whatever its type says.
cpu_set_t* as_cpu_set(unsigned long* words) noexcept {
    return reinterpret_cast<cpu_set_t*>(words);
}

}  // namespace

cpu_mask cpu_mask::single(std::size_t cpu) {
    cpu_mask one;
    one.words_.resize(cpu / bits_a_word + 1);
    one.words_.back() = 1UL << (cpu % bits_a_word);
    return one;
}

cpu_mask cpu_mask::of_this_thread() {
    constexpr std::size_t least = sizeof(cpu_set_t) / sizeof(unsigned long);
    constexpr std::size_t most = least << 10;  // a million CPUs
    for (std::size_t size = least; size <= most; size *= 2) {
        cpu_mask mask;
        mask.words_.resize(size);
        if (sched_getaffinity(0, size * sizeof(unsigned long), as_cpu_set(mask.words_.data())) == 0) {
            while (!mask.words_.empty() && mask.words_.back() == 0) {
                mask.words_.pop_back();
            }
            return mask;
        }
        if (errno != EINVAL) {  // that one says that the kernel has more CPUs
            break;
        }
    }
    return {};
}

std::vector<std::size_t> cpu_mask::cpus() const {
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < words_.size(); ++i) {
        for (unsigned long rest = words_[i]; rest != 0; rest &= rest - 1) {
            all.push_back(i * bits_a_word + static_cast<std::size_t>(std::countr_zero(rest)));
        }
    }
    return all;
}

bool cpu_mask::apply_to(pthread_t thread) const noexcept {
    auto* const set = as_cpu_set(const_cast<unsigned long*>(words_.data()));  // it is only read
    return !empty() && pthread_setaffinity_np(thread, words_.size() * sizeof(unsigned long), set) == 0;
}

}  // namespace gatherd::executor
