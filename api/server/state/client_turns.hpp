/// \file
/// A queue whose clients take turns.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <unordered_map>
#include <utility>

namespace gatherd::api::server {

/// Items in order of arrival within their client, clients taking turns: a client whose item was taken goes behind the
/// others that wait. So a client with a thousand items delays the item of another by one.
///
/// Threads: one at a time. Cost: constant, for all members. Memory: what waits; a client of whom nothing waits takes
/// none.
template <typename Item>
class client_turns {
public:
    /// Who a client is: compared by its address, and kept alive while something of it waits. Null is one, too.
    using client = std::shared_ptr<const void>;

    void push(const client& owner, Item item) {
        const auto known = lines_.find(owner.get());
        if (known != lines_.end()) {
            known->second->items.push_back(std::move(item));
            return;
        }
        line fresh{owner, {}};
        fresh.items.push_back(std::move(item));
        const auto own = ring_.insert(ring_.end(), std::move(fresh));
        lines_.emplace(owner.get(), own);
    }

    /// Takes the next one. Precondition: not empty.
    [[nodiscard]] Item pop() {
        const auto own = ring_.begin();
        Item next = std::move(own->items.front());
        own->items.pop_front();
        if (own->items.empty()) {
            lines_.erase(own->owner.get());
            ring_.erase(own);
        } else {
            ring_.splice(ring_.end(), ring_, own);
        }
        return next;
    }

    [[nodiscard]] bool empty() const noexcept { return ring_.empty(); }

private:
    struct line {
        client owner;
        std::deque<Item> items;
    };

    std::list<line> ring_;  // of clients that wait, the next one first
    std::unordered_map<const void*, typename std::list<line>::iterator> lines_;
};

}  // namespace gatherd::api::server
