/// \file
/// Who calls over HTTP.
#pragma once

#include <memory>

#include "api/process/peer_process.hpp"
#include "api/server/auth/identity.hpp"
#include "api/server/net/peer_address.hpp"
#include "api/trace_parent.hpp"

namespace gatherd::api::server {

struct http_caller {
    std::shared_ptr<identity> who;
    peer_address peer;
    std::shared_ptr<process::peer_process> process{};  ///< null: it is of no pool
    trace_parent trace{};                              ///< of its header: that of each request whose params have none
};

}  // namespace gatherd::api::server
