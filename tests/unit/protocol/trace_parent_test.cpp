#include "api/trace_parent.hpp"

#include <catch2/catch.hpp>
#include <string>

using gatherd::api::trace_parent;

TEST_CASE("trace_parent: a valid one is kept as it is", "[api]") {
    const std::string given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    CHECK(trace_parent{given}.text() == given);
    CHECK(trace_parent{}.text().empty());
}

TEST_CASE("trace_parent: an invalid one is none", "[api]") {
    const std::string invalid = GENERATE("", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
                                         "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
                                         "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                                         "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                         "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                                         "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                                         "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
                                         "00 4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                         "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what",
                                         "00-4bf92f3577b34da6a3ce929d0e0e473\r\n00f067aa0ba902b7-01-aa");
    CAPTURE(invalid);
    CHECK(trace_parent{invalid}.empty());
}

TEST_CASE("trace_parent: of a later version what the first one knows is kept", "[api]") {
    CHECK(trace_parent{"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-f3-what-is-to-come"}.text() ==
          "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    CHECK(trace_parent{"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02"}.text() ==
          "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
}
