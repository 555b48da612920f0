/// \file
/// When a load test does what: its phases, and the intended start of each request of an open loop. Pure.
#pragma once

#include <chrono>
#include <cstdint>

namespace gatherd::cli::bench {

/// The phases, one after the other from the start of the run: load rises, load is full but not measured, load is
/// measured.
struct phases {
    std::chrono::nanoseconds ramp{};
    std::chrono::nanoseconds warm_up{};
    std::chrono::nanoseconds duration{};

    [[nodiscard]] std::chrono::nanoseconds measured_from() const noexcept { return ramp + warm_up; }
    [[nodiscard]] std::chrono::nanoseconds end() const noexcept { return ramp + warm_up + duration; }
    [[nodiscard]] bool measures(std::chrono::nanoseconds since_start) const noexcept {
        return since_start >= measured_from() && since_start < end();
    }
};

/// The intended starts of requests at a fixed rate that rises evenly from nothing during the ramp.
///
/// They depend on nothing that the server does: a request that could only be sent late was due all the same, and its
/// latency counts from then.
class schedule {
public:
    /// `requests_a_second` is above 0.
    schedule(double requests_a_second, std::chrono::nanoseconds ramp) noexcept;

    /// When the request of this number, from 0, is due: since the start of the run. Does not fall as numbers rise.
    [[nodiscard]] std::chrono::nanoseconds due(std::uint64_t number) const noexcept;

private:
    double rate_;  // requests a nanosecond
    double ramp_;  // nanoseconds
};

}  // namespace gatherd::cli::bench
