#include "api/server/tasks/client_work.hpp"

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/json/json_view.hpp"
#include "api/wire/message_decoder.hpp"

namespace gatherd::api::server {
namespace {

/// Notes what it was cancelled with; once, as a request ends once.
struct noted_request final : pending_request {
    explicit noted_request(const char* id) : id_{id} {}
    [[nodiscard]] const wire::request_id& id() const noexcept override { return id_; }
    bool cancel(const std::string& message) override {
        cancelled_with.push_back(message);
        return cancelled_with.size() == 1;
    }

    wire::request_id id_;
    std::vector<std::string> cancelled_with;
};

/// The id as a request for its cancellation would carry it.
class sent_id {
public:
    explicit sent_id(const std::string& text) : text_{R"({"method":"cancel","params":[)" + text + "]}"} {
        text_.reserve(text_.size() + 64);  // what the decoder may read behind it
        const auto& item = decoder_.decode(text_).items.front();
        id_ = *std::get<wire::request>(item).params->items().begin();
    }
    [[nodiscard]] json::json_view get() const { return *id_; }

private:
    std::string text_;
    wire::message_decoder decoder_;
    std::optional<json::json_view> id_;
};

}  // namespace

TEST_CASE("client_work: the last answer that is owed says so", "[server]") {
    client_work work;
    CHECK_FALSE(work.is_owed());
    work.owe();
    work.owe();
    CHECK_FALSE(work.settle());
    CHECK(work.is_owed());
    CHECK(work.settle());
    CHECK_FALSE(work.is_owed());
}

TEST_CASE("client_work: a cancel reaches every request of that id that still runs, and no other", "[server]") {
    client_work work;
    const auto first = std::make_shared<noted_request>("1");
    const auto twin = std::make_shared<noted_request>("1");
    const auto text = std::make_shared<noted_request>("\"1\"");
    const auto gone = std::make_shared<noted_request>("1");
    for (const auto& each : {first, twin, text, gone}) {
        work.add_request(each);
    }
    work.remove_request(gone);
    CHECK(work.cancel_requests(sent_id{"1"}.get(), "why") == 2);
    CHECK(first->cancelled_with == std::vector<std::string>{"why"});
    CHECK(twin->cancelled_with == std::vector<std::string>{"why"});
    CHECK(text->cancelled_with.empty());
    CHECK(gone->cancelled_with.empty());
    CHECK(work.cancel_requests(sent_id{"1"}.get(), "again") == 0);  // they have ended
}

TEST_CASE("client_work: its end cancels all requests", "[server]") {
    client_work work;
    const auto request = std::make_shared<noted_request>("null");
    work.add_request(request);
    work.end();
    CHECK(request->cancelled_with == std::vector<std::string>{""});
    CHECK_FALSE(work.add_task(nullptr));  // from now on tasks have no creator
    CHECK_FALSE(work.has_task());
}

}  // namespace gatherd::api::server
