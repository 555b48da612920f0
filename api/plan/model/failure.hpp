/// \file
/// How an evaluation ends: with a value, or with an error that knows where in the plan it was raised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "gatherd/api/value.hpp"

namespace gatherd::api::plan {

struct node;
struct failure;
struct item_path;

/// Failures are shared: every `ref` to a failed task gives the same one.
using failure_ptr = std::shared_ptr<const failure>;

/// Shared too, since a failure is copied where it leaves a map.
using failure_list = std::shared_ptr<const std::vector<failure_ptr>>;

/// Where something of a plan stands: a node, or the item of a map.
struct place {
    static constexpr std::uint32_t no_item = ~std::uint32_t{0};

    const node* at = nullptr;
    std::uint32_t item = no_item;  ///< of a map: which of its `over`
};

/// An exception of a plan, as a value: plans fail often enough that unwinding for each would cost.
struct failure {
    std::string type;     ///< Python's name: "ValueError"
    std::string message;  ///< what str() of it gives
    place raised_at{};
    failure_list errors{};                           ///< of an ExceptionGroup, else null
    std::shared_ptr<const item_path> items{};        ///< of the maps that it has left
    std::shared_ptr<const std::string> traceback{};  ///< of another process, or null
    std::size_t bytes_of_errors = 0;  ///< of a description of `errors`, about: shared ones count each time
    std::uint32_t group_depth = 0;    ///< of an ExceptionGroup, how deep its errors nest: 1 if none of them is one

    [[nodiscard]] bool is_group() const noexcept { return errors != nullptr; }

    /// CancelledError, which no `except` without types catches and no group collects.
    [[nodiscard]] bool is_cancellation() const noexcept { return type == "CancelledError"; }
};

/// The items of maps, the outermost first, in whose task a failure was raised.
struct item_path {
    const node* map;
    std::uint32_t item;
    std::shared_ptr<const item_path> inner;
};

/// How long a description of it would be, about, without its places. Cost: constant.
[[nodiscard]] std::size_t described_bytes(const failure& f) noexcept;

/// About how many steps of a turn (api/plan/evaluate/turn.hpp) it takes to make that.
[[nodiscard]] std::size_t steps_to_describe(const failure& f) noexcept;

/// An ExceptionGroup.
[[nodiscard]] failure group_failure(std::string message, place where, std::vector<failure_ptr> errors);

/// The failure of an item's task, as the map fails with it.
[[nodiscard]] failure_ptr raised_in_item(const failure& of_task, const node& map, std::size_t item);

/// What evaluating a task gives.
///
/// A value that takes long to destroy (five million numbers: a third of a second, as long as to make them) is destroyed
/// on the compute pool, whoever drops the outcome that has it: see drop_aside.
class outcome {
public:
    outcome() = default;
    outcome(const outcome&) = default;
    outcome(outcome&&) noexcept = default;
    outcome& operator=(outcome other) noexcept {
        either_.swap(other.either_);
        return *this;
    }
    ~outcome() {
        if (has_value() && result().is_structured()) {
            drop_if_large();
        }
    }
    outcome(value result) : either_{std::move(result)} {}
    outcome(failure_ptr reason) : either_{std::move(reason)} {}
    outcome(failure reason) : either_{std::make_shared<const failure>(std::move(reason))} {}

    [[nodiscard]] bool has_value() const noexcept { return either_.index() == 0; }
    [[nodiscard]] value& result() noexcept { return *std::get_if<0>(&either_); }
    [[nodiscard]] const value& result() const noexcept { return *std::get_if<0>(&either_); }
    [[nodiscard]] const failure_ptr& reason() const noexcept { return *std::get_if<1>(&either_); }

private:
    void drop_if_large() noexcept;

    std::variant<value, failure_ptr> either_;
};

/// A value that several read, as an outcome that has one owner: the last reader need not be where nobody waits.
[[nodiscard]] inline std::shared_ptr<const value> shared_value(value v) {
    const auto owner = std::make_shared<const outcome>(std::move(v));
    return {owner, &owner->result()};
}

/// For the executor: whether a task that returned this has failed.
[[nodiscard]] inline bool is_failure(const outcome& o) noexcept {
    return !o.has_value();
}

/// For the executor: whether it was cancelled.
[[nodiscard]] inline bool is_cancellation(const outcome& o) noexcept {
    return !o.has_value() && o.reason()->is_cancellation();
}

/// ERROR of the wire, without places: `{"type", "message", "errors"?}`.
[[nodiscard]] value describe(const failure& f);

/// ERROR with `path` in it and in each of its `errors`, and with `items` where the node is below a map.
/// Cost: linear in the failures, times the depth of the plan.
[[nodiscard]] value describe_with_paths(const failure& f);

/// Python's last traceback line: `ValueError: boom`, or the type alone where there is no message.
[[nodiscard]] std::string last_line(const failure& f);

/// Adds `"value": V` or `"error": ERROR` to an entry: of a future, where it is looked at instead of awaited. Then a
/// cancelled one has lost the message that its CancelledError had.
void fill_entry(value& entry, outcome result);

/// `{"value": V}` or `{"error": ERROR}`.
[[nodiscard]] inline value result_entry(outcome result) {
    value entry = value::object();
    fill_entry(entry, std::move(result));
    return entry;
}

/// The list of results that a gather gives; failures are entries of it if `settles`, and else there are none.
[[nodiscard]] value result_list(std::vector<outcome> results, bool settles);

/// An entry as text, of which `{"value":V` stands at `begin`, or `{"value":` and a failure: its end, or the error in
/// its place.
void append_entry_end(std::string& text, std::size_t begin, const failure_ptr& failed);

}  // namespace gatherd::api::plan
