#include "api/protocol/id_texts.hpp"

#include <catch2/catch.hpp>

namespace gatherd::api::protocol {

using texts = std::vector<std::string_view>;

TEST_CASE("id_texts: the id of a request is found as it is written", "[protocol]") {
    CHECK(id_texts(R"({"id":1})") == texts{"1"});
    CHECK(id_texts(R"( { "method" : "id" , "id" : -0.0e5 , "params" : {} } )") == texts{"-0.0e5"});
    CHECK(id_texts(R"({"params":{"id":1,"x":[{"id":2}]},"id":"a\"}\\"})") == texts{R"("a\"}\\")"});
    CHECK(id_texts(R"({"a":"id","b":1})") == texts{""});
    CHECK(id_texts("{}") == texts{""});
    CHECK(id_texts(R"({"id":[1,{"id":2}],"z":0})") == texts{R"([1,{"id":2}])"});
}

TEST_CASE("id_texts: of several ids the last one counts, however its name is escaped", "[protocol]") {
    CHECK(id_texts(R"({"id":1,"\u0069\u0064":2})") == texts{"2"});
    CHECK(id_texts(R"({"\u0069d":1,"ID":2,"id ":3,"\\id":4})") == texts{"1"});
}

TEST_CASE("id_texts: a batch has one for each item", "[protocol]") {
    CHECK(id_texts(R"([{"id":1},5,{"x":{"id":2}},[{"id":3}],{"id":"4"},"id"])") ==
          texts{"1", "", "", "", R"("4")", ""});
    CHECK(id_texts("[ ]").empty());
}

TEST_CASE("id_texts: an id that is cut off counts as none", "[protocol]") {
    CHECK(id_texts(R"({"id":1,"x":[[)") == texts{"1"});
    CHECK(id_texts(R"({"id":[[)") == texts{""});
    CHECK(id_texts(R"({"id":1,"id":[[)") == texts{""});
    CHECK(id_texts(R"({"id":"ab)") == texts{""});
    CHECK(id_texts(R"({"i)") == texts{""});
    CHECK(id_texts("").empty());
}

}  // namespace gatherd::api::protocol
