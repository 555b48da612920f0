/// \file
/// A parameter with a default, as declarations write it.
#pragma once

#include <string>
#include <utility>

#include "api/plan/model/function.hpp"

namespace gatherd::api::functions {

[[nodiscard]] inline plan::parameter option(std::string name, value standard, std::string type, std::string help,
                                            std::string unit = {}) {
    return {.name = std::move(name),
            .default_value = std::move(standard),
            .type = std::move(type),
            .unit = std::move(unit),
            .help = std::move(help)};
}

}  // namespace gatherd::api::functions
