/// \file
/// A job of `exec`: one command with its arguments, its process while that runs, and what it has written.
#pragma once

#include <array>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "cli/jobs/child_process.hpp"
#include "cli/jobs/command_template.hpp"
#include "cli/jobs/results_folder.hpp"
#include "cli/jobs/spool.hpp"

namespace gatherd::cli::jobs {

enum stream_index : std::size_t { out, err };

/// One of a process's two outputs.
struct output_stream {
    explicit output_stream(asio::io_context& context) : pipe{context} {}

    asio::posix::stream_descriptor pipe;  // our end, while it is open
    spool::stream held{};                 // to be printed
    std::string partial{};                // of a line, where lines are printed as they come
    std::unique_ptr<result_file> file{};
    std::uint64_t bytes = 0;
    bool is_at_line_start = true;  // of what was printed; for tags
};

struct exec_job {
    explicit exec_job(asio::io_context& context)
        : handle{context}, timer{context}, streams{output_stream{context}, output_stream{context}} {}

    job_values values{};
    std::string line{};
    std::string tag{};
    std::uint64_t tries = 0;
    std::unique_ptr<child_process> process{};
    asio::posix::stream_descriptor handle;  // of the process's end
    asio::steady_timer timer;
    std::array<output_stream, 2> streams;
    std::chrono::steady_clock::time_point began{};
    std::chrono::system_clock::time_point began_at{};
    bool is_timed_out = false;
    bool is_killed = false;  // SIGKILL follows SIGTERM
};

using exec_job_ptr = std::shared_ptr<exec_job>;

}  // namespace gatherd::cli::jobs
