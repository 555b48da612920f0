#!/usr/bin/python3
"""Functions that reach outside: process.run and file.*, what allows them, and that nothing of them is left."""

import base64
import hashlib
import json
import os
import select
import socket
import stat
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from connection import PATIENCE
from daemon import BINARY, Daemon, clean_environment


def is_alive(pid):
    """Whether it runs: a zombie that its new parent has not reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for_end(pid):
    """Until it has ended, which a signal that was sent brings about soon, not at once."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not select.select([handle], [], [], PATIENCE)[0]:
            raise AssertionError(f"process {pid} still runs")
    finally:
        os.close(handle)


class Outside(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="gatherd-outside-")
        cls.path = Path(cls.folder.name)
        cls.root = cls.path / "root"
        cls.root.mkdir()
        (cls.path / "secret.txt").write_text("secret")
        settings = cls.path / "gatherd.json"
        settings.write_text(json.dumps({
            "auth": {"open_functions": True}, "file": {"roots": {"data": str(cls.root)}},
            "process": {"allow": "*", "env": ["SET"], "max_cpu": "3s", "max_memory": "1GiB"}}))
        cls.daemon = Daemon("--config", str(settings))
        cls.client = cls.daemon.connect()

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.daemon.stop()
        cls.folder.cleanup()

    def call(self, name, *args, **named):
        return self.client.result("run", {"task": {"call": name, "args": named or list(args)}})

    def raises(self, name, *args, **named):
        error = self.client.error("run", {"task": {"call": name, "args": named or list(args)}})
        self.assertEqual(error["code"], -32000, error)
        return error["data"]["type"], error["data"]["message"]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))

    def children(self):
        threads = Path(f"/proc/{self.daemon.process.pid}/task").iterdir()
        return [child for thread in threads for child in (thread / "children").read_text().split()]


class Processes(Outside):
    def test_a_result_has_status_streams_and_time(self):
        result = self.call("process.run", ["sh", "-c", "echo out; echo err >&2; exit 3"])
        self.assertEqual(list(result), ["status", "signal", "stdout", "stderr", "truncated", "elapsed"])
        self.assertIsInstance(result.pop("elapsed"), float)
        self.assertEqual(result, {"status": 3, "signal": None, "stdout": "out\n", "stderr": "err\n", "truncated": False})

    def test_a_signal_is_told_by_its_name(self):
        result = self.call("process.run", ["sh", "-c", "kill -9 $$"])
        self.assertEqual((result["status"], result["signal"]), (None, "SIGKILL"))

    def test_input_is_text_or_base64(self):
        self.assertEqual(self.call("process.run", ["cat"], "grüße")["stdout"], "grüße")
        data = base64.b64encode(bytes(range(256)) * 4096).decode()
        self.assertEqual(self.call("process.run", argv=["cat"], stdin=data, binary=True, max_output=1 << 21)["stdout"], data)
        self.assertEqual(self.raises("process.run", argv=["cat"], stdin="?", binary=True)[0], "ValueError")
        self.assertEqual(self.call("process.run", ["cat"])["stdout"], "")

    def test_output_is_kept_up_to_a_bound_and_cut_at_a_character(self):
        result = self.call("process.run", argv=["sh", "-c", "printf 'äää'; seq 100000 >&2"], max_output=5)
        self.assertEqual((result["stdout"], result["stderr"], result["truncated"]), ("ää", "1\n2\n3", True))
        result = self.call("process.run", argv=["printf", r"a\377b"])
        self.assertEqual((result["stdout"], result["truncated"]), ("a\ufffdb", False))

    def test_check_and_timeout_raise_with_the_last_line_of_stderr(self):
        failing = ["sh", "-c", "echo first >&2; echo last >&2; exit 3"]
        self.assertEqual(self.raises("process.run", argv=failing, check=True),
                         ("CalledProcessError", "process.run: 'sh' ended with status 3: last"))
        kind, message = self.raises("process.run", argv=["sh", "-c", "echo so far >&2; exec sleep 600"], timeout=1)
        self.assertEqual((kind, message), ("TimeoutError", "process.run: 'sh' did not end within 1.0 s: so far"))

    def test_what_cannot_be_run_says_why(self):
        for argv, kind in ((["no-such-program"], "FileNotFoundError"), (["/no/such"], "FileNotFoundError"),
                           (["/etc/passwd"], "PermissionError"), (["./sh"], "ValueError"), ([], "ValueError"), ("sh", "TypeError"),
                           ([1], "TypeError"), (["a\0b"], "ValueError"), (["sh", "x" * 3_000_000], "OSError")):
            with self.subTest(argv=str(argv)[:40]):
                self.assertEqual(self.raises("process.run", argv)[0], kind)
        self.assertIn("stdin must be a text, not the number 5", self.raises("process.run", ["cat"], 5)[1])

    def test_the_environment_is_small_and_only_what_may_be_set(self):
        names = {line.partition("=")[0] for line in self.call("process.run", ["env"])["stdout"].splitlines()}
        self.assertLessEqual({name for name in names if not name.startswith("LC_")}, {"PATH", "HOME", "LANG"})
        self.assertEqual(self.call("process.run", argv=["env"], env={"SET": "a=b"})["stdout"], "SET=a=b\n")
        kind, message = self.raises("process.run", argv=["env"], env={"LD_PRELOAD": "x"})
        self.assertEqual(kind, "PermissionError")
        self.assertIn("process.env", message)

    def test_it_runs_in_a_folder_below_a_root(self):
        (self.root / "sub").mkdir(exist_ok=True)
        for cwd in ("data/sub", f"{self.root}/sub"):
            self.assertEqual(self.call("process.run", argv=["pwd"], cwd=cwd)["stdout"], f"{self.root.resolve()}/sub\n")
        self.assertEqual(self.raises("process.run", argv=["pwd"], cwd="data/..")[0], "PermissionError")
        self.assertEqual(self.raises("process.run", argv=["pwd"], cwd="/etc")[0], "PermissionError")

    def test_no_program_below_a_root_is_run(self):
        program = self.root / "program"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        self.assertEqual(self.raises("process.run", [str(program)])[0], "PermissionError")

    def test_it_has_three_descriptors_its_own_group_and_its_limits(self):
        script = "ls /proc/$$/fd; echo; cut -d' ' -f1,5 /proc/$$/stat; ulimit -t; ulimit -v; grep SigBlk /proc/self/status"
        descriptors, rest = self.call("process.run", ["bash", "-c", script])["stdout"].split("\n\n")
        self.assertLessEqual(set(descriptors.split()), {"0", "1", "2", "255"})  # the last is bash's own
        (pid, group), cpu, memory, (_, blocked) = (line.split() if " " in line or "\t" in line else line for line in rest.splitlines())
        self.assertEqual((pid, cpu, memory, int(blocked, 16)), (group, "3", str(1 << 20), 0))
        self.assertEqual(self.call("process.run", ["sh", "-c", "while :; do :; done"])["signal"], "SIGXCPU")

    def test_a_grandchild_that_holds_the_pipes_delays_nothing(self):
        fifo = self.fifo("held")
        result = self.call("process.run", ["sh", "-c", f"(cat {fifo}) & echo $!"])
        grandchild = int(result["stdout"])
        self.assertTrue(is_alive(grandchild))  # it is left alone
        with open(fifo, "w"):
            pass

    def fifo(self, name):
        path = self.path / name
        os.mkfifo(path)
        return path

    def check_that_it_ends(self, name, end):
        """Starts a process and a child that ignore SIGTERM, ends the call and looks for them."""
        fifo = self.fifo(name)
        script = f"trap '' TERM; sleep 600 & echo $$ $! > {fifo}; wait"
        with self.daemon.connect() as client:
            client.start("run", {"task": {"call": "process.run", "args": [["sh", "-c", script]]}})
            pids = [int(each) for each in fifo.read_text().split()]
            end(client)
        for pid in pids:
            wait_for_end(pid)

    def test_a_cancelled_process_ends_with_its_group(self):
        def cancel(client):
            client.send({"id": "c", "method": "cancel", "params": {"request": 1}})
            answers = {message["id"]: message for message in client.messages(2)}
            self.assertEqual(answers[1]["error"]["code"], -32002)
        self.check_that_it_ends("cancelled", cancel)

    def test_many_at_once_leave_nothing(self):
        self.call("process.run", ["true"])
        before = self.descriptors()
        results = self.client.result("map", {"call": "process.run", "over": [[["sh", "-c", f"echo {n}"]] for n in range(500)]})
        self.assertEqual([each["stdout"] for each in results], [f"{n}\n" for n in range(500)])
        waiting = {"map": "process.run", "over": [[["sleep", "600"]]] * 1000}
        self.client.error("run", {"task": waiting, "timeout": 0.2})
        self.client.error("run", {"task": {"race": [waiting, {"call": "fail"}]}})
        self.assertEqual(self.call("process.run", ["echo", "on"])["stdout"], "on\n")
        deadline = time.monotonic() + PATIENCE
        while (self.descriptors(), self.children()) != (before, []):  # a killed process is reaped when its end is told
            self.assertLess(time.monotonic(), deadline, (self.descriptors(), before, self.children()))

    def test_a_daemon_that_is_killed_takes_its_processes_along(self):
        with tempfile.TemporaryDirectory() as folder:
            fifo = Path(folder) / "fifo"
            os.mkfifo(fifo)
            daemon = Daemon("--process.allow", "sh", "--auth.open_functions", "yes")
            with daemon.connect() as client:
                client.start("run", {"task": {"call": "process.run", "args": [["sh", "-c", f"exec > {fifo}; echo $$; exec sleep 600"]]}})
                with open(fifo) as out:
                    pid = int(out.readline())
                    daemon.kill()
                    self.assertEqual(out.read(), "")  # until the process, which holds the other end, has ended
            wait_for_end(pid)


class Files(Outside):
    def test_what_is_written_is_read(self):
        self.assertIsNone(self.call("file.write", "data/a.txt", "grüße"))
        self.assertIsNone(self.call("file.write", path="data/a.txt", data="!", append=True))
        self.assertIsNone(self.call("file.write", path="data/new.txt", data="x", append=True))
        self.assertEqual(self.call("file.read", "data/a.txt"), "grüße!")
        self.assertEqual(self.call("file.read", "data/a.txt", True), base64.b64encode("grüße!".encode()).decode())
        self.call("file.write", path="data/b.bin", data=base64.b64encode(b"a\xffb").decode(), binary=True)
        self.assertEqual(self.call("file.read", "data/b.bin"), "a\ufffdb")
        self.assertEqual((self.root / "b.bin").read_bytes(), b"a\xffb")
        large = "0123456789" * 300_000
        self.call("file.write", "data/large", large)
        self.assertEqual(self.call("file.read", "data/large"), large)
        self.assertEqual(self.raises("file.read", path="data/large", max_bytes=2_999_999)[0], "OverflowError")
        for name in ("a.txt", "new.txt", "b.bin", "large"):
            self.call("file.remove", "data/" + name)
        self.assertEqual([each.name for each in self.root.iterdir() if each.is_file() and each.name.startswith(".")], [])

    def test_a_file_keeps_its_mode_and_a_link_stays_one(self):
        target = self.root / "target"
        target.write_text("old")
        target.chmod(0o640)
        (self.root / "link").symlink_to("target")
        self.call("file.write", "data/link", "new")
        self.assertEqual((target.read_text(), stat.S_IMODE(target.stat().st_mode)), ("new", 0o640))
        self.assertTrue((self.root / "link").is_symlink())

    def test_a_folder_is_listed_and_a_file_described(self):
        folder = self.root / "listed"
        folder.mkdir()
        (folder / "b").write_text("12345")
        (folder / "a").mkdir()
        (folder / "c").symlink_to("b")
        os.mkfifo(folder / "d")
        found = self.call("file.list", "data/listed")
        self.assertEqual([(each["name"], each["type"]) for each in found], [("a", "directory"), ("b", "file"), ("c", "link"), ("d", "other")])
        described = self.call("file.stat", "data/listed/c")
        self.assertEqual((described["name"], described["type"], described["size"]), ("c", "file", 5))
        self.assertAlmostEqual(described["modified"], (folder / "b").stat().st_mtime, places=3)

    def test_nothing_outside_is_reached(self):
        (self.root / "up").symlink_to("..")
        (self.root / "absolute").symlink_to(self.path / "secret.txt")
        (self.root / "relative").symlink_to("../secret.txt")
        os.mkfifo(self.root / "fifo")
        for path in ("data/../secret.txt", "data/up/secret.txt", "data/absolute", "data/relative", "data/fifo", "/etc/passwd", "../x"):
            for name, more in (("file.read", []), ("file.write", ["x"]), ("file.write", ["x", True])):
                with self.subTest(path=path, name=name):
                    self.assertEqual(self.raises(name, path, *more)[0], "PermissionError")
        for path in ("data/../secret.txt", "data/up/secret.txt", "data", "data/fifo"):
            self.assertEqual(self.raises("file.remove", path)[0], "PermissionError")
        self.assertEqual((self.path / "secret.txt").read_text(), "secret")

    def test_what_is_not_there_or_something_else_says_so(self):
        (self.root / "plain").write_text("")
        (self.root / "folder").mkdir()
        for name, args, kind in (
                ("file.read", ["data/none"], "FileNotFoundError"), ("file.read", ["other/a"], "FileNotFoundError"),
                ("file.write", ["data/none/a", ""], "FileNotFoundError"), ("file.list", ["data/plain"], "NotADirectoryError"),
                ("file.read", ["data/plain/a"], "NotADirectoryError"), ("file.read", ["data/folder"], "IsADirectoryError"),
                ("file.write", ["data/folder", ""], "IsADirectoryError"), ("file.remove", ["data/folder"], "IsADirectoryError"),
                ("file.read", [5], "TypeError"), ("file.read", ["data/\0"], "ValueError"), ("file.write", ["data/a", "?", False, True], "ValueError"),
                ("file.read", ["data/plain", False, -1], "ValueError")):
            with self.subTest(name=name, args=args):
                self.assertEqual(self.raises(name, *args)[0], kind)


class Allowed(unittest.TestCase):
    def ask(self, connection, name, *args):
        return connection.ask("run", {"task": {"call": name, "args": list(args)}})

    def test_what_is_off_names_its_setting(self):
        with Daemon("--auth.open_functions", "yes") as daemon, daemon.connect() as client:
            needs = {each["name"]: each.get("needs") for each in client.result("functions")}
            self.assertEqual((needs["process.run"], needs["file.read"], needs["sleep"]), ("process.allow", "file.roots", None))
            for name, args, setting in (("process.run", [["true"]], "process.allow"), ("file.read", ["data/a"], "file.roots")):
                data = self.ask(client, name, *args)["error"]["data"]
                self.assertEqual(data["type"], "PermissionError")
                self.assertIn(f"set {setting}", data["message"])

    def test_a_program_that_is_not_listed_is_refused(self):
        with Daemon("--auth.open_functions", "yes", "--process.allow", "echo,/bin/true") as daemon, daemon.connect() as client:
            self.assertEqual(self.ask(client, "process.run", ["echo", "a"])["result"]["stdout"], "a\n")
            self.assertEqual(self.ask(client, "process.run", ["/bin/true"])["result"]["status"], 0)
            self.assertIn("process.allow", self.ask(client, "process.run", ["cat"])["error"]["data"]["message"])
            self.assertIn("process.allow", self.ask(client, "process.run", ["/tmp/echo"])["error"]["data"]["message"])

    def test_a_folder_with_its_name_is_no_program(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(f"{folder}/echo")
            with Daemon("--auth.open_functions", "yes", "--process.allow", "echo", "--process.path", f"{folder}:/usr/bin:/bin") as daemon:
                with daemon.connect() as client:
                    self.assertEqual(self.ask(client, "process.run", ["echo", "a"])["result"]["stdout"], "a\n")

    def test_over_tcp_without_tokens_they_are_offered_only_if_asked_for(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/g.sock"
            with Daemon("--process.allow", "true", listen=f"127.0.0.1:0,unix:{path}") as daemon, daemon.connect() as client:
                data = self.ask(client, "process.run", ["true"])["error"]["data"]
                self.assertEqual(data["type"], "PermissionError")
                self.assertIn("auth.open_functions", data["message"])
                with socket.socket(socket.AF_UNIX) as local:
                    local.connect(path)
                    local.sendall(b'{"id":1,"method":"run","params":[{"call":"process.run","args":[["true"]]}]}\n')
                    self.assertEqual(json.loads(local.makefile().readline())["result"]["status"], 0)

    def test_a_token_names_the_functions_that_it_may_call(self):
        def token(name, **more):
            return {"name": name, "sha256": hashlib.sha256(name.encode()).hexdigest(), "rights": ["submit"], **more}
        tokens = json.dumps([token("plain"), token("wide", functions=["process.*", "add"])])
        with Daemon("--process.allow", "true", "--auth.tokens", tokens) as daemon:
            with daemon.connect() as plain:
                plain.result("auth", ["plain"])
                self.assertEqual(self.ask(plain, "add", 1)["result"], 1)
                self.assertEqual(self.ask(plain, "process.run", ["true"])["error"]["code"], -32004)
                hidden = {"gather": [{"call": "add"}, {"value": 1}, {"try": {"call": "file.read", "args": ["data/a"]}, "except": {"value": 2}}]}
                self.assertEqual(plain.error("run", [hidden])["code"], -32004)
                self.assertEqual(plain.error("create_task", [hidden])["code"], -32004)
                self.assertEqual(plain.error("map", ["process.run", [[["true"]]]])["code"], -32004)
            with daemon.connect() as wide:
                wide.result("auth", ["wide"])
                self.assertEqual(self.ask(wide, "process.run", ["true"])["result"]["status"], 0)
                self.assertEqual(self.ask(wide, "add", 1)["result"], 1)
                self.assertEqual(self.ask(wide, "echo", 1)["error"]["code"], -32004)

    def test_settings_that_cannot_hold_are_refused_at_the_start(self):
        for flags, text in ((["--file.roots", "data=/no/such/folder"], "file.roots"), (["--file.roots", "data"], "data=/srv/data"),
                            (["--process.allow", "/bin/true", "--file.roots", "data=/bin"], "process.allow")):
            done = subprocess.run([BINARY, "serve", "--listen", "127.0.0.1:0", *flags], env=clean_environment(), capture_output=True,
                                  text=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    unittest.main()
