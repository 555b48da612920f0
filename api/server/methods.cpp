#include "api/server/methods.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "api/server/info_methods.hpp"
#include "api/server/run_methods.hpp"
#include "api/server/service.hpp"
#include "api/server/task_methods.hpp"

namespace gatherd::api::server {
namespace {

struct method {
    std::string_view name;
    void (*call)(service&, std::optional<json::json_view>, reply);
    bool starts_work;  // refused while the service drains
};

constexpr std::array methods{
    method{"run", run, true},
    method{"gather", gather, true},
    method{"map", map, true},
    method{"create_task", create_task, true},
    method{"await", await_tasks, false},
    method{"wait", wait, false},
    method{"as_completed", as_completed, false},
    method{"cancel", cancel, false},
    method{"status", status, false},
    method{"tasks", tasks, false},
    method{"forget", forget, false},
    method{"functions", functions, false},
    method{"stats", stats, false},
    method{"info", info, false},
    method{"ping", ping, false},
};

std::string names() {
    std::string all;
    for (const method& each : methods) {
        all += (all.empty() ? "" : ", ") + std::string{each.name};
    }
    return all;
}

}  // namespace

void call_method(service& of, const wire::request& request, reply answer) {
    const auto* const found =
        std::find_if(methods.begin(), methods.end(), [&](const method& m) { return m.name == request.method; });
    if (found == methods.end()) {
        constexpr std::size_t shown = 80;
        answer.error({errc::method_not_found, "Method not found: '" + std::string{request.method.substr(0, shown)} +
                                                  "'; the methods are " + names()});
    } else if (found->starts_work && of.is_draining()) {
        answer.error({errc::shutting_down, "Shutting down: nothing new is started"});
    } else {
        found->call(of, request.params, std::move(answer));
    }
}

}  // namespace gatherd::api::server
