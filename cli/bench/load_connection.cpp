#include "cli/bench/load_connection.hpp"

#include <algorithm>
#include <asio/ip/tcp.hpp>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "api/shortened.hpp"
#include "cli/client/server_message.hpp"

namespace gatherd::cli::bench {

namespace {

constexpr std::size_t kept_bytes = std::size_t{64} << 10;  // more is given back: there may be ten thousand of us
constexpr std::string_view before_result = R"(,"result":)";

/// Whether two texts of JSON mean the same, though they are not the same.
bool same_meaning(std::string_view one, std::string_view other) {
    const auto parsed = nlohmann::ordered_json::parse(one, nullptr, false);
    return !parsed.is_discarded() && parsed == nlohmann::ordered_json::parse(other, nullptr, false);
}

bool would_block(const asio::error_code& failed) {
    return failed == asio::error::would_block || failed == asio::error::try_again || failed == asio::error::interrupted;
}

}  // namespace

load_connection::load_connection(asio::generic::stream_protocol::socket socket, std::size_t pipeline, workload& shapes,
                                 bool any_result, std::string& out)
    : socket_{std::move(socket)}, shapes_{shapes}, out_{out}, any_result_{any_result}, slots_(pipeline) {
    socket_.non_blocking(true);
    asio::error_code ignored;  // a Unix socket never delays
    socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
    for (std::size_t i = slots_.size(); i-- > 0;) {
        slots_[i].id = i;
        free_.push_back(static_cast<std::uint32_t>(i));
    }
}

void load_connection::ask(std::size_t shape, clock::time_point since) {
    slot& of = slots_[free_.back()];
    free_.pop_back();
    of.since = since;
    of.shape = static_cast<std::uint32_t>(shape);
    of.in_use = true;
    shapes_[shape].append_request(out_, of.id);
}

void load_connection::flush() {
    asio::error_code failed;
    if (!is_blocked()) {
        unsent_.clear();
        written_ = 0;
        const auto count = out_.empty() ? 0 : socket_.write_some(asio::buffer(out_), failed);
        unsent_.assign(out_, count);
    } else {
        unsent_ += out_;
    }
    out_.clear();
    while (is_blocked() && !failed) {
        written_ += socket_.write_some(asio::buffer(unsent_.data() + written_, unsent_.size() - written_), failed);
    }
    if (failed && !would_block(failed)) {
        lose(failed.message());
    } else if (!is_blocked() && unsent_.capacity() > kept_bytes) {
        unsent_.clear();
        unsent_.shrink_to_fit();
        written_ = 0;
    }
}

void load_connection::read_some(std::vector<char>& scratch, std::vector<ended_request>& ended) {
    asio::error_code failed;
    const auto count = socket_.read_some(asio::buffer(scratch), failed);
    if (failed) {
        if (!would_block(failed)) {
            lose(failed == asio::error::eof ? "closed by the other end" : failed.message());
        }
        return;
    }
    const std::string_view got{scratch.data(), count};
    if (pending_.empty()) {
        pending_ = got.substr(take_answers(got, ended));
        return;
    }
    pending_ += got;
    // An answer of many megabytes is looked at once it is whole, not anew with every piece of it.
    if (const auto line_end = pending_.find('\n', searched_); line_end == std::string::npos) {
        searched_ = pending_.size();
        return;
    }
    searched_ = 0;
    pending_.erase(0, take_answers(pending_, ended));
    if (pending_.capacity() > kept_bytes && pending_.size() < kept_bytes) {
        pending_.shrink_to_fit();
    }
}

std::size_t load_connection::take_answers(std::string_view bytes, std::vector<ended_request>& ended) {
    std::size_t taken = 0;
    while (taken < bytes.size()) {
        const auto rest = bytes.substr(taken);
        if (const auto size = take_expected(rest, ended); size != 0) {
            taken += size;
            continue;
        }
        const auto line_end = rest.find('\n');
        if (line_end == rest.npos) {
            break;
        }
        take_line(rest.substr(0, line_end), ended);
        taken += line_end + 1;
    }
    return taken;
}

/// The answer that is nearly always there, by comparing bytes: its size, or 0 where something else or less stands
/// there.
std::size_t load_connection::take_expected(std::string_view bytes, std::vector<ended_request>& ended) {
    if (!bytes.starts_with(answer_head)) {
        return 0;
    }
    std::uint64_t id = 0;
    const char* const last = bytes.data() + bytes.size();
    const auto [after_id, fault] = std::from_chars(bytes.data() + answer_head.size(), last, id);
    slot* const of = fault == std::errc{} ? find(id) : nullptr;
    if (of == nullptr || !shapes_[of->shape].answer) {
        return 0;
    }
    const std::string& expected = *shapes_[of->shape].answer;
    if (static_cast<std::size_t>(last - after_id) < expected.size() ||
        std::memcmp(after_id, expected.data(), expected.size()) != 0) {
        return 0;
    }
    finish(*of, ending::right, 0, ended);
    return static_cast<std::size_t>(after_id - bytes.data()) + expected.size();
}

/// Any line: an error, a notification, a result that is not known yet or spelt in another way, or none of these.
void load_connection::take_line(std::string_view line, std::vector<ended_request>& ended) {
    const auto message = parse_server_message(line);
    if (!message) {
        complain("not an answer", line);
        ended.push_back({clock::now(), 0, ending::wrong, 0});
        return;
    }
    if (message->is_notification()) {
        return;
    }
    slot* const of = message->id ? find(*message->id) : nullptr;
    if (message->result) {
        if (of == nullptr) {
            complain("an answer to nothing that was asked", line);
            ended.push_back({clock::now(), 0, ending::unasked, 0});
        } else {
            finish(*of, judge(shapes_[of->shape], *message->result), 0, ended);
        }
        return;
    }
    const auto code = message->error.find("code");
    complain("an error", line);
    const int number = code != message->error.end() && code->is_number_integer() ? code->get<int>() : 0;
    if (of != nullptr) {
        finish(*of, ending::error, number, ended);
    } else {
        ended.push_back({clock::now(), 0, ending::error, number});
    }
}

ending load_connection::judge(request_shape& shape, const std::string& result) {
    if (any_result_) {
        return ending::right;
    }
    auto answer = std::string{before_result} + result + "}\n";
    if (!shape.answer) {
        shape.answer = std::move(answer);
        return ending::right;
    }
    const std::string_view expected{shape.answer->data() + before_result.size(),
                                    shape.answer->size() - before_result.size() - 2};
    if (expected == result || same_meaning(expected, result)) {
        return ending::right;
    }
    complain("not the result that was expected", result);
    return ending::wrong;
}

load_connection::slot* load_connection::find(std::uint64_t id) {
    slot& of = slots_[id % slots_.size()];
    return of.in_use && of.id == id ? &of : nullptr;
}

void load_connection::finish(slot& of, ending how, int code, std::vector<ended_request>& ended) {
    ended.push_back({of.since, shapes_[of.shape].tasks, how, code});
    of.in_use = false;
    free_.push_back(static_cast<std::uint32_t>(of.id % slots_.size()));
    of.id += slots_.size();
}

void load_connection::complain(std::string_view what, std::string_view about) {
    if (complaint_.empty()) {
        constexpr std::size_t shown = 300;
        complaint_.append(what).append(": ").append(api::shortened(about, shown));
    }
}

void load_connection::lose(const std::string& why) {
    is_lost_ = true;
    complain("a connection was lost", why);
    asio::error_code ignored;
    socket_.close(ignored);
}

}  // namespace gatherd::cli::bench
