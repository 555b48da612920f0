#include "cli/top/view.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace gatherd::cli::top {
namespace {

constexpr std::size_t most_input_bytes = 200;
constexpr double shortest_interval = 0.1;
constexpr double longest_interval = 3600;

bool is(const key_press& pressed, std::string_view text) {
    return pressed.is == key::text && pressed.text == text;
}

/// Takes the last character of UTF-8 off.
void erase_last(std::string& text) {
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80) {
        text.pop_back();
    }
    if (!text.empty()) {
        text.pop_back();
    }
}

}  // namespace

action view::press(const key_press& pressed, const extent& shown) {
    note_.clear();
    switch (mode_) {
        case mode::list:
            return press_in_list(pressed, shown);
        case mode::task:
            return press_in_task(pressed, shown);
        case mode::confirm:
            return press_in_confirm(pressed);
        case mode::edit_filter:
        case mode::edit_interval:
            return press_in_edit(pressed);
        case mode::help:
            break;
    }
    mode_ = back_;
    return {is(pressed, "q") ? action::kind::quit : action::kind::none};
}

void view::enter(mode next) {
    back_ = mode_;
    mode_ = next;
}

void view::go_to(tab next) {
    tab_ = next;
    selected_ = first_ = 0;
    selected_key_.clear();
}

bool view::move(key pressed, const extent& shown) {
    const std::size_t last = shown.rows == 0 ? 0 : shown.rows - 1;
    switch (pressed) {
        case key::up:
            selected_ -= selected_ == 0 ? 0 : 1;
            break;
        case key::down:
            selected_ = std::min(last, selected_ + 1);
            break;
        case key::page_up:
            selected_ -= std::min(selected_, shown.page);
            break;
        case key::page_down:
            selected_ = std::min(last, selected_ + shown.page);
            break;
        case key::home:
            selected_ = 0;
            break;
        case key::end:
            selected_ = last;
            break;
        default:
            return false;
    }
    selected_key_.clear();  // the row there is the one now
    return true;
}

void view::ask_to_cancel(std::string id, std::string name) {
    doomed_ = std::move(id);
    task_name_ = std::move(name);
    enter(mode::confirm);
}

action view::press_in_list(const key_press& pressed, const extent& shown) {
    constexpr std::size_t tabs = tab_names.size();
    if (move(pressed.is, shown)) {
        return {};
    }
    if (is(pressed, "q")) {
        return {action::kind::quit};
    }
    if (pressed.is == key::tab || pressed.is == key::back_tab) {
        go_to(static_cast<tab>((index() + (pressed.is == key::tab ? 1 : tabs - 1)) % tabs));
    } else if (pressed.is == key::text && pressed.text.size() == 1 && pressed.text[0] >= '1' &&
               pressed.text[0] < '1' + static_cast<char>(tabs)) {
        go_to(static_cast<tab>(pressed.text[0] - '1'));
    } else if (is(pressed, "h") || is(pressed, "?")) {
        enter(mode::help);
    } else if (is(pressed, "/")) {
        enter(mode::edit_filter);
        input_ = filter_words();
    } else if (is(pressed, "d")) {
        enter(mode::edit_interval);
        input_.clear();
    } else if (is(pressed, " ")) {
        is_paused_ = !is_paused_;
    } else if (is(pressed, "s") && shown.columns > 0) {
        sorted_by_[index()] = (sorted_by_[index()].value_or(shown.columns - 1) + 1) % shown.columns;
    } else if (is(pressed, "r")) {
        is_reversed_[index()] = !is_reversed_[index()];
    } else if (pressed.is == key::escape) {
        filters_[index()].clear();
    } else if (tab_ == tab::tasks && !shown.selected.empty() && is(pressed, "k")) {
        ask_to_cancel(shown.selected, shown.selected_name);
    } else if (tab_ == tab::tasks && !shown.selected.empty() && pressed.is == key::enter) {
        mode_ = mode::task;
        task_ = shown.selected;
        task_name_ = shown.selected_name;
        list_selected_ = std::exchange(selected_, 0);
        first_ = 0;
        return {action::kind::watch, task_};
    } else if (is(pressed, "k") || pressed.is == key::enter) {
        tell(tab_ != tab::tasks ? "that is for tasks: press 1"
             : shown.rows == 0  ? "no task is selected"
                                : "a notification has no id to be named by");
    }
    return {};
}

action view::press_in_task(const key_press& pressed, const extent& shown) {
    if (move(pressed.is, shown)) {
        return {};
    }
    if (is(pressed, "q")) {
        return {action::kind::quit};
    }
    if (pressed.is == key::escape || pressed.is == key::backspace) {
        mode_ = mode::list;
        selected_ = list_selected_;
        first_ = 0;
        selected_key_ = task_;
        return {action::kind::leave_task};
    }
    if (is(pressed, "h") || is(pressed, "?")) {
        enter(mode::help);
    } else if (is(pressed, " ")) {
        is_paused_ = !is_paused_;
    } else if (is(pressed, "d")) {
        enter(mode::edit_interval);
        input_.clear();
    } else if (is(pressed, "k")) {
        ask_to_cancel(task_, task_name_);
    }
    return {};
}

action view::press_in_confirm(const key_press& pressed) {
    mode_ = back_;
    if (is(pressed, "y") || is(pressed, "Y")) {
        return {action::kind::cancel, std::exchange(doomed_, {})};
    }
    tell("nothing was cancelled");
    return {};
}

action view::accept_interval() {
    double seconds = 0;
    const auto [end, fault] = std::from_chars(input_.data(), input_.data() + input_.size(), seconds);
    if (fault != std::errc{} || end != input_.data() + input_.size() ||
        !(seconds >= shortest_interval && seconds <= longest_interval)) {
        tell("the interval is a number of seconds from 0.1 to 3600");
        return {};
    }
    return {action::kind::set_interval, {}, seconds};
}

action view::press_in_edit(const key_press& pressed) {
    const bool is_filter = mode_ == mode::edit_filter;
    if (pressed.is == key::escape) {
        mode_ = back_;
        if (is_filter) {
            filters_[index()].clear();
        }
        return {};
    }
    if (pressed.is == key::enter) {
        mode_ = back_;
        return is_filter ? action{} : accept_interval();
    }
    if (pressed.is == key::backspace) {
        erase_last(input_);
    } else if (pressed.is == key::text && input_.size() + pressed.text.size() <= most_input_bytes) {
        input_ += pressed.text;
    }
    if (is_filter) {
        filters_[index()] = input_;  // rows go while somebody types
        selected_ = first_ = 0;
        selected_key_.clear();
    }
    return {};
}

view::window view::look(std::size_t rows, std::size_t page) {
    page = std::max<std::size_t>(page, 1);
    selected_ = rows == 0 ? 0 : std::min(selected_, rows - 1);
    first_ = std::min(first_, selected_);
    first_ = std::max(first_, selected_ >= page ? selected_ - page + 1 : 0);
    first_ = std::min(first_, rows > page ? rows - page : 0);
    return {selected_, first_};
}

}  // namespace gatherd::cli::top
