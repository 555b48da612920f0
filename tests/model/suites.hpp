/// \file
/// The command line of a model: runs the suites it is asked for. Include it after relacy_sync.hpp.
#pragma once

#include <cstdlib>
#include <initializer_list>
#include <iostream>
#include <ostream>
#include <string_view>

#include "tests/model/relacy_sync.hpp"

namespace gatherd::model {

/// One Relacy suite by name.
struct suite {
    std::string_view name;
    bool (*passes)();  ///< prints what went wrong, if anything did
};

namespace detail {

template <typename Test>
bool simulate(rl::test_params& params) {
    static std::ostream nowhere{nullptr};
    params.progress_stream = &nowhere;
    params.execution_depth_limit = 20000;  // beyond it a run counts as a livelock
    return rl::simulate<Test>(params);
}

}  // namespace detail

/// All interleavings and all values that loads may give.
template <typename Test>
bool everything() {
    rl::test_params params;
    params.search_type = rl::fair_full_search_scheduler_type;
    return detail::simulate<Test>(params);
}

/// All interleavings with at most `Bound` switches that no thread asked for.
template <typename Test, unsigned Bound>
bool bounded() {
    rl::test_params params;
    params.search_type = rl::fair_context_bound_scheduler_type;
    params.context_bound = Bound;
    return detail::simulate<Test>(params);
}

/// `Runs` runs, each from its own number: the same ones every time. MODEL_ITERATIONS replaces `Runs`.
template <typename Test, unsigned Runs>
bool at_random() {
    const char* const asked = std::getenv("MODEL_ITERATIONS");
    rl::test_params params;
    params.search_type = rl::random_scheduler_type;
    params.iteration_count = asked == nullptr ? Runs : std::strtoull(asked, nullptr, 10);
    return detail::simulate<Test>(params);
}

/// Runs the suites that the arguments name, all without arguments. Exit status: 0, 1 a suite failed, 2 no such suite.
inline int run_suites(int argc, char** argv, std::initializer_list<suite> suites) {
    (void)mutation::chosen();  // reads the environment while there are no simulated threads
    int status = argc > 1 ? 2 : 0;
    for (const suite& each : suites) {
        bool wanted = argc == 1;
        for (int i = 1; i < argc; ++i) {
            wanted = wanted || each.name == argv[i];
        }
        if (wanted) {
            status = status == 2 ? 0 : status;
            std::cout << "== " << each.name << '\n';
            status = each.passes() ? status : 1;
        }
    }
    if (status == 2) {
        std::cerr << "no such suite; there are:";
        for (const suite& each : suites) {
            std::cerr << ' ' << each.name;
        }
        std::cerr << '\n';
    }
    return status;
}

}  // namespace gatherd::model
