#include "api/plan/evaluate/node_recorder.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/protocol/json_writer.hpp"
#include "api/shortened.hpp"

namespace gatherd::api::plan {

using executor::task;

namespace {

constexpr record_id root_record = 0;
constexpr std::size_t records_at_once = 64;  // that a reader looks at while it keeps the evaluator waiting

const char* word_of(kind is) {
    switch (is) {
        case kind::call:
            return "call";
        case kind::map:
            return "map";
        case kind::value:
            return "value";
        case kind::ref:
            return "ref";
        case kind::gather:
            return "gather";
        case kind::task_group:
            return "task_group";
        case kind::wait:
            return "wait";
        case kind::wait_for:
            return "wait_for";
        case kind::race:
            return "race";
        case kind::shield:
            return "shield";
        case kind::sequence:
            return "sequence";
        case kind::let:
            return "let";
        case kind::try_:
            return "try";
        case kind::retry:
            return "retry";
        case kind::to_thread:
            return "to_thread";
        case kind::if_:
            return "if";
        case kind::any:
            break;
    }
    return "any";
}

/// Whether the place is a call: a node of that kind, or the item of a map of a function.
bool is_call(place where) {
    return where.at->is == kind::call || where.item != place::no_item;
}

/// Adds up how long values are as JSON.
class json_size {
public:
    void add(const value& v) {
        if (values_left_ == 0) {
            return;
        }
        --values_left_;
        switch (v.type()) {
            case value::value_t::object:
                bytes_ += 2 + separators(v.size());
                for (const auto& [name, inner] : v.items()) {
                    bytes_ += name.size() + 3;
                    add(inner);
                    if (values_left_ == 0) {
                        return;
                    }
                }
                break;
            case value::value_t::array:
                bytes_ += 2 + separators(v.size());
                for (const value& inner : v) {
                    add(inner);
                    if (values_left_ == 0) {
                        return;
                    }
                }
                break;
            case value::value_t::string:
                bytes_ += v.get_ref<const std::string&>().size() + 2;
                break;
            default:
                text_.clear();
                protocol::append_value(text_, v);
                bytes_ += text_.size();
        }
    }

    void add_list(arguments given) {
        bytes_ += 2 + separators(given.size());
        for (const value& each : given) {
            add(each);
        }
    }

    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    static std::size_t separators(std::size_t count) { return count == 0 ? 0 : count - 1; }

    std::size_t bytes_ = 0;
    std::size_t values_left_ = 4096;
    std::string text_{};
};

/// An evaluation's record, until that has ended in whatever way.
class open_record {
public:
    open_record(node_recorder& recorder, record_id id) noexcept : recorder_{&recorder}, id_{id} {}
    open_record(open_record&& other) noexcept : recorder_{std::exchange(other.recorder_, nullptr)}, id_{other.id_} {}
    open_record& operator=(open_record&&) = delete;
    ~open_record() {
        if (recorder_ != nullptr) {
            recorder_->end_cancelled(id_);
        }
    }

    [[nodiscard]] record_id id() const noexcept { return id_; }
    void start(const node* at) noexcept { recorder_->start(id_, at); }
    void end(const outcome& result) noexcept { std::exchange(recorder_, nullptr)->end(id_, result); }

private:
    node_recorder* recorder_;
    record_id id_;
};

/// `starting`: the node whose record starts at the first step; null: who makes the call starts it.
task<outcome> followed(task<outcome> evaluation, open_record own, const node* starting) {
    const auto around = record_around.scoped_set(own.id());
    if (starting != nullptr) {
        own.start(starting);
    }
    outcome result = co_await std::move(evaluation);
    own.end(result);
    co_return result;
}

}  // namespace

std::size_t json_bytes(const function& callee, arguments given) noexcept {
    try {
        json_size all;
        if (callee.takes == args_form::bound || given.empty()) {
            all.add_list(given);
        } else {
            all.add(given[0]);
        }
        return all.bytes();
    } catch (const std::exception&) {  // no memory for the text of a number
        return 0;
    }
}

node_recorder::node_recorder(const node& root, clock::time_point began, std::shared_ptr<record_budget> budget)
    : began_{began}, budget_{std::move(budget)} {
    records_.push_back(made({&root}, place::no_item, no_record, began));
    record& own = records_.back();
    own.now = state::running;
    own.started_at = began;
    touch(own);
    if (budget_ != nullptr) {
        budget_->enter(*this);
    }
}

node_recorder::~node_recorder() {
    if (budget_ != nullptr) {
        budget_->leave(*this);
        budget_->remove(bytes_);
    }
}

/// Under the budget's lock.
void node_recorder::cut_short() noexcept {
    const std::lock_guard guard{lock_};
    is_cut_short_ = true;
    is_full_.store(true, std::memory_order_relaxed);
    left_out_.fetch_add(records_.size() - 1, std::memory_order_relaxed);
    records_.erase(records_.begin() + 1, records_.end());
    touch(records_.front());
    budget_->remove(std::exchange(bytes_, 0));
}

/// So many bytes of nodes more. Under lock_.
void node_recorder::count(std::size_t bytes) noexcept {
    if (budget_ != nullptr) {
        bytes_ += bytes;
        budget_->add(bytes);
    }
}

/// What was counted may have been too much. Without lock_, since others are cut short then, or this.
void node_recorder::make_room() noexcept {
    if (budget_ != nullptr) {
        budget_->make_room();
    }
}

node_recorder::record node_recorder::made(place where, std::uint32_t item, record_id parent, clock::time_point when) {
    record fresh{.at = where.at, .parent = parent, .item = item, .queued_at = when};
    fresh.is = is_call(where) ? kind::call : where.at->is;
    fresh.path = first_bytes(pointer_to(where, most_text_bytes), most_text_bytes);
    if (where.item != place::no_item) {
        const auto& map = static_cast<const map_node&>(*where.at);
        fresh.function = map.callee->name;
        fresh.item = map.has_listed_calls() ? place::no_item : where.item;  // else its path has it
        fresh.arguments_bytes = map.has_listed_calls() ? json_bytes(*map.callee, map.over[where.item].bound) : 0;
    } else if (where.at->is == kind::call) {
        const auto& call = static_cast<const call_node&>(*where.at);
        fresh.function = call.callee->name;
        fresh.arguments_bytes = call.arguments.awaited == nullptr ? json_bytes(*call.callee, call.arguments.bound) : 0;
    }
    return fresh;
}

record_id node_recorder::queue(place where, std::uint32_t item) noexcept {
    if (!has_room()) {
        leave_out();
        return no_record;
    }
    const executor::memory_turn nobodys{nullptr};
    try {
        const record_id around = record_around.get();
        record fresh = made(where, item, around == no_record ? root_record : around, clock::now());
        const std::size_t bytes = sizeof(record) + fresh.path.size() + fresh.function.size();
        std::unique_lock guard{lock_};
        if (!is_cut_short_ && records_.size() < most_nodes) {
            records_.push_back(std::move(fresh));
            touch(records_.back());
            const auto own = static_cast<record_id>(records_.size() - 1);
            count(bytes);
            guard.unlock();
            make_room();
            return own;
        }
    } catch (const std::exception&) {  // no memory: the program goes on without
    }
    is_full_.store(true, std::memory_order_relaxed);
    leave_out();
    return no_record;
}

void node_recorder::touch(record& changed) noexcept {
    changed.changed = version_.load(std::memory_order_relaxed) + 1;
    version_.store(changed.changed, std::memory_order_relaxed);
}

void node_recorder::start(record_id id, const node* at) noexcept {
    if (id == no_record) {
        return;
    }
    const std::lock_guard guard{lock_};
    if (id >= records_.size()) {
        return;  // it was cut short
    }
    record& own = records_[id];
    if ((at == nullptr || own.at == at) && own.now == state::queued) {
        own.now = state::running;
        own.started_at = clock::now();
        touch(own);
    }
}

void node_recorder::set_arguments(record_id id, const node& at, const function& callee, arguments given) noexcept {
    if (id == no_record) {
        return;
    }
    const std::size_t bytes = json_bytes(callee, given);
    const std::lock_guard guard{lock_};
    if (id < records_.size() && records_[id].at == &at) {
        records_[id].arguments_bytes = bytes;
    }
}

void node_recorder::end(record_id id, const outcome& result) noexcept {
    const failure* const reason = result.has_value() ? nullptr : result.reason().get();
    end_as(id,
           reason == nullptr           ? state::finished
           : reason->is_cancellation() ? state::cancelled
                                       : state::failed,
           reason);
}

void node_recorder::end_cancelled(record_id id) noexcept {
    end_as(id, state::cancelled, nullptr);
}

void node_recorder::end_as(record_id id, state ending, const failure* reason) noexcept {
    if (id == no_record) {
        return;
    }
    {
        const std::lock_guard guard{lock_};
        if (id >= records_.size() || records_[id].ended_at) {
            return;
        }
        record& own = records_[id];
        own.now = ending;
        own.ended_at = clock::now();
        touch(own);
        if (ending == state::failed) {
            const executor::memory_turn nobodys{nullptr};
            try {
                own.error_type = first_bytes(reason->type, most_text_bytes);
                own.error_message = first_bytes(reason->message, most_text_bytes);
            } catch (const std::bad_alloc&) {  // it stays without
            }
            if (id != root_record) {
                count(own.error_type.size() + own.error_message.size());
            }
        }
    }
    make_room();
}

const char* node_recorder::name_of(state its_state) {
    switch (its_state) {
        case state::queued:
            return "queued";
        case state::running:
            return "running";
        case state::finished:
            return "finished";
        case state::failed:
            return "failed";
        case state::cancelled:
            break;
    }
    return "cancelled";
}

/// Under lock_.
value node_recorder::described(record_id id) const {
    const record& own = records_[id];
    const auto seconds = [this](const std::optional<clock::time_point>& when) {
        return when ? value(std::chrono::duration<double>{*when - began_}.count()) : value(nullptr);
    };
    value node = {
        {"id", id}, {"parent", own.parent == no_record ? value(nullptr) : value(own.parent)}, {"path", own.path}};
    std::vector<std::uint32_t> items;
    for (record_id each = id; each != no_record; each = records_[each].parent) {
        if (records_[each].item != place::no_item) {
            items.push_back(records_[each].item);
        }
    }
    if (!items.empty()) {
        std::ranges::reverse(items);
        node["items"] = std::move(items);
    }
    node["kind"] = word_of(own.is);
    if (own.is == kind::call) {
        node["function"] = own.function;
    }
    node["arguments_bytes"] = own.arguments_bytes;
    node["state"] = name_of(own.now);
    node["queued_at"] = seconds(own.queued_at);
    node["started_at"] = seconds(own.started_at);
    node["ended_at"] = seconds(own.ended_at);
    if (own.now == state::failed) {
        node["error"] = {{"type", own.error_type}, {"message", own.error_message}};
    }
    return node;
}

void node_recorder::describe(value& into, std::uint64_t since) const {
    value nodes = value::array();
    for (std::size_t next = 0;;) {
        const std::lock_guard guard{lock_};
        const std::size_t last = std::min(next + records_at_once, records_.size());
        for (; next < last; ++next) {
            if (records_[next].changed > since) {
                nodes.push_back(described(static_cast<record_id>(next)));
            }
        }
        if (next >= records_.size()) {  // more, where it was cut short meanwhile
            break;
        }
    }
    into["nodes"] = std::move(nodes);
    into["nodes_not_recorded"] = left_out_.load(std::memory_order_relaxed);
}

std::size_t node_recorder::size() const {
    const std::lock_guard guard{lock_};
    return records_.size();
}

const char* node_recorder::root_state() const {
    const std::lock_guard guard{lock_};
    switch (records_[root_record].now) {
        case state::finished:
            return "done";
        case state::failed:
            return "failed";
        case state::cancelled:
            return "cancelled";
        default:
            return "running";
    }
}

bool node_recorder::has_ended() const {
    const std::lock_guard guard{lock_};
    return records_[root_record].ended_at.has_value();
}

node_recorder::clock::time_point node_recorder::ended_at() const {
    const std::lock_guard guard{lock_};
    return *records_[root_record].ended_at;
}

task<outcome> recorded(place where, task<outcome> evaluation, program& p, std::uint32_t item) {
    node_recorder* const recorder = p.recorder();
    const record_id id = recorder == nullptr ? no_record : recorder->queue(where, item);
    if (id == no_record) {
        return evaluation;
    }
    // A call that waits for nothing but time starts with its evaluation. Others wait for their arguments, for a place
    // in a worker, or for a thread.
    const bool starts_at_once = !is_call(where) || sleeps_only(where);
    return followed(std::move(evaluation), open_record{*recorder, id}, starts_at_once ? where.at : nullptr);
}

}  // namespace gatherd::api::plan
