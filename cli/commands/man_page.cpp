#include "cli/commands/man_page.hpp"

#include <string_view>

namespace gatherd::cli {

namespace {

/// A text as roff shows it as it is.
std::string roff_text(std::string_view text) {
    std::string made;
    for (const char c : text) {
        if (c == '\\') {
            made += "\\e";
        } else if (c == '-') {
            made += "\\-";
        } else if ((c == '.' || c == '\'') && (made.empty() || made.back() == '\n')) {
            made += std::string{"\\&"} + c;  // else it would be a request
        } else {
            made += c;
        }
    }
    return made;
}

std::string in_capitals(std::string text) {
    for (char& c : text) {
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return text;
}

std::string path_text(const command_words& command) {
    std::string text;
    for (const auto& each : command.path) {
        text += (text.empty() ? "" : " ") + each;
    }
    return text;
}

std::string option_text(const option_words& option) {
    std::string names;
    for (const auto& each : option.names) {
        names += (names.empty() ? "" : ", ") + ("\\fB" + roff_text(each) + "\\fR");
    }
    auto text = ".TP\n" + names + (option.type.empty() ? "" : " \\fI" + roff_text(option.type) + "\\fR") + "\n";
    text += roff_text(option.help);
    if (!option.variable.empty() && option.help.find(option.variable) == std::string::npos) {
        text += " (" + roff_text(option.variable) + ")";
    }
    return text + "\n";
}

/// Lines as they are.
std::string verbatim(const std::string& text) {
    return text.empty() ? "" : ".PP\n.nf\n" + roff_text(text) + "\n.fi\n";
}

std::string command_text(const command_words& command) {
    std::string usage = "\\fB" + roff_text(path_text(command)) + "\\fR [\\fIOPTIONS\\fR]";
    for (const auto& each : command.arguments) {
        usage += " \\fI" + roff_text(each.names.front()) + "\\fR";
    }
    auto text = ".SS " + roff_text(path_text(command)) + "\n" + usage + "\n.PP\n" + roff_text(command.help) + "\n";
    for (const auto& each : command.arguments) {
        text += option_text({.names = each.names, .type = "", .choices = {}, .help = each.help, .variable = {}});
    }
    for (const auto& each : command.options) {
        text += option_text(each);
    }
    text += verbatim(command.footer);
    for (const auto& each : command.subcommands) {
        text += command_text(each);
    }
    return text;
}

}  // namespace

std::string man_page(const command_words& root, const std::string& version) {
    auto page = ".TH " + in_capitals(root.path.front()) + " 1 \"\" \"" + root.path.front() + " " + roff_text(version) +
                "\"\n.nh\n.ad l\n";
    page += ".SH NAME\n" + root.path.front() + " \\- " + roff_text(root.help) + "\n";
    page += ".SH SYNOPSIS\n\\fB" + root.path.front() + "\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n.SH COMMANDS\n";
    for (const auto& each : root.subcommands) {
        page += command_text(each);
    }
    page += ".SH OPTIONS\n";
    for (const auto& each : root.options) {
        page += option_text(each);
    }
    return page + ".SH EXIT STATUS AND EXAMPLES\n" + verbatim(root.footer);
}

}  // namespace gatherd::cli
