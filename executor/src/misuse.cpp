#include "gatherd/executor/detail/misuse.hpp"

#include <cstdio>
#include <exception>

namespace gatherd::executor {

void end_for_misuse(const char* rule) noexcept {
    std::fprintf(stderr, "gatherd::executor: %s\n", rule);
    std::terminate();
}

}  // namespace gatherd::executor
