"""limits.memory_bytes bounds what the process has in memory, whatever the input; and it gives back what it took."""

import http.server
import os
import resource
import tempfile
import threading
import time
import unittest

from daemon import IS_SANITIZED, Daemon
from memory_shapes import MIB, TABLE, Sender, empty_arrays, forget_all, request, status_bytes

LIMIT = 256 * MIB
BESIDE = 128 * MIB  # what the process may have in memory beyond the limit: the reserve, the program, what malloc keeps


def warm_up(daemon):
    """Ordinary work, so that what is kept for the next request is there before anything is measured."""
    text = request("gather", [[{"value": "x" * 110_000}, {"call": "sleep", "args": [0]}] + [{"call": "noop"}] * 1000])
    senders = [Sender(daemon.port) for _ in range(8)]
    for _ in range(4):
        for each in senders:
            each.send(text)
    for each in senders:
        each.wait_for_lines(4)
        each.close()


def allocated(daemon):
    with daemon.connect() as connection:
        return connection.result("stats")["memory"]["allocated_bytes"]


@unittest.skipIf(IS_SANITIZED, "such a build does not count what it allocates")
class MemoryTest(unittest.TestCase):
    def measured(self, daemon):
        return allocated(daemon), status_bytes(daemon.process.pid, "VmRSS")

    def rested(self, daemon):
        """The lowest count of allocated bytes that a second of rest shows."""
        return min(self.measured(daemon) for _ in range(10) if time.sleep(0.1) is None)

    def wait_for_rest(self, daemon, before, resident):
        """Until it has given back what it took: in some seconds, but that is not asserted."""
        for _ in range(600):
            now, resident_now = self.measured(daemon)
            if now <= before + MIB and resident_now <= resident + 64 * MIB:
                return
            time.sleep(0.1)
        self.fail(f"allocated {before} -> {now}, resident {resident} -> {resident_now}")

    def assert_bounded(self, run):
        with Daemon("--limits.memory_bytes", str(LIMIT)) as daemon:
            warm_up(daemon)
            before, resident = self.rested(daemon)
            neighbour = daemon.connect()
            sender = Sender(daemon.port)
            run(sender)
            self.assertEqual(neighbour.result("ping"), "pong")
            sender.close()
            self.assertLessEqual(status_bytes(daemon.process.pid, "VmHWM"), LIMIT + BESIDE)
            while neighbour.result("stats")["tasks_in_flight"] > 0:
                pass
            forget_all(neighbour)
            self.wait_for_rest(daemon, before, resident)
            self.assertEqual(neighbour.result("run", [{"value": 1}]), 1)

    def daemon_with(self, limit, *flags):
        daemon = Daemon("--limits.memory_bytes", str(limit), *flags)
        self.addCleanup(daemon.stop)
        return daemon

    def test_the_program_that_holds_most_ends_and_nothing_in_it_catches_that(self):
        daemon = self.daemon_with(64 * MIB, "--limits.client_memory_bytes", "64MiB")
        neighbour, greedy = daemon.connect(), daemon.connect()
        small = neighbour.result("create_task", [{"sequence": [{"value": "x" * 100_000}, {"call": "sleep", "args": [3600]}]}])["id"]
        multiplied = {"let": {"x": {"value": {"k" * 1_000_000: 0}}}, "in": {"gather": [{"ref": "x"}] * 1000}}
        for plan in (multiplied, {"try": multiplied, "except": {"value": "caught"}},
                     {"try": multiplied, "except": {"value": "caught"}, "types": ["CancelledError", "MemoryError"]},
                     {"retry": multiplied, "attempts": 5}, {"gather": [multiplied], "return_exceptions": True},
                     {"try": multiplied, "finally": {"value": 1}}, {"wait": [multiplied, {"call": "sleep", "args": [3600]}]},
                     {"race": [multiplied, {"call": "sleep", "args": [3600]}]}):
            greedy.wait_until_given_back()
            error = greedy.error("run", [plan])
            self.assertEqual((error["code"], error["data"]), (-32006, {"limit": "limits.memory_bytes", "max": 64 * MIB}), error)
        self.assertEqual(neighbour.result("status", [small])["state"], "running")
        greedy.wait_until_given_back()
        self.assertEqual(greedy.result("run", [{"value": 1}]), 1)

    def test_a_created_task_that_runs_into_it_tells_whoever_awaits_it(self):
        connection = self.daemon_with(64 * MIB, "--limits.client_memory_bytes", "64MiB").connect()
        task = connection.result("create_task", [
            {"let": {"x": {"value": "v" * 1_000_000}}, "in": {"gather": [{"ref": "x"}] * 1000}}])["id"]
        error = connection.error("await", [task])
        self.assertEqual((error["code"], error["data"]["limit"]), (-32006, "limits.memory_bytes"))
        self.assertEqual(connection.result("status", [task])["state"], "failed")

    def test_one_client_alone_fills_half_of_it(self):
        daemon = self.daemon_with(128 * MIB)
        greedy, neighbour = daemon.connect(), daemon.connect()
        holding = [{"sequence": [{"value": ["x" * 100] * 50_000}, {"call": "sleep", "args": [3600]}]}]
        told = set()
        for _ in range(30):
            answer = greedy.ask("create_task", holding)
            if "error" in answer:
                told.add(answer["error"]["code"])
                self.assertIn("limits.client_memory_bytes", answer["error"]["message"])
        limits = neighbour.result("info")["limits"]
        self.assertEqual((limits["memory_bytes"], limits["client_memory_bytes"]), (128 * MIB, 64 * MIB))
        while neighbour.result("stats")["limits"]["limits.client_memory_bytes"] == 0:
            pass
        self.assertLess(neighbour.result("stats")["memory"]["allocated_bytes"], 112 * MIB)
        self.assertEqual(neighbour.result("gather", [[{"value": "y" * 1_000_000}] * 5]), ["y" * 1_000_000] * 5)

    def test_what_is_recorded_of_watched_programs_pushes_out_no_result(self):
        failing = [{"call": "fail", "args": ["ValueError", "m" * 600]}] * 9000
        connection = self.daemon_with(LIMIT, "--limits.kept_bytes", "2MiB").connect()
        kept = connection.result("create_task", [{"value": "v" * 1_000_000}])["id"]
        connection.result("await", [kept])
        for _ in range(3):
            task = connection.result("create_task", [{"try": {"sequence": [
                {"call": "sleep", "args": [0.2]}, {"gather": failing, "return_exceptions": True}, {"call": "fail"}]},
                "except": {"value": None}}])["id"]
            connection.result("status", {"id": task, "nodes": True})
            connection.result("await", [task])
            self.assertGreater(len(connection.result("status", {"id": task, "nodes": True})["nodes"]), 9000)
        self.assertEqual(len(connection.result("await", [kept])), 1_000_000)

    def test_where_memory_is_short_records_are_dropped_before_any_program_ends(self):
        with Daemon("--limits.memory_bytes", "48MiB", "--limits.client_memory_bytes", "48MiB", "--drain.grace", "0s") as daemon:
            connection = daemon.connect()
            failing = [{"try": {"call": "fail", "args": ["ValueError", "m" * 600]}, "except": {"value": None}}] * 1000
            watched = connection.result("create_task", [{"sequence": [
                {"call": "sleep", "args": [0.2]}, {"gather": failing}, {"call": "sleep", "args": [3600]}]}])["id"]

            def nodes():
                return len(connection.result("status", {"id": watched, "nodes": True})["nodes"])

            while nodes() < 2000:
                pass
            held = before = 0
            while held >= before - MIB // 2:  # else something was dropped
                connection.ask("create_task", [{"sequence": [{"value": "x" * 20_000}, {"call": "sleep", "args": [3600]}]}])
                before, held = max(before, held), connection.result("stats")["memory"]["allocated_bytes"]
            self.assertLessEqual(nodes(), 1)
            self.assertEqual(connection.result("status", {"id": watched})["state"], "running")
            hog = {"map": {"call": "sleep", "args": [3600]}, "as": "x", "over": {"await": {"call": "range", "args": [90_000]}}}
            self.assertEqual(connection.error("run", [hog])["code"], -32006)  # whoever looks at memory goes on

    def test_a_large_result_is_shared_by_all_calls_that_take_it(self):
        daemon = self.daemon_with(LIMIT)
        calls = [{"call": name, "args": [{"ref": "x"}]} for name in ("len", "sum", "max")] * 200
        with daemon.connect() as connection:
            got = connection.result("run", {"task": {"let": {"x": {"call": "range", "args": [500_000]}}, "in": {"gather": calls}}})
        self.assertEqual(got, [500_000, 124_999_750_000, 499_999] * 200)
        self.assertLessEqual(status_bytes(daemon.process.pid, "VmHWM"), 128 * MIB)

    def test_an_error_that_few_words_make_long_ends_its_program(self):
        daemon = self.daemon_with(64 * MIB)
        doubled = {"call": "fail"}
        for _ in range(26):
            doubled = {"let": {"q": doubled}, "in": {"any": [{"ref": "q"}, {"ref": "q"}]}}
        long = {"call": "fail", "args": ["ValueError", "m" * 1_000_000]}
        with daemon.connect() as connection:
            for plan in (doubled, {"let": {"e": long}, "in": {"any": [{"ref": "e"}] * 2000}}, {"let": {"e": long}, "in": {"any": [{"ref": "e"}] * 200}}):
                for method, params in (("run", [plan]), ("gather", [[plan]])):
                    self.assertEqual(connection.error(method, params)["code"], -32006)
                    connection.wait_until_given_back()
        self.assertLessEqual(status_bytes(daemon.process.pid, "VmHWM"), 64 * MIB + BESIDE)

    def test_the_json_of_an_answer_over_http_is_the_memory_of_the_program(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = b"[" + b",".join([b"{}"] * 5_000_000) + b"]"
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        daemon = self.daemon_with(64 * MIB, "--http.allow", "127.0.0.0/8", "--auth.open_functions", "true")
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web, daemon.connect() as connection:
            threading.Thread(target=web.serve_forever).start()
            error = connection.error("run", [{"call": "http.get", "args": [f"http://127.0.0.1:{web.server_port}/"]}])
            web.shutdown()
        self.assertEqual(error["data"]["limit"], "limits.memory_bytes")
        self.assertLessEqual(status_bytes(daemon.process.pid, "VmHWM"), 64 * MIB + BESIDE)

    def test_files_and_the_output_of_processes_are_the_memory_of_the_program_that_asked_for_them(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        with open(os.path.join(folder.name, "large"), "wb") as file:
            file.write(b"x" * (12 * MIB))
        daemon = self.daemon_with(64 * MIB, "--limits.client_memory_bytes", "64MiB", "--auth.open_functions", "yes",
                                  "--file.roots", f"data={folder.name}", "--process.allow", "head")
        connection = daemon.connect()
        zeros = {"call": "process.run", "args": [
            ["head", "-c", str(150 * MIB), "/dev/zero"], None, None, None, None, False, 150 * MIB]}
        for plan in ({"gather": [{"call": "file.read", "args": ["data/large"]}] * 8}, zeros):
            error = connection.error("run", [{"try": plan, "except": {"value": "caught"}}])
            self.assertEqual((error["code"], error["data"]["limit"]), (-32006, "limits.memory_bytes"), error)
            connection.wait_until_given_back()
        self.assertLessEqual(status_bytes(daemon.process.pid, "VmHWM"), 64 * MIB + BESIDE)
        self.assertEqual(connection.result("run", [{"value": 1}]), 1)

    def test_one_large_message_does_not_end_a_daemon_of_one_gibibyte(self):
        space = 1024 * MIB
        with Daemon(preexec=lambda: resource.setrlimit(resource.RLIMIT_AS, (space, space))) as daemon:
            limits = daemon.connect().result("info")["limits"]
            self.assertEqual((limits["memory_bytes"], limits["message_bytes"]), (space // 2, 64 * MIB))
            sender = Sender(daemon.port)
            answer = empty_arrays(64 * MIB)(sender)[0]
            self.assertIn(b"limits.memory_bytes", answer)
            sender.close()
            neighbour = daemon.connect()
            neighbour.wait_until_given_back()
            self.assertEqual(neighbour.result("run", [{"value": 1}]), 1)


def _add_row(name, run):
    def test(self):
        self.assert_bounded(run)
    test.__doc__ = name
    setattr(MemoryTest, "test_" + "".join(c if c.isalnum() else "_" for c in name), test)


for _name, _run in TABLE.items():
    _add_row(_name, _run)

if __name__ == "__main__":
    unittest.main()
