#include "api/functions/abandoned.hpp"

#include <oneapi/tbb/task_group.h>

#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "gatherd/executor/errors.hpp"
#include "tests/unit/functions/recording_context.hpp"

using gatherd::api::value;
using gatherd::api::functions::tests::recording_context;

namespace {

/// Whether the call ends by the cancellation of its context.
bool ends_early(const char* name, value::array_t given) {
    bool has_ended = false;
    oneapi::tbb::task_group_context context;
    oneapi::tbb::task_group{context}.run_and_wait([&] {
        context.cancel_group_execution();
        try {
            recording_context{}.call(name, std::move(given));
        } catch (const gatherd::executor::cancelled_error&) {
            has_ended = true;
        }
    });
    return has_ended;
}

}  // namespace

TEST_CASE("abandoned: a long computation that nobody waits for ends early", "[functions]") {
    const std::string text(std::size_t{3} << 20U, 'a');
    for (const char* name :
         {"hash.sha256", "hash.sha512", "hash.sha1", "hash.md5", "hash.crc32", "hash.xxh64", "compress.gzip"}) {
        CAPTURE(name);
        CHECK(ends_early(name, {text}));
    }
    CHECK(ends_early("compress.gunzip", {recording_context{}.call("compress.gzip", {text})}));
    CHECK(ends_early("stats.describe", {value(value::array_t(100'000, value(1)))}));
    CHECK(ends_early("text.search", {value(value::array_t(100, value("a"))), "a"}));
}

TEST_CASE("abandoned: outside oneTBB nothing is", "[functions]") {
    CHECK_NOTHROW(gatherd::api::functions::throw_if_abandoned());
}
