#!/usr/bin/python3
"""Runs commands that README.md, docs/WORKERS.md and docs/TEN_MINUTES.md show, and compares what they print with what is said that they print.

The web server of "Three uses" is this test's own, on a free port of the loopback that stands for 8000.
"""

import functools
import http.server
import re
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from daemon import BINARY
from terminal import ROOT, Terminal, commands


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Readme(unittest.TestCase):
    def test_the_three_uses(self):
        text = (ROOT / "README.md").read_text()
        server, *uses = commands(text.split("\n## Three uses\n")[1].split("\n## ")[0])
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

    def test_functions_of_your_own(self):
        for page, heading in (("README.md", "Functions of your own"), ("docs/WORKERS.md", "A pool: the daemon starts the worker")):
            section = (ROOT / page).read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
            shown = commands(section)
            self.assertEqual(len(shown), 4)
            with self.subTest(page), Terminal() as terminal:
                (terminal.folder / "tasks.py").write_text(section.split("```python\n")[1].split("```")[0])
                for name in ("a.jpg", "b.jpg"):
                    (terminal.folder / name).touch()
                for command, printed in shown:
                    self.assertEqual((terminal.run(command), terminal.status), (printed, "0\n"), terminal.errors)

    def test_ten_minutes(self):
        page = (ROOT / "docs" / "TEN_MINUTES.md").read_text()
        tasks, ask = [each.split("```")[0] for each in page.split("```python\n")[1:]]
        with Terminal() as terminal:
            (terminal.folder / "tasks.py").write_text(tasks)
            (terminal.folder / "ask.py").write_text(ask)
            for command, printed in commands(re.sub("```.*?```", "", page, flags=re.DOTALL)):
                self.assertEqual(terminal.run(command), printed, (command, terminal.errors))


if __name__ == "__main__":
    unittest.main()
