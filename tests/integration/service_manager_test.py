"""What systemd is told of the daemon (sd_notify(3)), and that systemd takes the unit."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from daemon import BINARY, Daemon

UNITS = Path(__file__).resolve().parents[2] / "packaging" / "systemd"


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


if __name__ == "__main__":
    unittest.main()
