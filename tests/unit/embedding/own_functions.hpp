/// \file
/// Plans that call functions of a test's own.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/plan/model/registry.hpp"
#include "gatherd/api/registry.hpp"
#include "tests/unit/plan/plan_run.hpp"

namespace gatherd::api::tests {

/// A scheduler on which plans call the functions of a registry, beside the daemon's.
class own_functions {
public:
    explicit own_functions(registry own) : all_{with_standard(std::move(own))}, runner_{all_} {}

    /// What a TASK gives, as JSON; "Type: message" where it raises; "refused: why" where the check refuses it.
    std::string run(std::string_view task) {
        try {
            const auto end = value::parse(runner_.result(task));
            const bool has_raised = end.is_object() && end.contains("path") && end.contains("type");
            return has_raised ? end["type"].get<std::string>() + ": " + end["message"].get<std::string>() : end.dump();
        } catch (const std::invalid_argument& refused) {
            return std::string{"refused: "} + refused.what();
        }
    }

    /// The same of a call, with args as JSON.
    std::string call(std::string_view name, std::string_view args) {
        return run(R"({"call":")" + std::string{name} + R"(","args":)" + std::string{args} + "}");
    }

private:
    static plan::registry with_standard(registry own) {
        plan::registry all;
        functions::add_standard(all);
        std::move(own).move_to(all);
        return all;
    }

    plan::registry all_;
    plan::tests::plan_runner runner_;
};

}  // namespace gatherd::api::tests
