#!/usr/bin/python3
"""bench/simulate.py: what must hold whatever the costs are. Usage: simulation_test.py BENCH_FOLDER"""

import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv.pop(1))
import simulate  # noqa: E402
from simulation import costs  # noqa: E402
from simulation.policy import Policy  # noqa: E402
from simulation.pool import Pool  # noqa: E402
from simulation.report import Curve, Panel, plot, replace_block  # noqa: E402
from simulation.workloads import ALL, Requests, SmallBatches, Task  # noqa: E402

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
                    self.assertEqual(len(pool.injected), 0)
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

    def test_queues_hold_no_more_than_their_capacity_and_the_rest_is_injected(self):
        pool = Pool(1)
        worker = pool.workers[0]
        for _ in range(costs.CAPACITY + 5):
            worker.push_ready(Task(0))
        self.assertEqual((len(worker.ready.tasks), len(pool.injected)), (costs.CAPACITY, 5))

    def test_one_step_spawns_no_more_than_its_bound_into_the_own_queues(self):
        pool = Pool(1)
        for _ in range(200):
            pool.workers[0].create(Task(0))
        self.assertEqual((pool.workers[0].backlog(), len(pool.injected)), (128, 72))

    def test_work_too_young_for_thieves_stays_with_its_owner(self):
        patient, eager = Pool(2), Pool(2, Policy(patience=0, doze=0))
        self.assertEqual(patient.run(SmallBatches(100, TASKS)).steals, 0)
        self.assertGreater(eager.run(SmallBatches(100, TASKS)).steals, 0)

    def test_a_note_of_a_deque_is_void_once_its_oldest_task_has_left_or_if_it_lasts_once_it_was_empty(self):
        for lasting in (False, True):
            worker = Pool(2, Policy(lasting_notes=lasting)).workers[0]
            for _ in range(3):
                worker.push(worker.spawned, Task(0))
            note = worker.sight()
            self.assertTrue(worker.still_waits(note))
            worker.pop_spawned()
            self.assertTrue(worker.still_waits(note))
            worker.spawned.take_oldest()
            self.assertEqual(worker.still_waits(note), lasting)
            worker.pop_spawned()
            worker.push(worker.spawned, Task(0))
            self.assertFalse(worker.still_waits(note))

    def test_a_deque_that_is_turned_round_as_a_whole_was_empty_for_a_moment(self):
        for elder in (0, 1):
            worker = Pool(2).workers[0]
            for _ in range(elder + 2):
                worker.push(worker.spawned, Task(0))
            worker.unordered = 2
            note = worker.sight()
            worker.order_spawned()
            self.assertEqual(worker.still_waits(note), elder > 0)

    def test_a_task_that_awaits_its_newest_child_runs_it_in_place(self):
        def steps(awaits_newest):
            leaves = [Task(10), Task(10)]
            middle = Task(10, [leaves], awaits_newest=awaits_newest)
            workload = ALL[0](0, 1)
            workload.root = lambda: Task(10, [[middle]])
            return Pool(1).run(workload).run

        self.assertLess(steps(True), steps(False))

    def test_sleeping_workers_need_no_cpu(self):
        counts = Pool(8).run(ALL[2](100, 1))  # one batch
        self.assertLess(counts.cpu_ns, 8 * counts.end_ns)
        alone = Pool(1).run(ALL[2](100, 1))
        self.assertEqual(alone.cpu_ns, alone.end_ns)

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
