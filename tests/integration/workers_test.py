#!/usr/bin/python3
"""Functions that connections serve: raw sockets as workers, and every rule of docs/PROTOCOL.md, section Workers."""

import hashlib
import json
import signal
import socket
import tempfile
import unittest
from pathlib import Path

from connection import Connection
from daemon import Daemon


class Worker(Connection):
    """A connection that serves, and answers what its test says."""

    def __init__(self, port, *functions, **more):
        super().__init__(port)
        self.serve(*functions, **more)

    def serve(self, *functions, **more):
        declared = [{"name": each} if isinstance(each, str) else each for each in functions]
        self.name = self.result("serve", {"functions": declared, **more})["worker"]
        return self

    def invoked(self):
        """The next message, which must be an invoke: its id and params."""
        message = self.message()
        if message.get("method") != "invoke" or not isinstance(message["id"], str):
            raise AssertionError(f"no invoke, but {message}")
        return message["id"], message["params"]

    def cancelled(self):
        message = self.message()
        if message.get("method") != "cancel" or "id" in message:
            raise AssertionError(f"no cancel, but {message}")
        return message["params"]

    def answer(self, call, result):
        self.send({"jsonrpc": "2.0", "id": call, "result": result})

    def fail(self, call, **data):
        self.send({"jsonrpc": "2.0", "id": call, "error": {"code": -32000, "message": "failed", **({"data": data} if data else {})}})

    def output(self, call, text):
        self.send({"jsonrpc": "2.0", "method": "output", "params": {"request": call, "text": text}})

    def answer_next(self, result=None):
        call, params = self.invoked()
        self.answer(call, params["args"] if result is None else result)
        return params


def call(name, *args, **named):
    return {"task": {"call": name, "args": named or list(args)}}


class WorkersCase(unittest.TestCase):
    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(*cls.flags)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def setUp(self):
        self.client = self.daemon.connect()
        self.addCleanup(self.client.close)

    def worker(self, *functions, **more):
        worker = Worker(self.daemon.port, *functions, **more)
        self.addCleanup(worker.close)
        return worker

    def other(self):
        client = self.daemon.connect()
        self.addCleanup(client.close)
        return client

    def run_call(self, worker, name, *args, **named):
        """What one call sends to the worker; it answers 0."""
        self.client.start("run", call(name, *args, **named))
        params = worker.answer_next(0)
        self.assertEqual(self.client.message()["result"], 0)
        return params

    def calls(self, name):
        return self.client.result("stats")["calls"][name]

    def until_waiting(self, name, count):
        """Until so many calls wait in line."""
        client = self.other()
        while client.result("stats")["calls"].get(name, {}).get("queued") != count:
            pass

    def refusal(self, *functions, **more):
        error = self.other().error("serve", {"functions": list(functions), **more})
        self.assertEqual(error["code"], -32602, error)
        return error["data"]["path"]


class Serving(WorkersCase):
    def test_a_served_function_is_a_function_of_plans(self):
        worker = self.worker({"name": "img.resize", "params": [{"name": "path"}, {"name": "width", "default": 800}]})
        self.client.start("run", {"task": {"gather": [
            {"call": "img.resize", "args": ["a.jpg"]}, {"call": "add", "args": [1, {"await": {"call": "img.resize", "args": {"width": 3, "path": "b"}}}]}]}})
        seen = []
        for _ in range(2):
            identity, params = worker.invoked()
            self.assertEqual(params["call"], "img.resize")
            self.assertEqual(params["attempt"], 1)
            self.assertNotIn("timeout", params)
            seen.append(params["args"])
            worker.answer(identity, 10)
        self.assertEqual(sorted(seen), [["a.jpg", 800], ["b", 3]])
        self.assertEqual(self.client.message()["result"], [10, 11])

    def test_arguments_are_bound_by_the_daemon(self):
        worker = self.worker({"name": "bound", "params": [{"name": "a"}, {"name": "b", "default": None}, {"name": "rest", "variadic": True}]})
        self.assertEqual(self.run_call(worker, "bound", 1)["args"], [1, None])
        self.assertEqual(self.run_call(worker, "bound", 1, 2, 3, 4)["args"], [1, 2, 3, 4])
        self.assertEqual(self.run_call(worker, "bound", b=2, a=1)["args"], [1, 2])
        for args, words in (([], "'a'"), ({"b": 1}, "'a'"), ({"a": 1, "c": 2}, "'c'")):
            error = self.client.error("run", {"task": {"call": "bound", "args": args}})
            self.assertEqual((error["code"], error["data"]["path"]), (-32602, "/task/args"))
            self.assertIn(words, error["message"])
        error = self.client.error("run", {"task": {"call": "bound"}})
        self.assertEqual(error["data"]["path"], "/task/args")
        error = self.client.error("run", {"task": {"call": "bound", "args": {"a": 1, "bb": 2}}})
        self.assertEqual(error["data"], {"path": "/task/args", "hint": "did you mean b?"})

    def test_with_an_optional_parameter_arguments_go_by_name(self):
        worker = self.worker({"name": "optional", "params": [
            {"name": "a"}, {"name": "b", "optional": True}, {"name": "c", "default": 7}, {"name": "rest", "variadic": True}]})
        self.assertEqual(self.run_call(worker, "optional", 1)["args"], {"a": 1, "c": 7})
        self.assertEqual(self.run_call(worker, "optional", c=1, a=2)["args"], {"a": 2, "c": 1})
        self.assertEqual(self.run_call(worker, "optional", 1, 2, 3, 4, 5)["args"], {"a": 1, "b": 2, "c": 3, "rest": [4, 5]})

    def test_without_params_arguments_go_as_given(self):
        worker = self.worker("anything")
        self.assertEqual(self.run_call(worker, "anything", 1, [2])["args"], [1, [2]])
        self.assertEqual(self.run_call(worker, "anything", x={"y": 1})["args"], {"x": {"y": 1}})
        self.client.start("run", {"task": {"call": "anything"}})
        self.assertEqual(worker.answer_next(0)["args"], [])
        self.client.message()
        self.client.start("run", {"task": {"call": "anything", "args": {"a": [{"await": {"value": 5}}]}}})
        self.assertEqual(worker.answer_next(0)["args"], {"a": [5]})
        self.client.message()
        self.client.start("run", {"task": {"call": "anything", "args": {"await": {"value": [1, 2]}}}})
        self.assertEqual(worker.answer_next(0)["args"], [1, 2])
        self.client.message()
        error = self.client.error("run", {"task": {"call": "anything", "args": {"await": {"value": 3}}}})
        self.assertEqual(error["data"]["type"], "TypeError")

    def test_literal_arguments_are_not_looked_into(self):
        data = {"await": {"call": "fail"}, "ref": "x"}, {"await": {"call": "fail"}}
        for function in ("untyped", {"name": "typed", "params": [{"name": "a"}, {"name": "b"}]}):
            worker = self.worker(function, concurrency=2)
            name = function if isinstance(function, str) else function["name"]
            for method, params in (("run", {"task": {"call": name, "args": data, "literal": True}}),
                                   ("run", {"task": {"map": name, "over": [data], "literal": True}}),
                                   ("run", {"task": {"map": name, "over": {"await": {"value": [data]}}}}),
                                   ("run", {"task": {"map": {"call": name, "args": {"ref": "item"}}, "as": "item", "over": [data]}})):
                self.client.start(method, params)
                self.assertEqual(worker.answer_next(0)["args"], list(data))
                self.assertIn(self.client.message()["result"], (0, [0]))

    def test_serve_may_be_a_notification_or_stand_in_a_batch(self):
        worker = self.other()
        worker.send({"method": "serve", "params": [[{"name": "told"}]]})
        worker.result("ping")
        self.client.start("run", call("told"))
        worker.send({"id": worker.message()["id"], "result": 1})
        self.assertEqual(self.client.message()["result"], 1)
        self.client.start("run", call("told"))
        identity = worker.message()["id"]
        self.client.start("run", call("told"))
        worker.send([{"id": 1, "method": "serve", "params": [[{"name": "told"}]]}, {"id": identity, "result": 2}, {"id": 2, "method": "ping"}])
        self.assertEqual(sorted(each["id"] for each in worker.message()), [1, 2])  # before the next call
        worker.send({"id": worker.message()["id"], "result": 3})
        self.assertEqual([self.client.message()["result"] for _ in range(2)], [2, 3])

    def test_map_and_created_tasks_call_workers(self):
        worker = self.worker("mapped", concurrency=3)
        self.client.start("map", {"call": "mapped", "over": [[1], [2], [3]]})
        calls = sorted((worker.invoked() for _ in range(3)), key=lambda each: each[1]["args"])
        for identity, params in reversed(calls):
            worker.answer(identity, params["args"][0] * 10)
        self.assertEqual(self.client.message()["result"], [10, 20, 30])
        task = self.client.result("create_task", call("mapped", 4))["id"]
        worker.answer_next("four")
        self.assertEqual(self.client.result("await", [task]), "four")

    def test_it_is_async_and_holds_up_only_its_own_task_with_a_seed(self):
        worker = self.worker("slow")
        error = self.client.error("run", {"task": {"to_thread": {"call": "slow"}}})
        self.assertEqual(error["data"]["path"], "/task/to_thread")
        self.client.start("run", {"task": {"gather": [{"call": "slow"}, {"call": "print", "args": ["beside"]}]}, "seed": 1})
        identity, _ = worker.invoked()
        self.assertEqual(self.client.message()["params"]["text"], "beside")
        worker.answer(identity, "late")
        self.assertEqual(self.client.message()["result"], ["late", None])

    def test_functions_lists_what_is_served(self):
        self.worker({"name": "listed", "summary": "Does it.", "params": [
            {"name": "a", "type": "text", "help": "which"}, {"name": "b", "optional": True}, {"name": "c", "default": None}]}, "bare")
        listed = {each["name"]: each for each in self.client.result("functions")}
        self.assertEqual(sorted(listed), list(listed))
        self.assertEqual(listed["listed"]["summary"], "Does it.")
        self.assertEqual(listed["listed"]["lane"], "worker")
        self.assertEqual(listed["listed"]["params"], [
            {"name": "a", "required": True, "type": "text", "help": "which"}, {"name": "b", "required": False},
            {"name": "c", "required": False, "default": None}])
        self.assertIsNone(listed["bare"]["params"])

    def test_unknown_names_are_refused_with_a_hint(self):
        self.worker("thumbnail")
        error = self.client.error("run", call("thumbnial"))
        self.assertEqual((error["code"], error["data"]), (-32602, {"path": "/task/call", "hint": "did you mean thumbnail?"}))

    def test_workers_lists_the_workers(self):
        worker = self.worker("b", "a", concurrency=2, name="resizer", version="1.2")
        self.client.start("run", call("a"))
        identity, _ = worker.invoked()
        listed = {each["worker"]: each for each in self.other().result("workers")}[worker.name]
        self.assertGreater(listed.pop("since"), 1e9)
        self.assertEqual(listed, {"worker": worker.name, "name": "resizer", "version": "1.2", "address": "127.0.0.1",
                                  "functions": ["b", "a"], "concurrency": 2, "running": 1, "calls": 1, "failed": 0})
        worker.fail(identity)
        self.assertEqual(self.client.message()["error"]["data"]["type"], "RuntimeError")
        listed = {each["worker"]: each for each in self.client.result("workers")}[worker.name]
        self.assertEqual((listed["running"], listed["calls"], listed["failed"]), (0, 1, 1))
        self.assertEqual((self.calls("a")["failed"], self.calls("a")["running"]), (1, 0))

    def test_stats_tells_what_calls_of_each_function_did(self):
        worker = self.worker("counted")
        self.client.start("gather", {"tasks": [{"call": "counted"}] * 3, "return_exceptions": True})
        self.until_waiting("counted", 2)
        calls = self.other().result("stats")["calls"]["counted"]
        self.assertEqual([calls[each] for each in ("workers", "queued", "running", "ok", "failed")], [1, 2, 1, 0, 0])
        worker.answer_next(1)
        worker.answer_next(2)
        worker.fail(worker.invoked()[0])
        self.client.message()
        calls = self.calls("counted")
        self.assertEqual([calls[each] for each in ("workers", "queued", "running", "ok", "failed")], [1, 0, 0, 2, 1])
        self.assertGreater(calls["time_run"], 0)
        self.assertGreater(calls["time_queued"], 0)

    def test_serve_again_replaces_all(self):
        worker = self.worker({"name": "again", "params": []}, "gone_then", concurrency=5, name="x")
        self.client.start("run", call("again"))
        identity, _ = worker.invoked()
        worker.serve({"name": "again", "params": [{"name": "a"}]})
        worker.answer(identity, 1)
        self.assertEqual(self.client.message()["result"], 1)
        self.assertEqual(self.run_call(worker, "again", 2)["args"], [2])
        listed = {each["worker"]: each for each in self.client.result("workers")}[worker.name]
        self.assertEqual((listed["functions"], listed["concurrency"], listed["name"]), (["again"], 1, None))

    def test_serving_nothing_lets_what_is_in_flight_go_on(self):
        worker = self.worker("until_then")
        self.client.start("run", call("until_then"))
        identity, _ = worker.invoked()
        worker.serve()
        second = self.other()
        second.start("run", call("until_then"))
        worker.answer(identity, "first")
        self.assertEqual(self.client.message()["result"], "first")
        self.worker("until_then").answer_next("second")
        self.assertEqual(second.message()["result"], "second")

    def test_the_answer_to_serve_comes_before_the_first_invoke(self):
        first = self.worker("eager")
        first.serve()
        for _ in range(20):
            self.client.start("run", call("eager"))
        self.until_waiting("eager", 20)
        worker = self.worker("eager", concurrency=30)  # asks for the answer as the next message
        for _ in range(20):
            worker.answer_next(1)
        self.assertEqual([self.client.message()["result"] for _ in range(20)], [1] * 20)

    def test_refused_declarations_say_where(self):
        for function, path in (
                ({"name": "sleep"}, "/functions/0/name"), ({"name": "http.fetch"}, "/functions/0/name"),
                ({"name": "operator.x"}, "/functions/0/name"), ({"name": "1x"}, "/functions/0/name"),
                ({"name": ""}, "/functions/0/name"), ({"name": "x" * 129}, "/functions/0/name"), ({"name": 5}, "/functions/0/name"),
                ({}, "/functions/0"), ("x", "/functions/0"), ({"name": "x", "idempotant": True}, "/functions/0/idempotant"),
                ({"name": "x", "idempotent": 1}, "/functions/0/idempotent"), ({"name": "x", "summary": 1}, "/functions/0/summary"),
                ({"name": "x", "timeout": 0}, "/functions/0/timeout"), ({"name": "x", "timeout": "1"}, "/functions/0/timeout"),
                ({"name": "x", "concurrency": 0}, "/functions/0/concurrency"), ({"name": "x", "concurrency": 1.5}, "/functions/0/concurrency"),
                ({"name": "x", "params": {}}, "/functions/0/params"), ({"name": "x", "params": [5]}, "/functions/0/params/0"),
                ({"name": "x", "params": [{"name": "a", "default": 1}, {"name": "b"}]}, "/functions/0/params/1"),
                ({"name": "x", "params": [{"name": "a", "optional": True}, {"name": "b"}]}, "/functions/0/params/1"),
                ({"name": "x", "params": [{"name": "a", "variadic": True}, {"name": "b"}]}, "/functions/0/params/0"),
                ({"name": "x", "params": [{"name": "a"}, {"name": "a"}]}, "/functions/0/params/1/name"),
                ({"name": "x", "params": [{"name": "a", "default": 1, "optional": True}]}, "/functions/0/params/0/optional"),
                ({"name": "x", "params": [{"name": "a", "default": 1, "variadic": True}]}, "/functions/0/params/0/variadic"),
                ({"name": "x", "params": [{"name": f"p{i}"} for i in range(256)]}, "/functions/0/params"),
                ({"name": "x", "summary": "x" * 20000}, "/functions/0")):
            self.assertEqual(self.refusal(function), path, function)
        self.assertEqual(self.refusal({"name": "x"}, {"name": "x"}), "/functions/1/name")
        for concurrency in (0, -1, 1025, 1.5, "1"):
            self.assertEqual(self.refusal({"name": "x"}, concurrency=concurrency), "/concurrency")
        self.assertEqual(self.refusal({"name": "x", "group": "none"}), "/functions/0/group")
        for groups, path in ([], "/groups"), ({"a/b": 0}, "/groups/a~1b"), ({"a": 1025}, "/groups/a"), ({"": 1}, "/groups/"), (
                {str(i): 1 for i in range(65)}, "/groups"):
            self.assertEqual(self.refusal({"name": "x"}, groups=groups), path)
        self.assertEqual(self.refusal({"name": "x"}, name="x" * 257), "/name")
        self.assertEqual(self.refusal({"name": "x"}, version=2), "/version")
        self.assertEqual(self.other().error("serve", [[{"name": "sleep"}]])["data"]["path"], "/0/0/name")
        self.assertEqual(self.other().error("serve", {"functions": 5})["data"]["path"], "/functions")
        self.assertEqual(self.other().error("serve", {})["code"], -32602)
        error = self.client.error("run", call("x"))
        self.assertEqual(error["data"]["path"], "/task/call")

    def test_workers_may_declare_a_name_differently(self):
        old = self.worker({"name": "versioned", "params": [{"name": "a"}]})
        new = self.worker({"name": "versioned", "params": [{"name": "a"}, {"name": "b", "default": 2}]})
        client = self.other()
        client.start("run", {"task": {"gather": [{"call": "versioned", "args": [1, 5]}] * 2, "return_exceptions": True}})
        self.assertEqual(new.answer_next("new")["args"], [1, 5])
        self.assertEqual(sorted(str(each.get("value", each.get("error", {}).get("type"))) for each in client.message()["result"]),
                         ["TypeError", "new"])
        new.serve()
        self.assertEqual(self.run_call(old, "versioned", 1)["args"], [1])
        error = self.client.error("run", call("versioned", 1, 5))
        self.assertEqual(error["code"], -32602)  # the newest of those that serve it

    def test_of_equal_workers_the_one_that_returned_last_is_called(self):
        first, second = self.worker("warm"), self.worker("warm")
        self.client.start("gather", {"tasks": [{"call": "warm"}] * 2})
        places = [(each, each.invoked()[0]) for each in (first, second)]
        for each, identity in places:
            each.answer(identity, 0)
            each.result("ping")  # the answer has been read
        self.client.message()
        for _ in range(3):
            self.run_call(second, "warm")
        self.client.start("run", call("warm"))
        second.fail(second.invoked()[0])
        self.assertIn("error", self.client.message())
        self.run_call(first, "warm")

    def test_a_plan_keeps_what_it_was_checked_against(self):
        worker = self.worker({"name": "kept", "params": [{"name": "a"}]})
        self.client.start("run", {"task": {"sequence": [{"call": "kept", "args": [1]}, {"call": "kept", "args": [2]}]}})
        identity, _ = worker.invoked()
        worker.serve("kept")
        worker.answer(identity, 1)
        self.assertEqual(worker.answer_next(2)["args"], [2])
        self.assertEqual(self.client.message()["result"], [1, 2])

    def test_a_worker_may_use_every_other_method(self):
        worker = self.worker("outer")
        self.client.start("run", call("outer"))
        identity, _ = worker.invoked()
        worker.answer(identity, worker.result("run", call("add", 1, 2)))
        self.assertEqual(self.client.message()["result"], 3)

    def test_content_length_framing(self):
        worker = self.daemon.connect()
        self.addCleanup(worker.close)

        def send(message):
            body = json.dumps(message)
            worker.send(f"Content-Length: {len(body)}\r\n\r\n{body}")

        def receive():
            length = int(worker._input.readline().split(b":")[1])
            worker._input.readline()
            return json.loads(worker.exactly(length))

        send({"id": 1, "method": "serve", "params": [[{"name": "framed"}]]})
        receive()
        self.client.start("run", call("framed"))
        send({"id": receive()["id"], "result": "framed"})
        self.assertEqual(self.client.message()["result"], "framed")


class Answers(WorkersCase):
    def error_of(self, worker, answer):
        self.client.start("run", call("f"))
        identity, _ = worker.invoked()
        answer(identity)
        error = self.client.message()["error"]
        self.assertEqual(error["code"], -32000, error)
        return error["data"]

    def test_errors_are_what_the_call_raises(self):
        worker = self.worker("f")
        data = self.error_of(worker, lambda i: worker.fail(i, type="ValueError", message="boom", traceback="line 1\nline 2"))
        self.assertEqual(data, {"type": "ValueError", "message": "boom", "path": "/task", "traceback": "line 1\nline 2"})
        self.assertEqual(self.error_of(worker, worker.fail), {"type": "RuntimeError", "message": "failed", "path": "/task"})
        self.client.start("run", {"task": {"try": {"call": "f"}, "types": ["MyError"], "as": "e", "except": {"ref": "e"}}})
        identity, _ = worker.invoked()
        worker.fail(identity, type="MyError", message="mine", traceback="t")
        self.assertEqual(self.client.message()["result"], {"type": "MyError", "message": "mine"})
        self.client.start("run", {"task": {"task_group": [{"call": "f"}]}})
        identity, _ = worker.invoked()
        worker.fail(identity, type="MyError", message="mine", traceback="t")
        self.assertEqual(self.client.message()["error"]["data"]["errors"],
                         [{"type": "MyError", "message": "mine", "path": "/task/task_group/0", "traceback": "t"}])

    def test_cancelled_and_timeout_errors_are_the_real_ones(self):
        worker = self.worker("f")
        self.assertEqual(self.error_of(worker, lambda i: worker.fail(i, type="CancelledError", message="m"))["type"], "CancelledError")
        self.client.start("run", {"task": {"try": {"call": "f"}, "except": {"value": "caught"}}})
        identity, _ = worker.invoked()
        worker.fail(identity, type="CancelledError", message="")
        self.assertEqual(self.client.message()["error"]["data"]["type"], "CancelledError")
        self.client.start("run", {"task": {"try": {"call": "f"}, "types": ["TimeoutError"], "except": {"value": "caught"}}})
        identity, _ = worker.invoked()
        worker.fail(identity, type="TimeoutError", message="")
        self.assertEqual(self.client.message()["result"], "caught")

    def test_wrong_answers_raise_runtime_error(self):
        worker = self.worker("f")
        wrong = {"error": {"code": 1, "message": "m"}}
        for more in ({}, {"result": 1, **wrong}, {"error": 5}, {"error": {"code": 1}},
                     {"error": {"code": 1, "message": "m", "data": {"type": "X"}}},
                     {"error": {"code": 1, "message": "m", "data": {"type": 5, "message": "m"}}},
                     {"error": {"code": 1, "message": "m", "data": {"type": "", "message": "m"}}},
                     {"error": {"code": 1, "message": "m", "data": {"type": "X", "message": "m", "traceback": []}}},
                     {"error": {"code": 1, "message": "m", "data": "text"}},
                     {"jsonrpc": "1.0", "result": 1}):
            data = self.error_of(worker, lambda i, more=more: worker.send({"id": i, **more}))
            self.assertEqual(data["type"], "RuntimeError", more)
            if not more:
                self.assertEqual(data["message"], "the worker's answer is wrong: it has neither result nor error")
        data = self.error_of(worker, lambda i: worker.send(f'{{"id":"{i}","result":{"[" * 600}{"]" * 600}}}\n'))
        self.assertEqual(data["type"], "RuntimeError")
        data = self.error_of(worker, lambda i: worker.send(f'{{"id":"{i}","result":{10 ** 30}}}\n'))
        self.assertEqual(data["type"], "RuntimeError")
        for result in (b"[1e999]", b'"\xff"', b'"\\ud800"'):
            data = self.error_of(worker, lambda i, result=result: worker.send(b'{"id":"%b","result":%b}\n' % (i.encode(), result)))
            self.assertEqual(data["type"], "RuntimeError")
            self.assertIn("the worker's answer is wrong: malformed JSON: ", data["message"])
        for name in ("", "a b\n"):
            data = self.error_of(worker, lambda i, name=name: worker.fail(i, type=name, message="m"))
            self.assertEqual(data["message"], "the worker's answer is wrong: error.data.type must not be empty, and must have no control characters")
        self.client.start("run", call("f"))
        worker.answer_next("still good")
        self.assertEqual(self.client.message()["result"], "still good")

    def test_arrays_of_answers_are_taken(self):
        worker = self.worker("f", concurrency=3)
        self.client.start("gather", {"tasks": [{"call": "f"}] * 3})
        identities = [worker.invoked()[0] for _ in range(3)]
        worker.send([{"id": each, "result": i} for i, each in enumerate(identities)] + [{"id": "mine", "method": "ping"}])
        self.assertEqual(worker.message(), [{"jsonrpc": "2.0", "id": "mine", "result": "pong"}])
        self.assertEqual(sorted(self.client.message()["result"]), [0, 1, 2])

    def test_answers_to_no_call_are_ignored_and_counted(self):
        worker = self.worker("f")
        before = self.client.result("stats")["answers_ignored"]
        self.client.start("run", call("f"))
        identity, _ = worker.invoked()
        for wrong in ("", "0", identity + "0", "-1", 5, None, int(identity), 1.5, "x" * 2000):
            worker.send({"id": wrong, "result": 1})
        worker.send({"result": 1})
        worker.output("999999", "to nobody")
        worker.send({"method": "output", "params": {"request": identity}})
        worker.send({"method": "output"})
        worker.answer(identity, "right")
        worker.answer(identity, "twice")
        worker.output(identity, "too late")
        self.assertEqual(self.client.message()["result"], "right")
        self.assertEqual(worker.result("ping"), "pong")
        self.assertEqual(self.client.result("stats")["answers_ignored"] - before, 15)

    def test_who_serves_nothing_is_told_that_an_answer_is_no_request(self):
        self.client.send({"id": 1, "result": 5})
        self.assertEqual(self.client.message()["error"]["code"], -32600)

    def test_output_comes_in_order_before_the_answer(self):
        worker = self.worker("f")
        request = self.client.start("run", call("f"))
        identity, _ = worker.invoked()
        for i in range(5):
            worker.output(identity, f"line {i}")
        worker.answer(identity, "done")
        for i in range(5):
            self.assertEqual(self.client.message()["params"], {"request": request, "text": f"line {i}"})
        self.assertEqual(self.client.message()["result"], "done")

    def test_deep_inside_results_are_data(self):
        worker = self.worker("f")
        self.client.start("run", {"task": {"call": "echo", "args": [{"await": {"call": "f"}}]}})
        worker.answer_next({"await": {"call": "fail"}, "n": [1.0, 2 ** 63, "ä"]})
        self.assertEqual(self.client.message()["result"], {"await": {"call": "fail"}, "n": [1.0, 2 ** 63, "ä"]})


class Places(WorkersCase):
    def test_most_free_places_first(self):
        small, large = self.worker("p", concurrency=1), self.worker("p", concurrency=3)
        self.client.start("gather", {"tasks": [{"call": "p", "args": [i]} for i in range(4)]})
        got = [large.invoked() for _ in range(3)]
        last = small.invoked()
        for worker, (identity, params) in [(large, each) for each in got] + [(small, last)]:
            worker.answer(identity, params["args"][0])
        self.assertEqual(self.client.message()["result"], [0, 1, 2, 3])

    def test_nothing_is_sent_ahead_and_calls_wait_in_order(self):
        worker = self.worker("line")
        self.client.start("map", {"call": "line", "over": [[i] for i in range(10)], "seed": 1})
        for i in range(10):
            identity, params = worker.invoked()
            self.assertEqual(params["args"], [i])
            self.assertEqual(worker.result("ping"), "pong")  # and nothing else came
            worker.answer(identity, i)
        self.assertEqual(self.client.message()["result"], list(range(10)))

    def test_programs_take_turns(self):
        worker = self.worker("turns")
        first, second = self.client, self.other()
        first.start("map", {"call": "turns", "over": [["first"]] * 5})
        self.until_waiting("turns", 4)
        second.start("map", {"call": "turns", "over": [["second"]] * 3})
        self.until_waiting("turns", 7)
        order = [worker.answer_next(0)["args"][0] for _ in range(8)]
        self.assertEqual(order, ["first", "first", "second", "first", "second", "first", "second", "first"])

    def test_a_function_has_a_concurrency_of_its_own(self):
        worker = self.worker({"name": "one", "concurrency": 1}, "many", concurrency=3)
        self.client.start("gather", {"tasks": [{"call": "one"}, {"call": "one"}, {"call": "many"}]})
        calls = [worker.invoked() for _ in range(2)]
        self.assertEqual(sorted(params["call"] for _, params in calls), ["many", "one"])
        for identity, params in calls:
            worker.answer(identity, params["call"])
        worker.answer_next("one")
        self.assertEqual(self.client.message()["result"], ["one", "one", "many"])

    def test_functions_of_a_group_share_its_places(self):
        functions = [{"name": "plain.a", "group": "threads"}, {"name": "plain.b", "group": "threads"}, "free"]
        workers = [self.worker(*functions, concurrency=100, groups={"threads": 1}) for _ in range(2)]
        self.client.start("gather", {"tasks": [{"call": "free"}] * 2})
        (ended, _), (free, _) = [each.invoked() for each in workers]
        workers[0].answer(ended, 0)
        workers[0].result("ping")  # the answer has been read
        self.client.start("run", call("plain.a"))
        busy, _ = workers[0].invoked()
        workers[1].answer(free, 0)
        self.client.message()
        # The other one is the only one with a place.
        self.client.start("gather", {"tasks": [{"call": "plain.b"}, {"call": "plain.a"}, {"call": "plain.b"}], "seed": 1})
        self.until_waiting("plain.b", 1)
        self.assertEqual([workers[1].answer_next(i)["call"] for i in range(3)], ["plain.b", "plain.a", "plain.b"])
        self.assertEqual(self.client.message()["result"], [0, 1, 2])
        # A call that runs holds its place also when the worker serves again.
        workers[1].close()
        workers[0].serve(*functions, concurrency=100, groups={"threads": 1})
        self.client.start("run", call("plain.b"))
        self.until_waiting("plain.b", 1)
        self.assertEqual(workers[0].result("ping"), "pong")
        workers[0].answer(busy, "first")
        self.assertEqual(self.client.message()["result"], "first")
        workers[0].answer_next("second")
        self.assertEqual(self.client.message()["result"], "second")

    def test_calls_of_several_names_wait_in_order(self):
        worker = self.worker("left", "right")
        names = ["left", "right", "right", "left", "right", "left"]
        self.client.start("run", {"task": {"gather": [{"call": name} for name in names]}, "seed": 1})
        self.assertEqual([worker.answer_next(0)["call"] for _ in names], names)
        self.client.message()

    def test_a_call_in_line_can_be_cancelled(self):
        worker = self.worker("busy")
        self.client.start("run", call("busy"))
        identity, _ = worker.invoked()
        second = self.other()
        request = second.start("run", call("busy"))
        self.until_waiting("busy", 1)
        second.send({"method": "cancel", "params": {"request": request, "message": "enough"}})
        error = second.message()["error"]
        self.assertEqual((error["code"], error["data"]["message"]), (-32002, "enough"))
        worker.answer(identity, 1)
        self.assertEqual(self.client.message()["result"], 1)
        self.assertEqual(worker.result("ping"), "pong")
        self.assertEqual(self.calls("busy")["queued"], 0)


class CancellingCase(WorkersCase):
    def start_and_cancel(self, worker, name="c"):
        request = self.client.start("run", call(name))
        identity, _ = worker.invoked()
        self.client.send({"method": "cancel", "params": {"request": request, "message": "stop it"}})
        self.assertEqual(worker.cancelled(), {"request": identity, "message": "stop it"})
        return request, identity


class Cancelling(CancellingCase):
    def test_a_cancelled_call_ends_when_the_worker_has_answered(self):
        worker = self.worker("c")
        _, identity = self.start_and_cancel(worker)
        worker.output(identity, "cleaning up")
        worker.fail(identity, type="CancelledError", message="")
        self.assertEqual(self.client.message()["params"]["text"], "cleaning up")
        error = self.client.message()["error"]
        self.assertEqual((error["code"], error["data"]), (-32002, {"type": "CancelledError", "message": "stop it"}))

    def test_a_function_that_catches_the_cancellation_returns(self):
        worker = self.worker("c")
        _, identity = self.start_and_cancel(worker)
        worker.answer(identity, "caught it")
        self.assertEqual(self.client.message()["result"], "caught it")

    def test_a_second_cancellation_ends_it_at_once(self):
        worker = self.worker("c")
        request, identity = self.start_and_cancel(worker)
        self.client.send({"method": "cancel", "params": {"request": request, "message": "now"}})
        self.assertEqual(self.client.message()["error"]["code"], -32002)
        worker.fail(identity, type="CancelledError", message="")
        self.client.start("run", call("c"))
        worker.answer_next("next")  # no second cancel came
        self.assertEqual(self.client.message()["result"], "next")

    def test_a_timeout_of_the_plan_cancels_the_call(self):
        worker = self.worker("c")
        self.client.start("run", {"task": {"wait_for": {"call": "c"}, "timeout": 0.2}})
        identity, params = worker.invoked()
        self.assertLessEqual(params["timeout"], 0.2)
        self.assertEqual(worker.cancelled()["request"], identity)
        worker.fail(identity, type="CancelledError", message="")
        self.assertEqual(self.client.message()["error"]["data"], {"type": "TimeoutError", "message": "", "path": "/task"})

    def test_a_function_has_a_timeout_of_its_own(self):
        worker = self.worker({"name": "timed", "timeout": 0.2})
        self.client.start("run", call("timed"))
        identity, params = worker.invoked()
        self.assertEqual(params["timeout"], 0.2)
        worker.cancelled()
        worker.fail(identity, type="CancelledError", message="")
        data = self.client.message()["error"]["data"]
        self.assertEqual((data["type"], data["path"]), ("TimeoutError", "/task"))

    def test_timeout_is_the_least_of_those_around(self):
        worker = self.worker({"name": "t", "timeout": 500}, concurrency=8)

        def timeout_of(task, **more):
            self.client.start("run", {"task": task, **more})
            params = worker.answer_next(0)
            self.client.message()
            return params["timeout"]

        self.assertEqual(timeout_of({"call": "t"}), 500)
        for task, more, least, most in (
                ({"call": "t"}, {"timeout": 100}, 90, 100),
                ({"wait_for": {"call": "t"}, "timeout": 50}, {"timeout": 100}, 40, 50),
                ({"wait_for": {"wait_for": {"call": "t"}, "timeout": 80}, "timeout": 30}, {}, 20, 30),
                ({"wait_for": {"gather": [{"sequence": [{"call": "t"}]}]}, "timeout": 30}, {}, 20, 30),
                ({"wait_for": {"any": [{"if": {"value": 1}, "then": {"call": "t"}}]}, "timeout": 30}, {}, 20, 30),
                ({"wait_for": {"map": {"call": "t", "args": [{"ref": "x"}]}, "as": "x", "over": [1]}, "timeout": 30}, {}, 20, 30),
                ({"map": {"wait_for": {"call": "t", "args": [{"ref": "x"}]}, "timeout": 30}, "as": "x", "over": [1]}, {}, 20, 30),
                ({"wait_for": {"shield": {"call": "t"}}, "timeout": 30}, {"timeout": 100}, 90, 100),
                ({"sequence": [{"wait_for": {"value": 1}, "timeout": 30}, {"call": "t"}]}, {"timeout": 100}, 90, 100),
                ({"wait_for": {"call": "t"}, "timeout": 1000}, {}, 490, 500)):
            left = timeout_of(task, **more)
            self.assertTrue(least <= left <= most, (task, left))

    def test_a_race_cancels_the_loser(self):
        worker = self.worker("c", concurrency=2)
        self.client.start("run", {"task": {"race": [{"call": "c", "args": [0]}, {"call": "c", "args": [1]}]}})
        (first, params), (second, _) = worker.invoked(), worker.invoked()
        worker.answer(first, params["args"][0])
        self.assertEqual(worker.cancelled(), {"request": second, "message": ""})
        worker.fail(second, type="CancelledError", message="")
        self.assertEqual(self.client.message()["result"], params["args"][0])

    def test_a_client_that_goes_cancels_its_calls(self):
        worker = self.worker("c")
        client = self.daemon.connect()
        client.start("run", call("c"))
        identity, _ = worker.invoked()
        client.reset()
        self.assertEqual(worker.cancelled()["request"], identity)
        worker.answer(identity, None)
        self.client.start("run", call("c"))
        worker.answer_next(1)
        self.assertEqual(self.client.message()["result"], 1)


class Unanswered(CancellingCase):
    flags = ("--workers.cancel_time", "500ms")

    def test_after_cancel_time_the_task_ends_and_the_place_stays_taken(self):
        worker = self.worker("c", "d", concurrency=1)
        _, identity = self.start_and_cancel(worker)
        self.assertEqual(self.client.message()["error"]["code"], -32002)
        worker.output(identity, "for nobody")
        self.client.start("run", call("c"))
        self.until_waiting("c", 1)
        worker.answer(identity, "late")
        worker.answer_next("next")
        self.assertEqual(self.client.message()["result"], "next")

    def test_who_does_not_answer_within_twice_that_is_lost(self):
        worker = self.worker("c", {"name": "again", "idempotent": True}, concurrency=3)
        other = self.other()
        other.start("run", {"task": {"gather": [{"call": "c"}, {"call": "again"}], "return_exceptions": True}})
        for _ in range(2):
            worker.invoked()
        self.start_and_cancel(worker)
        self.assertEqual(self.client.message()["error"]["code"], -32002)
        self.assertEqual(worker.rest(), [])
        params = self.worker("again").answer_next("from another")
        self.assertEqual(params["attempt"], 2)
        lost, again = other.message()["result"]
        self.assertEqual(lost["error"]["type"], "ConnectionError")
        self.assertIn("cancel_time", lost["error"]["message"])
        self.assertEqual(again, {"value": "from another"})

    def test_a_functions_own_timeout_needs_no_answer(self):
        worker = self.worker({"name": "timed", "timeout": 0.1})
        self.client.start("run", call("timed"))
        identity, _ = worker.invoked()
        worker.cancelled()
        self.assertEqual(self.client.message()["error"]["data"]["type"], "TimeoutError")  # without an answer, too
        worker.answer(identity, "late")


class Losses(WorkersCase):
    def test_a_lost_call_raises_connection_error(self):
        for leave in (Connection.close, Connection.reset, Connection.end):
            worker = Worker(self.daemon.port, "once")
            self.client.start("run", {"task": {"try": {"call": "once"}, "types": ["ConnectionError"], "as": "e", "except": {"ref": "e"}}})
            worker.invoked()
            leave(worker)
            self.assertIn("once", self.client.message()["result"]["message"])
            worker.close()

    def test_answers_before_the_end_of_input_count(self):
        worker = self.worker("last")
        self.client.start("run", call("last"))
        identity, _ = worker.invoked()
        worker.send(json.dumps({"id": identity, "result": "x" * 300_000}) + "\n")
        worker.end()
        self.assertEqual(len(self.client.message()["result"]), 300_000)

    def test_so_do_answers_before_a_unix_socket_is_closed(self):
        folder = tempfile.TemporaryDirectory(prefix="gatherd-workers-")
        self.addCleanup(folder.cleanup)
        where = f"{folder.name}/socket"
        with Daemon(listen=f"127.0.0.1:0,unix:{where}") as daemon, daemon.connect() as client:
            for _ in range(4):
                with socket.socket(socket.AF_UNIX) as worker:
                    worker.connect(where)
                    lines = worker.makefile()
                    worker.sendall(b'{"id":1,"method":"serve","params":{"functions":[{"name":"last"}],"concurrency":9}}\n')
                    lines.readline()
                    client.start("gather", {"tasks": [{"call": "last"}] * 9})
                    answers = [json.dumps({"id": json.loads(lines.readline())["id"], "result": "x" * 300_000}) for _ in range(9)]
                    worker.sendall(("\n".join(answers) + "\n").encode())
                    lines.close()
                self.assertEqual([len(each) for each in client.message()["result"]], [300_000] * 9)

    def test_unsent_calls_are_dropped_with_it(self):
        worker = self.worker("unread", concurrency=1024)
        worker._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 128 * 1024)
        self.client.start("gather", {"tasks": [{"call": "unread", "args": ["x" * 300_000]}] * 60, "return_exceptions": True})
        while self.other().result("stats")["calls"]["unread"]["running"] != 60:
            pass
        worker.end()
        self.assertEqual({each["error"]["type"] for each in self.client.message()["result"]}, {"ConnectionError"})
        read = sum(map(len, worker.rest()))
        self.assertLess(read, 12_000_000)  # what the system's buffers had taken, of 18 MB

    def test_an_idempotent_call_goes_to_another_three_times_in_all(self):
        function = {"name": "safe", "idempotent": True}
        first = Worker(self.daemon.port, function)
        self.client.start("run", call("safe"))
        self.assertEqual(first.invoked()[1]["attempt"], 1)
        second = Worker(self.daemon.port, function)
        first.close()
        self.assertEqual(second.invoked()[1]["attempt"], 2)
        third = Worker(self.daemon.port, function)
        second.close()
        self.assertEqual(third.invoked()[1]["attempt"], 3)
        third.close()
        self.assertEqual(self.client.message()["error"]["data"]["type"], "ConnectionError")

    def test_a_name_that_was_served_waits_for_a_worker(self):
        Worker(self.daemon.port, "was_served").close()
        while any("was_served" in each["functions"] for each in self.client.result("workers")):
            pass
        self.client.start("run", call("was_served"))
        self.until_waiting("was_served", 1)
        self.worker("was_served").answer_next("here")
        self.assertEqual(self.client.message()["result"], "here")

    def test_a_name_that_nobody_ever_served_is_refused_at_once(self):
        self.assertEqual(self.client.error("run", call("never_served"))["data"], {"path": "/task/call"})

    def test_a_retry_in_the_plan_decides(self):
        worker = Worker(self.daemon.port, "decided")
        self.client.start("run", {"task": {"retry": {"call": "decided"}, "attempts": 2}})
        worker.invoked()
        worker.close()
        self.assertEqual(self.worker("decided").answer_next("again")["attempt"], 1)
        self.assertEqual(self.client.message()["result"], "again")


class Forgetting(WorkersCase):
    flags = ("--workers.wait", "200ms", "--workers.remember", "600ms")

    def test_without_a_worker_in_time_it_raises_connection_error_and_is_forgotten_later(self):
        Worker(self.daemon.port, "forgotten").close()
        while any("forgotten" in each["functions"] for each in self.client.result("workers")):
            pass
        tasks = self.client.ask("run", {"task": {"gather": [{"call": "forgotten"}] * 600, "return_exceptions": True}})
        if "error" in tasks:  # the machine is slow, and the name is forgotten already
            self.assertEqual(tasks["error"]["code"], -32602)
        else:
            self.assertEqual({each["error"]["type"] for each in tasks["result"]}, {"ConnectionError"})
        while self.client.ask("run", call("forgotten")).get("error", {}).get("code") != -32602:
            pass
        self.assertNotIn("forgotten", self.client.result("stats")["calls"])
        self.worker("forgotten").serve()


class Overflowing(WorkersCase):
    flags = ("--workers.wait", "300ms", "--limits.functions", "2")

    def test_a_name_that_comes_back_is_not_taken_for_the_one_that_went(self):
        first = self.worker("name")
        self.client.start("run", call("name"))
        identity, _ = first.invoked()  # keeps what went
        first.serve()
        others, second = self.worker("x", "y"), self.other()
        request = second.start("run", call("name"))  # in line: its clock is set
        second.result("ping")
        others.serve()  # of three names without a worker the daemon forgets the first
        second.send({"method": "cancel", "params": {"request": request}})
        self.assertIn("error", second.message())
        back = self.worker("name")
        Worker(self.daemon.port, "gone").close()
        self.assertEqual(self.client_of_gone(), "ConnectionError")  # by then that clock has run out
        second.start("run", call("name"))
        back.answer_next("back")
        self.assertEqual(second.message()["result"], "back")
        first.answer(identity, "late")
        self.assertEqual(self.client.message()["result"], "late")

    def client_of_gone(self):
        client = self.other()
        while any("gone" in each["functions"] for each in client.result("workers")):
            pass
        return client.error("run", call("gone"))["data"]["type"]


class Idle(WorkersCase):
    flags = ("--limits.idle_time", "200ms")

    def test_who_serves_is_exempt_from_the_idle_time(self):
        worker = self.worker("idle")
        self.assertEqual(self.other().rest(), [])  # the daemon has closed it
        self.assertEqual(worker.result("ping"), "pong")


class Rights(unittest.TestCase):
    def test_serve_needs_the_right_and_may_be_limited_by_globs(self):
        def token(name, **more):
            return {"name": name, "sha256": hashlib.sha256(name.encode()).hexdigest(), "rights": ["submit"], **more}

        with tempfile.TemporaryDirectory() as folder:
            settings = Path(folder) / "gatherd.json"
            tokens = [token("none"), token("all", rights=["serve", "submit"]), token("some", serve=["img.*"]),
                      token("admin", rights=["admin"])]
            settings.write_text(json.dumps({"auth": {"tokens": tokens}}))
            with Daemon("--config", str(settings)) as daemon:
                def connect(name):
                    client = daemon.connect()
                    self.addCleanup(client.close)
                    client.result("auth", [name])
                    return client

                stranger = daemon.connect()
                self.addCleanup(stranger.close)
                self.assertEqual(stranger.error("serve", [[]])["code"], -32004)
                self.assertEqual(connect("none").error("serve", [[{"name": "x"}]])["code"], -32004)
                self.assertEqual(connect("some").error("serve", [[{"name": "x"}]])["code"], -32004)
                connect("admin").result("serve", [[{"name": "anything"}]])
                connect("all").result("serve", [[{"name": "x"}]])
                worker = connect("some")
                worker.result("serve", [[{"name": "img.resize"}]])
                client = connect("none")
                client.start("run", call("img.resize"))
                worker.send({"id": worker.message()["id"], "result": 1})
                self.assertEqual(client.message()["result"], 1)
                settings.write_text(json.dumps({"auth": {"tokens": [*tokens[:2], token("some", serve=["text.*"]), tokens[3]]}}))
                daemon.signal(signal.SIGHUP)
                self.assertEqual(worker.rest(), [])  # what it serves it may not any more
                self.doCleanups()  # the daemon waits for clients that are still there


class Draining(unittest.TestCase):
    def opened(self, *connections):
        for each in connections:
            self.addCleanup(each.close)
        return connections

    def assert_closed(self, connection):
        self.assertEqual(connection.rest(), [])
        connection.close()  # else the daemon waits for that

    def test_what_is_in_flight_and_in_line_is_carried_out(self):
        with Daemon("--drain.grace", "60s") as daemon:
            worker, client = self.opened(Worker(daemon.port, "last"), daemon.connect())
            client.start("gather", {"tasks": [{"call": "last"}] * 3})
            identity, _ = worker.invoked()
            daemon.signal()
            message = worker.message()
            self.assertEqual(message["method"], "drain")
            self.assertNotIn("id", message)
            self.assertTrue(0 < message["params"]["within"] <= 60)
            worker.result("serve", [[{"name": "last"}]])
            worker.answer(identity, 1)
            for i in (2, 3):
                worker.answer_next(i)
            self.assertEqual(sorted(client.message()["result"]), [1, 2, 3])
            self.assert_closed(client)
            self.assert_closed(worker)
            self.assertEqual(daemon.wait(), 0)

    def test_a_detached_task_may_still_call(self):
        with Daemon("--drain.grace", "60s") as daemon:
            worker, client = self.opened(Worker(daemon.port, "detached"), daemon.connect())
            client.result("create_task", {**call("detached"), "detach": True})
            identity, _ = worker.invoked()
            client.close()
            daemon.signal()
            worker.message()
            worker.answer(identity, 1)
            self.assert_closed(worker)
            self.assertEqual(daemon.wait(), 0)

    def test_after_the_grace_calls_are_cancelled_and_may_be_answered(self):
        with Daemon("--drain.grace", "100ms") as daemon:
            worker, client = self.opened(Worker(daemon.port, "slow"), daemon.connect())
            client.start("run", call("slow"))
            identity, _ = worker.invoked()
            daemon.signal()
            self.assertEqual(worker.message()["method"], "drain")
            self.assertEqual(worker.cancelled(), {"request": identity, "message": "shutting down"})
            worker.fail(identity, type="CancelledError", message="")
            self.assertEqual(client.message()["error"]["code"], -32002)
            client.close()
            self.assert_closed(worker)
            self.assertEqual(daemon.wait(), 0)

    def test_a_worker_without_calls_holds_nothing_up(self):
        with Daemon("--drain.grace", "60s") as daemon:
            (worker,) = self.opened(Worker(daemon.port, "idle"))
            daemon.signal()
            worker.message()
            self.assert_closed(worker)
            self.assertEqual(daemon.wait(), 0)


class Hostile(WorkersCase):
    flags = ("--limits.output_lines", "1000", "--limits.result_bytes", "100KiB", "--limits.message_bytes", "3MiB",
             "--limits.functions", "1000")

    def assert_well(self):
        client = self.other()
        client.start("run", call("neighbour"))
        self.neighbour.answer_next("well")
        self.assertEqual(client.message()["result"], "well")

    def setUp(self):
        super().setUp()
        self.neighbour = self.worker("neighbour")

    def test_garbage_on_the_line_harms_nobody(self):
        worker = self.worker("bad")
        other = self.other()
        other.start("run", call("bad"))
        identity, _ = worker.invoked()
        for garbage in ('}{"\n', '{"id":1,"result"\n:}\n', "[]\n", "42\n", '{"id":[],"result":1}\n', '[{"result":1},5]\n', "{}\n",
                        '{"method":5}\n', '{"id":"x","method":"invoke","params":{}}\n'):
            worker.send(garbage)
        worker.answer(identity, "good")
        self.assertEqual(other.message()["result"], "good")
        self.assert_well()

    def test_endless_output_ends_the_program(self):
        worker = self.worker("loud")
        request = self.client.start("run", call("loud"))
        identity, _ = worker.invoked()
        for i in range(2000):
            worker.output(identity, str(i))
        self.assertEqual(worker.cancelled()["request"], identity)
        worker.fail(identity, type="CancelledError", message="")
        lines = 0
        while "method" in (message := self.client.message()):
            lines += 1
        self.assertEqual((lines, message["id"], message["error"]["data"]["limit"]), (1000, request, "limits.output_lines"))
        self.assert_well()

    def test_huge_results_end_the_program(self):
        worker = self.worker("huge")
        self.client.start("run", {"task": {"try": {"call": "huge"}, "except": {"value": "caught"}}})
        identity, _ = worker.invoked()
        worker.answer(identity, "x" * 200_000)
        error = self.client.message()["error"]
        self.assertEqual((error["code"], error["data"]["limit"]), (-32006, "limits.result_bytes"))
        self.client.start("run", call("huge"))
        identity, _ = worker.invoked()
        worker.fail(identity, type="ValueError", message="", traceback="x" * 200_000)
        self.assertEqual(self.client.message()["error"]["data"]["limit"], "limits.result_bytes")
        self.client.start("run", call("huge"))
        identity, _ = worker.invoked()
        worker.answer(identity, "x" * 4_000_000)
        error = self.client.message()["error"]
        self.assertEqual(error["data"]["type"], "ConnectionError")
        self.assertRegex(error["message"], r"the daemon closed its connection: .*limits\.message_bytes")
        self.assert_well()

    def test_a_refused_serve_is_logged(self):
        self.assertEqual(self.refusal({"name": "x", "a\nb": 1}), "/functions/0/a\nb")
        for _ in range(5):
            self.other().error("serve", {"functions": 5})
        self.daemon.wait_for_log("refused serves were not logged, there were too many not_logged=")  # no other refusal follows
        self.daemon.wait_for_log('a serve was refused peer=127.0.0.1 error="Invalid params: /functions/0/a\\nb: unknown member')

    def test_a_call_that_is_too_large_raises_overflow_error(self):
        worker = self.worker("taker")
        self.client.start("run", call("taker", {"await": {"call": "random.choices", "args": {"population": ["x" * 1000], "k": 4000}}}))
        self.assertEqual(self.client.message()["error"]["data"]["type"], "OverflowError")
        self.client.start("run", call("taker", 1))
        self.assertEqual(worker.answer_next(0)["args"], [1])  # its place is free
        self.client.message()
        self.assertEqual(self.calls("taker")["running"], 0)

    def test_too_many_functions_are_refused(self):
        worker = self.daemon.connect()
        self.addCleanup(worker.close)
        for count in (100_000, 1001, 1000):
            names = [{"name": f"n{i}"} for i in range(count)]
            error = worker.error("serve", [names])
            self.assertEqual((error["code"], error["data"]), (-32006, {"limit": "limits.functions", "max": 1000}))
            self.assertIn("1000 functions", error["message"])
        worker.result("serve", [[{"name": f"n{i}"} for i in range(500)]])
        self.assertEqual(self.other().error("serve", [[{"name": f"m{i}"} for i in range(600)]])["code"], -32006)
        worker.result("serve", [[{"name": f"n{i}"} for i in range(100, 700)]])
        self.client.start("run", call("n650"))
        self.assertEqual(worker.message()["params"]["call"], "n650")
        worker.result("serve", [[]])
        self.other().result("serve", [[{"name": f"m{i}"} for i in range(600)]])
        self.assert_well()

    def test_who_comes_and_goes_with_other_names_leaves_no_more_than_the_limit(self):
        for i in range(12):
            worker = self.daemon.connect()
            worker.result("serve", [[{"name": f"r{i}_{j}"} for j in range(300)]])
            worker.result("serve", [[]])
            worker.close()
        known = [each for each in self.client.result("functions") if each["name"].startswith("r") and each["lane"] == "worker"]
        self.assertLessEqual(len(known), 1000)
        self.assert_well()

    def test_who_never_reads_holds_only_its_own_calls(self):
        worker = self.worker("deaf", concurrency=100)
        other = self.other()
        large = {"await": {"call": "random.choices", "args": {"population": ["x" * 1000], "k": 100}}}
        other.start("gather", {"tasks": [{"call": "deaf", "args": [large]}] * 100})  # more than sockets take
        self.assert_well()
        worker.close()
        self.assertEqual(other.message()["error"]["data"]["type"], "ConnectionError")

    def test_many_calls_in_line_are_cancelled_at_once(self):
        worker = self.worker("queue")
        client = self.daemon.connect()
        client.start("map", {"call": "queue", "over": [[]] * 20_000})
        identity, _ = worker.invoked()
        client.reset()
        self.assertEqual(worker.cancelled()["request"], identity)
        worker.answer(identity, 1)
        self.until_waiting("queue", 0)
        self.assert_well()


if __name__ == "__main__":
    unittest.main()
