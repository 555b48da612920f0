#!/usr/bin/python3
"""Each limit, set small: who breaks it is told which, and the connection lives on where it can."""

import json
import unittest

from daemon import IS_SANITIZED, DaemonCase
from methods_test import FOR_EVER

BEGUN = {"sequence": [{"call": "print", "args": ["began"]}, FOR_EVER]}


def flag(name, value):
    return f"--{name.replace('_', '-')}={value}"


class Limits(DaemonCase):
    def assert_over(self, error, limit, most):
        self.assertEqual((error["code"], error.get("data")), (-32006, {"limit": limit, "max": most}), error)

    def test_message_bytes_closes(self):
        daemon = self.start(flag("limits.message_bytes", "1KiB"))
        connection = self.connect(daemon)
        head, tail = '{"id":1,"method":"run","params":[{"call":"echo","args":["', '"]}]}'
        connection.send(head + "x" * (1024 - len(head) - len(tail)) + tail + "\n")
        self.assertIn("result", connection.message())
        connection.send(head + "x" * (1025 - len(head) - len(tail)) + tail + "\n")
        self.assert_over(connection.message()["error"], "limits.message_bytes", 1024)
        self.assertEqual(connection.rest(), [])
        framed = self.connect(daemon)
        framed.send("Content-Length: 1025\r\n\r\n")
        header, *_ = framed.line(), framed.line()
        self.assert_over(json.loads(framed.exactly(int(header.split(":")[1])))["error"], "limits.message_bytes", 1024)
        self.assertEqual(self.connect(daemon).result("ping"), "pong")

    def test_depth_skips_the_message(self):
        connection = self.connect(self.start(flag("limits.depth", 8)))
        for depth, answer in ((8, "result"), (9, "error")):
            nested = "[" * (depth - 3) + "]" * (depth - 3)  # the request, its params and the task are three
            connection.send(f'{{"id":1,"method":"run","params":[{{"value":{nested}}}]}}\n')
            self.assertIn(answer, got := connection.message())
        self.assertEqual(got["id"], 1)
        self.assert_over(got["error"], "limits.depth", 8)
        connection.send('{"method":"run","params":' + "[" * 5000 + "]" * 5000 + ',"id":2}\n{"id":3,"method":"ping"}\n')
        refused = connection.message()
        self.assertIsNone(refused["id"])
        self.assert_over(refused["error"], "limits.depth", 8)
        self.assertEqual(connection.message()["result"], "pong")

    def test_id_bytes_refuses_the_request(self):
        connection = self.connect(self.start(flag("limits.id_bytes", "16B")))
        for length, answer in ((16, "result"), (17, "error")):
            connection.send(json.dumps({"id": "x" * length, "method": "ping"}) + "\n")
            self.assertIn(answer, got := connection.message())
        self.assertIsNone(got["id"])
        self.assert_over(got["error"], "limits.id_bytes", 16)
        self.assertEqual(connection.result("ping"), "pong")

    def test_plan_tasks_counts_nodes_and_items(self):
        connection = self.connect(self.start(flag("limits.plan_tasks", 4)))
        one = {"value": 1}
        self.assertEqual(connection.result("run", [{"gather": [one] * 3}]), [1] * 3)
        self.assertEqual(connection.result("map", ["noop", [[]] * 3]), [None] * 3)
        for method, params in (("run", [{"gather": [one] * 4}]), ("gather", [[one] * 4]), ("map", ["noop", [[]] * 4]),
                               ("create_task", [{"sequence": [{"call": "echo", "args": [{"await": one}]}, one, one]}])):
            self.assert_over(connection.error(method, params), "limits.plan_tasks", 4)
        self.assertEqual(connection.result("ping"), "pong")

    def test_output_lines_cancels_the_program(self):
        connection = self.connect(self.start(flag("limits.output_lines", 3)))
        plan = {"sequence": [{"call": "print", "args": [i]} for i in range(4)] + [FOR_EVER]}
        request = connection.start("run", [plan])
        *lines, answer = connection.messages(4)
        self.assertEqual([each["params"] for each in lines], [{"request": request, "text": str(i)} for i in range(3)])
        self.assert_over(answer["error"], "limits.output_lines", 3)
        task = connection.result("create_task", [plan])["id"]
        self.assertEqual([each["params"]["text"] for each in connection.messages(3)], ["0", "1", "2"])
        self.assert_over(connection.error("await", [task]), "limits.output_lines", 3)

    def test_output_lines_of_a_plan_that_never_waits(self):
        connection = self.connect(self.start(flag("limits.output_lines", 2)))
        request = connection.start("run", [{"sequence": [{"call": "print", "args": [i]} for i in range(3)]}])
        *lines, answer = connection.messages(3)
        self.assertEqual([each["params"] for each in lines], [{"request": request, "text": str(i)} for i in range(2)])
        self.assert_over(answer["error"], "limits.output_lines", 2)
        self.assertEqual(connection.result("ping"), "pong")

    def test_result_bytes(self):
        connection = self.connect(self.start(flag("limits.result_bytes", "1KiB")))
        text = "x" * 600
        self.assertEqual(connection.result("run", [{"call": "echo", "args": [text]}]), text)
        self.assert_over(connection.error("gather", [[{"value": text}] * 2]), "limits.result_bytes", 1024)
        task = connection.result("create_task", [{"gather": [{"value": text}] * 2}])["id"]
        self.assert_over(connection.error("await", [task]), "limits.result_bytes", 1024)

    def test_tasks_in_flight_refuses_what_would_be_too_many(self):
        for limit in ("limits.tasks_in_flight", "limits.connection_tasks_in_flight"):
            with self.subTest(limit):
                daemon = self.start(flag(limit, 5))
                first, second = self.connect(daemon), self.connect(daemon)
                running = first.start("run", [BEGUN])  # three tasks
                first.message()
                refused = first.error("gather", [[{"value": 1}] * 2])
                self.assertEqual(refused["code"], -32003)
                self.assertGreater(refused["data"]["retry_after"], 0)
                self.assertEqual(first.result("run", [{"value": 1}]), 1)
                elsewhere = second.ask("gather", [[{"value": 1}] * 2])
                self.assertEqual("result" in elsewhere, limit == "limits.connection_tasks_in_flight")
                first.start("cancel", {"request": running})
                first.messages(2)
                self.assertEqual(first.result("gather", [[{"value": 1}] * 2]), [1, 1])

    @unittest.skipIf(IS_SANITIZED, "such a build does not count what it allocates")
    def test_memory_bytes_ends_a_plan_that_multiplies_a_small_text(self):
        daemon = self.start(flag("limits.memory_bytes", "64MiB"), flag("limits.client_memory_bytes", "64MiB"))
        connection = self.connect(daemon)
        text = {"call": "echo", "args": ["x" * 100_000]}
        doubled = {"a0": {"value": ["x" * 1000]}} | {f"a{i}": {"gather": [{"ref": f"a{i - 1}"}] * 2} for i in range(1, 30)}
        for plan in ({"let": {"a": text}, "in": {"gather": [{"ref": "a"}] * 5000}},
                     {"let": {"a": text}, "in": {"map": "echo", "over": [[{"await": {"ref": "a"}}]] * 5000}},
                     {"map": "random.choices", "over": [[[1], 20_000]] * 5000}, {"let": doubled, "in": {"ref": "a29"}}):
            for method in ("run", "create_task"):
                connection.wait_until_given_back()
                answer = connection.ask(method, [plan])
                if method == "create_task":
                    answer = connection.ask("await", [answer["result"]["id"]])
                self.assert_over(answer["error"], "limits.memory_bytes", 64 << 20)
        connection.wait_until_given_back()
        while connection.result("stats")["tasks_in_flight"] > 0:
            pass
        self.assertEqual(connection.result("run", [{"value": 1}]), 1)

    def test_connections_beyond_the_most_are_told_and_closed(self):
        daemon = self.start(flag("limits.connections", 2))
        first, second = self.connect(daemon), self.connect(daemon)
        self.assertEqual([each.result("ping") for each in (first, second)], ["pong", "pong"])
        third = self.connect(daemon)
        told = third.message()
        self.assertEqual((told["id"], told["error"]["code"]), (None, -32003))
        self.assertGreater(told["error"]["data"]["retry_after"], 0)
        self.assertEqual(third.rest(), [])
        second.end()
        self.assertEqual(second.rest(), [])
        self.assertEqual(self.connect(daemon).result("ping"), "pong")

    def test_unread_bytes_stops_reading_and_then_closes(self):
        daemon = self.start(flag("limits.unread_bytes", "64KiB"), flag("limits.unread_time", "200ms"))
        greedy, neighbour = self.connect(daemon), self.connect(daemon)
        echo = json.dumps({"id": 1, "method": "run", "params": [{"call": "echo", "args": ["x" * 60000]}]}) + "\n"
        with self.assertRaises(OSError):
            while True:  # never reads
                greedy.send(echo)
        self.assertEqual(neighbour.result("ping"), "pong")

    def test_a_client_that_reads_late_gets_everything(self):
        connection = self.connect(self.start(flag("limits.unread_bytes", "64KiB")))
        connection.start("gather", {"tasks": [{"value": "x" * 1000}] * 5000})
        for i in range(100):
            connection.start("run", [{"value": i}])
        connection.end()
        lines = [json.loads(line) for line in connection.rest()]
        self.assertEqual(len(lines), 101)
        self.assertEqual(len(next(each for each in lines if each["id"] == 1)["result"]), 5000)

    def test_message_time_closes_who_never_ends_a_message(self):
        connection = self.connect(self.start(flag("limits.message_time", "50ms")))
        self.assertEqual(connection.result("run", [{"call": "sleep", "args": [0.2, "a quiet connection is fine"]}]), "a quiet connection is fine")
        connection.send('{"id":1,')
        self.assertEqual(connection.rest(), [])

    def test_message_time_is_each_messages_own(self):
        """A client whose messages come in halves, the second of one with the first of the next, may go on for longer."""
        connection = self.connect(self.start(flag("limits.message_time", "3s")))
        ask = '{"id":1,"method":"run","params":[{"call":"sleep","args":[0.5,"one more"]}]}'
        connection.send(ask[:20])
        for _ in range(9):
            connection.send(ask[20:] + ask[:20])
            self.assertEqual(connection.message()["result"], "one more")

    def test_no_time_counts_while_the_daemon_does_not_read(self):
        """A slow reader in the middle of a message: it is the daemon that waits."""
        for limit in ("message_time", "idle_time"):
            with self.subTest(limit):
                daemon = self.start(flag("limits.unread_bytes", "64KiB"), flag("limits." + limit, "5s"))
                connection, clock = self.connect(daemon), self.connect(daemon)
                ask = '{"id":1,"method":"run","params":[{"call":"sleep","args":[0,"x"]}]}'
                connection.start("run", [{"call": "random.choices", "args": [["x" * 100_000], 120]}])  # more than the system keeps for a socket
                connection.send(ask[:20])
                # Its time would be over when the clock has slept, which stays awake itself.
                for _ in range(6):
                    self.assertEqual(clock.result("run", [{"call": "sleep", "args": [1, "awake"]}]), "awake")
                self.assertEqual(len(connection.message()["result"]), 120)
                connection.send(ask[20:])
                self.assertEqual(connection.message()["result"], "x")

    def test_connection_requests_refuses_what_would_be_too_many(self):
        connection = self.connect(self.start(flag("limits.connection_requests", 2)))
        for_ever = {"call": "sleep", "args": [100_000]}
        task = connection.result("create_task", [for_ever])["id"]
        first = connection.start("run", [for_ever])
        second = connection.start("await", [task])
        for method, params in (("run", [for_ever]), ("await", [task]), ("gather", [[for_ever]])):
            error = connection.error(method, params)
            self.assertEqual((error["code"], "limits.connection_requests" in error["message"]), (-32003, True))
        self.assertEqual(connection.result("ping"), "pong")
        connection.start("cancel", {"request": first})
        ended = {each["id"]: each for each in connection.messages(2)}
        self.assertEqual(ended[first]["error"]["code"], -32002)
        third = connection.start("run", [{"value": 3}])
        self.assertEqual(connection.message(), {"jsonrpc": "2.0", "id": third, "result": 3})
        self.assertEqual(connection.result("stats")["limits"]["limits.connection_requests"], 3)
        self.assertNotEqual(second, third)
        connection.reset()  # else what it asked for would run on

    def test_idle_time_closes_who_has_nothing_going_on(self):
        daemon = self.start(flag("limits.idle_time", "1s"))  # the test itself may be kept waiting, too
        connection = self.connect(daemon)
        self.assertEqual(connection.result("run", [{"call": "sleep", "args": [2.5, "busy"]}]), "busy")
        self.assertEqual(connection.rest(), [])

    def test_idle_time_waits_for_created_tasks(self):
        connection = self.connect(self.start(flag("limits.idle_time", "1s")))
        connection.result("create_task", [{"sequence": [{"call": "sleep", "args": [2.5]}, {"call": "print", "args": ["ended well"]}]}])
        self.assertEqual(connection.message()["params"]["text"], "ended well")
        self.assertEqual(connection.rest(), [])

    def test_kept_results_drops_the_oldest(self):
        connection = self.connect(self.start(flag("limits.kept_results", 2)))
        ids = []
        for i in range(3):
            ids.append(connection.result("create_task", [{"value": i}])["id"])
            self.assertEqual(connection.result("await", [ids[-1]]), i)
        self.assertEqual(connection.error("await", [ids[0]])["code"], -32007)
        self.assertEqual(connection.result("await", {"ids": ids[1:]}), [1, 2])

    def test_kept_bytes_drops_the_oldest(self):
        connection = self.connect(self.start(flag("limits.kept_bytes", "4KiB")))
        ids = []
        for _ in range(3):
            ids.append(connection.result("create_task", [{"value": "x" * 1800}])["id"])
            connection.result("await", [ids[-1]])
        self.assertEqual(connection.error("await", [ids[0]])["code"], -32007)
        self.assertEqual(len(connection.result("await", [ids[2]])), 1800)

    def test_keep_drops_a_result_in_time(self):
        connection = self.connect(self.start(flag("tasks.keep", "50ms")))
        task = connection.result("create_task", [{"value": 1}])["id"]
        while "result" in (answer := connection.ask("await", [task])):
            self.assertEqual(answer["result"], 1)
        self.assertEqual(answer["error"]["code"], -32007)

    def test_clean_up_that_takes_too_long_is_cancelled_again(self):
        connection = self.connect(self.start(flag("limits.cleanup_time", "50ms")))
        plan = {"try": FOR_EVER, "finally": {"try": FOR_EVER, "finally": {"call": "print", "args": ["interrupted"]}}}
        connection.start("run", {"task": {"gather": [plan, {"sequence": [{"call": "sleep", "args": [0.02]}, {"call": "fail", "args": ["E", "e"]}]}]}})
        self.assertEqual(connection.message()["params"]["text"], "interrupted")
        self.assertEqual(connection.message()["error"]["message"], "E: e")

    # Each attempt prints, waits until it is cancelled, and makes an error of the cancellation, which is tried again.
    ENDLESS = {"retry": {"try": {"sequence": [{"call": "print", "args": ["again"]}, FOR_EVER]}, "except": {"call": "fail"}, "types": ["CancelledError"]},
               "attempts": 10**9}

    def test_what_catches_every_cancellation_is_abandoned_and_answered(self):
        connection = self.connect(self.start(flag("limits.cleanup_time", "10ms"), flag("limits.cleanup_rounds", 1)))
        running = connection.start("run", {"task": self.ENDLESS})
        self.assertEqual(connection.message()["params"]["text"], "again")
        connection.start("cancel", {"request": running, "message": "enough"})
        while (answer := connection.message()).get("id") != running:
            pass
        self.assertEqual(answer["error"], {"code": -32002, "message": "CancelledError: enough", "data": {"type": "CancelledError", "message": "enough"}})
        late = connection.start("run", {"task": self.ENDLESS, "timeout": 0.01})
        while (answer := connection.message()).get("id") != late:
            pass
        self.assertEqual(answer["error"]["code"], -32001)
        self.assertEqual(connection.result("ping"), "pong")

    def test_what_catches_every_cancellation_does_not_outlive_its_client(self):
        # With so many rounds, only the first one, where nobody waits for the answer, ends them in the time of this test.
        daemon = self.start(flag("limits.cleanup_time", "10ms"), flag("limits.cleanup_rounds", 1000), flag("limits.tasks_in_flight", 25),
                            flag("drain.grace", "1s"))
        gone = self.connect(daemon)
        gone.start("run", {"task": self.ENDLESS})
        gone.start("create_task", {"task": self.ENDLESS})
        gone.start("create_task", {"task": self.ENDLESS, "detach": True})
        gone.messages(5)
        gone.reset()
        other = self.connect(daemon)
        while "error" in (answer := other.ask("run", {"task": {"sequence": [{"call": "sleep", "args": [0.01]}] * 12}})):
            self.assertEqual(answer["error"]["code"], -32003)  # the first two are still there
        daemon.stop()  # and a detached one, which the end of the drain cancels, keeps nobody from a status of 0


if __name__ == "__main__":
    unittest.main()
