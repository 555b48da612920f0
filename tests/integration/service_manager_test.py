"""What systemd is told of the daemon (sd_notify(3)), and that systemd takes the unit."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from daemon import BINARY, IS_SANITIZED, Daemon
from unit_sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "packaging" / "systemd"


class Manager:
    """The socket that a service manager has for its service."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self._folder.name, "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(60)

    def next(self, *names):
        """The next message that begins with one of these names, as a dictionary; others are passed over."""
        while True:
            told = dict(line.split("=", 1) for line in self._socket.recv(4096).decode().splitlines())
            if next(iter(told)) in names:
                return told

    def close(self):
        self._socket.close()
        self._folder.cleanup()


class ServiceManager(unittest.TestCase):
    def setUp(self):
        self.manager = Manager()
        self.addCleanup(self.manager.close)

    def test_each_state_of_the_daemon_is_told_once(self):
        with Daemon(environment={"NOTIFY_SOCKET": self.manager.path}) as daemon:
            states = ("READY", "RELOADING", "STOPPING")
            self.assertIn("is ready", self.manager.next(*states)["STATUS"])
            with daemon.connect() as client:
                self.assertEqual(client.result("ping"), "pong")
            daemon.signal(signal.SIGHUP)
            told = self.manager.next(*states)
            self.assertIn("RELOADING", told)
            self.assertGreater(int(told["MONOTONIC_USEC"]), 0)
            self.assertIn("READY", self.manager.next(*states))
            daemon.signal(signal.SIGTERM)
            self.assertIn("STOPPING", self.manager.next(*states))
            self.assertEqual(daemon.wait(), 0)

    def test_the_watchdog_is_fed_while_tasks_run_and_while_it_drains(self):
        with Daemon("--drain.grace", "1m", environment={"NOTIFY_SOCKET": self.manager.path, "WATCHDOG_USEC": "100000"}) as daemon:
            client = daemon.connect()
            client.start("run", [{"sequence": [{"call": "print", "args": ["begun"]}, {"call": "sleep", "args": [0.5]}]}])
            self.assertEqual(client.message()["method"], "output")
            for _ in range(3):
                self.manager.next("WATCHDOG")
            daemon.signal(signal.SIGTERM)
            self.manager.next("STOPPING")
            self.manager.next("WATCHDOG")
            self.assertIn("result", client.message())
            client.close()
            self.assertEqual(daemon.wait(), 0)

    def test_a_manager_that_is_not_there_is_no_fault(self):
        with Daemon(environment={"NOTIFY_SOCKET": "/nonexistent/notify", "WATCHDOG_USEC": "1000"}) as daemon:
            with daemon.connect() as client:
                self.assertEqual(client.result("ping"), "pong")


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd is not installed")
class Units(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        text = (UNITS / "gatherd.service.in").read_text()
        text = text.replace("@CMAKE_INSTALL_FULL_BINDIR@/gatherd", BINARY).replace("@CMAKE_INSTALL_FULL_SYSCONFDIR@", "/etc")
        self.assertNotIn("@CMAKE", text)
        self.unit = self.folder / "gatherd.service"
        self.unit.write_text(text)
        shutil.copy(UNITS / "gatherd.socket", self.folder)

    def analyze(self, *words):
        return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False,
                              env=os.environ | {"SYSTEMD_UNIT_PATH": f"{self.folder}:"})

    def test_systemd_understands_each_line(self):
        for name in ("gatherd.service", "gatherd.socket"):
            done = self.analyze("verify", "--man=no", str(self.folder / name))
            about_ours = [line for line in done.stderr.splitlines() if "gatherd" in line and "Unit gatherd" not in line]
            self.assertEqual((done.returncode, about_ours), (0, []), done.stderr)

    def test_little_of_the_system_is_exposed(self):
        done = self.analyze("security", "--offline=true", "--no-pager", str(self.unit))
        level = re.search(r"Overall exposure level for gatherd\.service: ([\d.]+)", done.stdout)
        self.assertIsNotNone(level, done.stdout + done.stderr)
        self.assertLess(float(level[1]), 3.0, done.stdout)  # systemd calls up to 4.4 "OK"

    def test_the_settings_that_are_installed_are_fine_and_hold_no_defaults(self):
        settings = self.folder / "gatherd.json"
        shutil.copy(UNITS.parent / "gatherd.json.in", settings)
        checked = subprocess.run([BINARY, "check-config", str(settings)], capture_output=True, text=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertEqual(set(json.loads(settings.read_text())), {"$schema", "listen"})

    def test_the_start_command_serves_until_it_is_stopped(self):
        manager = Manager()
        self.addCleanup(manager.close)
        words = next(line for line in self.unit.read_text().splitlines() if line.startswith("ExecStart=")).removeprefix("ExecStart=").split()
        settings = self.folder / "gatherd.json"
        settings.write_text('{"listen": "127.0.0.1:0"}')
        words[words.index("/etc/gatherd/gatherd.json")] = str(settings)
        with subprocess.Popen(words, env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": manager.path}, stderr=subprocess.DEVNULL) as process:
            manager.next("READY")
            process.terminate()
            self.assertEqual(process.wait(60), 0)


@unittest.skipIf(IS_SANITIZED, "sanitizers make system calls of their own")
class Restrictions(unittest.TestCase):
    """The daemon, its functions and workers do with what the unit leaves them."""

    def start(self, *flags):
        sandbox = Sandbox((UNITS / "gatherd.service.in").read_text())
        daemon = Daemon(*flags, preexec=sandbox.enter, environment={"PYTHONPATH": str(ROOT / "clients/python"), "PYTHONDONTWRITEBYTECODE": "1"})
        self.addCleanup(daemon.__exit__, None, None, None)
        client = daemon.connect()
        self.addCleanup(client.close)
        return daemon, client

    def call(self, client, function, *args):
        return client.result("run", {"task": {"call": function, "args": list(args)}})

    def folder(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def test_the_functions_that_reach_outside(self):
        folder = self.folder()
        daemon, client = self.start("--admin.listen", "127.0.0.1:0", "--process.allow", "cat", "--http.allow", "127.0.0.0/8",
                                    "--file.roots", f"data={folder}", "--auth.open_functions", "yes")
        status = self.call(client, "process.run", ["cat", "/proc/self/status"])["stdout"]
        self.assertRegex(status, r"CapEff:\s0+\n")  # it is really shut in
        self.assertRegex(status, r"Seccomp:\s2\n")
        self.call(client, "file.write", "data/a", "text")
        self.assertEqual(self.call(client, "file.read", "data/a"), "text")
        admin = daemon.port_file.read_text().split()[-1]
        self.assertEqual(self.call(client, "http.get", admin + "/healthz")["body"], "ok\n")
        self.assertEqual(client.result("run", {"task": {"to_thread": {"call": "compress.gunzip", "args": [self.call(client, "compress.gzip", "x" * 1000)]}}}),
                         "x" * 1000)
        self.assertNotIn("warn", daemon.log)

    def test_workers_in_python_node_and_php(self):
        folder = self.folder()
        workers = {
            "python3": ("tasks.py", "from gatherd import function, run\n@function\ndef of_python3(n): return 2 * n\nrun()\n"),
            "node": ("tasks.js", f"require({json.dumps(str(ROOT / 'clients/node/worker.js'))}).serve({{ of_node: (n) => 2 * n }});\n"),
            "php": ("tasks.php", "<?php spl_autoload_register(fn ($c) => require " + repr(str(ROOT / "clients/php/src")) +
                    " . '/' . str_replace('\\\\', '/', substr($c, 8)) . '.php');\nGatherd\\Worker::serve(['of_php' => fn (int $n) => 2 * $n]);\n"),
        }
        pools = {}
        for program, (name, text) in workers.items():
            if shutil.which(program):
                (folder / name).write_text(text)
                pools[program] = {"command": [program, str(folder / name)], "processes": 1}
        _, client = self.start("--pools", json.dumps(pools))
        for program in pools:
            self.assertEqual(self.call(client, "of_" + program, 4), 8, program)


if __name__ == "__main__":
    unittest.main()
