#!/usr/bin/python3
"""Runs the commands of README.md's section "Three uses", and compares what they print with what it says they print.

The web server that the section starts is this test's own, on a free port of the loopback that stands for 8000.
"""

import functools
import http.server
import os
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ["TESTED_GATHERD"]


def examples(section):
    """(command, what it prints) of each example: lines after "    $ ", further lines of the command indented by six more."""
    found = []
    for line in section.splitlines():
        if line.startswith("    $ "):
            found.append([line[6:], ""])
        elif line.startswith("          ") and found:
            found[-1][0] += "\n" + line.strip()
        elif line.startswith("    ") and found:
            found[-1][1] += line[4:] + "\n"
    return found


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Readme(unittest.TestCase):
    def test_the_three_uses(self):
        text = (ROOT / "README.md").read_text()
        server, *uses = examples(text.split("\n## Three uses\n")[1].split("\n## ")[0])
        self.assertIn("python3 -m http.server 8000", server[0])
        self.assertEqual(len(uses), 3)
        handler = functools.partial(QuietHandler, directory=str(ROOT / "docs" / "examples"))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web, tempfile.TemporaryDirectory() as folder:
            threading.Thread(target=web.serve_forever).start()
            port = f"127.0.0.1:{web.server_port}"
            plan = Path(folder) / "urls.json"
            plan.write_text((ROOT / "examples" / "plans" / "urls.json").read_text().replace("127.0.0.1:8000", port))
            for command, printed in uses:
                with self.subTest(command):
                    here = command.replace("/tmp/", folder + "/").replace("127.0.0.1:8000", port)
                    here = here.replace("examples/plans/urls.json", str(plan)).replace("build/release/gatherd", BINARY)
                    run = subprocess.run(["bash", "-c", here], cwd=ROOT, capture_output=True, text=True, timeout=60)
                    self.assertEqual((run.returncode, run.stdout), (0, printed), run.stderr)
            web.shutdown()


if __name__ == "__main__":
    unittest.main()
