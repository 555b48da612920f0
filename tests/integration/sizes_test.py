#!/usr/bin/python3
"""Plans as large as they come: each evaluated, and cancelled while it sleeps, by threads with little stack.

A sanitized daemon, which is slow and has another memory, gets smaller ones, and its memory is not looked at.
"""

import json
import resource
import unittest
from pathlib import Path

from daemon import IS_SANITIZED, Daemon

SCALE = 10 if IS_SANITIZED else 1
STACK = 256 * 1024  # of each thread: a chain of awaits that nested calls would overflow it
DEEP_STACK = 1024 * 1024  # the decoder does nest calls, as deep as the JSON: that has a limit of its own
NODES = 100_000 // SCALE
SLEEPERS = 1_000_000 // SCALE
CHAIN = 10_000 // SCALE
DEPTH = 500  # of 512, which limits.depth allows the whole message
LONG = 600


def with_stack(size):
    return None if IS_SANITIZED else lambda: resource.setrlimit(resource.RLIMIT_STACK, (size, resource.RLIM_INFINITY))


def sleep(seconds, result=None):
    return {"call": "sleep", "args": [seconds, result]}


def tree(leaf, leaves):
    """A gather of two gathers of two gathers ..."""
    if leaves == 1:
        return leaf
    return {"gather": [tree(leaf, leaves // 2), tree(leaf, leaves - leaves // 2)]}


def chain(first, length):
    """Each task of one let awaits the one before it."""
    tasks = {"t0": first} | {f"t{i}": {"ref": f"t{i - 1}"} for i in range(1, length)}
    return {"let": tasks, "in": {"ref": f"t{length - 1}"}}


def nested_lets(first, depth):
    """A let in a let in a let, each with a task that awaits the one around it."""
    inner = {"ref": "t"}
    for _ in range(depth - 1):
        inner = {"let": {"t": {"ref": "t"}}, "in": inner}
    return {"let": {"t": first}, "in": inner}


def anonymous_memory(process):
    """Bytes of the daemon's own memory."""
    for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no line 'Anonymous:'")


def resident_memory(process, most=False):
    """Bytes of the daemon's, now or at the most since that was last reset."""
    name = "VmHWM:" if most else "VmRSS:"
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no line '{name}'")


def reset_most(process):
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")


class Sizes(unittest.TestCase):
    def setUp(self):
        self.start(STACK)

    def start(self, stack):
        """A daemon whose threads have so much, and a connection to it."""
        self.daemon = Daemon(preexec=with_stack(stack))
        self.addCleanup(self.daemon.stop)
        self.connection = self.daemon.connect()
        self.addCleanup(self.connection.close)

    def check(self, plan_of, length, result):
        """`plan_of(first task, length)` gives the result when its sleep is short, and is cancelled when it is long."""
        answer = self.connection.ask("run", {"task": plan_of(sleep(0.01, "slept"), length)})
        self.assertEqual(answer.get("result"), result)
        long_one = plan_of(sleep(LONG), length)
        witness = {"sequence": [sleep(0.3), {"call": "print", "args": ["all have begun"]}, sleep(LONG)]}
        asked = self.connection.start("run", {"task": {"gather": [long_one, witness]}})
        self.assertEqual(self.connection.message()["method"], "output")
        cancelling = self.connection.start("cancel", {"request": asked})
        answers = {message["id"]: message for message in self.connection.messages(2)}
        self.assertEqual(answers[cancelling]["result"], {"cancelled": 1})
        self.assertEqual(answers[asked]["error"]["code"], -32002)

    def test_a_gather_of_a_hundred_thousand(self):
        self.check(lambda first, n: {"gather": [first] * n}, NODES, ["slept"] * NODES)

    def test_a_hundred_thousand_nodes_two_by_two(self):
        def flat(result):
            return [result] if isinstance(result, str) else [each for part in result for each in flat(part)]

        answer = self.connection.ask("run", {"task": tree(sleep(0.01, "slept"), NODES // 2)})
        self.assertEqual(flat(answer["result"]), ["slept"] * (NODES // 2))

    def test_groups_of_a_hundred_thousand(self):
        self.check(lambda first, n: {"task_group": [first] * n}, NODES, ["slept"] * NODES)
        self.check(lambda first, n: {"race": [sleep(LONG)] * n + [first]}, NODES, "slept")

    def test_a_chain_of_ten_thousand_refs(self):
        self.check(chain, CHAIN, "slept")

    def test_a_let_in_a_let_to_the_limit_of_depth(self):
        self.start(DEEP_STACK)
        self.check(nested_lets, DEPTH, "slept")

    def test_a_map_of_a_million_sleeps(self):
        self.check(lambda first, n: {"map": "sleep", "over": [first["args"]] * n}, SLEEPERS, ["slept"] * SLEEPERS)

    def bytes_of_each(self, method, params, count):
        """Of the daemon's memory, while `count` children sleep and the last one has ended."""
        self.connection.ask("ping")
        before = anonymous_memory(self.daemon.process)
        asked = self.connection.start(method, params | {"stream": True})
        self.assertEqual(self.connection.message()["params"]["index"], count)  # all before it have begun
        each = (anonymous_memory(self.daemon.process) - before) / count
        print(f"\n{count} sleeping children of a {method}: {each:.0f} bytes each, their plan included", flush=True)
        self.connection.send(json.dumps({"method": "cancel", "params": {"request": asked}}) + "\n")
        self.assertEqual(self.connection.message()["params"]["error"]["type"], "CancelledError")  # its first child's
        self.assertEqual(self.connection.message()["error"]["code"], -32002)
        return each

    def test_a_sleeping_child_takes_at_most_640_bytes_its_plan_included(self):
        of_gather = self.bytes_of_each("gather", {"tasks": [sleep(LONG)] * NODES + [sleep(0.01)]}, NODES)
        self.start(STACK)  # what the first one freed would be used again
        of_map = self.bytes_of_each("map", {"call": "sleep", "over": [[LONG]] * SLEEPERS + [[0.01]]}, SLEEPERS)
        if not IS_SANITIZED:
            self.assertLessEqual(of_gather, 640)
            self.assertLessEqual(of_map, 570)

    def most_of_each(self, form, count):
        """Bytes of the daemon's memory at the most from where all sleep to the answer, for each child."""
        self.start(STACK)
        process = self.daemon.process
        asked = {"task": {"gather": [form(10, 0.01), form(10, 0.01)]}}  # once, so that it has what any plan takes
        self.assertEqual(len(self.connection.result("run", asked)), 2)
        before = resident_memory(process)
        witness = {"sequence": [sleep(0.2), {"call": "print", "args": ["all have begun"]}]}
        self.connection.start("run", {"task": {"gather": [form(count, 3), witness]}})
        self.assertEqual(self.connection.message()["method"], "output")
        reset_most(process)
        self.assertEqual(len(self.connection.message()["result"][0]), count)
        return (resident_memory(process, most=True) - before) / count

    def test_a_sleeping_child_takes_few_bytes(self):
        forms = {
            "gather": lambda n, s: {"gather": [sleep(s, "slept")] * n},
            "settled gather": lambda n, s: {"gather": [sleep(s)] * n, "return_exceptions": True},
            "map": lambda n, s: {"map": "sleep", "over": [[s]] * n},
            "settled map": lambda n, s: {"map": "sleep", "over": [[s]] * n, "return_exceptions": True},
        }
        for name, form in forms.items():
            most = self.most_of_each(form, NODES)
            print(f"\na sleeping child of a {name}: {most:.0f} bytes at the most", flush=True)
            if not IS_SANITIZED:
                self.assertLessEqual(most, 800)


if __name__ == "__main__":
    unittest.main()
