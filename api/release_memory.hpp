/// \file
/// Giving back what a container has allocated.
#pragma once

namespace gatherd::api {

/// Empties it, and frees its memory. `container = {}` keeps that: it assigns an empty list; and a string to which a
/// short one is moved copies it into what it has.
template <typename Container>
void release_memory(Container& container) noexcept {
    Container{}.swap(container);
}

}  // namespace gatherd::api
