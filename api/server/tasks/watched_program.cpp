#include "api/server/tasks/watched_program.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/plan/evaluate/node_recorder.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/net/connection_table.hpp"
#include "api/server/tasks/created_task.hpp"
#include "api/server/tasks/unix_time.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::server {

std::string watch_id(const connection& client, const pending_request& request) {
    return request.id().is_absent() ? std::string{}
                                    : std::to_string(client.number()) + ':' + std::string{request.id().text()};
}

watched_program::watched_program(std::shared_ptr<created_task> task) : task_{std::move(task)}, record_{task_->watch()} {
    key_ = record_ != nullptr ? static_cast<const void*>(record_.get()) : task_.get();
}

watched_program::watched_program(std::string_view id, const std::shared_ptr<pending_request>& request)
    : request_{request} {
    value started = nullptr;
    if (const auto program = request->program()) {
        record_ = program->watch();
        started = unix_time(program->began());
    }
    head_ = {{"id", id},           {"name", request->id().text()}, {"state", request->activity()},
             {"created", started}, {"started", started},           {"finished", nullptr}};
    key_ = record_ != nullptr ? static_cast<const void*>(record_.get()) : request.get();
}

client_request find_request(const connection_table& connections, std::string_view watch_id) {
    std::uint64_t number = 0;
    const char* const end = watch_id.data() + watch_id.size();
    const auto [rest, failed] = std::from_chars(watch_id.data(), end, number);
    if (failed != std::errc{} || rest == end || *rest != ':') {
        return {};
    }
    const auto all = connections.all();
    const auto found = std::ranges::find_if(all, [number](const auto& each) { return each->number() == number; });
    if (found == all.end()) {
        return {};
    }
    auto requests = (*found)->work().requests(protocol::request_id{std::string_view{rest + 1, end}});
    return requests.empty() ? client_request{} : client_request{*found, std::move(requests.front())};
}

std::string_view watched_program::state() const {
    if (task_ != nullptr) {
        return name_of(task_->phase());
    }
    const auto request = request_.lock();
    if (record_ == nullptr) {
        return request != nullptr ? request->activity() : "done";
    }
    return record_->root_state();
}

bool watched_program::has_ended() const {
    return task_ != nullptr ? task_->end() != nullptr : record_ != nullptr ? record_->has_ended() : request_.expired();
}

value watched_program::describe(std::uint64_t since) const {
    constexpr std::size_t bytes_a_node = 2048;
    memory_limit::check(nodes() * bytes_a_node);  // before it is made, so that no program ends for it
    value described = task_ != nullptr ? task_->status() : head_;
    if (task_ == nullptr) {
        described["state"] = state();
        if (record_ != nullptr && record_->has_ended()) {
            described["finished"] = unix_time(record_->ended_at());
        }
    }
    if (record_ != nullptr) {
        record_->describe(described, since);
    } else {
        described["nodes"] = value::array();
        described["nodes_not_recorded"] = 0;
    }
    return described;
}

std::uint64_t watched_program::version() const noexcept {
    return record_ == nullptr ? 0 : record_->version();
}

std::size_t watched_program::nodes() const {
    return record_ == nullptr ? 0 : record_->size();
}

}  // namespace gatherd::api::server
