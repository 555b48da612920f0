#include "cli/commands/completion.hpp"

#include <algorithm>
#include <functional>

namespace gatherd::cli {

namespace {

/// A text between single quotes, for any of the three shells.
std::string shell_quoted(const std::string& text) {
    std::string made = "'";
    for (const char c : text) {
        made += c == '\'' ? std::string{R"('\'')"} : std::string{c};
    }
    return made + "'";
}

std::string joined_words(const std::vector<std::string>& words, const std::string& between) {
    std::string made;
    for (const auto& each : words) {
        made += (made.empty() ? "" : between) + each;
    }
    return made;
}

/// Calls it with each command, the outermost first.
void for_each_command(const command_words& root, const std::function<void(const command_words&)>& act) {
    act(root);
    for (const auto& each : root.subcommands) {
        for_each_command(each, act);
    }
}

std::vector<std::string> option_names_of(const std::vector<option_words>& options) {
    std::vector<std::string> all;
    for (const auto& each : options) {
        all.insert(all.end(), each.names.begin(), each.names.end());
    }
    return all;
}

std::vector<std::string> subcommand_names_of(const command_words& one) {
    std::vector<std::string> all;
    for (const auto& each : one.subcommands) {
        all.push_back(each.path.back());
    }
    return all;
}

/// "config print", without the program's own name.
std::string words_behind_program(const command_words& one) {
    return joined_words({one.path.begin() + 1, one.path.end()}, " ");
}

bool takes_function(const command_words& one) {
    return !one.arguments.empty() && one.arguments.front().names.front() == "FUNCTION";
}

bool names_file(const option_words& option) {
    return option.type == "FILE" || option.type == "DIR";
}

/// What follows a name in the help of a choice: its first sentence's worth, on one line.
std::string first_line_of(const std::string& help) {
    return help.substr(0, help.find('\n'));
}

/// A description inside the brackets of zsh's _arguments.
std::string in_brackets(const std::string& text) {
    std::string made;
    for (const char c : first_line_of(text)) {
        made += c == '[' || c == ']' || c == '\\' || c == ':' ? std::string{'\\', c} : std::string{c};
    }
    return made;
}

constexpr const char* list_functions = "gatherd functions --names 2>/dev/null";

std::string zsh_value(const option_words& option) {
    if (option.type.empty()) {
        return "";
    }
    const auto values = !option.choices.empty() ? "(" + joined_words(option.choices, " ") + ")"
                        : names_file(option)    ? std::string{"_files"}
                                                : std::string{" "};
    return ":" + (option.choices.empty() ? in_brackets(option.type) : std::string{"value"}) + ":" + values;
}

}  // namespace

std::string bash_completion(const command_words& root) {
    std::string script = R"(# bash completion for gatherd: source <(gatherd completion bash)
_gatherd() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= words= word
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "${command:+$command }$word" in
)";
    std::vector<std::string> commands;
    for_each_command(root, [&](const command_words& each) {
        if (each.path.size() > 1) {
            commands.push_back("'" + words_behind_program(each) + "'");
        }
    });
    script += "            " + joined_words(commands, "|") + R"() command="${command:+$command }$word" ;;
        esac
    done
    case "$command $previous" in
)";
    for_each_command(root, [&](const command_words& one) {
        std::vector<std::string> of_files;
        for (const auto& option : one.options) {
            std::vector<std::string> patterns;
            for (const auto& name : option.names) {
                patterns.push_back("'" + words_behind_program(one) + " " + name + "'");
            }
            if (!option.choices.empty()) {
                script += "        " + joined_words(patterns, "|") + ") COMPREPLY=($(compgen -W " +
                          shell_quoted(joined_words(option.choices, " ")) + " -- \"$current\")); return ;;\n";
            } else if (names_file(option)) {
                of_files.insert(of_files.end(), patterns.begin(), patterns.end());
            } else if (!option.type.empty()) {
                script += "        " + joined_words(patterns, "|") + ") return ;;\n";
            }
        }
        if (!of_files.empty()) {
            script +=
                "        " + joined_words(of_files, "|") + ") COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n";
        }
    });
    script += R"(    esac
    case "$command" in
)";
    for_each_command(root, [&](const command_words& one) {
        auto words = subcommand_names_of(one);
        const bool has_files = words.empty() && !takes_function(one);
        if (!one.arguments.empty()) {
            words.insert(words.end(), one.arguments.front().choices.begin(), one.arguments.front().choices.end());
        }
        script += "        '" + words_behind_program(one) + "')\n            if [[ $current == -* ]]; then words=" +
                  shell_quoted(joined_words(option_names_of(one.options), " ")) + "\n";
        if (takes_function(one)) {
            script += std::string{"            else words=$("} + list_functions + ")\n";
        } else if (!words.empty()) {
            script += "            else words=" + shell_quoted(joined_words(words, " ")) + "\n";
        } else if (has_files && !one.arguments.empty()) {
            script += "            else COMPREPLY=($(compgen -f -- \"$current\")); return\n";
        }
        script += "            fi ;;\n";
    });
    return script + R"(    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o filenames -F _gatherd gatherd
)";
}

std::string zsh_completion(const command_words& root) {
    std::string script =
        "#compdef gatherd\n# zsh completion for gatherd: gatherd completion zsh > \"${fpath[1]}/_gatherd\"\n\n";
    const auto function_of = [](const command_words& one) { return "_" + joined_words(one.path, "_"); };
    for_each_command(root, [&](const command_words& one) {
        script += function_of(one) + "() {\n";
        std::string specs;
        for (const auto& option : one.options) {
            for (const auto& name : option.names) {
                specs += " \\\n        " +
                         shell_quoted("*" + name + "[" + in_brackets(option.help) + "]" + zsh_value(option));
            }
        }
        if (!one.subcommands.empty()) {
            script += "    local line state\n    _arguments -C" + specs +
                      " \\\n        '1: :->command' '*::argument:->arguments'\n    case $state in\n        command)\n"
                      "            local -a commands=(\n";
            for (const auto& each : one.subcommands) {
                script += "                " + shell_quoted(each.path.back() + ":" + first_line_of(each.help)) + "\n";
            }
            script +=
                "            )\n            _describe command commands ;;\n        arguments)\n"
                "            case $line[1] in\n";
            for (const auto& each : one.subcommands) {
                script += "                " + each.path.back() + ") " + function_of(each) + " ;;\n";
            }
            script += "            esac ;;\n    esac\n}\n\n";
            return;
        }
        for (const auto& argument : one.arguments) {
            const bool is_function = argument.names.front() == "FUNCTION";
            const auto values = is_function                 ? "{compadd $(" + std::string{list_functions} + ")}"
                                : !argument.choices.empty() ? "(" + joined_words(argument.choices, " ") + ")"
                                                            : std::string{"_files"};
            const bool is_last = &argument == &one.arguments.back() && !is_function;
            specs += " \\\n        " +
                     shell_quoted((is_last ? "*:" : ":") + in_brackets(argument.names.front()) + ":" + values);
        }
        script += "    _arguments" + specs + "\n}\n\n";
    });
    return script + "_gatherd \"$@\"\n";
}

std::string fish_completion(const command_words& root) {
    std::string script = "# fish completion for gatherd: gatherd completion fish | source\ncomplete -c gatherd -f\n";
    for_each_command(root, [&](const command_words& one) {
        const auto children = subcommand_names_of(one);
        std::string condition;
        for (auto each = one.path.begin() + 1; each != one.path.end(); ++each) {
            condition += (condition.empty() ? "" : "; and ") + std::string{"__fish_seen_subcommand_from "} + *each;
        }
        if (!children.empty()) {
            condition += (condition.empty() ? "" : "; and ") + std::string{"not __fish_seen_subcommand_from "} +
                         joined_words(children, " ");
        }
        const auto begin = "complete -c gatherd -n " + shell_quoted(condition);
        for (const auto& each : one.subcommands) {
            script += begin + " -a " + each.path.back() + " -d " + shell_quoted(first_line_of(each.help)) + "\n";
        }
        for (const auto& option : one.options) {
            script += begin;
            for (const auto& name : option.names) {
                script += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            }
            script += option.type.empty() ? "" : names_file(option) ? " -r -F" : " -x";
            script += option.choices.empty() ? "" : " -a " + shell_quoted(joined_words(option.choices, " "));
            script += " -d " + shell_quoted(first_line_of(option.help)) + "\n";
        }
        if (takes_function(one)) {
            script += begin + " -a " + shell_quoted("(" + std::string{list_functions} + ")") + "\n";
        } else if (children.empty() && !one.arguments.empty()) {
            const auto& choices = one.arguments.front().choices;
            script += begin + (choices.empty() ? " -F" : " -a " + shell_quoted(joined_words(choices, " "))) + "\n";
        }
    });
    return script;
}

}  // namespace gatherd::cli
