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

/// How far a request is: `{"id", "name", "state", "created", "started", "finished"}`. Nothing is recorded for it.
[[nodiscard]] value status_of(std::string_view watch_id, const pending_request& request);

/// From its making on the program's nodes are recorded; those of a request that waits for a pool, from its start on.
///
/// Threads: all const members are safe from any thread. Keeps the program's record alive, and of the program only a
/// created task.
class watched_program {
public:
    explicit watched_program(std::shared_ptr<created_task> task);

    watched_program(std::string_view id, pending_request& request);

    /// `{"id", "name", "state", "created", "started", "finished", "nodes", "nodes_not_recorded"}`, with the nodes that
    /// have changed since that version. May throw std::bad_alloc and memory_limit_exceeded.
    [[nodiscard]] value describe(std::uint64_t since = 0) const;

    /// Rises with each change of a node.
    [[nodiscard]] std::uint64_t version() const;

    /// The state as describe tells it.
    [[nodiscard]] std::string_view state() const;
    [[nodiscard]] bool has_ended() const;

    /// How many nodes are recorded.
    [[nodiscard]] std::size_t nodes() const;

    /// The same for all who watch the same program; no other program's while this lives.
    [[nodiscard]] const void* key() const noexcept;

private:
    [[nodiscard]] std::shared_ptr<const plan::node_recorder> record() const;

    std::shared_ptr<created_task> task_{};                      // null: of a request
    std::shared_ptr<const plan::node_recorder> task_record_{};  // of a task; null: it had ended
    std::shared_ptr<const watched_request> request_{};          // null: of a task
    std::string id_{};                                          // of a request, as the next
    std::string name_{};
};

}  // namespace gatherd::api::server
