/// \file
/// What the queues of the scheduler hold: something that a worker can run once.
#pragma once

namespace gatherd::executor {

/// A unit of work. Intrusive: a queue links it through `next` and owns nothing; it must live until it has run.
/// While it is in one queue it must not be put into another.
struct work {
    using run_function = void (*)(work&) noexcept;

    explicit work(run_function body) noexcept : run{body} {}
    work(const work&) = delete;
    work& operator=(const work&) = delete;

    run_function run;      ///< called once, on a worker; may end the life of this object
    work* next = nullptr;  ///< the queue's
};

}  // namespace gatherd::executor
