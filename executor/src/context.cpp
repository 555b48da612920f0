#include "gatherd/executor/detail/context.hpp"

#include <algorithm>

#include "gatherd/executor/detail/task_state.hpp"

namespace gatherd::executor::detail {
namespace {

const context::entry* entry_of(const context* in, std::uint64_t variable) noexcept {
    if (in == nullptr) {
        return nullptr;
    }
    const auto found = std::find_if(in->entries.begin(), in->entries.end(),
                                    [variable](const context::entry& each) { return each.variable == variable; });
    return found == in->entries.end() ? nullptr : &*found;
}

}  // namespace

const void* context_ref::find(std::uint64_t variable) const noexcept {
    const context::entry* const found = entry_of(context_, variable);
    return found == nullptr ? nullptr : found->value.get();
}

std::shared_ptr<const void> context_ref::value_of(std::uint64_t variable) const noexcept {
    const context::entry* const found = entry_of(context_, variable);
    return found == nullptr ? nullptr : found->value;
}

context_ref context_ref::with(std::uint64_t variable, std::shared_ptr<const void> value) const {
    std::vector<context::entry> entries;
    if (context_ != nullptr) {
        entries.reserve(context_->entries.size() + 1);
        for (const context::entry& each : context_->entries) {
            if (each.variable != variable) {
                entries.push_back(each);
            }
        }
    }
    if (value != nullptr) {
        entries.push_back({variable, std::move(value)});
    }
    return entries.empty() ? context_ref{} : context_ref{new context{std::move(entries)}};
}

void context_ref::drop() noexcept {
    if (context_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {  // all uses come before the end of it
        delete context_;
    }
}

context_ref* current_context() noexcept {
    const worker* const here = worker::current();
    return here == nullptr || here->running == nullptr ? nullptr : &here->running->context();
}

std::uint64_t new_context_variable() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;  // a name, nothing more
}

}  // namespace gatherd::executor::detail
