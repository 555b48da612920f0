#include "api/server/net/credentials.hpp"

#include <utility>

#include "api/log/event.hpp"
#include "api/server/state/server_state.hpp"

namespace gatherd::api::server {

credentials::credentials(server_state& state, const peer_address& peer)
    : state_{state}, peer_{peer}, who_{state.without_token()} {}

bool credentials::show(std::string_view token) {
    if (state_.tokens().empty() || is_trusted_) {
        return true;
    }
    const std::size_t tries = state_.bounds().auth_tries;
    if (wrong_tokens_ >= tries) {
        return false;  // it may not try any more, not even in the same message
    }
    if (auto found = state_.tokens().find(token)) {
        who_ = std::move(found);
        return true;
    }
    state_.counts().add(event::tokens_refused);
    if (state_.refused_tokens_log().pass()) {
        log::warn("a token was refused", {{"peer", text_of(peer_)}});
    }
    if (++wrong_tokens_ >= tries) {
        state_.counts().add_limit("auth.tries");
        is_put_out_.store(true, std::memory_order_relaxed);
    }
    return false;
}

bool credentials::are_void() const {
    if (who_ == nullptr || is_trusted_) {
        return false;
    }
    const bool is_anybody = who_->name().empty();
    return who_->is_revoked() || (is_anybody && state_.without_token() == nullptr);
}

}  // namespace gatherd::api::server
