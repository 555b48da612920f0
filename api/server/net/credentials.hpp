/// \file
/// Who a client has shown to be.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "api/server/auth/identity.hpp"
#include "api/server/net/peer_address.hpp"

namespace gatherd::api::server {

class server_state;

/// Nobody until it shows a token where one is needed, else anybody.
///
/// Threads: whoever handles the client's message, one at a time; is_put_out from any thread.
class credentials {
public:
    credentials(server_state& state, const peer_address& peer);

    /// It is a process that the daemon has started: it may do everything, whatever tokens there are.
    void trust(std::shared_ptr<identity> own) {
        who_ = std::move(own);
        is_trusted_ = true;
    }

    /// It has shown elsewhere who it is.
    void take(std::shared_ptr<identity> shown) { who_ = std::move(shown); }

    [[nodiscard]] const peer_address& peer() const noexcept { return peer_; }

    /// Null: nobody yet. See also identity::is_revoked.
    [[nodiscard]] const std::shared_ptr<identity>& who() const noexcept { return who_; }

    /// Takes the client for the holder of that token, if it is one. After auth.tries wrong ones, which are counted, it
    /// is put out, and no token is looked at any more. A wrong one is logged with the client's address, at most once a
    /// second for all clients together.
    [[nodiscard]] bool show(std::string_view token);

    /// It has tried too often.
    [[nodiscard]] bool is_put_out() const noexcept { return is_put_out_.load(std::memory_order_relaxed); }

    /// Whether the token that it has shown is one no more, or it has shown none and now one is asked for.
    [[nodiscard]] bool are_void() const;

private:
    server_state& state_;
    const peer_address peer_;
    std::shared_ptr<identity> who_;
    std::uint32_t wrong_tokens_ = 0;
    bool is_trusted_ = false;
    std::atomic<bool> is_put_out_{false};  // a wish by itself: nothing else hangs on it
};

}  // namespace gatherd::api::server
