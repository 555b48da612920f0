#include "api/plan/evaluate/call_times.hpp"

#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

namespace gatherd::api::plan {

TEST_CASE("call_times: a call that was cancelled has neither returned nor failed", "[plan]") {
    const auto times = std::make_shared<call_times>();
    { timed_call in_line{times, "f", call_lane::own}; }
    {
        timed_call waiting{times, "f", call_lane::blocking};
        CHECK(times->all().front().counted.queued == 1);
        timed_call running{std::move(waiting)};
        running.begin();
        CHECK(times->all().front().counted.queued == 0);
        CHECK(times->all().front().counted.running == 1);
    }
    timed_call failing{times, "f", call_lane::none};
    failing.end(false);
    const auto found = times->all().front();
    CHECK(found.name == "f");
    CHECK(found.counted.queued + found.counted.running + found.counted.returned == 0);
    CHECK(found.counted.failed == 1);
    const auto waited = times->times_queued(call_lane::blocking).counts;
    CHECK(std::accumulate(waited.begin(), waited.end(), std::uint64_t{0}) == 1);
}

TEST_CASE("call_times: however many names there are, a bounded number is kept", "[plan]") {
    const auto times = std::make_shared<call_times>();
    for (std::size_t i = 0; i < 2 * call_times::most_functions; ++i) {
        timed_call{times, std::to_string(i), call_lane::none}.end(true);
    }
    const auto all = times->all();
    CHECK(all.size() == call_times::most_functions + 1);
    CHECK(all.front().name == "(others)");
    CHECK(all.front().counted.returned == call_times::most_functions);
}

}  // namespace gatherd::api::plan
