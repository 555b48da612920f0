#include "cli/top/screen.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <clocale>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/top/waterfall.hpp"

using namespace gatherd::cli::top;
using gatherd::api::value;

namespace {

std::string text_of(const line& shown) {
    std::string text;
    for (const span& each : shown) {
        text += each.text;
    }
    return text;
}

std::string text_of(const page& shown) {
    std::string text;
    for (const line& each : shown.lines) {
        text += text_of(each) + "\n";
    }
    return text;
}

bool has(const page& shown, const std::string& text) {
    return text_of(shown).find(text) != std::string::npos;
}

snapshot busy() {
    snapshot made;
    made.at = 1;
    made.wall = 1000;
    made.info = {{"version", "0.1.0"}};
    made.stats = {{"uptime", 10.0}, {"requests", 1230}, {"draining", false}, {"threads", {{{"run", 50}}}}};
    made.tasks = value::array();
    for (int i = 0; i < 100; ++i) {
        made.tasks.push_back({{"id", "id" + std::to_string(i)},
                              {"name", "night \u001b[2J 日本 " + std::to_string(i)},
                              {"state", "running"},
                              {"created", 900.0 + i}});
    }
    made.workers = value::array();
    return made;
}

const value status = {
    {"id", "id1"},
    {"name", "nightly"},
    {"state", "failed"},
    {"started", 100.0},
    {"finished", 110.0},
    {"nodes_not_recorded", 3},
    {"nodes",
     {{{"id", 1},
       {"parent", nullptr},
       {"path", "/task"},
       {"kind", "gather"},
       {"state", "failed"},
       {"queued_at", 0.0},
       {"started_at", 0.0},
       {"ended_at", 10.0}},
      {{"id", 2},
       {"parent", 1},
       {"path", "/task/gather/0"},
       {"kind", "call"},
       {"function", "sleep"},
       {"arguments_bytes", 2048},
       {"state", "finished"},
       {"queued_at", 0.0},
       {"started_at", 0.0},
       {"ended_at", 5.0}},
      {{"id", 3},
       {"parent", 1},
       {"path", "/task/gather/1"},
       {"kind", "call"},
       {"function", "fail"},
       {"state", "failed"},
       {"queued_at", 0.0},
       {"started_at", 5.0},
       {"ended_at", 9.9},
       {"error", {{"type", "ValueError"}, {"message", "boom"}}}},
      {{"id", 4}, {"parent", 2}, {"path", "/task/gather/0/args/0/await"}, {"kind", "value"}, {"state", "finished"}}}}};

}  // namespace

TEST_CASE("screen: in a low window the list comes before the sums", "[cli]") {
    view seen;
    const auto now = busy();
    const auto low = draw(seen, {.server = "here", .now = &now}, 5, 80);
    CHECK(has(low, "id0"));
    CHECK_FALSE(has(low, "Requests"));
    const auto higher = draw(seen, {.server = "here", .now = &now}, 8, 80);
    CHECK(has(higher, "id2"));
    CHECK(has(higher, "Requests"));
    CHECK_FALSE(has(higher, "Connections"));
    CHECK(has(draw(seen, {.server = "here", .now = &now}, 11, 80), "Threads"));
}

TEST_CASE("screen: it says where there are more tasks than it lists", "[cli]") {
    view seen;
    auto now = busy();
    CHECK_FALSE(has(draw(seen, {.server = "here", .now = &now}, 24, 80), "only"));
    now.has_all_tasks = false;
    CHECK(has(draw(seen, {.server = "here", .now = &now}, 24, 80), "  only the first 100 "));
    CHECK(plain_text({.server = "here", .now = &now}).find("of the tasks only the first 100\n") != std::string::npos);
    const extent shown;
    static_cast<void>(seen.press({key::text, "/"}, shown));
    static_cast<void>(seen.press({key::text, "night"}, shown));
    CHECK(has(draw(seen, {.server = "here", .now = &now}, 24, 80), "  of the first 100: night"));
    static_cast<void>(seen.press({key::escape}, shown));
    static_cast<void>(seen.press({key::text, "5"}, shown));
    CHECK_FALSE(has(draw(seen, {.server = "here", .now = &now}, 24, 80), "only"));
}

TEST_CASE("screen: it has the size that was asked for, whatever that is", "[cli]") {
    REQUIRE(std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr);
    const auto now = busy();
    for (const std::size_t rows : {0U, 1U, 3U, 10U, 24U, 60U}) {
        for (const std::size_t columns : {1U, 20U, 80U, 200U}) {
            view seen;
            const auto shown = draw(seen, {.server = "here", .now = &now}, rows, columns);
            CHECK(shown.lines.size() == rows);
            CHECK(std::ranges::all_of(shown.lines,
                                      [columns](const line& each) { return columns_of(text_of(each)) <= columns; }));
        }
    }
}

TEST_CASE("screen: sums, rows, and nothing of a name that commands the terminal", "[cli]") {
    REQUIRE(std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr);
    const auto now = busy();
    view seen;
    const auto shown = draw(seen, {.server = "here", .now = &now}, 24, 80);
    CHECK(has(shown, "gatherd 0.1.0 at here"));
    CHECK(has(shown, "Requests 123/s"));
    CHECK(has(shown, "night \\x1b[2J"));
    CHECK_FALSE(has(shown, "\x1b"));
    CHECK(shown.shown.rows == 100);
    CHECK(shown.shown.selected == "id0");  // the oldest
}

TEST_CASE("screen: the selection stays with its task as others come and go", "[cli]") {
    auto now = busy();
    view seen;
    static_cast<void>(draw(seen, {.now = &now}, 24, 80));
    const extent list{.rows = 100, .page = 10};
    seen.press({key::down}, list);
    CHECK(draw(seen, {.now = &now}, 24, 80).shown.selected == "id1");
    now.tasks.erase(now.tasks.begin());
    CHECK(draw(seen, {.now = &now}, 24, 80).shown.selected == "id1");
    now.tasks.erase(now.tasks.begin());
    CHECK(draw(seen, {.now = &now}, 24, 80).shown.selected == "id2");
}

TEST_CASE("screen: a lost daemon is told, and what was known last stays", "[cli]") {
    const auto now = busy();
    view seen;
    const auto shown = draw(seen, {.server = "here", .now = &now, .fault = "refused"}, 24, 80);
    CHECK(has(shown, "NO CONNECTION, trying again: refused"));
    CHECK(has(shown, "night"));
    CHECK(has(draw(seen, {.server = "here"}, 24, 80), "connecting"));
}

TEST_CASE("screen: a daemon that is silent is told after a while, and the reason of a fault is not cut", "[cli]") {
    const auto now = busy();
    view seen;
    CHECK_FALSE(has(draw(seen, {.server = "here", .now = &now, .silence = 1.0}, 24, 80), "NO ANSWER"));
    CHECK(has(draw(seen, {.server = "here", .now = &now, .silence = 2.9}, 24, 80), "NO ANSWER for 2s"));
    CHECK(has(draw(seen, {.server = "here", .silence = 2.0}, 24, 80), "NO ANSWER for 2s"));
    const std::string reason =
        "the daemon at 127.0.0.1:7117 does not accept the token of --token-file /etc/gatherd/tokens/operations, says "
        "the END";
    const auto shown = draw(seen, {.server = "here", .now = &now, .fault = reason}, 24, 80);
    CHECK(has(shown, "END"));
    CHECK(shown.lines.size() == 24);
    CHECK(draw(seen, {.server = "here", .now = &now, .fault = std::string(1000, 'x') + " " + reason}, 3, 10)
              .lines.size() == 3);
}

TEST_CASE("screen: what is not known is no zero", "[cli]") {
    auto now = busy();
    now.stats = nullptr;
    now.refusal = "not let in: the token has no right to admin";
    view seen;
    const auto shown = draw(seen, {.server = "here", .now = &now}, 24, 80);
    for (const char* const text :
         {"Requests -/s", "In -/s", "In flight -", "Memory -", "Threads -", "run -/s", "no right to admin"}) {
        CHECK(has(shown, text));
    }
    CHECK_FALSE(has(shown, "up "));
    CHECK(plain_text({.server = "here", .now = &now}).find("no right to admin") != std::string::npos);
}

TEST_CASE("screen: requests that run are listed, and a notification cannot be named", "[cli]") {
    auto now = busy();
    now.tasks = gatherd::api::value::parse(R"([{"id": "12:7", "request": 7, "client": "192.0.2.1", "state": "running"},
        {"id": null, "request": null, "client": "192.0.2.1", "state": "waiting"}])");
    view seen;
    const auto shown = draw(seen, {.now = &now}, 24, 80);
    CHECK(has(shown, "request 7 of 192.0.2.1"));
    CHECK(has(shown, "notification of 192.0.2.1"));
    CHECK(shown.shown.selected.empty());
    seen.press({key::text, "k"}, shown.shown);
    CHECK(has(draw(seen, {.now = &now}, 24, 80), "a notification has no id"));
    seen.press({key::down}, shown.shown);
    const auto second = draw(seen, {.now = &now}, 24, 80);
    CHECK(second.shown.selected == "12:7");
    seen.press({key::text, "k"}, second.shown);
    CHECK(has(draw(seen, {.now = &now}, 24, 80), "Cancel request 7 of 192.0.2.1? y or n"));
}

TEST_CASE("screen: a task's nodes stand below their parents, with their times", "[cli]") {
    const auto now = busy();
    view seen;
    const extent list{.rows = 1, .page = 1, .selected = "id1", .selected_name = "nightly"};
    seen.press({key::enter}, list);
    const situation known{.now = &now, .status = status};
    const auto shown = draw(seen, known, 24, 80);
    const auto text = text_of(shown);
    CHECK(text.find("gather") < text.find("call sleep"));
    CHECK(text.find("call sleep") < text.find("value"));
    CHECK(text.find("value") < text.find("call fail"));
    CHECK(has(shown, "2.00 KiB"));
    CHECK(has(shown, "not recorded 3"));
    const extent nodes{.rows = 4, .page = 10};
    seen.press({key::end}, nodes);
    CHECK(has(draw(seen, known, 24, 80), "/task/gather/1   ValueError: boom"));
}

TEST_CASE("screen: of a daemon that records no nodes the task as a whole is shown", "[cli]") {
    view seen;
    seen.press({key::enter}, {.rows = 1, .page = 1, .selected = "id1", .selected_name = "nightly"});
    const value whole = {{"id", "id1"}, {"state", "running"}, {"started", 999.0}};
    CHECK(has(draw(seen, {.status = whole}, 24, 80), "not of its nodes"));
    CHECK(has(draw(seen, {.status_refusal = "no such task"}, 24, 80), "no such task"));
}

TEST_CASE("waterfall: bars say waiting, running and how it ended", "[cli]") {
    const auto shown = make_waterfall(status, 0);
    REQUIRE(shown.nodes.size() == 4);
    CHECK(shown.seconds == Approx(10));
    CHECK(bar(shown.nodes[1], shown.seconds, 10) == "======    ");
    CHECK(bar(shown.nodes[3], shown.seconds, 10) == ".....====!");
    CHECK(bar({.label = "x"}, 10, 4) == "    ");
    CHECK(bar({.queued = 5.0}, 10, 4) == "  ..");
    CHECK(bar({.queued = 5.0}, 0, 4) == "    ");
}

TEST_CASE("waterfall: a circle of parents ends", "[cli]") {
    const value odd = {
        {"nodes", {{{"id", 1}, {"parent", 2}}, {{"id", 2}, {"parent", 1}}, {{"id", 3}, {"parent", 3}}, 7}}};
    CHECK(make_waterfall(odd, 0).nodes.size() <= 4);
}

TEST_CASE("screen: as plain text columns are as wide as what is in them", "[cli]") {
    REQUIRE(std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr);
    const auto now = busy();
    const auto text = plain_text({.server = "here", .now = &now});
    CHECK(text.find("gatherd 0.1.0 at here\n") == 0);
    CHECK(text.find("night \\x1b[2J 日本 99") != std::string::npos);
    CHECK(text.find(" \n") == std::string::npos);
}
