/// \file
/// Waiting for a million ends, and seeing that each came exactly once.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <latch>
#include <memory>
#include <vector>

namespace gatherd::bench {

/// A list of `size` members, each of which answers once, from any thread.
///
/// Counts in groups, since one counter for all would cost more than most of what is measured here.
class roll_call {
public:
    explicit roll_call(std::size_t size)
        : answers_(size),
          groups_{(size + members - 1) / members},
          left_{std::make_unique<group[]>(groups_)},
          open_{static_cast<std::ptrdiff_t>(groups_)} {
        for (std::size_t i = 0; i < groups_; ++i) {
            left_[i].count.store(std::min(members, size - i * members), std::memory_order_relaxed);  // no thread yet
        }
    }

    void answer(std::size_t member) noexcept {
        ++answers_[member];
        if (left_[member / members].count.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            open_.count_down();
        }
    }

    /// Blocks until all have answered. False: somebody did so twice.
    [[nodiscard]] bool wait_for_all() {
        open_.wait();
        return std::all_of(answers_.begin(), answers_.end(), [](unsigned char times) { return times == 1; });
    }

private:
    static constexpr std::size_t members = 1024;
    struct alignas(64) group {
        std::atomic<std::size_t> count;
    };

    std::vector<unsigned char> answers_;
    std::size_t groups_;
    std::unique_ptr<group[]> left_;
    std::latch open_;
};

}  // namespace gatherd::bench
