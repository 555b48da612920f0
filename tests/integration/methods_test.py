#!/usr/bin/python3
"""Each method: its params by name and by position, its result, its errors with code and pointer."""

import unittest

from daemon import SharedDaemonCase

FAILS = {"call": "fail", "args": ["ValueError", "boom"]}
FOR_EVER = {"call": "sleep", "args": [3600]}


def sleep(seconds, result):
    return {"call": "sleep", "args": [seconds, result]}


def raised(path, type_="ValueError", message="boom"):
    return {"code": -32000, "message": f"{type_}: {message}" if message else type_,
            "data": {"type": type_, "message": message, "path": path}}


class MethodCase(SharedDaemonCase):
    def setUp(self):
        self.connection = self.daemon.connect()
        self.addCleanup(self.connection.close)
        self.result, self.error = self.connection.result, self.connection.error

    def assert_refused(self, method, params, path):
        error = self.error(method, params)
        self.assertEqual((error["code"], error["data"]["path"]), (-32602, path), f"{method} {params}: {error}")


class Run(MethodCase):
    def test_by_name_and_by_position(self):
        self.assertEqual(self.result("run", {"task": {"value": [1]}}), [1])
        self.assertEqual(self.result("run", [{"value": [1]}]), [1])
        self.assertEqual(self.result("run", {"task": {"value": 1}, "timeout": None, "seed": None}), 1)

    def test_a_failure_says_where(self):
        plans = {
            "": FAILS,
            "/gather/1": {"gather": [{"value": 1}, FAILS]},
            "/over/0": {"map": "fail", "over": [{"type": "ValueError", "message": "boom"}]},
            "/sequence/0/args/0/await": {"sequence": [{"call": "echo", "args": [{"await": FAILS}]}]},
            "/args/await": {"call": "echo", "args": {"await": FAILS}},
            "/args/value/1/await": {"call": "echo", "args": {"value": [0, {"await": FAILS}]}},
            "/let/a~1b": {"let": {"a/b": FAILS}, "in": {"ref": "a/b"}},
            "/try": {"try": FAILS, "finally": {"value": 1}},
            "/except": {"try": {"call": "fail"}, "except": FAILS},
            "/finally": {"try": {"value": 1}, "finally": FAILS},
            "/retry": {"retry": FAILS, "attempts": 2},
            "/to_thread": {"to_thread": FAILS},
            "/shield": {"shield": FAILS},
            "/wait_for": {"wait_for": FAILS, "timeout": 60},
            "/race/0": {"race": [FAILS, FOR_EVER]},
        }
        for path, plan in plans.items():
            with self.subTest(path=path):
                self.assertEqual(self.error("run", {"task": plan}), raised("/task" + path))
                self.assertEqual(self.error("run", [plan]), raised("/0" + path))

    def test_a_timeout_inside_is_an_exception_at_its_wait_for(self):
        plan = {"sequence": [{"wait_for": FOR_EVER, "timeout": 0.01}]}
        self.assertEqual(self.error("run", {"task": plan}), raised("/task/sequence/0", "TimeoutError", ""))

    def test_a_group_has_the_path_of_each_error(self):
        error = self.error("run", {"task": {"task_group": [FAILS, {"task_group": [FAILS]}]}})
        # The second child may have been cancelled before it began.
        self.assertEqual(error["data"]["path"], "/task")
        self.assertEqual(error["data"]["errors"][0], {"type": "ValueError", "message": "boom", "path": "/task/task_group/0"})
        error = self.error("run", {"task": {"task_group": [{"task_group": [FAILS]}]}})
        self.assertEqual(error, {
            "code": -32000, "message": "ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)",
            "data": {"type": "ExceptionGroup", "message": "unhandled errors in a TaskGroup", "path": "/task", "errors": [
                {"type": "ExceptionGroup", "message": "unhandled errors in a TaskGroup", "path": "/task/task_group/0", "errors": [
                    {"type": "ValueError", "message": "boom", "path": "/task/task_group/0/task_group/0"}]}]}})

    def test_its_own_timeout(self):
        error = self.error("run", {"task": FOR_EVER, "timeout": 0.02})
        self.assertEqual((error["code"], error["data"]), (-32001, {"type": "TimeoutError", "message": ""}))
        error = self.error("run", {"task": {"call": "print", "args": ["never"]}, "timeout": 0})
        self.assertEqual(error["code"], -32001)

    def test_its_timeout_waits_for_clean_up(self):
        plan = {"try": FOR_EVER, "finally": {"sequence": [sleep(0.02, 0), {"call": "print", "args": ["cleaned"]}]}}
        request = self.connection.start("run", {"task": plan, "timeout": 0.02})
        self.assertEqual(self.connection.message()["params"], {"request": request, "text": "cleaned"})
        self.assertEqual(self.connection.message()["error"]["code"], -32001)

    def test_a_seed_repeats(self):
        plan = {"task": {"map": "random.random", "over": [[], [], []]}, "seed": 11}
        first = self.result("run", plan)
        self.assertEqual(self.result("run", plan), first)
        self.assertEqual(len(set(first)), 3)
        self.assertNotEqual(self.result("run", plan | {"seed": 12}), first)

    def test_wrong_params(self):
        task = {"value": 1}
        for params, path in (({}, ""), ([], ""), ({"task": 5}, "/task"), ([5], "/0"), ([task, 1], "/1"), ({"tsak": task}, "/tsak"),
                             ({"task": task, "timeout": "1"}, "/timeout"), ({"task": task, "timeout": True}, "/timeout"),
                             ({"task": task, "seed": 1.5}, "/seed"), ({"task": task, "seed": "1"}, "/seed"),
                             ({"task": {"gather": [task, {"call": "nope"}]}}, "/task/gather/1/call"),
                             ([{"gather": [task, {"call": "nope"}]}], "/0/gather/1/call"),
                             ({"task": {"value": 2**64}}, "/task/value"), ({"task": {"call": "add", "args": [1, -2**63 - 1]}}, "/task/args/1")):
            with self.subTest(params=params):
                self.assert_refused("run", params, path)

    def test_a_misspelt_function_is_guessed(self):
        error = self.error("run", [{"call": "random.unifrom", "args": [0, 1]}])
        self.assertEqual(error["data"]["hint"], "did you mean random.uniform?")

    def test_nothing_of_a_refused_plan_runs(self):
        self.assert_refused("run", [{"sequence": [{"call": "print", "args": ["ran"]}, {"call": "nope"}]}], "/0/sequence/1/call")
        self.assertEqual(self.result("ping"), "pong")


class GatherAndMap(MethodCase):
    def test_by_name_and_by_position(self):
        self.assertEqual(self.result("gather", {"tasks": [sleep(0.03, "a"), {"value": "b"}]}), ["a", "b"])
        self.assertEqual(self.result("gather", [[{"value": 1}]]), [1])
        self.assertEqual(self.result("gather", {"tasks": []}), [])
        self.assertEqual(self.result("map", {"call": "add", "over": [[1, 2], {"await": {"value": [3]}}]}), [3, 3])
        self.assertEqual(self.result("map", ["add", [[1], []]]), [1, 0])
        self.assertEqual(self.result("map", ["add", []]), [])

    def test_return_exceptions(self):
        tasks = [{"value": 1}, FAILS, {"wait_for": FOR_EVER, "timeout": 0.01}]
        expected = [{"value": 1}, {"error": {"type": "ValueError", "message": "boom"}}, {"error": {"type": "TimeoutError", "message": ""}}]
        self.assertEqual(self.result("gather", {"tasks": tasks, "return_exceptions": True}), expected)
        self.assertEqual(self.result("map", {"call": "fail", "over": [["ValueError", "boom"]], "return_exceptions": True}), expected[1:2])

    def test_a_failure_says_where(self):
        self.assertEqual(self.error("gather", {"tasks": [FAILS]}), raised("/tasks/0"))
        self.assertEqual(self.error("gather", [[{"value": 1}, {"sequence": [FAILS]}]]), raised("/0/1/sequence/0"))
        self.assertEqual(self.error("map", {"call": "fail", "over": [["ValueError", "boom"]]}), raised("/over/0"))
        self.assertEqual(self.error("map", ["fail", [["ValueError", "boom"]]]), raised("/1/0"))

    def test_wrong_params(self):
        for params, path in (({}, ""), ({"tasks": {}}, "/tasks"), ({"tasks": [5]}, "/tasks/0"), ([[5]], "/0/0"), ([[], 1], "/1"),
                             ({"tasks": [], "limit": 0}, "/limit"), ({"tasks": [], "limit": "1"}, "/limit"),
                             ({"tasks": [], "return_exceptions": 1}, "/return_exceptions"), ({"tasks": [], "stream": 1}, "/stream"),
                             ({"tasks": [], "progress": "1"}, "/progress"), ({"tasks": [], "over": []}, "/over")):
            with self.subTest(params=params):
                self.assert_refused("gather", params, path)
        for params, path in ((["add"], ""), ({"over": []}, ""), (["nope", []], "/0"), ({"call": "nope", "over": []}, "/call"),
                             ({"call": "add", "over": 1}, "/over"), (["add", 1], "/1"), (["noop", [[], [1]]], "/1/1"),
                             ({"call": "noop", "over": [[], 1]}, "/over/1")):
            with self.subTest(params=params):
                self.assert_refused("map", params, path)

    def test_children_run_at_the_same_time(self):
        """Each waits longer than the one after it: they would print in the order of the list if they took turns."""
        tasks = [{"sequence": [sleep(seconds, 0), {"call": "print", "args": [seconds]}]} for seconds in (0.3, 0.2, 0.1)]
        self.connection.start("gather", {"tasks": tasks})
        self.assertEqual([each["params"]["text"] for each in self.connection.messages(3)], ["0.1", "0.2", "0.3"])

    def test_limit_lets_so_many_in(self):
        tasks = [{"sequence": [{"call": "print", "args": [f"{i}+"]}, sleep(0.02, 0), {"call": "print", "args": [f"{i}-"]}]} for i in range(4)]
        self.connection.start("gather", {"tasks": tasks, "limit": 1})
        texts = [each["params"]["text"] for each in self.connection.messages(8)]
        self.assertEqual(texts, [f"{i}{mark}" for i in range(4) for mark in "+-"])

    def test_stream_tells_each_end_at_once(self):
        request = self.connection.start("gather", {
            "tasks": [sleep(0.2, "late"), sleep(0.05, "soon"), FAILS], "stream": True, "return_exceptions": True})
        sent = [each["params"] for each in self.connection.messages(3)]
        self.assertEqual(sent, [{"request": request, "index": 2, "error": {"type": "ValueError", "message": "boom"}},
                                {"request": request, "index": 1, "value": "soon"}, {"request": request, "index": 0, "value": "late"}])
        self.assertEqual(self.connection.message()["result"], {"completed": 2, "failed": 1})

    def test_stream_ends_with_the_first_failure(self):
        request = self.connection.start("map", {"call": "echo", "over": [["a"]], "stream": True})
        self.assertEqual(self.connection.message()["params"], {"request": request, "index": 0, "value": "a"})
        self.assertEqual(self.connection.message()["result"], {"completed": 1, "failed": 0})
        request = self.connection.start("gather", {
            "tasks": [sleep(0.01, "a"), {"sequence": [sleep(0.1, 0), FAILS]}, sleep(0.2, "never")], "stream": True})
        first, second, answer = self.connection.messages(3)
        self.assertEqual(first["params"], {"request": request, "index": 0, "value": "a"})
        self.assertEqual(second["params"], {"request": request, "index": 1, "error": {"type": "ValueError", "message": "boom"}})
        self.assertEqual(answer["error"], raised("/tasks/1/sequence/1"))
        self.assertEqual(self.result("ping"), "pong")

    def test_progress_counts_and_ends_with_all(self):
        request = self.connection.start("gather", {"tasks": [sleep(0.01, 0), FAILS, sleep(0.05, 0)], "return_exceptions": True, "progress": 0})
        seen = []
        while "method" in (message := self.connection.message()):
            self.assertEqual(message["method"], "progress")
            self.assertEqual((message["params"]["request"], message["params"]["total"]), (request, 3))
            seen.append(message["params"]["done"])
        self.assertEqual(seen, sorted(seen))
        self.assertEqual(seen[-1], 3)
        self.assertEqual(len(message["result"]), 3)

    def test_progress_that_was_held_back_is_sent_in_time(self):
        tasks = [{"value": 0}, *[sleep(0.001, 0)] * 98, FOR_EVER]
        request = self.connection.start("gather", {"tasks": tasks, "progress": 0.05})
        seen = [0]
        while seen[-1] < 99:  # while the slowest child still runs
            seen.append(self.connection.message()["params"]["done"])
        self.assertEqual(seen, sorted(set(seen)))
        self.connection.start("cancel", {"request": request})
        last = [each for each in self.connection.messages(3) if each.get("method") == "progress"]
        self.assertEqual([each["params"]["done"] for each in last], [100])

    def test_progress_never_sends_the_same_numbers_twice(self):
        self.connection.start("gather", {"tasks": [sleep(0.01, i) for i in range(20)], "progress": 0})
        seen = []
        while "method" in (message := self.connection.message()):
            seen.append(message["params"]["done"])
        self.assertEqual(seen, list(range(1, 21)))

    def test_progress_comes_before_an_error_too(self):
        self.connection.start("gather", {"tasks": [{"value": 1}, FAILS, FOR_EVER], "progress": 3600})
        before = []
        while "error" not in (answer := self.connection.message()):
            before.append(answer)
        self.assertEqual(before[-1]["method"], "progress")
        self.assertEqual(before[-1]["params"]["failed"], 1)
        self.assertEqual(answer["error"], raised("/tasks/1"))


class CancelRequest(MethodCase):
    def test_a_request_is_cancelled_with_its_message(self):
        plan = {"try": FOR_EVER, "finally": {"call": "print", "args": ["cleaned"]}}
        first = self.connection.start("run", [{"sequence": [{"call": "print", "args": ["began"]}, plan]}])
        self.assertEqual(self.connection.message()["params"]["text"], "began")
        second = self.connection.start("cancel", {"request": first, "message": "not needed"})
        seen = self.connection.messages(3)
        self.assertIn({"jsonrpc": "2.0", "id": second, "result": {"cancelled": 1}}, seen)
        answer = next(each for each in seen if each.get("id") == first)
        self.assertEqual(answer["error"], {"code": -32002, "message": "CancelledError: not needed",
                                           "data": {"type": "CancelledError", "message": "not needed"}})
        self.assertEqual([each["params"]["text"] for each in seen if "method" in each], ["cleaned"])

    def test_an_unknown_request_counts_nothing(self):
        self.assertEqual(self.result("cancel", {"request": "unknown"}), {"cancelled": 0})

    def test_a_request_of_another_connection_is_not_reached(self):
        with self.daemon.connect() as other:
            other.send({"id": "mine", "method": "run", "params": [{"sequence": [{"call": "print", "args": ["began"]}, FOR_EVER]}]})
            other.message()
            self.assertEqual(self.result("cancel", {"request": "mine"}), {"cancelled": 0})
            other.send({"id": 2, "method": "cancel", "params": {"request": "mine"}})
            self.assertEqual(len(other.messages(2)), 2)

    def test_a_plan_that_swallows_it_answers_its_result(self):
        plan = {"try": {"sequence": [{"call": "print", "args": ["began"]}, FOR_EVER]}, "except": {"value": "still here"}, "types": ["CancelledError"]}
        first = self.connection.start("run", [plan])
        self.connection.message()
        self.connection.start("cancel", {"request": first})
        answers = {each["id"]: each for each in self.connection.messages(2)}
        self.assertEqual(answers[first]["result"], "still here")

    def test_exactly_one_target(self):
        self.assert_refused("cancel", {}, "")
        self.assert_refused("cancel", {"request": 1, "ids": []}, "")
        self.assert_refused("cancel", {"request": 1, "message": 5}, "/message")
        for no_id in (True, [], {}):
            self.assert_refused("cancel", {"request": no_id}, "/request")


class AboutTheDaemon(MethodCase):
    def test_ping(self):
        for params in (None, {}, []):
            self.assertEqual(self.result("ping", params), "pong")
        self.assert_refused("ping", [1], "/0")
        self.assert_refused("ping", {"a": 1}, "/a")

    def test_info(self):
        info = self.result("info")
        self.assertEqual((info["name"], info["protocol"], info["draining"]), ("gatherd", 1, False))
        self.assertRegex(info["version"], r"^\d+\.\d+\.\d+")
        self.assertGreaterEqual(info["threads"], 1)

    def test_functions(self):
        functions = {each["name"]: each for each in self.result("functions", [])}
        expected = {"noop", "echo", "print", "fail", "sleep", "time.sleep", "add", "hash.sha256"}
        expected |= {"random." + name for name in ("random", "uniform", "randint", "randrange", "getrandbits", "choice", "choices",
                                                   "sample", "shuffle", "gauss", "expovariate")}
        self.assertLessEqual(expected, set(functions))
        for each in functions.values():
            self.assertEqual(list(each)[:4], ["name", "summary", "params", "lane"])
            self.assertIn(each["lane"], ("async", "compute", "blocking"))
        self.assertEqual([each["name"] for each in functions["random.uniform"]["params"]], ["a", "b"])
        self.assertEqual(functions["time.sleep"]["lane"], "blocking")

    def test_stats_count(self):
        before = self.result("stats")["programs_run"]
        self.result("run", [{"value": 1}])
        self.assertEqual(self.result("stats")["programs_run"], before + 1)

    def test_an_unknown_method(self):
        for name in ("", "Run", "rpc.discover", "x" * 1000):
            with self.subTest(name=name):
                self.assertEqual(self.error(name)["code"], -32601)


if __name__ == "__main__":
    unittest.main()
