#include "cli/commands/help_commands.hpp"

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command_tree.hpp"
#include "cli/commands/completion.hpp"
#include "cli/failures.hpp"
#include "cli/commands/man_page.hpp"
#include "cli/parse_failure.hpp"
#include "cli/standard_output.hpp"
#include "cli/version.hpp"

namespace gatherd::cli {

namespace {

int complete(const std::string& shell, const CLI::App& root) {
    const auto tree = command_tree(root);
    return write_out(shell == "bash" ? bash_completion(tree) : shell == "zsh" ? zsh_completion(tree) : fish_completion(tree));
}

}  // namespace

void add_help_commands(CLI::App& root, command& chosen) {
    auto* const help = root.add_subcommand("help", "show what a command can do: `help submit`");
    help->add_option("COMMAND", "its name")->type_name("");

    root.add_subcommand("version", "print the version")->callback([&chosen] {
        chosen = [] { return write_out("gatherd " + std::string{version()} + "\n"); };
    });

    auto* const completion = root.add_subcommand("completion", "print a script that completes command lines in a shell");
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
    man->callback([&] { chosen = [&root] { return write_out(man_page(command_tree(root), std::string{version()})); }; });
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
