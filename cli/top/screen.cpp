#include "cli/top/screen.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "cli/top/cell_text.hpp"
#include "cli/top/waterfall.hpp"

namespace gatherd::cli::top {
namespace {

using api::value;

constexpr std::array<std::string_view, 17> help_text{
    "Up Down PgUp PgDn Home End   select a row",
    "1 to 5, Tab                  tasks, functions, pools, workers, threads",
    "Enter                        the nodes of the selected task; Esc goes back",
    "k                            cancel the selected task, once you have said y",
    "/                            only rows with a text; Enter keeps it, Esc ends it",
    "s, r                         sort by the next column; reverse",
    "d                            seconds between two looks",
    "Space                        pause",
    "h ?                          this page",
    "q, Ctrl-C                    quit",
    "",
    "Tasks are created ones and requests that run.",
    "Rates are those since the last look, at first those since the daemon's start.",
    "Of a node's time . is its wait for a turn, = its run,",
    "! a failure, x a cancellation.",
    "",
    "Any key goes back.",
};
static_assert(std::ranges::all_of(help_text, [](std::string_view each) { return each.size() <= 80; }) &&
              help_text.size() <= 24 - 4);

constexpr double noticed_silence = 1.5;  // seconds
constexpr std::size_t most_fault_lines = 3;

line one(std::string text, style look = style::plain) {
    return {{std::move(text), look}};
}

/// A label with its number: `Tasks 12.3k/s`.
std::string labelled(std::string_view label, const std::string& number, std::string_view unit = {}) {
    return std::string{label} + " " + number + std::string{unit};
}

std::string joined(std::initializer_list<std::string> parts) {
    std::string text;
    for (const auto& each : parts) {
        text += (text.empty() || each.empty() ? "" : "   ") + each;
    }
    return text;
}

std::string headline(const situation& known) {
    const snapshot* const now = known.now;
    const auto version = now == nullptr ? std::string{} : text_at(now->info, "version");
    return "gatherd" + (version.empty() ? "" : " " + version) + " at " + known.server;
}

/// A text in lines of so many columns, cut between words where it can be; what is beyond `most` lines is cut off.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns, std::size_t most) {
    std::vector<std::string> lines(1);
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        const auto word = text.substr(0, end);
        const bool is_first = lines.back().empty();
        if (!is_first && columns_of(lines.back()) + 1 + columns_of(word) > columns) {
            if (lines.size() == most) {
                lines.back() += ' ' + std::string{text};
                break;
            }
            lines.emplace_back(word);
        } else {
            lines.back().append(is_first ? "" : " ").append(word);
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

/// The sums above the lists; "-" where they are not known.
std::vector<std::string> summary(const situation& known) {
    const snapshot empty;
    const rates now{known.before, known.now == nullptr ? empty : *known.now};
    const value& stats = now.now().stats;
    const auto known_number = [&stats](double number) { return stats.is_null() ? "-" : short_number(number); };
    const auto known_bytes = [&stats](double number) { return stats.is_null() ? "-" : short_bytes(number); };
    const auto rate = [&](const char* counter) { return known_number(now.of_stats(std::string{"/"} + counter)); };
    const auto bytes = [&](const char* counter) { return known_bytes(now.of_stats(std::string{"/"} + counter)); };
    const auto count = [&](const char* gauge) { return known_number(number_at(stats, std::string{"/"} + gauge)); };
    double run = 0;
    double stolen = 0;
    double parks = 0;
    double queued = 0;
    const auto threads = stats.is_object() && stats.contains("threads") && stats.at("threads").is_array()
                             ? stats.at("threads").size()
                             : 0;
    for (std::size_t i = 0; i < threads; ++i) {
        const std::string place = "/threads/" + std::to_string(i);
        run += now.of_stats(place + "/run");
        stolen += now.of_stats(place + "/stolen");
        parks += now.of_stats(place + "/parks");
        queued += number_at(stats, place + "/queued");
    }
    return {
        joined({labelled("Requests", rate("requests"), "/s"), labelled("Programs", rate("programs_run"), "/s"),
                labelled("Tasks", rate("tasks_started"), "/s"), labelled("failed", rate("tasks_failed"), "/s"),
                labelled("cancelled", rate("tasks_cancelled"), "/s")}),
        joined({labelled("In", bytes("bytes_read"), "/s"), labelled("Out", bytes("bytes_written"), "/s"),
                labelled("Connections", count("connections")), labelled("refused", rate("connections_refused"), "/s")}),
        joined({labelled("In flight", count("tasks_in_flight")), labelled("Created", count("created_tasks")),
                labelled("Kept", count("results_kept")),
                labelled("Memory", known_bytes(number_at(stats, "/memory/resident_bytes"))),
                labelled("allocated", known_bytes(number_at(stats, "/memory/allocated_bytes")))}),
        joined({labelled("Threads", known_number(static_cast<double>(threads))),
                labelled("run", known_number(run), "/s"), labelled("stolen", known_number(stolen), "/s"),
                labelled("parks", known_number(parks), "/s"), labelled("queued", known_number(queued))}),
    };
}

line top_line(const view& looked_at, const situation& known, std::size_t columns) {
    const bool is_draining = known.now != nullptr && text_at(known.now->stats, "draining") == "true";
    std::string right = known.now == nullptr || known.now->stats.is_null()
                            ? ""
                            : "up " + short_time(number_at(known.now->stats, "/uptime"));
    right = joined({right, "every " + short_number(known.interval) + "s", is_draining ? "DRAINING" : "",
                    looked_at.is_paused() ? "PAUSED" : ""});
    const std::size_t room = columns - std::min(columns, columns_of(right) + 1);
    return one(fitted(headline(known), room) + fitted(" " + right, columns - room), style::bar);
}

/// The lines below the first where something is amiss.
std::vector<line> fault_lines(const situation& known, std::size_t columns) {
    std::string text;
    style look = style::bad;
    if (known.silence >= noticed_silence) {
        text = "NO ANSWER for " + std::to_string(static_cast<int>(known.silence)) +
               "s: the daemon is stopped, or has too much to do" +
               (known.fault.empty() ? "" : "; before that: " + known.fault);
    } else if (!known.fault.empty()) {
        text = "NO CONNECTION, trying again: " + known.fault;
    } else if (known.now == nullptr) {
        text = "connecting ...";
        look = style::warning;
    } else if (!known.now->refusal.empty()) {
        text = "not all is shown: " + known.now->refusal;
        look = style::warning;
    }
    std::vector<line> made;
    if (!text.empty()) {
        for (const auto& each : wrapped(text, columns, most_fault_lines)) {
            made.push_back(one(fitted(each, columns), look));
        }
    }
    return made;
}

/// What is not shown of the list: of its rows those without the words, of all tasks those beyond the first.
std::string left_out(const view& looked_at, const snapshot* now) {
    const auto& words = looked_at.filter_words();
    if (looked_at.current_tab() != tab::tasks || now == nullptr || now->has_all_tasks) {
        return words.empty() ? "" : "  only with: " + words;
    }
    const auto first = "the first " + std::to_string(now->tasks.size());
    return words.empty() ? "  only " + first : "  of " + first + ": " + words;
}

line tab_line(const view& looked_at, const snapshot* now, std::size_t columns) {
    line made;
    std::size_t left = columns;
    for (std::size_t i = 0; i < tab_names.size(); ++i) {
        const bool is_current = looked_at.current_tab() == static_cast<tab>(i);
        const auto name = fitted((is_current ? "[" : " ") + std::to_string(i + 1) + " " + std::string{tab_names[i]} +
                                     (is_current ? "]" : " "),
                                 std::min<std::size_t>(left, tab_names[i].size() + 4));
        left -= columns_of(name);
        made.push_back({name, is_current ? style::strong : style::faint});
    }
    made.push_back({fitted(left_out(looked_at, now), left), style::warning});
    return made;
}

/// A task's name behind that word; a request is named as one.
std::string titled(std::string_view id, const std::string& name, const char* title) {
    return (is_id_of_request(id) ? "" : title) + name;
}

line bottom_line(const view& looked_at, std::size_t columns) {
    using mode = view::mode;
    const auto prompt = [&](const std::string& text) { return one(fitted(text, columns), style::warning); };
    switch (looked_at.now()) {
        case mode::edit_filter:
            return prompt("Only rows with: " + looked_at.input() + "_");
        case mode::edit_interval:
            return prompt("Seconds between two looks: " + looked_at.input() + "_");
        case mode::confirm:
            return prompt("Cancel " + titled(looked_at.doomed(), looked_at.task_name(), "task ") + "? y or n");
        case mode::help:
            return one(fitted("any key goes back", columns), style::bar);
        case mode::list:
        case mode::task:
            break;
    }
    if (!looked_at.note().empty()) {
        return prompt(looked_at.note());
    }
    return one(fitted(looked_at.now() == mode::task
                          ? "q quit  Esc back  k cancel  d interval  Space pause  h help"
                          : "q quit  h help  / filter  s sort  k cancel  Enter nodes  d interval  Space pause",
                      columns),
               style::bar);
}

style look_of_state(std::string_view state) {
    return state == "running"                          ? style::good
           : state == "failed"                         ? style::bad
           : state == "cancelled" || state == "queued" ? style::warning
                                                       : style::plain;
}

/// The widths of columns, what is left going to that of width 0.
std::vector<std::size_t> widths_of(const table& listed, std::size_t columns) {
    constexpr std::size_t least = 8;
    std::size_t fixed = listed.columns.size() - 1;  // between them
    for (const column& each : listed.columns) {
        fixed += each.width;
    }
    std::vector<std::size_t> widths;
    for (const column& each : listed.columns) {
        widths.push_back(each.width != 0 ? each.width : std::max(least, columns - std::min(columns, fixed)));
    }
    return widths;
}

std::string row_text(const table& listed, const std::vector<std::size_t>& widths, const row& shown) {
    std::string text;
    for (std::size_t i = 0; i < listed.columns.size(); ++i) {
        text += (i == 0 ? "" : " ") + fitted(shown.cells[i].text, widths[i], listed.columns[i].align);
    }
    return text;
}

std::string heading_text(const table& listed, const std::vector<std::size_t>& widths, std::size_t sorted_by,
                         bool is_reversed) {
    row titles;
    for (std::size_t i = 0; i < listed.columns.size(); ++i) {
        std::string title{listed.columns[i].title};
        if (i == sorted_by) {
            title += is_reversed ? '^' : 'v';
        }
        titles.cells.push_back({std::move(title)});
    }
    return row_text(listed, widths, titles);
}

/// The rows as somebody looks at them: sorted, filtered.
table listed_rows(const view& looked_at, const situation& known) {
    const snapshot empty;
    table listed = make_table(looked_at.current_tab(), rates{known.before, known.now == nullptr ? empty : *known.now});
    filter(listed, looked_at.filter_words());
    sort(listed, looked_at.sorted_by().value_or(listed.sorted_at_first), looked_at.is_reversed());
    return listed;
}

void draw_list(page& made, view& looked_at, const situation& known, std::size_t rows, std::size_t columns) {
    // In a low window the list comes before the sums.
    constexpr std::size_t other_lines = 3;  // tabs, heading, keys
    constexpr std::size_t least_rows = 3;
    const auto sums = summary(known);
    const std::size_t needed = made.lines.size() + other_lines + least_rows;
    for (std::size_t i = 0; i < sums.size() && needed + i < rows; ++i) {
        made.lines.push_back(one(fitted(sums[i], columns)));
    }
    made.lines.push_back(tab_line(looked_at, known.now, columns));
    const table listed = listed_rows(looked_at, known);
    const auto widths = widths_of(listed, columns);
    made.lines.push_back(one(fitted(heading_text(listed, widths, looked_at.sorted_by().value_or(listed.sorted_at_first),
                                                 looked_at.is_reversed()),
                                    columns),
                             style::bar));
    const std::size_t room = rows - std::min(rows, made.lines.size() + 1);
    const auto found = std::ranges::find(listed.rows, looked_at.selected_key(), &row::key);
    if (!looked_at.selected_key().empty() && found != listed.rows.end()) {
        looked_at.select(looked_at.selected_key(), static_cast<std::size_t>(found - listed.rows.begin()));
    }
    const auto window = looked_at.look(listed.rows.size(), room);
    made.shown = {.rows = listed.rows.size(), .page = std::max<std::size_t>(1, room), .columns = listed.columns.size()};
    if (!listed.rows.empty()) {
        const row& chosen = listed.rows[window.selected];
        looked_at.select(chosen.key, window.selected);
        made.shown.selected = chosen.key;
        made.shown.selected_name = chosen.cells.front().text == "-" ? chosen.key : chosen.cells.front().text;
    } else if (room > 0) {
        made.lines.push_back(
            one(fitted(looked_at.filter_words().empty() ? "(none)" : "(none with that text)", columns), style::faint));
    }
    for (std::size_t i = window.first; i < listed.rows.size() && i < window.first + room; ++i) {
        made.lines.push_back(one(fitted(row_text(listed, widths, listed.rows[i]), columns),
                                 i == window.selected ? style::selected : style::plain));
    }
}

void draw_task(page& made, view& looked_at, const situation& known, std::size_t rows, std::size_t columns) {
    constexpr std::size_t state_width = 9;
    constexpr std::size_t time_width = 7;
    constexpr std::size_t size_width = 8;
    const waterfall shown = make_waterfall(known.status, known.now == nullptr ? 0 : known.now->wall);
    made.lines.push_back(
        one(fitted(titled(looked_at.task(), looked_at.task_name(), "Task ") + "   " + looked_at.task(), columns),
            style::strong));
    const std::string state =
        !known.status_refusal.empty() ? known.status_refusal
        : known.status.is_null()
            ? "asking ..."
            : joined({shown.state, shown.seconds > 0 ? short_time(shown.seconds) : "",
                      shown.has_nodes ? labelled("nodes", std::to_string(shown.nodes.size())) : "",
                      shown.not_recorded > 0 ? labelled("not recorded", short_number(shown.not_recorded)) : ""});
    made.lines.push_back(
        one(fitted(state, columns), known.status_refusal.empty() ? look_of_state(shown.state) : style::bad));
    if (!shown.has_nodes && !known.status.is_null()) {
        made.lines.push_back(
            one(fitted("This daemon tells of the task as a whole, not of its nodes.", columns), style::faint));
        node_row whole{.label = "task", .state = shown.state};
        whole.started = 0;
        whole.queued = 0;
        if (shown.state != "running" && shown.state != "pending") {
            whole.ended = shown.seconds;
        }
        made.lines.push_back(one(fitted(bar(whole, shown.seconds, columns), columns)));
        return;
    }
    const std::size_t fixed = state_width + time_width + size_width + 4;
    const std::size_t left = columns - std::min(columns, fixed);
    const std::size_t label_width = std::max<std::size_t>(8, left * 2 / 5);
    const std::size_t bar_width = left - std::min(left, label_width);
    made.lines.push_back(one(
        fitted(fitted("NODE", label_width) + " " + fitted("STATE", state_width) + " " +
                   fitted("ARGS", size_width, alignment::right) + " " + fitted("TIME", time_width, alignment::right) +
                   " " + fitted("0", bar_width > 7 ? bar_width - 7 : 0) +
                   fitted(short_time(shown.seconds), std::min<std::size_t>(bar_width, 7), alignment::right),
               columns),
        style::bar));
    const std::size_t room = rows - std::min(rows, made.lines.size() + 2);
    const auto window = looked_at.look(shown.nodes.size(), room);
    made.shown = {.rows = shown.nodes.size(), .page = std::max<std::size_t>(1, room)};
    for (std::size_t i = window.first; i < shown.nodes.size() && i < window.first + room; ++i) {
        const node_row& each = shown.nodes[i];
        const bool is_selected = i == window.selected;
        const std::size_t indent = std::min(2 * each.depth, label_width / 2);
        const double took = each.started ? each.ended.value_or(shown.seconds) - *each.started : -1;
        line made_line{
            {fitted(std::string(indent, ' ') + each.label, label_width) + " "},
            {fitted(each.state, state_width), look_of_state(each.state)},
            {" " +
             fitted(each.arguments_bytes > 0 ? short_bytes(each.arguments_bytes) : "-", size_width, alignment::right) +
             " " + fitted(short_time(took), time_width, alignment::right) + " "},
            {bar(each, shown.seconds, bar_width), look_of_state(each.state)}};
        if (is_selected) {
            std::string whole;
            for (const span& part : made_line) {
                whole += part.text;
            }
            made_line = one(fitted(whole, columns), style::selected);
        }
        made.lines.push_back(std::move(made_line));
    }
    if (!shown.nodes.empty() && rows > made.lines.size() + 1) {
        made.lines.resize(rows - 2);
        const node_row& chosen = shown.nodes[window.selected];
        made.lines.push_back(one(fitted(joined({chosen.path.empty() ? "/task" : chosen.path, chosen.error}), columns),
                                 chosen.error.empty() ? style::faint : style::bad));
    }
}

}  // namespace

page draw(view& looked_at, const situation& known, std::size_t rows, std::size_t columns) {
    page made;
    made.lines.push_back(top_line(looked_at, known, columns));
    std::ranges::move(fault_lines(known, columns), std::back_inserter(made.lines));
    using mode = view::mode;
    const bool is_of_task = looked_at.is_in_task();
    if (looked_at.now() == mode::help) {
        made.lines.emplace_back();
        for (const auto& each : help_text) {
            made.lines.push_back(one(fitted(each, columns)));
        }
    } else if (is_of_task) {
        draw_task(made, looked_at, known, rows, columns);
    } else {
        draw_list(made, looked_at, known, rows, columns);
    }
    made.lines.resize(rows == 0 ? 0 : rows - 1);
    if (rows > 0) {
        made.lines.push_back(bottom_line(looked_at, columns));
    }
    return made;
}

std::string plain_text(const situation& known) {
    constexpr std::size_t widest = 200;
    std::string text =
        headline(known) + "\n" + (known.now->refusal.empty() ? "" : "not all is shown: " + known.now->refusal + "\n");
    for (const auto& each : summary(known)) {
        text += each + "\n";
    }
    if (!known.now->has_all_tasks) {
        text += "of the tasks only the first " + std::to_string(known.now->tasks.size()) + "\n";
    }
    const rates now{known.before, *known.now};
    for (std::size_t i = 0; i < tab_names.size(); ++i) {
        table listed = make_table(static_cast<tab>(i), now);
        sort(listed, listed.sorted_at_first, false);
        std::vector<std::size_t> widths;
        for (std::size_t at = 0; at < listed.columns.size(); ++at) {
            std::size_t width = listed.columns[at].title.size();
            for (const row& each : listed.rows) {
                width = std::max(width, columns_of(each.cells[at].text));
            }
            widths.push_back(std::min(width, widest));
        }
        if (listed.rows.empty()) {
            continue;
        }
        const auto add = [&text](std::string shown) {
            shown.erase(shown.find_last_not_of(' ') + 1);
            text += shown + "\n";
        };
        text += "\n";
        add(heading_text(listed, widths, listed.columns.size(), false));
        for (const row& each : listed.rows) {
            add(row_text(listed, widths, each));
        }
    }
    return text;
}

}  // namespace gatherd::cli::top
