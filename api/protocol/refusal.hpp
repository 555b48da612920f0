/// \file
/// An error answer, ready to be written.
#pragma once

#include "api/error.hpp"
#include "api/protocol/request_id.hpp"

namespace gatherd::api::protocol {

/// Why a message or one request of it is not carried out, and to whom it is said.
struct refusal {
    request_id id;  ///< never absent: null where the id is unknown
    error reason;
};

}  // namespace gatherd::api::protocol
