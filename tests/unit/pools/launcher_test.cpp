#include "api/pools/launcher.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using gatherd::api::pools::launcher, gatherd::api::pools::pool_settings, gatherd::api::pools::with_interpreter;

using words = std::vector<std::string>;
namespace fs = std::filesystem;

TEST_CASE("launcher: the extension of a script tells its interpreter", "[pools]") {
    CHECK(with_interpreter({"tasks.py", "-v"}, "") == words{"python3", "tasks.py", "-v"});
    CHECK(with_interpreter({"lib/tasks.js"}, "/srv") == words{"node", "lib/tasks.js"});
    CHECK(with_interpreter({"tasks.php"}, "") == words{"php", "tasks.php"});
    CHECK(with_interpreter({"python3", "tasks.py"}, "") == words{"python3", "tasks.py"});
    CHECK(with_interpreter({"./worker"}, "") == words{"./worker"});
}

TEST_CASE("launcher: a process gets the settings' variables, and of the daemon's own none but its socket's",
          "[pools]") {
    setenv("GATHERD_THREADS", "7", 1);
    setenv("KEPT", "kept", 1);
    const pool_settings settings{.name = "own", .command = {"sh"}, .env = {{"ADDED", "added"}}};
    const auto request = launcher{settings, std::nullopt}.request();
    const auto& all = request.environment;
    const auto has = [&all](const char* variable) { return std::count(all.begin(), all.end(), variable) == 1; };
    CHECK(has("ADDED=added"));
    CHECK(has("KEPT=kept"));
    CHECK(has("GATHERD_WORKER_FD=3"));
    CHECK_FALSE(has("GATHERD_THREADS=7"));
    CHECK(request.program.ends_with("/sh"));
}

TEST_CASE("launcher: a process of another user gets that one's HOME, USER and LOGNAME, unless env says others",
          "[pools]") {
    const passwd* const self = getpwuid(geteuid());
    REQUIRE(self != nullptr);
    setenv("HOME", "/the/daemons", 1);
    setenv("LOGNAME", "the-daemons", 1);
    const pool_settings settings{.name = "own", .command = {"sh"}, .env = {{"USER", "told"}}, .user = self->pw_name};
    auto all = launcher{settings, std::nullopt}.request().environment;
    std::erase_if(all, [](const std::string& each) {
        return !each.starts_with("HOME=") && !each.starts_with("USER=") && !each.starts_with("LOGNAME=");
    });
    std::ranges::sort(all);
    CHECK(all == words{std::string{"HOME="} + self->pw_dir, std::string{"LOGNAME="} + self->pw_name, "USER=told"});
}

TEST_CASE("launcher: a script that the command names by its whole path has to be there", "[pools]") {
    const auto refuses = [](words command) {
        try {
            static_cast<void>(launcher{{.name = "own", .command = std::move(command)}, std::nullopt}.request());
            return false;
        } catch (const std::runtime_error& wrong) {
            CHECK(wrong.what() == std::string{"'/no/such.py' cannot be read: No such file or directory"});
            return true;
        }
    };
    CHECK(refuses({"sh", "/no/such.py"}));
    CHECK(refuses({"sh", "-B", "--flag", "/no/such.py", "more"}));
    CHECK_FALSE(refuses({"sh", "-r", "such/module.js", "/no/such.py"}));
    CHECK_FALSE(refuses({"sh", "start", "/no/such.py"}));
    CHECK_FALSE(refuses({"sh", "/no/such"}));
}

TEST_CASE("launcher: what is no regular file is no program", "[pools]") {
    std::string where = (fs::temp_directory_path() / "gatherd-launcher-XXXXXX").string();
    REQUIRE(mkdtemp(where.data()) != nullptr);
    const fs::path folder{where};
    fs::create_directories(folder / "first" / "tool");
    fs::create_directories(folder / "second");
    fs::create_symlink("/bin/sh", folder / "second" / "tool");
    REQUIRE(mkfifo((folder / "pipe").c_str(), S_IRWXU) == 0);
    REQUIRE(mkfifo((folder / "pipe.py").c_str(), S_IRWXU) == 0);
    const auto program = [&](const char* name) {
        const std::string path = (folder / "first").string() + ':' + (folder / "second").string();
        return launcher{{.name = "own", .command = {name}, .env = {{"PATH", path}}, .cwd = where}, std::nullopt}
            .request()
            .program;
    };
    CHECK(program("tool") == (folder / "second" / "tool").string());
    CHECK_THROWS_WITH(program("./pipe"), "'" + where + "/./pipe' cannot be executed: Permission denied");
    CHECK(with_interpreter({"pipe.py"}, where) == words{"python3", "pipe.py"});
    fs::remove_all(folder);
}

TEST_CASE("launcher: what cannot be found is said", "[pools]") {
    CHECK_THROWS_AS((launcher{{.name = "own", .command = {"no-such-program"}}, std::nullopt}.request()),
                    std::runtime_error);
    const auto reason = [](const char* program) -> std::string {
        try {
            static_cast<void>(launcher{{.name = "own", .command = {program}, .cwd = "/etc"}, std::nullopt}.request());
            return {};
        } catch (const std::runtime_error& wrong) {
            return wrong.what();
        }
    };
    CHECK(reason("/no/such") == "'/no/such' cannot be executed: No such file or directory");
    CHECK(reason("./passwd") == "'/etc/./passwd' cannot be executed: Permission denied");
    CHECK(reason("/etc") == "'/etc' cannot be executed: Is a directory");
    CHECK(reason("/bin/sh").empty());
    CHECK_THROWS_AS((launcher{{.name = "own", .command = {"sh"}, .cwd = "/no/such"}, std::nullopt}.request()),
                    std::runtime_error);
    CHECK_THROWS_AS((launcher{{.name = "own", .command = {"sh"}, .user = "no-such-user"}, std::nullopt}),
                    std::runtime_error);
}
