#!/usr/bin/python3
"""Connections move from a busy worker to one that idles, and nobody notices but by the speed."""

import json
import time
import unittest

from connection import PATIENCE
from daemon import Daemon

CONNECTIONS = 8
BURST = 8
# Instant: it runs where it is read, and cannot be stolen.
HEAVY = json.dumps({"sequence": [{"call": "add", "args": [1, 2]}] * 400}).encode()


# The same ones each time: a client in Python has other things to do while two workers are to be kept busy.
REQUESTS = b"".join(b'{"id":%d,"method":"run","params":{"task":%s}}\n' % (i, HEAVY) for i in range(BURST))
RESULT = json.dumps([3] * 400, separators=(",", ":"))
ANSWERS = [f'{{"jsonrpc":"2.0","id":{i},"result":{RESULT}}}' for i in range(BURST)]


class Balance(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon("--workers", "2")
        self.addCleanup(self.daemon.stop)
        self.watcher = self.daemon.connect()
        self.addCleanup(self.watcher.close)

    def moved(self):
        return self.watcher.result("stats")["connections_moved"]

    def connections(self, count):
        """Dealt out in turn: those of an even index share a worker."""
        made = []
        for _ in range(count):
            made.append(self.daemon.connect())
            self.addCleanup(made[-1].close)
            self.assertEqual(made[-1].result("ping"), "pong")
        return made

    def load(self, connections, until):
        """Keeps them all busy until that is true after a round, with every answer right and in its place."""
        end = time.monotonic() + PATIENCE
        while not until():
            self.assertLess(time.monotonic(), end, "that is not to be waited for")
            for each in connections:
                each.send(REQUESTS)
            for each in connections:
                self.assertEqual([each.line() for _ in range(BURST)], ANSWERS)

    def test_heavy_connections_on_one_worker_spread(self):
        heavy = self.connections(CONNECTIONS)[::2]
        self.load(heavy, lambda: self.moved() >= 1)
        for each in heavy:  # wherever they live now
            self.assertEqual(each.result("run", [{"call": "add", "args": [1, 2]}]), 3)
            each.start("run", [{"sequence": [{"call": "print", "args": ["said"]}, {"call": "sleep", "args": [0]}]}])
            self.assertEqual(each.message()["params"]["text"], "said")
            self.assertIn("result", each.message())
            number = each.start("gather", {"tasks": [{"call": "sleep", "args": [0.001, i]} for i in range(3)], "stream": True})
            streamed = each.messages(4)
            self.assertEqual(sorted(one["params"]["index"] for one in streamed[:3]), [0, 1, 2])
            self.assertEqual(streamed[3]["id"], number)
            number = each.start("run", [{"call": "sleep", "args": [3600]}])
            each.start("cancel", {"request": number})
            self.assertEqual({one["id"] for one in each.messages(2)}, {number, number + 1})

    def test_one_that_is_alone_stays(self):
        alone = self.connections(1)
        rounds = iter(range(40))
        self.load(alone, lambda: next(rounds, None) is None)
        self.assertEqual(self.moved(), 0)

    def test_after_a_move_a_drain_answers_and_closes(self):
        heavy = self.connections(CONNECTIONS)[::2]
        self.load(heavy, lambda: self.moved() >= 1)
        for each in heavy:
            each.start("run", [{"call": "sleep", "args": [0.3, "awake"]}])
            each.start("ping")
            self.assertEqual(each.message()["result"], "pong")
        self.watcher.close()
        self.daemon.process.terminate()
        for each in heavy:
            self.assertEqual(each.message()["result"], "awake")
            with self.assertRaises(EOFError):
                each.line()
        self.assertEqual(self.daemon.wait(), 0)


if __name__ == "__main__":
    unittest.main()
