#include "api/admin/dashboard.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "api/admin/dashboard_files.hpp"

namespace gatherd::api::admin {
namespace {

constexpr std::string_view page_name = "index.html";

constexpr const char* policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

struct file_type {
    std::string_view ending;
    const char* name;
};
constexpr std::array file_types{
    file_type{".html", "text/html; charset=utf-8"},
    file_type{".css", "text/css; charset=utf-8"},
    file_type{".js", "text/javascript; charset=utf-8"},
    file_type{".svg", "image/svg+xml"},
};

http_answer file_answer(std::string_view name) {
    const auto files = dashboard_files();
    const auto* const type =
        std::ranges::find_if(file_types, [name](const file_type& each) { return name.ends_with(each.ending); });
    const auto found = std::ranges::find(files, name, &embedded_file::name);
    if (found == files.end() || type == file_types.end()) {
        return text_answer(404, "the dashboard has no such file");
    }
    return {.status = 200,
            .type = type->name,
            .body = std::string{found->text},
            .headers = {{"Content-Security-Policy", policy},
                        {"X-Frame-Options", "DENY"},
                        {"Referrer-Policy", "no-referrer"},
                        {"Cross-Origin-Resource-Policy", "same-origin"}}};
}

}  // namespace

http_answer dashboard_page() {
    return file_answer(page_name);
}

http_answer dashboard_file(std::string_view name) {
    return name == page_name ? text_answer(404, "the page is at /") : file_answer(name);
}

}  // namespace gatherd::api::admin
