#!/usr/bin/python3
"""The worker in Bash of examples/shell, called as its first lines say."""

import subprocess
import unittest
from pathlib import Path

from daemon import BINARY, SharedDaemonCase, clean_environment

WORKER = Path(__file__).resolve().parents[2] / "examples" / "shell" / "worker.sh"


class ShellWorker(SharedDaemonCase):
    def setUp(self):
        self.worker = subprocess.Popen(["bash", WORKER, "127.0.0.1", str(self.daemon.port)], stdin=subprocess.DEVNULL)
        self.addCleanup(self.worker.wait)
        self.addCleanup(self.worker.kill)
        with self.daemon.connect() as client:
            while not any(each["name"] == "bash" for each in client.result("workers")):
                pass

    def call(self, *words):
        done = subprocess.run([BINARY, "call", "--connect", f"127.0.0.1:{self.daemon.port}", *words],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, env=clean_environment())
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def test_its_functions_are_called(self):
        self.assertEqual(self.call("shell.upper", "hello"), (0, '"HELLO"', ""))
        status, load, _ = self.call("shell.load")
        self.assertEqual(status, 0)
        self.assertGreaterEqual(float(load), 0)

    def test_what_it_cannot_read_is_an_error(self):
        status, _, complaint = self.call("shell.upper", 'a "quoted" word')
        self.assertEqual(status, 1)
        self.assertIn("ValueError: a plain text is expected", complaint)


if __name__ == "__main__":
    unittest.main()
