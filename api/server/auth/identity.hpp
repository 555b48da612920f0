/// \file
/// Who a client is, and what he may do.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/live_value.hpp"
#include "api/plan/check/call_rights.hpp"
#include "api/server/limits/client_share.hpp"

namespace gatherd::api::server {

/// What a token may allow, as bits.
enum class right : std::uint8_t {
    submit = 1,      ///< run, gather, map, create_task; and all about the tasks that were created with this token
    cancel_any = 2,  ///< cancel and forget tasks of others
    see_all = 4,     ///< await, wait, as_completed, status and tasks, also of tasks of others
    admin = 8,       ///< all of these, and stats
    serve = 16,      ///< serve functions as a worker
};
using rights = std::uint8_t;  ///< several of them
constexpr rights all_rights = 31;

/// Which functions a token's plans may call.
class function_rights final : public plan::call_rights {
public:
    /// `globs`: of names; none: all that need no setting.
    explicit function_rights(std::optional<std::vector<std::string>> globs) : globs_{std::move(globs)} {}

    [[nodiscard]] bool allows(const plan::function& callee) const override;

    friend bool operator==(const function_rights& one, const function_rights& other) {
        return one.globs_ == other.globs_;
    }

private:
    std::optional<std::vector<std::string>> globs_;
};

/// The holder of a token, or anybody where no tokens are asked for. Shared by his connections and tasks.
///
/// Threads: all members are safe from any thread; what he may do can change while he is connected.
class identity {
public:
    /// Globs of names.
    using globs = std::vector<std::string>;

    /// `most_tasks` 0: limits.token_tasks_in_flight holds. No `functions`: his plans may call everything. No `served`:
    /// he may serve whatever is served, if he may serve at all.
    identity(std::string name, rights granted, std::size_t most_tasks, std::optional<function_rights> functions = {},
             std::optional<globs> served = {})
        : name_{std::move(name)},
          rights_{granted},
          most_tasks_{most_tasks},
          functions_{std::move(functions)},
          served_{std::move(served)} {}

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    [[nodiscard]] bool may(right asked) const noexcept {
        const rights held = rights_.load(std::memory_order_relaxed);  // a number by itself, as all here
        return (held & (static_cast<rights>(asked) | static_cast<rights>(right::admin))) != 0;
    }
    /// False: only the methods that need no token.
    [[nodiscard]] bool may_anything() const noexcept { return rights_.load(std::memory_order_relaxed) != 0; }

    [[nodiscard]] std::size_t most_tasks() const noexcept { return most_tasks_.load(std::memory_order_relaxed); }

    /// What his plans may call; null: everything. Valid as long as this is, also when it changes.
    [[nodiscard]] const function_rights* functions() const noexcept {
        const std::optional<function_rights>& now = functions_.now();
        return now ? &*now : nullptr;
    }

    /// Whether he may serve a function of that name.
    [[nodiscard]] bool may_serve(const std::string& function) const;

    /// Tasks in flight of all his connections; shared with what counts there.
    [[nodiscard]] const std::shared_ptr<std::atomic<std::size_t>>& tasks_in_flight() const noexcept {
        return tasks_in_flight_;
    }

    /// What all his connections, programs and kept results have together.
    [[nodiscard]] const std::shared_ptr<client_share>& share() const noexcept { return share_; }

    /// His token is one no more.
    [[nodiscard]] bool is_revoked() const noexcept { return is_revoked_.load(std::memory_order_relaxed); }
    void revoke() noexcept { is_revoked_.store(true, std::memory_order_relaxed); }

    void change(rights granted, std::size_t most_tasks, std::optional<function_rights> functions,
                std::optional<globs> served = {}) {
        rights_.store(granted, std::memory_order_relaxed);
        most_tasks_.store(most_tasks, std::memory_order_relaxed);
        functions_.replace(std::move(functions));
        served_.replace(std::move(served));
    }

private:
    const std::string name_;
    std::atomic<rights> rights_;
    std::atomic<std::size_t> most_tasks_;
    std::atomic<bool> is_revoked_{false};
    live_value<std::optional<function_rights>> functions_;
    live_value<std::optional<globs>> served_;
    const std::shared_ptr<client_share> share_ = std::make_shared<client_share>();
    std::shared_ptr<std::atomic<std::size_t>> tasks_in_flight_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace gatherd::api::server
