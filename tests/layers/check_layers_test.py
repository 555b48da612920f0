#!/usr/bin/python3
"""check_layers.py itself: a sound tree passes, and each rule fails when it is broken."""

import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_layers  # noqa: E402

TASK = "executor/include/gatherd/executor/task.hpp"
PUBLIC = "api/include/gatherd/api/limits.hpp"
SOUND = {
    PUBLIC: '/// \\file\n#pragma once\n#include "gatherd/executor/task.hpp"\n',
    "executor/CMakeLists.txt": "add_library(x STATIC src/task.cpp include/gatherd/executor/task.hpp)\n",
    TASK: "/// \\file\n#pragma once\n#include <vector>\n#include <oneapi/tbb/task_arena.h>\n",
    "executor/src/task.cpp": '/// \\file\n#include "gatherd/executor/task.hpp"\n#include <sys/epoll.h>\n#include <asio.hpp>\n',
    "api/CMakeLists.txt": "target_sources(x PUBLIC value.hpp include/gatherd/api/limits.hpp)\n",
    "api/value.hpp": "/// \\file\n#pragma once\n#include <nlohmann/json_fwd.hpp>\n",
    "api/protocol/CMakeLists.txt": "add_library(x frame.hpp)\n",
    "api/protocol/frame.hpp": '/// \\file\n#pragma once\n#include "api/value.hpp"\n#include <simdjson.h>\n',
    "api/plan/CMakeLists.txt": "add_library(x model/node.hpp evaluate/call.hpp)\n",
    "api/plan/model/node.hpp": '/// \\file\n#pragma once\n#include "api/value.hpp"\n#include "gatherd/executor/task.hpp"\n',
    "api/plan/evaluate/call.hpp": '/// \\file\n#pragma once\n#include "api/plan/model/node.hpp"\n',
    "config/CMakeLists.txt": "add_library(x settings.hpp)\n",
    "config/settings.hpp": "/// \\file\n#pragma once\n#include <string>\n",
    "cli/CMakeLists.txt": "add_executable(x serve/serve.cpp commands/submit.cpp)\n",
    "cli/serve/serve.cpp": '/// \\file\n#include "api/value.hpp"\n#include "config/settings.hpp"\n#include "gatherd/executor/task.hpp"\n',
    "cli/commands/submit.cpp": '/// \\file\n#include "api/value.hpp"\n#include "config/settings.hpp"\n',
    "docs/NOTES.md": "See ../README.md, or go up with `cd ..`.\n",
}


class CheckLayers(unittest.TestCase):
    def violations(self, **changes):
        """The report on the sound tree with one line appended to each of some files (new ones start empty)."""
        with tempfile.TemporaryDirectory() as root:
            for path, text in SOUND.items():
                Path(root, path).parent.mkdir(parents=True, exist_ok=True)
                Path(root, path).write_text(text)
            for path, line in changes.get("append", {}).items():
                Path(root, path).parent.mkdir(parents=True, exist_ok=True)
                with Path(root, path).open("a") as file:
                    file.write(line + "\n")
            for path, text in changes.get("replace", {}).items():
                Path(root, path).write_text(text)
            return check_layers.check_tree(root)[0]

    def test_a_sound_tree_passes(self):
        self.assertEqual(self.violations(), [])

    def test_every_wrong_arrow_is_found_where_it_stands(self):
        wrong = [
            (TASK, "api/value.hpp"),
            (TASK, "config/settings.hpp"),
            ("api/value.hpp", "api/protocol/frame.hpp"),
            ("api/value.hpp", "gatherd/executor/task.hpp"),
            ("api/protocol/frame.hpp", "api/plan/model/node.hpp"),
            ("api/protocol/frame.hpp", "gatherd/executor/task.hpp"),
            ("api/plan/model/node.hpp", "config/settings.hpp"),
            ("api/plan/model/node.hpp", "api/plan/evaluate/call.hpp"),
            ("config/settings.hpp", "api/value.hpp"),
            (PUBLIC, "api/value.hpp"),
        ]
        for source, target in wrong:
            with self.subTest(source=source, target=target):
                line = SOUND[source].count("\n") + 1
                report = self.violations(append={source: f'#include "{target}"'})
                self.assertEqual(len(report), 1, report)
                self.assertTrue(report[0].startswith(f"{source}:{line}: "), report)

    def test_only_serve_sees_all_layers(self):
        report = self.violations(append={"cli/commands/submit.cpp": '#include "gatherd/executor/task.hpp"'})
        self.assertEqual(report, ["cli/commands/submit.cpp:4: only cli/serve/ sees config, api and executor together"])

    def test_a_layer_uses_its_own_libraries_only(self):
        for source, header in [(TASK, "nlohmann/json.hpp"), ("api/protocol/frame.hpp", "asio.hpp"),
                               ("config/settings.hpp", "spdlog/spdlog.h"), ("api/plan/model/node.hpp", "curl/curl.h")]:
            with self.subTest(source=source, header=header):
                report = self.violations(append={source: f"#include <{header}>"})
                self.assertIn(f"must not use <{header}>", "".join(report))

    def test_an_unlisted_source_is_found(self):
        report = self.violations(append={"executor/src/timer.hpp": "/// \\file\n#pragma once"})
        self.assertEqual(report, ["executor/src/timer.hpp:1: not listed in executor/CMakeLists.txt"])

    def test_includes_start_at_the_root(self):
        self.assertIn("is no file", "".join(self.violations(append={"executor/src/task.cpp": '#include "task.hpp"'})))

    def test_ours_are_quoted(self):
        self.assertIn("is ours", "".join(self.violations(append={"executor/src/task.cpp": "#include <gatherd/executor/task.hpp>"})))

    def test_a_header_without_pragma_or_comment_is_found(self):
        report = "".join(self.violations(replace={"config/settings.hpp": "#include <string>\n"}))
        self.assertIn("#pragma once", report)
        self.assertIn("\\file", report)

    def test_paths_of_a_machine_are_found(self):
        for text in ["see /ho" "me/ann/notes", "see /Us" "ers/ann/notes", "cp /ro" "ot/x .", "see ." "./../elsewhere/x.md"]:
            with self.subTest(text=text):
                self.assertEqual(len(self.violations(append={"docs/NOTES.md": text})), 1)

    def test_a_closure_in_a_code_block_is_no_link(self):
        report = self.violations(append={"docs/NOTES.md": "```cpp\nauto f = [](int n) { return n; };\n```\n"})
        self.assertEqual(report, [])

    def test_a_link_that_leads_nowhere_is_found(self):
        report = self.violations(append={"docs/NOTES.md": "[a](../config/settings.hpp) [b](#here) [c](../gone.md)"})
        self.assertEqual(report, ["docs/NOTES.md:2: a link that leads nowhere: ../gone.md"])


if __name__ == "__main__":
    unittest.main()
