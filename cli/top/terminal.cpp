#include "cli/top/terminal.hpp"

#define NCURSES_NOMACROS
#include <ncurses.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <string>

#include "cli/failures.hpp"

namespace gatherd::cli::top {
namespace {

constexpr int escape_code = 27;
constexpr int escape_milliseconds = 25;  // within which a key's sequence has come
constexpr short good_pair = 1;
constexpr short bad_pair = 2;
constexpr short warning_pair = 3;

std::string utf8(wint_t code) {
    std::array<char, MB_LEN_MAX> bytes{};
    std::mbstate_t state{};
    const std::size_t count = std::wcrtomb(bytes.data(), static_cast<wchar_t>(code), &state);
    return count == static_cast<std::size_t>(-1) ? std::string{} : std::string{bytes.data(), count};
}

std::optional<key> special(wint_t code) {
    switch (code) {
        case KEY_UP:
            return key::up;
        case KEY_DOWN:
            return key::down;
        case KEY_PPAGE:
            return key::page_up;
        case KEY_NPAGE:
            return key::page_down;
        case KEY_HOME:
            return key::home;
        case KEY_END:
            return key::end;
        case KEY_ENTER:
            return key::enter;
        case KEY_BACKSPACE:
            return key::backspace;
        case KEY_BTAB:
            return key::back_tab;
        default:
            return std::nullopt;
    }
}

std::optional<key> control(wint_t code) {
    switch (code) {
        case '\r':
        case '\n':
            return key::enter;
        case '\t':
            return key::tab;
        case '\b':
        case 0x7F:
            return key::backspace;
        case escape_code:
            return key::escape;
        default:
            return std::nullopt;
    }
}

}  // namespace

terminal::terminal() : screen_{newterm(nullptr, stdout, stdin)} {
    const bool has_cursor =
        screen_ != nullptr && reinterpret_cast<std::intptr_t>(tigetstr("cup")) > 0;  // -1, 0: there is none
    if (!has_cursor) {
        if (screen_ != nullptr) {
            endwin();
            delscreen(static_cast<SCREEN*>(screen_));
        }
        const char* const name = std::getenv("TERM");
        throw usage_error{"TERM is '" + std::string{name == nullptr ? "" : name} +
                          "', which is no terminal that top can draw on; gatherd top --once prints it as text"};
    }
    set_term(static_cast<SCREEN*>(screen_));
    set_escdelay(escape_milliseconds);
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    const char* const plain = std::getenv("NO_COLOR");
    has_colors_ = has_colors() && (plain == nullptr || *plain == '\0');
    if (has_colors_) {
        start_color();
        use_default_colors();
        init_pair(good_pair, COLOR_GREEN, -1);
        init_pair(bad_pair, COLOR_RED, -1);
        init_pair(warning_pair, COLOR_YELLOW, -1);
    }
}

terminal::~terminal() {
    endwin();
    delscreen(static_cast<SCREEN*>(screen_));
}

std::size_t terminal::rows() const {
    return static_cast<std::size_t>(getmaxy(stdscr));
}

std::size_t terminal::columns() const {
    return static_cast<std::size_t>(getmaxx(stdscr));
}

unsigned long terminal::attributes_of(style look) const {
    const auto colored = [this](short pair) { return has_colors_ ? static_cast<chtype>(COLOR_PAIR(pair)) : A_NORMAL; };
    switch (look) {
        case style::strong:
            return A_BOLD;
        case style::bar:
        case style::selected:
            return look == style::bar ? A_BOLD | A_UNDERLINE : A_REVERSE;
        case style::good:
            return colored(good_pair);
        case style::bad:
            return A_BOLD | colored(bad_pair);
        case style::warning:
            return A_BOLD | colored(warning_pair);
        case style::faint:
        case style::plain:
            break;
    }
    return A_NORMAL;
}

void terminal::show(const std::vector<line>& lines) {
    werase(stdscr);
    const int most = getmaxy(stdscr);
    for (int y = 0; y < most && static_cast<std::size_t>(y) < lines.size(); ++y) {
        wmove(stdscr, y, 0);
        for (const span& each : lines[static_cast<std::size_t>(y)]) {
            wattrset(stdscr, static_cast<int>(attributes_of(each.look)));
            waddnstr(stdscr, each.text.data(), static_cast<int>(each.text.size()));
        }
    }
    wattrset(stdscr, A_NORMAL);
    wrefresh(stdscr);
}

std::optional<key_press> terminal::try_key() {
    while (true) {
        wint_t code = 0;
        const int kind = wget_wch(stdscr, &code);
        if (kind == ERR) {
            return std::nullopt;
        }
        if (kind == KEY_CODE_YES && code == KEY_RESIZE) {
            continue;  // whoever draws next asks for the size
        }
        if (const auto found = kind == KEY_CODE_YES ? special(code) : control(code)) {
            return key_press{*found, {}};
        }
        constexpr wint_t first_printable = 0x20;
        if (kind == OK && code >= first_printable) {
            return key_press{key::text, utf8(code)};
        }
    }
}

}  // namespace gatherd::cli::top
