#include "cli/commands/help_commands.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cli/command_tree.hpp"
#include "cli/commands/completion.hpp"
#include "cli/commands/man_page.hpp"
#include "cli/failures.hpp"
#include "cli/parse_failure.hpp"
#include "cli/standard_output.hpp"
#include "cli/version.hpp"

namespace gatherd::cli {

namespace {

int complete(const std::string& shell, const CLI::App& root) {
    const auto tree = command_tree(root);
    return write_out(shell == "bash"  ? bash_completion(tree)
                     : shell == "zsh" ? zsh_completion(tree)
                                      : fish_completion(tree));
}

}  // namespace

void add_help_commands(CLI::App& root, command& chosen) {
    auto* const help = root.add_subcommand("help", "show what a command can do: `help submit`");
    help->add_option("COMMAND", "its name")->type_name("");

    root.add_subcommand("version", "print the version")->callback([&chosen] {
        chosen = [] { return write_out("gatherd " + std::string{version()} + "\n"); };
    });

    auto* const completion =
        root.add_subcommand("completion", "print a script that completes command lines in a shell");
    const auto shell = std::make_shared<std::string>();
    completion->add_option("SHELL", *shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}))
        ->type_name("bash|zsh|fish");
    completion->footer(R"(Examples:
  source <(gatherd completion bash)
  gatherd completion zsh > "${fpath[1]}/_gatherd"
  gatherd completion fish > ~/.config/fish/completions/gatherd.fish)");
    completion->callback([=, &root, &chosen] { chosen = [=, &root] { return complete(*shell, root); }; });

    auto* const man = root.add_subcommand("man", "print the man page");
    man->footer(R"(Example:
  gatherd man | man -l -)");
    man->callback(
        [&] { chosen = [&root] { return write_out(man_page(command_tree(root), std::string{version()})); }; });
}

namespace {

constexpr std::size_t help_columns = 80;

/// Where the description begins that stands in the second column of a line; of a line that has one column where that
/// begins.
std::size_t description_column(std::string_view line) {
    const auto begin = std::min(line.find_first_not_of(' '), line.size());
    const auto gap = begin == 0 ? std::string_view::npos : line.find("  ", begin);
    const auto second = gap == std::string_view::npos ? gap : line.find_first_not_of(' ', gap);
    return second == std::string_view::npos || second > help_columns / 2 ? begin : second;
}

std::string_view take_line(std::string_view& text) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

bool is_example_head(std::string_view line) {
    return line.starts_with("Example:") || line.starts_with("Examples:");
}

/// Whether a line of a paragraph comes next.
bool is_prose(std::string_view text) {
    return !text.empty() && text.front() != '\n' && text.front() != ' ' && !is_example_head(text);
}

void append_fitted(std::string& fitted, std::string_view line) {
    const std::size_t indent = description_column(line);
    std::string before;          // of all lines but the first one the indent
    std::size_t least = indent;  // the first one is not cut before its description
    while (before.size() + line.size() > help_columns) {
        const std::size_t room = help_columns - before.size();
        auto space = line.rfind(' ', room);
        if (space == std::string_view::npos || space <= least) {
            space = line.find(' ', room);  // a word that is longer stays whole
        }
        if (space == std::string_view::npos) {
            break;
        }
        fitted.append(before).append(line.substr(0, space)).append("\n");
        line.remove_prefix(space + 1);
        before.assign(indent, ' ');
        least = 0;
    }
    fitted.append(before).append(line).append("\n");
}

}  // namespace

std::string fitted_help(std::string_view text) {
    std::string fitted;
    bool is_example = false;
    while (!text.empty()) {
        std::string line{take_line(text)};
        is_example = is_example_head(line) || (is_example && !line.empty());
        if (is_example) {
            fitted.append(line).append("\n");
            continue;
        }
        // A paragraph that has to be cut is filled anew to its end.
        while (line.size() > help_columns && !line.starts_with(' ') && is_prose(text)) {
            line.append(" ").append(take_line(text));
        }
        append_fitted(fitted, line);
    }
    return fitted;
}

void rewrite_help(std::vector<std::string>& words, const CLI::App& root) {
    if (words.empty() || words.front() != "help") {
        return;
    }
    words.erase(words.begin());
    const CLI::App* at = &root;
    for (const auto& each : words) {
        if (each.starts_with('-')) {
            break;
        }
        const auto found = at->get_subcommands([&each](const CLI::App* child) { return child->get_name() == each; });
        if (found.empty()) {
            throw usage_error{unknown_word(*at, each)};
        }
        at = found.front();
    }
    words.emplace_back("--help");
}

}  // namespace gatherd::cli
