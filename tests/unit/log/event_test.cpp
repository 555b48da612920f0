#include "api/log/event.hpp"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "api/log/line_formatter.hpp"

namespace event_log = gatherd::api::log;
using event_log::line_format;
using nlohmann::json;

namespace {

/// The default logger while it lives.
class captured_log {
public:
    explicit captured_log(line_format format) {
        auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(text_);
        auto logger = std::make_shared<spdlog::logger>("test", std::move(sink));
        logger->set_formatter(std::make_unique<event_log::line_formatter>(format));
        spdlog::set_default_logger(std::move(logger));
    }
    ~captured_log() { spdlog::set_default_logger(before_); }
    captured_log(const captured_log&) = delete;
    captured_log& operator=(const captured_log&) = delete;

    [[nodiscard]] std::string text() const { return text_.str(); }

private:
    std::ostringstream text_;
    std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

}  // namespace

TEST_CASE("event: as JSON it is one object, with its fields in their order", "[log]") {
    const captured_log captured{line_format::json};
    event_log::warn("it is slow", {{"method", "run"},
                                   {"id", event_log::json_text{"\"x\""}},
                                   {"seconds", 0.25},
                                   {"code", -32000},
                                   {"bytes", std::numeric_limits<std::uint64_t>::max()},
                                   {"absent", ""}});
    const auto line = captured.text();
    CHECK(
        line.find(
            R"("level":"warn","message":"it is slow","method":"run","id":"x","seconds":0.25,"code":-32000,"bytes":18446744073709551615})"
            "\n") != std::string::npos);
    CHECK(json::parse(line).at("time").get<std::string>().size() ==
          std::string{"2026-11-29T13:05:12.345+00:00"}.size());
}

TEST_CASE("event: as text it is a message with words, or JSON where a word will not do", "[log]") {
    const captured_log captured{line_format::text};
    event_log::info("listening", {{"address", "[::1]:7"}, {"note", "two words"}, {"quoted", "a\"b"}, {"number", 7}});
    const auto line = captured.text();
    CHECK(line.substr(line.find(' ')) ==
          " info listening address=[::1]:7 note=\"two words\" quoted=\"a\\\"b\" number=7\n");
}

TEST_CASE("event: for the journal the level goes before, and there is no time", "[log]") {
    const captured_log captured{line_format::journal};
    event_log::error("lost", {{"pid", 7}});
    CHECK(captured.text() == "<3>lost pid=7\n");
}

TEST_CASE("event: whatever stands in a text, the line is one line of valid JSON of bounded size", "[log]") {
    const std::string hostile =
        GENERATE(std::string{"\x00\x01\x1b[2J\n\r\"\\", 9}, std::string{"\xff\xc3(\xe2\x82\xed\xa0\x80"},
                 std::string(10U << 20U, '\n'), std::string{"\xf0\x9f\x98\x80"});
    const captured_log captured{line_format::json};
    event_log::info(hostile, {{"name", hostile}});
    const auto line = captured.text();
    CHECK(line.find('\n') == line.size() - 1);
    CHECK(line.size() < 16384);
    CHECK(json::accept(line));
}

TEST_CASE("event: what was logged past it is a message of JSON, too", "[log]") {
    const captured_log captured{line_format::json};
    spdlog::info("a \"quote\"");
    CHECK(json::parse(captured.text()).at("message") == "a \"quote\"");
}

TEST_CASE("event: a level that is not logged costs no line", "[log]") {
    const captured_log captured{line_format::text};
    event_log::debug("not this");
    CHECK(captured.text().empty());
}
