/// \file
/// What fib and fib_task check their results against.
#pragma once

#include <cstdint>

namespace gatherd::bench {

inline std::int64_t fibonacci(std::int64_t n) {
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

/// How many calls fib(n) is made of.
inline std::int64_t calls(std::int64_t n) {
    return 2 * fibonacci(n + 1) - 1;
}

}  // namespace gatherd::bench
