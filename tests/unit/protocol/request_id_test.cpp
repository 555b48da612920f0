#include "api/protocol/request_id.hpp"

#include <catch2/catch.hpp>

#include "api/protocol/message_decoder.hpp"
#include "padded.hpp"

namespace gatherd::api::protocol {
namespace {

bool means(std::string_view id, std::string_view other) {
    message_decoder decoder;
    const padded text{R"({"method":"m","params":[)" + std::string{other} + "]}"};
    const auto params = *std::get<request>(decoder.decode(text.text()).items.at(0)).params;
    return request_id{id}.means(*params.items().begin());
}

}  // namespace

TEST_CASE("request_id: an absent one is a notification's and is written as null", "[protocol]") {
    CHECK(request_id{}.is_absent());
    CHECK(request_id{}.text() == "null");
    CHECK_FALSE(request_id::null().is_absent());
    CHECK(request_id::null().text() == "null");
    CHECK_FALSE(request_id{} == request_id::null());
}

TEST_CASE("request_id: ids are the same when their values are", "[protocol]") {
    CHECK(means("1", "1"));
    CHECK(means(R"("a")", R"("\u0061")"));
    CHECK(means("1.50", "1.5"));
    CHECK(means("18446744073709551615", "18446744073709551615"));
    CHECK(means("null", "null"));
    CHECK_FALSE(means("1", "1.0"));
    CHECK_FALSE(means("1", R"("1")"));
    CHECK_FALSE(means("1", "2"));
    CHECK_FALSE(means("", "null"));
}

}  // namespace gatherd::api::protocol
