#include "api/server/net/message_handling.hpp"

#include <algorithm>
#include <optional>
#include <variant>

#include <nlohmann/json.hpp>

#include "api/protocol/message_decoder.hpp"
#include "api/server/limits/limit_errors.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/net/reply.hpp"
#include "api/server/net/worker_messages.hpp"

namespace gatherd::api::server {
namespace {

bool is_answer(const protocol::message_item& item) noexcept {
    const auto* const refused = std::get_if<protocol::refusal>(&item);
    return refused != nullptr && refused->answer;
}

constexpr std::size_t memory_a_byte = 16;  // of a message: its text, and what decoding makes of it

/// Whether a message was refused since there is no memory to decode it. What decoding had taken is free again.
bool is_out_of_memory(const error& reason) {
    return reason.code == errc::limit_exceeded && reason.data != nullptr &&
           reason.data->value("limit", "") == "limits.memory_bytes";
}

/// An item of a batch, if it is one, to which nothing is answered.
void settle_nothing(const std::shared_ptr<batch>& part_of) {
    if (part_of != nullptr) {
        part_of->add({}, nullptr);
    }
}

}  // namespace

protocol::message_limits message_limits_of(const limits& bounds) noexcept {
    return {.message_bytes = bounds.message_bytes,
            .depth = bounds.depth,
            .id_bytes = bounds.id_bytes,
            .memory_bytes = bounds.memory_bytes};
}

protocol::message_decoder& decoder_of_this_thread(const limits& bounds) {
    struct decoder_with_limits {
        explicit decoder_with_limits(const protocol::message_limits& most) : limits{most}, decoder{most} {}
        protocol::message_limits limits;
        protocol::message_decoder decoder;
    };
    thread_local std::optional<decoder_with_limits> own;
    if (const auto most = message_limits_of(bounds); !own || own->limits != most) {
        own.emplace(most);
    }
    return own->decoder;
}

void handle_message(const std::shared_ptr<connection>& client, const protocol::message& message, std::size_t bytes) {
    if (message.items.empty()) {
        return;
    }
    const auto answers = std::count_if(message.items.begin(), message.items.end(), is_answer);
    client->state().counts().add(event::requests, message.items.size() - static_cast<std::size_t>(answers));
    client->note_message(bytes / message.items.size(), bytes * memory_a_byte);
    const auto part_of = message.is_batch ? std::make_shared<batch>(client, message.items.size()) : nullptr;
    for (const protocol::message_item& item : message.items) {
        if (const auto* refused = std::get_if<protocol::refusal>(&item)) {
            if (take_answer(*client, *refused, client->message_bytes())) {
                settle_nothing(part_of);
                continue;
            }
            reply{client, refused->id, part_of}.error(is_out_of_memory(refused->reason) ? no_memory_for(bytes)
                                                                                        : refused->reason);
        } else if (part_of != nullptr && (part_of->has_ended() || client->work().has_ended())) {
            const reply unanswered{client, std::get<protocol::request>(item).id, part_of};
        } else {
            const auto& request = std::get<protocol::request>(item);
            if (request.id.is_absent() && take_output(*client, request)) {
                settle_nothing(part_of);
                continue;
            }
            client->handler().handle(request, reply{client, request.id, part_of});
        }
    }
}

}  // namespace gatherd::api::server
