/// \file
/// What happens to a request between its bytes and those of its answer, without sockets, so that instructions can be
/// counted.
///
/// Usage: hot_path INPUT STEP TIMES    does the step so often inside `counted_step`
///        hot_path --list              all inputs and steps
///        hot_path --identity          what the counts hang on: compiler, and what simdjson chose for this processor
#include <simdjson.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/functions/standard.hpp"
#include "api/plan/check/plan_decoder.hpp"
#include "api/plan/evaluate/instant_run.hpp"
#include "api/protocol/frame_reader.hpp"
#include "api/protocol/message_decoder.hpp"
#include "api/protocol/response.hpp"
#include "gatherd/api/limits.hpp"

/// What callgrind is told to count: everything inside it.
extern "C" __attribute__((noinline)) void counted_step(const std::function<void()>& step) {
    step();
}

namespace {

using namespace gatherd::api;

constexpr std::array<const char*, 3> steps{"decode", "check", "evaluate"};
constexpr std::array<const char*, 5> inputs{"one_noop", "gather_1000_noops", "map_1000_noops", "gather_100_adds",
                                            "gather_100_texts"};

std::string tasks(std::size_t count, std::string_view task) {
    std::string list;
    for (std::size_t i = 0; i < count; ++i) {
        list.append(i == 0 ? "" : ",").append(task);
    }
    return list;
}

std::string line_of(std::string_view input) {
    const auto gather = [](const std::string& list) {
        return R"({"id":1,"method":"gather","params":{"tasks":[)" + list + "]}}\n";
    };
    if (input == "one_noop") {
        return gather(tasks(1, R"({"call":"noop"})"));
    }
    if (input == "gather_1000_noops") {
        return gather(tasks(1000, R"({"call":"noop"})"));
    }
    if (input == "map_1000_noops") {
        return R"({"id":1,"method":"map","params":{"call":"noop","over":[)" + tasks(1000, "[]") + "]}}\n";
    }
    if (input == "gather_100_adds") {
        return gather(tasks(100, R"({"call":"add","args":[1,2.5,-3]})"));
    }
    if (input == "gather_100_texts") {
        return gather(tasks(100, R"({"call":"echo","args":["a text of some \"length\"\n"]})"));
    }
    std::fprintf(stderr, "hot_path: no input %s\n", std::string{input}.c_str());
    std::exit(2);
}

/// Nothing is printed here, and nobody waits.
struct deaf_observer final : plan::program_observer {
    void printed(std::string /*line*/) override {}
    void child_ended(std::size_t /*index*/, const plan::outcome& /*result*/) override {}
    [[nodiscard]] bool wants_children() const noexcept override { return false; }
    void ended(plan::program_end /*end*/) noexcept override {}
};

/// The way of one request, in its steps.
class request_path {
public:
    explicit request_path(std::string line) : line_{std::move(line)} { functions::add_standard(functions_); }

    void decode() {
        reader_.feed(line_);
        const auto frame = reader_.next();
        request_ = &std::get<protocol::request>(decoder_.decode(frame.value().text).items.front());
    }

    void check() {
        const plan::plan_decoder decoder{functions_, limits_.plan_tasks};
        const auto params = request_->params.value();
        plan_ = std::move(
            *(request_->method == "map"
                  ? decoder.decode_map({params.find("call").value(), "call", params.find("over").value(), "over"}, {})
                  : decoder.decode_gather(params.find("tasks").value(), "tasks", {})));
    }

    void evaluate() {
        answer_.clear();
        protocol::append_result_head(answer_, request_->id);
        const auto end = plan::instant_run{limits_, observer_}.run(*plan_, answer_);
        answer_ += '}';
        if (end.how != plan::program_end::way::returned) {
            std::fputs("hot_path: the plan failed\n", stderr);
            std::exit(1);
        }
    }

private:
    std::string line_;
    limits limits_;
    plan::registry functions_;
    protocol::frame_reader reader_;
    protocol::message_decoder decoder_;
    const protocol::request* request_ = nullptr;
    std::unique_ptr<plan::plan> plan_;
    deaf_observer observer_;
    std::string answer_;
};

void run(std::string_view input, std::string_view step, int times) {
    request_path path{line_of(input)};
    for (int i = 0; i < times; ++i) {
        const auto maybe_counted = [&](std::string_view name, void (request_path::*what)()) {
            const auto act = [&] { (path.*what)(); };
            if (name == step && i != 0) {  // the first time takes memory that later ones find
                counted_step(act);
            } else {
                act();
            }
        };
        maybe_counted("decode", &request_path::decode);
        maybe_counted("check", &request_path::check);
        maybe_counted("evaluate", &request_path::evaluate);
    }
}

}  // namespace

int main(int count, char** words) {
    const std::string_view first = count > 1 ? words[1] : "";
    if (first == "--list") {
        for (const char* input : inputs) {
            for (const char* step : steps) {
                std::printf("%s %s\n", input, step);
            }
        }
    } else if (first == "--identity") {
        std::printf("%s, simdjson %s\n", BUILT_BY, simdjson::get_active_implementation()->name().c_str());
    } else if (count == 4) {
        run(first, words[2], std::atoi(words[3]));
    } else {
        std::fputs("usage: hot_path INPUT STEP TIMES | --list | --identity\n", stderr);
        return 2;
    }
}
