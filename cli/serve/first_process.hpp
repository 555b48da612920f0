/// \file
/// What is expected of the first process of a container.
#pragma once

namespace gatherd::cli {

/// Where this process has number 1, as in a container without an init: goes on in a child, which alone returns. Number
/// 1 stays as an init: it passes signals on, reaps processes whose parents have gone, and ends with the child's status.
/// Elsewhere it does nothing. Call it before there are other threads.
///
/// A process of its own, because the daemon waits for each of its children by number: one that waited for any would
/// take their statuses away.
void leave_first_process();

}  // namespace gatherd::cli
