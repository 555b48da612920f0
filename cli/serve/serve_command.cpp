#include "cli/serve/serve_command.hpp"

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/serve/serve.hpp"
#include "cli/serve/setting_flags.hpp"

namespace gatherd::cli {

void add_serve(CLI::App& root, command& chosen) {
    auto* const app = root.add_subcommand("serve", "run the daemon until SIGTERM or Ctrl-C");
    const auto flags = std::make_shared<setting_flags>();
    flags->add_to(*app);
    app->footer(
        R"(Settings come from defaults, the file, the environment and flags, each over the one before; `gatherd config print`
shows what comes out and from where. The variable of a setting is its name in capitals: GATHERD_LIMITS_DEPTH.
SIGHUP reads them and the certificates again, as far as they may change while it runs.
The first SIGTERM or Ctrl-C lets accepted tasks end (drain.grace), the second stops at once.
Exit status: 0 stopped cleanly, 1 could not start, 2 wrong settings.

Examples:
  gatherd serve
  gatherd serve --listen 127.0.0.1:7117,unix:/run/gatherd.sock --threads 4
  gatherd serve --listen 127.0.0.1:0 --port-file /run/gatherd.port
  gatherd serve --config /etc/gatherd.json --limits.depth 64
  GATHERD_LOG_LEVEL=debug gatherd serve)");
    app->callback([flags, &chosen] {
        chosen = [flags] { return serve(flags->load().values, [flags] { return flags->load().values; }); };
    });
}

}  // namespace gatherd::cli
