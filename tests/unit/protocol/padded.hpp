/// \file
/// Text with the bytes after it that a decoder may read.
#pragma once

#include <string>
#include <string_view>

namespace gatherd::api::protocol {

class padded {
public:
    explicit padded(std::string_view text) : size_{text.size()}, bytes_{text} { bytes_.append(64, '\xFF'); }
    [[nodiscard]] std::string_view text() const { return std::string_view{bytes_}.substr(0, size_); }

private:
    std::size_t size_;
    std::string bytes_;
};

}  // namespace gatherd::api::protocol
