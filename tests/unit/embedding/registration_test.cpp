#include "gatherd/api/registry.hpp"

#include <map>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>

#include <catch2/catch.hpp>

#include "api/functions/standard.hpp"
#include "api/plan/model/registry.hpp"

namespace {

using gatherd::api::function_options, gatherd::api::registry, gatherd::api::value;

int of_two(int a, int b) {
    return a + b;
}

/// Why it is refused, or "fine".
std::string fault(const std::string& name, function_options options) {
    registry functions;
    try {
        functions.add(name, of_two, std::move(options));
        gatherd::api::plan::registry all;
        gatherd::api::functions::add_standard(all);
        std::move(functions).move_to(all);
        return "fine";
    } catch (const std::invalid_argument& refused) {
        return refused.what();
    }
}

}  // namespace

TEST_CASE("registry: a name that is none, taken or reserved is refused", "[embedding]") {
    CHECK(fault("mine", {}) == "fine");
    CHECK(fault("my.sum", {}) == "fine");
    CHECK(fault("add", {}) == "'add' is a function of the daemon's own");
    CHECK(fault("hash.mine", {}) == "names that begin with 'hash.' are reserved for the daemon's own functions");
    CHECK(fault("operator.mine", {}) ==
          "names that begin with 'operator.' are reserved for the daemon's own functions");
    CHECK(fault("9", {}) == "'9' is no name: letters, digits, '_' and '.', up to 128, no digit or '.' first");
    CHECK(fault("", {}).starts_with("'' is no name"));
    registry functions;
    functions.add("mine", of_two);
    CHECK_THROWS_WITH(functions.add("mine", of_two), "function 'mine': it was added before");
}

TEST_CASE("registry: options that do not fit the signature are refused", "[embedding]") {
    CHECK(fault("f", {.parameters = {{"a"}, {"b"}}}) == "fine");
    CHECK(fault("f", {.parameters = {{"a", 1}, {"b", 2}}}) == "fine");
    CHECK(fault("f", {.parameters = {{"a"}}}) ==
          "function 'f': it has 2 parameters, and 1 are named: name all or none");
    CHECK(fault("f", {.parameters = {{"a"}, {"b"}, {"c"}}}) ==
          "function 'f': it has 2 parameters, and 3 are named: name all or none");
    CHECK(fault("f", {.parameters = {{"a"}, {"a"}}}) == "function 'f': two parameters are named 'a'");
    CHECK(fault("f", {.parameters = {{"a", 1}, {"b"}}}) == "function 'f': 'b' has no default and follows one that has");
    CHECK(fault("f", {.parameters = {{"a"}, {"b", "x"}}}) ==
          "function 'f': the default of 'b': f(): b must be an integer, not the text 'x'");
}

TEST_CASE("registry: a last parameter that is a vector may take all further arguments", "[embedding]") {
    const auto total = [](double first, const std::vector<double>& rest) {
        return std::accumulate(rest.begin(), rest.end(), first);
    };
    registry own;
    own.add("total", total, {.parameters = {{"first"}, {.name = "rest", .variadic = true}}});
    const auto fault = [&](std::vector<gatherd::api::parameter> parameters) -> std::string {
        try {
            own.add("wrong", total, {.parameters = std::move(parameters)});
            return {};
        } catch (const std::invalid_argument& e) {
            return e.what();
        }
    };
    const std::string why = " is variadic: it must be the last one, a std::vector, and have no default";
    CHECK(fault({{.name = "first", .variadic = true}, {"rest"}}) == "function 'wrong': 'first'" + why);
    CHECK(fault({{"first"}, {.name = "rest", .default_value = value::array(), .variadic = true}}) ==
          "function 'wrong': 'rest'" + why);
    gatherd::api::plan::registry all;
    std::move(own).move_to(all);
    const auto& last = all.find("total")->parameters.back();
    CHECK(last.variadic);
    CHECK(last.type == "number");
}

TEST_CASE("registry: the daemon lists a function with its types and defaults", "[embedding]") {
    registry own;
    own.add("f", [](const std::map<std::string, std::vector<double>>& /*a*/, std::optional<bool> /*b*/) {},
            {.parameters = {{.name = "a", .help = "many"}, {"b"}}, .summary = "Does nothing."});
    gatherd::api::plan::registry all;
    std::move(own).move_to(all);
    const auto* const found = all.find("f");
    REQUIRE(found != nullptr);
    CHECK(found->summary == "Does nothing.");
    REQUIRE(found->parameters.size() == 2);
    CHECK(found->parameters[0].type == "object of list of number");
    CHECK(found->parameters[0].help == "many");
    CHECK(found->parameters[0].is_required());
    CHECK(found->parameters[1].type == "true or false or null");
    CHECK(found->parameters[1].default_value == value(nullptr));
}
