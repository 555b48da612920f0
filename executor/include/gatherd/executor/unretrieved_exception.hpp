/// \file
/// What becomes of an exception that nobody looked at: asyncio's "Task exception was never retrieved".
#pragma once

#include <exception>
#include <string_view>

namespace gatherd::executor {

class task_state;

/// Told of a task or future that ended by an exception, and went away before anybody asked for its result or
/// exception. `name`: the task's, or "Future". Called once each, on whatever thread let go of it last.
using unretrieved_exception_handler = void (*)(std::string_view name, const std::exception_ptr& exception) noexcept;

/// Puts a handler in place of the present one, which it gives back. For the whole process, as std::set_terminate; null
/// is the one that was there at first: it writes a line to stderr.
unretrieved_exception_handler set_unretrieved_exception_handler(unretrieved_exception_handler handler) noexcept;

namespace detail {
/// Calls the handler.
void report_unretrieved(std::string_view name, const std::exception_ptr& exception) noexcept;
void report_unretrieved(task_state& task, const std::exception_ptr& exception) noexcept;
}  // namespace detail

}  // namespace gatherd::executor
