#include "cli/serve/log.hpp"

#include <fcntl.h>
#include <spdlog/logger.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>

namespace gatherd::cli {
namespace {

/// A pipe that holds one page, and a log that writes to it.
class logged_pipe {
public:
    logged_pipe() {
        REQUIRE(::pipe(ends_.data()) == 0);
        REQUIRE(::fcntl(ends_[1], F_SETPIPE_SZ, 4096) == 4096);
        log_.emplace("test", std::make_shared<unblocking_sink>(ends_[1]));
        log_->set_pattern("%v");
    }
    ~logged_pipe() {
        ::close(ends_[0]);
        ::close(ends_[1]);
    }
    logged_pipe(const logged_pipe&) = delete;
    logged_pipe& operator=(const logged_pipe&) = delete;

    [[nodiscard]] spdlog::logger& log() { return *log_; }

    [[nodiscard]] std::string read() {
        std::array<char, 8192> bytes{};
        const auto count = ::read(ends_[0], bytes.data(), bytes.size());
        return {bytes.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
    }

    [[nodiscard]] bool is_blocking() const { return (::fcntl(ends_[1], F_GETFL) & O_NONBLOCK) == 0; }

private:
    std::array<int, 2> ends_{};
    std::optional<spdlog::logger> log_;
};

}  // namespace

TEST_CASE("unblocking_sink: lines that nobody reads are dropped, and the next one says how many", "[cli]") {
    logged_pipe pipe;
    for (int i = 0; i < 100; ++i) {
        pipe.log().info(std::string(999, 'x'));  // four of these fill the pipe; a fifth would wait for ever
    }
    const std::string kept = pipe.read();
    CHECK(kept == std::string(999, 'x') + "\n" + std::string(999, 'x') + "\n" + std::string(999, 'x') + "\n" +
                      std::string(999, 'x') + "\n");
    pipe.log().info("read again");
    CHECK(pipe.read() == "lines of the log were dropped, they were not read in time dropped=96\nread again\n");
    pipe.log().info("and again");
    CHECK(pipe.read() == "and again\n");
}

TEST_CASE("unblocking_sink: the descriptor's flags, which others may share, stay as they are", "[cli]") {
    const logged_pipe pipe;
    CHECK(pipe.is_blocking());
}

}  // namespace gatherd::cli
