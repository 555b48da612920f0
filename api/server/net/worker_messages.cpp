#include "api/server/net/worker_messages.hpp"

#include <new>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/server/net/connection.hpp"
#include "api/workers/answer.hpp"
#include "api/workers/worker_table.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::server {
namespace {

/// A worker's connection. It does not keep it: the connection keeps the worker.
class connection_link final : public workers::worker_link {
public:
    explicit connection_link(std::weak_ptr<connection> to) noexcept : to_{std::move(to)} {}

    void send(std::string_view message) override {
        if (const auto to = to_.lock()) {
            to->send_at_once(message);
        }
    }
    void hang_up() override {
        if (const auto to = to_.lock()) {
            to->hang_up();
        }
    }
    void finish() override {
        if (const auto to = to_.lock()) {
            to->finish_reading();
        }
    }

private:
    const std::weak_ptr<connection> to_;
};

/// How the call ended that a worker has answered, or that it could not answer.
workers::call_end end_from(const limits& bounds, const protocol::refusal& refused, std::size_t bytes) {
    if (!refused.answer) {
        return workers::wrong_answer(refused.is_empty ? "it has neither result nor error" : refused.reason.message);
    }
    workers::call_end end;
    if (bytes > bounds.result_bytes) {
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

bool take_answer(connection& client, const protocol::refusal& refused, std::size_t bytes) {
    const auto worker = client.work().worker();
    if (worker == nullptr) {
        return false;
    }
    server_state& state = client.state();
    const auto number = workers::call_number((refused.call.is_absent() ? refused.id : refused.call).text());
    const bool has_returned = refused.answer && workers::has_result(*refused.answer);
    const auto call = number ? state.workers().take_answered(*worker, *number, has_returned) : nullptr;
    if (call != nullptr) {
        call->finish(end_from(state.bounds(), refused, bytes));
        return true;
    }
    if (refused.answer) {
        state.counts().add(event::answers_ignored);
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
    const auto call =
        number && text && text->is_string() ? client.state().workers().find_call(*worker, *number) : nullptr;
    if (call == nullptr) {
        client.state().counts().add(event::answers_ignored);
    } else {
        call->print(std::string{text->as_string()});
    }
    return true;
}

}  // namespace gatherd::api::server
