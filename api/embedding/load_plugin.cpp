#include "api/embedding/load_plugin.hpp"

#include <dlfcn.h>

#include <exception>
#include <stdexcept>

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

const plugin& described_by(const std::string& path) {
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
    const plugin* const found = describe();
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

void load_plugin(const std::string& path, plan::registry& functions) {
    const plugin& found = described_by(path);
    registry own;
    try {
        found.add_functions(own);
    } catch (const std::exception& e) {
        refuse_plugin(path, std::string{"it cannot register its functions: "} + e.what());
    } catch (...) {
        refuse_plugin(path, "it cannot register its functions: an exception that is no std::exception");
    }
    try {
        std::move(own).move_to(functions);
    } catch (const std::invalid_argument& e) {
        refuse_plugin(path, e.what());
    }
}

}  // namespace gatherd::api
