/// \file
/// Digests by OpenSSL, CRC-32 by zlib, XXH64 by xxHash.
#include "api/functions/families.hpp"

#include <oneapi/tbb/parallel_for.h>
#include <openssl/evp.h>
#include <xxhash.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/functions/abandoned.hpp"
#include "api/functions/argument.hpp"
#include "api/functions/option.hpp"
#include "api/plan/model/function.hpp"
#include "api/plan/model/truth.hpp"

namespace gatherd::api::functions {

namespace {

using plan::arguments;
using plan::raised;

/// Hashing this much takes some 10 us where the processor has instructions for it, and 100 us where not.
constexpr std::size_t brief_bytes = 16 * 1024;

/// So much at a time, and between two of them a look whether anybody still waits.
constexpr std::size_t piece_bytes = std::size_t{1} << 20;

/// Calls `update` for each piece, in order.
template <typename Update>
void in_pieces(std::string_view bytes, const Update& update) {
    while (!bytes.empty()) {
        const std::string_view piece = bytes.substr(0, piece_bytes);
        update(piece);
        bytes.remove_prefix(piece.size());
        if (!bytes.empty()) {
            throw_if_abandoned();
        }
    }
}

constexpr char hex_digit(unsigned int n) {
    return "0123456789abcdef"[n & 0xFU];
}

std::string hex(std::basic_string_view<unsigned char> bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const unsigned char byte : bytes) {
        text.push_back(hex_digit(byte >> 4U));
        text.push_back(hex_digit(byte));
    }
    return text;
}

/// Of the whole width of the number, the most significant digit first.
template <typename Number>
std::string hex(Number n) {
    std::string text(sizeof n * 2, '0');
    for (auto digit = text.rbegin(); digit != text.rend(); ++digit, n >>= 4U) {
        *digit = hex_digit(static_cast<unsigned int>(n & 0xFU));
    }
    return text;
}

struct digest_context_end {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

// What OpenSSL calls its digests.
struct sha256 {
    static constexpr const char* name = "SHA256";
};
struct sha512 {
    static constexpr const char* name = "SHA512";
};
struct sha1 {
    static constexpr const char* name = "SHA1";
};
struct md5 {
    static constexpr const char* name = "MD5";
};

/// The algorithm is fetched once: OpenSSL 3 looks it up under a lock each time that it is only named. It is never
/// freed, so that it outlives every thread that hashes.
template <typename Algorithm>
std::string digest_of(std::string_view bytes) {
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, Algorithm::name, nullptr);
    const std::unique_ptr<EVP_MD_CTX, digest_context_end> context{EVP_MD_CTX_new()};
    if (!context) {
        throw std::bad_alloc{};
    }
    const auto require = [](int is_done) {
        if (is_done != 1) {  // as where the system allows approved algorithms only
            throw raised{"RuntimeError", std::string{"OpenSSL cannot compute "} + Algorithm::name};
        }
    };
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned int length = 0;
    require(algorithm == nullptr ? 0 : EVP_DigestInit_ex2(context.get(), algorithm, nullptr));
    in_pieces(bytes,
              [&](std::string_view piece) { require(EVP_DigestUpdate(context.get(), piece.data(), piece.size())); });
    require(EVP_DigestFinal_ex(context.get(), digest.data(), &length));
    return hex({digest.data(), length});
}

std::uint32_t crc32_of(std::string_view bytes) noexcept {
    return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

/// Checksums of pieces can be computed apart, and combined.
std::string crc32_hex(std::string_view bytes) {
    if (bytes.size() <= piece_bytes) {
        return hex(crc32_of(bytes));
    }
    std::vector<std::uint32_t> sums((bytes.size() + piece_bytes - 1) / piece_bytes);
    oneapi::tbb::parallel_for(std::size_t{0}, sums.size(), [&sums, bytes](std::size_t i) {
        sums[i] = crc32_of(bytes.substr(i * piece_bytes, piece_bytes));
    });
    throw_if_abandoned();
    std::uint32_t all = 0;
    for (std::size_t i = 0; i < sums.size(); ++i) {
        const std::size_t length = std::min(piece_bytes, bytes.size() - i * piece_bytes);
        all = static_cast<std::uint32_t>(crc32_combine(all, sums[i], static_cast<z_off_t>(length)));
    }
    return hex(all);
}

struct xxh64_state_end {
    void operator()(XXH64_state_t* state) const noexcept { XXH64_freeState(state); }
};

std::string xxh64_hex(std::string_view bytes) {
    const std::unique_ptr<XXH64_state_t, xxh64_state_end> state{XXH64_createState()};
    if (!state || XXH64_reset(state.get(), 0) != XXH_OK) {
        throw std::bad_alloc{};
    }
    in_pieces(bytes, [&](std::string_view piece) {
        static_cast<void>(XXH64_update(state.get(), piece.data(), piece.size()));
    });
    return hex(std::uint64_t{XXH64_digest(state.get())});
}

constexpr char sha256_name[] = "hash.sha256";
constexpr char sha512_name[] = "hash.sha512";
constexpr char sha1_name[] = "hash.sha1";
constexpr char md5_name[] = "hash.md5";
constexpr char crc32_name[] = "hash.crc32";
constexpr char xxh64_name[] = "hash.xxh64";

template <const char* Name, std::string (*Hash)(std::string_view)>
value hash_of(plan::call_context&, arguments given) {
    const argument data{Name, "data", given[0]};
    if (argument{Name, "binary", given[1]}.flag()) {
        return Hash(data.bytes(true));
    }
    return Hash(data.text());
}

bool is_brief_to_hash(arguments given) {
    return !given[0].is_string() || given[0].get_ref<const std::string&>().size() <= brief_bytes;
}

template <const char* Name, std::string (*Hash)(std::string_view)>
plan::function hash_function(const std::string& sum, const char* of_abc) {
    return {
        .name = Name,
        .summary = "The " + sum + " of a text's UTF-8 bytes, or of the bytes that it holds as base64, in hexadecimal.",
        .parameters = {{.name = "data", .type = "text", .help = "what to hash"},
                       option("binary", false, "boolean", "whether data is base64")},
        .pool = plan::thread_pool::compute,
        .body = hash_of<Name, Hash>,
        .is_brief = is_brief_to_hash,
        .errors = {"TypeError", "ValueError"},
        .example = {std::string{R"({"call": ")"} + Name + R"(", "args": ["abc"]})", "\"" + std::string{of_abc} + "\""}};
}

}  // namespace

void add_hash(plan::registry& functions) {
    functions.add(hash_function<sha256_name, digest_of<sha256>>(
        "SHA-256 digest", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    functions.add(
        hash_function<sha512_name, digest_of<sha512>>("SHA-512 digest",
                                                      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                                                      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e"
                                                      "2a9ac94fa54ca49f"));
    functions.add(
        hash_function<sha1_name, digest_of<sha1>>("SHA-1 digest", "a9993e364706816aba3e25717850c26c9cd0d89d"));
    functions.add(hash_function<md5_name, digest_of<md5>>("MD5 digest", "900150983cd24fb0d6963f7d28e17f72"));
    functions.add(hash_function<crc32_name, crc32_hex>("CRC-32 of zlib and gzip", "352441c2"));
    functions.add(hash_function<xxh64_name, xxh64_hex>("XXH64 hash with seed 0", "44bc2cf5ad770999"));
}

}  // namespace gatherd::api::functions
