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
namespace {

/// Of a request.
value described(std::string_view id, std::string_view name, std::string_view state, const value& began, value ended) {
    return {{"id", id},         {"name", name},     {"state", state},
            {"created", began}, {"started", began}, {"finished", std::move(ended)}};
}

}  // namespace

std::string watch_id(const connection& client, const pending_request& request) {
    return request.id().is_absent() ? std::string{}
                                    : std::to_string(client.number()) + ':' + std::string{request.id().text()};
}

value status_of(std::string_view watch_id, const pending_request& request) {
    const auto program = request.program();
    const value started = program == nullptr ? value(nullptr) : value(unix_time(program->began()));
    return described(watch_id, request.id().text(), request.activity(), started, nullptr);
}

watched_program::watched_program(std::shared_ptr<created_task> task)
    : task_{std::move(task)}, task_record_{task_->watch()} {}

watched_program::watched_program(std::string_view id, pending_request& request)
    : request_{request.watch()}, id_{id}, name_{request.id().text()} {}

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

const void* watched_program::key() const noexcept {
    return task_ != nullptr ? static_cast<const void*>(task_.get()) : request_.get();
}

std::shared_ptr<const plan::node_recorder> watched_program::record() const {
    return task_ != nullptr ? task_record_ : request_->now().record;
}

std::string_view watched_program::state() const {
    return task_ != nullptr ? name_of(task_->phase()) : request_->now().state;
}

bool watched_program::has_ended() const {
    return task_ != nullptr ? task_->end() != nullptr : request_->now().ended.has_value();
}

value watched_program::describe(std::uint64_t since) const {
    constexpr std::size_t bytes_a_node = 2048;
    const auto now = request_ == nullptr ? watched_request::moment{} : request_->now();
    const auto& its_record = request_ == nullptr ? task_record_ : now.record;
    memory_limit::check((its_record == nullptr ? 0 : its_record->size()) *
                        bytes_a_node);  // before it is made, so that no program ends for it
    value made;
    if (task_ != nullptr) {
        made = task_->status();
    } else {
        made = described(id_, name_, now.state, now.began ? value(unix_time(*now.began)) : value(nullptr),
                         now.ended ? value(unix_time(*now.ended)) : value(nullptr));
    }
    if (its_record != nullptr) {
        its_record->describe(made, since);
    } else {
        made["nodes"] = value::array();
        made["nodes_not_recorded"] = 0;
    }
    return made;
}

std::uint64_t watched_program::version() const {
    const auto its_record = record();
    return its_record == nullptr ? 0 : its_record->version();
}

std::size_t watched_program::nodes() const {
    const auto its_record = record();
    return its_record == nullptr ? 0 : its_record->size();
}

}  // namespace gatherd::api::server
