/// \file
/// A daemon's certificate, and whose certificates it accepts.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace asio::ssl {
class context;
}

namespace gatherd::api::server {

/// Which files TLS reads, PEM all of them.
struct tls_files {
    std::string certificate;  ///< the chain, the daemon's own first
    std::string key;
    std::string client_ca;  ///< who signs clients' certificates, which are then demanded; empty: none are asked for

    bool operator==(const tls_files&) const = default;
};

/// What new TLS connections begin with: TLS 1.3, or TLS 1.2 with forward secrecy and authenticated encryption. May be
/// loaded anew while the service runs; connections that are there keep what they began with.
///
/// Threads: all members are safe from any thread.
class tls_context {
public:
    /// Throws std::runtime_error that names the file and says what is wrong with it.
    explicit tls_context(const tls_files& files) : now_{read(files)} {}

    /// Reads the files whole, for `take`. Throws as the constructor.
    [[nodiscard]] static std::shared_ptr<asio::ssl::context> read(const tls_files& files);

    /// That the certificate is not valid now, or nothing. Throws as the constructor.
    [[nodiscard]] static std::optional<std::string> validity_fault(const tls_files& files);

    void take(std::shared_ptr<asio::ssl::context> next) {
        const std::lock_guard guard{lock_};
        now_ = std::move(next);
    }
    [[nodiscard]] std::shared_ptr<asio::ssl::context> now() const {
        const std::lock_guard guard{lock_};
        return now_;
    }

private:
    mutable std::mutex lock_;
    std::shared_ptr<asio::ssl::context> now_;  // under lock_
};

}  // namespace gatherd::api::server
