/// \file
/// The folder of `exec --results`: a copy of what each job writes, where GNU parallel has it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cli/jobs/command_template.hpp"

namespace gatherd::cli::jobs {

/// A file that is made new. Both functions throw usage_error where that, or writing, fails.
class result_file {
public:
    explicit result_file(const std::string& path);
    ~result_file();
    result_file(const result_file&) = delete;
    result_file& operator=(const result_file&) = delete;

    void write(std::string_view bytes) const;

private:
    [[noreturn]] void refuse_write() const;

    std::string path_;
    int descriptor_;
};

/// The files of one job.
struct result_files {
    std::unique_ptr<result_file> out;
    std::unique_ptr<result_file> err;
};

/// Makes `folder/1/ARGUMENT/2/ARGUMENT/...` with `stdout`, `stderr` and `seq`, the job's number. Throws usage_error.
[[nodiscard]] result_files open_results(std::string folder, const job_values& values);

}  // namespace gatherd::cli::jobs
