#!/usr/bin/python3
"""`gatherd bench` against a daemon, and against servers that lie: what it counts, and its exit statuses."""

import json
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path
from xml.etree import ElementTree

from connection import PATIENCE
from daemon import BINARY, Daemon, clean_environment

BRIEFLY = ("--warm-up", "0", "--duration", "300ms")


def bench(port, *words):
    """(status, report or None, standard error)."""
    done = subprocess.run([BINARY, "bench", "--json", *(() if "--connect" in words else ("--connect", f"127.0.0.1:{port}")), *words], capture_output=True, text=True,
                          env=clean_environment(), timeout=PATIENCE)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


class AgainstADaemon(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.daemon = Daemon("--limits.depth", "20", listen=f"127.0.0.1:0,unix:{cls.folder.name}/socket")

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()
        cls.folder.cleanup()

    def run_well(self, *words):
        status, report, error = bench(self.daemon.port, *words)
        self.assertEqual((status, error), (0, ""), report)
        self.assertEqual(report["failures"], {"errors": {}, "wrong": 0, "unasked": 0, "unanswered": 0, "unsent": 0,
                                              "lost_connections": 0, "first": ""})
        return report

    def stats(self):
        with self.daemon.connect() as connection:
            return connection.result("stats")

    def test_a_closed_loop_counts_what_the_daemon_ran(self):
        before = self.stats()["programs_run"]
        report = self.run_well("--batch", "10", "--connections", "8", "--pipeline", "4", *BRIEFLY)
        self.assertEqual(self.stats()["programs_run"] - before, report["right"])
        self.assertEqual(report["tasks"], 10 * report["batches"])
        self.assertGreater(report["batches"], 0)
        self.assertGreaterEqual(report["latency"]["max"], report["latency"]["p99"])
        self.assertGreaterEqual(report["latency"]["p99"], report["latency"]["p50"])

    def test_so_many_requests_and_no_more(self):
        for words in ((), ("--warm-up", "0")):  # all are measured: by default there is no warm-up then
            with self.subTest(words=words):
                before = self.stats()["programs_run"]
                report = self.run_well("--requests", "1001", "--connections", "3", "--pipeline", "5", "--processes", "2", *words)
                self.assertEqual((report["right"], report["batches"], report["latency"]["count"]), (1001, 1001, 1001))
                self.assertEqual(self.stats()["programs_run"] - before, 1001)

    def test_an_open_loop_sends_at_its_rate(self):
        report = self.run_well("--rate", "2000", "--connections", "4", "--pipeline", "64", "--warm-up", "0", "--duration", "1s")
        self.assertEqual(report["right"], 2000)
        self.assertEqual(report["sent_late_by"]["count"], 2000)

    def test_a_request_that_had_to_wait_for_room_counts_from_when_it_was_due(self):
        """One at a time, each 50 ms, but 100 a second: the last is due after 0.19 s and ends after a second."""
        report = self.run_well("--mix", "sleep[0.05]", "--rate", "100", "--requests", "20", "--warm-up", "0")
        self.assertEqual(report["right"], 20)
        self.assertGreater(report["latency"]["max"], 0.75)

    def test_several_processes_share_connections_and_rate(self):
        report = self.run_well("--processes", "3", "--connections", "7", "--rate", "900", "--pipeline", "64", "--ramp", "200ms",
                               *BRIEFLY)
        self.assertEqual(report["right"], 90 + 270)  # half the rate during the ramp

    def test_mixes_maps_and_plans_are_checked(self):
        self.run_well("--mix", 'noop=3,add[1,2]=2,echo["x"],hash.sha256["y"],sleep[0.001]', "--batch", "20", *BRIEFLY)
        self.run_well("--mix", "echo[[1,2.5,null]]", "--map", "--batch", "7", *BRIEFLY)
        self.run_well("--mix", "random.random", "--any-result", *BRIEFLY)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump([{"call": "print", "args": ["a line"]}, {"call": "hash.sha256", "args": ["z"]}], file)
            file.flush()
            report = self.run_well("--plan", file.name, *BRIEFLY)
        self.assertEqual(report["tasks"], 2 * report["batches"])

    def test_results_that_differ_are_wrong(self):
        status, report, _ = bench(self.daemon.port, "--mix", "random.random", *BRIEFLY)
        self.assertEqual(status, 1)
        self.assertEqual(report["right"], 1)  # the one that the others are compared with
        self.assertGreater(report["failures"]["wrong"], 0)

    def test_errors_are_counted_by_their_code(self):
        status, report, _ = bench(self.daemon.port, "--mix", "fail", "--requests", "50", "--warm-up", "0")
        self.assertEqual((status, report["right"], report["failures"]["errors"]), (1, 0, {"-32000": 50}))
        self.assertIn("Exception", report["failures"]["first"])
        status, report, _ = bench(self.daemon.port, "--mix", "no.such", "--requests", "5", "--warm-up", "0")
        self.assertEqual((status, report["failures"]["errors"]), (1, {"-32602": 5}))

    def test_it_sees_the_process_of_the_daemon(self):
        server = self.run_well("--connections", "50", *BRIEFLY)["server"]
        self.assertEqual(server["processes"], [self.daemon.process.pid])
        self.assertGreater(server["peak_private"], 0)
        self.assertGreaterEqual(server["peak_resident"], server["peak_private"])

    def test_a_unix_socket_is_loaded_and_its_process_seen_too(self):
        report = self.run_well("--connect", f"unix:{self.folder.name}/socket", "--requests", "100", "--connections", "3")
        self.assertEqual((report["right"], report["server"]["processes"]), (100, [self.daemon.process.pid]))

    def test_the_plot_is_a_picture_with_two_curves(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "plot.svg"
            self.run_well("--plot", str(file), *BRIEFLY)
            root = ElementTree.parse(file).getroot()
        self.assertTrue(root.tag.endswith("svg"))
        self.assertEqual(sum(each.tag.endswith("polyline") for each in root.iter()), 2)

    def test_an_interrupt_ends_it_with_what_was_counted(self):
        started = subprocess.Popen([BINARY, "bench", "--connect", f"127.0.0.1:{self.daemon.port}", "--json", "--duration", "1h",
                                    "--warm-up", "0"], stdout=subprocess.PIPE, text=True, env=clean_environment())
        before = self.stats()["programs_run"]
        while self.stats()["programs_run"] < before + 100:
            pass
        started.send_signal(signal.SIGINT)
        out, _ = started.communicate(timeout=PATIENCE)
        report = json.loads(out)
        self.assertEqual(started.returncode, 130)
        self.assertTrue(report["interrupted"])
        self.assertGreater(report["tasks_a_second"], 0)

    def test_usage_is_status_2(self):
        for words in (["--mix", "noop,"], ["--mix", "noop,echo", "--map"], ["--batch", "0"], ["--duration", "0"],
                      ["--processes", "2"], ["--plan", "/nowhere"], ["--plan", "x", "--mix", "noop"], ["--rate", "fast"]):
            with self.subTest(words=words):
                status, report, error = bench(self.daemon.port, *words)
                self.assertEqual((status, report), (2, None), error)
                self.assertEqual(len(error.splitlines()), 1, error)


class Liar:
    """A server that answers each line with what `answer` makes of it, or hangs up where that is None."""

    def __init__(self, answer):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._answer = answer
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as lines:
            for line in lines:
                answer = self._answer(json.loads(line)["id"])
                if answer is None:
                    return
                connection.sendall(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()


def result(number, text):
    return f'{{"jsonrpc":"2.0","id":{number},"result":{text}}}\n'.encode()


class AgainstALiar(unittest.TestCase):
    def failures(self, answer, *words):
        with Liar(answer) as server:
            status, report, _ = bench(server.port, "--requests", "3", "--warm-up", "0", "--patience", "200ms", *words)
        self.assertEqual(status, 1)
        return report["failures"], report["right"]

    def test_a_result_of_another_length_or_value_is_wrong(self):
        for text in ("[]", "[1]", "[null,null]", "null"):
            found, right = self.failures(lambda number, text=text: result(number, text))
            self.assertEqual((found["wrong"], right), (3, 0))

    def test_an_answer_to_another_id_is_unasked_and_leaves_its_request_unanswered(self):
        found, right = self.failures(lambda number: result(number + 100, "[null]"))
        self.assertEqual((found["unasked"], found["unanswered"], right), (1, 1, 0))

    def test_a_second_answer_is_unasked(self):
        found, right = self.failures(lambda number: result(number, "[null]") * 2)
        self.assertEqual(right, 3)
        self.assertGreater(found["unasked"], 0)

    def test_a_server_that_hangs_up_is_a_lost_connection(self):
        found, _ = self.failures(lambda number: None, "--connections", "2")
        self.assertEqual((found["lost_connections"], found["unanswered"]), (2, 2))

    def test_a_server_that_is_silent_leaves_requests_unanswered(self):
        found, _ = self.failures(lambda number: b"")
        self.assertEqual(found["unanswered"], 1)

    def test_what_could_not_be_sent_in_time_is_told(self):
        found, _ = self.failures(lambda number: b"", "--rate", "1000")
        self.assertEqual((found["unanswered"], found["unsent"]), (1, 2))

    def test_nobody_there_is_status_3(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        status, report, error = bench(port)
        self.assertEqual((status, report), (3, None))
        self.assertIn("no connection", error)


if __name__ == "__main__":
    unittest.main()
