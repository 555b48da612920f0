#include "api/plan/failure.hpp"

#include "api/plan/node.hpp"

namespace gatherd::api::plan {
namespace {

value describe_as(const failure& f, bool with_paths) {
    value error = {{"type", f.type}, {"message", f.message}};
    if (f.is_group) {
        value errors = value::array();
        for (const failure_ptr& each : f.errors) {
            errors.push_back(describe_as(*each, with_paths));
        }
        error["errors"] = std::move(errors);
    }
    if (with_paths) {
        error["path"] = pointer_to(f.raised_at);
    }
    return error;
}

}  // namespace

value describe(const failure& f) {
    return describe_as(f, false);
}

value describe_with_paths(const failure& f) {
    return describe_as(f, true);
}

std::string last_line(const failure& f) {
    if (f.is_group) {
        const std::size_t count = f.errors.size();
        return f.type + ": " + f.message + " (" + std::to_string(count) + " sub-exception" + (count == 1 ? ")" : "s)");
    }
    return f.message.empty() ? f.type : f.type + ": " + f.message;
}

}  // namespace gatherd::api::plan
