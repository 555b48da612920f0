/// \file
/// What somebody looks at in top, and how keys change it.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cli/top/table.hpp"

namespace gatherd::cli::top {

enum class key { text, up, down, page_up, page_down, home, end, enter, escape, backspace, tab, back_tab };

struct key_press {
    key is = key::text;
    std::string text{};  ///< of key::text: one character, as UTF-8
};

/// What a key asks of whoever talks to the daemon.
struct action {
    enum class kind { none, quit, cancel, watch, leave_task, set_interval };
    kind is = kind::none;
    std::string task{};  ///< of cancel and watch: its id
    double seconds = 0;  ///< of set_interval
};

/// How much of what is shown there is, and how much has room.
struct extent {
    std::size_t rows = 0;
    std::size_t page = 1;         ///< rows that have room
    std::string selected{};       ///< the key of the selected row
    std::string selected_name{};  ///< for people
    std::size_t columns = 0;      ///< that the table may be sorted by
};

/// Pure: keys in, what is to be shown and done out.
///
/// Threads: one at a time.
class view {
public:
    enum class mode { list, task, help, edit_filter, edit_interval, confirm };

    /// `shown`: of the list or the task that is looked at.
    action press(const key_press& pressed, const extent& shown);

    [[nodiscard]] mode now() const noexcept { return mode_; }
    /// Whether a task is looked at, also while something is asked about it.
    [[nodiscard]] bool is_in_task() const noexcept {
        return mode_ == mode::task || (mode_ != mode::list && back_ == mode::task);
    }
    [[nodiscard]] tab current_tab() const noexcept { return tab_; }
    [[nodiscard]] bool is_paused() const noexcept { return is_paused_; }
    [[nodiscard]] const std::string& filter_words() const noexcept { return filters_[index()]; }
    [[nodiscard]] const std::string& input() const noexcept { return input_; }
    [[nodiscard]] const std::string& note() const noexcept { return note_; }
    [[nodiscard]] const std::string& task() const noexcept { return task_; }
    [[nodiscard]] const std::string& task_name() const noexcept { return task_name_; }

    /// The id of the task that is to be cancelled, in mode confirm.
    [[nodiscard]] const std::string& doomed() const noexcept { return doomed_; }

    /// The column that the list is sorted by; none: as the table has it.
    [[nodiscard]] std::optional<std::size_t> sorted_by() const noexcept { return sorted_by_[index()]; }
    [[nodiscard]] bool is_reversed() const noexcept { return is_reversed_[index()]; }

    /// The selected row of so many, and the first one that is shown where `page` have room.
    struct window {
        std::size_t selected = 0;
        std::size_t first = 0;
    };
    window look(std::size_t rows, std::size_t page);

    /// The selection stays with its row as others come and go: the key of that row (empty: the selection was moved to
    /// another place since), and where it stands now.
    [[nodiscard]] const std::string& selected_key() const noexcept { return selected_key_; }
    void select(std::string its_key, std::size_t place) {
        selected_key_ = std::move(its_key);
        selected_ = place;
    }

    /// A line for the user, until the next key.
    void tell(std::string line) { note_ = std::move(line); }

private:
    [[nodiscard]] std::size_t index() const noexcept { return static_cast<std::size_t>(tab_); }
    void go_to(tab next);
    void enter(mode next);
    action press_in_list(const key_press& pressed, const extent& shown);
    action press_in_task(const key_press& pressed, const extent& shown);
    action press_in_confirm(const key_press& pressed);
    action press_in_edit(const key_press& pressed);
    bool move(key pressed, const extent& shown);
    [[nodiscard]] action accept_interval();
    void ask_to_cancel(std::string id, std::string name);

    mode mode_ = mode::list;
    mode back_ = mode::list;  // from help and confirm
    tab tab_ = tab::tasks;
    std::array<std::string, tab_names.size()> filters_{};
    std::array<std::optional<std::size_t>, tab_names.size()> sorted_by_{};
    std::array<bool, tab_names.size()> is_reversed_{};
    std::size_t selected_ = 0;
    std::size_t first_ = 0;
    std::size_t list_selected_ = 0;  // while a task is looked at
    std::string selected_key_{};
    std::string input_{};
    std::string note_{};
    std::string task_{};
    std::string task_name_{};
    std::string doomed_{};  // the task that is to be cancelled, if that is confirmed
    bool is_paused_ = false;
};

}  // namespace gatherd::cli::top
