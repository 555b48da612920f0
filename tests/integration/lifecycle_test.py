#!/usr/bin/python3
"""From start to stop: ports, settings, the file limit, and what the signals do."""

import json
import os
import resource
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from connection import PATIENCE
from daemon import BINARY, Daemon, clean_environment
from methods_test import FOR_EVER, sleep

ALLOWED = os.sched_getaffinity(0)


def masks_of_threads(process):
    """(name, CPUs) of each."""
    threads = Path(f"/proc/{process}/task").iterdir()
    return [((each / "comm").read_text().strip(), os.sched_getaffinity(int(each.name))) for each in threads]


BEGUN = {"sequence": [{"call": "print", "args": ["began"]}, FOR_EVER]}


class Start(unittest.TestCase):
    def serve(self, *flags, **environment):
        """Of a daemon that should not start."""
        return subprocess.run([BINARY, "serve", *flags], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, env=clean_environment(**environment), timeout=PATIENCE)

    def test_port_0_is_a_free_one_that_the_log_and_the_file_name(self):
        with Daemon() as first, Daemon() as second:
            self.assertNotEqual(first.port, second.port)
            for daemon in (first, second):
                self.assertIn(f"127.0.0.1:{daemon.port}", daemon.log)
                self.assertTrue(daemon.port_file.read_text().rstrip("\n").endswith(str(daemon.port)))
                with daemon.connect() as connection:
                    self.assertEqual(connection.result("ping"), "pong")

    def test_it_listens_at_several_addresses(self):
        with Daemon(listen="127.0.0.1:0,127.0.0.2:0") as daemon:
            self.assertEqual(len(daemon.port_file.read_text().splitlines()), 2)
            for line in daemon.port_file.read_text().splitlines():
                host, _, port = line.rpartition(":")
                with socket.create_connection((host, int(port)), PATIENCE) as other:
                    other.sendall(b'{"id":1,"method":"ping"}\n')
                    self.assertEqual(other.recv(100), b'{"jsonrpc":"2.0","id":1,"result":"pong"}\n')

    def test_a_port_that_is_taken_is_status_1_and_one_line(self):
        with Daemon() as daemon:
            done = self.serve("--listen", f"127.0.0.1:{daemon.port}")
            self.assertEqual(done.returncode, 1)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(str(daemon.port), done.stderr)

    def test_wrong_settings_are_status_2_and_one_line(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write('{\n  "limits": {\n    "dept": 5\n  }\n}\n')
            file.flush()
            for flags, environment, words in ((["--config", file.name], {}, [file.name + ":3", "limits.depth"]),
                                              (["--config", "/nowhere/at.all"], {}, ["/nowhere/at.all"]),
                                              (["--threads", "many"], {}, ["threads"]),
                                              (["--worker", "1"], {}, ["--worker"]),
                                              (["--workers", "1"], {}, ["--workers", "--threads"]),
                                              ([], {"GATHERD_PIN_WORKERS": "yes"}, ["GATHERD_PIN_THREADS"]),
                                              (["--limits.depth", "1"], {}, ["limits.depth"]),
                                              ([], {"GATHERD_LIMITS_DEPTH": "deep"}, ["GATHERD_LIMITS_DEPTH"]),
                                              ([], {"GATHERD_LIMTS_DEPTH": "5"}, ["GATHERD_LIMTS_DEPTH"])):
                with self.subTest(flags=flags, environment=environment):
                    done = self.serve(*flags, **environment)
                    self.assertEqual((done.returncode, done.stdout), (2, ""))
                    self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                    for word in words:
                        self.assertIn(word, done.stderr)

    def test_settings_come_from_file_environment_and_flag_in_this_order(self):
        def limit_of(daemon):
            with daemon.connect() as connection:
                connection.send('{"id":1,"method":"run","params":[{"value":' + "[" * 100 + "]" * 100 + "}]}\n")
                return connection.message()["error"]["data"]["max"]

        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"limits": {"depth": 10}}, file)
            file.flush()
            with Daemon("--config", file.name) as daemon:
                self.assertEqual(limit_of(daemon), 10)
            with Daemon(environment={"GATHERD_CONFIG": file.name, "GATHERD_LIMITS_DEPTH": "11"}) as daemon:
                self.assertEqual(limit_of(daemon), 11)
            with Daemon("--config", file.name, "--limits.depth", "12", environment={"GATHERD_LIMITS_DEPTH": "11"}) as daemon:
                self.assertEqual(limit_of(daemon), 12)

    def test_threads_are_as_many_as_asked_for(self):
        for threads in (1, 3):
            with Daemon("--threads", str(threads)) as daemon, daemon.connect() as connection:
                self.assertEqual(connection.result("info")["threads"], threads)
                self.assertEqual(connection.result("gather", [[sleep(0.01, i) for i in range(50)]]), list(range(50)))

    @unittest.skipIf(len(ALLOWED) < 2, "on one CPU everything is pinned")
    def test_pinned_threads_have_a_cpu_each_and_the_other_threads_all(self):
        in_turn = sorted(ALLOWED)
        bulky = {"map": "echo", "over": [[i] for i in range(100_000)]}
        with Daemon("--threads", str(len(in_turn) + 1), "--pin-threads", "yes") as daemon, daemon.connect() as connection:
            self.assertEqual(connection.result("run", [{"to_thread": {"call": "noop"}}]), None)
            self.assertEqual(len(connection.result("run", [bulky])), 100_000)
            masks = masks_of_threads(daemon.process.pid)
        pinned = [(name, min(mask)) for name, mask in masks if mask != ALLOWED]
        self.assertEqual(sorted(pinned), [(f"worker {i}", cpu) for i, cpu in enumerate(in_turn + in_turn[:1])])
        free = [name for name, mask in masks if mask == ALLOWED]
        for name in ("blocking", "bulk", "worker 0"):  # this one runs bulky plans
            self.assertIn(name, free)

    def test_threads_are_not_pinned_unless_asked(self):
        with Daemon("--threads", "2") as daemon:
            self.assertEqual([mask for _, mask in masks_of_threads(daemon.process.pid) if mask != ALLOWED], [])

    def test_the_file_limit_is_raised_to_the_hard_one(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with Daemon(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))) as daemon:
            self.assertEqual(resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE), (hard, hard))
            connections = [daemon.connect() for _ in range(200)]
            self.assertEqual([each.result("ping") for each in connections], ["pong"] * 200)
            for each in connections:
                each.close()


    def test_connections_are_no_more_than_descriptors_bear(self):
        for files, most in ((400, 178), (61, 8)):  # of which 45 are its own
            with self.subTest(files=files), Daemon("--limits.connections", "10000", "--threads", "2", preexec=lambda: resource.setrlimit(
                    resource.RLIMIT_NOFILE, (files, files))) as daemon:
                self.assertIn(f"from=10000 to={most} open_files=", daemon.log)
                connections = [daemon.connect() for _ in range(2 * most)]
                answers = [each.start("ping") and each.message() for each in connections[:most]]
                self.assertEqual({each.get("result") for each in answers}, {"pong"})
                for each in connections[most:]:
                    self.assertEqual(each.message()["error"]["code"], -32003)
                # A bulky plan is run by threads of its own, with reactors of their own.
                self.assertEqual(len(connections[0].result("map", ["echo", [[i] for i in range(100_000)]])), 100_000)
                for each in connections:
                    each.close()
                self.assertNotIn("cannot accept", daemon.log)

    def test_with_too_few_descriptors_it_does_not_start(self):
        done = subprocess.run([BINARY, "serve", "--listen", "127.0.0.1:0", "--threads", "2"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=clean_environment(), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60)), timeout=PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the limit of open files is 60, and 61 are needed (the daemon 33, threads 12, clients 16): raise it", done.stderr)


class Stop(unittest.TestCase):
    def test_an_idle_daemon_ends_at_once_on_either_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), Daemon() as daemon, daemon.connect() as idle:
                self.assertEqual(idle.result("ping"), "pong")
                daemon.signal(number)
                self.assertEqual(idle.rest(), [])
                self.assertEqual(daemon.wait(), 0)

    def test_a_thousand_sleeps_in_flight_are_all_answered(self):
        with Daemon() as daemon:
            connections = [daemon.connect() for _ in range(10)]
            for connection in connections:
                for i in range(100):
                    connection.send({"id": i, "method": "run", "params": [sleep(0.5 + i / 1000, i)]})
                # Answered after all that came before it was read.
                self.assertEqual(connection.result("ping"), "pong")
            daemon.signal()
            for connection in connections:
                answers = {each["id"]: each.get("result") for each in map(json.loads, connection.rest())}
                self.assertEqual(answers, {i: i for i in range(100)})
                connection.close()
            self.assertEqual(daemon.wait(), 0)

    def test_while_it_drains_nothing_starts_and_what_was_accepted_is_collected(self):
        with Daemon() as daemon, daemon.connect() as connection:
            plan = {"sequence": [{"call": "print", "args": ["began"]}, {"try": FOR_EVER, "except": {"value": "released"}, "types": ["CancelledError"]}]}
            task = connection.result("create_task", [plan])["id"]
            self.assertEqual(connection.message()["params"]["text"], "began")
            daemon.signal()
            daemon.wait_for_log("draining")
            while not connection.result("info")["draining"]:
                pass  # it is logged a moment before it is so
            for method, params in (("run", [{"value": 1}]), ("gather", [[]]), ("map", ["noop", []]), ("create_task", [{"value": 1}])):
                with self.subTest(method):
                    self.assertEqual(connection.error(method, params)["code"], -32005)
            with self.assertRaises(OSError):
                daemon.connect()
            self.assertEqual(connection.result("ping"), "pong")
            self.assertEqual(connection.result("status", [task])["state"], "running")
            waiting = connection.start("await", [task])
            cancelling = connection.start("cancel", [task])
            answers = {each["id"]: each["result"] for each in connection.messages(2)}
            self.assertEqual(answers, {waiting: [None, "released"], cancelling: {"cancelled": 1}})
            self.assertEqual(connection.rest(), [])
            self.assertEqual(daemon.wait(), 0)

    def test_the_end_of_the_grace_cancels_and_answers(self):
        with Daemon("--drain.grace", "50ms") as daemon, daemon.connect() as connection:
            request = connection.start("run", [{"try": BEGUN, "finally": {"call": "print", "args": ["cleaned"]}}])
            self.assertEqual(connection.message()["params"]["text"], "began")
            daemon.signal()
            self.assertEqual(connection.message()["params"]["text"], "cleaned")
            answer = connection.message()
            self.assertEqual((answer["id"], answer["error"]["code"], answer["error"]["data"]),
                             (request, -32002, {"type": "CancelledError", "message": "shutting down"}))
            self.assertEqual(connection.rest(), [])
            self.assertEqual(daemon.wait(), 0)

    def test_a_detached_task_has_the_grace_as_well(self):
        """Where it was cancelled instead, it would begin to sleep for ever."""
        stubborn = {"try": {"call": "sleep", "args": [0.3]}, "except": FOR_EVER, "types": ["CancelledError"]}
        with Daemon("--drain.grace", "1d", "--limits.cleanup-time", "100ms") as daemon, daemon.connect() as connection:
            connection.result("create_task", {"task": stubborn, "detach": True})
            connection.end()
            self.assertEqual(connection.rest(), [])
            daemon.signal()
            self.assertEqual(daemon.wait(), 0)
            self.assertNotIn("did not end in time", daemon.log)

    def test_a_client_that_does_not_read_its_answers_ends_no_later_than_the_grace(self):
        with Daemon("--drain.grace", "50ms", "--limits.cleanup-time", "1d") as daemon, daemon.connect() as connection:
            for _ in range(200):
                connection.start("run", [{"call": "echo", "args": ["x" * 100_000]}])
            daemon.signal()
            self.assertEqual(daemon.wait(), 0)
            self.assertIn("clients did not read their answers in time clients=1", daemon.log)

    def test_a_detached_task_does_not_hold_it_up_beyond_the_grace(self):
        with Daemon("--drain.grace", "50ms") as daemon, daemon.connect() as connection:
            connection.result("create_task", {"task": BEGUN, "detach": True})
            self.assertEqual(connection.message()["params"]["text"], "began")
            connection.end()
            self.assertEqual(connection.rest(), [])
            daemon.signal()
            self.assertEqual(daemon.wait(), 0)

    def test_what_catches_every_cancellation_has_its_rounds_and_is_answered(self):
        """The last round comes later than a client that does not read is waited for."""
        endless = {"retry": {"try": BEGUN, "except": {"call": "fail"}, "types": ["CancelledError"]}, "attempts": 10**9}
        with Daemon("--drain.grace", "50ms", "--limits.cleanup-time", "10ms", "--limits.cleanup-rounds", "4") as daemon, daemon.connect() as connection:
            request = connection.start("run", [endless])
            self.assertEqual(connection.message()["params"]["text"], "began")
            daemon.signal()
            while (answer := connection.message()).get("id") != request:
                self.assertEqual(answer["params"]["text"], "began")
            self.assertEqual((answer["error"]["code"], answer["error"]["data"]["message"]), (-32002, "shutting down"))
            self.assertEqual(connection.rest(), [])
            self.assertEqual(daemon.wait(), 0)
            self.assertNotIn("did not end in time", daemon.log)

    def test_a_blocked_thread_does_not_hold_it_up(self):
        with Daemon("--drain.grace", "50ms") as daemon, daemon.connect() as connection:
            long_call = {"call": "random.choices", "args": [[0], 5_000_000]}
            connection.start("run", [{"gather": [{"to_thread": long_call}, BEGUN]}])
            self.assertEqual(connection.message()["params"]["text"], "began")
            daemon.signal()
            self.assertEqual(connection.message()["error"]["code"], -32002)
            self.assertEqual(daemon.wait(), 0)

    def test_a_signal_to_the_process_and_to_its_group_is_one(self):
        # As coreutils' timeout does when it is told to end.
        with Daemon() as daemon, daemon.connect() as connection:
            connection.start("run", {"task": {"sequence": [{"call": "print", "args": ["began"]}, {"call": "sleep", "args": [0.5, "done"]}]}})
            self.assertEqual(connection.message()["params"]["text"], "began")
            daemon.signal(signal.SIGTERM)
            daemon.signal(signal.SIGTERM)
            self.assertEqual(connection.message()["result"], [None, "done"])
            self.assertEqual(daemon.wait(), 0)

    def test_both_signals_within_an_instant_are_one(self):
        # As where a parent passes a Ctrl-C on as SIGTERM.
        for first, second in ((signal.SIGTERM, signal.SIGINT), (signal.SIGINT, signal.SIGTERM)):
            with Daemon() as daemon, daemon.connect() as connection:
                connection.start("run", {"task": {"sequence": [{"call": "print", "args": ["began"]}, {"call": "sleep", "args": [0.5, "done"]}]}})
                self.assertEqual(connection.message()["params"]["text"], "began")
                daemon.signal(first)
                daemon.signal(second)
                self.assertEqual(connection.message()["result"], [None, "done"])
                self.assertEqual(daemon.wait(), 0)

    def test_a_second_signal_ends_it_at_once(self):
        with Daemon() as daemon, daemon.connect() as connection:
            connection.start("run", [BEGUN])
            self.assertEqual(connection.message()["params"]["text"], "began")
            daemon.signal(signal.SIGTERM)
            daemon.wait_for_log("draining")
            daemon.signal(signal.SIGTERM)
            self.assertEqual(daemon.wait(), 128 + signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
