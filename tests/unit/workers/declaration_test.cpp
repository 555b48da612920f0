#include "api/workers/declaration.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "api/protocol/message_decoder.hpp"

using gatherd::api::value;
using namespace gatherd::api::workers;
namespace plan = gatherd::api::plan;
namespace protocol = gatherd::api::protocol;

namespace {

/// The only FUNCTION of a list, or the place of its fault.
std::variant<declaration_ptr, std::string> read(const std::string& function) {
    std::string text = R"({"method":"serve","params":[)" + function + "]}";
    const std::size_t size = text.size();
    text.resize(size + 64);
    protocol::message_decoder decoder;
    const auto& message = decoder.decode({text.data(), size});
    const auto list = *std::get<protocol::request>(message.items.at(0)).params;
    auto all = read_declarations(list, "", plan::registry{}, {{"threads", 1}}, 10);
    if (!all) {
        return all.reason().data->at("path").get<std::string>();
    }
    return (*all).at(0);
}

std::string sent(const std::string& function, const value* args) {
    std::string text;
    append_arguments(text, *std::get<declaration_ptr>(read(function)), args);
    return text;
}

std::string sent(const std::string& function, const value& args) {
    return sent(function, &args);
}

constexpr const char* by_position =
    R"({"name":"f","params":[{"name":"a"},{"name":"b","default":null},{"name":"rest","variadic":true}]})";
constexpr const char* by_name =
    R"({"name":"f","params":[{"name":"a"},{"name":"b","optional":true},{"name":"rest","variadic":true}]})";

}  // namespace

TEST_CASE("declaration: arguments are sent as a list, with defaults", "[workers]") {
    CHECK(sent(by_position, value{1}) == "[1,null]");
    CHECK(sent(by_position, value{1, 2, 3, 4}) == "[1,2,3,4]");
    CHECK(sent(by_position, value{{"b", 2}, {"a", "x"}}) == R"(["x",2])");
}

TEST_CASE("declaration: with an optional parameter they are sent by name, what is left out being absent", "[workers]") {
    CHECK(sent(by_name, value{1}) == R"({"a":1})");
    CHECK(sent(by_name, value{1, 2}) == R"({"a":1,"b":2})");
    CHECK(sent(by_name, value{1, 2, 3, 4}) == R"({"a":1,"b":2,"rest":[3,4]})");
}

TEST_CASE("declaration: without parameters they are sent as they were given", "[workers]") {
    CHECK(sent(R"({"name":"f"})", nullptr) == "[]");
    CHECK(sent(R"({"name":"f"})", value{{"a", 1.0}}) == R"({"a":1.0})");
    CHECK(sent(R"({"name":"f"})", value{1, "two"}) == R"([1,"two"])");
}

TEST_CASE("declaration: arguments that do not fit raise TypeError", "[workers]") {
    CHECK_THROWS_AS(sent(by_position, nullptr), plan::raised);
    CHECK_THROWS_AS(sent(by_position, value{{"b", 1}}), plan::raised);
    CHECK_THROWS_AS(sent(R"({"name":"f","params":[]})", value{1}), plan::raised);
    CHECK(sent(R"({"name":"f","params":[]})", nullptr) == "[]");
}

TEST_CASE("declaration: a fault is told with its place", "[workers]") {
    CHECK(std::get<std::string>(read(R"({"name":"hash.x"})")) == "/0/name");
    CHECK(std::get<std::string>(read(R"({"name":"f","concurrency":0})")) == "/0/concurrency");
    CHECK(std::get<std::string>(read(R"({"name":"f","params":[{"name":"a","default":1},{"name":"b"}]})")) ==
          "/0/params/1");
    CHECK(std::get<std::string>(read(R"({"name":"f"},{"name":"f"})")) == "/1/name");
    CHECK(std::holds_alternative<declaration_ptr>(read(R"({"name":"stats"})")));  // a family's name alone is nobody's
}
