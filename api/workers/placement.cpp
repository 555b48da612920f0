/// \file
/// Which call runs where: the half of worker_table that gives places.
#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/workers/worker_table.hpp"

namespace gatherd::api::workers {

namespace {

/// Of the functions of one worker for which calls wait, so many are compared to find who is next.
constexpr std::size_t most_compared = 64;

/// Calls that one look at a name nobody serves ends at most.
constexpr std::size_t most_orphans = 256;

using offer_list = std::array<offer*, most_compared>;

}  // namespace

/// The offer whose worker has the most free places. Of equals the one that returned a result last, since what a call
/// needs is still in the caches there; else one that was not called yet; else the one that failed longest ago. Null:
/// all are full.
offer* worker_table::freest(const served_name& name) noexcept {
    offer* best = nullptr;
    std::size_t most = 0;
    for (offer* const each : name.offers) {
        const std::size_t room = std::min(each->owner->free_places(), each->free_places());
        if (room > most || (room == most && room > 0 && each->owner->preference_ > best->owner->preference_)) {
            best = each;
            most = room;
        }
    }
    return best;
}

void worker_table::place(served_call& call, offer& taken) {
    worker& host = *taken.owner;
    call.id_ = ++last_call_;
    call.worker_ = workers_.find(host.number_)->second;
    call.declared_ = taken.declared;
    call.offer_ = host.offers_.find(taken.name->name)->second;
    call.began_ = clock::now();
    host.running_.emplace(call.id_, call.shared_from_this());
    ++host.calls_;
    if (pool_member* const member = host.member_.get(); member != nullptr && host.calls_ == member->max_calls) {
        host.is_resting_ = true;
        member->tell(member->is_spent);
    }
    call.group_ = taken.group;
    if (call.group_ != nullptr) {
        ++call.group_->running;
    }
    ++taken.running;
    ++taken.name->running;
    taken.name->time_queued += call.began_ - call.entered_;
    times_queued_.add(call.began_ - call.entered_);
    call.placed_.set();
}

/// Whether that process is of the pool that alone serves the name, and has a call. Under lock_.
bool worker_table::is_own_pool_full(const served_name& name, pid_t asking) const noexcept {
    const auto found = joined_.find(asking);
    if (found == joined_.end() || found->second->running_.empty() || name.offers.empty()) {
        return false;
    }
    const std::string& own = *found->second->member_->pool;
    return std::ranges::all_of(name.offers, [&own](const offer* each) {
        const pool_member* const member = each->owner->member_.get();
        return member != nullptr && *member->pool == own;
    });
}

/// The worker may have nothing to do any more, and wait to be stopped. Under lock_.
void worker_table::look_at_rest(worker& host) noexcept {
    if (host.member_ != nullptr && host.is_resting_ && host.running_.size() <= host.unanswering_) {
        host.member_->tell(host.member_->is_idle);
    }
}

std::shared_ptr<served_call> worker_table::enter(const std::string& name, plan::call_context& context) {
    auto call = std::make_shared<served_call>(*this, context);
    const auto asking = context.client().process;
    std::unique_lock guard{lock_};
    name_ptr entry = name_entry(name);
    // Where a place is free it does not matter who asks. It is found out once for a connection.
    if (asking != nullptr && !asking->is_known() && freest(*entry) == nullptr) {
        std::vector<pid_t> leaders;
        for (const auto& [process, unused] : joined_) {
            leaders.push_back(process);
        }
        guard.unlock();
        asking->look_among(leaders, socket_owners_);
        guard.lock();
        entry = name_entry(name);
    }
    if (entry->line.empty()) {  // else no place is free, however many workers there are
        if (offer* const free = freest(*entry)) {
            place(*call, *free);
            return call;
        }
    }
    if (asking != nullptr && is_own_pool_full(*entry, asking->leader())) {
        call->orphaned_ = name + "(): all places of pool " + *entry->offers.front()->owner->member_->pool +
                          " are taken, and one of its own calls would wait for it";
        call->orphaned_type_ = "RuntimeError";
        call->placed_.set();
        return call;
    }
    call->name_ = entry;
    entry->line.push(*call);
    ++waiting_;
    if (entry->offers.empty()) {
        arm_sweep(entry);
    }
    return call;
}

void worker_table::leave(served_call& leaving) noexcept {
    const std::lock_guard guard{lock_};
    if (leaving.is_in_line()) {
        leaving.name_->line.remove(leaving);
        --waiting_;
        drop_if_unused(*leaving.name_);
    } else if (leaving.worker_ != nullptr && leaving.worker_->running_.erase(leaving.id_) > 0) {
        if (leaving.worker_->member_ == nullptr || leaving.worker_->member_->max_calls == 0) {
            --leaving.worker_->calls_;  // it was not made
        }
        leaving.worker_->preference_ = -static_cast<std::int64_t>(leaving.id_);
        give_back(leaving);
    }
}

/// Its place is free. Under lock_.
void worker_table::give_back(served_call& call) noexcept {
    offer& taken = *call.offer_;
    --taken.running;
    --taken.name->running;
    if (call.group_ != nullptr) {
        --call.group_->running;
    }
    if (taken.is_withdrawn && taken.running == 0) {
        drop_offer(taken);
    }
    worker& host = *call.worker_;
    if (call.is_unanswered_) {
        --host.unanswering_;
    }
    fill(host);
    look_at_rest(host);
}

/// Gives the worker's free places to calls that wait for what it serves. Under lock_.
void worker_table::fill(worker& host) {
    while (waiting_ > 0 && host.free_places() > 0) {
        offer_list found{};
        std::size_t count = 0;
        const std::size_t all = host.serving_.size();
        for (std::size_t looked_at = 0; looked_at < all && count < found.size(); ++looked_at) {
            host.next_ = (host.next_ + 1) % all;
            offer* const each = host.serving_[host.next_].get();
            if (!each->is_withdrawn && !each->name->line.empty() && each->free_places() > 0) {
                found[count++] = each;
            }
        }
        if (count == 0) {
            return;
        }
        auto* end = found.begin() + count;
        while (end != found.begin() && host.free_places() > 0) {
            auto* const next = std::min_element(found.begin(), end, [](const offer* a, const offer* b) {
                return a->name->line.goes_before(b->name->line);
            });
            offer& taken = **next;
            if (taken.free_places() > 0) {  // else another of its group has had the last one
                --waiting_;
                place(static_cast<served_call&>(taken.name->line.pop()), taken);
            }
            if (taken.name->line.empty() || taken.free_places() == 0) {
                *next = *--end;
            }
        }
    }
}

std::shared_ptr<served_call> worker_table::take_answered(worker& host, std::uint64_t id, bool has_returned) {
    const std::lock_guard guard{lock_};
    const auto found = host.running_.find(id);
    if (found == host.running_.end()) {
        return nullptr;
    }
    auto call = std::move(found->second);
    host.running_.erase(found);
    served_name& name = *call->offer_->name;
    name.times_run.add(clock::now() - call->began_);
    ++(has_returned ? name.returned : name.failed);
    host.failed_ += has_returned ? 0 : 1;
    host.preference_ = has_returned ? static_cast<std::int64_t>(id) : -static_cast<std::int64_t>(id);
    give_back(*call);
    if (pool_member* const member = host.member_.get(); member != nullptr && member->wants_answers) {
        member->tell(member->has_answered);
    }
    return call;
}

std::shared_ptr<served_call> worker_table::find_call(worker& host, std::uint64_t id) {
    const std::lock_guard guard{lock_};
    const auto found = host.running_.find(id);
    return found == host.running_.end() ? nullptr : found->second;
}

void worker_table::hang_up(const served_call& unanswered) {
    worker& host = *unanswered.worker_;
    {
        const std::lock_guard guard{lock_};
        if (host.is_gone_ || host.running_.count(unanswered.id_) == 0) {
            return;
        }
        pool_member* const member = host.member_.get();
        host.why_hung_up_ = std::string{"it did not answer a cancelled call within twice "} +
                            (member != nullptr && member->cancel_time ? "its pool's " : "workers.") + "cancel_time";
        if (member != nullptr) {  // which ends it when its other calls have ended
            const auto& stuck = host.running_.find(unanswered.id_)->second;
            host.is_resting_ = true;
            host.unanswering_ += std::exchange(stuck->is_unanswered_, true) ? 0 : 1;
            member->tell(member->is_stuck);
            look_at_rest(host);
            return;
        }
    }
    host.link().hang_up();
}

// ---- names that nobody serves --------------------------------------------------------------------

/// Calls wait, and nobody serves the name: looks at them when the first has waited for long enough. Under lock_.
void worker_table::arm_sweep(const name_ptr& name) {
    if (name->line.empty() || std::exchange(name->is_sweeping, true)) {
        return;
    }
    const auto& oldest = static_cast<const served_call&>(*name->line.oldest());
    const auto due = std::max(oldest.entered_, name->orphaned_at) + bounds_().worker_wait;
    name->sweep.set(threads_, std::max<clock::duration>(due - clock::now(), clock::duration::zero()),
                    [this, kept = std::weak_ptr{name}] {
                        if (const name_ptr entry = kept.lock()) {
                            sweep(entry);
                        }
                    });
}

/// Under lock_.
std::string worker_table::why_orphaned(const served_name& name) const {
    if (const auto owned = owners_.find(name.name); owned != owners_.end()) {
        const auto& [pool, is_listed] = owned->second;
        const std::string begin = name.name + "(): pool " + *pool;
        if (const auto fault = faults_.find(*pool); fault != faults_.end()) {
            return begin + " does not serve: " + fault->second;
        }
        if (const auto expected = expected_.find(*pool); expected != expected_.end()) {
            return begin + " does not serve yet: " + expected->second;
        }
        const bool serves = std::ranges::any_of(workers_, [&pool](const auto& each) {
            const auto& member = each.second->member_;
            return member != nullptr && *member->pool == *pool && !each.second->serving_.empty();
        });
        if (serves) {
            return begin + " serves, but not this function" + (is_listed ? ", which its setting functions lists" : "");
        }
    }
    return name.name + "(): no worker serves it" +
           (name.loss.empty() ? std::string{} : "; of the last one: " + name.loss);
}

/// A part of the calls at a time, so that a million of them hold nobody up.
void worker_table::sweep(const name_ptr& name) {
    const std::lock_guard guard{lock_};
    name->is_sweeping = false;
    if (!name->offers.empty()) {
        return;
    }
    const auto latest = clock::now() - bounds_().worker_wait;
    for (std::size_t ended = 0; ended < most_orphans && !name->line.empty(); ++ended) {
        auto& oldest = static_cast<served_call&>(*name->line.oldest());
        if (std::max(oldest.entered_, name->orphaned_at) > latest) {
            break;
        }
        name->line.remove(oldest);
        --waiting_;
        oldest.orphaned_ = why_orphaned(*name);
        oldest.placed_.set();
    }
    arm_sweep(name);
    drop_if_unused(*name);
}

}  // namespace gatherd::api::workers
