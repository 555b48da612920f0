// A plug-in: gatherd serve --plugin ./libwords.so, then
//
//   gatherd call words.count 'to be or not to be'
#include <chrono>
#include <map>
#include <optional>
#include <sstream>
#include <string>

#include "gatherd/api/plugin.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/task.hpp"

namespace {

/// How often each word is there. It takes CPU time, so it runs on a thread for that.
std::map<std::string, int> count(const std::string& text, std::optional<int> at_least) {
    std::map<std::string, int> counts;
    std::istringstream words{text};
    for (std::string word; words >> word;) {
        ++counts[word];
    }
    std::erase_if(counts, [&](const auto& each) { return each.second < at_least.value_or(1); });
    return counts;
}

/// A coroutine: it waits without holding a thread, and a cancellation ends the wait.
gatherd::executor::task<std::string> later(std::string text, double seconds) {
    co_await gatherd::executor::sleep(std::chrono::milliseconds{static_cast<long>(seconds * 1000)});
    co_return text;
}

void add_functions(gatherd::api::registry& functions) {
    functions.add("words.count", count,
                  {.parameters = {{"text"}, {.name = "at_least", .help = "leave out rarer words"}},
                   .summary = "Counts the words of a text."});
    functions.add("words.later", later,
                  {.parameters = {{"text"}, {"seconds", 0.1}}, .summary = "Gives a text back, later."});
}

}  // namespace

const gatherd::api::plugin* gatherd_plugin() {
    static constexpr auto described = gatherd::api::plugin_of(add_functions);
    return &described;
}
