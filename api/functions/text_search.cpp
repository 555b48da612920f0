/// \file
/// Regular expressions of RE2, whose time is bounded by the sizes of pattern and text.
#include "api/functions/families.hpp"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>
#include <re2/re2.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/functions/abandoned.hpp"
#include "api/functions/argument.hpp"
#include "api/plan/model/function.hpp"
#include "api/shortened.hpp"

namespace gatherd::api::functions {

namespace {

using plan::arguments;
using plan::raised;

constexpr char search_name[] = "text.search";
constexpr std::size_t most_groups = 100;
constexpr std::size_t most_result_bytes = std::size_t{256} << 20;
/// RE2 bounds what it compiles, not what it parses: of a pattern of so many bytes it makes 46 MiB in a third of a
/// second, of one of 100 KB a gigabyte in half a minute, and it cannot be stopped.
constexpr std::size_t most_pattern_bytes = 4096;
constexpr std::int64_t pattern_memory = std::int64_t{2} << 20;
/// A search takes at worst time for each pair of a byte of the text and an instruction of the compiled pattern, and
/// cannot be stopped: so many take some ten seconds.
constexpr std::size_t most_steps = std::size_t{1} << 31;

RE2::Options search_options() {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(pattern_memory);
    return options;
}

std::size_t code_points(re2::StringPiece text) noexcept {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

/// Searches texts for a pattern. Threads: any number at a time.
class searcher {
public:
    explicit searcher(const std::string& pattern) : compiled_{pattern, search_options()} {
        const auto refuse = [&pattern](const std::string& reason) {
            throw raised{"ValueError", std::string{search_name} + "(): pattern '" + shortened(pattern) +
                                           "' cannot be used: " + reason};
        };
        if (!compiled_.ok()) {
            refuse(shortened(compiled_.error()));
        }
        groups_ = static_cast<std::size_t>(compiled_.NumberOfCapturingGroups());
        if (groups_ > most_groups) {
            refuse("it has " + std::to_string(groups_) + " groups, more than " + std::to_string(most_groups));
        }
        instructions_ = static_cast<std::size_t>(compiled_.ProgramSize());
    }

    /// How long a text may be.
    [[nodiscard]] std::size_t most_bytes() const noexcept { return most_steps / instructions_; }

    /// The first match in a text, or null.
    [[nodiscard]] value first_match(const std::string& text, std::size_t index) {
        const re2::StringPiece all{text};
        std::vector<re2::StringPiece> found(groups_ + 1);
        if (!compiled_.Match(all, 0, all.size(), RE2::UNANCHORED, found.data(), static_cast<int>(found.size()))) {
            return nullptr;
        }
        std::size_t bytes = 0;
        for (const re2::StringPiece& each : found) {
            bytes += sizeof(value) + each.size();
        }
        if (result_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes > most_result_bytes) {
            throw raised{"OverflowError", std::string{search_name} + ": the matches have more than " +
                                              std::to_string(most_result_bytes) + " bytes"};
        }
        const std::size_t start = code_points(all.substr(0, static_cast<std::size_t>(found[0].data() - all.data())));
        value groups = value::array();
        for (std::size_t i = 1; i < found.size(); ++i) {
            groups.push_back(found[i].data() == nullptr ? value(nullptr) : value(std::string{found[i]}));
        }
        return {{"index", index},
                {"start", start},
                {"end", start + code_points(found[0])},
                {"match", std::string{found[0]}},
                {"groups", std::move(groups)}};
    }

private:
    RE2 compiled_;
    std::size_t groups_ = 0;
    std::size_t instructions_ = 1;
    std::atomic<std::size_t> result_bytes_{0};
};

value search(plan::call_context&, arguments given) {
    const argument texts{search_name, "texts", given[0]};
    if (!texts.given.is_array()) {
        texts.refuse_type("a list of texts");
    }
    const std::string& wanted = argument{search_name, "pattern", given[1]}.text();
    if (wanted.size() > most_pattern_bytes) {
        throw raised{"ValueError", std::string{search_name} + "(): pattern has " + std::to_string(wanted.size()) +
                                       " bytes, more than " + std::to_string(most_pattern_bytes)};
    }
    searcher pattern{wanted};
    for (std::size_t i = 0; i < texts.given.size(); ++i) {
        const std::string item = "item " + std::to_string(i) + " of texts";
        const std::size_t bytes = argument{search_name, item, texts.given[i]}.text().size();
        if (bytes > pattern.most_bytes()) {
            throw raised{"ValueError", std::string{search_name} + "(): " + item + " has " + std::to_string(bytes) +
                                           " bytes; this pattern is searched for in at most " +
                                           std::to_string(pattern.most_bytes())};
        }
    }
    value::array_t found(texts.given.size());
    const auto search_part = [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i != end; ++i) {
            throw_if_abandoned();
            found[i] = pattern.first_match(texts.given[i].get_ref<const std::string&>(), i);
        }
    };
    if (found.size() <= 1) {
        search_part(0, found.size());
    } else {
        using range = oneapi::tbb::blocked_range<std::size_t>;
        oneapi::tbb::parallel_for(range{0, found.size()},
                                  [&](const range& part) { search_part(part.begin(), part.end()); });
        throw_if_abandoned();
    }
    std::erase_if(found, [](const value& each) { return each.is_null(); });
    return value(value::array_t(std::make_move_iterator(found.begin()), std::make_move_iterator(found.end())));
}

}  // namespace

void add_text_search(plan::registry& functions) {
    functions.add(
        {.name = search_name,
         .summary = "The first match of a regular expression in each text that has one, with its place in code points.",
         .parameters = {{.name = "texts", .type = "list of texts", .help = "where to search"},
                        {.name = "pattern",
                         .type = "text",
                         .help = "a regular expression in the syntax of RE2, of at most 4096 bytes"}},
         .pool = plan::thread_pool::compute,
         .body = search,  // never brief: to compile a pattern may take milliseconds
         .errors = {"TypeError", "ValueError", "OverflowError"},
         .example = {
             R"json({"call": "text.search", "args": [["id=7", "none", "är id=12"], "id=([0-9]+)"]})json",
             R"([{"index": 0, "start": 0, "end": 4, "match": "id=7", "groups": ["7"]}, {"index": 2, "start": 3, "end": 8, "match": "id=12", "groups": ["12"]}])"}});
}

}  // namespace gatherd::api::functions
