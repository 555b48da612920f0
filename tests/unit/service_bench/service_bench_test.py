#!/usr/bin/python3
"""bench/service/: ratios, medians, fits and the words that gatherd bench is given. Usage: service_bench_test.py BENCH_FOLDER"""

import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv.pop(1))
from service import report  # noqa: E402
from service.peers import LineServer, Queue, figures, fits  # noqa: E402
from service.rows import all_rows, sleeps  # noqa: E402
from service.scaling import Sweep  # noqa: E402

ROW = next(row for row in all_rows() if row.group == "batches" and row.connections == 8)


def measured(rate, seconds):
    return figures({"tasks_a_second": rate, "latency": {"p50": seconds, "p99": seconds, "p99.9": seconds, "max": seconds}})


FOUND = {(ROW, "gatherd"): [measured(90, 0.5), measured(100, 1.0), measured(500, 9.0)], (ROW, "other"): [measured(50, 4.0)]}


class Tables(unittest.TestCase):
    def test_more_tasks_a_second_and_less_time_are_wins(self):
        text = "\n".join(report.lines(FOUND, {}, ["gatherd", "other"]))
        self.assertIn("| 100 | 50.0 (2.00) |", text)  # the median of ours is twice theirs
        self.assertIn("| 1.00 s | 4.00 s (4.00) |", text)
        self.assertIn("medians of at least 1 round.", text)

    def test_a_peer_that_failed_is_told(self):
        text = "\n".join(report.lines(FOUND, {(ROW, "third"): "it\nbroke"}, ["gatherd", "other", "third"]))
        self.assertIn(f"- third failed at {ROW.name}: it broke", text)

    def test_the_plot_tells_wins_from_losses_by_side(self):
        picture = "\n".join(report.plot(FOUND, ["gatherd", "other"]))
        self.assertIn(">2.00</text>", picture)


class Rows(unittest.TestCase):
    def test_every_row_is_told_apart_by_its_name(self):
        names = [(row.group, row.name) for row in all_rows()]
        self.assertEqual(len(names), len(set(names)))

    def test_brokers_get_what_they_can_do(self):
        broker, line_server = Queue("x", "x", None), LineServer("x", [], sleeps=False)
        for row in all_rows():
            self.assertEqual(fits(broker, row), row.group == "batches")
            self.assertEqual(fits(line_server, row), row.group != "sleeps")

    def test_sleeps_are_the_same_each_time_and_within_their_longest(self):
        self.assertEqual(sleeps(1_000), sleeps(1_000))
        self.assertTrue(all(0 <= task["args"][0] <= 0.1 for task in sleeps(1_000)))


class Fit(unittest.TestCase):
    def test_a_line_is_found_again(self):
        sweep = Sweep("t", "x", "us", [(size, 8 + 0.15 * size) for size in (1, 10, 100, 1000)])
        fixed, each = sweep.fit()
        self.assertAlmostEqual(fixed, 8, places=6)
        self.assertAlmostEqual(each, 0.15, places=6)
        self.assertLess(sweep.worst(), 1e-6)


if __name__ == "__main__":
    unittest.main()
