#include "gatherd/executor/unretrieved_exception.hpp"

#include <atomic>
#include <cstdio>
#include <new>
#include <string>

#include "gatherd/executor/detail/task_notes.hpp"
#include "gatherd/executor/detail/task_state.hpp"

namespace gatherd::executor {
namespace {

void write_line(std::string_view name, const std::exception_ptr& exception) noexcept {
    const auto line = [name](const char* what) {
        std::fprintf(stderr, "%.*s: exception was never retrieved: %s\n", static_cast<int>(name.size()), name.data(),
                     what);
    };
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& e) {
        line(e.what());
    } catch (...) {  // the edge of the task
        line("not a std::exception");
    }
}

// As the handler of std::terminate: there is no object that outlives every handle of a task.
std::atomic<unretrieved_exception_handler> the_handler{&write_line};  // H: exchange, release  ->  load, acquire

}  // namespace

unretrieved_exception_handler set_unretrieved_exception_handler(unretrieved_exception_handler handler) noexcept {
    return the_handler.exchange(handler == nullptr ? &write_line : handler, std::memory_order_acq_rel);  // H
}

void detail::report_unretrieved(std::string_view name, const std::exception_ptr& exception) noexcept {
    the_handler.load(std::memory_order_acquire)(name, exception);  // H
}

void detail::report_unretrieved(task_state& task, const std::exception_ptr& exception) noexcept {
    std::string name{"Task"};
    try {
        name = task.notes().name();
    } catch (const std::bad_alloc&) {  // so it stays without a number
    }
    report_unretrieved(name, exception);
}

}  // namespace gatherd::executor
