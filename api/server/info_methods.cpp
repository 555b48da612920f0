#include "api/server/info_methods.hpp"

#include <string_view>

#include <nlohmann/json.hpp>

#include "api/server/params.hpp"
#include "api/server/service.hpp"

namespace gatherd::api::server {
namespace {

constexpr int protocol_version = 1;

std::string_view name_of(plan::lane where) {
    switch (where) {
        case plan::lane::compute:
            return "compute";
        case plan::lane::blocking:
            return "blocking";
        case plan::lane::async:
            break;
    }
    return "async";
}

value describe(const plan::function& f) {
    value params = value::array();
    for (const plan::parameter& each : f.parameters) {
        value p = {{"name", each.name}};
        if (each.variadic) {
            p["variadic"] = true;
        } else {
            p["required"] = !each.default_value.has_value();
        }
        if (each.default_value) {
            p["default"] = *each.default_value;
        }
        params.push_back(std::move(p));
    }
    return {{"name", f.name}, {"summary", f.summary}, {"params", std::move(params)}, {"lane", name_of(f.where)}};
}

/// Answers with what `make` gives, once the params are seen to be empty.
template <typename Make>
void answer_without_params(std::optional<json::json_view> from, reply answer, const Make& make) {
    const auto read = params::read(from, {});
    if (!read) {
        answer.error(read.reason());
    } else {
        answer.result(make());
    }
}

}  // namespace

void functions(service& of, std::optional<json::json_view> from, reply answer) {
    answer_without_params(from, std::move(answer), [&of] {
        value list = value::array();
        for (const plan::function* each : of.functions().all()) {
            list.push_back(describe(*each));
        }
        return list;
    });
}

void stats(service& of, std::optional<json::json_view> from, reply answer) {
    answer_without_params(from, std::move(answer), [&of]() -> value {
        const counters& c = of.counts();
        return {{"connections", of.connections()},
                {"connections_accepted", c.connections_accepted.load(std::memory_order_relaxed)},
                {"connections_refused", c.connections_refused.load(std::memory_order_relaxed)},
                {"foreign_closed", c.foreign_closed.load(std::memory_order_relaxed)},
                {"requests", c.requests.load(std::memory_order_relaxed)},
                {"programs_run", c.programs_run.load(std::memory_order_relaxed)},
                {"programs_failed", c.programs_failed.load(std::memory_order_relaxed)},
                {"tasks_in_flight", of.tasks_in_flight().load(std::memory_order_relaxed)},
                {"created_tasks", of.tasks().size()},
                {"results_dropped", of.tasks().dropped()}};
    });
}

void info(service& of, std::optional<json::json_view> from, reply answer) {
    answer_without_params(from, std::move(answer), [&of]() -> value {
        return {{"name", "gatherd"},
                {"version", of.version()},
                {"protocol", protocol_version},
                {"workers", of.runs_on().workers()},
                {"draining", of.is_draining()}};
    });
}

void ping(service&, std::optional<json::json_view> from, reply answer) {
    answer_without_params(from, std::move(answer), [] { return value("pong"); });
}

}  // namespace gatherd::api::server
