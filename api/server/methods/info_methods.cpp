#include "api/server/methods/handlers.hpp"

#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/server/limits/counters.hpp"
#include "api/server/methods/methods.hpp"
#include "api/server/methods/params.hpp"
#include "api/server/methods/stats.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/net/turn.hpp"

namespace gatherd::api::server {
namespace {

constexpr int protocol_version = 1;

std::string_view name_of(plan::thread_pool pool) {
    switch (pool) {
        case plan::thread_pool::compute:
            return "compute";
        case plan::thread_pool::blocking:
            return "blocking";
        case plan::thread_pool::elsewhere:
            return "worker";
        case plan::thread_pool::none:
            break;
    }
    return "async";
}

value example_of(const plan::function_example& shown) {
    value example = {{"task", value::parse(shown.task)}};
    if (shown.seed != 0) {
        example["seed"] = shown.seed;
    }
    if (!shown.result.empty()) {
        example["result"] = value::parse(shown.result);
    }
    return example;
}

value describe(const plan::function& f) {
    value params = value::array();
    for (const plan::parameter& each : f.parameters) {
        value p = {{"name", each.name}};
        if (each.variadic) {
            p["variadic"] = true;
        } else {
            p["required"] = each.is_required();
        }
        if (each.default_value) {
            p["default"] = *each.default_value;
        }
        for (const auto& [name, text] : {std::pair{"type", &each.type}, {"unit", &each.unit}, {"help", &each.help}}) {
            if (!text->empty()) {
                p[name] = *text;
            }
        }
        params.push_back(std::move(p));
    }
    if (f.takes == plan::args_form::unchecked) {
        params = nullptr;
    }
    value described = {
        {"name", f.name}, {"summary", f.summary}, {"params", std::move(params)}, {"lane", name_of(f.pool)}};
    described["errors"] = f.errors;
    if (!f.example.task.empty()) {
        described["example"] = example_of(f.example);
    }
    if (!f.needs.empty()) {
        described["needs"] = f.needs;
    }
    return described;
}

value describe_all(const plan::registry& functions) {
    const auto own = functions.all();
    const auto served = functions.all_served();
    value list = value::array();
    auto next = served.begin();
    for (const plan::function* each : own) {
        for (; next != served.end() && (*next)->name < each->name; ++next) {
            list.push_back(describe(**next));
        }
        list.push_back(describe(*each));
    }
    for (; next != served.end(); ++next) {
        list.push_back(describe(**next));
    }
    return list;
}

void check_no_params(std::optional<protocol::json_view> given) {
    static const signature none{};
    params{given, none};
}

}  // namespace

void functions(const server_parts& server, std::optional<protocol::json_view> from, reply& answer) {
    check_no_params(from);
    const plan::registry& all = server.state.functions();
    const auto client = answer.to();
    client->answer_with(std::move(answer), all.served() > items_a_turn,
                        [&all](connection&) { return describe_all(all); });
}

void stats(const server_parts& server, std::optional<protocol::json_view> from, reply& answer) {
    check_no_params(from);
    answer.result(describe_stats(server));
}

void info(const server_parts& server, std::optional<protocol::json_view> from, reply& answer) {
    check_no_params(from);
    answer.result({{"name", "gatherd"},
                   {"version", server.state.version()},
                   {"protocol", protocol_version},
                   {"threads", server.state.runs_on().workers()},
                   {"draining", server.state.is_draining()},
                   {"limits",
                    {{"message_bytes", server.state.bounds().message_bytes},
                     {"memory_bytes", server.state.bounds().memory_bytes},
                     {"client_memory_bytes", server.state.bounds().client_memory_bytes}}}});
}

void ping(const server_parts&, std::optional<protocol::json_view> from, reply& answer) {
    check_no_params(from);
    answer.result("pong");
}

void auth(const server_parts&, std::optional<protocol::json_view> from, reply& answer) {
    static const signature expected{{"token"}, {}};
    if (!answer.to()->show_token(params{from, expected}.required_text("token"))) {
        throw refused{{errc::not_authenticated, "Not authenticated: no such token"}};
    }
    answer.result(true);
}

}  // namespace gatherd::api::server
