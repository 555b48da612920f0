#include "cli/jobs/command_template.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace gatherd::cli::jobs {

namespace {

std::string without_extension(std::string_view path) {
    const auto dot = path.rfind('.');
    const auto slash = path.rfind('/');
    const bool has_one = dot != std::string_view::npos && (slash == std::string_view::npos || slash < dot);
    return std::string{path.substr(0, has_one ? dot : path.size())};
}

std::string without_folder(std::string_view path) {
    const auto slash = path.rfind('/');
    return std::string{slash == std::string_view::npos ? path : path.substr(slash + 1)};
}

/// As the command dirname.
std::string folder_of(std::string_view path) {
    const auto trim = [&path] {
        while (path.size() > 1 && path.ends_with('/')) {
            path.remove_suffix(1);
        }
    };
    trim();
    const auto slash = path.rfind('/');
    if (slash == std::string_view::npos) {
        return ".";
    }
    path = path.substr(0, slash == 0 ? 1 : slash);
    trim();
    return std::string{path};
}

std::string changed(const std::string& argument, std::string_view operation) {
    return operation.empty()   ? argument
           : operation == "."  ? without_extension(argument)
           : operation == "/"  ? without_folder(argument)
           : operation == "//" ? folder_of(argument)
                               : without_extension(without_folder(argument));
}

/// The argument at a position, which counts from 1, or from the end where it is negative.
const std::string* argument_at(const std::vector<std::string>& arguments, std::int64_t position) {
    const auto count = static_cast<std::int64_t>(arguments.size());
    const auto index = position > 0 ? position - 1 : count + position;
    return index >= 0 && index < count ? &arguments[static_cast<std::size_t>(index)] : nullptr;
}

}  // namespace

std::string shell_quoted(std::string_view text) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+/";
    if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos) {
        return std::string{text};
    }
    std::string quoted = "'";
    for (const char each : text) {
        each == '\'' ? quoted.append(R"('"'"')") : quoted.append(1, each);
    }
    return quoted + "'";
}

command_template::command_template(const std::vector<std::string>& words, std::string shell, bool repeats,
                                   std::string replacement)
    : shell_{std::move(shell)},
      repeats_{repeats},
      quotes_{!shell_.empty() && !words.empty()},
      replacement_{std::move(replacement)} {
    if (shell_.empty()) {
        for (const auto& each : words) {
            words_.push_back(parsed(each));
        }
    } else {
        std::string text;
        for (const auto& each : words) {
            text += (text.empty() ? "" : " ") + each;
        }
        for (std::size_t at = 0; at <= text.size();) {
            const auto space = std::min(text.find(' ', at), text.size());
            words_.push_back(parsed(std::string_view{text}.substr(at, space - at)));
            at = space + 1;
        }
    }
    const bool replaces = std::ranges::any_of(words_, [](const word& each) {
        return std::ranges::any_of(each, [](const piece& part) { return part.from != piece::source::text; });
    });
    if (!replaces) {
        words_.push_back(parsed(replacement_));
    }
    if (words.empty()) {
        words_ = {parsed(replacement_)};
    }
}

command_template::word command_template::parsed(std::string_view text) const {
    using source = piece::source;
    constexpr std::array<std::string_view, 4> operations{"//", "/.", "/", "."};
    const auto replacement = [&](std::string_view inner) -> std::optional<piece> {
        if (inner == "#" || inner == "%") {
            return piece{.from = inner == "#" ? source::number : source::slot};
        }
        piece found{.from = source::all};
        const auto [end, fault] = std::from_chars(inner.data(), inner.data() + inner.size(), found.position);
        if (fault == std::errc{}) {
            found.from = source::position;
            inner.remove_prefix(static_cast<std::size_t>(end - inner.data()));
        }
        found.text = inner;
        if (inner.empty() && found.from == source::all) {
            return std::nullopt;  // it is {}, which is the replacement or none
        }
        const bool is_known = inner.empty() || std::ranges::find(operations, inner) != operations.end();
        return is_known && (found.from == source::all || found.position != 0) ? std::optional{found} : std::nullopt;
    };
    word pieces;
    std::string plain;
    while (!text.empty()) {
        const bool is_whole = text.starts_with(replacement_);
        const auto close = text.starts_with('{') ? text.find('}') : std::string_view::npos;
        const auto found = is_whole                          ? std::optional{piece{.from = source::all}}
                           : close == std::string_view::npos ? std::nullopt
                                                             : replacement(text.substr(1, close - 1));
        if (found) {
            if (!plain.empty()) {
                pieces.push_back({.text = std::exchange(plain, {})});
            }
            pieces.push_back(*found);
            text.remove_prefix(is_whole ? replacement_.size() : close + 1);
        } else {
            plain += text.front();
            text.remove_prefix(1);
        }
    }
    if (!plain.empty() || pieces.empty()) {
        pieces.push_back({.text = plain});
    }
    return pieces;
}

std::string command_template::filled(const word& pieces, const job_values& values, const std::string* each) const {
    std::string text;
    const auto add = [&](const std::string& argument) { text += quotes_ ? shell_quoted(argument) : argument; };
    for (const auto& part : pieces) {
        switch (part.from) {
            case piece::source::text:
                text += part.text;
                break;
            case piece::source::all:
                if (each != nullptr) {
                    add(changed(*each, part.text));
                    break;
                }
                for (const auto& argument : values.arguments) {
                    text += &argument == values.arguments.data() ? "" : " ";
                    add(changed(argument, part.text));
                }
                break;
            case piece::source::position:
                if (const auto* const argument = argument_at(values.arguments, part.position); argument != nullptr) {
                    add(changed(*argument, part.text));
                }
                break;
            case piece::source::number:
                text += std::to_string(values.number);
                break;
            case piece::source::slot:
                text += std::to_string(values.slot);
                break;
        }
    }
    return text;
}

std::vector<std::string> command_template::expanded(const job_values& values) const {
    std::vector<std::string> words;
    for (const auto& each : words_) {
        const bool has_all =
            std::ranges::any_of(each, [](const piece& part) { return part.from == piece::source::all; });
        const bool is_one = each.size() == 1 && shell_.empty();
        if (has_all && (repeats_ || is_one) && !(values.arguments.empty() && !is_one)) {
            for (const auto& argument : values.arguments) {
                words.push_back(filled(each, values, &argument));
            }
            continue;
        }
        const bool is_absent = is_one && each.front().from == piece::source::position &&
                               argument_at(values.arguments, each.front().position) == nullptr;
        if (!is_absent) {
            words.push_back(filled(each, values, nullptr));
        }
    }
    return words;
}

std::vector<std::string> command_template::argv(const job_values& values) const {
    if (shell_.empty()) {
        return expanded(values);
    }
    return {shell_, "-c", line(values)};
}

std::string command_template::line(const job_values& values) const {
    std::string text;
    bool is_first = true;
    for (const auto& each : expanded(values)) {
        text += (is_first ? "" : " ") + (shell_.empty() ? shell_quoted(each) : each);
        is_first = false;
    }
    return text;
}

}  // namespace gatherd::cli::jobs
