#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <vector>

#include "cli/bench/printf_text.hpp"
#include "cli/bench/report.hpp"

namespace gatherd::cli::bench {

namespace {

struct point {
    double x;
    double y;
};

struct tick {
    double at;
    std::string label;
};

/// One diagram with axes that are already numbers from 0 to 1.
struct panel {
    std::string title;
    std::vector<point> curve;
    std::vector<tick> x_ticks;
    std::vector<tick> y_ticks;
};

constexpr double left = 80;
constexpr double width = 620;
constexpr double height = 220;
constexpr double panel_height = 300;

std::string escaped(const std::string& text) {
    std::string made;
    for (const char c : text) {
        made += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
    }
    return made;
}

std::string draw(const panel& of, double top) {
    const double bottom = top + height;
    const auto x_of = [](double x) { return left + x * width; };
    const auto y_of = [bottom](double y) { return bottom - y * height; };
    std::string made =
        printf_text("<text x=\"%.0f\" y=\"%.0f\" font-weight=\"bold\">%s</text>\n", left, top - 12, of.title.c_str());
    for (const auto& each : of.x_ticks) {
        made += printf_text("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>", x_of(each.at),
                            top, x_of(each.at), bottom);
        made += printf_text("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n", x_of(each.at),
                            bottom + 18, each.label.c_str());
    }
    for (const auto& each : of.y_ticks) {
        made += printf_text("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>", left,
                            y_of(each.at), left + width, y_of(each.at));
        made += printf_text("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", left - 6, y_of(each.at) + 4,
                            each.label.c_str());
    }
    made += "<polyline fill=\"none\" stroke=\"#0369a1\" stroke-width=\"2\" points=\"";
    for (const auto& each : of.curve) {
        made += printf_text("%.1f,%.1f ", x_of(each.x), y_of(each.y));
    }
    return made + "\"/>\n";
}

/// Latency by quantile, both axes logarithmic: each nine of the quantile is as wide as the last.
panel latency_panel(const histogram& of) {
    constexpr double nines = 5;
    const double low = std::floor(std::log10(std::max<double>(1, static_cast<double>(of.quantile(0).count()))));
    const double high =
        std::max(low + 1, std::ceil(std::log10(std::max<double>(1, static_cast<double>(of.max().count())))));
    panel made{.title = "latency by quantile", .curve = {}, .x_ticks = {}, .y_ticks = {}};
    for (double x = 0; x <= 1; x += 0.01) {
        const double part = 1 - std::pow(10, -nines * x);
        const auto time = std::max<double>(1, static_cast<double>(of.quantile(part).count()));
        made.curve.push_back({x, (std::log10(time) - low) / (high - low)});
    }
    const std::array<const char*, 6> labels{"0", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"};
    for (std::size_t i = 0; i < labels.size(); ++i) {
        made.x_ticks.push_back({static_cast<double>(i) / nines, labels[i]});
    }
    for (double y = low; y <= high; ++y) {
        const std::chrono::nanoseconds time{static_cast<std::chrono::nanoseconds::rep>(std::pow(10, y))};
        made.y_ticks.push_back({(y - low) / (high - low), time_text(time)});
    }
    return made;
}

panel throughput_panel(const tally& counted) {
    const double interval = std::chrono::duration<double>(counted.tasks_by_time.interval()).count();
    const auto& counts = counted.tasks_by_time.counts();
    const auto end = std::find_if(counts.rbegin(), counts.rend(), [](auto each) { return each != 0; }).base();
    const auto size = std::max<std::ptrdiff_t>(1, end - counts.begin());
    const auto most = static_cast<double>(*std::ranges::max_element(counts));
    const double top = std::max(1.0, most / interval);
    panel made{.title = "tasks a second over time", .curve = {}, .x_ticks = {}, .y_ticks = {}};
    for (std::ptrdiff_t i = 0; i < size; ++i) {
        const auto count = static_cast<double>(counts[static_cast<std::size_t>(i)]);
        made.curve.push_back({static_cast<double>(i) / static_cast<double>(std::max<std::ptrdiff_t>(1, size - 1)),
                              count / interval / top});
    }
    for (int i = 0; i <= 4; ++i) {
        made.x_ticks.push_back({i / 4.0, printf_text("%.3g s", static_cast<double>(size) * interval * i / 4)});
        made.y_ticks.push_back({i / 4.0, printf_text("%.3g", top * i / 4)});
    }
    return made;
}

}  // namespace

std::string report_plot(const report_title& title, const load_options& options, const load_outcome& outcome) {
    auto made =
        printf_text("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\"", left + width + 40,
                    2 * panel_height + 40) +
        " font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    made += "<text x=\"20\" y=\"24\" font-size=\"14\">" + escaped(title.workload) + ", " +
            std::to_string(options.connections) + " connections x " + std::to_string(options.pipeline) + "</text>\n";
    made += draw(latency_panel(outcome.counted.latency), 66);
    made += draw(throughput_panel(outcome.counted), 66 + panel_height);
    return made + "</svg>\n";
}

}  // namespace gatherd::cli::bench
