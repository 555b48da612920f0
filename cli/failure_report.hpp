/// \file
/// What a person and a script are told of an error answer.
#pragma once

#include <string>
#include <string_view>

#include "gatherd/api/value.hpp"

namespace gatherd::cli {

struct failure_report {
    std::string text;  // one line; an exception group has one more for each of its errors, indented
    int exit_status;
};

/// Of the `error` member of an answer. Places are told below `base`, a JSON pointer to where the user's own text stands
/// in params. Takes any JSON: what is not as docs/PROTOCOL.md says is shown as it is.
[[nodiscard]] failure_report report_failure(const api::value& error, std::string_view base = {});

}  // namespace gatherd::cli
