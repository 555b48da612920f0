#include "cli/client/single_request.hpp"

#include "cli/failure_report.hpp"
#include "cli/failures.hpp"
#include "config/quantity.hpp"

namespace gatherd::cli {

std::string ask_once(const destination& server, const request& what,
                     std::optional<std::chrono::milliseconds> patience) {
    const auto until = patience ? std::optional{std::chrono::steady_clock::now() + *patience} : std::nullopt;
    client daemon{server, until};
    auto answer = daemon.ask(what, {.until = until});
    if (answer.how == reply::end::silence) {
        throw timeout_error{"timed out: no answer from " + server.name() + " within " +
                            config::duration_text(*patience)};
    }
    if (answer.how == reply::end::error) {
        const auto report = report_failure(answer.error, what.base);
        throw refusal_error{report.text, report.exit_status};
    }
    return std::move(answer.result);
}

}  // namespace gatherd::cli
