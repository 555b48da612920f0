#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/log/event.hpp"
#include "api/server/methods/handlers.hpp"
#include "api/server/methods/methods.hpp"
#include "api/server/methods/params.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/net/turn.hpp"
#include "api/server/net/worker_messages.hpp"
#include "api/workers/answer.hpp"
#include "api/workers/worker_table.hpp"

namespace gatherd::api::server {
namespace {

constexpr std::size_t most_label_bytes = 256;  // of what a worker calls itself and its version

std::string read_label(const params& given, const char* name) {
    std::string label = given.text(name).value_or("");
    if (label.size() > most_label_bytes) {
        given.refuse(name, std::string{name} + " has at most " + std::to_string(most_label_bytes) + " bytes");
    }
    return label;
}

workers::worker_info read_info(const params& given) {
    workers::worker_info info{read_label(given, "name"), read_label(given, "version")};
    if (const auto concurrency = given["concurrency"]) {
        const auto places = workers::concurrency_of(*concurrency);
        if (!places) {
            given.refuse("concurrency", workers::concurrency_is);
        }
        info.concurrency = *places;
    }
    if (const auto groups = given["groups"]) {
        info.groups = value_or_refuse(workers::read_groups(*groups, '/' + given.step("groups")));
    }
    return info;
}

/// Throws `refused` where the client may not serve all of these.
void check_rights(const identity& who, const std::vector<workers::declaration_ptr>& functions) {
    if (!who.may(right::serve)) {
        throw refused{{errc::not_authenticated, "Not allowed: the token has no right to serve"}};
    }
    for (const auto& each : functions) {
        if (!who.may_serve(each->callee.name)) {
            throw refused{{errc::not_authenticated, "Not allowed: this token may not serve " + each->callee.name}};
        }
    }
}

/// Throws `refused`.
void try_serve(const server_parts& server, std::optional<protocol::json_view> params_given, reply& answer) {
    static const signature expected{{"functions"}, {"concurrency", "name", "version", "groups"}};
    const params given{params_given, expected};
    connection& client = *answer.to();
    if (client.is_http()) {
        refuse_params("",
                      "over HTTP there is no connection that calls could go to: serve over TCP, TLS or a Unix socket");
    }
    auto info = read_info(given);
    auto functions = value_or_refuse(workers::read_declarations(given.required("functions"),
                                                                '/' + given.step("functions"), server.state.functions(),
                                                                info.groups, server.state.bounds().functions));
    check_rights(*client.who(), functions);
    auto self = client.work().worker();
    const bool is_new = self == nullptr;
    if (is_new) {
        self = make_worker(answer.to());
    }
    if (auto fault =
            server.state.workers().serve(self, std::move(info), std::move(functions), '/' + given.step("functions"))) {
        throw refused{*std::move(fault)};
    }
    if (is_new && !client.work().become_worker(self)) {
        server.state.workers().lose(*self, {});  // its connection has ended meanwhile
    }
    answer.result({{"worker", server.state.workers().id_of(*self)}},
                  [&server, self] { server.state.workers().resume(*self); });
}

void log_refusal(server_state& state, connection& client, const std::string& why) {
    const auto worker = client.work().worker();
    if (worker != nullptr) {
        state.workers().note_refusal(*worker, why);
    }
    if (state.refused_serves_log().pass()) {
        const auto* const member = worker == nullptr ? nullptr : worker->member().get();
        if (member == nullptr) {
            log::warn("a serve was refused", {{"peer", text_of(client.peer())}, {"error", why}});
        } else {
            log::warn("a serve was refused", {{"pool", *member->pool}, {"pid", member->pid}, {"error", why}});
        }
    }
}

}  // namespace

void serve(const server_parts& server, std::optional<protocol::json_view> params, reply& answer) {
    try {
        try_serve(server, params, answer);
    } catch (const refused& fault) {
        log_refusal(server.state, *answer.to(), fault.reason.message);
        throw;
    }
}

void workers(const server_parts& server, std::optional<protocol::json_view> params_given, reply& answer) {
    static const signature none{};
    const params given{params_given, none};
    const auto& all = server.state.workers();
    const auto client = answer.to();
    client->answer_with(std::move(answer), all.declared() > items_a_turn,
                        [&all](connection&) { return all.describe(); });
}

}  // namespace gatherd::api::server
