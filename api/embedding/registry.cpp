/// \file
/// Functions of programs and plug-ins as the daemon has its own.
#include "gatherd/api/registry.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <stdexcept>
#include <system_error>
#include <unordered_set>

#include "api/functions/argument.hpp"
#include "api/functions/system_error.hpp"
#include "api/plan/model/function_name.hpp"
#include "api/plan/model/registry.hpp"
#include "gatherd/api/raised.hpp"
#include "gatherd/executor/errors.hpp"

namespace gatherd::api {

namespace {

/// Throws what is being handled, of a function of somebody's own, as what a plan sees of it.
[[noreturn]] void raise_as_python() {
    const auto raise = [](const char* type, const std::exception& e) {
        throw raised{type, functions::text_from(e.what())};
    };
    try {
        throw;
    } catch (const raised& e) {
        const bool is_type = is_exception_type(e.type());
        if (is_type && functions::is_utf8(e.message()) && functions::is_utf8(e.type())) {
            throw;
        }
        throw raised{is_type ? functions::text_from(e.type()) : "RuntimeError", functions::text_from(e.message())};
    } catch (const executor::cancelled_error&) {
        throw;
    } catch (const executor::timeout_error&) {
        throw;
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::system_error& e) {
        const auto& kind = e.code().category();
        if (kind != std::generic_category() && kind != std::system_category()) {
            raise("RuntimeError", e);
        }
        throw raised{functions::system_failure(e.code().value(), {}).type(), functions::text_from(e.what())};
    } catch (const std::overflow_error& e) {
        raise("OverflowError", e);
    } catch (const std::range_error& e) {
        raise("ValueError", e);
    } catch (const std::out_of_range& e) {
        raise("IndexError", e);
    } catch (const std::invalid_argument& e) {
        raise("ValueError", e);
    } catch (const std::domain_error& e) {
        raise("ValueError", e);
    } catch (const std::length_error& e) {
        raise("ValueError", e);
    } catch (const std::exception& e) {
        raise("RuntimeError", e);
    } catch (...) {
        throw raised{"RuntimeError", "an exception that is no std::exception"};
    }
    std::terminate();  // every handler has thrown
}

executor::task<value> await_guarded(const detail::coroutine_function& body, arguments given) {
    try {
        auto called = body(given);
        co_return co_await std::move(called);
    } catch (...) {
        raise_as_python();
    }
}

plan::thread_pool pool_for(lane runs) noexcept {
    switch (runs) {
        case lane::blocking:
            return plan::thread_pool::blocking;
        case lane::at_once:
            return plan::thread_pool::none;
        case lane::compute:
            break;
    }
    return plan::thread_pool::compute;
}

plan::function made(detail::declared_function declared) {
    plan::function f;
    f.name = std::move(declared.name);
    f.summary = std::move(declared.options.summary);
    for (std::size_t i = 0; i < declared.types.size(); ++i) {
        parameter& each = declared.options.parameters[i];
        detail::parameter_type& type = declared.types[i];
        f.parameters.push_back({.name = std::move(each.name),
                                .default_value = std::move(each.default_value),
                                .variadic = each.variadic,
                                .type = std::move(each.variadic ? type.item_text : type.text),
                                .help = std::move(each.help)});
    }
    if (auto* const plain = std::get_if<detail::plain_function>(&declared.body)) {
        f.pool = pool_for(declared.options.runs);
        f.body = plan::closure_body{[body = std::move(*plain)](plan::call_context&, arguments given) {
            try {
                return body(given);
            } catch (...) {
                raise_as_python();
            }
        }};
    } else {
        f.body = plan::coroutine_body{[body = std::move(std::get<detail::coroutine_function>(declared.body))](
                                          plan::call_context&, arguments given) { return await_guarded(body, given); }};
    }
    return f;
}

[[noreturn]] void refuse(const std::string& function, const std::string& why) {
    throw std::invalid_argument{"function '" + function + "': " + why};
}

}  // namespace

void detail::name_parameters(function_options& options, std::size_t count) {
    if (options.parameters.empty()) {
        for (std::size_t i = 1; i <= count; ++i) {
            options.parameters.push_back({.name = "arg" + std::to_string(i)});
        }
    }
    options.parameters.resize(std::max(options.parameters.size(), count));  // add_declared refuses those without a name
}

value detail::list_from(arguments given, std::size_t first) {
    value list = value::array();
    for (const value& each : given.without_first(first)) {
        list.push_back(each);
    }
    return list;
}

void registry::add_declared(detail::declared_function f) {
    const std::string& name = f.name;
    if (std::ranges::count(functions_, name, &detail::declared_function::name) > 0) {
        refuse(name, "it was added before");
    }
    auto& parameters = f.options.parameters;
    const auto named = static_cast<std::size_t>(
        std::ranges::count_if(parameters, [](const parameter& each) { return !each.name.empty(); }));
    if (parameters.size() != f.types.size() || named != parameters.size()) {
        refuse(name, "it has " + std::to_string(f.types.size()) + " parameters, and " + std::to_string(named) +
                         " are named: name all or none");
    }
    std::unordered_set<std::string_view> names;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        parameter& each = parameters[i];
        const detail::parameter_type& type = f.types[i];
        if (each.name.size() > plan::most_name_bytes || !functions::is_utf8(each.name)) {
            refuse(name, "a parameter's name has 1 to 128 bytes of UTF-8");
        }
        if (!names.insert(each.name).second) {
            refuse(name, "two parameters are named '" + each.name + "'");
        }
        if (each.variadic) {
            if (i + 1 < parameters.size() || type.item_text.empty() || each.default_value) {
                refuse(name,
                       "'" + each.name + "' is variadic: it must be the last one, a std::vector, and have no default");
            }
        } else if (each.default_value) {
            try {
                type.check({name, each.name, *each.default_value});
            } catch (const std::exception& e) {
                refuse(name, "the default of '" + each.name + "': " + e.what());
            }
        } else if (type.is_optional) {
            each.default_value = value(nullptr);
        } else if (i > 0 && parameters[i - 1].default_value) {
            refuse(name, "'" + each.name + "' has no default and follows one that has");
        }
    }
    functions_.push_back(std::move(f));
}

void registry::move_to(plan::registry& functions) && {
    for (detail::declared_function& each : functions_) {
        if (const auto why = plan::why_unusable(each.name, functions)) {
            throw std::invalid_argument{*why};
        }
        functions.add(made(std::move(each)));
    }
    functions_.clear();
}

}  // namespace gatherd::api
