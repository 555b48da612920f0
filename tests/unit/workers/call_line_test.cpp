#include "api/workers/call_line.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

using gatherd::api::workers::call_line, gatherd::api::workers::program_turns;

namespace {

struct waiting_call : call_line::entry {
    waiting_call(const void* program, std::string its_name) : entry{program}, name{std::move(its_name)} {}
    std::string name;
};

/// Calls of programs, which are told by the first letter of a name: "a1".
class calls {
public:
    waiting_call& enter(call_line& line, const std::string& name) {
        all_.push_back(std::make_unique<waiting_call>(&programs_[static_cast<unsigned char>(name[0])], name));
        line.push(*all_.back());
        return *all_.back();
    }

private:
    char programs_[256]{};
    std::vector<std::unique_ptr<waiting_call>> all_;
};

std::string rest_of(call_line& line) {
    std::string names;
    while (!line.empty()) {
        names += static_cast<waiting_call&>(line.pop()).name + ' ';
    }
    return names;
}

}  // namespace

TEST_CASE("call_line: calls of one program go in their order", "[workers]") {
    program_turns turns;
    call_line line{turns};
    calls made;
    for (const char* name : {"a1", "a2", "a3"}) {
        made.enter(line, name);
    }
    CHECK(line.size() == 3);
    CHECK(rest_of(line) == "a1 a2 a3 ");
    CHECK(line.oldest() == nullptr);
}

TEST_CASE("call_line: programs take turns, and one that comes later waits for one round at most", "[workers]") {
    program_turns turns;
    call_line line{turns};
    calls made;
    for (const char* name : {"a1", "a2", "a3", "a4", "b1"}) {
        made.enter(line, name);
    }
    CHECK(static_cast<waiting_call&>(line.pop()).name == "a1");
    made.enter(line, "c1");
    made.enter(line, "b2");
    CHECK(rest_of(line) == "b1 a2 c1 b2 a3 a4 ");
}

TEST_CASE("call_line: a call that leaves is skipped, wherever it stands", "[workers]") {
    program_turns turns;
    call_line line{turns};
    calls made;
    auto& first = made.enter(line, "a1");
    auto& only = made.enter(line, "b1");
    made.enter(line, "a2");
    CHECK(line.oldest() == &first);
    line.remove(first);
    line.remove(only);
    CHECK_FALSE(first.is_in_line());
    CHECK(line.size() == 1);
    CHECK(rest_of(line) == "a2 ");
}

TEST_CASE("call_line: of two lines that goes first whose program has waited for longer", "[workers]") {
    program_turns turns;
    call_line left{turns};
    call_line right{turns};
    calls made;
    made.enter(left, "a1");
    made.enter(left, "a2");
    made.enter(right, "a3");
    CHECK(left.goes_before(right));  // the same program: in order of arrival
    made.enter(left, "a4");
    left.pop();
    CHECK(left.goes_before(right));
    left.pop();
    CHECK(right.goes_before(left));  // a3 before a4
    CHECK(rest_of(right) == "a3 ");
    made.enter(right, "b1");
    CHECK(right.goes_before(left) == false);  // b has come after a's last turn
    left.pop();
    made.enter(left, "a5");
    CHECK(right.goes_before(left));
    rest_of(left);
    rest_of(right);
}
