#include "cli/client/input_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/failures.hpp"

namespace gatherd::cli {

namespace {

[[noreturn]] void cannot_read(const std::string& file) {
    throw usage_error{file + ": cannot be read: " + std::strerror(errno)};
}

}  // namespace

// With the system's own calls: streams would not tell why a file cannot be read.
std::string read_input(const std::string& file) {
    const int opened = file == "-" ? STDIN_FILENO : ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (opened < 0) {
        cannot_read(file);
    }
    std::string text;
    for (std::size_t count = 0;;) {
        constexpr std::size_t step = 65'536;
        if (text.size() < count + step) {
            text.resize(2 * count + step);
        }
        const auto got = ::read(opened, text.data() + count, text.size() - count);
        if (got < 0 && errno != EINTR) {
            cannot_read(file);
        }
        if (got == 0) {
            text.resize(count);
            break;
        }
        count += got < 0 ? 0 : static_cast<std::size_t>(got);
    }
    if (opened != STDIN_FILENO) {
        ::close(opened);
    }
    return text;
}

plan_input read_plan_input(const std::string& word) {
    const auto first = word.find_first_not_of(" \t\r\n");
    if (first != std::string::npos && (word[first] == '{' || word[first] == '[')) {
        return {word, "the plan"};
    }
    return {read_input(word), word == "-" ? "standard input" : word};
}

}  // namespace gatherd::cli
