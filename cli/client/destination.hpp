/// \file
/// A daemon to talk to, and what it takes to be let in.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "config/address.hpp"

namespace gatherd::cli {

class local_daemon;

/// Where the daemon is, who we are there, and whom we trust to be it.
struct destination : config::address {
    std::string token = {};        ///< shown with method auth first; empty: none
    std::string token_file = {};   ///< where that is from, for messages
    std::string ca = {};           ///< PEM file of authorities; empty: the system's. Only for TLS, as all below
    std::string certificate = {};  ///< PEM file of our own certificate; empty: none
    std::string key = {};
    /// How long connecting may take, and being let in.
    std::chrono::milliseconds connect_timeout = std::chrono::seconds{10};
    bool could_be_local = false;  ///< the command has an option --local, which needs no daemon
    /// If set, the daemon is this one, whatever the address.
    std::shared_ptr<local_daemon> inside = {};

    /// For messages.
    [[nodiscard]] std::string name() const {
        return inside ? "the daemon inside this command" : config::to_text(*this);
    }
};

}  // namespace gatherd::cli
