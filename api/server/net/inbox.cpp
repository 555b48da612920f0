#include "api/server/net/inbox.hpp"

#include <algorithm>

#include "api/server/net/message_handling.hpp"
#include "api/server/net/transport.hpp"
#include "api/server/net/turn.hpp"
#include "api/server/state/server_state.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::server {
namespace {

constexpr std::size_t read_size = 64 * 1024;
constexpr std::size_t much = 128 * 1024;               // a message with less than this in memory is read on always
constexpr std::size_t most_without_token = 64 * 1024;  // bytes of a message of a client that is still nobody

}  // namespace

inbox::inbox(const server_state& state) : reader_{message_limits_of(state.bounds())} {
    if (state.without_token() == nullptr) {
        reader_.limit_message(std::min(most_without_token, state.bounds().message_bytes));
    }
}

inbox::piece inbox::read_some(transport& input) {
    piece got;
    const auto room = reader_.prepare(read_size);
    const std::size_t wanted = std::min(room.size(), bytes_read_a_turn);
    got.bytes = input.read_some(room.first(wanted), got.failed);
    got.is_all = got.bytes < wanted && !input.is_tls();  // TLS gives a record at a time
    return got;
}

void inbox::lift_limit(const limits& bounds) noexcept {
    reader_.limit_message(bounds.message_bytes);
}

bool inbox::must_wait() const noexcept {
    return reader_.held() > much && memory_limit::is_high() && reader_.mid_message();
}

void inbox::shed(const limits& bounds) {
    reader_ = protocol::frame_reader{message_limits_of(bounds)};
}

void inbox::shrink() noexcept {
    if (!reader_.mid_message()) {
        reader_.shrink();
    }
}

}  // namespace gatherd::api::server
