#include "api/admin/background_answer.hpp"

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <exception>
#include <utility>

namespace gatherd::api::admin {
namespace {

class background_handler final : public request_handler, public std::enable_shared_from_this<background_handler> {
public:
    background_handler(asio::io_context& loop, server::bulk_lane& lane, server::bulk_lane::client client,
                       std::function<http_answer()> make)
        : loop_{loop}, lane_{lane}, client_{std::move(client)}, make_{std::move(make)} {}

    void begin() override {
        lane_.submit_report(client_, [self = shared_from_this()]() mutable {
            if (self->has_left_.load(std::memory_order_relaxed)) {
                return;
            }
            http_answer made;
            try {
                made = self->make_();
            } catch (const std::exception& failed) {
                made = text_answer(503, failed.what());
            }
            auto& loop = self->loop_;
            asio::post(loop, [kept = std::move(self), made = std::move(made)]() mutable {
                if (kept->to() != nullptr) {
                    kept->to()->answer(std::move(made));
                }
            });
        });
    }

private:
    void ended() noexcept override { has_left_.store(true, std::memory_order_relaxed); }

    asio::io_context& loop_;
    server::bulk_lane& lane_;
    const server::bulk_lane::client client_;
    const std::function<http_answer()> make_;
    std::atomic<bool> has_left_{false};  // nobody wants it any more; a wish by itself
};

}  // namespace

std::shared_ptr<request_handler> background_answer(asio::io_context& loop, server::bulk_lane& lane,
                                                   server::bulk_lane::client client,
                                                   std::function<http_answer()> make) {
    return std::make_shared<background_handler>(loop, lane, std::move(client), std::move(make));
}

}  // namespace gatherd::api::admin
