#!/usr/bin/python3
"""`gatherd top` on a terminal of tmux: each key, sizes, a daemon that goes and comes back, and the terminal given back."""

import hashlib
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from connection import PATIENCE, Connection
from daemon import BINARY, Daemon, DaemonCase, clean_environment
from methods_test import FOR_EVER

COLOR = re.compile("\x1b\\[[0-9;]*3[0-7]m")


class Terminal:
    """A window with a shell in it."""

    def __init__(self, columns=80, rows=24, **environment):
        self._folder = tempfile.TemporaryDirectory(prefix="gatherd-test-")
        self._socket = str(Path(self._folder.name) / "tmux")
        given = clean_environment(**environment) | {"PS1": "$ ", "LC_ALL": "C.UTF-8", "HISTFILE": ""}
        given.pop("TMUX", None)
        subprocess.run(["tmux", "-f", "/dev/null", "-S", self._socket, "new-session", "-d", "-x", str(columns), "-y", str(rows), "sh"],
                       env=given, check=True)
        self.wait(lambda shown: shown.rstrip().endswith(("$", "#")), "no prompt")

    def _tmux(self, *words):
        return subprocess.run(["tmux", "-S", self._socket, *words], check=True, capture_output=True, text=True).stdout

    def screen(self, *flags):
        return self._tmux("capture-pane", "-p", *flags)

    def wait(self, is_there, told):
        deadline = time.monotonic() + PATIENCE
        while not is_there(shown := self.screen()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{told}:\n{shown}")
            time.sleep(0.02)
        return shown

    def wait_for(self, *texts):
        return self.wait(lambda shown: all(text in shown for text in texts), f"never shown: {texts}")

    def wait_without(self, text):
        return self.wait(lambda shown: text not in shown, f"always shown: {text}")

    def type(self, text):
        self._tmux("send-keys", "-l", text)

    def press(self, *keys):
        self._tmux("send-keys", *keys)

    def run(self, command):
        self.type(command)
        self.press("Enter")

    def child(self):
        """The program that the shell runs."""
        shell = self._tmux("display-message", "-p", "#{pane_pid}").strip()
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[0])

    def resize(self, columns, rows):
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def close(self):
        self._tmux("kill-server")
        self._folder.cleanup()


class TopCase(DaemonCase):
    def terminal(self, daemon, *flags, prefix="", **more):
        terminal = Terminal(GATHERD_CONNECT=f"127.0.0.1:{daemon.port}", **more)
        self.addCleanup(terminal.close)
        terminal.run(" ".join(["echo before-it;", *([prefix] if prefix else []), BINARY, "top", *flags, "; echo status $?"]))
        terminal.wait_for("every ")
        return terminal

    def tasks(self, client, *names):
        return [client.result("create_task", {"task": FOR_EVER, "name": name})["id"] for name in names]


class Keys(TopCase):
    def test_it_lists_tasks_and_cancels_the_selected_one_when_told_so_twice(self):
        daemon = self.start()
        client = self.connect(daemon)
        first, second = self.tasks(client, "nightly", "日本\x1b[2J")
        terminal = self.terminal(daemon)
        shown = terminal.wait_for("nightly", "日本\\x1b[2J", first, second)
        # A wide character moves no column: ids begin at one place.
        self.assertEqual(len({line.index(id) + line.count("日本") * 2 for line in shown.splitlines() for id in (first, second) if id in line}), 1)
        terminal.press("Down")
        terminal.press("k")
        terminal.wait_for("Cancel task 日本\\x1b[2J? y or n")
        terminal.press("n")
        terminal.wait_for("nothing was cancelled")
        terminal.press("k")
        terminal.wait_for("y or n")
        terminal.press("y")
        terminal.wait_for("cancelled: " + second)
        error = client.error("await", {"id": second})["data"]
        self.assertEqual((error["type"], error["message"]), ("CancelledError", "cancelled by gatherd top"))
        terminal.wait_without("日本")
        self.assertEqual(client.result("status", {"id": first})["state"], "running")

    def test_the_filter_the_order_and_the_lists(self):
        daemon = self.start()
        client = self.connect(daemon)
        self.tasks(client, "alpha", "beta", "gamma")
        terminal = self.terminal(daemon)
        terminal.wait_for("alpha", "beta", "gamma")
        terminal.press("/")
        terminal.type("ALP")
        terminal.wait_for("Only rows with: ALP_")
        terminal.wait_without("beta")
        terminal.press("Enter")
        terminal.wait_for("only with: ALP", "alpha")
        terminal.press("Escape")
        terminal.wait_for("beta")
        order = lambda shown: re.findall("alpha|beta|gamma", shown)  # noqa: E731
        terminal.press("s")  # by name
        terminal.wait(lambda shown: "NAMEv" in shown and order(shown) == ["alpha", "beta", "gamma"], "not sorted")
        terminal.press("r")
        terminal.wait(lambda shown: "NAME^" in shown and order(shown) == ["gamma", "beta", "alpha"], "not reversed")
        terminal.press("5")
        terminal.wait_for("[5 Threads]", "RUN/s", "worker 0")
        terminal.press("k")
        terminal.wait_for("that is for tasks: press 1")
        terminal.press("Tab")
        terminal.wait_for("[1 Tasks]", "gamma")
        terminal.press("BTab")
        terminal.wait_for("[5 Threads]")
        for key, text in (("2", "FUNCTION"), ("3", "PROCESSES"), ("4", "WORKER ")):
            terminal.press(key)
            terminal.wait_for(text, "(none)")

    def test_of_many_tasks_the_first_are_listed_and_the_filter_finds_the_others(self):
        daemon = self.start()
        client = self.connect(daemon)
        ids = self.tasks(client, *(f"job-{number}" for number in range(1001)))
        terminal = self.terminal(daemon)
        terminal.wait_for("[1 Tasks]", "  only the first 1000")
        terminal.press("/")
        terminal.type("job-1000")
        terminal.press("Enter")
        terminal.wait_for("only with: job-1000", ids[-1])
        terminal.press("Escape")
        terminal.wait_for("  only the first 1000")

    def test_a_request_has_its_age(self):
        daemon = self.start()
        self.connect(daemon).start("run", {"task": FOR_EVER})
        terminal = self.terminal(daemon)
        terminal.wait(lambda shown: re.search(r"request 1 of .* running +[0-9.]+m?s", shown), "it has no age")

    def test_functions_pools_and_workers_are_listed(self):
        daemon = self.start()
        worker, client = self.connect(daemon), self.connect(daemon)
        worker.result("serve", {"functions": [{"name": "own.echo"}], "name": "by hand"})
        client.start("run", {"task": {"call": "own.echo"}})
        worker.message()
        terminal = self.terminal(daemon)
        terminal.press("2")
        terminal.wait_for("own.echo")
        terminal.press("3")
        terminal.wait_for("(in no pool)")
        terminal.press("4")
        terminal.wait_for("by hand")

    def test_pause_interval_help_and_moving(self):
        daemon = self.start()
        client = self.connect(daemon)
        self.tasks(client, *(f"task-{each:03}" for each in range(100)))
        terminal = self.terminal(daemon)
        terminal.wait_for("task-000")
        terminal.press("End")
        terminal.wait_for("task-099")
        terminal.press("PPage")
        terminal.press("PPage")
        terminal.wait_without("task-099")
        terminal.press("Home")
        terminal.wait_for("task-000")
        terminal.press("NPage")
        terminal.press("NPage")
        terminal.wait_without("task-000")
        terminal.press("?")
        terminal.wait_for("any key goes back", "cancel the selected task")
        terminal.press("x")
        terminal.wait_for("NAME")
        terminal.press("d")
        terminal.type("0.2x")
        terminal.press("Enter")
        terminal.wait_for("the interval is a number of seconds")
        terminal.press("d")
        terminal.type("0.2")
        terminal.press("Enter")
        terminal.wait_for("every 0.2s")
        terminal.press("Space")
        terminal.wait_for("PAUSED")
        terminal.press("Space")
        terminal.wait_without("PAUSED")
        self.tasks(client, "last of all")
        terminal.press("/")
        terminal.type("of all")
        terminal.wait_for("last of all")

    def test_enter_shows_a_task_and_escape_goes_back(self):
        daemon = self.start()
        client = self.connect(daemon)
        self.tasks(client, "first", "second")
        terminal = self.terminal(daemon)
        terminal.wait_for("first", "second")
        terminal.press("Down")
        terminal.press("Enter")
        terminal.wait_for("Task second", "running", "Esc back")
        terminal.press("k")
        terminal.wait_for("Cancel task second? y or n")
        terminal.press("y")
        terminal.wait_for("cancelled")
        terminal.press("Escape")
        terminal.wait_for("first", "NAME")

    def test_a_request_that_runs_is_listed_and_cancelled(self):
        daemon = self.start()
        client = self.connect(daemon)
        number = client.start("run", {"task": {"sequence": [FOR_EVER]}})
        name = f"request {number} of 127.0.0.1"
        terminal = self.terminal(daemon)
        terminal.wait_for(name)
        terminal.press("Enter")
        terminal.wait_for(name, "sequence", "Esc back")
        terminal.press("k")
        terminal.wait_for(f"Cancel {name}? y or n")
        terminal.press("y")
        self.assertEqual(client.message()["error"]["data"]["message"], "cancelled by gatherd top")
        terminal.press("Escape")
        terminal.wait_without(name)


class Terminals(TopCase):
    def restored(self, terminal, status):
        """The screen is that from before, and takes commands."""
        terminal.wait_for("before-it", f"status {status}")
        terminal.run("echo typed $((40 + 2))")
        shown = terminal.wait_for("typed 42", "echo typed")  # what is typed is shown
        self.assertNotIn("q quit", shown)

    def test_q_ctrl_c_and_signals_give_the_terminal_back(self):
        daemon = self.start()
        for name, end, status in (("q", lambda terminal: terminal.press("q"), 0), ("Ctrl-C", lambda terminal: terminal.press("C-c"), 0),
                                  ("SIGTERM", lambda terminal: os.kill(terminal.child(), signal.SIGTERM), 143)):
            with self.subTest(name):
                terminal = self.terminal(daemon)
                terminal.wait_for("Requests")
                end(terminal)
                self.restored(terminal, status)

    def test_it_fits_any_size(self):
        daemon = self.start()
        self.tasks(self.connect(daemon), *(f"task-{each:02}" for each in range(60)))
        terminal = self.terminal(daemon)
        shown = terminal.wait_for("task-00", "q quit")
        self.assertEqual(len(shown.splitlines()), 24)
        self.assertNotIn("task-40", shown)
        terminal.resize(120, 60)
        terminal.wait_for("task-40", "q quit")
        terminal.resize(60, 12)
        shown = terminal.wait(lambda shown: "task-00" in shown and "q quit" in shown and "task-20" not in shown, "not smaller")
        self.assertLessEqual(max(map(len, shown.splitlines())), 60)
        terminal.resize(20, 2)
        terminal.resize(80, 24)
        terminal.wait_for("task-00", "q quit")

    def test_it_works_without_colours(self):
        daemon = self.start()
        self.tasks(self.connect(daemon), "one")
        for prefix, is_colored in (("env NO_COLOR=1", False), ("env TERM=vt100", False), ("env", True)):
            with self.subTest(prefix):
                terminal = self.terminal(daemon, prefix=prefix)
                terminal.wait_for("one")
                terminal.press("/")  # the prompt has a colour
                terminal.wait_for("Only rows with")
                self.assertEqual(COLOR.search(terminal.screen("-e")) is not None, is_colored)

    def test_a_terminal_without_a_cursor_is_refused(self):
        terminal = Terminal(GATHERD_CONNECT="127.0.0.1:1")
        self.addCleanup(terminal.close)
        for name in ("dumber", "dumb"):
            terminal.run(f"TERM={name} {BINARY} top; echo status $?")
            shown = terminal.wait_for(f"TERM is '{name}'", "status 2")
            self.assertNotIn("q quit", shown)
            terminal.run("clear")

    def test_a_daemon_that_is_stopped_is_told_and_what_was_known_stays(self):
        daemon = self.start()
        self.tasks(self.connect(daemon), "before")
        terminal = self.terminal(daemon, "--interval", "100ms")
        terminal.wait_for("before")
        daemon.signal(signal.SIGSTOP)
        try:
            shown = terminal.wait_for("NO ANSWER for", "before")
            self.assertNotIn("NO CONNECTION", shown)
        finally:
            daemon.signal(signal.SIGCONT)
        terminal.wait_without("NO ANSWER")

    def test_what_a_token_does_not_allow_is_not_shown_as_zero(self):
        with tempfile.TemporaryDirectory() as folder:
            token = Path(folder, "token")
            token.write_text("of-submit\n")
            token.chmod(0o600)
            hash = hashlib.sha256(b"of-submit").hexdigest()
            daemon = self.start("--auth.tokens", json.dumps([{"name": "s", "sha256": hash, "rights": ["submit"]}]))
            terminal = self.terminal(daemon, "--token-file", str(token))
            terminal.wait_for("no right to admin", "GATHERD_CONNECT_TOKEN_FILE names the", "Requests -/s", "In flight -", "Threads -")
            token.write_text("another\n")
            terminal = self.terminal(daemon, "--token-file", str(token))
            terminal.wait_for("does not accept the", str(token)[-10:])

    def test_a_lost_daemon_is_told_and_looked_for(self):
        daemon = Daemon()
        with daemon.connect() as client:
            self.tasks(client, "before")
            terminal = self.terminal(daemon, "--interval", "100ms")
            terminal.wait_for("before")
        daemon.stop()
        terminal.wait_for("NO CONNECTION, trying again")
        again = self.start(listen=f"127.0.0.1:{daemon.port}")
        self.tasks(self.connect(again), "after")
        terminal.wait_for("after")
        terminal.wait_without("NO CONNECTION")


class Text(TopCase):
    def top(self, daemon, *flags, **more):
        return subprocess.run([BINARY, "top", "--connect", f"127.0.0.1:{daemon.port}", *flags], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, env=clean_environment(LC_ALL="C.UTF-8", **more), timeout=PATIENCE)

    def test_without_a_terminal_it_prints_once(self):
        daemon = self.start()
        id, = self.tasks(self.connect(daemon), "a name that is longer than eighty columns would have room for, beside all the other columns")
        done = self.top(daemon)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("beside all the other columns", done.stdout)
        self.assertIn(id, done.stdout)
        self.assertNotIn("\x1b", done.stdout)

    def test_json_is_what_the_daemon_answers(self):
        daemon = self.start()
        id, = self.tasks(self.connect(daemon), "own")
        told = json.loads(self.top(daemon, "--json").stdout)
        self.assertEqual(list(told), ["info", "stats", "tasks", "workers"])
        self.assertEqual([each["id"] for each in told["tasks"]], [id])

    def test_faults_are_told(self):
        daemon = self.start()
        self.assertEqual(self.top(daemon, "--interval", "1ms").returncode, 2)
        with Connection(daemon.port):
            pass
        done = subprocess.run([BINARY, "top", "--connect", "127.0.0.1:1"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=clean_environment(), timeout=PATIENCE)
        self.assertEqual(done.returncode, 3)


if __name__ == "__main__":
    unittest.main()
