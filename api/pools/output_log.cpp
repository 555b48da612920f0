#include "api/pools/output_log.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "api/log/event.hpp"
#include "api/shortened.hpp"

namespace gatherd::api::pools {

namespace {

constexpr std::size_t most_line_bytes = 1024;

/// Whether a line says what went wrong, as far as its form tells. No blank line, frame of a stack, closing bracket, or
/// what Node and PHP write below an error.
bool is_telling(std::string_view line) {
    constexpr std::string_view digits = "0123456789";
    const bool has_words =
        std::ranges::any_of(line, [](unsigned char each) { return std::isalnum(each) != 0 || each > 127; });
    const bool is_indented = line.starts_with(' ') || line.starts_with('\t');
    const bool is_frame = line.size() > 1 && line[0] == '#' && digits.find(line[1]) != std::string_view::npos;
    return has_words && !is_indented && !is_frame && line != "Stack trace:" && line != "Require stack:" &&
           !line.starts_with("- ") && !line.starts_with("Node.js v");
}

}  // namespace

void output_log::take(pid_t pid, std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const std::string_view part = bytes.substr(0, end);
        line_ += part.substr(0, most_line_bytes + 1 - std::min(line_.size(), most_line_bytes + 1));
        if (end == std::string_view::npos) {
            return;
        }
        log_line(pid);
        bytes.remove_prefix(end + 1);
    }
}

void output_log::end(pid_t pid) {
    if (!line_.empty()) {
        log_line(pid);
    }
}

void output_log::log_line(pid_t pid) {
    if (line_.ends_with('\r')) {
        line_.pop_back();
    }
    if (line_.find_first_not_of(" \t") != std::string::npos) {
        constexpr std::size_t most_shown = 200;
        const bool tells = is_telling(line_);
        if (tells || !is_last_telling_) {
            last_ = shortened(loggable(line_, most_line_bytes), most_shown);
            is_last_telling_ = tells;
        }
    }
    if (budget_.pass()) {
        log::info(shortened(line_, most_line_bytes),
                  {{"pool", pool_}, {"pid", pid}});  // the log escapes what it has to
    }
    line_.clear();
}

}  // namespace gatherd::api::pools
