/// \file
/// One request over HTTP, between libmicrohttpd and what handles it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include <microhttpd.h>

#include "api/admin/exchange.hpp"
#include "api/admin/hang_up_watch.hpp"
#include "api/admin/reading_clients.hpp"
#include "api/admin/route.hpp"

namespace gatherd::api::admin {

class http_request;

/// What the requests of a server share. Its thread's, but for `owed`.
struct http_requests {
    const router routes;
    const std::size_t most_handled;  ///< at a time, without reserved ones
    reading_clients& clients;
    hang_up_watch& hang_ups;
    const std::function<void()> pump_soon;                   ///< has libmicrohttpd look at what has changed
    std::unordered_map<std::uint64_t, http_request*> all{};  ///< by number
    std::uint64_t last_number = 0;
    std::size_t handled = 0;
    std::atomic<std::size_t> owed{0};  ///< only counted
    bool is_stopping = false;
};

/// From its head to the end of its answer, as libmicrohttpd calls: start, go_on for each piece of the body and once
/// more when there is no more, then the destructor.
///
/// Threads: the server's alone.
class http_request final : public exchange {
public:
    http_request(http_requests& others, MHD_Connection* connection, http_client& client);
    ~http_request() override;
    http_request(const http_request&) = delete;
    http_request& operator=(const http_request&) = delete;

    [[nodiscard]] http_client& client() const noexcept { return client_; }
    [[nodiscard]] bool is_suspended() const noexcept { return is_suspended_; }

    MHD_Result start(const request_head& head);

    /// Takes the piece, or a part of it: `size` is what is left.
    MHD_Result go_on(const char* piece, std::size_t& size);

    /// The end of its client was seen.
    void note_end();

    /// The client has gone, or will.
    void hang_up();

    // exchange
    void answer(http_answer whole) override;
    void begin_answer(http_answer head, std::optional<std::uint64_t> body_bytes) override;
    void wake() override;

private:
    void take_route(const request_head& head, route_outcome outcome);
    void be_whole();
    void set_response(MHD_Response* made, const http_answer& head);
    MHD_Result send();
    void suspend();
    void watch_for_its_end() noexcept;
    void stop_watching() noexcept;
    static ssize_t read(void* self, std::uint64_t position, char* into, std::size_t most) noexcept;

    http_requests& others_;
    MHD_Connection* const connection_;
    http_client& client_;
    const std::uint64_t number_;
    std::shared_ptr<request_handler> handler_{};
    MHD_Response* response_ = nullptr;  // to be sent
    unsigned status_ = 0;
    bool is_counted_ = false;
    bool is_owed_ = false;
    bool is_watched_ = false;
    bool is_whole_ = false;
    bool is_suspended_ = false;
    bool is_gone_ = false;
};

}  // namespace gatherd::api::admin
