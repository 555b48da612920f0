#include "api/server/service.hpp"

#include <utility>

#include "api/server/net/connection.hpp"
#include "api/server/tasks/created_task.hpp"

namespace gatherd::api::server {

service::service(executor::scheduler& threads, plan::registry& functions, const limits& bounds, std::string version,
                 std::size_t blocking_threads)
    : state_{threads, functions, bounds, std::move(version), blocking_threads},
      tasks_{threads, state_.current_limits(), state_.counts()},
      connections_{state_, *this} {
    state_.memory().start(*this);
}

service::~service() {
    state_.memory().stop();  // its thread looks at the other parts
}

void service::change_tokens(const std::vector<token_grant>& grants) {
    state_.tokens().replace(grants);
    for (const auto& each : connections_.all()) {
        each->look_at_identity();
    }
    for (const auto& each : tasks_.all()) {
        each->look_at_owner();
    }
}

void service::drain(std::function<void()> emptied) {
    state_.begin_drain();
    connections_.drain(std::move(emptied));
}

void service::cancel_all() {
    tasks_.cancel_all("shutting down");
    for (const auto& each : connections_.all()) {
        each->shut_down();
    }
}

void service::end_workers(bool at_once) {
    state_.let_workers_end();
    for (const auto& each : connections_.all()) {
        at_once ? each->shut_down() : each->look_again();
    }
}

void service::handle(const protocol::request& request, reply answer) {
    call_method(parts_, request, std::move(answer));
}

std::vector<std::shared_ptr<memory_holder>> service::holders() const {
    const auto all = connections_.all();
    return {all.begin(), all.end()};
}

}  // namespace gatherd::api::server
