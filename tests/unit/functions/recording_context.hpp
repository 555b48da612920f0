/// \file
/// A program for functions to be called by: it remembers what they print, and has one generator.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/functions/standard.hpp"
#include "api/plan/model/function.hpp"
#include "api/plan/model/python_random.hpp"
#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions::tests {

/// The registry of every server.
inline const plan::registry& standard() {
    static const plan::registry all = [] {
        plan::registry made;
        add_standard(made);
        return made;
    }();
    return all;
}

/// The arguments as a plan would bind these positional ones: defaults filled in. They must be enough and not too many.
inline std::vector<value> bound(const plan::function& f, value::array_t given) {
    const bool variadic = !f.parameters.empty() && f.parameters.back().variadic;
    for (std::size_t i = given.size(); i < f.parameters.size() && !variadic; ++i) {
        given.push_back(f.parameters[i].default_value.value());
    }
    return {given.begin(), given.end()};
}

class recording_context final : public plan::call_context {
public:
    explicit recording_context(plan::python_random generator = plan::python_random{0}) : random_{generator} {}

    void print(std::string line) override { output.push_back(std::move(line)); }
    plan::python_random& random() override { return random_; }

    /// Calls a function that waits for nothing.
    value call(std::string_view name, value::array_t given = {}) {
        const plan::function& f = *standard().find(name);
        return f.call(*this, bound(f, std::move(given)));
    }

    /// What the call raises as "Type: message", or "" if it returns.
    std::string raises(std::string_view name, value::array_t given = {}) {
        try {
            call(name, std::move(given));
        } catch (const plan::raised& e) {
            return e.type() + ": " + e.message();
        }
        return {};
    }

    std::vector<std::string> output;

private:
    plan::python_random random_;
};

}  // namespace gatherd::api::functions::tests
