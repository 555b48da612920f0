#!/usr/bin/python3
"""Each function is what its declaration says: its example runs, and docs/FUNCTIONS.md is made of the declarations.

`functions_test.py --write` makes that page anew.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from connection import PATIENCE
from daemon import BINARY, Daemon, clean_environment

PAGE = Path(__file__).resolve().parents[2] / "docs" / "FUNCTIONS.md"
HEAD = """# Functions

What plans may call, as `gatherd functions NAME` shows it. Made from the functions' own declarations by
`tests/integration/functions_test.py --write`; a test runs each example.

| function | lane | what it does |
| --- | --- | --- |
"""


def shown(value):
    return json.dumps(value, ensure_ascii=False)


def call_of(function):
    parameters = [
        ("*" if each.get("variadic") else "") + each["name"] + (f"={shown(each['default'])}" if "default" in each else "")
        for each in function["params"]]
    return f"{function['name']}({', '.join(parameters)})"


def section(function):
    lines = [f"## {function['name']}", "", function["summary"], "", f"`{call_of(function)}`", ""]
    if function["params"]:
        lines += ["| parameter | type | what it is |", "| --- | --- | --- |"]
        for each in function["params"]:
            unit = f", {each['unit']}" if "unit" in each else ""
            lines.append(f"| `{each['name']}` | {each['type']}{unit} | {each['help']} |")
        lines.append("")
    if "needs" in function:
        lines += [f"Needs: setting `{function['needs']}`.", ""]
    if function["errors"]:
        lines += [f"Raises: {', '.join(function['errors'])}.", ""]
    example = function["example"]
    lines += ["```json", shown(example["task"]), "```", ""]
    seed = f" with seed {example['seed']}" if "seed" in example else ""
    lines += [f"gives{seed} `{shown(example['result'])}`" if "result" in example else "gives what varies.", ""]
    return "\n".join(lines)


def page_of(functions):
    rows = "".join(
        f"| [`{each['name']}`](#{each['name'].replace('.', '')}) | {each['lane']} | {each['summary']} |\n" for each in functions)
    return HEAD + rows + "\n" + "\n".join(section(each) for each in functions)


class Functions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="gatherd-functions-")
        (Path(cls.folder.name) / "greeting.txt").write_text("hello\n")
        cls.daemon = Daemon("--auth.open_functions", "yes", "--process.allow", "echo", "--http.allow", "127.0.0.1", "--file.roots", f"data={cls.folder.name}")
        cls.client = cls.daemon.connect()
        cls.functions = cls.client.result("functions")

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.daemon.stop()
        cls.folder.cleanup()

    def test_each_is_declared_whole(self):
        for each in self.functions:
            with self.subTest(each["name"]):
                self.assertTrue(each["summary"].endswith("."))
                for parameter in each["params"]:
                    self.assertTrue(parameter.get("type") and parameter.get("help"), parameter)
                self.assertIn("example", each)

    def test_each_example_gives_what_it_says(self):
        for each in self.functions:
            with self.subTest(each["name"]):
                example = each["example"]
                request = self.client.start("run", {key: example[key] for key in ("task", "seed") if key in example})
                answer = self.client.message()
                while answer.get("id") != request:  # lines of output come first
                    answer = self.client.message()
                self.assertIn("result", answer, answer)
                if "result" in example:
                    self.assertEqual(shown(answer["result"]), shown(example["result"]))

    def test_the_page_is_made_of_the_declarations(self):
        self.assertEqual(PAGE.read_text(), page_of(self.functions), "run functions_test.py --write")

    def run_it(self, *words):
        return subprocess.run([BINARY, *words, "--connect", f"127.0.0.1:{self.daemon.port}"], env=clean_environment(),
                              capture_output=True, text=True, timeout=PATIENCE)

    def test_the_command_line_shows_one_of_them(self):
        done = self.run_it("functions", "sleep")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for text in ("sleep(delay, result=null)", "delay: number, in seconds, required", "RAISES\n    TypeError", 'gives "awake"'):
            self.assertIn(text, done.stdout)
        wrong = self.run_it("functions", "slep")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("did you mean sleep?", wrong.stderr)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        Functions.setUpClass()
        PAGE.write_text(page_of(Functions.functions))
        Functions.tearDownClass()
    else:
        unittest.main()
