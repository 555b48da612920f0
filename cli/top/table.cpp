#include "cli/top/table.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace gatherd::cli::top {
namespace {

using api::value;

cell text_cell(std::string text) {
    return {std::move(text)};
}

cell count_cell(double count) {
    return {short_number(count), count, true};
}

cell time_cell(double seconds) {
    return {short_time(seconds), seconds, true};
}

double member(const value& answer, const char* name) {
    const auto found = answer.is_object() ? answer.find(name) : answer.end();
    return found != answer.end() && found->is_number() ? found->get<double>() : 0;
}

table tasks_of(const rates& now) {
    table made{
        {{"NAME", 0, alignment::left}, {"ID", 32, alignment::left}, {"STATE", 9, alignment::left}, {"AGE", 8}}, {}, 3};
    const auto age_cell = [&now](const value& listed, const char* since) {
        return time_cell(std::max(0.0, now.now().wall - member(listed, since)));  // the daemon's clock may not be ours
    };
    for (const value& each : now.now().tasks) {
        const auto id = text_at(each, "id");
        if (each.is_object() && each.contains("request")) {
            const auto number = text_at(each, "request");
            const auto kind = number.empty() ? std::string{"notification"} : "request " + number;  // that has no id
            made.rows.push_back({id,
                                 {text_cell(kind + " of " + text_at(each, "client")), text_cell(id.empty() ? "-" : id),
                                  text_cell(text_at(each, "state")),
                                  member(each, "started") > 0 ? age_cell(each, "started") : cell{"-", 0, true}}});
            continue;
        }
        const auto name = text_at(each, "name");
        made.rows.push_back({id,
                             {text_cell(name == id ? "-" : name), text_cell(id), text_cell(text_at(each, "state")),
                              age_cell(each, "created")}});
    }
    return made;
}

table functions_of(const rates& now) {
    table made{{{"FUNCTION", 0, alignment::left},
                {"WORKERS", 7},
                {"RUNNING", 7},
                {"QUEUED", 6},
                {"CALLS/s", 7},
                {"FAILED/s", 8},
                {"CALLS", 6},
                {"FAILED", 6},
                {"MEAN", 6}},
               {},
               4};
    const auto calls = now.now().stats.is_object() ? now.now().stats.find("calls") : now.now().stats.end();
    if (calls == now.now().stats.end() || !calls->is_object()) {
        return made;
    }
    const value* then = nullptr;
    if (now.before() != nullptr && now.before()->stats.contains("calls")) {
        then = &now.before()->stats.at("calls");
    }
    for (const auto& [name, each] : calls->items()) {
        const value* const known =
            then != nullptr && then->is_object() && then->contains(name) ? &then->at(name) : nullptr;
        const auto rate = [&](const char* counter) {
            return now.between(known == nullptr ? std::nullopt : std::optional{member(*known, counter)},
                               member(each, counter));
        };
        const double ended = member(each, "ok") + member(each, "failed");
        made.rows.push_back({name,
                             {text_cell(name), count_cell(member(each, "workers")), count_cell(member(each, "running")),
                              count_cell(member(each, "queued")), count_cell(rate("ok") + rate("failed")),
                              count_cell(rate("failed")), count_cell(ended), count_cell(member(each, "failed")),
                              ended == 0 ? cell{"-", 0, true} : time_cell(member(each, "time_run") / ended)}});
    }
    return made;
}

/// Calls a second of each worker.
class call_rates {
public:
    explicit call_rates(const rates& now) : now_{now} {
        if (now.before() != nullptr) {
            for (const value& each : now.before()->workers) {
                then_[text_at(each, "worker")] = member(each, "calls");
            }
        }
    }

    [[nodiscard]] double of(const value& worker) const {
        const auto then = then_.find(text_at(worker, "worker"));
        return now_.between(then == then_.end() ? std::nullopt : std::optional{then->second}, member(worker, "calls"));
    }

private:
    const rates& now_;
    std::map<std::string, double> then_{};
};

table workers_of(const rates& now) {
    table made{{{"WORKER", 7, alignment::left},
                {"NAME", 0, alignment::left},
                {"POOL", 12, alignment::left},
                {"PID", 7},
                {"RUNNING", 7},
                {"PLACES", 6},
                {"CALLS/s", 7},
                {"CALLS", 6},
                {"FAILED", 6}},
               {},
               6};
    const call_rates calls{now};
    for (const value& each : now.now().workers) {
        const auto id = text_at(each, "worker");
        const auto name = text_at(each, "name");
        made.rows.push_back({id,
                             {text_cell(id),
                              text_cell(name.empty() ? text_at(each, "address") : name),
                              text_cell(text_at(each, "pool")),
                              {text_at(each, "pid"), member(each, "pid"), true},
                              count_cell(member(each, "running")),
                              count_cell(member(each, "concurrency")),
                              count_cell(calls.of(each)),
                              count_cell(member(each, "calls")),
                              count_cell(member(each, "failed"))}});
    }
    return made;
}

table pools_of(const rates& now) {
    table made{{{"POOL", 0, alignment::left},
                {"PROCESSES", 9},
                {"RUNNING", 7},
                {"PLACES", 6},
                {"CALLS/s", 7},
                {"CALLS", 6},
                {"FAILED", 6}},
               {},
               4};
    struct sums {
        double processes = 0;
        double running = 0;
        double places = 0;
        double rate = 0;
        double calls = 0;
        double failed = 0;
    };
    std::map<std::string, sums> pools;
    const call_rates calls{now};
    for (const value& each : now.now().workers) {
        const auto name = text_at(each, "pool");
        sums& own = pools[name.empty() ? "(in no pool)" : name];
        own.processes += 1;
        own.running += member(each, "running");
        own.places += member(each, "concurrency");
        own.rate += calls.of(each);
        own.calls += member(each, "calls");
        own.failed += member(each, "failed");
    }
    for (const auto& [name, own] : pools) {
        made.rows.push_back(
            {name,
             {text_cell(name), count_cell(own.processes), count_cell(own.running), count_cell(own.places),
              count_cell(own.rate), count_cell(own.calls), count_cell(own.failed)}});
    }
    return made;
}

table threads_of(const rates& now) {
    table made{{{"THREAD", 0, alignment::left},
                {"RUN/s", 7},
                {"STOLEN/s", 8},
                {"PARKS/s", 7},
                {"WAKES/s", 7},
                {"TIMERS/s", 8},
                {"QUEUED", 6}},
               {},
               0};
    for (const char* const kind : {"threads", "bulk_threads"}) {
        const auto list = now.now().stats.is_object() ? now.now().stats.find(kind) : now.now().stats.end();
        const std::size_t count = list == now.now().stats.end() || !list->is_array() ? 0 : list->size();
        for (std::size_t i = 0; i < count; ++i) {
            const std::string place = "/" + std::string{kind} + "/" + std::to_string(i) + "/";
            const std::string name = (kind == std::string_view{"threads"} ? "worker " : "bulk ") + std::to_string(i);
            const auto rate = [&](const char* counter) { return count_cell(now.of_stats(place + counter)); };
            made.rows.push_back({name,
                                 {{name, -static_cast<double>(made.rows.size()), true},
                                  rate("run"),
                                  rate("stolen"),
                                  rate("parks"),
                                  rate("wakes"),
                                  rate("timers"),
                                  count_cell(number_at(now.now().stats, place + "queued"))}});
        }
    }
    return made;
}

std::string lower(std::string_view text) {
    std::string made{text};
    std::ranges::transform(made, made.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return made;
}

}  // namespace

table make_table(tab which, const rates& now) {
    switch (which) {
        case tab::functions:
            return functions_of(now);
        case tab::pools:
            return pools_of(now);
        case tab::workers:
            return workers_of(now);
        case tab::threads:
            return threads_of(now);
        case tab::tasks:
            break;
    }
    return tasks_of(now);
}

void filter(table& changed, std::string_view words) {
    const std::string wanted = lower(words);
    std::erase_if(changed.rows, [&wanted](const row& each) {
        return std::ranges::none_of(
            each.cells, [&wanted](const cell& one) { return lower(one.text).find(wanted) != std::string::npos; });
    });
}

void sort(table& changed, std::size_t by, bool is_reversed) {
    if (by >= changed.columns.size()) {
        return;
    }
    const auto goes_before = [by](const row& a, const row& b) {
        const cell& mine = a.cells[by];
        const cell& theirs = b.cells[by];
        return mine.is_number && theirs.is_number ? mine.number > theirs.number : mine.text < theirs.text;
    };
    std::ranges::sort(changed.rows, [&](const row& a, const row& b) {
        if (goes_before(a, b) || goes_before(b, a)) {
            return is_reversed ? goes_before(b, a) : goes_before(a, b);
        }
        return a.key < b.key;
    });
}

}  // namespace gatherd::cli::top
