#!/usr/bin/python3
"""Submits each plan of docs/examples/ and looks at what it prints and what it gives."""

import hashlib
import json
import subprocess
import unittest
from pathlib import Path

from daemon import BINARY, SharedDaemonCase, clean_environment

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


class Examples(SharedDaemonCase):
    def submit(self, name):
        """The result of an example and the lines that its tasks printed."""
        self.tried.add(name)
        done = subprocess.run([BINARY, "submit", "--connect", f"127.0.0.1:{self.daemon.port}", EXAMPLES / name],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, env=clean_environment())
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), done.stderr.splitlines()

    tried = set()

    def test_start_and_end(self):
        self.assertEqual(self.submit("start-and-end.json"), ([None, None, None], ["start", "end"]))

    def test_two_coroutines(self):
        result, output = self.submit("two-coroutines.json")
        self.assertEqual(result, [[None, None, None], [None, None, "second"]])
        self.assertEqual(output, ["first: start", "second: ends before the first", "first: end"])

    def test_create_task(self):
        result, output = self.submit("create-task.json")
        self.assertEqual(result, [None, None, [None, None, "hello from the task"]])
        self.assertEqual(output, ["main: the task runs already", "task: done"])

    def test_random_delay(self):
        (first, second), output = self.submit("random-delay.json")
        self.assertEqual(first, {"value": "waited for a moment"})
        self.assertIn(second, ({"value": "was in time"}, {"error": {"type": "TimeoutError", "message": ""}}))
        self.assertEqual(output, [])

    def test_to_thread(self):
        (drawn, nothing, text), output = self.submit("to-thread.json")
        self.assertIn(drawn, range(1, 7))
        self.assertIsNone(nothing)
        self.assertEqual(text, "the loop goes on meanwhile")
        self.assertEqual(output, [])

    def test_map_and_fallback(self):
        result, output = self.submit("map-and-fallback.json")
        self.assertEqual(result, ["up: from the first mirror", "first down: from the second mirror", "all down: no task succeeded"])
        self.assertEqual(output, [])

    def test_fan_out(self):
        result, output = self.submit("fan-out.json")
        tasks = json.loads((EXAMPLES / "fan-out.json").read_text())["tasks"]
        self.assertEqual(len(result), len(tasks))
        self.assertEqual(output, [])
        failures = 0
        for task, got in zip(tasks, result):
            with self.subTest(task=task):
                failures += "error" in got
                self.check_fan_out_task(task, got)
        self.assertEqual(failures, 2, "the failing one and the one that runs out of time")

    def check_fan_out_task(self, task, got):
        args = task.get("args")
        match task:
            case {"call": "sleep"}:
                self.assertEqual(got, {"value": args[1]})
            case {"call": "add"}:
                self.assertEqual(got, {"value": sum(args)})
            case {"call": "hash.sha256"}:
                self.assertEqual(got, {"value": hashlib.sha256(args[0].encode()).hexdigest()})
            case {"call": "fail"}:
                self.assertEqual(got, {"error": {"type": args[0], "message": args[1]}})
            case {"wait_for": _}:
                self.assertEqual(got, {"error": {"type": "TimeoutError", "message": ""}})
            case {"to_thread": {"call": "random.randint"}}:
                self.assertIn(got["value"], range(1, 7))
            case {"to_thread": {"call": "time.sleep"}}:
                self.assertEqual(got, {"value": None})
            case {"sequence": _}:
                self.assertEqual(got, {"value": [None, "two steps"]})
            case _:
                self.fail("a kind of task that this test does not know")

    def test_z_all_were_submitted(self):
        """Runs last, as its name sorts last."""
        self.assertEqual(self.tried, {each.name for each in EXAMPLES.glob("*.json")})


if __name__ == "__main__":
    unittest.main()
