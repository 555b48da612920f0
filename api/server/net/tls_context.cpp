#include "api/server/net/tls_context.hpp"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <asio/ssl/context.hpp>

#include <array>
#include <ctime>
#include <functional>
#include <stdexcept>

#include "api/regular_file.hpp"

namespace gatherd::api::server {
namespace {

void load(const std::string& what, const std::string& file, const std::function<void(asio::error_code&)>& reading) {
    if (is_no_regular_file(file)) {
        throw std::runtime_error{"cannot read " + what + " from '" + file + "': it is no regular file"};
    }
    asio::error_code failed;
    reading(failed);
    if (failed) {
        throw std::runtime_error{"cannot read " + what + " from '" + file + "': " + failed.message()};
    }
}

}  // namespace

std::shared_ptr<asio::ssl::context> tls_context::read(const tls_files& files) {
    using asio::ssl::context;
    auto made = std::make_shared<context>(context::tls_server);
    SSL_CTX* const native = made->native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    // A message says by itself where it ends, so a client that closes without the notice of TLS has not cut one short.
    SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE);
    // Of TLS 1.2: keys that the certificate's key does not give away. A client without these is refused.
    if (SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
        throw std::runtime_error{"OpenSSL has no cipher with forward secrecy"};
    }
    SSL_CTX_set_mode(native,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    load("the certificate (tls.certificate)", files.certificate,
         [&](asio::error_code& failed) { made->use_certificate_chain_file(files.certificate, failed); });
    load("the key (tls.key)", files.key,
         [&](asio::error_code& failed) { made->use_private_key_file(files.key, context::pem, failed); });
    if (SSL_CTX_check_private_key(native) != 1) {
        throw std::runtime_error{"the key of tls.key is not that of the certificate of tls.certificate"};
    }
    if (!files.client_ca.empty()) {
        load("the certificates of clients' authorities (tls.client_ca)", files.client_ca,
             [&](asio::error_code& failed) { made->load_verify_file(files.client_ca, failed); });
        made->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
        constexpr unsigned char session[] =
            "gatherd";  // else OpenSSL resumes no session of a client with a certificate
        SSL_CTX_set_session_id_context(native, session, sizeof session);
    }
    return made;
}

std::optional<std::string> tls_context::validity_fault(const tls_files& files) {
    const auto context = read(files);
    const X509* const certificate = SSL_CTX_get0_certificate(context->native_handle());
    const auto told = [&files](const ASN1_TIME* time, const char* what) {
        std::tm parts{};
        std::array<char, 32> text{};
        ASN1_TIME_to_tm(time, &parts);
        std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
        return "tls.certificate: the certificate in '" + files.certificate + "' " + what + " " + text.data() +
               ": clients that check it will refuse it";
    };
    if (const auto* const end = X509_get0_notAfter(certificate); X509_cmp_current_time(end) < 0) {
        return told(end, "has expired at");
    }
    if (const auto* const begin = X509_get0_notBefore(certificate); X509_cmp_current_time(begin) > 0) {
        return told(begin, "is not valid before");
    }
    return std::nullopt;
}

}  // namespace gatherd::api::server
