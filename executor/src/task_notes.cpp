#include "gatherd/executor/detail/task_notes.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "gatherd/executor/detail/worker.hpp"

namespace gatherd::executor {
namespace {

std::string next_name() {
    static std::atomic<std::uint64_t> named{0};
    return "Task-" + std::to_string(named.fetch_add(1, std::memory_order_relaxed) + 1);  // a name, nothing more
}

}  // namespace

void done_callback::fired(continuation& self, task_state& ended) noexcept {
    worker& here = *worker::current();
    task_state* const outer = std::exchange(here.running, &ended);
    static_cast<done_callback&>(self).call(ended);
    here.running = outer;
}

std::string task_notes::name() {
    const std::lock_guard guard{lock_};
    if (name_.empty()) {
        name_ = next_name();
    }
    return name_;
}

void task_notes::set_name(std::string name) {
    const std::lock_guard guard{lock_};
    name_ = std::move(name);
}

callback_id task_notes::add(task_state& task, std::unique_ptr<done_callback> callback) {
    {
        const std::lock_guard guard{lock_};
        const callback_id id = callback->id = callback_id{++last_id_};
        callbacks_.push_back(std::move(callback));
        if (task.add_continuation(*callbacks_.back())) {
            return id;
        }
        callback = std::move(callbacks_.back());
        callbacks_.pop_back();
    }
    callback->call(task);
    return callback->id;
}

bool task_notes::remove(task_state& task, callback_id id) noexcept {
    std::unique_ptr<done_callback> removed;  // ends after the lock: it is foreign code
    const std::lock_guard guard{lock_};
    const auto found =
        std::find_if(callbacks_.begin(), callbacks_.end(), [id](const auto& each) { return each->id == id; });
    if (found == callbacks_.end() || !task.remove_continuation(**found)) {
        return false;
    }
    removed = std::move(*found);
    callbacks_.erase(found);
    return true;
}

}  // namespace gatherd::executor
