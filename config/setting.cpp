#include "config/setting.hpp"

namespace gatherd::config {

std::string setting::variable() const {
    std::string spelt{"GATHERD_"};
    for (const char c : name) {
        const bool lower = c >= 'a' && c <= 'z';
        spelt += lower ? static_cast<char>(c - 'a' + 'A') : c == '.' ? '_' : c;
    }
    return spelt;
}

std::string setting::flag() const {
    std::string spelt{"--"};
    for (const char c : name) {
        spelt += c == '_' ? '-' : c;
    }
    return spelt;
}

}  // namespace gatherd::config
