#include "api/protocol/request_id.hpp"

#include "api/protocol/json_writer.hpp"

namespace gatherd::api::protocol {

request_id::request_id(json_view value) {
    switch (value.kind()) {
        case json_kind::null:
            text_ = "null";
            return;
        case json_kind::integer:
            append_integer(text_, value.as_integer());
            return;
        case json_kind::unsigned_integer:
            append_unsigned(text_, value.as_unsigned());
            return;
        case json_kind::real:
            append_double(text_, value.as_real());
            return;
        case json_kind::string:
            append_string(text_, value.as_string());
            return;
        default:
            return;
    }
}

}  // namespace gatherd::api::protocol
