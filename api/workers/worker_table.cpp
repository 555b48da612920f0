#include "api/workers/worker_table.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/protocol/response.hpp"
#include "api/workers/call_worker.hpp"
#include "gatherd/executor/scheduler.hpp"

namespace gatherd::api::workers {

namespace {

/// Functions that are entered or withdrawn at a time, while the lock is held.
constexpr std::size_t most_at_a_time = 256;

/// A declaration as plans may call it.
std::shared_ptr<const plan::function> callable(worker_table& table, const declaration& declared) {
    auto made = std::make_shared<plan::function>(declared.callee);
    made->body = plan::coroutine_body{
        [&table, name = std::make_shared<const std::string>(declared.callee.name)](
            plan::call_context& context, plan::arguments given) { return call_worker(table, name, context, given); }};
    return made;
}

call_end loss(const std::string& why) {
    call_end end;
    end.ending = call_end::way::lost;
    end.message = why;
    return end;
}

}  // namespace

worker_table::worker_table(executor::scheduler& threads, plan::registry& functions, bounds_source bounds)
    : threads_{threads}, functions_{functions}, bounds_{std::move(bounds)} {}

worker_table::~worker_table() = default;

// ---- workers come, change and go -----------------------------------------------------------------

std::optional<error> worker_table::serve(const std::shared_ptr<worker>& host, worker_info info,
                                         std::vector<declaration_ptr> functions, const std::string& path) {
    std::vector<std::shared_ptr<offer>> before;
    std::uint64_t number = 0;
    {
        const std::lock_guard guard{lock_};
        const std::size_t most = bounds_().functions;
        if (declared_ - host->counted_ + functions.size() > most) {
            return too_many_functions(most);
        }
        if (auto fault = fault_of_owner(*host, functions, path)) {
            return fault;
        }
        ++host->pauses_;
        host->refusal_.clear();
        if (host->is_gone_) {
            return std::nullopt;  // its connection has ended meanwhile
        }
        take_ownership(*host, functions);
        declared_ += functions.size() - host->counted_;
        host->counted_ = functions.size();
        host->info_ = std::move(info);
        if (host->member_ != nullptr && host->member_->concurrency) {
            host->info_.concurrency = *host->member_->concurrency;
        }
        auto groups = std::exchange(host->groups_, {});
        for (const auto& [group, places] : host->info_.groups) {
            auto& kept = groups[group];  // with the calls that run
            if (kept == nullptr) {
                kept = std::make_shared<shared_places>();
            }
            kept->concurrency = places;
            host->groups_.emplace(group, kept);
        }
        if (host->number_ == 0) {
            host->number_ = ++last_worker_;
            workers_.emplace(host->number_, host);
            serving_members_ += host->member_ == nullptr ? 0 : 1;
        }
        number = ++last_serve_;
        before = std::move(host->serving_);
        host->serving_.clear();
    }
    for (std::size_t i = 0; i < functions.size();) {
        const std::size_t end = std::min(i + most_at_a_time, functions.size());
        std::vector<std::shared_ptr<const plan::function>> callees;
        for (std::size_t j = i; j < end; ++j) {
            callees.push_back(callable(*this, *functions[j]));
        }
        const std::lock_guard guard{lock_};
        for (auto& each : callees) {
            declare(host, functions[i++], std::move(each), number);
        }
    }
    withdraw_all(*host, std::move(before), number, "it serves the name no more");
    {
        const std::lock_guard guard{lock_};
        before = host->is_gone_ ? std::move(host->serving_) : std::vector<std::shared_ptr<offer>>{};
    }
    withdraw_all(*host, std::move(before), 0, "its connection has ended");  // while it served
    return std::nullopt;
}

/// Under lock_.
void worker_table::declare(const std::shared_ptr<worker>& host, const declaration_ptr& declared,
                           std::shared_ptr<const plan::function> callee, std::uint64_t serve_number) {
    const std::string& name = declared->callee.name;
    const name_ptr named = name_entry(name);
    auto known = host->offers_.find(name);
    if (known != host->offers_.end() && known->second->name != named) {
        host->offers_.erase(known);  // withdrawn, of a name that was forgotten since; its last calls keep it
        known = host->offers_.end();
    }
    if (known == host->offers_.end()) {
        known = host->offers_.emplace(named->name, std::make_shared<offer>(offer{host.get(), named})).first;
    }
    offer& made = *known->second;
    drop_ownership(*host, *named);
    made.declared = declared;
    const auto group = host->groups_.find(declared->group);
    made.group = group == host->groups_.end() ? nullptr : group->second;
    made.callee = std::move(callee);
    made.serve_number = serve_number;
    served_name& entry = *made.name;
    if (std::exchange(made.is_withdrawn, false)) {
        made.position = entry.offers.size();
        entry.offers.push_back(&made);
    }
    if (entry.remembered) {
        remembered_.erase(*std::exchange(entry.remembered, std::nullopt));
    }
    publish(entry, made);
    host->serving_.push_back(known->second);
}

/// Plans are checked by this declaration from now on. Under lock_.
void worker_table::publish(served_name& name, offer& newest) {
    name.newest = &newest;
    name.is_known = true;
    functions_.serve(newest.callee);
}

/// Withdraws those that the serve of that number has not named again; all, if it is 0.
void worker_table::withdraw_all(worker& host, std::vector<std::shared_ptr<offer>> offers, std::uint64_t kept_number,
                                const std::string& why) {
    for (std::size_t i = 0; i < offers.size();) {
        const std::lock_guard guard{lock_};
        const std::string told = "w" + std::to_string(host.number_) + ": " + why;
        for (const std::size_t end = std::min(i + most_at_a_time, offers.size()); i < end; ++i) {
            if (kept_number == 0 || offers[i]->serve_number != kept_number) {
                withdraw(*offers[i], told);
            }
        }
    }
}

/// Under lock_.
void worker_table::withdraw(offer& gone, const std::string& why) {
    if (std::exchange(gone.is_withdrawn, true)) {
        return;
    }
    const name_ptr name = gone.name;
    name->offers.back()->position = gone.position;
    name->offers[gone.position] = name->offers.back();
    name->offers.pop_back();
    if (gone.running == 0) {
        drop_offer(gone);
    }
    if (name->offers.empty()) {
        name->newest = nullptr;
        name->orphaned_at = clock::now();
        name->loss = why;
        remember(name);
        arm_sweep(name);
    } else if (name->newest == &gone) {
        publish(*name, **std::ranges::max_element(name->offers, {}, &offer::serve_number));
    }
}

/// Withdrawn, and without a call. Whoever calls this keeps it. Under lock_.
void worker_table::drop_offer(const offer& unused) noexcept {
    auto& all = unused.owner->offers_;
    if (const auto found = all.find(unused.name->name); found != all.end() && found->second.get() == &unused) {
        all.erase(found);
    }
}

void worker_table::resume(worker& served) {
    std::string message;
    std::vector<std::function<void()>> called;
    {
        const std::lock_guard guard{lock_};
        if (--served.pauses_ > 0 || served.is_gone_) {
            return;
        }
        fill(served);
        if (served.member_ != nullptr && !served.member_->serves.load()) {
            faults_.erase(*served.member_->pool);
            called = take_expected(*served.member_->pool);
            served.member_->tell(served.member_->serves);
        }
        if (drained_by_ && !std::exchange(served.knows_of_drain_, true)) {
            message = drain_message(*drained_by_);
        }
    }
    for (const auto& each : called) {
        each();
    }
    if (!message.empty()) {
        served.link().send(message);
    }
}

void worker_table::lose(worker& gone, const std::string& why) {
    if (gone.member_ == nullptr) {
        end(gone, why.empty() ? "its connection has ended" : why);
        return;
    }
    const std::lock_guard guard{lock_};
    gone.is_resting_ = true;
    if (gone.why_hung_up_.empty()) {
        gone.why_hung_up_ = why;
    }
    gone.member_->tell(gone.member_->has_hung_up);
}

void worker_table::end(worker& gone, const std::string& why) {
    std::vector<std::shared_ptr<offer>> serving;
    calls lost;
    std::string told;
    {
        const std::lock_guard guard{lock_};
        if (std::exchange(gone.is_gone_, true)) {
            return;
        }
        told = gone.why_hung_up_.empty() ? why : gone.why_hung_up_;
        for (auto& [id, call] : gone.running_) {
            served_name& name = *call->offer_->name;
            --call->offer_->running;
            --name.running;
            ++name.failed;
            name.times_run.add(clock::now() - call->began_);
            lost.push_back(std::move(call));
        }
        gone.running_.clear();
        declared_ -= std::exchange(gone.counted_, 0);
        serving = std::move(gone.serving_);
        workers_.erase(gone.number_);
        if (gone.member_ != nullptr) {
            joined_.erase(gone.member_->pid);
            serving_members_ -= gone.number_ == 0 ? 0 : 1;
        }
    }
    withdraw_all(gone, std::move(serving), 0, told);
    for (const auto& each : lost) {
        each->finish(loss(told));
    }
}

// ---- names ---------------------------------------------------------------------------------------

/// Under lock_.
worker_table::name_ptr worker_table::name_entry(const std::string& name) {
    if (const auto known = names_.find(name); known != names_.end()) {
        return known->second;
    }
    auto made = std::make_shared<served_name>(name, turns_);
    names_.emplace(made->name, made);
    return made;
}

/// Nobody serves it any more: plans may call it for a while. Under lock_.
void worker_table::remember(const name_ptr& name) {
    if (is_listed(name->name)) {
        return;  // plans may call it for ever
    }
    name->remembered = remembered_.insert(remembered_.end(), name);
    if (remembered_.size() > bounds_().functions) {
        forget(*remembered_.front());
    }
    arm_forgetting();
}

/// Under lock_.
void worker_table::forget(served_name& name) {
    if (const auto owned = owners_.find(name.name); owned != owners_.end() && !owned->second.is_listed) {
        owners_.erase(owned);
    }
    const name_ptr kept = std::move(**name.remembered);
    remembered_.erase(*std::exchange(name.remembered, std::nullopt));
    name.is_known = false;
    functions_.withdraw(name.name);
    drop_if_unused(name);
}

/// Under lock_.
void worker_table::arm_forgetting() {
    if (remembered_.empty() || std::exchange(is_forgetting_, true)) {
        return;
    }
    const auto due = remembered_.front()->orphaned_at + bounds_().worker_remember;
    forgetting_.set(threads_, std::max<clock::duration>(due - clock::now(), clock::duration::zero()),
                    [this] { forget_old(); });
}

void worker_table::forget_old() {
    const std::lock_guard guard{lock_};
    is_forgetting_ = false;
    const auto latest = clock::now() - bounds_().worker_remember;
    for (std::size_t i = 0; i < most_at_a_time && !remembered_.empty(); ++i) {
        if (remembered_.front()->orphaned_at > latest) {
            break;
        }
        forget(*remembered_.front());
    }
    arm_forgetting();
}

/// Under lock_. The caller keeps it.
void worker_table::drop_if_unused(served_name& name) noexcept {
    if (!name.offers.empty() || !name.line.empty() || name.is_known) {
        return;
    }
    // It may have gone before, and another one of its name have come, while a call or a timer kept it.
    if (const auto known = names_.find(name.name); known != names_.end() && known->second.get() == &name) {
        names_.erase(known);
    }
}

// ---- the whole -----------------------------------------------------------------------------------

std::string worker_table::id_of(const worker& named) const {
    const std::lock_guard guard{lock_};
    return "w" + std::to_string(named.number_);
}

std::vector<std::string> worker_table::names_of(const worker& host) const {
    std::vector<std::string> names;
    const std::lock_guard guard{lock_};
    for (const auto& each : host.serving_) {
        names.push_back(each->name->name);
    }
    return names;
}

bool worker_table::has_pools() const {
    const std::lock_guard guard{lock_};
    return !joined_.empty() || !expected_.empty();
}

std::size_t worker_table::size() const {
    const std::lock_guard guard{lock_};
    return workers_.size() + joined_.size() - serving_members_;
}

void worker_table::drain(std::chrono::nanoseconds within) {
    std::string message;
    std::vector<std::shared_ptr<worker>> told;
    {
        const std::lock_guard guard{lock_};
        drained_by_ = clock::now() + within;
        message = drain_message(*drained_by_);
        for (const auto& [number, each] : workers_) {
            if (!std::exchange(each->knows_of_drain_, true)) {
                told.push_back(each);
            }
        }
    }
    for (const auto& each : told) {
        each->link().send(message);
    }
}

std::string worker_table::drain_message(clock::time_point by) {
    const auto left = std::max<clock::duration>(by - clock::now(), clock::duration::zero());
    std::string text;
    protocol::append_notification(text, "drain", {{"within", std::chrono::duration<double>{left}.count()}});
    return text;
}

std::size_t worker_table::declared() const {
    const std::lock_guard guard{lock_};
    return workers_.size() + declared_;
}

value worker_table::describe() const {
    std::vector<std::shared_ptr<worker>> all;
    {
        const std::lock_guard guard{lock_};
        for (const auto& [number, each] : workers_) {
            all.push_back(each);
        }
    }
    std::ranges::sort(all, {}, [](const auto& each) { return each->number_; });
    const auto text_or_null = [](const std::string& text) { return text.empty() ? value(nullptr) : value(text); };
    value list = value::array();
    for (const auto& each : all) {  // the lock is held for one at a time
        const std::vector<std::string> names = names_of(*each);
        const std::lock_guard guard{lock_};
        value one = {{"worker", "w" + std::to_string(each->number_)},
                     {"name", text_or_null(each->info_.name)},
                     {"version", text_or_null(each->info_.version)}};
        if (each->member_ != nullptr) {
            one["pool"] = *each->member_->pool;
            one["pid"] = each->member_->pid;
        }
        one.update({{"address", each->address_},
                    {"functions", names},
                    {"concurrency", each->info_.concurrency},
                    {"running", each->running_.size()},
                    {"calls", each->calls_},
                    {"failed", each->failed_},
                    {"since", std::chrono::duration<double>{each->since_.time_since_epoch()}.count()}});
        list.push_back(std::move(one));
    }
    return list;
}

std::size_t worker_table::names() const {
    const std::lock_guard guard{lock_};
    return names_.size();
}

value worker_table::describe_calls(std::size_t most) const {
    std::vector<name_ptr> all;
    {
        const std::lock_guard guard{lock_};
        for (const auto& [name, each] : names_) {
            all.push_back(each);
        }
        if (all.size() > most) {
            const auto how_many = [](const name_ptr& each) { return each->returned + each->failed + each->running; };
            std::ranges::nth_element(all, all.begin() + static_cast<std::ptrdiff_t>(most), std::ranges::greater{},
                                     how_many);
            all.resize(most);
        }
    }
    std::ranges::sort(all, {}, [](const name_ptr& each) -> const std::string& { return each->name; });
    value calls_by_name = value::object();
    auto& members = calls_by_name.get_ref<value::object_t&>();
    for (const name_ptr& each : all) {
        const std::lock_guard guard{lock_};
        members.emplace_back(each->name,
                             value{{"workers", each->offers.size()},
                                   {"queued", each->line.size()},
                                   {"running", each->running},
                                   {"ok", each->returned},
                                   {"failed", each->failed},
                                   {"time_queued", std::chrono::duration<double>{each->time_queued}.count()},
                                   {"time_run", std::chrono::duration<double>{each->times_run.sum}.count()}});
    }
    return calls_by_name;
}

std::vector<name_calls> worker_table::calls_by_name(std::size_t most) const {
    std::vector<name_ptr> all;
    {
        const std::lock_guard guard{lock_};
        for (const auto& [name, each] : names_) {
            all.push_back(each);
        }
    }
    std::vector<name_calls> counted;
    name_calls others;
    for (const name_ptr& each : all) {
        const std::lock_guard guard{lock_};
        if (counted.size() < most) {
            counted.push_back({each->name, each->line.size(), each->running, each->returned, each->failed,
                               each->time_queued, each->times_run});
            continue;
        }
        others.queued += each->line.size();
        others.running += each->running;
        others.time_queued += each->time_queued;
        others.returned += each->returned;
        others.failed += each->failed;
        others.times_run.sum += each->times_run.sum;
        for (std::size_t i = 0; i < others.times_run.counts.size(); ++i) {
            others.times_run.counts[i] += each->times_run.counts[i];
        }
    }
    if (all.size() > most) {
        counted.push_back(std::move(others));
    }
    return counted;
}

latency_histogram worker_table::times_queued() const {
    const std::lock_guard guard{lock_};
    return times_queued_;
}

}  // namespace gatherd::api::workers
