#include "api/embedding/load_plugin.hpp"

#include <dlfcn.h>
#include <elf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "api/regular_file.hpp"
#include "gatherd/api/plugin.hpp"

namespace gatherd::api {

namespace {

std::string version_text(std::uint32_t abi, std::uint32_t json, std::uint32_t strings) {
    constexpr std::uint32_t step = 100;
    return "interface " + std::to_string(abi) + ", nlohmann_json " + std::to_string(json / step / step) + "." +
           std::to_string(json / step % step) + "." + std::to_string(json % step) + ", std::string of " +
           (strings != 0 ? "C++11" : "C++98");
}

std::string system_reason() {
    const char* const reason = dlerror();
    return reason == nullptr ? "the system does not say why" : reason;
}

[[noreturn]] void refuse_plugin(const std::string& path, const std::string& why) {
    throw std::runtime_error{"plug-in " + path + ": " + why};
}

/// What a function of the plug-in's gives; an exception of it is a refusal.
template <typename Function>
auto guarded(const std::string& path, const std::string& failure, Function called) {
    try {
        return called();
    } catch (const std::exception& e) {
        refuse_plugin(path, failure + ": " + e.what());
    } catch (...) {
        refuse_plugin(path, failure + ": an exception that is no std::exception");
    }
}

/// The system maps a library as its headers say, and ends a process that touches what is behind the end of the file.
void check_size(const std::string& path) {
    if (is_no_regular_file(path)) {
        throw std::runtime_error{path + ": it is no regular file"};
    }
    std::ifstream file{path, std::ios::binary};
    Elf64_Ehdr head{};
    if (path.find('/') == std::string::npos || !file.read(reinterpret_cast<char*>(&head), sizeof head) ||
        std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
        head.e_phentsize != sizeof(Elf64_Phdr)) {
        return;  // the system says what is wrong with it
    }
    file.seekg(0, std::ios::end);
    const auto bytes = static_cast<std::uint64_t>(file.tellg());
    file.seekg(static_cast<std::streamoff>(head.e_phoff));
    for (unsigned i = 0; i < head.e_phnum; ++i) {
        Elf64_Phdr part{};
        const bool is_read = static_cast<bool>(file.read(reinterpret_cast<char*>(&part), sizeof part));
        if (!is_read || (part.p_type == PT_LOAD && (part.p_offset > bytes || part.p_filesz > bytes - part.p_offset))) {
            refuse_plugin(path, "it cannot be loaded: the file is cut off, it has " + std::to_string(bytes) + " bytes");
        }
    }
}

const plugin& described_by(const std::string& path) {
    check_size(path);
    void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == nullptr) {
        std::string why = "it cannot be loaded: " + system_reason();
        if (path.find('/') == std::string::npos) {
            why += "; of a file in the current folder write ./" + path;
        }
        refuse_plugin(path, why);
    }
    using entry = const plugin* (*)();
    const auto describe = reinterpret_cast<entry>(dlsym(library, "gatherd_plugin"));
    if (describe == nullptr) {
        refuse_plugin(path, "it is no plug-in: it exports no function gatherd_plugin");
    }
    const plugin* const found = guarded(path, "gatherd_plugin() has failed", describe);
    if (found == nullptr) {
        refuse_plugin(path, "gatherd_plugin() gives null");
    }
    const plugin own = plugin_of(nullptr);
    if (found->abi != own.abi || found->json != own.json || found->strings != own.strings) {
        refuse_plugin(path, "it was built for " + version_text(found->abi, found->json, found->strings) +
                                ", and gatherd " + GATHERD_VERSION + " has " +
                                version_text(own.abi, own.json, own.strings) + ": build it against this version");
    }
    if (found->add_functions == nullptr) {
        refuse_plugin(path, "its add_functions is null");
    }
    return *found;
}

}  // namespace

void load_plugins(const std::vector<std::string>& paths, plan::registry& functions) {
    for (auto each = paths.begin(); each != paths.end(); ++each) {
        const auto is_same = [&](const std::string& before) {
            std::error_code failed;
            return before == *each || std::filesystem::equivalent(before, *each, failed);
        };
        if (std::any_of(paths.begin(), each, is_same)) {
            refuse_plugin(*each, "it is named twice");
        }
        const plugin& found = described_by(*each);
        registry own;
        guarded(*each, "it cannot register its functions", [&] { found.add_functions(own); });
        try {
            std::move(own).move_to(functions);
        } catch (const std::invalid_argument& e) {
            refuse_plugin(*each, e.what() + std::string{each == paths.begin() ? "" : ", or of a plug-in before it"});
        }
    }
}

}  // namespace gatherd::api
