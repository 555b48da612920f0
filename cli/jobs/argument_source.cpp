#include "cli/jobs/argument_source.hpp"

#include <fcntl.h>
#include <regex.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "cli/failures.hpp"

namespace gatherd::cli::jobs {

namespace {

constexpr std::size_t longest_argument_line = std::size_t{8} << 20;

/// The escapes that people write in such patterns and POSIX does not know.
std::string posix_pattern(std::string_view text) {
    std::string made;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '\\' || at + 1 == text.size()) {
            made += text[at];
            continue;
        }
        switch (text[++at]) {
            case 't':
                made += '\t';
                break;
            case 'n':
                made += '\n';
                break;
            case 'd':
                made += "[0-9]";
                break;
            default:
                made.append(1, '\\').append(1, text[at]);
        }
    }
    return made;
}

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

std::vector<std::string> lines_of(const std::string& file, char separator) {
    std::ifstream named;
    if (file != "-") {
        named.open(file, std::ios::binary);
    } else {
        named.open("/dev/stdin", std::ios::binary);
    }
    if (!named) {
        throw usage_error{"cannot read '" + file + "': " + std::strerror(errno)};
    }
    std::vector<std::string> lines;
    for (std::string line; std::getline(named, line, separator);) {
        lines.push_back(line);
    }
    if (named.bad()) {
        throw usage_error{"cannot read '" + file + "': " + std::strerror(errno)};
    }
    return lines;
}

}  // namespace

struct argument_source::pattern {
    explicit pattern(const std::string& text) {
        if (const int fault = regcomp(&compiled, posix_pattern(text).c_str(), REG_EXTENDED); fault != 0) {
            std::string reason(256, '\0');
            regerror(fault, &compiled, reason.data(), reason.size());
            throw usage_error{"--colsep: '" + text + "' is no regular expression: " + reason.c_str()};
        }
    }
    ~pattern() { regfree(&compiled); }
    pattern(const pattern&) = delete;
    pattern& operator=(const pattern&) = delete;

    regex_t compiled{};
};

argument_source::argument_source(asio::io_context& context, const argument_options& options)
    : options_{options}, columns_{options.columns.empty() ? nullptr : std::make_unique<pattern>(options.columns)} {
    const auto& lists = options_.lists;
    if (lists.empty() || (lists.size() == 1 && lists.front().is_file)) {
        const auto name = lists.empty() ? "-" : lists.front().values.front();
        file_ = name == "-" ? STDIN_FILENO : ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
        if (file_ < 0) {
            throw usage_error{"cannot read '" + name + "': " + std::strerror(errno)};
        }
        lines_ = std::make_unique<line_reader>(context, file_, longest_argument_line, options_.separator);
        return;
    }
    std::uint64_t records = 1;
    for (const auto& each : lists) {
        auto values = each.is_file ? lines_of(each.values.front(), options_.separator) : each.values;
        if (options_.skips_empty) {
            std::erase_if(values, is_blank);
        }
        if (!each.is_linked || lists_.empty()) {
            auto& tuples = lists_.emplace_back();
            for (auto& value : values) {
                tuples.push_back({std::move(value)});
            }
        } else {
            auto& tuples = lists_.back();
            tuples.resize(std::min(tuples.size(), values.size()));
            for (std::size_t i = 0; i < tuples.size(); ++i) {
                tuples[i].push_back(std::move(values[i]));
            }
        }
    }
    for (const auto& each : lists_) {
        const bool is_too_many = !each.empty() && records > UINT64_MAX / each.size();
        records = is_too_many ? UINT64_MAX : records * each.size();
    }
    has_ended_ = records == 0;
    total_ = records / options_.count + (records % options_.count != 0 ? 1 : 0);
    places_.resize(lists_.size());
}

argument_source::~argument_source() {
    lines_.reset();
    if (file_ > STDIN_FILENO) {
        ::close(file_);
    }
}

void argument_source::add_value(std::vector<std::string>& to, std::string value) const {
    if (columns_ == nullptr) {
        to.push_back(std::move(value));
        return;
    }
    std::size_t begin = 0;
    for (std::size_t at = 0; at <= value.size();) {
        regmatch_t found{static_cast<regoff_t>(at), static_cast<regoff_t>(value.size())};
        if (regexec(&columns_->compiled, value.c_str(), 1, &found, REG_STARTEND | (at > 0 ? REG_NOTBOL : 0)) != 0) {
            break;
        }
        const auto start = static_cast<std::size_t>(found.rm_so);
        const auto end = static_cast<std::size_t>(found.rm_eo);
        if (end == start) {  // of nothing: it divides nothing
            at = end + 1;
            continue;
        }
        to.push_back(value.substr(begin, start - begin));
        begin = at = end;
    }
    to.push_back(value.substr(begin));
}

std::optional<std::vector<std::string>> argument_source::next_record() {
    std::vector<std::string> record;
    if (lines_ != nullptr) {
        const auto line = lines_->next();
        if (!line) {
            return std::nullopt;
        }
        ++lines_read_;
        if (line->is_too_long) {
            throw usage_error{"line " + std::to_string(lines_read_) + " of the arguments is longer than " +
                              std::to_string(longest_argument_line >> 20U) + " MiB"};
        }
        if (!options_.skips_empty || !is_blank(line->text)) {
            add_value(record, std::string{line->text});
        }
        return record;
    }
    if (has_ended_) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < lists_.size(); ++i) {
        for (const auto& value : lists_[i][places_[i]]) {
            add_value(record, value);
        }
    }
    has_ended_ = true;
    for (std::size_t i = lists_.size(); i-- > 0;) {
        if (++places_[i] < lists_[i].size()) {
            has_ended_ = false;
            break;
        }
        places_[i] = 0;
    }
    return record;
}

std::optional<std::vector<std::string>> argument_source::next() {
    while (auto record = next_record()) {
        if (record->empty()) {
            continue;  // an empty line, which is skipped
        }
        std::ranges::move(*record, std::back_inserter(gathered_));
        if (++gathered_count_ == options_.count) {
            break;
        }
    }
    if (gathered_count_ == 0 || (gathered_count_ < options_.count && !is_at_end())) {
        return std::nullopt;
    }
    gathered_count_ = 0;
    auto given = std::exchange(gathered_, {});
    if (options_.takes_none) {
        given.clear();
    }
    return given;
}

bool argument_source::is_at_end() const {
    return lines_ != nullptr ? lines_->is_at_end() : has_ended_;
}

void argument_source::read_more(std::function<void()> then) {
    lines_->read_more(std::move(then));
}

bool argument_source::is_reading() const {
    return lines_ != nullptr && lines_->is_reading();
}

void argument_source::close() noexcept {
    if (lines_ != nullptr) {
        lines_->close();
    }
}

std::optional<double> argument_source::part_taken() const {
    return lines_ != nullptr ? lines_->part_taken() : std::nullopt;
}

int argument_source::failure() const {
    return lines_ != nullptr ? lines_->failure() : 0;
}

}  // namespace gatherd::cli::jobs
