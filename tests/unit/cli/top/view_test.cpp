#include "cli/top/view.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace gatherd::cli::top;
using mode = view::mode;
using kind = action::kind;

namespace {

const extent ten{.rows = 10, .page = 4, .selected = "id-1", .selected_name = "one", .columns = 4};

key_press typed(const std::string& text) {
    return {key::text, text};
}

}  // namespace

TEST_CASE("view: the selection stays in the list, and in sight", "[cli]") {
    view seen;
    CHECK(seen.look(10, 4).first == 0);
    seen.press({key::page_down}, ten);
    seen.press({key::down}, ten);
    CHECK(seen.look(10, 4).selected == 5);
    CHECK(seen.look(10, 4).first == 2);
    seen.press({key::end}, ten);
    CHECK(seen.look(10, 4).selected == 9);
    CHECK(seen.look(10, 4).first == 6);
    CHECK(seen.look(3, 4).selected == 2);  // rows have gone
    CHECK(seen.look(3, 4).first == 0);
    seen.press({key::home}, ten);
    seen.press({key::up}, ten);
    CHECK(seen.look(10, 4).selected == 0);
    CHECK(seen.look(0, 0).selected == 0);
}

TEST_CASE("view: a task is cancelled after y, and after nothing else", "[cli]") {
    view seen;
    seen.press(typed("k"), ten);
    CHECK(seen.now() == mode::confirm);
    CHECK(seen.press(typed("n"), ten).is == kind::none);
    CHECK(seen.now() == mode::list);
    seen.press(typed("k"), ten);
    const auto asked = seen.press(typed("y"), ten);
    CHECK(asked.is == kind::cancel);
    CHECK(asked.task == "id-1");
    seen.press(typed("2"), ten);
    seen.press(typed("k"), ten);  // a function is no task
    CHECK(seen.now() == mode::list);
    CHECK_FALSE(seen.note().empty());
}

TEST_CASE("view: Enter looks at a task, Esc goes back", "[cli]") {
    view seen;
    seen.press({key::down}, ten);
    const auto asked = seen.press({key::enter}, ten);
    CHECK(asked.is == kind::watch);
    CHECK(asked.task == "id-1");
    CHECK(seen.is_in_task());
    seen.press(typed("?"), ten);
    CHECK(seen.now() == mode::help);
    seen.press(typed("x"), ten);
    CHECK(seen.now() == mode::task);
    CHECK(seen.press({key::escape}, ten).is == kind::leave_task);
    CHECK(seen.now() == mode::list);
    CHECK(seen.look(10, 4).selected == 1);
}

TEST_CASE("view: the filter acts while it is typed; Enter keeps it, Esc drops it", "[cli]") {
    view seen;
    seen.press(typed("/"), ten);
    seen.press(typed("q"), ten);  // a letter, not the command
    seen.press(typed("ü"), ten);
    CHECK(seen.filter_words() == "qü");
    seen.press({key::backspace}, ten);
    CHECK(seen.filter_words() == "q");
    seen.press({key::enter}, ten);
    CHECK(seen.now() == mode::list);
    CHECK(seen.filter_words() == "q");
    seen.press({key::tab}, ten);
    CHECK(seen.filter_words().empty());  // each list has its own
    seen.press({key::back_tab}, ten);
    seen.press({key::escape}, ten);
    CHECK(seen.filter_words().empty());
}

TEST_CASE("view: s goes through the columns, r turns the order round", "[cli]") {
    view seen;
    CHECK_FALSE(seen.sorted_by());
    seen.press(typed("s"), ten);
    CHECK(seen.sorted_by() == 0U);
    for (int i = 0; i < 4; ++i) {
        seen.press(typed("s"), ten);
    }
    CHECK(seen.sorted_by() == 0U);
    seen.press(typed("r"), ten);
    CHECK(seen.is_reversed());
}

TEST_CASE("view: the interval is a number of seconds", "[cli]") {
    view seen;
    const auto set = [&seen](const std::string& text) {
        seen.press(typed("d"), ten);
        for (const char each : text) {
            seen.press(typed(std::string{each}), ten);
        }
        return seen.press({key::enter}, ten);
    };
    CHECK(set("0.5").seconds == Approx(0.5));
    for (const auto* const wrong : {"", "0", "x", "1x", "1e9", "-1", "nan"}) {
        CHECK(set(wrong).is == kind::none);
        CHECK_FALSE(seen.note().empty());
    }
    CHECK(seen.press(typed("q"), ten).is == kind::quit);
}
