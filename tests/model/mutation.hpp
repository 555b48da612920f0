/// \file
/// A fault that a model run is to contain: how the models show that they would notice one.
#pragma once

#include <cstdlib>
#include <source_location>
#include <string>
#include <string_view>

namespace gatherd::model {

/// What the environment variable MODEL_MUTANT asks for, if it is set:
///
///     work_deque.hpp:46:relaxed       the atomic operation on that line of that header gets this memory order
///     idle_workers.hpp:68:split       the read-modify-write on that line becomes a load and a store
///     worker:no_second_look           a fault of this name that the model itself can make
///
/// The headers are compiled as they ship: what changes is the order that relacy_sync passes on to Relacy.
///
/// Threads: none yet when it is first asked for, which is before a simulation begins; constant after.
class mutation {
public:
    [[nodiscard]] static const mutation& chosen() {
        static const mutation only;
        return only;
    }

    /// What is to become of the operation at this place; empty: nothing, it stays as it is written.
    [[nodiscard]] std::string_view at(const std::source_location& where) const noexcept {
        const bool here = line_ == where.line() && line_ != 0 && std::string_view{where.file_name()}.ends_with(file_);
        return here ? std::string_view{change_} : std::string_view{};
    }

    /// Whether the model is to make its own fault of this name.
    [[nodiscard]] bool is(std::string_view fault) const noexcept { return file_ == "worker" && change_ == fault; }

private:
    mutation() {
        const char* const asked = std::getenv("MODEL_MUTANT");
        const std::string text = asked == nullptr ? "" : asked;
        file_ = text.substr(0, text.find(':'));
        change_ = text.substr(text.rfind(':') + 1);
        line_ = file_ == "worker"
                    ? 0
                    : static_cast<unsigned>(std::atoi(text.c_str() + (text.empty() ? 0 : file_.size() + 1)));
    }

    std::string file_;
    std::string change_;
    unsigned line_ = 0;
};

}  // namespace gatherd::model
