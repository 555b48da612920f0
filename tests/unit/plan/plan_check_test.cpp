#include <catch2/catch.hpp>

#include "checked.hpp"

using namespace gatherd::api;
using gatherd::api::plan::tests::checked;
using gatherd::api::plan::tests::fault;
using gatherd::api::plan::tests::hint;

TEST_CASE("plan_decoder: a task has exactly one kind", "[plan]") {
    CHECK(fault(R"({"value":1})") == "fine");
    CHECK(fault(R"({})").empty());
    CHECK(fault(R"([])").empty());
    CHECK(fault(R"("noop")").empty());
    CHECK(fault(R"({"call":"noop","value":1})").empty());
    CHECK(fault(R"({"gather":[{"value":1},{"spawn":[]}]})") == "/gather/1");
}

TEST_CASE("plan_decoder: an option that a kind does not have is unknown", "[plan]") {
    CHECK(fault(R"({"value":1,"timeout":1})") == "/timeout");
    CHECK(fault(R"({"call":"noop","arg":[]})") == "/arg");
    CHECK(fault(R"({"sequence":[],"return_exceptions":true})") == "/return_exceptions");
    CHECK(fault(R"({"value":1,"a/b~c":1})") == "/a~1b~0c");
}

TEST_CASE("plan_decoder: null stands for an optional member that is absent", "[plan]") {
    CHECK(fault(R"({"gather":[],"return_exceptions":null,"limit":null})") == "fine");
    CHECK(fault(R"({"wait":[],"timeout":null,"return_when":null})") == "fine");
    CHECK(fault(R"({"retry":{"value":1},"attempts":1,"delay":null,"factor":null,"max_delay":null})") == "fine");
    CHECK(fault(R"({"retry":{"value":1},"attempts":null})") == "/attempts");
}

TEST_CASE("plan_decoder: functions and the shape of their arguments are known", "[plan]") {
    CHECK(fault(R"({"call":"nope"})") == "/call");
    CHECK(fault(R"({"call":1})") == "/call");
    CHECK(fault(R"({"map":"nope","over":[]})") == "/map");
    CHECK(fault(R"({"call":"echo","args":1})") == "/args");
    CHECK(fault(R"({"call":"noop","args":[1]})") == "/args");
    CHECK(fault(R"({"call":"sleep"})") == "/args");
    CHECK(fault(R"({"call":"sleep","args":{"result":1}})") == "/args");
    CHECK(fault(R"({"call":"sleep","args":{"delay":1,"dely":1}})") == "/args");
    CHECK(fault(R"({"call":"add","args":{"terms":1}})") == "/args");
    CHECK(fault(R"({"map":"sleep","over":[[1],{"delay":1},[]]})") == "/over/2");
    CHECK(fault(R"({"map":"sleep","over":[[1],3]})") == "/over/1");
    CHECK(fault(R"({"map":"sleep","over":{}})") == "/over");
    CHECK(fault(R"({"call":"noop","args":{"await":{"value":[1]}}})") == "fine");
}

TEST_CASE("plan_decoder: a misspelt name comes with a guess", "[plan]") {
    CHECK(hint(R"({"call":"random.unifrom","args":[0,1]})") == "did you mean random.uniform?");
    CHECK(hint(R"({"call":"something else"})").empty());
}

TEST_CASE("plan_decoder: tasks in arguments are checked where they stand", "[plan]") {
    CHECK(fault(R"({"call":"echo","args":[{"k":[0,{"await":{"call":"nope"}}]}]})") == "/args/0/k/1/await/call");
    CHECK(fault(R"({"call":"add","args":{"await":{"call":"nope"}}})") == "/args/await/call");
    CHECK(fault(R"({"map":"add","over":[[],[{"await":5}]]})") == "/over/1/0/await");
    CHECK(fault(R"({"call":"echo","args":[{"await":{"call":"nope"},"more":1}]})") == "fine");
    CHECK(fault(R"({"value":{"await":{"call":"nope"}}})") == "fine");
}

TEST_CASE("plan_decoder: numbers that bound are positive integers", "[plan]") {
    for (const char* const wrong : {"0", "-1", "1.0", "true", "\"2\"", "[]"}) {
        INFO(wrong);
        CHECK(fault(std::string{R"({"gather":[],"limit":)"} + wrong + "}") == "/limit");
        CHECK(fault(std::string{R"({"map":"noop","over":[],"limit":)"} + wrong + "}") == "/limit");
        CHECK(fault(std::string{R"({"retry":{"value":1},"attempts":)"} + wrong + "}") == "/attempts");
    }
    CHECK(fault(R"({"retry":{"value":1}})").empty());
}

TEST_CASE("plan_decoder: times are numbers", "[plan]") {
    for (const char* const wrong : {"true", "\"2\"", "[]"}) {
        INFO(wrong);
        CHECK(fault(std::string{R"({"wait_for":{"value":1},"timeout":)"} + wrong + "}") == "/timeout");
        CHECK(fault(std::string{R"({"wait":[{"value":1}],"timeout":)"} + wrong + "}") == "/timeout");
        for (const char* const option : {"delay", "factor", "max_delay"}) {
            CHECK(fault(std::string{R"({"retry":{"value":1},"attempts":1,")"} + option + "\":" + wrong + "}") ==
                  std::string{"/"} + option);
        }
    }
    CHECK(fault(R"({"wait_for":{"value":1}})").empty());
    CHECK(fault(R"({"wait_for":{"value":1},"timeout":-1})") == "fine");
}

TEST_CASE("plan_decoder: lists of tasks are lists", "[plan]") {
    for (const std::string kind : {"gather", "task_group", "wait", "race", "sequence"}) {
        INFO(kind);
        CHECK(fault("{\"" + kind + "\":{}}") == "/" + kind);
        CHECK(fault("{\"" + kind + R"(":[{"value":1},2]})") == "/" + kind + "/1");
        CHECK(fault("{\"" + kind + "\":[]}") == "fine");
    }
}

TEST_CASE("plan_decoder: a ref names what is in force", "[plan]") {
    CHECK(fault(R"({"ref":"a"})") == "/ref");
    CHECK(fault(R"({"ref":1})") == "/ref");
    CHECK(fault(R"({"let":{"a":{"value":1},"b":{"ref":"a"}},"in":{"gather":[{"ref":"a"},{"ref":"b"}]}})") == "fine");
    CHECK(fault(R"({"let":{"a":{"ref":"a"}},"in":{"value":1}})") == "/let/a/ref");
    CHECK(fault(R"({"let":{"a":{"ref":"b"},"b":{"value":1}},"in":{"value":1}})") == "/let/a/ref");
    CHECK(fault(R"({"sequence":[{"let":{"a":{"value":1}},"in":{"ref":"a"}},{"ref":"a"}]})") == "/sequence/1/ref");
    CHECK(fault(R"({"let":{"a":{"value":1}},"in":{"call":"echo","args":[{"await":{"ref":"b"}}]}})") ==
          "/in/args/0/await/ref");
    CHECK(fault(R"({"let":{"x/y":{"value":1,"z":1}},"in":{"value":1}})") == "/let/x~1y/z");
    CHECK(fault(R"({"let":{}})").empty());
    CHECK(fault(R"({"let":[],"in":{"value":1}})") == "/let");
}

TEST_CASE("plan_decoder: the name of an error is in force in its except only", "[plan]") {
    CHECK(fault(R"({"try":{"value":1},"except":{"ref":"e"},"as":"e"})") == "fine");
    CHECK(fault(R"({"try":{"ref":"e"},"except":{"value":1},"as":"e"})") == "/try/ref");
    CHECK(fault(R"({"try":{"value":1},"except":{"ref":"e"},"as":"e","finally":{"ref":"e"}})") == "/finally/ref");
    CHECK(fault(R"({"try":{"value":1},"as":"e"})").empty());
    CHECK(fault(R"({"try":{"value":1},"types":["A"]})").empty());
    CHECK(fault(R"({"try":{"value":1},"except":{"value":1},"as":1})") == "/as");
    CHECK(fault(R"({"try":{"value":1},"except":{"value":1},"types":[]})") == "/types");
    CHECK(fault(R"({"try":{"value":1},"except":{"value":1},"types":["A",1]})") == "/types");
}

TEST_CASE("plan_decoder: only calls of functions that are not async go to a thread", "[plan]") {
    CHECK(fault(R"({"to_thread":{"call":"time.sleep","args":[0]}})") == "fine");
    CHECK(fault(R"({"to_thread":{"call":"sleep","args":[0]}})") == "/to_thread");
    CHECK(fault(R"({"to_thread":{"gather":[]}})") == "/to_thread");
    CHECK(fault(R"({"to_thread":{"call":"nope"}})") == "/to_thread/call");
}

TEST_CASE("plan_decoder: a plan has so many tasks at most", "[plan]") {
    CHECK(checked(R"({"gather":[{"value":1},{"value":2}]})", 3));
    const auto too_large = checked(R"({"gather":[{"value":1},{"value":2}]})", 2);
    REQUIRE_FALSE(too_large);
    CHECK(too_large.reason().code == errc::limit_exceeded);
    CHECK(*too_large.reason().data == value{{"limit", "limits.plan_tasks"}, {"max", 2}});
    CHECK_FALSE(checked(R"({"map":"noop","over":[[],[],[],[]]})", 3));
}

TEST_CASE("plan_decoder: it counts tasks, those in arguments too", "[plan]") {
    const auto made = checked(R"({"sequence":[{"call":"echo","args":[{"await":{"value":1}}]},{"value":2}]})");
    REQUIRE(made);
    CHECK((*made)->tasks() == 4);
}

TEST_CASE("plan_decoder: what prints many lines is not evaluated in one piece", "[plan]") {
    const auto prints = [](std::size_t count) {
        std::string list;
        for (std::size_t i = 0; i < count; ++i) {
            list += (i == 0 ? "" : ",") + std::string{R"({"call":"print"})"};
        }
        return R"({"sequence":[)" + list + "]}";
    };
    CHECK((*checked(prints(64)))->root().ends_at_once());
    CHECK_FALSE((*checked(prints(65)))->root().ends_at_once());
    CHECK_FALSE((*checked(R"({"gather":[)" + prints(32) + "," + prints(33) + "]}"))->root().ends_at_once());
    CHECK((*checked(R"({"map":"print","over":[[1],[2]]})"))->root().prints);
}

TEST_CASE("plan_decoder: what takes many steps is not evaluated in one piece", "[plan]") {
    const auto many = [](const std::string& task, std::size_t count) {
        std::string list = task;
        for (std::size_t i = 1; i < count; ++i) {
            list += "," + task;
        }
        return R"({"gather":[)" + list + "]}";
    };
    const auto is_one_piece = [&many](const std::string& task, std::size_t count) {
        const auto made = checked(many(task, count), 10'000);
        REQUIRE(made);
        CHECK((*made)->root().is_instant);
        return (*made)->root().ends_at_once();
    };
    const std::string noop = R"({"call":"noop"})";
    CHECK(is_one_piece(noop, 1024));
    CHECK_FALSE(is_one_piece(noop, 1025));
    CHECK_FALSE(is_one_piece(many(noop, 32), 33));  // nested ones too
    // Few bytes that make many values, and texts whose characters are many values.
    CHECK(is_one_piece(R"({"call":"range","args":[1000]})", 60));
    CHECK_FALSE(is_one_piece(R"({"call":"range","args":[1000]})", 65));
    const std::string sorted = R"({"call":"sorted","args":[")" + std::string(16'000, 'x') + R"("]})";
    CHECK(is_one_piece(sorted, 3));
    CHECK_FALSE(is_one_piece(sorted, 5));
    const auto direct = [&](std::size_t count) {
        const auto made = checked(R"({"map":)" + many(R"({"call":"len","args":[{"await":)" + sorted + "}]}", count) +
                                  R"(,"as":"x","over":[1]})");
        REQUIRE(made);
        return static_cast<const gatherd::api::plan::map_node&>((*made)->root()).body->is_direct;
    };
    CHECK(direct(3));
    CHECK_FALSE(direct(5));
}

TEST_CASE("plan_decoder: a call with large arguments is no worker's work", "[plan]") {
    const auto echo = [](std::size_t count) {
        std::string list = "0";
        for (std::size_t i = 1; i < count; ++i) {
            list += ",0";
        }
        return R"({"call":"echo","args":[[)" + list + "]]}";
    };
    CHECK((*checked(echo(4095)))->root().is_instant);
    CHECK_FALSE((*checked(echo(4096)))->root().is_instant);
    CHECK((*checked(R"({"call":"echo","args":[")" + std::string(1 << 14, 'x') + R"("]})"))->root().is_instant);
    CHECK_FALSE(
        (*checked(R"({"call":"echo","args":[")" + std::string((1 << 14) + 1, 'x') + R"("]})"))->root().is_instant);
}

TEST_CASE("plan_decoder: names and members are found whatever their hashes are", "[plan]") {
    // Each name is a row of pairs, one of two: as many names as would collide in a table without a secret.
    std::string tasks;
    std::string refs;
    for (unsigned i = 0; i < 512; ++i) {
        std::string name;
        for (unsigned bit = 0; bit < 9; ++bit) {
            name += (i >> bit & 1U) != 0 ? "Aa" : "BB";
        }
        tasks += (i == 0 ? "\"" : ",\"") + name + R"(":{"value":)" + std::to_string(i) + "}";
        refs += (i == 0 ? "" : ",") + (R"({"ref":")" + name + R"("})");
    }
    const auto made = checked(R"({"let":{)" + tasks + R"(},"in":{"gather":[)" + refs + "]}}", 2000);
    REQUIRE(made);
    CHECK((*made)->tasks() == 1026);
}
