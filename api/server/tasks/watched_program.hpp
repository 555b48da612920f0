/// \file
/// A program as who watches it sees it: a created task, or a request that runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "api/server/net/client_work.hpp"
#include "gatherd/api/value.hpp"

namespace gatherd::api::plan {
class node_recorder;
}

namespace gatherd::api::server {

class connection;
class connection_table;
class created_task;

/// The id by which a request that runs may be watched: the number of its connection and the JSON text of its id.
/// Empty for a notification, which has none.
[[nodiscard]] std::string watch_id(const connection& client, const pending_request& request);

/// Whose request has that id, and the request, if it is there still; else nulls.
struct client_request {
    std::shared_ptr<connection> client{};
    std::shared_ptr<pending_request> request{};
};
[[nodiscard]] client_request find_request(const connection_table& connections, std::string_view watch_id);

/// From its making on the program's nodes are recorded.
///
/// Threads: one at a time. Keeps the program's record alive, and of the program only a created task.
class watched_program {
public:
    explicit watched_program(std::shared_ptr<created_task> task);

    watched_program(std::string_view id, const std::shared_ptr<pending_request>& request);

    /// `{"id", "name", "state", "created", "started", "finished", "nodes", "nodes_not_recorded"}`, with the nodes that
    /// have changed since that version. May throw std::bad_alloc and memory_limit_exceeded.
    [[nodiscard]] value describe(std::uint64_t since = 0) const;

    /// Rises with each change of a node.
    [[nodiscard]] std::uint64_t version() const noexcept;

    /// The state as describe tells it.
    [[nodiscard]] std::string_view state() const;
    [[nodiscard]] bool has_ended() const;

    /// How many nodes are recorded.
    [[nodiscard]] std::size_t nodes() const;

    /// The same for all who watch the same record; no other program's while this lives.
    [[nodiscard]] const void* key() const noexcept { return key_; }

private:
    std::shared_ptr<created_task> task_{};  // null: of a request
    std::weak_ptr<pending_request> request_{};
    value head_{};                                         // of a request: what never changes
    std::shared_ptr<const plan::node_recorder> record_{};  // null: the program had ended, or the request waits
    const void* key_ = nullptr;  // of the record if there is one, else of the task or the request
};

}  // namespace gatherd::api::server
