#include "api/pools/pool_table.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "api/log/event.hpp"
#include "api/plan/model/function_name.hpp"

namespace gatherd::api::pools {

namespace {

constexpr std::size_t started_at_a_time = 2;

}  // namespace

void check(const pool_settings& settings, const plan::registry& functions) {
    try {
        static_cast<void>(launcher{settings, std::nullopt}.request());
        for (const std::string& each : settings.functions) {
            if (const auto why = plan::why_unusable(each, functions)) {
                throw std::runtime_error{"functions: " + *why};
            }
        }
    } catch (const std::runtime_error& failed) {
        throw std::runtime_error{"pools." + settings.name + ": " + failed.what()};
    }
}

pool_table::pool_table(executor::scheduler& threads, workers::worker_table& workers, connect_process connect,
                       std::optional<std::uint64_t> open_files)
    : around_{.threads = threads,
              .workers = workers,
              .connect = std::move(connect),
              .open_files = open_files,
              .spawner = process::process_spawner{started_at_a_time},
              .tasks = executor::async_scope{threads}} {}

pool_table::~pool_table() {
    stop(true);
    wait();
}

void pool_table::change(const std::vector<pool_settings>& pools) {
    for (const pool_settings& each : pools) {
        check(each, around_.workers.functions());
    }
    for (auto each = pools_.begin(); each != pools_.end();) {
        const bool is_gone = std::ranges::count(pools, each->first, &pool_settings::name) == 0;
        if (is_gone) {
            log::info("a pool was removed: its processes end", {{"pool", each->first}});
            each->second->stop("its pool is no longer in the settings", false);
            around_.workers.forget_pool(each->first);
        }
        const std::lock_guard guard{lock_};
        each = is_gone ? pools_.erase(each) : std::next(each);
    }
    for (const pool_settings& each : pools) {
        const auto known = pools_.find(each.name);
        if (known != pools_.end()) {
            known->second->replace(each);
        } else {
            const auto made = std::make_shared<pool>(around_, each.name);
            made->start(each);
            const std::lock_guard guard{lock_};
            pools_.emplace(each.name, made);
        }
    }
}

std::vector<pool::state> pool_table::states() const {
    std::vector<pool::state> all;
    const std::lock_guard guard{lock_};
    for (const auto& [name, each] : pools_) {
        all.push_back(each->now());
    }
    return all;
}

void pool_table::stop(bool at_once) {
    for (const auto& [name, each] : pools_) {
        each->stop("the daemon stops", at_once);
    }
}

void pool_table::wait() {
    if (!std::exchange(was_awaited_, true)) {
        around_.tasks.wait();
    }
}

}  // namespace gatherd::api::pools
