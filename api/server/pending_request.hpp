/// \file
/// A request that is being carried out and can be cancelled.
#pragma once

#include <string>

#include "api/json/json_view.hpp"
#include "api/wire/request_id.hpp"

namespace gatherd::api::server {

/// What method cancel and the end of a connection find of a request in progress.
class pending_request {
public:
    virtual ~pending_request() = default;

    [[nodiscard]] virtual const wire::request_id& id() const noexcept = 0;

    /// Asks it to end. False: it has ended already. From any thread; may answer before it returns.
    virtual bool cancel(const std::string& message) = 0;
};

}  // namespace gatherd::api::server
