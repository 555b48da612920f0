/// \file
/// The binary's own operator new and delete, which count: see counting_allocator.cpp.
#pragma once

namespace gatherd::cli {

/// Has OpenSSL's memory counted too, and sets malloc to the address space that there is. First of all in main.
void begin_counting_memory() noexcept;

}  // namespace gatherd::cli
