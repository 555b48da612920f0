/// \file
/// 128-bit integers, for sums and ranges of 64-bit ones that must neither wrap nor round.
#pragma once

namespace gatherd::api::plan {

// Both compilers have them; ISO C++ does not, hence the marker that keeps -Wpedantic quiet for these two lines only.
__extension__ using int128 = __int128;
__extension__ using uint128 = unsigned __int128;

}  // namespace gatherd::api::plan
