/// \file
/// How much memory a piece of a program needs at most.
#pragma once

#include <cstdint>

namespace gatherd::bench {

/// Counts from its making on: what the process holds resident beyond what it held then.
class peak_memory {
public:
    /// Gives the heap's free pages back first and resets the kernel's mark.
    peak_memory();

    [[nodiscard]] std::int64_t bytes() const;

private:
    std::int64_t before_;
};

}  // namespace gatherd::bench
