#include "config/token.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using gatherd::config::read_tokens, gatherd::config::to_json, gatherd::config::token;
using nlohmann::ordered_json;

namespace {

const std::string hash(64, 'a');

ordered_json one(const ordered_json& more = ordered_json::object()) {
    ordered_json token = {{"name", "ci"}, {"sha256", hash}, {"rights", {"submit"}}};
    token.update(more);
    return ordered_json::array({token});
}

std::string fault(const ordered_json& from) {
    const auto read = read_tokens(from);
    const auto* const text = std::get_if<std::string>(&read);
    return text == nullptr ? "" : *text;
}

}  // namespace

TEST_CASE("token: a list of them reads back as itself", "[config]") {
    auto list = one({{"tasks_in_flight", 7}});
    list.push_back({{"name", "ops"}, {"sha256", std::string(64, 'b')}, {"rights", {"admin", "see_all"}}});
    CHECK(to_json(std::get<std::vector<token>>(read_tokens(list))) == list);
    CHECK(std::get<std::vector<token>>(read_tokens(ordered_json::array())).empty());
}

TEST_CASE("token: a hash may be written in capitals", "[config]") {
    const auto read = std::get<std::vector<token>>(read_tokens(one({{"sha256", std::string(64, 'A')}})));
    CHECK(read.front().sha256 == hash);
}

TEST_CASE("token: what is wrong with one is told", "[config]") {
    CHECK(fault({{"a", 1}}) == "not a list of tokens");
    CHECK(fault(ordered_json::array({"ci"})).starts_with("token 1: not an object"));
    CHECK(fault(one({{"sha256", "secret"}})).find("64 hexadecimal digits") != std::string::npos);
    CHECK(fault(one({{"sha256", std::string(64, 'g')}})).find("64 hexadecimal digits") != std::string::npos);
    CHECK(fault(one({{"rights", ordered_json::array()}})).empty());  // it may ping
    CHECK(fault(one({{"rights", {"root"}}})).find("rights must be") != std::string::npos);
    CHECK(fault(one({{"tasks_in_flight", 0}})).find("tasks_in_flight") != std::string::npos);
    CHECK(fault(one({{"name", ""}})).find("name") != std::string::npos);
    CHECK(fault(one({{"token", "secret"}})).find("unknown member 'token'") != std::string::npos);
    CHECK(fault(ordered_json::array({{{"name", "ci"}}})) ==
          "token 1: it needs name, rights, and one of sha256 and file");
    CHECK(fault(one({{"file", "/run/secrets/ci"}})) == "token 1: it needs name, rights, and one of sha256 and file");
    auto twice = one();
    twice.push_back(twice.front());
    CHECK(fault(twice) == "token 2: its name, its sha256 or its file was given already");
}

TEST_CASE("token: a file may stand in place of the hash", "[config]") {
    auto list = ordered_json::parse(
        R"([{"name":"a","file":"/run/secrets/a","rights":["submit"]},{"name":"b","file":"/run/secrets/b","rights":[]}])");
    const auto read = std::get<std::vector<token>>(read_tokens(list));
    CHECK(read.front().file == "/run/secrets/a");
    CHECK(read.front().sha256.empty());
    CHECK(to_json(read) == list);
    list[1]["file"] = "/run/secrets/a";
    CHECK(fault(list) == "token 2: its name, its sha256 or its file was given already");
    list[1]["file"] = "secrets/b";
    CHECK(fault(list).find("absolute path") != std::string::npos);
}

TEST_CASE("token: functions are globs, or left out", "[config]") {
    const std::string head = R"([{"name":"a","sha256":")" + hash + R"(","rights":[])";
    const auto read = [&head](const std::string& more) { return read_tokens(ordered_json::parse(head + more + "}]")); };
    CHECK_FALSE(std::get<0>(read("")).front().functions.has_value());
    const auto two = std::get<0>(read(R"(,"functions":["process.run","file.*"])"));
    CHECK(two.front().functions == std::vector<std::string>{"process.run", "file.*"});
    CHECK(std::get<0>(read_tokens(to_json(two))) == two);
    CHECK(std::holds_alternative<std::string>(read(R"(,"functions":"file.*")")));
    CHECK(std::holds_alternative<std::string>(read(R"(,"functions":[""])")));
}
