#include "cli/commands/completion.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>

#include "cli/commands/man_page.hpp"

using namespace gatherd::cli;

namespace {

command_words tree() {
    bool quiet = false;
    CLI::App app{"does things", "prog"};
    auto* const run = app.add_subcommand("run", "runs it's [thing]");
    run->add_option("--file", "which")->type_name("FILE")->envname("PROG_FILE");
    run->add_option("--how", "in which way")->type_name("fast|slow")->check(CLI::IsMember({"fast", "slow"}));
    run->add_flag("-q,--quiet", quiet, "say nothing");
    run->add_option("FUNCTION", "its name")->type_name("");
    run->footer(".begins with a point\n  prog run -q");
    app.add_subcommand("config", "settings")->add_subcommand("print", "shows them");
    return command_tree(app);
}

}  // namespace

TEST_CASE("command_tree: what the parser knows as data", "[cli]") {
    const auto root = tree();
    CHECK(root.path == std::vector<std::string>{"prog"});
    REQUIRE(root.subcommands.size() == 2);
    const auto& run = root.subcommands.front();
    CHECK(run.help == "runs it's [thing]");
    REQUIRE(run.options.size() == 4);  // --help first
    CHECK(run.options[1].names == std::vector<std::string>{"--file"});
    CHECK(run.options[1].type == "FILE");
    CHECK(run.options[1].variable == "PROG_FILE");
    CHECK(run.options[2].choices == std::vector<std::string>{"fast", "slow"});
    CHECK(run.options[3].names == std::vector<std::string>{"--quiet", "-q"});
    CHECK(run.options[3].type.empty());
    REQUIRE(run.arguments.size() == 1);
    CHECK(run.arguments.front().names.front() == "FUNCTION");
    CHECK(root.subcommands.back().subcommands.front().path == std::vector<std::string>{"prog", "config", "print"});
}

TEST_CASE("completion: each shell knows commands, options and choices", "[cli]") {
    for (const auto& script : {bash_completion(tree()), zsh_completion(tree()), fish_completion(tree())}) {
        for (const auto* const word : {"run", "print", "file", "fast", "quiet", "functions --names"}) {
            CAPTURE(script, word);
            CHECK(script.find(word) != std::string::npos);
        }
    }
}

TEST_CASE("man_page: text is shown as it is", "[cli]") {
    const auto page = man_page(tree(), "1.2");
    CHECK(page.starts_with(".TH PROG 1 \"\" \"prog 1.2\"\n"));
    CHECK(page.find("\\fB\\-\\-file\\fR \\fIFILE\\fR\nwhich (PROG_FILE)\n") != std::string::npos);
    CHECK(page.find("\n\\&.begins with a point\n") != std::string::npos);
    CHECK(page.find(".SS prog config print\n") != std::string::npos);
}
