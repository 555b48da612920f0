#!/usr/bin/python3
"""The daemon's log: its lines as text, as JSON and for systemd's journal; what it tells of requests, and what it never tells."""

import fcntl
import json
import os
import pty
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from connection import PATIENCE, Connection
from daemon import BINARY, Daemon, clean_environment

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Lines(unittest.TestCase):
    def until_ready(self, stream):
        for line in iter(stream.readline, ""):
            yield line
            if "is ready" in line:
                return

    def served(self, error, *flags, **environment):
        process = subprocess.Popen([BINARY, "serve", "--listen", "127.0.0.1:0", *flags], stdin=subprocess.DEVNULL, stderr=error,
                                   env=clean_environment(**environment))
        self.addCleanup(process.wait, PATIENCE)
        self.addCleanup(process.terminate)

    def test_to_a_pipe_they_are_json_of_one_object_each(self):
        with Daemon("--log.level", "debug", environment={"GATHERD_LOG_FORMAT": "auto"}) as daemon, daemon.connect() as connection:
            connection.send({"id": "\u009b31m\n\u0000", "method": "ping", "params": {"traceparent": TRACE}})
            connection.message()
            daemon.wait_for_log('"method":"ping"')
            lines = [json.loads(line) for line in daemon.log.split("\n")]
            for line in lines:
                self.assertEqual(list(line)[:3], ["time", "level", "message"])
                self.assertRegex(line["time"], f"^{TIME}$")
            request = lines[-1]
            self.assertEqual((request["level"], request["message"], request["id"], request["peer"], request["code"], request["traceparent"]),
                             ("debug", "request", "\u009b31m\n\u0000", "127.0.0.1", 0, TRACE))
            self.assertIsInstance(request["seconds"], float)

    def test_on_a_terminal_they_are_text(self):
        ours, theirs = pty.openpty()
        self.served(theirs)
        os.close(theirs)
        with open(ours, encoding="utf-8", newline="\n") as terminal:
            for line in self.until_ready(terminal):
                self.assertRegex(line, f"^{TIME} (info|warn) ")

    def test_for_the_journal_they_are_text_with_a_priority_and_no_time(self):
        ours, theirs = socket.socketpair()
        found = os.fstat(theirs.fileno())
        self.served(theirs, JOURNAL_STREAM=f"{found.st_dev}:{found.st_ino}")
        theirs.close()
        with ours, ours.makefile() as journal:
            for line in self.until_ready(journal):
                self.assertRegex(line, "^<[346]>[a-z]")

    def test_a_pipe_is_no_journal_though_a_variable_is_inherited(self):
        with Daemon(environment={"GATHERD_LOG_FORMAT": "auto", "JOURNAL_STREAM": "1:1"}) as daemon:
            json.loads(daemon.log.split("\n")[0])

    def test_the_line_of_a_second_signal_is_as_the_others(self):
        for format in ("json", "text"):
            with Daemon(environment={"GATHERD_LOG_FORMAT": format, "TZ": "UTC"}) as daemon, daemon.connect() as connection:
                connection.start("run", [{"sequence": [{"call": "print", "args": ["began"]}, {"call": "sleep", "args": [3600]}]}])
                connection.message()
                daemon.signal()
                daemon.wait_for_log("draining")
                daemon.signal()
                self.assertEqual(daemon.wait(), 128 + signal.SIGTERM)
                first, last = daemon.log.splitlines()[0], daemon.log.splitlines()[-1]
                if format == "json":
                    told = json.loads(last)
                    self.assertEqual((list(told), told["level"]), (["time", "level", "message"], "warn"))
                    self.assertIn("second signal", told["message"])
                    first, last = json.loads(first)["time"], told["time"]
                else:
                    self.assertRegex(last, f"^{TIME} warn stopped by a second signal")
                self.assertEqual(first[:10], last[:10])
                self.assertRegex(last[:29], f"^{TIME}$")

    def test_the_level_changes_at_sighup(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "settings.json")
            file.write_text(json.dumps({"log": {"level": "info"}}))
            with Daemon("--config", str(file)) as daemon, daemon.connect() as connection:
                connection.result("ping")
                file.write_text(json.dumps({"log": {"level": "debug"}}))
                daemon.signal(signal.SIGHUP)
                daemon.wait_for_log("SIGHUP: the settings were read again")
                connection.result("info")
                daemon.wait_for_log("debug request method=info")
                self.assertNotIn("method=ping", daemon.log)

    def test_a_log_that_nobody_reads_holds_nothing_up(self):
        with tempfile.TemporaryDirectory() as folder:
            read_end, write_end = os.pipe()
            fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
            port_file = Path(folder, "port")
            process = subprocess.Popen([BINARY, "serve", "--listen", "127.0.0.1:0", "--port-file", str(port_file)],
                                       stdin=subprocess.DEVNULL, stderr=write_end, env=clean_environment())
            os.close(write_end)
            try:
                while not port_file.exists():
                    pass
                with Connection(int(port_file.read_text().rpartition(":")[2])) as connection:
                    for _ in range(200):  # a line or two each
                        process.send_signal(signal.SIGHUP)
                        self.assertEqual(connection.result("ping"), "pong")
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(PATIENCE), 0)
            finally:
                process.kill()
                process.wait()
                os.close(read_end)


class Requests(unittest.TestCase):
    SECRET = "nobody else's business"

    def test_at_debug_each_request_is_told_and_never_what_it_says(self):
        with Daemon("--log.level", "debug") as daemon, daemon.connect() as connection:
            self.assertEqual(connection.ask("run", [{"value": self.SECRET}])["result"], self.SECRET)
            daemon.wait_for_log("debug request method=run id=1 peer=127.0.0.1 ")
            connection.send({"id": "\u009b31m\n", "method": "gather", "params": [[{"call": "fail", "args": ["ValueError", self.SECRET]}]]})
            connection.message()
            daemon.wait_for_log(" code=-32000 ")
            self.assertIn('id="\\u009b31m\\n" peer', daemon.log)
            connection.send({"method": self.SECRET})
            connection.send({"method": "ping"})
            daemon.wait_for_log("request method=ping id=null ")
            self.assertIn("request method=unknown id=null ", daemon.log)
            self.assertNotIn(self.SECRET, daemon.log)

    def test_slow_requests_are_told_at_any_level_that_warns(self):
        with Daemon("--log.slow", "50ms") as daemon, daemon.connect() as connection:
            self.assertEqual(connection.result("ping"), "pong")
            self.assertEqual(connection.result("run", [{"call": "sleep", "args": [0.06, 1]}]), 1)
            daemon.wait_for_log("warn slow request method=run id=2 peer=127.0.0.1 ")
            self.assertNotIn("ping", daemon.log)

    def test_of_very_many_slow_requests_not_all_are_told(self):
        with Daemon("--log.slow", "1ms") as daemon, daemon.connect() as connection:
            many = [{"id": each, "method": "run", "params": [{"call": "sleep", "args": [0.01]}]} for each in range(5000)]
            connection.send(many)
            self.assertEqual(len(connection.message()), len(many))
            connection.result("run", [{"call": "sleep", "args": [0.01]}])
            daemon.wait_for_log("slow request ")
            daemon.stop()
            self.assertLess(daemon.log.count("slow request method"), 5000)


if __name__ == "__main__":
    unittest.main()
