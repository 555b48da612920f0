#include "cli/command_words.hpp"

#include <algorithm>
#include <array>

namespace gatherd::cli {

namespace {

// Begins no JSON and no sensible text.
constexpr char shield = '\x01';

// Of these, words that are JSON or anyone's text are arguments.
constexpr std::array<std::string_view, 6> takes_json{"call", "create", "map", "request", "run", "submit"};

}  // namespace

void shield_words(std::vector<std::string>& words) {
    if (words.empty() || std::ranges::find(takes_json, words.front()) == takes_json.end()) {
        return;
    }
    const auto mark = std::ranges::find(words, "--");
    for (auto each = words.begin(); each != words.end(); ++each) {
        if (each > mark || (each->starts_with('[') && each->ends_with(']')) || each->starts_with(shield)) {
            each->insert(0, 1, shield);
        }
    }
    if (mark != words.end()) {
        words.erase(mark);
    }
}

void shield_word(std::string& word) {
    word.insert(0, 1, shield);
}

std::string unshielded(std::string_view word) {
    return std::string{word.substr(word.starts_with(shield) ? 1 : 0)};
}

void move_global_options(std::vector<std::string>& words, const std::vector<global_option>& options) {
    std::size_t count = 0;
    while (count < words.size()) {
        const auto equals = words[count].find('=');
        const auto found = std::ranges::find(options, words[count].substr(0, equals), &global_option::name);
        if (found == options.end()) {
            break;
        }
        count += found->has_value && equals == std::string::npos ? 2 : 1;
    }
    if (count < words.size() && !words[count].starts_with('-')) {
        std::ranges::rotate(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(count),
                            words.begin() + static_cast<std::ptrdiff_t>(count) + 1);
    }
}

}  // namespace gatherd::cli
