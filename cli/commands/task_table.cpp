#include "cli/commands/task_table.hpp"

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/text_table.hpp"

namespace gatherd::cli {

namespace {

using api::value;

std::string cell(const value& task, const char* name) {
    const auto found = task.is_object() ? task.find(name) : task.end();
    if (found == task.end() || found->is_null()) {
        return "-";
    }
    return found->is_string() ? found->get<std::string>()
                              : found->dump(-1, ' ', false, value::error_handler_t::replace);
}

/// Unix seconds as "2026-11-29 03:08:56".
std::string time_cell(const value& task, const char* name) {
    constexpr double most = 253'402'300'799.0;  // the end of the year 9999
    const auto found = task.is_object() ? task.find(name) : task.end();
    if (found == task.end() || !found->is_number() || !(found->get<double>() >= 0) || found->get<double>() > most) {
        return cell(task, name);
    }
    const auto seconds = static_cast<std::time_t>(found->get<double>());
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts)};
}

}  // namespace

std::string task_table(const value& tasks) {
    std::vector<std::vector<std::string>> rows{{"ID", "NAME", "STATE", "CREATED", "STARTED", "FINISHED (UTC)"}};
    for (const auto& each : tasks) {
        rows.push_back({cell(each, "id"), cell(each, "name"), cell(each, "state"), time_cell(each, "created"),
                        time_cell(each, "started"), time_cell(each, "finished")});
    }
    return text_table(rows);
}

}  // namespace gatherd::cli
