/// \file
/// Where a request goes: an http or https URL, taken apart.
#pragma once

#include <curl/curl.h>

#include <asio/ip/address.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace gatherd::api::http {

/// A URL that libcurl has read: what the rules are asked about is what it connects to, since both take it from here.
///
/// The host is in lower case, without a dot at its end, and in its ASCII form where it has other characters. Odd
/// spellings of an address (`0x7f.1`) are the address.
///
/// Threads: one at a time.
class target {
public:
    /// Throws `fault` of kind value for what is no URL of http or https, or has a user or password.
    explicit target(const std::string& url);

    /// Where a Location that is found there leads; it may be relative. Throws as the constructor.
    [[nodiscard]] target resolve(const std::string& location) const;

    [[nodiscard]] const std::string& host() const noexcept { return host_; }
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    /// The host, if it is an address.
    [[nodiscard]] const std::optional<asio::ip::address>& address() const noexcept { return address_; }

    /// Whether credentials for that one may be sent here, too: same scheme, host and port.
    [[nodiscard]] bool has_same_origin(const target& other) const noexcept;

    /// The URL as text.
    [[nodiscard]] std::string text() const;

    /// For CURLOPT_CURLU. Owned by this.
    [[nodiscard]] CURLU* handle() const noexcept { return url_.get(); }

private:
    struct deleter {
        void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
    };

    target() = default;
    void read(const std::string& given);
    [[nodiscard]] std::optional<std::string> part(CURLUPart which, unsigned flags = 0) const;

    std::unique_ptr<CURLU, deleter> url_{};
    std::string scheme_{};
    std::string host_{};
    std::uint16_t port_ = 0;
    std::optional<asio::ip::address> address_{};
};

}  // namespace gatherd::api::http
