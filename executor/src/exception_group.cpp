#include "gatherd/executor/exception_group.hpp"

namespace gatherd::executor {

exception_group::exception_group(std::string message, std::vector<std::exception_ptr> exceptions)
    : message_{std::move(message)},
      exceptions_{std::move(exceptions)},
      what_{message_ + " (" + std::to_string(exceptions_.size()) +
            (exceptions_.size() == 1 ? " sub-exception)" : " sub-exceptions)")} {}

}  // namespace gatherd::executor
