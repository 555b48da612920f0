#!/usr/bin/python3
"""Created tasks: their ids, results, states, and whose end is whose."""

import json
import unittest

from daemon import Daemon
from methods_test import FAILS, FOR_EVER, MethodCase, raised, sleep

NO_ID = "00000000-no-such-task"


def printing(text, then):
    return {"sequence": [{"call": "print", "args": [text]}, then]}


class TaskCase(MethodCase):
    def create(self, task, connection=None, **options):
        return (connection or self.connection).result("create_task", {"task": task, **options})["id"]

    def create_begun(self, task, connection=None, **options):
        """A task that is known to run: it has printed."""
        connection = connection or self.connection
        task_id = self.create(printing("began", task), connection, **options)
        message = connection.message()
        self.assertEqual(message, {"jsonrpc": "2.0", "method": "output", "params": {"task": task_id, "text": "began"}})
        return task_id

    def state(self, task_id):
        return self.result("status", [task_id])["state"]


class CreateAndAwait(TaskCase):
    def test_a_result_is_there_any_number_of_times_and_for_anyone(self):
        task = self.create(sleep(0.01, "done"))
        for params in ({"id": task}, [task], {"id": task, "timeout": 0}):
            self.assertEqual(self.result("await", params), "done")
        with self.daemon.connect() as other:
            self.assertEqual(other.result("await", [task]), "done")

    def test_by_position_and_with_every_option(self):
        self.assertEqual(self.result("await", [self.result("create_task", [{"value": 1}])["id"]]), 1)
        task = self.create({"call": "random.random"}, name="n", timeout=60, seed=1, detach=False, keep=60)
        self.assertEqual(self.result("await", [task]), 0.13436424411240122)

    def test_ids_differ_and_are_long(self):
        ids = {self.create({"value": i}) for i in range(100)}
        self.assertEqual(len(ids), 100)
        self.assertGreaterEqual(min(map(len, ids)), 22, "at least 128 bits, however they are written")

    def test_a_failure_says_where_in_the_params_that_created_it(self):
        self.assertEqual(self.error("await", [self.create({"gather": [FAILS]})]), raised("/task/gather/0"))
        by_position = self.result("create_task", [{"gather": [FAILS]}])["id"]
        self.assertEqual(self.error("await", [by_position]), raised("/0/gather/0"))

    def test_its_timeout_fails_it(self):
        task = self.create(FOR_EVER, timeout=0.02)
        error = self.error("await", [task])
        self.assertEqual((error["code"], error["data"]["type"]), (-32000, "TimeoutError"))
        self.assertEqual(self.state(task), "failed")

    def test_several_are_awaited_together(self):
        first, second, third = self.create(sleep(0.03, 1)), self.create({"value": 2}), self.create(FAILS)
        self.assertEqual(self.result("await", {"ids": [second, first, second]}), [2, 1])
        self.assertEqual(self.result("await", {"ids": []}), [])
        self.assertEqual(self.result("await", {"ids": [third, first], "return_exceptions": True}),
                         [{"error": {"type": "ValueError", "message": "boom"}}, {"value": 1}])
        self.assertEqual(self.error("await", {"ids": [first, third]}), raised("/task"))

    def test_a_timeout_of_await_leaves_the_task_alone(self):
        task = self.create_begun(FOR_EVER)
        error = self.error("await", {"id": task, "timeout": 0.02})
        self.assertEqual((error["code"], error["data"]), (-32001, {"type": "TimeoutError", "message": ""}))
        self.assertEqual(self.error("await", {"ids": [task], "timeout": 0})["code"], -32001)
        self.assertEqual(self.state(task), "running")

    def test_cancelling_an_await_leaves_the_task_alone(self):
        task = self.create_begun(FOR_EVER)
        waiting = self.connection.start("await", [task])
        cancelling = self.connection.start("cancel", {"request": waiting})
        answers = {each["id"]: each for each in self.connection.messages(2)}
        self.assertEqual(answers[cancelling]["result"], {"cancelled": 1})
        self.assertEqual(answers[waiting]["error"]["code"], -32002)
        self.assertEqual(self.state(task), "running")

    def test_output_goes_to_the_creator_after_the_id_and_before_any_await(self):
        self.connection.start("create_task", [{"sequence": [{"call": "print", "args": [i]} for i in range(3)]}])
        answer, *lines = self.connection.messages(4)
        task = answer["result"]["id"]
        self.assertEqual([each["params"] for each in lines], [{"task": task, "text": str(i)} for i in range(3)])
        with self.daemon.connect() as other:
            self.assertEqual(other.result("await", [task]), [None] * 3)

    def test_wrong_params(self):
        task = {"value": 1}
        for params, path in (({}, ""), ({"task": 5}, "/task"), ([5], "/0"), ({"task": task, "name": 5}, "/name"), ({"task": task, "name": "n" * 1025}, "/name"),
                             ({"task": task, "detach": 1}, "/detach"), ({"task": task, "keep": "1"}, "/keep"),
                             ({"task": task, "x": 1}, "/x")):
            with self.subTest(params=params):
                self.assert_refused("create_task", params, path)
        for params, path in (({}, ""), ({"id": "a", "ids": ["b"]}, ""), ({"id": 5}, "/id"), ([5], "/0"), ({"ids": "a"}, "/ids"),
                             ({"id": "a", "timeout": "1"}, "/timeout")):
            with self.subTest(params=params):
                self.assert_refused("await", params, path)
        self.assert_refused("await", {"ids": [5]}, "/ids/0")

    def test_unknown_ids_are_refused_at_once(self):
        task = self.create_begun(FOR_EVER)
        for method, params in (("await", [NO_ID]), ("await", {"ids": [task, NO_ID]}), ("wait", [[task, NO_ID]]), ("status", [NO_ID]),
                               ("as_completed", [[NO_ID]]), ("cancel", [NO_ID]), ("cancel", {"ids": [task, NO_ID]}), ("forget", [NO_ID])):
            with self.subTest(method=method, params=params):
                error = self.error(method, params)
                self.assertEqual((error["code"], error["data"]), (-32007, {"id": NO_ID}))
        self.assertEqual(self.state(task), "running")


    def test_the_message_of_a_cancellation_is_lost_where_it_is_looked_at(self):
        """As in asyncio: gather(return_exceptions=True) makes a CancelledError anew, awaiting raises the one that was."""
        task = self.create_begun(FOR_EVER)
        self.result("cancel", {"id": task, "message": "why"})
        entry = {"error": {"type": "CancelledError", "message": ""}}
        self.assertEqual(self.result("await", {"ids": [task], "return_exceptions": True}), [entry])
        self.assertEqual(self.result("wait", {"ids": [task]})["done"], [{"id": task, **entry}])
        self.assertEqual(self.error("await", {"ids": [task]})["data"]["message"], "why")


class WaitAndAsCompleted(TaskCase):
    def test_wait_is_a_result_whatever_happens(self):
        slow, quick, bad = self.create_begun(FOR_EVER), self.create(sleep(0.01, "q")), self.create(FAILS)
        self.result("await", {"ids": [quick, bad], "return_exceptions": True})
        done = [{"id": quick, "value": "q"}, {"id": bad, "error": {"type": "ValueError", "message": "boom"}}]
        self.assertEqual(self.result("wait", {"ids": [slow, quick, bad, quick], "timeout": 0.02}),
                         {"done": done, "pending": [slow]})
        self.assertEqual(self.result("wait", [[quick, bad]]), {"done": done, "pending": []})
        self.assertEqual(self.result("wait", {"ids": [bad, slow], "return_when": "FIRST_COMPLETED"}), {"done": done[1:], "pending": [slow]})
        self.assertEqual(self.result("wait", {"ids": [slow, bad], "return_when": "FIRST_EXCEPTION"}), {"done": done[1:], "pending": [slow]})

    def test_a_cancelled_task_is_no_exception_to_wait_for(self):
        cancelled = self.create_begun(FOR_EVER)
        self.result("cancel", [cancelled])
        late = self.create(sleep(0.1, "late"))
        result = self.result("wait", {"ids": [cancelled, late], "return_when": "FIRST_EXCEPTION"})
        self.assertEqual(result, {"done": [{"id": cancelled, "error": {"type": "CancelledError", "message": ""}},
                                           {"id": late, "value": "late"}], "pending": []})

    def test_wait_of_nothing_is_refused(self):
        self.assert_refused("wait", {"ids": []}, "/ids")
        self.assert_refused("wait", [[]], "/0")
        self.assert_refused("wait", {}, "")
        self.assert_refused("wait", {"ids": [], "return_when": "SOON"}, "/return_when")

    def test_as_completed_tells_in_the_order_of_the_ends(self):
        slow, quick, bad = self.create(sleep(0.2, "s")), self.create(sleep(0.1, "q")), self.create(FAILS)
        request = self.connection.start("as_completed", {"ids": [slow, quick, bad, slow]})
        seen = self.connection.messages(4)
        self.assertEqual([each.get("params") for each in seen[:3]], [
            {"request": request, "id": bad, "error": {"type": "ValueError", "message": "boom"}},
            {"request": request, "id": quick, "value": "q"}, {"request": request, "id": slow, "value": "s"}])
        self.assertEqual(seen[3]["result"], {"completed": 2, "failed": 1})
        self.assertEqual(self.result("as_completed", {"ids": []}), {"completed": 0, "failed": 0})

    def test_the_timeout_of_as_completed_is_an_error(self):
        slow, quick = self.create(FOR_EVER), self.create({"value": 1})
        request = self.connection.start("as_completed", {"ids": [slow, quick], "timeout": 0.1})
        self.assertEqual(self.connection.message()["params"], {"request": request, "id": quick, "value": 1})
        self.assertEqual(self.connection.message()["error"]["code"], -32001)


class CancelStatusForget(TaskCase):
    def test_cancel_reaches_what_has_not_ended(self):
        first, second, ended = self.create_begun(FOR_EVER), self.create_begun(FOR_EVER), self.create({"value": 1})
        self.result("await", [ended])
        self.assertEqual(self.result("cancel", {"ids": [first, second, ended, first], "message": "enough"}), {"cancelled": 2})
        self.assertEqual(self.error("await", [first])["code"], -32000)
        error = self.error("await", [second])
        self.assertEqual((error["message"], error["data"]["type"], error["data"]["message"]),
                         ("CancelledError: enough", "CancelledError", "enough"))
        self.assertEqual([self.state(each) for each in (first, second, ended)], ["cancelled", "cancelled", "done"])
        self.assertEqual(self.result("cancel", [first]), {"cancelled": 0})

    def test_anyone_with_the_id_may_cancel(self):
        task = self.create_begun({"try": FOR_EVER, "finally": {"call": "print", "args": ["cleaned"]}})
        with self.daemon.connect() as other:
            self.assertEqual(other.result("cancel", [task]), {"cancelled": 1})
        self.assertEqual(self.connection.message()["params"], {"task": task, "text": "cleaned"})
        self.assertEqual(self.error("await", [task])["data"]["type"], "CancelledError")

    def test_status_follows_a_life(self):
        task = self.create_begun(sleep(0.05, 1), name="nap")
        running = self.result("status", {"id": task})
        self.assertEqual(list(running), ["id", "name", "state", "created", "started", "finished"])
        self.assertEqual((running["id"], running["name"], running["state"], running["finished"]), (task, "nap", "running", None))
        self.result("await", [task])
        ended = self.result("status", {"id": task})
        self.assertEqual((ended["state"], ended["created"], ended["started"]), ("done", running["created"], running["started"]))
        self.assertLessEqual(ended["created"], ended["started"])
        self.assertLess(ended["started"], ended["finished"])

    def test_tasks_lists_them(self):
        task, bad = self.create_begun(FOR_EVER), self.create(FAILS)
        self.error("await", [bad])
        running = [each["id"] for each in self.result("tasks", {"state": "running"})]
        failed = [each["id"] for each in self.result("tasks", {"state": "failed"})]
        self.assertIn(task, running)
        self.assertNotIn(bad, running)
        self.assertIn(bad, failed)
        self.assertEqual(len(self.result("tasks", {"limit": 1})), 1)
        for limit in (2 ** 63, 2 ** 64 - 1):
            self.assertIn(task, [each["id"] for each in self.result("tasks", {"limit": limit})])
        self.assert_refused("tasks", {"state": "asleep"}, "/state")
        self.assert_refused("tasks", {"limit": "1"}, "/limit")
        self.assert_refused("tasks", ["running"], "/0")

    def test_requests_that_run_are_listed_and_cancelled(self):
        client = self.daemon.connect()
        self.addCleanup(client.close)
        number = client.start("run", {"task": {"sequence": [FOR_EVER]}})
        listed = []
        while not listed:  # it has begun when it is there
            listed = [each for each in self.result("tasks", {"running": True}) if each.get("request") == number and ":" in (each["id"] or "")]
        self.assertEqual(listed[0]["state"], "running")
        self.assertNotIn(listed[0]["id"], [each["id"] for each in self.result("tasks")])
        self.assertEqual(self.result("cancel", {"id": listed[0]["id"], "message": "from elsewhere"}), {"cancelled": 1})
        self.assertEqual(client.message()["error"]["data"], {"type": "CancelledError", "message": "from elsewhere"})
        self.assertEqual(self.error("cancel", {"id": listed[0]["id"]})["code"], -32007)

    def test_forget_drops_a_result(self):
        task, running = self.create({"value": 1}), self.create_begun(FOR_EVER)
        self.result("await", [task])
        self.assertIs(self.result("forget", [task]), True)
        for method in ("await", "status", "forget", "cancel"):
            self.assertEqual(self.error(method, [task])["code"], -32007)
        self.assert_refused("forget", [running], "/0")
        self.assert_refused("forget", {"id": running}, "/id")

    def test_keep_of_zero_drops_it_at_its_end(self):
        task = self.create(sleep(0.05, 1), keep=0)
        self.assertEqual(self.result("await", [task]), 1)
        self.assertEqual(self.error("await", [task])["code"], -32007)


class LongAnswers(MethodCase):
    def test_lists_that_nobody_reads_are_refused_and_take_nobodys_turn(self):
        requests = 400
        for method in ("tasks", "functions", "workers"):
            with self.subTest(method=method), Daemon("--limits.unread_bytes", "1MiB") as daemon, daemon.connect() as hog, daemon.connect() as other:
                for number in range(300):  # more than are listed in one turn
                    other.result("create_task", {"task": {"value": number}, "name": "x" * 100, "detach": True})
                other.result("serve", {"functions": [{"name": f"{'x' * 100}{number}"} for number in range(300)]})
                hog.send(b"".join(b'{"jsonrpc":"2.0","id":%d,"method":"%b"}\n' % (number, method.encode()) for number in range(requests)))
                while other.result("stats")["limits"]["limits.unread_bytes"] == 0:
                    pass
                whole = other.result(method)
                if method != "tasks":
                    self.assertIn("x" * 100 + "299", json.dumps(whole))
                answers = [hog.message() for _ in range(requests)]
                self.assertEqual([each["id"] for each in answers], list(range(requests)))
                refused = [each["error"] for each in answers if "error" in each]
                self.assertEqual({(each["code"], each["message"].split()[1]) for each in refused}, {(-32003, "limits.unread_bytes")})
                self.assertTrue(all(len(each["result"]) == len(whole) for each in answers if "result" in each))


class EndOfTheConnection(TaskCase):
    def awaited_elsewhere(self, leave):
        """What a second connection gets that awaits the task of one that leaves by `leave`."""
        creator = self.daemon.connect()
        task = self.create_begun(FOR_EVER, creator)
        request = self.connection.start("await", [task])
        leave(creator)
        answer = self.connection.message()
        self.assertEqual(answer["id"], request)
        creator.close()
        return answer["error"]

    def test_a_task_ends_with_its_connection(self):
        for name in ("end", "close", "reset"):
            with self.subTest(name):
                error = self.awaited_elsewhere(lambda connection: getattr(connection, name)())
                self.assertEqual((error["code"], error["data"]["type"]), (-32000, "CancelledError"))

    def test_not_before_the_last_owed_answer(self):
        creator = self.daemon.connect()
        self.addCleanup(creator.close)
        task = self.create(sleep(0.1, "in time"), creator)
        creator.start("await", [task])
        creator.end()
        self.assertEqual(creator.message()["result"], "in time")
        self.assertEqual(creator.rest(), [])

    def test_a_detached_one_lives_on(self):
        creator = self.daemon.connect()
        task = self.create_begun(sleep(0.2, "alive"), creator, detach=True)
        creator.end()
        self.assertEqual(creator.rest(), [])
        creator.close()
        self.assertEqual(self.result("await", [task]), [None, "alive"])

    def test_a_reset_cancels_its_requests(self):
        creator = self.daemon.connect()
        plan = {"try": printing("began", FOR_EVER), "finally": {"call": "noop"}}
        creator.start("run", [plan])
        self.assertEqual(creator.message()["params"]["text"], "began")
        # Of its two tasks one is cancelled by the reset; the created one tells when the daemon has seen it.
        task = self.create_begun(FOR_EVER, creator)
        self.connection.start("await", [task])
        creator.reset()
        self.assertEqual(self.connection.message()["error"]["data"]["type"], "CancelledError")
        while self.result("stats")["tasks_in_flight"] > 0:
            pass  # only the cancelled request may still be on its way out


del MethodCase

if __name__ == "__main__":
    unittest.main()
