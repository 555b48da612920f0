#include "gatherd/executor/dump_tasks.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/detail/worker.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/task_scope.hpp"

namespace gatherd::executor {

/// One walk over the lists of all scopes.
///
/// A task is described under the lock of its list, which it cannot leave meanwhile: so the walk needs no reference to
/// it, and no result ends on this thread. That lock is let go after some tasks; a bookmark keeps the place in the list.
/// No scope begins or drains during the walk.
class task_walk {
public:
    task_walk(scheduler& pool, std::size_t limit)
        : limit_{std::min(limit, largest_limit)}, dump_{.time = clock::now()}, room_(std::min(limit, most_awaited)) {
        for (const auto& each : pool.workers_) {
            running_.push_back(each->running.get());  // only compared
        }
        const std::lock_guard guard{pool.scopes_lock_};
        for (task_scope* scope = pool.first_scope_; scope != nullptr; scope = scope->next_scope_) {
            for (task_scope::shard& each : scope->shards_) {
                walk(each);
            }
        }
        dump_.left_out = live_ - std::min(live_, dump_.tasks.size());
        dump_.in_place =
            running_.size() - static_cast<std::size_t>(std::count(running_.begin(), running_.end(), nullptr));
    }

    [[nodiscard]] task_dump take() { return std::move(dump_); }

private:
    static constexpr std::size_t tasks_at_once = 32;
    static constexpr std::size_t largest_limit = std::size_t{1} << 32;
    static constexpr std::size_t most_awaited = 4096;  // of one task
    static constexpr std::size_t awaited_a_task = 4;   // of all tasks, on average

    class bookmark : public scope_member {
        void ask_to_end(task_refs&, const std::string&, std::uint64_t) final {}
    };

    void walk(task_scope::shard& list) {
        bookmark mark;
        for (bool is_marked = false;; is_marked = true) {
            try {
                if (dump_.tasks.capacity() < dump_.tasks.size() + tasks_at_once) {
                    dump_.tasks.reserve(2 * dump_.tasks.size() + tasks_at_once);  // not under the lock
                }
            } catch (const std::bad_alloc&) {
                if (is_marked) {
                    const std::lock_guard guard{list.lock};
                    take_out(list, mark);
                }
                throw;
            }
            const std::lock_guard guard{list.lock};
            scope_member* next = list.first;
            if (is_marked) {
                next = mark.next_in_scope_;
                take_out(list, mark);
            } else {
                live_ += list.live;
            }
            for (std::size_t left = tasks_at_once; left > 0 && next != nullptr && dump_.tasks.size() < limit_; --left) {
                if (task_state* const task = next->as_task()) {
                    describe(*task);
                }
                next = next->next_in_scope_;
            }
            if (next == nullptr || dump_.tasks.size() >= limit_) {
                return;
            }
            put_before(list, mark, *next);
        }
    }

    static void put_before(task_scope::shard& list, scope_member& fresh, scope_member& next) noexcept {
        fresh.next_in_scope_ = &next;
        fresh.previous_in_scope_ = std::exchange(next.previous_in_scope_, &fresh);
        (list.first == &next ? list.first : fresh.previous_in_scope_->next_in_scope_) = &fresh;
    }

    static void take_out(task_scope::shard& list, scope_member& leaving) noexcept {
        (list.first == &leaving ? list.first : leaving.previous_in_scope_->next_in_scope_) = leaving.next_in_scope_;
        if (leaving.next_in_scope_ != nullptr) {
            leaving.next_in_scope_->previous_in_scope_ = leaving.previous_in_scope_;
        }
    }

    /// Under the lock of its list.
    void describe(task_state& task) {
        if (task.ended()) {
            return;  // it is about to leave
        }
        task_record& record = dump_.tasks.emplace_back();
        record.id = &task;
        record.name = task.given_name();
        record.cancelling = task.cancelling();
        wait_description wait{.room = std::span{room_}.first(std::min(room_.size(), room_left()))};
        if (task.describe_wait(wait)) {
            record.activity = task_activity::waiting;
            record.waits_for = wait.kind;
            record.until = wait.until;
            record.pending = wait.pending;
            record.total = wait.total;
            const auto awaited = wait.room.first(wait.awaited);
            record.awaits.assign(awaited.begin(), awaited.end());
            awaited_ += wait.awaited;
        } else if (const auto found = std::find(running_.begin(), running_.end(), &task); found != running_.end()) {
            record.activity = task_activity::running;
            *found = nullptr;
        }
    }

    [[nodiscard]] std::size_t room_left() const noexcept { return limit_ * awaited_a_task - awaited_; }

    const std::size_t limit_;
    task_dump dump_;
    std::vector<const void*> room_;
    std::vector<const task_state*> running_;  // null: found
    std::size_t live_ = 0;
    std::size_t awaited_ = 0;
};

task_dump dump_tasks(scheduler& pool, std::size_t limit) {
    return task_walk{pool, limit}.take();
}

namespace {

constexpr std::size_t deepest_shown = 24;  // of a tree that is deeper the lines are indented so far at most

/// Writes a dump as text.
class tree_writer {
public:
    explicit tree_writer(const task_dump& dump) : dump_{dump}, places_(dump.tasks.size()) {
        for (std::size_t i = 0; i < dump_.tasks.size(); ++i) {
            index_.emplace(dump_.tasks[i].id, i);
        }
        for (const task_record& each : dump_.tasks) {
            for (const void* const awaited : each.awaits) {
                if (const auto found = index_.find(awaited); found != index_.end()) {
                    places_[found->second].is_awaited = true;
                }
            }
        }
    }

    std::string write() {
        write_summary();
        for (std::size_t i = 0; i < places_.size(); ++i) {
            if (!places_[i].is_awaited) {
                write_tree(i);
            }
        }
        bool is_first = true;
        for (std::size_t i = 0; i < places_.size(); ++i) {
            if (!places_[i].is_written) {
                text_ += std::exchange(is_first, false) ? "in a circle, each waits for another:\n" : "";
                write_tree(i);
            }
        }
        return std::move(text_);
    }

private:
    struct place {
        bool is_awaited = false;
        bool is_written = false;
    };
    struct level {
        std::vector<std::size_t> below;  // those that it awaits, and that are here
        std::size_t next = 0;
    };

    void write_summary() {
        std::array<std::size_t, 3> counts{};
        for (const task_record& each : dump_.tasks) {
            ++counts[static_cast<std::size_t>(each.activity)];
        }
        const auto [ready, running, waiting] = counts;
        text_ += std::to_string(dump_.tasks.size()) + " tasks: " + std::to_string(running) + " running, " +
                 std::to_string(ready) + " ready, " + std::to_string(waiting) + " waiting";
        if (dump_.in_place > 0) {
            text_ += "; " + std::to_string(dump_.in_place) + " children of gathers run, and are not shown";
        }
        if (dump_.left_out > 0) {
            text_ += "; " + std::to_string(dump_.left_out) + " more are not shown";
        }
        text_ += '\n';
    }

    /// A task and all below it. Without recursion: a chain of awaits may be long.
    void write_tree(std::size_t root) {
        std::vector<level> path;
        path.push_back(write_new(root));
        while (!path.empty()) {
            level& top = path.back();
            if (top.next == top.below.size()) {
                path.pop_back();
                continue;
            }
            const std::size_t task = top.below[top.next++];
            write_branch(path);
            if (!places_[task].is_written) {
                path.push_back(write_new(task));
            } else {
                write_name(dump_.tasks[task]);
                text_ += ", see above\n";
            }
        }
    }

    level write_new(std::size_t task) {
        places_[task].is_written = true;
        write_task(dump_.tasks[task]);
        text_ += '\n';
        level fresh;
        for (const void* const awaited : dump_.tasks[task].awaits) {
            if (const auto found = index_.find(awaited); found != index_.end()) {  // else it has ended, or is left out
                fresh.below.push_back(found->second);
            }
        }
        return fresh;
    }

    void write_branch(const std::vector<level>& path) {
        for (std::size_t i = 0; i < std::min(path.size(), deepest_shown); ++i) {
            const bool has_more = path[i].next < path[i].below.size();
            const bool is_last = i + 1 == path.size();
            text_ += is_last ? (has_more ? "├── " : "└── ") : (has_more ? "│   " : "    ");
        }
    }

    void write_name(const task_record& task) {
        std::array<char, 32> id{};
        std::snprintf(id.data(), id.size(), " %p", task.id);
        text_ += task.name.empty() ? "task" : task.name;
        text_ += id.data();
    }

    void write_task(const task_record& task) {
        write_name(task);
        switch (task.activity) {
            case task_activity::ready:
                text_ += ": ready";
                break;
            case task_activity::running:
                text_ += ": running";
                break;
            case task_activity::waiting:
                text_ += ": waits for ";
                text_ += task.waits_for;
                break;
        }
        if (task.total > 0) {
            text_ += ", " + std::to_string(task.pending) + " of " + std::to_string(task.total) + " pending";
        }
        if (task.until) {
            std::array<char, 64> left{};
            std::snprintf(left.data(), left.size(), ", %.3f s left",
                          std::chrono::duration<double>(std::max(*task.until - dump_.time, {})).count());
            text_ += left.data();
        }
        if (task.cancelling > 0) {
            text_ += ", asked to cancel";
        }
    }

    const task_dump& dump_;
    std::unordered_map<const void*, std::size_t> index_;
    std::vector<place> places_;
    std::string text_;
};

}  // namespace

std::string to_string(const task_dump& dump) {
    return tree_writer{dump}.write();
}

}  // namespace gatherd::executor
