#include "api/protocol/json_view.hpp"

#include <catch2/catch.hpp>

#include "api/protocol/message_decoder.hpp"
#include "padded.hpp"

namespace gatherd::api::protocol {
namespace {

// A decoder that holds one value: the params of a request.
class viewed {
public:
    explicit viewed(std::string_view params)
        : view_{*std::get<request>(
                     decoder_.decode(padded{R"({"method":"m","params":)" + std::string{params} + "}"}.text()).items[0])
                     .params} {}
    [[nodiscard]] protocol::json_view operator*() const { return view_; }
    [[nodiscard]] const protocol::json_view* operator->() const { return &view_; }

private:
    message_decoder decoder_;
    protocol::json_view view_;
};

}  // namespace

TEST_CASE("json_view: it tells the kinds apart and gives their values", "[protocol]") {
    const viewed array{
        R"([null,true,false,-5,9223372036854775807,9223372036854775808,1.0,1e2,"a\u00e9\n",[1],{"b":2}])"};
    std::vector<protocol::json_view> items;
    for (const auto item : array->items()) {
        items.push_back(item);
    }
    REQUIRE(items.size() == 11);
    CHECK(array->size() == 11);
    CHECK(items[0].is_null());
    CHECK(items[1].as_boolean());
    CHECK_FALSE(items[2].as_boolean());
    CHECK(items[2].is_boolean());
    CHECK(items[3].kind() == protocol::json_kind::integer);
    CHECK(items[3].as_integer() == -5);
    CHECK(items[4].as_integer() == 9223372036854775807);
    CHECK(items[5].kind() == protocol::json_kind::unsigned_integer);
    CHECK(items[5].as_unsigned() == 9223372036854775808U);
    CHECK(items[6].kind() == protocol::json_kind::real);
    CHECK(items[6].as_real() == 1.0);
    CHECK(items[7].kind() == protocol::json_kind::real);
    CHECK(items[8].as_string() == "a\xC3\xA9\n");
    CHECK(items[9].is_array());
    CHECK(items[10].is_object());
    CHECK(items[10].find("b")->as_integer() == 2);
    for (const auto i : {3, 4, 5, 6, 7}) {
        CHECK(items[static_cast<std::size_t>(i)].is_number());
    }
    CHECK_FALSE(items[8].is_number());
    CHECK(items[3].as_number() == -5.0);
    CHECK(items[5].as_number() == 9223372036854775808.0);
}

TEST_CASE("json_view: members come in the order of the text, duplicates too", "[protocol]") {
    const viewed object{R"({"b":[1,[2]],"a":{"x":{}},"b":"last","\u0063":3})"};
    std::vector<std::string> names;
    for (const auto [name, member] : object->members()) {
        names.emplace_back(name);
    }
    CHECK(names == std::vector<std::string>{"b", "a", "b", "c"});
    CHECK(object->size() == 4);
    CHECK(object->find("b")->as_string() == "last");
    CHECK(object->find("c")->as_integer() == 3);
    CHECK_FALSE(object->find("d"));
}

TEST_CASE("json_view: empty arrays and objects have nothing to iterate", "[protocol]") {
    const viewed array{"[]"};
    const viewed object{"{}"};
    CHECK(array->size() == 0);
    CHECK(array->items().begin() == array->items().end());
    CHECK(object->size() == 0);
    CHECK(object->members().begin() == object->members().end());
    CHECK_FALSE(object->find("x"));
}

}  // namespace gatherd::api::protocol
