#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/server/methods/handlers.hpp"
#include "api/server/methods/params.hpp"
#include "api/server/methods/worker_messages.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/service.hpp"
#include "api/workers/answer.hpp"
#include "api/workers/worker_table.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::server {
namespace {

constexpr std::size_t most_label_bytes = 256;  // of what a worker calls itself and its version

/// A worker's connection. It does not keep it: the connection keeps the worker.
class connection_link final : public workers::worker_link {
public:
    explicit connection_link(std::weak_ptr<connection> to) noexcept : to_{std::move(to)} {}

    void send(std::string_view message) override {
        if (const auto to = to_.lock()) {
            to->send(message);
        }
    }
    void hang_up() override {
        if (const auto to = to_.lock()) {
            to->hang_up();
        }
    }

private:
    const std::weak_ptr<connection> to_;
};

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

/// How the call ended that a worker has answered, or that it could not answer.
workers::call_end end_from(service& daemon, const protocol::refusal& refused, std::size_t bytes) {
    if (!refused.answer) {
        return workers::wrong_answer(refused.reason.message);
    }
    workers::call_end end;
    if (bytes > daemon.bounds().result_bytes) {
        end.ending = workers::call_end::way::over_limit;
        return end;
    }
    try {
        return workers::read_answer(*refused.answer);
    } catch (const memory_limit_exceeded&) {
        end.ending = workers::call_end::way::over_limit;
        end.limit = "limits.memory_bytes";
        return end;
    } catch (const std::bad_alloc&) {
        end.ending = workers::call_end::way::raised;
        end.type = "MemoryError";
        return end;
    }
}

}  // namespace

std::shared_ptr<workers::worker> make_worker(const std::shared_ptr<connection>& client,
                                             std::shared_ptr<workers::pool_member> member) {
    std::string address = member == nullptr ? text_of(client->peer()) : "an inherited socket";
    return std::make_shared<workers::worker>(std::make_shared<connection_link>(client), std::move(address),
                                             std::move(member));
}

void serve(service& daemon, std::optional<protocol::json_view> params_given, reply& answer) {
    static const signature expected{{"functions"}, {"concurrency", "name", "version"}};
    const params given{params_given, expected};
    connection& client = *answer.to();
    if (client.is_http()) {
        refuse_params("", "over HTTP there is no connection that calls could go to: serve over TCP, TLS or a Unix socket");
    }
    auto info = read_info(given);
    auto functions = value_or_refuse(workers::read_declarations(
        given.required("functions"), '/' + given.step("functions"), daemon.functions(), daemon.bounds().functions));
    check_rights(*client.who(), functions);
    auto self = client.work().worker();
    const bool is_new = self == nullptr;
    if (is_new) {
        self = make_worker(answer.to());
    }
    if (auto fault = daemon.workers().serve(self, std::move(info), std::move(functions),
                                            '/' + given.step("functions"))) {
        throw refused{*std::move(fault)};
    }
    if (is_new && !client.work().become_worker(self)) {
        daemon.workers().lose(*self, "its connection has ended");  // meanwhile
    }
    answer.result({{"worker", daemon.workers().id_of(*self)}}, [&daemon, self] { daemon.workers().resume(*self); });
}

void workers(service& daemon, std::optional<protocol::json_view> params_given, reply& answer) {
    static const signature none{};
    const params given{params_given, none};
    answer.result(daemon.workers().describe());
}

bool take_answer(connection& client, const protocol::refusal& refused, std::size_t bytes) {
    const auto worker = client.work().worker();
    if (worker == nullptr) {
        return false;
    }
    service& daemon = client.of();
    const auto number = workers::call_number(refused.id.text());
    const bool has_returned = refused.answer && workers::has_result(*refused.answer);
    const auto call = number ? daemon.workers().take_answered(*worker, *number, has_returned) : nullptr;
    if (call != nullptr) {
        call->finish(end_from(daemon, refused, bytes));
        return true;
    }
    if (refused.answer) {
        daemon.counts().add(event::answers_ignored);
    }
    return refused.answer.has_value();
}

bool take_output(connection& client, const protocol::request& request) {
    const auto worker = request.method == "output" && request.id.is_absent() ? client.work().worker() : nullptr;
    if (worker == nullptr) {
        return false;
    }
    const bool has_members = request.params && request.params->is_object();
    const auto id = has_members ? request.params->find("request") : std::nullopt;
    const auto text = has_members ? request.params->find("text") : std::nullopt;
    const auto number = id && id->is_string() ? workers::call_number(protocol::request_id{*id}.text()) : std::nullopt;
    const auto call = number && text && text->is_string() ? client.of().workers().find_call(*worker, *number) : nullptr;
    if (call == nullptr) {
        client.of().counts().add(event::answers_ignored);
    } else {
        call->print(std::string{text->as_string()});
    }
    return true;
}

}  // namespace gatherd::api::server
