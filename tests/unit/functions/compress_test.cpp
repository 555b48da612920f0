#include "api/functions/families.hpp"

#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "api/functions/argument.hpp"
#include "tests/unit/functions/recording_context.hpp"

using gatherd::api::value;
using gatherd::api::functions::from_base64;
using gatherd::api::functions::to_base64;
using gatherd::api::functions::tests::recording_context;

namespace {

/// Text that is neither all the same nor all different.
std::string sample_text(std::size_t bytes) {
    std::string text;
    for (std::size_t line = 0; text.size() < bytes; line = line * 31 + 7) {
        text += "line " + std::to_string(line) + "\n";
    }
    text.resize(bytes);
    return text;
}

std::string zipped(const std::string& text, int level = 6) {
    return recording_context{}.call("compress.gzip", {text, level}).get<std::string>();
}

std::string refusal_of(const std::string& bytes) {
    return recording_context{}.raises("compress.gunzip", {to_base64(bytes)});
}

}  // namespace

TEST_CASE("compress: gunzip gives what gzip took, at each level and size of block", "[functions]") {
    recording_context program;
    constexpr std::size_t block = 128 * 1024;
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, block - 1, block, block + 1, 5 * block + 17}) {
        const std::string text = sample_text(size);
        for (const int level : {0, 1, 6, 9}) {
            CAPTURE(size, level);
            CHECK(program.call("compress.gunzip", {zipped(text, level)}) == text);
        }
    }
    CHECK(zipped(sample_text(block * 2), 9).size() < zipped(sample_text(block * 2), 1).size());
}

TEST_CASE("compress: bytes are base64", "[functions]") {
    recording_context program;
    const std::string bytes = to_base64(std::string{"\xff\0\x80", 3});
    const value packed = program.call("compress.gzip", {bytes, 6, true});
    CHECK(program.call("compress.gunzip", {packed, true}) == bytes);
    CHECK(program.call("compress.gunzip", {zipped("grüße")}) == "grüße");
    const value invalid = program.call("compress.gzip", {to_base64("a\xff"), 6, true});
    CHECK(program.call("compress.gunzip", {invalid}) == "a\xEF\xBF\xBD");
}

TEST_CASE("compress: a file may have several members and zeros after them", "[functions]") {
    const auto bytes = [](const std::string& text) { return *from_base64(zipped(text)); };
    CHECK(recording_context{}.call("compress.gunzip", {to_base64(bytes("one ") + bytes("") + bytes("two") +
                                                                 std::string(9, '\0'))}) == "one two");
}

TEST_CASE("compress: what is no gzip says why", "[functions]") {
    const std::string whole = *from_base64(zipped(sample_text(1000)));
    const std::string early = "ValueError: compress.gunzip(): data is no gzip: it ends too early";
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{9}, whole.size() / 2, whole.size() - 1}) {
        CAPTURE(size);
        CHECK(refusal_of(whole.substr(0, size)) == early);
    }
    CHECK(refusal_of("hello, world") == "ValueError: compress.gunzip(): data is no gzip: incorrect header check");
    CHECK(refusal_of(whole + "x") == early);
    CHECK(refusal_of(whole + "rest of it") == "ValueError: compress.gunzip(): data is no gzip: incorrect header check");
    std::string damaged = whole;
    damaged[whole.size() - 6] = static_cast<char>(~damaged[whole.size() - 6]);
    CHECK(refusal_of(damaged) == "ValueError: compress.gunzip(): data is no gzip: incorrect data check");
    CHECK(recording_context{}.raises("compress.gunzip", {"?"}) ==
          "ValueError: compress.gunzip(): data must be base64, not the text '?'");
}

TEST_CASE("compress: the size of the output is bounded", "[functions]") {
    recording_context program;
    const std::string bomb = zipped(std::string(40'000'000, 'a'));
    CHECK(bomb.size() < 100'000);
    CHECK(program.raises("compress.gunzip", {bomb}) ==
          "OverflowError: compress.gunzip: data gives more than max_output, 16777216 bytes");
    CHECK(program.call("compress.gunzip", {bomb, false, 40'000'000}).get<std::string>().size() == 40'000'000);
    CHECK(program.raises("compress.gunzip", {bomb, false, 39'999'999}).starts_with("OverflowError"));
    CHECK(program.call("compress.gunzip", {zipped(""), false, 0}) == "");
    CHECK(program.raises("compress.gunzip", {zipped("a"), false, 0}).starts_with("OverflowError"));
    CHECK(program.raises("compress.gunzip", {bomb, false, std::uint64_t{1} << 40U})
              .starts_with("ValueError: compress.gunzip(): max_output"));
}

TEST_CASE("compress: a level is a whole number from 0 to 9", "[functions]") {
    recording_context program;
    for (const value& wrong : {value(-1), value(10), value(1.5), value("6"), value(nullptr)}) {
        CHECK(program.raises("compress.gzip", {"a", wrong}).find("level must be a whole number from 0 to 9") !=
              std::string::npos);
    }
}
