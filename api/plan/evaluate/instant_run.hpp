/// \file
/// A run of a plan that can neither wait nor take long: without a scope, a task or anything else that could be awaited.
#pragma once

#include <string>
#include <string_view>

#include "api/plan/evaluate/program.hpp"
#include "api/plan/model/function.hpp"
#include "api/plan/model/plan.hpp"
#include "gatherd/api/limits.hpp"

namespace gatherd::api::plan {

/// Evaluates a plan whose root is_instant, here and now, in place of a program.
///
/// Threads: one at a time. What it is made of outlives it.
class instant_run final : public call_context {
public:
    instant_run(const limits& bounds, program_observer& observer) noexcept : limits_{bounds}, observer_{observer} {}

    /// Once. The observer hears what is printed, but not the end, which is returned; a result is appended to the text
    /// as JSON, and is not in the end.
    [[nodiscard]] program_end run(const plan& source, std::string& result);

    void print(std::string line) override;
    python_random& random() override;
    void call_failed(std::string_view function, std::string_view type) noexcept override {
        observer_.call_failed(function, type);
    }

private:
    const limits& limits_;
    program_observer& observer_;
    std::size_t lines_ = 0;
};

}  // namespace gatherd::api::plan
