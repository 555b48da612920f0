#include "cli/client/secret_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include "api/regular_file.hpp"

namespace gatherd::cli {

std::string read_secret(const std::string& file) {
    const auto refuse = [&file](const std::string& why) {
        throw std::runtime_error{"cannot read a token from '" + file + "': " + why};
    };
    constexpr std::size_t most = 65'536;
    if (api::is_no_regular_file(file)) {
        refuse("it is no regular file");
    }
    errno = 0;  // the streams tell no reason of their own
    std::ifstream in{file, std::ios::binary};
    std::string text(most, '\0');
    if (!in || (!in.read(text.data(), static_cast<std::streamsize>(text.size())) && !in.eof())) {
        refuse(std::strerror(errno == 0 ? EIO : errno));
    }
    text.resize(static_cast<std::size_t>(in.gcount()));
    const auto end = text.find('\n');
    if (end == std::string::npos && text.size() == most) {
        refuse("its first line is longer than 64KiB");
    }
    text.resize(std::min(end, text.size()));
    if (text.ends_with('\r')) {
        text.pop_back();
    }
    if (text.empty()) {
        refuse("its first line is empty");
    }
    return text;
}

std::optional<std::string> secret_exposure(const std::string& setting, const std::string& file) {
    struct stat found {};
    if (stat(file.c_str(), &found) != 0 || (found.st_mode & S_IROTH) == 0) {
        return std::nullopt;
    }
    constexpr unsigned bits = 0777;
    std::array<char, 8> mode{};
    std::snprintf(mode.data(), mode.size(), "%03o", found.st_mode & bits);
    return setting + ": every user of this machine may read '" + file + "' (mode " + mode.data() +
           "): take that right away, with chmod o-r";
}

}  // namespace gatherd::cli
