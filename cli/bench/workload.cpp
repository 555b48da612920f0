#include "cli/bench/workload.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <random>

#include "cli/client/batch_file.hpp"
#include "cli/failures.hpp"

namespace gatherd::cli::bench {

namespace {

/// So many different batches are made of a mix, as far as their text stays below `most_text` in all.
constexpr std::size_t most_shapes = 64;
constexpr std::size_t most_text = std::size_t{4} << 20;

/// Gives the calls of a mix by weight.
class mix_draw {
public:
    explicit mix_draw(const std::vector<mixed_call>& mix) : mix_{mix} {
        for (const auto& each : mix) {
            all_ += each.weight;
        }
    }

    const mixed_call& operator()() {
        auto rest = random_() % all_;
        for (const auto& each : mix_) {
            if (rest < each.weight) {
                return each;
            }
            rest -= each.weight;
        }
        return mix_.back();
    }

private:
    const std::vector<mixed_call>& mix_;
    std::uint64_t all_ = 0;
    std::mt19937_64 random_;  // NOLINT(cert-msc51-cpp): the same every time, on purpose
};

std::string answer_with(const std::string& results) {
    return R"(,"result":[)" + results + "]}\n";
}

request_shape make_batch(mix_draw& next, std::size_t batch, batch_form form) {
    request_shape made{.after_id = {}, .tasks = batch};
    const bool is_map = form == batch_form::map;
    const std::string function = next().function;
    std::string items;
    std::string results;
    bool known = true;
    for (std::size_t i = 0; i < batch; ++i) {
        const auto& call = next();
        const char* const comma = i == 0 ? "" : ",";
        items += comma;
        items +=
            is_map ? call.args
                   : R"({"call":")" + call.function + '"' + (call.args == "[]" ? "" : R"(,"args":)" + call.args) + "}";
        results.append(comma).append(call.result.value_or(""));
        known = known && call.result;
    }
    made.after_id = is_map ? R"(,"method":"map","params":{"call":")" + function + R"(","over":[)" + items + "]}}\n"
                           : R"(,"method":"gather","params":{"tasks":[)" + items + "]}}\n";
    if (known) {
        made.answer = answer_with(results);
    }
    return made;
}

/// The number of tasks of a file's outermost list; 1 where it has none.
std::uint64_t outer_tasks(std::string_view params) {
    const auto parsed = nlohmann::json::parse(params, nullptr, false);
    const auto& task = parsed.contains("task") ? parsed["task"] : parsed;
    for (const char* list : {"tasks", "over", "gather"}) {
        if (const auto found = task.find(list); found != task.end() && found->is_array()) {
            return std::max<std::uint64_t>(found->size(), 1);
        }
    }
    return 1;
}

}  // namespace

void request_shape::append_request(std::string& out, std::uint64_t id) const {
    char digits[24];
    const auto end = std::to_chars(std::begin(digits), std::end(digits), id).ptr;
    out.append(request_head).append(digits, end).append(after_id);
}

workload mixed_workload(const std::vector<mixed_call>& mix, std::size_t batch, batch_form form) {
    const bool one_function =
        std::ranges::all_of(mix, [&](const mixed_call& each) { return each.function == mix.front().function; });
    if (form == batch_form::map && !one_function) {
        throw usage_error{"--map: a map calls one function: name one in --mix"};
    }
    mix_draw next{mix};
    workload shapes;
    std::size_t text = 0;
    do {
        shapes.push_back(make_batch(next, batch, form));
        text += shapes.back().after_id.size();
    } while (mix.size() > 1 && shapes.size() < most_shapes && text < most_text);
    return shapes;
}

workload plan_workload(std::string_view text, const std::string& name) {
    const auto made = read_batch(text, name, {}).what;
    request_shape shape{.after_id = R"(,"method":")" + made.method + R"(","params":)" + made.params + "}\n",
                        .tasks = outer_tasks(made.params)};
    return {std::move(shape)};
}

}  // namespace gatherd::cli::bench
