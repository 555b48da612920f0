/// \file
/// Memory that others are supposed to have allocated: the operator new of the tests does not count.
#pragma once

#include <cstddef>

#include "gatherd/executor/allocated_memory.hpp"

namespace gatherd::api::server::tests {

/// So many bytes in the count of the process while it lives: 32 KiB at least, else they may not be seen at once.
class allocated_elsewhere {
public:
    explicit allocated_elsewhere(std::size_t bytes) noexcept : bytes_{static_cast<std::ptrdiff_t>(bytes)} {
        executor::allocated_memory::add(bytes_);
    }
    allocated_elsewhere(const allocated_elsewhere&) = delete;
    allocated_elsewhere& operator=(const allocated_elsewhere&) = delete;
    ~allocated_elsewhere() { executor::allocated_memory::add(-bytes_); }

private:
    std::ptrdiff_t bytes_;
};

}  // namespace gatherd::api::server::tests
