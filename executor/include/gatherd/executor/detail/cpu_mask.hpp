/// \file
/// A set of CPUs that a thread may run on.
#pragma once

#include <pthread.h>

#include <cstddef>
#include <vector>

namespace gatherd::executor {

/// What the kernel calls an affinity mask, for machines of any size. A value.
///
/// Threads: as a std::vector. Throws: std::bad_alloc where a mask is made.
class cpu_mask {
public:
    /// No CPU at all: the kernel refuses it for a thread.
    cpu_mask() = default;

    /// One CPU, by the kernel's number.
    [[nodiscard]] static cpu_mask single(std::size_t cpu);

    /// Where the calling thread may run. Empty if the kernel does not tell.
    [[nodiscard]] static cpu_mask of_this_thread();

    /// The numbers of its CPUs, ascending.
    [[nodiscard]] std::vector<std::size_t> cpus() const;

    [[nodiscard]] bool empty() const noexcept { return words_.empty(); }

    /// From now on the thread runs on these alone. False: the kernel refused, and it runs where it did; so it does when
    /// none of them is, or is any more, in the cpuset of the process. One system call.
    [[nodiscard]] bool apply_to(pthread_t thread) const noexcept;

    friend bool operator==(const cpu_mask&, const cpu_mask&) = default;

private:
    std::vector<unsigned long> words_;  // as the kernel lays them out; the last one is not 0
};

}  // namespace gatherd::executor
