/// \file
/// The end of a program that breaks a rule which no compiler could check.
#pragma once

namespace gatherd::executor {

/// Writes the rule to stderr and calls std::terminate: going on would be undefined behaviour.
[[noreturn, gnu::cold]] void end_for_misuse(const char* rule) noexcept;

}  // namespace gatherd::executor
