#!/usr/bin/python3
"""bench/simulate.py: what must hold whatever the costs are. Usage: simulation_test.py BENCH_FOLDER"""

import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv.pop(1))
import simulate  # noqa: E402
from simulation.policy import Policy  # noqa: E402
from simulation.pool import Pool  # noqa: E402
from simulation.report import Curve, Panel, plot, replace_block  # noqa: E402
from simulation.workloads import ALL, Requests  # noqa: E402

TASKS = 300


class Simulation(unittest.TestCase):
    def test_every_task_that_is_created_ends_and_none_is_left(self):
        for name, policy in simulate.CHANGES.items():
            for kind in ALL:
                with self.subTest(policy=name, workload=kind.name):
                    pool = Pool(8, policy)
                    counts = pool.run(kind(1_000, TASKS))
                    self.assertEqual(counts.created, counts.finished)
                    self.assertEqual(sum(worker.backlog() for worker in pool.workers), 0)
                    self.assertEqual(pool.with_work, 0)

    def test_all_policies_run_the_same_tasks(self):
        for kind in ALL:
            found = {Pool(4, policy).run(kind(1_000, TASKS)).finished for policy in simulate.CHANGES.values()}
            self.assertEqual(len(found), 1, kind.name)

    def test_idle_and_searching_workers_are_counted_right(self):
        pool = Pool(16)
        pool.run(Requests(1_000, TASKS))
        self.assertEqual(pool.idle, sum(worker.parked for worker in pool.workers))
        self.assertLessEqual(0, pool.searching)
        self.assertLessEqual(pool.searching, 16)

    def test_nobody_works_faster_than_time_passes(self):
        for kind in ALL[:3]:
            for workers in (1, 8, 64):
                workload = kind(10_000, TASKS)
                end = Pool(workers).run(workload).end_ns
                self.assertGreater(end, workload.made * 9_000 / workers, kind.name)  # 10 us each, more or less

    def test_one_worker_is_as_fast_as_one_worker(self):
        runs = simulate.Runs(TASKS, seed=1)
        for kind in ALL[:3]:
            self.assertEqual(runs.speed_up(kind, 1_000, 1), 1)

    def test_two_workers_share_large_tasks(self):
        runs = simulate.Runs(TASKS, seed=1)
        for kind in ALL[:3]:
            self.assertGreater(runs.speed_up(kind, 100_000, 2), 1.9, kind.name)

    def test_the_same_seed_gives_the_same_run(self):
        def run(seed):
            counts = Pool(8, Policy(order="random"), seed=seed).run(Requests(1_000, TASKS))
            return counts.end_ns, counts.latencies

        self.assertEqual(run(3), run(3))
        self.assertNotEqual(run(3), run(4))

    def test_full_fences_mean_no_membarrier(self):
        for kind in ALL:
            self.assertEqual(Pool(8, Policy(fences="full")).run(kind(1_000, TASKS)).fences, 0)

    def test_a_lone_worker_wakes_and_robs_nobody(self):
        counts = Pool(1).run(ALL[0](1_000, TASKS))
        self.assertEqual((counts.wakes, counts.steals), (0, 0))


class Report(unittest.TestCase):
    def test_the_block_between_the_marks_is_replaced(self):
        self.assertEqual(replace_block("a <1> old <2> b", ("<1>", "<2>"), ["new"]), "a <1>\nnew\n<2> b")
        with self.assertRaises(ValueError):
            replace_block("a <1> old", ("<1>", "<2>"), ["new"])

    def test_a_plot_has_every_curve(self):
        curves = [Curve(str(i), {1: 1, 2: 1.5 + i, 4: 3}) for i in range(4)]
        picture = "\n".join(plot([Panel("p", curves, ideal=True)], "title"))
        self.assertEqual(picture.count("<polyline"), 5)


if __name__ == "__main__":
    unittest.main()
