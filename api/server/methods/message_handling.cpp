#include "api/server/methods/message_handling.hpp"

#include <optional>
#include <variant>

#include <nlohmann/json.hpp>

#include "api/protocol/message_decoder.hpp"
#include "api/server/methods/methods.hpp"
#include "api/server/methods/reply.hpp"
#include "api/server/net/connection.hpp"

namespace gatherd::api::server {

protocol::message_decoder& decoder_of_this_thread(std::size_t max_depth) {
    struct decoder_with_depth {
        explicit decoder_with_depth(std::size_t depth_) : depth{depth_}, decoder{depth_} {}
        std::size_t depth;
        protocol::message_decoder decoder;
    };
    thread_local std::optional<decoder_with_depth> own;
    if (!own || own->depth != max_depth) {
        own.emplace(max_depth);
    }
    return own->decoder;
}

bool try_handle_message(const std::shared_ptr<connection>& from, std::string_view text,
                        protocol::message_decoder& decoder, std::size_t most_items) {
    const protocol::message& message = decoder.decode(text);
    if (message.items.empty()) {
        return true;
    }
    if (message.items.size() > most_items) {
        return false;
    }
    service& of = from->of();
    of.counts().add(event::requests, message.items.size());
    from->note_message(text.size() / message.items.size());
    const auto part_of = message.is_batch ? std::make_shared<batch>(from, message.items.size()) : nullptr;
    for (const protocol::message_item& item : message.items) {
        if (const auto* refused = std::get_if<protocol::refusal>(&item)) {
            reply{from, refused->id, part_of}.error(refused->reason);
        } else {
            const auto& request = std::get<protocol::request>(item);
            call_method(of, request, reply{from, request.id, part_of});
        }
    }
    return true;
}

}  // namespace gatherd::api::server
