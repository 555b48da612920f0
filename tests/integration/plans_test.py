#!/usr/bin/python3
"""Runs every plan of tests/conformance/cases.jsonl and compares with what CPython's asyncio made of it.

A case has a plan, perhaps a seed, and what is expected: `result`, or `error` (the exception), or `invalid` (the JSON pointer
of what is wrong with it), and the lines of `output`. An error without a message is one whose wording is no contract.
"""

import json
import unittest
from pathlib import Path

from daemon import Daemon

CASES = Path(__file__).resolve().parents[1] / "conformance" / "cases.jsonl"
KINDS = {"call", "value", "gather", "map", "task_group", "wait", "wait_for", "race", "shield", "sequence", "let", "ref",
         "try", "retry", "to_thread", "if", "any"}


def without_paths(error):
    kept = {name: value for name, value in error.items() if name not in ("path", "items")}
    if "errors" in kept:
        kept["errors"] = [without_paths(each) for each in kept["errors"]]
    return kept


def outcome(answer):
    """The answer of a `run` in the words of a case."""
    if "result" in answer:
        return {"result": answer["result"]}
    error = answer["error"]
    if error["code"] == -32602:
        return {"invalid": error["data"]["path"].removeprefix("/task")}
    if error["code"] == -32000:
        return {"error": without_paths(error["data"])}
    return {"unexpected": error}


def comparable(got, expected):
    """`got` without what the case leaves open."""
    if "error" in got and "message" not in expected.get("error", {"message": ""}):
        return {"error": {name: value for name, value in got["error"].items() if name != "message"}}
    return got


def expected_end(case):
    """As `ends_of` gives it."""
    expected = {name: case[name] for name in ("result", "error", "invalid") if name in case}
    return json.dumps(expected), case.get("output", [])


def ends_of(connection, cases):
    """By name: how each ended, as JSON text (1, 1.0 and true are not the same), and its output."""
    for case in cases:
        seed = {"seed": case["seed"]} if "seed" in case else {}
        connection.send({"id": case["name"], "method": "run", "params": {"task": case["plan"], **seed}})
    outputs = {case["name"]: [] for case in cases}
    answers = {}
    while len(answers) < len(cases):
        message = connection.message()
        if "id" in message:
            answers[message["id"]] = message
        else:
            outputs[message["params"]["request"]].append(message["params"]["text"])
    return {case["name"]: (json.dumps(comparable(outcome(answers[case["name"]]), case)), outputs[case["name"]])
            for case in cases}


class Plans(unittest.TestCase):
    def setUp(self):
        with open(CASES) as lines:
            self.cases = [json.loads(line) for line in lines]

    def test_each_plan_ends_as_in_asyncio(self):
        with Daemon() as daemon, daemon.connect() as connection:
            ends = ends_of(connection, self.cases)
            # Sleeps some tens of milliseconds apart may change places on a machine that stalls: alone they do not.
            odd = [case for case in self.cases if ends[case["name"]] != expected_end(case)]
            for case in odd:
                ends.update(ends_of(connection, [case]))
        for case in odd:
            with self.subTest(case["name"], plan=case["plan"]):
                self.assertEqual(ends[case["name"]], expected_end(case))

    def test_every_kind_has_a_case(self):
        seen = set()

        def look(at):
            if isinstance(at, dict):
                seen.update(KINDS & set(at))
                at = at.values()
            for each in at if not isinstance(at, str) else ():
                if isinstance(each, (dict, list)):
                    look(each)

        for case in self.cases:
            look(case["plan"] or {})
        self.assertEqual(seen, KINDS)


if __name__ == "__main__":
    unittest.main()
