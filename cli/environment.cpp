#include "cli/environment.hpp"

#include <unistd.h>

#include <string_view>

namespace gatherd::cli {

config::environment read_environment() {
    config::environment variables;
    for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
        const std::string_view line{*each};
        if (const auto equals = line.find('='); equals != std::string_view::npos) {
            variables.emplace_back(line.substr(0, equals), line.substr(equals + 1));
        }
    }
    return variables;
}

}  // namespace gatherd::cli
