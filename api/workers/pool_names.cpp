/// \file
/// What belongs to pools: the part of worker_table that knows their names, and why they do not serve.
#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/shortened.hpp"
#include "api/workers/call_worker.hpp"
#include "api/workers/worker_table.hpp"

namespace gatherd::api::workers {

void worker_table::join(const worker& made) {
    const std::lock_guard guard{lock_};
    joined_.emplace(made.member_->pid, &made);
}

std::string worker_table::why_hung_up(const worker& asked) const {
    const std::lock_guard guard{lock_};
    return asked.why_hung_up_;
}

void worker_table::note_refusal(worker& host, const std::string& why) {
    const std::lock_guard guard{lock_};
    host.refusal_ = loggable(why);
    if (const auto expected = host.member_ == nullptr ? expected_.end() : expected_.find(*host.member_->pool);
        expected != expected_.end()) {
        expected->second = "its serve was refused: " + host.refusal_;
    }
}

std::string worker_table::refusal_of(const worker& asked) const {
    const std::lock_guard guard{lock_};
    return asked.refusal_;
}

void worker_table::rest(worker& tired, std::chrono::milliseconds within) {
    std::string message;
    {
        const std::lock_guard guard{lock_};
        tired.is_resting_ = true;
        if (!tired.is_gone_ && !std::exchange(tired.knows_of_drain_, true)) {
            message = drain_message(clock::now() + within);
        }
        look_at_rest(tired);
    }
    if (!message.empty()) {
        tired.link().send(message);
    }
}

bool worker_table::is_of_pool(const worker& host, const std::string& pool) noexcept {
    return host.member_ != nullptr && *host.member_->pool == pool;
}

/// Why the worker may not serve all of these, or nothing. Under lock_.
std::optional<error> worker_table::fault_of_owner(const worker& host, const std::vector<declaration_ptr>& functions,
                                                  const std::string& path) const {
    if (owners_.empty()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < functions.size(); ++i) {
        const auto owned = owners_.find(functions[i]->callee.name);
        if (owned != owners_.end() && !is_of_pool(host, *owned->second.pool)) {
            const std::string at = path + '/' + std::to_string(i) + "/name";
            return error{errc::invalid_params,
                         "Invalid params: " + at + ": '" + owned->first + "' belongs to pool " + *owned->second.pool,
                         std::make_shared<const value>(value{{"path", at}})};
        }
    }
    return std::nullopt;
}

/// A name that a pool serves first belongs to it. Under lock_, which is held since fault_of_owner found no fault: of
/// two pools that begin to serve a name at the same moment one is refused.
void worker_table::take_ownership(const worker& host, const std::vector<declaration_ptr>& functions) {
    if (host.member_ == nullptr) {
        return;
    }
    for (const declaration_ptr& each : functions) {
        const auto known = names_.find(each->callee.name);
        if (known == names_.end() || known->second->offers.empty()) {
            owners_.try_emplace(each->callee.name, ownership{host.member_->pool});
        }
    }
}

/// A worker that is of no pool had begun to serve the name before a pool did: it is nobody's. Under lock_.
void worker_table::drop_ownership(const worker& host, const served_name& name) {
    if (const auto owned = owners_.find(name.name);
        owned != owners_.end() && !owned->second.is_listed && !is_of_pool(host, *owned->second.pool)) {
        owners_.erase(owned);
    }
}

/// Under lock_.
bool worker_table::is_listed(const std::string& name) const {
    const auto owned = owners_.find(name);
    return owned != owners_.end() && owned->second.is_listed;
}

/// Plans may call it before anybody has served it: arguments are bound when a worker has them. Under lock_.
void worker_table::announce_listed(served_name& name) {
    if (std::exchange(name.is_known, true)) {
        return;
    }
    auto made = std::make_shared<plan::function>();
    made->name = name.name;
    made->pool = plan::thread_pool::elsewhere;
    made->has_line = true;
    made->takes = plan::args_form::unchecked;
    made->body = plan::coroutine_body{
        [this, own = std::make_shared<const std::string>(name.name)](
            plan::call_context& context, plan::arguments given) { return call_worker(*this, own, context, given); }};
    functions_.serve(std::move(made));
}

void worker_table::list(const std::shared_ptr<const std::string>& pool, const std::vector<std::string>& names) {
    const std::lock_guard guard{lock_};
    for (auto each = owners_.begin(); each != owners_.end();) {
        const bool was_listed = each->second.is_listed && *each->second.pool == *pool;
        const auto next = std::next(each);
        if (was_listed && std::ranges::count(names, each->first) == 0) {
            const name_ptr known = name_entry(each->first);
            owners_.erase(each);
            if (known->offers.empty() && known->is_known && !known->remembered) {
                remember(known);
            }
        }
        each = next;
    }
    for (const std::string& each : names) {
        owners_.insert_or_assign(each, ownership{pool, true});
        const name_ptr known = name_entry(each);
        if (known->remembered) {
            remembered_.erase(*std::exchange(known->remembered, std::nullopt));
        }
        announce_listed(*known);
    }
}

void worker_table::forget_pool(const std::string& pool) {
    std::vector<std::function<void()>> called;
    {
        const std::lock_guard guard{lock_};
        faults_.erase(pool);
        called = take_expected(pool);
    }
    list(std::make_shared<const std::string>(pool), {});
    {
        const std::lock_guard guard{lock_};
        std::erase_if(owners_, [&pool](const auto& each) { return *each.second.pool == pool; });
    }
    for (const auto& each : called) {
        each();
    }
}

void worker_table::expect(const std::string& pool) {
    const std::lock_guard guard{lock_};
    expected_.try_emplace(pool, "it is starting");
}

void worker_table::set_fault(const std::string& pool, const std::string& why) {
    const std::lock_guard guard{lock_};
    faults_.insert_or_assign(pool, why);
    if (const auto expected = expected_.find(pool); expected != expected_.end()) {
        expected->second = why;
    }
}

bool worker_table::is_expecting() const {
    const std::lock_guard guard{lock_};
    return !expected_.empty();
}

/// The pool serves, or is no more: who has to be called, without the lock. Under lock_.
std::vector<std::function<void()>> worker_table::take_expected(const std::string& pool) {
    return expected_.erase(pool) > 0 ? take_waiting() : std::vector<std::function<void()>>{};
}

/// Under lock_.
std::vector<std::function<void()>> worker_table::take_waiting() {
    arrivals_.fetch_add(1);
    std::vector<std::function<void()>> all;
    for (auto& [number, call] : when_served_) {
        all.push_back(std::move(call));
    }
    when_served_.clear();
    return all;
}

void worker_table::end_expecting() {
    std::vector<std::function<void()>> called;
    {
        const std::lock_guard guard{lock_};
        expected_.clear();
        called = take_waiting();
    }
    for (const auto& each : called) {
        each();
    }
}

std::uint64_t worker_table::when_served(std::function<void()> call) {
    {
        const std::lock_guard guard{lock_};
        if (!expected_.empty()) {
            when_served_.emplace(++last_when_served_, std::move(call));
            return last_when_served_;
        }
    }
    call();
    return 0;
}

void worker_table::forget_call(std::uint64_t number) noexcept {
    std::function<void()> dropped;  // without the lock
    const std::lock_guard guard{lock_};
    if (const auto found = when_served_.find(number); found != when_served_.end()) {
        dropped = std::move(found->second);
        when_served_.erase(found);
    }
}

std::string worker_table::faults() const {
    constexpr std::size_t most_told = 3;
    std::string all;
    const std::lock_guard guard{lock_};
    std::size_t told = 0;
    for (const auto& [pool, why] : expected_) {
        if (told++ == most_told) {
            return all + "; and " + std::to_string(expected_.size() - most_told) + " more";
        }
        all += (all.empty() ? "pool " : "; pool ") + pool + " does not serve yet: " + why;
    }
    return all;
}

}  // namespace gatherd::api::workers
