#include "gatherd/executor/detail/reactor.hpp"

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

namespace gatherd::executor {

struct reactor::parts {
    // The hint says that one thread runs it; posts from others stay safe.
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
};

reactor::reactor() : parts_{std::make_unique<parts>()}, context_{&parts_->context} {}
reactor::~reactor() = default;

void reactor::poll(std::size_t most) {
    while (most > 0 && context_->poll_one() > 0) {
        --most;
    }
}

void reactor::wait(std::chrono::nanoseconds limit) {
    context_->run_one_for(limit);
}

void reactor::wake() noexcept {
    asio::post(*context_, [] {});
}

}  // namespace gatherd::executor
