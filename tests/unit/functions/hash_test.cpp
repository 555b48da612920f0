#include "api/functions/hash.hpp"

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
        CHECK(program.raises("hash.sha256", {wrong}) == "TypeError: sha256() argument must be a string");
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
