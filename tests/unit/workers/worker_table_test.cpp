#include "api/workers/worker_table.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "gatherd/executor/scheduler.hpp"

using namespace gatherd::api::workers;
using gatherd::api::limits;
namespace plan = gatherd::api::plan;

namespace {

class silent_link final : public worker_link {
public:
    void send(std::string_view) override {}
    void hang_up() override {}
    void finish() override {}
};

std::shared_ptr<worker> process_of(const char* pool) {
    auto member = std::make_shared<pool_member>();
    member->pool = std::make_shared<const std::string>(pool);
    return std::make_shared<worker>(std::make_shared<silent_link>(), "", std::move(member));
}

declaration_ptr declared(std::string name) {
    declaration made;
    made.callee.name = std::move(name);
    return std::make_shared<const declaration>(std::move(made));
}

struct served_table {
    gatherd::executor::scheduler threads{{.workers = 1}};
    plan::registry functions;
    limits bounds;
    worker_table table{threads, functions, [this]() -> const limits& { return bounds; }};
};

}  // namespace

TEST_CASE("worker_table: of two pools that begin to serve a name at the same time one is refused", "[workers]") {
    served_table served;
    const auto first = process_of("first");
    const auto second = process_of("second");
    std::vector<declaration_ptr> many;
    for (int i = 0; i < 5000; ++i) {
        many.push_back(declared("n" + std::to_string(i)));
    }
    many.push_back(declared("shared"));
    bool is_refused = true;
    std::thread serving{[&] { is_refused = served.table.serve(first, {}, std::move(many), "/functions").has_value(); }};
    while (served.functions.find_served("n0") == nullptr) {
        std::this_thread::yield();  // the first one has begun, and has not come to the shared name yet, as a rule
    }
    const auto fault = served.table.serve(second, {}, {declared("shared")}, "/functions");
    serving.join();
    CHECK_FALSE(is_refused);
    REQUIRE(fault);
    CHECK(fault->message == "Invalid params: /functions/0/name: 'shared' belongs to pool first");
}

TEST_CASE("worker_table: a worker whose connection ends while it serves is not left among those that serve",
          "[workers]") {
    served_table served;
    const auto gone = process_of("own");
    std::vector<declaration_ptr> many;
    for (int i = 0; i < 5000; ++i) {
        many.push_back(declared("n" + std::to_string(i)));
    }
    std::thread serving{[&] { static_cast<void>(served.table.serve(gone, {}, std::move(many), "/functions")); }};
    while (served.functions.find_served("n0") == nullptr) {
        std::this_thread::yield();
    }
    served.table.end(*gone, "it is gone");
    serving.join();
    CHECK(served.table.names_of(*gone).empty());
    CHECK(served.table.declared() == 0);
    CHECK(served.table.describe_calls().at("n4999").at("workers") == 0);
}

TEST_CASE("worker_table: of pools that do not serve yet three are told", "[workers]") {
    served_table served;
    for (const char* pool : {"e", "c", "a", "d", "b"}) {
        served.table.expect(pool);
    }
    CHECK(served.table.faults() ==
          "pool a does not serve yet: it is starting; pool b does not serve yet: it is starting; pool c does not serve "
          "yet: it is starting; and 2 more");
    served.table.forget_pool("a");
    served.table.forget_pool("b");
    CHECK(served.table.faults().find("more") == std::string::npos);
}
