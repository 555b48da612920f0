#!/usr/bin/python3
"""What method stats counts: each event once, under the right name."""

import unittest

from daemon import Daemon

FAIL = {"call": "fail", "args": ["ValueError", "boom"]}
WAIT = {"call": "sleep", "args": [3600]}


class Stats(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon("--limits.plan-tasks", "5", "--limits.output-lines", "1", "--limits.kept-results", "1")
        self.addCleanup(self.daemon.stop)
        self.connection = self.daemon.connect()
        self.addCleanup(self.connection.close)

    def stats(self):
        return self.connection.result("stats")

    def rise(self, *path):
        """What a counter has risen by since it was asked for before, as a function."""
        def look():
            found = self.stats()
            for name in path:
                found = found[name]
            return found
        before = look()
        return lambda: look() - before

    def test_requests_by_method(self):
        counted = self.rise("requests_by_method", "run")
        unknown = self.rise("requests_by_method", "unknown")
        all_of_them = self.rise("requests")
        self.connection.send([{"id": 1, "method": "run", "params": [{"value": 1}]}, {"method": "run", "params": [{"value": 1}]},
                              {"id": 2, "method": "none"}, 5])
        self.connection.message()
        self.assertEqual((counted(), unknown()), (2, 1))
        self.assertEqual(all_of_them(), 4 + 3)  # the batch, and three questions for stats

    def test_errors_by_code(self):
        for code, text in (("-32700", "nonsense"), ("-32600", "[]"), ("-32601", '{"id":1,"method":"none"}'), ("-32602", '{"id":1,"method":"run"}'),
                           ("-32000", '{"id":1,"method":"run","params":[{"call":"fail"}]}'), ("-32007", '{"id":1,"method":"status","params":["x"]}'),
                           ("-32001", '{"id":1,"method":"run","params":{"task":{"call":"sleep","args":[9]},"timeout":0.01}}')):
            with self.subTest(code):
                counted = self.rise("errors", code)
                self.connection.send(text + "\n")
                self.assertEqual(str(self.connection.message()["error"]["code"]), code)
                self.assertEqual(counted(), 1)

    def test_limits_by_name(self):
        plan_tasks, lines = self.rise("limits", "limits.plan_tasks"), self.rise("limits", "limits.output_lines")
        self.connection.error("gather", [[{"value": 1}] * 9])
        self.connection.start("run", [{"sequence": [{"call": "print", "args": [i]} for i in range(2)]}])
        self.connection.messages(2)
        self.assertEqual((plan_tasks(), lines()), (1, 1))
        kept, dropped = self.rise("limits", "limits.kept_results"), self.rise("results_dropped")
        tasks = [self.connection.result("create_task", [{"value": i}])["id"] for i in range(3)]
        self.connection.result("wait", [tasks[-1:]])
        self.assertEqual((kept(), dropped()), (2, 2))
        self.assertEqual(self.stats()["results_kept"], 1)

    def test_tasks_by_how_their_plan_ended(self):
        started, done, failed, cancelled = (self.rise(f"tasks_{name}") for name in ("started", "done", "failed", "cancelled"))
        run, lost = self.rise("programs_run"), self.rise("programs_failed")
        self.connection.result("gather", [[{"value": 1}] * 3])
        self.connection.error("gather", [[FAIL, FAIL]])
        self.connection.start("run", [WAIT])
        self.connection.start("cancel", {"request": self.connection._next_id})
        self.connection.messages(2)
        self.assertEqual((started(), done(), failed(), cancelled()), (8, 4, 3, 1))
        self.assertEqual((run(), lost()), (3, 2))
        created = self.rise("created_tasks_run")
        task = self.connection.result("create_task", [{"gather": [WAIT]}])["id"]
        self.assertEqual((self.stats()["tasks_in_flight"], created()), (2, 1))
        self.connection.result("cancel", [task])
        self.connection.error("await", [task])
        self.assertEqual((self.stats()["tasks_in_flight"], cancelled()), (0, 3))

    def test_failed_calls_by_function_and_type(self):
        self.assertEqual(self.stats()["failures"], [])
        self.connection.error("run", [FAIL])  # at once
        self.connection.error("run", [{"sequence": [{"call": "sleep", "args": [0]}, FAIL]}])  # as a program
        task = self.connection.result("create_task", [{"call": "add", "args": [1, "x"]}])["id"]
        self.connection.error("await", [task])
        self.connection.result("gather", {"tasks": [{"try": FAIL, "except": {"value": 1}}, {"call": "fail", "args": ["CancelledError"]}], "return_exceptions": True})
        self.assertEqual(self.stats()["failures"], [{"function": "fail", "type": "ValueError", "count": 3}, {"function": "add", "type": "TypeError", "count": 1}])

    def test_bytes_and_connections(self):
        read, written = self.rise("bytes_read"), self.rise("bytes_written")
        self.connection.result("run", [{"call": "echo", "args": ["x" * 100_000]}])
        self.assertGreater(read(), 100_000)
        self.assertGreater(written(), 100_000)
        accepted = self.rise("connections_accepted")
        with self.daemon.connect() as other:
            other.result("ping")
            self.assertEqual((accepted(), self.stats()["connections"]), (1, 2))

    def test_what_the_threads_do(self):
        self.connection.result("gather", [[{"call": "sleep", "args": [0.01]}] * 3])
        stats = self.stats()
        self.assertEqual(len(stats["threads"]), self.connection.result("info")["threads"])
        for name in ("run", "spawned", "parks", "timers"):
            self.assertGreater(sum(each[name] for each in stats["threads"]), 0, name)
        self.assertGreater(stats["memory"]["resident_bytes"], 1_000_000)
        self.assertGreater(stats["uptime"], 0)
        self.assertEqual(stats["bulk_threads"], [])


if __name__ == "__main__":
    unittest.main()
