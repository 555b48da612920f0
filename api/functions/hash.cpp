/// \file
/// SHA-256 by OpenSSL.
#include "api/functions/hash.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "api/plan/model/function.hpp"

namespace gatherd::api::functions {

namespace {

using plan::arguments;
using plan::raised;

/// Hashing this much takes some 10 us where the processor has instructions for it, and 100 us where not.
constexpr std::size_t brief_bytes = 16 * 1024;

struct digest_context_end {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

/// Fetched once: OpenSSL 3 looks an algorithm up under a lock each time that it is only named. Never freed, so that
/// it outlives every thread that hashes.
const EVP_MD* sha256_algorithm() {
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return algorithm;
}

std::string hex(std::basic_string_view<unsigned char> bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const unsigned char byte : bytes) {
        text.push_back(digits[byte >> 4U]);
        text.push_back(digits[byte & 0xFU]);
    }
    return text;
}

value sha256(plan::call_context&, arguments given) {
    if (!given[0].is_string()) {
        throw raised{"TypeError", "sha256() argument must be a string"};
    }
    const auto& text = given[0].get_ref<const std::string&>();
    const std::unique_ptr<EVP_MD_CTX, digest_context_end> context{EVP_MD_CTX_new()};
    if (!context) {
        throw std::bad_alloc{};
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned int length = 0;
    if (EVP_DigestInit_ex2(context.get(), sha256_algorithm(), nullptr) != 1 ||
        EVP_DigestUpdate(context.get(), text.data(), text.size()) != 1 ||
        EVP_DigestFinal_ex(context.get(), digest.data(), &length) != 1) {
        throw raised{"RuntimeError", "OpenSSL cannot compute SHA-256"};
    }
    return hex({digest.data(), length});
}

bool is_brief(arguments given) {
    return !given[0].is_string() || given[0].get_ref<const std::string&>().size() <= brief_bytes;
}

}  // namespace

void add_hash(plan::registry& functions) {
    functions.add({.name = "hash.sha256",
                   .summary = "The SHA-256 digest of a text's UTF-8 bytes, in hexadecimal.",
                   .parameters = {plan::parameter{.name = "text", .type = "text", .help = "what to hash"}},
                   .pool = plan::thread_pool::compute,
                   .body = sha256,
                   .is_brief = is_brief,
                   .errors = {"TypeError"},
                   .example = {R"({"call": "hash.sha256", "args": ["abc"]})",
                               R"("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")"}});
}

}  // namespace gatherd::api::functions
