/// \file
/// A message as a test compares it: requests named, refusals written.
#pragma once

#include <string>
#include <vector>

#include "api/protocol/message_decoder.hpp"
#include "api/protocol/response.hpp"
#include "padded.hpp"

namespace gatherd::api::protocol {

/// For each item: `METHOD ID` of a request (`METHOD -` of a notification), `CODE ID` of a refusal.
inline std::vector<std::string> described(const message& m) {
    std::vector<std::string> items;
    for (const auto& item : m.items) {
        if (const auto* call = std::get_if<request>(&item)) {
            items.push_back(std::string{call->method} + " " +
                            (call->id.is_absent() ? "-" : std::string{call->id.text()}));
        } else {
            const auto& answer = std::get<refusal>(item);
            items.push_back(std::to_string(static_cast<int>(answer.reason.code)) + " " + std::string{answer.id.text()});
        }
    }
    return items;
}

inline std::vector<std::string> described(std::string_view text) {
    message_decoder decoder;
    return described(decoder.decode(padded{text}.text()));
}

/// The one refusal that a text is answered with.
inline refusal refused(std::string_view text) {
    message_decoder decoder;
    const auto& m = decoder.decode(padded{text}.text());
    return std::get<refusal>(m.items.at(0));
}

using items = std::vector<std::string>;

}  // namespace gatherd::api::protocol
