#include "cli/failures.hpp"

namespace gatherd::cli {

void check_all(std::initializer_list<std::function<void()>> checks) {
    std::string all;
    for (const auto& each : checks) {
        try {
            each();
        } catch (const usage_error& wrong) {
            all += (all.empty() ? "" : "\n") + std::string{wrong.what()};
        }
    }
    if (!all.empty()) {
        throw usage_error{all};
    }
}

}  // namespace gatherd::cli
