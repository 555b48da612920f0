#include "api/http/target.hpp"

#include <algorithm>
#include <charconv>
#include <new>

#include "api/http/lower_case.hpp"
#include "api/http/message.hpp"
#include "api/shortened.hpp"

namespace gatherd::api::http {

namespace {

[[noreturn]] void refuse_url(const std::string& url, const std::string& reason) {
    throw fault{fault::kind::value, "the URL '" + shortened(url) + "' " + reason};
}

bool is_host_name(std::string_view host) noexcept {
    constexpr std::size_t longest = 253;
    return !host.empty() && host.size() <= longest && std::ranges::all_of(host, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    });
}

}  // namespace

target::target(const std::string& url) : url_{curl_url()} {
    if (url_ == nullptr) {
        throw std::bad_alloc{};
    }
    read(url);
}

target target::resolve(const std::string& location) const {
    target next;
    next.url_.reset(curl_url_dup(url_.get()));
    if (next.url_ == nullptr) {
        throw std::bad_alloc{};
    }
    next.read(location);
    return next;
}

void target::read(const std::string& given) {
    if (given.find('\0') != std::string::npos) {
        refuse_url(given, "has a NUL in it");
    }
    if (const auto scheme = given.find_first_of(":/?#");
        scheme != std::string::npos && given.compare(scheme, 4, ":///") == 0) {
        refuse_url(given, "has no host");  // libcurl would take the first part of the path
    }
    const CURLUcode failed =
        curl_url_set(url_.get(), CURLUPART_URL, given.c_str(), CURLU_URLENCODE | CURLU_NON_SUPPORT_SCHEME);
    if (failed == CURLUE_OUT_OF_MEMORY) {
        throw std::bad_alloc{};
    }
    if (failed != CURLUE_OK) {
        refuse_url(given, std::string{"is none that can be fetched: "} + curl_url_strerror(failed));
    }
    scheme_ = part(CURLUPART_SCHEME).value_or("");
    if (scheme_ != "http" && scheme_ != "https") {
        refuse_url(given, "does not begin with http:// or https://");
    }
    if (part(CURLUPART_USER) || part(CURLUPART_PASSWORD)) {
        refuse_url(given, "has a user or password in it; send them in the header Authorization");
    }
    if (part(CURLUPART_ZONEID)) {
        refuse_url(given, "has a zone in its address");
    }
    auto host = part(CURLUPART_HOST);
    // libcurl would convert by the process's locale, which is C, and call the failure a want of memory.
    if (host && std::ranges::any_of(*host, [](char c) { return static_cast<unsigned char>(c) >= 0x80U; })) {
        refuse_url(given, "has a host that is not ASCII: write it as punycode, xn--...");
    }
    if (!host) {
        refuse_url(given, "has no host that a name server knows");
    }
    const bool is_v6 = host->starts_with('[') && host->ends_with(']');
    host_ = lower_case(is_v6 ? host->substr(1, host->size() - 2) : *host);
    if (host_.ends_with('.')) {
        host_.pop_back();
    }
    asio::error_code no_address;
    const auto address = asio::ip::make_address(host_, no_address);
    if (no_address ? is_v6 || !is_host_name(host_) : address.is_v6() != is_v6) {
        refuse_url(given, "has no host that a name server knows");
    }
    if (!no_address) {
        address_ = address;
        host_ = address.to_string();
    }
    const std::string written = is_v6 ? "[" + host_ + "]" : host_;
    const std::string port = part(CURLUPART_PORT, CURLU_DEFAULT_PORT).value_or("");
    std::from_chars(port.data(), port.data() + port.size(), port_);
    if (port_ == 0 || curl_url_set(url_.get(), CURLUPART_HOST, written.c_str(), 0) != CURLUE_OK ||
        curl_url_set(url_.get(), CURLUPART_FRAGMENT, nullptr, 0) != CURLUE_OK) {
        refuse_url(given, "has no host and port that can be reached");
    }
}

std::optional<std::string> target::part(CURLUPart which, unsigned flags) const {
    char* text = nullptr;
    const CURLUcode failed = curl_url_get(url_.get(), which, &text, flags);
    if (failed == CURLUE_OUT_OF_MEMORY) {
        throw std::bad_alloc{};
    }
    if (failed != CURLUE_OK) {
        return std::nullopt;
    }
    const std::unique_ptr<char, void (*)(void*)> owned{text, curl_free};
    return std::string{text};
}

bool target::has_same_origin(const target& other) const noexcept {
    return scheme_ == other.scheme_ && host_ == other.host_ && port_ == other.port_;
}

std::string target::text() const {
    return part(CURLUPART_URL).value_or("");
}

}  // namespace gatherd::api::http
