#include "api/functions/families.hpp"

#include <string>

#include <catch2/catch.hpp>

#include "tests/unit/functions/recording_context.hpp"

using gatherd::api::value;
using gatherd::api::functions::tests::recording_context;
using gatherd::api::functions::tests::standard;

namespace {

std::string sha256_of(const std::string& text) {
    return recording_context{}.call("hash.sha256", {text}).get<std::string>();
}

}  // namespace

TEST_CASE("hash.sha256: gives the digests of FIPS 180-4", "[functions]") {
    CHECK(sha256_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256_of(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("hash.sha256: hashes the UTF-8 bytes, zeros included", "[functions]") {
    CHECK(sha256_of("é") == "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c");
    CHECK(sha256_of(std::string(1, '\0')) == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

TEST_CASE("hash.sha256: wants a text", "[functions]") {
    recording_context program;
    for (const value& wrong : {value(1), value(nullptr), value::array()}) {
        CHECK(
            program.raises("hash.sha256", {wrong}).starts_with("TypeError: hash.sha256(): data must be a text, not "));
    }
}

TEST_CASE("hash.sha256: of base64 hashes the bytes that it stands for", "[functions]") {
    recording_context program;
    CHECK(program.call("hash.sha256", {"YWJj", true}) == sha256_of("abc"));
    CHECK(program.call("hash.sha256", {"", true}) == sha256_of(""));
    for (const char* const wrong : {"YWJ", "YW Jj", "YWJj=", "né=="}) {
        CHECK(
            program.raises("hash.sha256", {wrong, true}).starts_with("ValueError: hash.sha256(): data must be base64"));
    }
}

TEST_CASE("hash.sha256: large texts go to the compute pool", "[functions]") {
    const auto& f = *standard().find("hash.sha256");
    CHECK(f.pool == gatherd::api::plan::thread_pool::compute);
    const auto is_brief = [&](const value& text) { return f.is_brief({&text, 1}); };
    CHECK(is_brief(std::string(16384, 'x')));
    CHECK_FALSE(is_brief(std::string(16385, 'x')));
    CHECK(is_brief(7));
}

TEST_CASE("hash: each gives its known values", "[functions]") {
    recording_context program;
    const auto hash = [&](const char* name, const std::string& text) {
        return program.call(name, {text}).get<std::string>();
    };
    CHECK(hash("hash.sha512", "") ==
          "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd4741"
          "7a81a538327af927da3e");
    CHECK(hash("hash.sha1", "") == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    CHECK(hash("hash.md5", "") == "d41d8cd98f00b204e9800998ecf8427e");
    CHECK(hash("hash.crc32", "") == "00000000");
    CHECK(hash("hash.crc32", "123456789") == "cbf43926");
    CHECK(hash("hash.xxh64", "") == "ef46db3751d8e999");
    CHECK(hash("hash.xxh64", "a") == "d24ec4f1a98c6e5b");
}

TEST_CASE("hash: many pieces give what one does", "[functions]") {
    recording_context program;
    const std::string text(std::size_t{3} << 20U | 5U, 'a');
    CHECK(program.call("hash.crc32", {text}) == "5af7c14d");
    CHECK(program.call("hash.xxh64", {text}) == "067b2eb8d16c2767");
    CHECK(program.call("hash.md5", {text}) == "902bc2de25c939532f3ac35ac514222a");
}

TEST_CASE("hash: takes base64", "[functions]") {
    recording_context program;
    CHECK(program.call("hash.md5", {"YWJj", true}) == "900150983cd24fb0d6963f7d28e17f72");
    CHECK(program.raises("hash.md5", {"YWJ", true}) ==
          "ValueError: hash.md5(): data must be base64, not the text 'YWJ'");
    CHECK(program.raises("hash.crc32", {5}) == "TypeError: hash.crc32(): data must be a text, not the number 5");
    CHECK(program.raises("hash.xxh64", {"", 1}) ==
          "TypeError: hash.xxh64(): binary must be true or false, not the number 1");
}
