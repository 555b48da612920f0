/// \file
/// What a settings file says, name by name, before anyone asks whether it makes sense.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace gatherd::config {

/// A place in a file, counted from 1; the column counts bytes.
struct file_place {
    std::size_t line = 1;
    std::size_t column = 1;
};

/// One name with its value. An object or an array inside a value that no setting takes is empty here.
struct file_entry {
    std::string name;  // dotted, whichever way the file nests it
    file_place place;  // of the name
    nlohmann::ordered_json value;
};

/// Why a file could not be read to its end.
struct file_fault {
    file_place place;
    std::string message;
};

struct file_content {
    std::vector<file_entry> entries;  // in the order of the file
    std::vector<file_fault> faults;   // at most one today: the parser stops at the first
};

/// Reads JSON. Names of groups (setting_table.hpp) are followed into their objects; any other object is a value.
/// Throws: std::bad_alloc only.
[[nodiscard]] file_content read_settings_text(std::string_view text);

}  // namespace gatherd::config
