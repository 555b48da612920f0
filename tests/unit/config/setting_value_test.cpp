#include "config/setting_value.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "config/setting_table.hpp"

using namespace gatherd::config;
using namespace std::chrono_literals;
using nlohmann::ordered_json;

namespace {

settings with(std::string_view name, const ordered_json& value) {
    settings values;
    const auto fault = assign_json(*find_setting(name), value, values);
    CAPTURE(name, value, fault.value_or("none"));
    REQUIRE_FALSE(fault);
    return values;
}

std::string json_fault(std::string_view name, const ordered_json& value) {
    settings values;
    const auto before = value_text(*find_setting(name), values);
    const auto fault = assign_json(*find_setting(name), value, values);
    CHECK(value_text(*find_setting(name), values) == before);
    return fault.value_or("no fault");
}

std::string text_fault(std::string_view name, std::string_view text) {
    settings values;
    return assign_text(*find_setting(name), text, values).value_or("no fault");
}

}  // namespace

TEST_CASE("setting_value: JSON gives each kind in the form that suits it", "[config]") {
    CHECK(with("threads", 4).threads == 4);
    CHECK(with("threads", "auto").threads == 0);
    CHECK(with("limits.message_bytes", 4096).limits.message_bytes == 4096);
    CHECK(with("limits.message_bytes", "64KiB").limits.message_bytes == 65'536);
    CHECK(with("drain.grace", 5).drain.grace == 5s);
    CHECK(with("drain.grace", 0.25).drain.grace == 250ms);
    CHECK(with("drain.grace", "2m").drain.grace == 2min);
    CHECK(with("limits.idle_time", "off").limits.idle_time == 0s);
    CHECK(with("log.level", "off").log.level == log_level::off);
    CHECK(with("port_file", "/run/gatherd.port").port_file == "/run/gatherd.port");
}

TEST_CASE("setting_value: addresses come as an array, or as one text with commas", "[config]") {
    const std::vector<address> both{{"127.0.0.1", 7117}, {"::1", 7117}};
    CHECK(with("listen", {"127.0.0.1:7117", "[::1]:7117"}).listen == both);
    CHECK(with("listen", "127.0.0.1:7117, [::1]:7117").listen == both);
    CHECK(with("listen", "localhost:0,localhost:0").listen.size() == 2);
    CHECK(json_fault("listen", ordered_json::array()) ==
          "[] is not host:port, as 127.0.0.1:7117 or [::1]:7117, unix:/path, systemd, one of them behind tls:, or a "
          "list of them");
    CHECK(
        json_fault("listen", {"a:1", 2}) ==
        R"(["a:1",2] is not host:port, as 127.0.0.1:7117 or [::1]:7117, unix:/path, systemd, one of them behind tls:, or a list of them)");
    CHECK(text_fault("listen", "a:1,,b:2").starts_with(R"("a:1,,b:2" is not host:port)"));
    CHECK(text_fault("listen", "a:1,a:1") == R"("a:1,a:1" names a:1 twice)");
}

TEST_CASE("setting_value: a value of the wrong type is told what the right one is", "[config]") {
    CHECK(json_fault("limits.depth", "512") == R"("512" is not a whole number (2 to 1000))");
    CHECK(json_fault("limits.depth", 5.5) == "5.5 is not a whole number (2 to 1000)");
    CHECK(json_fault("limits.depth", true) == "true is not a whole number (2 to 1000)");
    CHECK(json_fault("limits.depth", nullptr) == "null is not a whole number (2 to 1000)");
    CHECK(json_fault("limits.depth", ordered_json::object()) == "an object is not a whole number (2 to 1000)");
    CHECK(json_fault("threads", "many") == R"("many" is not a whole number (0 or auto, 1 to 1024))");
    CHECK(json_fault("limits.kept_bytes", "64 potatoes") ==
          R"("64 potatoes" is not a size as 512, "64KiB" or "1MB" (0 to 64GiB))");
    CHECK(json_fault("drain.grace", "soon") ==
          R"("soon" is not a time as "250ms", "1.5s", "2m", "1h" or a number of seconds (0s to 1d))");
    CHECK(json_fault("log.level", 3) == "3 is not one of trace, debug, info, warn, error, off");
    CHECK(json_fault("port_file", 3) == "3 is not text");
}

TEST_CASE("setting_value: a value out of range is told the range", "[config]") {
    CHECK(json_fault("limits.depth", 0) == "0 is out of range (2 to 1000)");
    CHECK(json_fault("limits.depth", 1'001) == "1001 is out of range (2 to 1000)");
    CHECK(json_fault("limits.depth", UINT64_MAX) == "18446744073709551615 is out of range (2 to 1000)");
    CHECK(text_fault("limits.depth", "18446744073709551616") ==
          R"("18446744073709551616" is out of range (2 to 1000))");
    CHECK(json_fault("limits.message_bytes", "3GiB") == R"("3GiB" is out of range (0 or auto, 1KiB to 2GiB))");
    CHECK(json_fault("limits.unread_time", 0) == "0 is out of range (1ms to 1d)");
    CHECK(json_fault("limits.idle_time", "8d") == R"("8d" is out of range (0 or off, 1ms to 7d))");
}

TEST_CASE("setting_value: the ends of a range belong to it", "[config]") {
    CHECK(with("limits.depth", 2).limits.depth == 2);
    CHECK(with("limits.depth", 1'000).limits.depth == 1'000);
    CHECK(with("limits.message_bytes", "2GiB").limits.message_bytes == std::uint64_t{2} << 30);
}

TEST_CASE("setting_value: a word for zero is shown and belongs to its setting only", "[config]") {
    CHECK(value_text(*find_setting("threads"), settings{}) == "auto");
    CHECK(value_text(*find_setting("limits.idle_time"), settings{}) == "off");
    CHECK(json_fault("limits.unread_time", "off").starts_with(R"("off" is not a time)"));
}

TEST_CASE("setting_value: bytes that are no UTF-8 can still be named in a message", "[config]") {
    CHECK(text_fault("limits.depth", "\xff") == "\"\xef\xbf\xbd\" is not a whole number (2 to 1000)");
}

TEST_CASE("setting_value: a list of texts is JSON's, or one text with commas", "[config]") {
    const setting& allow = *find_setting("process.allow");
    settings values;
    REQUIRE_FALSE(assign_text(allow, "echo, /usr/bin/env", values));
    CHECK(values.process.allow == std::vector<std::string>{"echo", "/usr/bin/env"});
    REQUIRE_FALSE(assign_json(allow, ordered_json::parse(R"(["a","b"])"), values));
    CHECK(values.process.allow == std::vector<std::string>{"a", "b"});
    REQUIRE_FALSE(assign_json(allow, "*", values));
    CHECK(values.process.allow == std::vector<std::string>{"*"});
    REQUIRE_FALSE(assign_text(allow, "", values));
    CHECK(values.process.allow.empty());
    CHECK(assign_text(allow, "a,,b", values));
    CHECK(assign_json(allow, ordered_json::parse("[1]"), values));
    CHECK(assign_json(allow, 1, values));
}

TEST_CASE("setting_value: folders have names and absolute paths", "[config]") {
    const setting& roots = *find_setting("file.roots");
    settings values;
    REQUIRE_FALSE(assign_json(roots, ordered_json::parse(R"({"data":"/srv/data","b":"/b"})"), values));
    CHECK(values.file.roots == std::map<std::string, std::string>{{"data", "/srv/data"}, {"b", "/b"}});
    REQUIRE_FALSE(assign_text(roots, "c=/d", values));
    CHECK(values.file.roots == std::map<std::string, std::string>{{"c", "/d"}});
    for (const char* const bad : {"data", "data=srv", "=/srv", "..=/srv", "a/b=/srv", "a=/b,a=/c"}) {
        CAPTURE(bad);
        CHECK(assign_text(roots, bad, values));
    }
    CHECK(assign_json(roots, ordered_json::parse(R"({"a":1})"), values));
}
