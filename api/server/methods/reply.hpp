/// \file
/// The answer that is owed for one request.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/error.hpp"
#include "api/protocol/request_id.hpp"
#include "api/server/limits/memory_ledger.hpp"
#include "api/value.hpp"

namespace gatherd::api::server {

class connection;

/// The answers of one JSON-RPC batch, sent as one array when the last is there.
class batch {
public:
    batch(std::shared_ptr<connection> to, std::size_t owed);

    /// `text`: one answer, or empty for a notification's. `sent`: called when the array is on its way.
    void add(std::string text, std::function<void()> sent);

private:
    std::shared_ptr<connection> to_;
    std::mutex lock_;
    std::size_t owed_;  // under lock_, as all below
    std::string answers_;
    memory_share memory_;
    std::vector<std::function<void()>> sent_;
};

/// Answers one request, once: by one of the three functions, from any thread. Movable; a reply that is dropped without
/// an answer is a bug (asserted). A notification's reply sends nothing, but must be used like any other.
///
/// `sent`, where given, is called when the answer stands in the connection's output: what must come after it goes
/// there.
class reply {
public:
    reply(std::shared_ptr<connection> to, protocol::request_id id, std::shared_ptr<batch> part_of);
    reply(reply&&) noexcept = default;
    reply& operator=(reply&&) noexcept = default;
    ~reply();

    void result(const value& what, std::function<void()> sent = nullptr);
    /// The whole answer, begun by protocol::append_result_head.
    void result_message(std::string_view message);
    void error(const api::error& why);

    [[nodiscard]] const protocol::request_id& id() const noexcept { return id_; }
    [[nodiscard]] bool is_notification() const noexcept { return id_.is_absent(); }
    [[nodiscard]] const std::shared_ptr<connection>& to() const noexcept { return to_; }

private:
    void send(std::string text, std::function<void()> sent);

    std::shared_ptr<connection> to_;  // none: moved from, or answered
    protocol::request_id id_;
    std::shared_ptr<batch> part_of_;
};

}  // namespace gatherd::api::server
