#!/usr/bin/python3
"""What docs/PLANS.md and docs/FROM_ASYNCIO.md show: the Python is run by CPython, the plans by the daemon.

In PLANS.md a ```text block is the outcome of the ```json block before it, and of the ```python block before that, if there is
one: lines of output, then the result as JSON, or the last line of a traceback, or why the plan is refused.
"""

import asyncio
import contextlib
import io
import json
import random
import re
import time
import unittest
import warnings
from pathlib import Path

from daemon import Daemon

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLE = re.compile(r"(?:^```python\n(?P<python>.*?)^```\n\n)?^```json(?: seed=(?P<seed>\d+))?\n(?P<plan>.*?)^```\n\n"
                     r"^```text\n(?P<outcome>.*?)^```\n", re.DOTALL | re.MULTILINE)
PLACE = re.compile(r"^\| `(\{.*\})` \| `(/\S*)` \|$", re.MULTILINE)  # a plan, and where it raises
TRANSLATION = re.compile(r"^\| .* \| `(\{.*\})` \|$", re.MULTILINE)  # Python, and a plan


async def fail(type_name, message):
    raise {"ValueError": ValueError, "KeyError": KeyError, "OSError": OSError}[type_name](message)


def add(*terms):
    return sum(terms)


def as_entries(result):
    """With return_exceptions Python mixes values and exceptions; a plan says which is which."""
    if not isinstance(result, list) or not any(isinstance(each, Exception) for each in result):
        return result
    return [{"error": {"type": type(each).__name__, "message": str(each)}} if isinstance(each, Exception) else {"value": each}
            for each in result]


def in_python(code):
    """(lines of output, result or None, last line of the traceback or None)"""
    names = {"asyncio": asyncio, "random": random, "time": time, "fail": fail, "add": add}
    exec(code, names)
    with contextlib.redirect_stdout(io.StringIO()) as output:
        try:
            ended = as_entries(asyncio.run(names["main"]())), None
        except Exception as e:
            ended = None, f"{type(e).__name__}: {e}".removesuffix(": ")
    return output.getvalue().splitlines(), *ended


def in_daemon(connection, plan, seed):
    params = {"task": json.loads(plan)} | ({"seed": int(seed)} if seed else {})
    connection.start("run", params)
    output = []
    while "id" not in (message := connection.message()):
        output.append(message["params"]["text"])
    return output, message


class Plans(unittest.TestCase):
    def setUp(self):
        self.text = (DOCS / "PLANS.md").read_text()
        self.examples = list(EXAMPLE.finditer(self.text))

    def test_each_example_comes_to_what_is_shown(self):
        with Daemon() as daemon, daemon.connect() as connection:
            for example in self.examples:
                with self.subTest(line=self.text.count("\n", 0, example.start()) + 1):
                    *lines, last = example["outcome"].splitlines()
                    output, answer = in_daemon(connection, example["plan"], example["seed"])
                    self.assertEqual(output, lines)
                    shown = json.dumps(answer["result"]) if "result" in answer else answer["error"]["message"]
                    self.assertEqual(shown, last)
                    if example["python"] is not None:
                        output, returned, raised = in_python(example["python"])
                        self.assertEqual(output, lines)
                        if raised is not None or "error" in answer:
                            self.assertEqual(raised, last)
                        elif returned is not None:  # not every example of Python cares to return
                            self.assertEqual(json.dumps(returned), last)

    def test_every_block_is_an_example(self):
        """A block without an outcome would be checked by nobody."""
        self.assertEqual(self.text.count("```json"), len(self.examples))
        self.assertEqual(self.text.count("```python\n"), sum(each["python"] is not None for each in self.examples))
        self.assertEqual(self.text.count("```text\n"), len(self.examples))

    def test_every_kind_has_a_heading(self):
        for kind in ("call", "value", "to_thread", "gather", "map", "task_group", "wait", "race", "sequence", "wait_for", "shield", "try",
                     "retry", "let and ref"):
            self.assertIn(f"\n### {kind}\n", self.text)

    def test_errors_were_raised_where_the_table_says(self):
        rows = PLACE.findall(self.text)
        self.assertGreater(len(rows), 5)
        with Daemon() as daemon, daemon.connect() as connection:
            for plan, path in rows:
                with self.subTest(plan=plan):
                    self.assertEqual(in_daemon(connection, plan, None)[1]["error"]["data"]["path"], path)


class FromAsyncio(unittest.TestCase):
    def test_each_plan_is_accepted(self):
        plans = TRANSLATION.findall((DOCS / "FROM_ASYNCIO.md").read_text())
        self.assertGreater(len(plans), 15)
        with Daemon() as daemon, daemon.connect() as connection:
            for plan in plans:
                with self.subTest(plan=plan):
                    self.assertIn("result", in_daemon(connection, plan, None)[1])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    unittest.main()
