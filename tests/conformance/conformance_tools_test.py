#!/usr/bin/python3
"""What compares the daemon with CPython, looked at itself, without a daemon."""

import json
import unittest
from pathlib import Path

from comparing import disordered, expected_of, has_tie, in_time, is_explained_by_load, same, same_outcome
from daemon_side import ways_to_ask
from plan_tree import KINDS, depth, part_at, places, replaced, size
from random_plans import RandomPlans
from reference import outcome_of
from reference.clock import Stuck
from reference.wording import Wording
from shrinking import shrunk

CASES = Path(__file__).with_name("cases.jsonl")


def without_paths(error):
    kept = {name: each for name, each in error.items() if name not in ("path", "items")}
    if "errors" in kept:
        kept["errors"] = [without_paths(each) for each in kept["errors"]]
    return kept


def sleep(seconds, result=None):
    return {"call": "sleep", "args": [seconds, result]}


def line(text):
    return {"call": "print", "args": [text]}


class Reference(unittest.TestCase):
    def test_every_case_ends_as_it_is_written_down(self):
        with open(CASES) as lines:
            cases = [json.loads(line) for line in lines]
        for case in cases:
            with self.subTest(case["name"]):
                got = outcome_of(case)
                expected = {name: case[name] for name in ("result", "error", "invalid") if name in case}
                self.assertEqual(got.get("output", []), case.get("output", []))
                got = {name: each for name, each in got.items() if name not in ("output", "seconds")}
                if "error" in got:
                    got["error"] = without_paths(got["error"])
                    if "message" not in expected["error"]:
                        del got["error"]["message"]
                self.assertEqual(json.dumps(got), json.dumps(expected))

    def test_an_hour_takes_no_time_and_is_told(self):
        got = outcome_of({"plan": {"sequence": [sleep(1000.5), sleep(0.25), {"to_thread": {"call": "time.sleep", "args": [2]}}]}})
        self.assertAlmostEqual(got["seconds"], 1002.75, places=4)

    def test_what_never_ends_is_said(self):
        self.assertRaises(Stuck, outcome_of, {"plan": sleep(10_000)})
        forever = {"try": sleep(0), "finally": {"retry": {"call": "fail"}, "attempts": 10**9}}
        self.assertRaises(Stuck, outcome_of, {"plan": forever})

    def test_paths_name_the_node_that_raised(self):
        fail = {"call": "fail", "args": ["E", "m"]}
        for plan, path in [
            (fail, ""), ({"gather": [{"value": 1}, fail]}, "/gather/1"), ({"map": "fail", "over": [[]]}, "/map"),
            ({"call": "echo", "args": [{"x/y": [{"await": fail}]}]}, "/args/0/x~1y/0/await"),
            ({"let": {"a~b": fail}, "in": {"sequence": [{"ref": "a~b"}]}}, "/let/a~0b"),
            ({"wait_for": sleep(1), "timeout": 0.1}, ""), ({"shield": {"to_thread": fail}}, "/shield/to_thread"),
            ({"retry": {"try": fail, "finally": {"race": []}}, "attempts": 2}, "/retry/finally"),
        ]:
            with self.subTest(plan=plan):
                path = "/over/0" if "map" in plan else path
                self.assertEqual(outcome_of({"plan": plan})["error"]["path"], path)

    def test_a_request_that_runs_out_of_time_cleans_up(self):
        plan = {"try": sleep(5), "finally": {"sequence": [sleep(0.2), line("clean")]}}
        got = outcome_of({"plan": plan, "timeout": 0.1})
        self.assertTrue(got["timed_out"])
        self.assertEqual(got["output"], ["clean"])
        self.assertAlmostEqual(got["seconds"], 0.3, places=4)
        swallowed = {"try": sleep(5), "except": {"value": 1}, "types": ["CancelledError"]}
        self.assertEqual(outcome_of({"plan": swallowed, "timeout": 0.1})["result"], 1)


class Ties(unittest.TestCase):
    def tie(self, plan, **more):
        case = {"plan": plan} | more
        return has_tie(case, expected_of(case))

    def test_what_no_clock_keeps_apart_is_one(self):
        self.assertTrue(self.tie({"race": [sleep(0.1, "a"), sleep(0.105, "b")]}))
        self.assertTrue(self.tie({"race": [{"value": "a"}, {"value": "b"}]}))
        self.assertTrue(self.tie({"gather": [line("a"), line("b")]}))
        self.assertTrue(self.tie({"gather": [{"sequence": [line("a"), line("b")]}, line("c")]}))
        self.assertTrue(self.tie({"let": {"a": line("perhaps")}, "in": {"value": 1}}))
        self.assertTrue(self.tie({"let": {"a": {"try": {"gather": [{"value": 1}]}, "finally": sleep(0.3)}}, "in": sleep(0)}), "in when")
        self.assertTrue(self.tie({"wait_for": {"to_thread": {"call": "time.sleep", "args": [0.1]}}, "timeout": 0.1}))

    def test_what_a_clock_keeps_apart_is_none(self):
        self.assertFalse(self.tie({"race": [sleep(0.1, "a"), sleep(0.2, "b")]}))
        self.assertFalse(self.tie({"gather": [sleep(0.1, "a"), sleep(0.1, "b"), {"value": 1}]}))
        self.assertFalse(self.tie({"sequence": [line("a"), line("b")]}))

    def test_a_seeded_program_runs_first_in_first_out(self):
        self.assertFalse(self.tie({"gather": [line("a"), line("b"), {"call": "random.random"}]}, seed=1))
        hops = {"race": [{"gather": [{"gather": [{"value": 1}]}]}, {"sequence": [sleep(0), sleep(0), sleep(0)]}]}
        self.assertTrue(self.tie(hops, seed=1))

    def test_news_may_overtake_the_steps_of_a_seeded_program(self):
        staggered = {"any": [{"call": "fail"}, line("a")], "stagger": 0.0}
        self.assertTrue(self.tie({"gather": [staggered, {"let": {"x": {"gather": [line("b")]}}, "in": sleep(0.1)}]}, seed=0))
        left = {"wait": [{"ref": "i"}, {"gather": [{"gather": [line("a")]}]}], "return_when": "FIRST_COMPLETED"}
        self.assertTrue(self.tie({"map": left, "as": "i", "over": [1, 2, 3]}, seed=0))

    def test_an_outcome_that_lateness_explains_is_no_difference(self):
        case = {"plan": {"race": [sleep(0.1, "a"), sleep(0.11, "b")]}}
        self.assertTrue(is_explained_by_load(case, {"result": "b", "output": []}))
        self.assertFalse(is_explained_by_load(case, {"result": "c", "output": []}))
        self.assertEqual(len(list(disordered(case, 7, 0.01))), 7)


class Comparing(unittest.TestCase):
    def test_numbers_of_different_types_differ(self):
        for left, right in [(1, 1.0), (1, True), (0, False), (0.0, -0.0), (None, False), ([1], [1, 1]), ({"a": 1, "b": 2}, {"b": 2, "a": 1})]:
            self.assertFalse(same(left, right), (left, right))
        self.assertTrue(same({"a": [1.5, None, "x"]}, {"a": [1.5, None, "x"]}))

    def test_only_an_open_wording_may_differ(self):
        self.assertTrue(same({"message": Wording("so")}, {"message": "other"}))
        self.assertFalse(same({"message": "so"}, {"message": "other"}))
        self.assertFalse(same({"message": Wording("so")}, {"message": None}))

    def test_where_a_path_is_open_so_are_the_items_of_maps_around_it(self):
        in_item = {"path": "/let/c/map", "items": [0]}
        self.assertTrue(same({"error": {"path": Wording("/in")}}, {"error": in_item}))
        self.assertTrue(same({"path": Wording("/map"), "items": [3]}, {"path": "/let/c"}))
        self.assertFalse(same({"path": "/let/c/map"}, in_item))
        self.assertFalse(same({"path": Wording("/in")}, {"items": [0]}))

    def test_output_counts_and_time_apart(self):
        self.assertFalse(same_outcome({"result": 1, "output": []}, {"result": 1, "output": ["x"]}))
        self.assertTrue(same_outcome({"result": 1, "output": [], "seconds": 1}, {"output": [], "result": 1, "seconds": 9}))
        self.assertFalse(in_time({"seconds": 1}, {"seconds": 0.8}))
        self.assertFalse(in_time({"seconds": 1}, {"seconds": 3.1}))
        self.assertTrue(in_time({"seconds": 1}, {"seconds": 1.5}))

    def test_a_gather_is_asked_for_in_every_way(self):
        methods = [(method, type(params)) for method, params, _ in ways_to_ask({"gather": []})]
        self.assertEqual(methods, [("run", dict), ("run", list), ("gather", dict), ("gather", list)])


class Plans(unittest.TestCase):
    def setUp(self):
        plans = RandomPlans(7)
        self.cases = [plans.case(5) for _ in range(600)]

    def test_a_seed_makes_the_same_ones(self):
        plans = RandomPlans(7)
        self.assertEqual(json.dumps(self.cases[:50]), json.dumps([plans.case(5) for _ in range(50)]))

    def test_they_have_every_kind_and_option_and_faults(self):
        seen, invalid = set(), 0
        for case in self.cases:
            invalid += "invalid" in (expected_of(case) or {})
            for at in places(case["plan"]):
                seen |= part_at(case["plan"], at).keys()
        self.assertLessEqual({*KINDS, "args", "over", "return_exceptions", "limit", "timeout", "return_when", "in", "except", "types", "as",
                              "finally", "attempts", "delay", "factor", "max_delay", "literal", "then", "else", "stagger"}, seen)
        self.assertGreater(invalid, 20)
        self.assertGreater(sum("seed" in case for case in self.cases), 100)
        self.assertGreater(sum("timeout" in case for case in self.cases), 20)

    def test_they_are_as_deep_as_asked(self):
        self.assertEqual(max(depth(case["plan"]) for case in self.cases), 5)
        self.assertGreater(sum(size(case["plan"]) > 20 for case in self.cases), 50)

    def test_each_place_can_be_replaced(self):
        for case in self.cases[:50]:
            for at in places(case["plan"]):
                self.assertEqual(part_at(replaced(case["plan"], at, "new"), at), "new")


class Shrinking(unittest.TestCase):
    def test_what_matters_is_left(self):
        plans = RandomPlans(3)

        def is_wrong(case):
            """As if the daemon could not shield inside of a try."""
            return any(at[-1:] == ("shield",) and "try" in at for at in places(case["plan"]))

        wrong = next(case for case in iter(lambda: plans.case(5), None) if is_wrong(case) and size(case["plan"]) > 20)
        small = shrunk(wrong, is_wrong, tries=5000)
        self.assertTrue(is_wrong(small))
        self.assertEqual(size(small["plan"]), 3)
        self.assertNotIn("seed", small)


if __name__ == "__main__":
    unittest.main(warnings="ignore")  # coroutines of tasks that were cancelled before their first step
