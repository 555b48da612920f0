#include "api/protocol/request_id.hpp"

#include <catch2/catch.hpp>

#include "api/protocol/message_decoder.hpp"
#include "padded.hpp"

namespace gatherd::api::protocol {
namespace {

request_id id_of(std::string_view value) {
    message_decoder decoder;
    const padded text{R"({"method":"m","params":[)" + std::string{value} + "]}"};
    const auto params = *std::get<request>(decoder.decode(text.text()).items.at(0)).params;
    return request_id{*params.items().begin()};
}

}  // namespace

TEST_CASE("request_id: an absent one is a notification's and is written as null", "[protocol]") {
    CHECK(request_id{}.is_absent());
    CHECK(request_id{}.text() == "null");
    CHECK_FALSE(request_id::null().is_absent());
    CHECK(request_id::null().text() == "null");
    CHECK_FALSE(request_id{} == request_id::null());
    for (const char* other : {"true", "[]", "{}"}) {
        CHECK(id_of(other).is_absent());
    }
}

TEST_CASE("request_id: ids are the same when their values are", "[protocol]") {
    CHECK(id_of("1") == id_of("1"));
    CHECK(id_of(R"("a")") == id_of(R"("\u0061")"));
    CHECK(id_of("1.50") == id_of("1.5"));
    CHECK(id_of("-0") == id_of("0"));
    CHECK(id_of("18446744073709551615") == id_of("18446744073709551615"));
    CHECK(id_of("null") == request_id::null());
    CHECK_FALSE(id_of("1") == id_of("1.0"));
    CHECK_FALSE(id_of("1") == id_of(R"("1")"));
    CHECK_FALSE(id_of("1") == id_of("2"));
}

}  // namespace gatherd::api::protocol
