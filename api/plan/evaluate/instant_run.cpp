#include "api/plan/evaluate/instant_run.hpp"

#include <utility>

#include "api/plan/evaluate/evaluate.hpp"

namespace gatherd::api::plan {

program_end instant_run::run(const plan& source, std::string& result) {
    auto failed = append_instant(result, source.root(), *this);
    if (lines_ > limits_.output_lines) {
        return {program_end::way::over_limit, outcome{}, "limits.output_lines"};
    }
    if (failed != nullptr) {
        return {program_end::way::failed, outcome{std::move(failed)}, nullptr};
    }
    return {program_end::way::returned, outcome{}, nullptr};
}

void instant_run::print(std::string line) {
    if (++lines_ <= limits_.output_lines) {
        observer_.printed(std::move(line));
    }
}

python_random& instant_run::random() {
    return generator_of_this_thread();
}

}  // namespace gatherd::api::plan
