#!/usr/bin/python3
"""Each command in the table "A bad night" of docs/OPERATIONS.md does what the table says it is for: it runs, and it tells something."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from access_test import Certificates
from connection import PATIENCE
from daemon import BINARY, Daemon, clean_environment

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "OPERATIONS.md").read_text()
FIRST_WORDS = ("gatherd", "ss", "curl", "grep", "kill", "openssl", "df")


def rows():
    """Symptom and commands."""
    table = TEXT.partition("| symptom | likely cause | next command |\n| --- | --- | --- |\n")[2].partition("\n\n")[0]
    for line in table.splitlines():
        cells = re.split(r" \| ", line.strip("| "))
        yield cells[0], [each for each in re.findall(r"`([^`]+)`", cells[2]) if each.split()[0] in FIRST_WORDS]


class BadNight(unittest.TestCase):
    def test_every_command_runs_and_tells_something(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            os.rename(Certificates(folder).issue("server")[0], folder / "cert.pem")
            (folder / "gatherd.json").write_text(json.dumps({"tasks": {"keep": "1m"}}))
            (folder / "gatherd").symlink_to(BINARY)
            flags = ("--config", str(folder / "gatherd.json"), "--admin.listen", "127.0.0.1:0")
            with Daemon(*flags) as daemon, daemon.connect() as client:
                admin = daemon.port_file.read_text().split()[-1].rpartition(":")[2]
                client.result("create_task", {"task": {"value": 1}})  # so that `gatherd tasks` has one
                variables = clean_environment(GATHERD_CONNECT=f"127.0.0.1:{daemon.port}", PATH=f"{folder}:{os.environ['PATH']}")
                tried = 0
                for symptom, commands in rows():
                    for shown in commands:
                        with self.subTest(symptom, command=shown):
                            command = shown.replace(":7117", f":{daemon.port}").replace(":7118", f":{admin}").replace("/etc/gatherd", str(folder))
                            command = command.replace("$(pidof gatherd)", str(daemon.process.pid))
                            done = subprocess.run(["bash", "-euc", command], env=variables, capture_output=True, text=True, timeout=PATIENCE, check=False)
                            self.assertEqual(done.returncode, 0, done.stderr)
                            self.assertTrue(done.stdout or command.startswith("kill"), "it says nothing")
                            tried += 1
                self.assertGreater(tried, 20)
                daemon.wait_for_log("the settings were read again")  # of kill -HUP

    def test_every_row_has_a_command_or_names_the_log(self):
        all_rows = list(rows())
        self.assertGreater(len(all_rows), 20)
        for symptom, commands in all_rows:
            self.assertTrue(commands or symptom == "clients get -32005", symptom)


class Commands(unittest.TestCase):
    """The commands that start a daemon do so as they are printed, but for ports, folders and the group, which may be taken or missing."""

    def test_each_starts_a_daemon_that_answers(self):
        shown = re.findall(r"^    ((?:gatherd serve|systemd-socket-activate) .*)$", TEXT, re.MULTILINE)
        self.assertGreater(len(shown), 3)
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            certificate, key = Certificates(folder).issue("server")
            os.rename(certificate, folder / "cert.pem")
            os.rename(key, folder / "key.pem")
            (folder / "tokens.json").write_text(json.dumps({"auth": {"tokens": [{"name": "a", "sha256": "0" * 64, "rights": ["submit"]}]}}))
            (folder / "gatherd").symlink_to(BINARY)
            for command in shown:
                with self.subTest(command=command):
                    self.start(command, folder)

    def start(self, shown, folder):
        if shown.startswith("systemd") and not shutil.which("systemd-socket-activate"):
            self.skipTest("systemd-socket-activate is not installed")
        with socket.socket() as free, socket.socket() as other:
            free.bind(("127.0.0.1", 0))
            other.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
            ports = {":7117": f":{port}", ":7118": f":{other.getsockname()[1]}"}
        command = shown.replace("/run/gatherd.sock", str(folder / "socket")).replace(":www-data", f":{os.getgid()}")
        for old, new in ports.items():
            command = command.replace(old, new)
        if ports[":7117"] not in command:
            command += f" --listen 127.0.0.1:{port}"
        at = f"tls:localhost:{port}" if "tls:" in command else f"127.0.0.1:{port}"
        variables = clean_environment(PATH=f"{folder}:{os.environ['PATH']}", GATHERD_CONNECT=at, GATHERD_CONNECT_TLS_CA=str(folder / "ca.pem"))
        daemon = subprocess.Popen(["bash", "-euc", "exec " + command], cwd=folder, env=variables, stderr=subprocess.PIPE, text=True)
        try:
            for line in daemon.stderr:  # systemd-socket-activate listens itself, until somebody connects
                if "is ready" in line or line.startswith("Listening on"):
                    break
            else:
                self.fail("it has not started")
            done = subprocess.run([BINARY, "ping", "--timeout", "20s"], env=variables, capture_output=True, text=True, timeout=PATIENCE, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
        finally:
            daemon.terminate()
            daemon.communicate(timeout=PATIENCE)


if __name__ == "__main__":
    unittest.main()
