/// \file
/// Which functions whoever asks for a plan may call.
#pragma once

#include "api/plan/model/function.hpp"

namespace gatherd::api::plan {

/// Asked while a plan is checked. Threads: any.
class call_rights {
public:
    virtual ~call_rights() = default;
    [[nodiscard]] virtual bool allows(const function& callee) const = 0;
};

}  // namespace gatherd::api::plan
