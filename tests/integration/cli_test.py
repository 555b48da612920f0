#!/usr/bin/python3
"""The command line against a daemon: what is printed where, and the exit statuses."""

import errno
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from bad_servers import HttpServer
from connection import PATIENCE
from daemon import BINARY, Daemon, clean_environment

FOR_EVER = {"call": "sleep", "args": [3600]}


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.environment = clean_environment(GATHERD_CONNECT=f"127.0.0.1:{cls.daemon.port}")

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def run_it(self, *words, stdin=None, **environment):
        """(status, standard output, standard error)."""
        done = subprocess.run([BINARY, *words], input=stdin if stdin is not None else "", capture_output=True, text=True,
                              env=self.environment | environment, timeout=PATIENCE)
        return done.returncode, done.stdout, done.stderr

    def submit(self, plan, *flags):
        return self.run_it("submit", *flags, "-", stdin=plan if isinstance(plan, str) else json.dumps(plan))

    def assert_says(self, got, status, *words):
        self.assertEqual(got[0], status, got)
        self.assertEqual(got[1], "")
        for word in words:
            self.assertIn(word, got[2])


class Submit(CommandLine):
    def test_a_plan_a_list_a_batch_and_a_map(self):
        for plan, result in (({"call": "add", "args": [1, 2]}, "3"), ([{"value": 1}, {"value": "x"}], '[1,"x"]'),
                             ({"tasks": [{"call": "fail"}], "return_exceptions": True}, '[{"error":{"type":"Exception","message":""}}]'),
                             ({"call": "add", "over": [[1, 2], [3]]}, "[3,3]"), ({"task": {"value": 1.0}}, "1.0")):
            with self.subTest(plan=plan):
                self.assertEqual(self.submit(plan), (0, result + "\n", ""))

    def test_lines_files_and_jobs(self):
        lines = '{"call": "add", "args": [1]}\n\n{"value": 2}\r\n{"call": "echo", "args": ["x"]}\n'
        self.assertEqual(self.submit(lines), (0, '[1,2,"x"]\n', ""))
        self.assert_says(self.submit('{"value": 1}\n{"value": \n'), 2, "line 2")
        self.assert_says(self.submit('{"value": 1}\n3\n'), 2, "line 2")
        self.assertEqual(self.run_it("submit", '{"value": 1}', '[{"value": 2}]', "-", stdin="[]"), (0, "1\n[2]\n[]\n", ""))
        status, out, error = self.run_it("submit", '{"call": "fail"}', '{"value": 2}')
        self.assertEqual((status, out), (1, "2\n"))
        self.assert_says(self.run_it("submit", '{"value": 1}', "{"), 2, "not JSON")
        self.assertEqual(self.submit([{"value": 1}] * 3, "-j", "2"), (0, "[1,1,1]\n", ""))
        self.assert_says(self.submit({"value": 1}, "-j", "2"), 2, "batch")

    def test_results_as_they_come(self):
        tasks = [{"call": "sleep", "args": [0.2, "slow"]}, {"value": 1.0}, {"call": "fail", "args": ["KeyError", "k"]}]
        lines = ['{"index":1,"value":1.0}', '{"index":2,"error":{"type":"KeyError","message":"k"}}', '{"index":0,"value":"slow"}']
        for got in (self.submit(tasks, "--stream", "--return-exceptions"), self.submit({"tasks": tasks, "stream": True, "return_exceptions": True})):
            self.assertEqual((got[0], got[1].splitlines()[2], sorted(got[1].splitlines()), got[2]), (0, lines[2], sorted(lines), ""))
        self.assertEqual(self.submit(tasks, "--stream", "--return-exceptions", "--fail-on-error")[0::2], (1, "gatherd: 1 task failed\n"))
        self.assertEqual(self.submit(tasks, "--stream")[0], 1)
        self.assert_says(self.submit({"value": 1}, "--stream"), 2, "batch")

    def test_a_part_of_the_results_when_it_is_cut_off(self):
        tasks = [FOR_EVER, {"value": 1}, {"call": "fail", "args": ["KeyError", "k"]}, {"call": "sleep", "args": [0.001]}]
        status, out, error = self.submit(tasks, "--partial", "--return-exceptions", "--timeout", "500ms")
        self.assertEqual((status, json.loads(out)), (4, [{"pending": True}, {"value": 1}, {"error": {"type": "KeyError", "message": "k"}}, {"value": None}]))
        self.assertIn("timed out", error)
        self.assertEqual(self.submit([{"value": 1}, {"value": 2.0}], "--partial"), (0, "[1,2.0]\n", ""))
        self.assertEqual(self.submit([], "--partial"), (0, "[]\n", ""))
        self.assertEqual(self.submit(tasks[1:], "--partial", "--return-exceptions")[1], '[{"value":1},{"error":{"type":"KeyError","message":"k"}},{"value":null}]\n')
        self.assert_says(self.submit(tasks[1:], "--partial"), 1, "KeyError: k (at [1])")
        plan = [FOR_EVER, {"call": "print", "args": ["began"]}]
        with subprocess.Popen([BINARY, "submit", "--partial", json.dumps(plan)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment) as running:
            self.assertEqual(running.stderr.readline(), "began\n")
            running.send_signal(signal.SIGINT)
            out, error = running.communicate(timeout=PATIENCE)
        self.assertEqual((running.returncode, json.loads(out)[0]), (130, {"pending": True}))
        plan = [FOR_EVER, FOR_EVER, {"call": "fail", "args": ["CancelledError"]}]
        self.assertEqual(self.submit(plan, "--partial", "--timeout", "1h")[0], 1)

    def test_a_file(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump([{"value": 1}], file)
            file.flush()
            self.assertEqual(self.run_it("submit", file.name), (0, "[1]\n", ""))
        self.assert_says(self.run_it("submit", "/nowhere/plan.json"), 2, "/nowhere/plan.json", "No such file")

    def test_output_of_tasks_goes_to_standard_error(self):
        plan = {"sequence": [{"call": "print", "args": ["one"]}, {"call": "print", "args": ["two"]}]}
        self.assertEqual(self.submit(plan), (0, "[null,null]\n", "one\ntwo\n"))

    def test_a_failed_task_is_status_1(self):
        plan = {"gather": [{"value": 1}, {"call": "fail", "args": ["ValueError", "boom"]}]}
        self.assert_says(self.submit(plan), 1, "ValueError: boom (at gather[1])")
        self.assert_says(self.submit([plan]), 1, "(at [0].gather[1])")
        self.assert_says(self.submit({"tasks": [plan]}), 1, "(at tasks[0].gather[1])")

    def test_return_exceptions_is_status_0_unless_it_shall_fail(self):
        tasks = [{"value": 1}, {"call": "fail"}]
        self.assertEqual(self.submit(tasks, "--return-exceptions")[0], 0)
        status, out, error = self.submit(tasks, "--return-exceptions", "--fail-on-error")
        self.assertEqual((status, json.loads(out)), (1, [{"value": 1}, {"error": {"type": "Exception", "message": ""}}]))
        self.assertIn("1 task failed", error)

    def test_what_is_refused_is_status_2(self):
        self.assert_says(self.submit({"call": "random.unifrom", "args": [0, 1]}), 2, "(at call)", "random.uniform")
        self.assert_says(self.submit('{"call": '), 2, "standard input")
        self.assert_says(self.submit({"no": "plan"}), 2, "unknown kind of task 'no'")
        self.assert_says(self.submit([], "--limit"), 2)
        self.assert_says(self.run_it("submit"), 2)

    def test_a_refusal_tells_its_place_once_and_as_the_file_has_it(self):
        got = self.submit([{"call": "add", "args": 3}])
        self.assert_says(got, 2, "(at [0].args)")
        self.assertNotIn("/tasks", got[2])
        self.assertEqual(got[2].count("args"), got[2].count("[0].args") + got[2].count("args must"), got)

    def test_a_timeout_is_status_4(self):
        self.assert_says(self.submit(FOR_EVER, "--timeout", "50ms"), 4)

    def test_no_daemon_is_status_3(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound but not listening: nobody answers there
            where = f"127.0.0.1:{taken.getsockname()[1]}"
            self.assert_says(self.submit([], "--connect", where), 3, where)
            self.assert_says(self.run_it("ping", GATHERD_CONNECT=where), 3, where)

    def test_over_a_limit_is_status_5(self):
        with Daemon("--limits.plan-tasks", "2") as daemon:
            self.assert_says(self.submit([{"value": 1}] * 5, "--connect", f"127.0.0.1:{daemon.port}"), 5, "limits.plan_tasks")

    def test_a_seed_repeats(self):
        tasks = [{"call": "random.random"}] * 3
        first = self.submit(tasks, "--seed", "7")
        self.assertEqual(first, self.submit(tasks, "--seed", "7"))
        self.assertNotEqual(first, self.submit(tasks, "--seed", "8"))

    def test_pretty_and_raw(self):
        self.assertEqual(self.submit([{"value": 1}], "--pretty"), (0, "[\n  1\n]\n", ""))
        self.assertEqual(self.submit({"value": "text"}, "--raw"), (0, "text\n", ""))

    def test_a_result_that_nobody_can_take_is_status_1(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([BINARY, "submit", "-"], input="[]", stdout=full, stderr=subprocess.PIPE, text=True,
                                  env=self.environment, timeout=PATIENCE)
        self.assertEqual(done.returncode, 1, done.stderr)

    def begin(self):
        """A submitted plan that has begun, and that prints when it is cancelled."""
        plan = {"sequence": [{"call": "print", "args": ["began"]}, {"try": FOR_EVER, "finally": {"call": "print", "args": ["cleaned"]}}]}
        running = subprocess.Popen([BINARY, "submit", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env=self.environment)
        running.stdin.write(json.dumps(plan))
        running.stdin.close()
        self.assertEqual(running.stderr.readline(), "began\n")
        return running

    def finish(self, running):
        error, out = running.stderr.read(), running.stdout.read()
        running.stderr.close()
        running.stdout.close()
        return running.wait(PATIENCE), out, error

    def test_control_c_cancels_says_so_and_waits_for_clean_up(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(number):
                running = self.begin()
                running.send_signal(number)
                got = self.finish(running)
                self.assert_says(got, status, "cancelling", "cleaned", "cancelled")

    def test_a_lost_daemon_is_status_3(self):
        daemon = Daemon()
        self.environment = self.environment | {"GATHERD_CONNECT": f"127.0.0.1:{daemon.port}"}
        running = self.begin()
        daemon.kill()
        self.assert_says(self.finish(running), 3, "lost")


class Kinds(CommandLine):
    def test_plans_of_each_kind_are_submitted(self):
        one = {"value": 1}
        plans = [({"call": "add", "args": [1]}, 1), (one, 1), ({"let": {"a": one}, "in": {"ref": "a"}}, 1), ({"to_thread": {"call": "time.sleep", "args": [0]}}, None),
                 ({"gather": [one]}, [1]), ({"map": "add", "over": [[1]]}, [1]), ({"task_group": [one]}, [1]), ({"wait": [one]}, {"done": [{"index": 0, "value": 1}], "pending": []}),
                 ({"race": [one]}, 1), ({"any": [one]}, 1), ({"sequence": [one]}, [1]), ({"wait_for": one, "timeout": 9}, 1), ({"shield": one}, 1),
                 ({"try": one, "finally": one}, 1), ({"retry": one, "attempts": 2}, 1), ({"if": one, "then": one, "else": one}, 1)]
        for plan, result in plans:
            with self.subTest(plan):
                status, printed, said = self.run_it("submit", json.dumps(plan))
                self.assertEqual((status, said), (0, ""))
                self.assertEqual(json.loads(printed), result)

    def test_a_kind_that_is_misspelt_gets_a_guess(self):
        status, _, said = self.run_it("submit", '{"gatehr": []}')
        self.assertEqual(status, 2)
        self.assertIn("unknown kind of task 'gatehr': did you mean gather?", said)


class OnATerminal(CommandLine):
    HOSTILE = "\x1b]0;mine\x07\x1b[2J\x9b31m\x7f"
    SHOWN = "\\u001b]0;mine\\u0007\\u001b[2J\\u009b31m\\u007f"

    def on_terminal(self, *words, stdin="", term="xterm", interrupt_at=None):
        """All that a terminal is given. Where that has come, there is a Ctrl-C."""
        ours, its = pty.openpty()
        environment = {name: value for name, value in self.environment.items() if name != "TERM"} | ({} if term is None else {"TERM": term})
        with subprocess.Popen([BINARY, *words], stdin=subprocess.PIPE, stdout=its, stderr=its, env=environment) as process:
            os.close(its)
            process.stdin.write(stdin.encode())
            process.stdin.close()
            got = b""
            try:
                while data := os.read(ours, 65536):
                    got += data
                    if interrupt_at is not None and re.search(interrupt_at, got.decode(errors="replace")):
                        process.send_signal(signal.SIGINT)
                        interrupt_at = None
            except OSError as end:  # what Linux says when the last writer has closed its side
                self.assertEqual(end.errno, errno.EIO)
        os.close(ours)
        return got.decode()

    def test_control_characters_are_escaped_in_results_prints_and_errors(self):
        text = json.dumps(self.HOSTILE)
        for words in (("call", "--raw", "echo", text), ("call", "echo", text), ("call", "print", text),
                      ("call", "fail", "ValueError", text), ("call", self.HOSTILE), (self.HOSTILE,)):
            with self.subTest(words=words):
                got = self.on_terminal(*words)
                self.assertIn(self.SHOWN, got)
                self.assertFalse(set(got) & set(map(chr, [*range(32), *range(127, 160)])) - {"\r", "\n"}, got)

    def test_a_pipe_gets_them_as_they_are(self):
        self.assertEqual(self.run_it("call", "--raw", "echo", json.dumps(self.HOSTILE)), (0, self.HOSTILE + "\n", ""))
        self.assertEqual(self.run_it("call", "print", json.dumps(self.HOSTILE)), (0, "null\n", self.HOSTILE + "\n"))

    def test_a_plan_that_is_no_batch_shows_how_long_it_runs(self):
        plan = json.dumps({"sequence": [{"call": "sleep", "args": [600]}]})
        shown = "\\x1b\\[K[0-9]+[.][0-9] s"
        self.assertRegex(self.on_terminal("submit", plan, interrupt_at=shown), shown)

    def test_a_terminal_of_no_kind_is_sent_no_escapes(self):
        plan = json.dumps([{"call": "print", "args": ["x"]}] * 3)
        # With a kind of terminal a bar is drawn: else this would prove nothing.
        self.assertIn("\x1b[K", self.on_terminal("submit", "-", stdin=plan))
        for term in (None, "", "dumb"):
            with self.subTest(term=term):
                self.assertEqual(self.on_terminal("submit", "-", stdin=plan, term=term).split(), ["x", "x", "x", "[null,null,null]"])
                self.assertNotIn("\x1b", self.on_terminal("bench", "--requests", "3", term=term))


def stop_process(process):
    """Stops it as a debugger does, and returns once it stands."""
    process.send_signal(signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)


class Deadlines(CommandLine):
    """The command ends by itself where the daemon says nothing."""

    def stopped_daemon(self, *flags):
        daemon = Daemon(*flags)
        self.addCleanup(daemon.kill)
        self.environment = self.environment | {"GATHERD_CONNECT": f"127.0.0.1:{daemon.port}"}
        return daemon

    def test_a_stopped_daemon_is_status_4_after_timeout_and_grace(self):
        stop_process(self.stopped_daemon().process)
        for words in (["call", "noop"], ["submit", "-"]):
            with self.subTest(words):
                self.assert_says(self.run_it(*words, "--timeout", "20ms", "--grace", "30ms", stdin="[]"), 4, "timed out: no answer from ")

    def test_a_timeout_inside_the_file_counts_too(self):
        stop_process(self.stopped_daemon().process)
        self.assert_says(self.submit({"tasks": [], "timeout": 0.02}, "--grace", "30ms"), 4, "timed out: no answer from ")

    def test_a_stopped_daemon_that_wants_a_token(self):
        stop_process(self.stopped_daemon().process)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("a secret\n")
            file.flush()
            self.assert_says(self.run_it("call", "noop", "--timeout", "1s", "--grace", "0", "--token-file", file.name), 4, "no answer")
            self.assert_says(self.run_it("call", "noop", "--connect-timeout", "1s", "--token-file", file.name), 3, "no answer within 1 s")

    def test_a_listener_that_never_accepts(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            address = listener.getsockname()
            waiting = []
            while True:  # until its queue is full: the next one waits
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(address)
                if not select.select([], [waiting[-1]], [], 0.2)[1]:
                    break
            where = f"127.0.0.1:{address[1]}"
            self.assert_says(self.run_it("call", "noop", "--connect", where, "--connect-timeout", "1s"), 3, where, "no answer within 1 s")
            self.assert_says(self.run_it("call", "noop", "--connect", where, "--timeout", "1s", "--grace", "0"), 4, where)
            for each in waiting:
                each.close()

    def test_one_signal_ends_it_though_the_daemon_is_stopped(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(number):
                daemon = self.stopped_daemon()
                running = subprocess.Popen([BINARY, "submit", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                           stderr=subprocess.PIPE, text=True, env=self.environment)
                running.stdin.write(json.dumps({"sequence": [{"call": "print", "args": ["began"]}, FOR_EVER]}))
                running.stdin.close()
                self.assertEqual(running.stderr.readline(), "began\n")
                stop_process(daemon.process)
                running.send_signal(number)
                error, out = running.stderr.read(), running.stdout.read()
                running.stderr.close()
                running.stdout.close()
                self.assert_says((running.wait(PATIENCE), out, error), status, "cancelling", "left before the answer")


class Local(CommandLine):
    """Plans in the command's own process. Nobody is at the address that the environment names."""

    def setUp(self):
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))  # bound but not listening
        self.with_daemon = self.environment
        self.environment = self.environment | {"GATHERD_CONNECT": f"127.0.0.1:{taken.getsockname()[1]}"}

    def run_plan(self, plan, *flags, **environment):
        return self.run_it("run", json.dumps(plan), *flags, **environment)

    def test_it_runs_what_submit_runs(self):
        self.assertEqual(self.run_plan({"call": "add", "args": [1, 2]}), (0, "3\n", ""))
        self.assertEqual(self.run_plan([{"value": 1.0}, {"call": "echo", "args": ["x"]}]), (0, '[1.0,"x"]\n', ""))
        self.assertEqual(self.run_it("run", "-", stdin='{"call": "add", "over": [[1], [2]]}'), (0, "[1,2]\n", ""))
        self.assertEqual(self.run_plan({"sequence": [{"call": "print", "args": [i]} for i in range(3)]}), (0, "[null,null,null]\n", "0\n1\n2\n"))
        draws = [{"call": "random.random"}] * 3
        local = self.run_plan(draws, "--seed", "7")
        self.environment = self.with_daemon
        self.assertEqual(self.submit(draws, "--seed", "7"), local)

    def test_its_exit_statuses_are_those_of_submit(self):
        self.assert_says(self.run_plan([{"call": "fail", "args": ["KeyError", "k"]}]), 1, "KeyError: k (at [0])")
        self.assert_says(self.run_plan({"call": "ad"}), 2, "did you mean add?")
        self.assert_says(self.run_it("run", "/nowhere/plan.json"), 2, "/nowhere/plan.json")
        self.assert_says(self.run_plan(FOR_EVER, "--timeout", "20ms"), 4)
        self.assert_says(self.run_plan([{"value": 1}] * 3, GATHERD_LIMITS_PLAN_TASKS="2"), 5, "limits.plan_tasks")
        self.assert_says(self.run_plan({"value": 1}, GATHERD_THREADS="many"), 2, "GATHERD_THREADS")
        self.assert_says(self.run_plan({"value": 1}, "--connect", "x"), 2, "unknown option --connect")

    def test_a_thread_inside_a_call_does_not_keep_it(self):
        blocked = {"wait_for": {"to_thread": {"call": "time.sleep", "args": [3600]}}, "timeout": 0.01}
        self.assert_says(self.run_plan(blocked), 1, "TimeoutError")

    def test_many_tasks_and_a_large_result(self):
        status, out, error = self.run_it("run", "-", stdin=json.dumps({"call": "add", "over": [[i, 1] for i in range(100_000)]}))
        self.assertEqual((status, error), (0, ""))
        self.assertEqual(json.loads(out), list(range(1, 100_001)))

    def test_control_c_cancels_and_cleans_up(self):
        plan = {"sequence": [{"call": "print", "args": ["began"]}, {"try": FOR_EVER, "finally": {"call": "print", "args": ["cleaned"]}}]}
        running = subprocess.Popen([BINARY, "run", json.dumps(plan)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=self.environment)
        self.assertEqual(running.stderr.readline(), "began\n")
        running.send_signal(signal.SIGINT)
        out, error = running.communicate(timeout=PATIENCE)
        self.assert_says((running.returncode, out, error), 130, "cleaned", "cancelled")

    def test_plans_reach_what_the_user_may_and_no_more_where_that_is_said(self):
        echo = {"call": "process.run", "args": [["echo", "a"], None, {"ANY": "thing", "PATH": "/bin"}, "/"]}
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "note").write_text("here")
            read = {"call": "file.read", "args": [f"{folder}/note"]}
            status, out, _ = self.run_plan([echo, read])
            self.assertEqual((status, json.loads(out)[0]["stdout"], json.loads(out)[1]), (0, "a\n", "here"))
            self.assertEqual(self.run_plan(read, "--allow-process", "-", GATHERD_PROCESS_ALLOW='["cat"]')[0], 0)
            below = {"call": "file.read", "args": ["d/note"]}
            self.assertEqual(self.run_plan(below, "--allow-file", f"e=/etc,d={folder}"), (0, '"here"\n', ""))
            self.assert_says(self.run_plan(read, "--allow-file", f"d={folder}"), 1, "PermissionError")
            self.assert_says(self.run_plan(read, "--allow-file", "-"), 1, "PermissionError")
            self.assert_says(self.run_plan(read, "--allow-file", folder), 2, "NAME=FOLDER")
            self.assert_says(self.run_plan(read, "--allow-file", "d=/nowhere"), 2, "/nowhere")
        self.assert_says(self.run_plan(echo, "--allow-process", "cat,true"), 1, "'echo' is not in process.allow")
        self.assert_says(self.run_plan(echo, "--allow-process", "-"), 1, "no program is allowed")
        self.assert_says(self.run_it("call", "noop", "--allow-process", "cat"), 2, "--local")

    def test_plans_reach_every_host_and_no_more_where_that_is_said(self):
        server = HttpServer()
        self.addCleanup(server.close)
        get = {"call": "http.get", "args": [server.url("/ok")]}
        for flags in ((), ("--allow-http", "127.0.0.1"), ("--allow-http", f"example.test,127.0.0.0/8:{server.port}")):
            status, out, _ = self.run_plan(get, *flags, GATHERD_HTTP_ALLOW='["10.0.0.0/8"]')
            self.assertEqual((status, json.loads(out)["body"]), (0, "fine"))
        by_name = {"call": "http.get", "args": [server.url("/ok", "localhost")]}
        self.assertEqual(self.run_plan(by_name)[0], 0)
        self.assert_says(self.run_plan(by_name, "--allow-http", "localhost"), 1, "PermissionError")  # its address is private
        self.assert_says(self.run_plan(get, "--allow-http", "10.0.0.0/8"), 1, "in none of the blocks of http.allow")
        self.assert_says(self.run_plan(get, "--allow-http", "-"), 1, "no host is allowed")
        self.assert_says(self.run_plan(get, "--allow-http", "http://a/"), 2, "http.allow: 'http://a/'")
        self.assert_says(self.run_it("call", "noop", "--allow-http", "a.test"), 2, "--local")

    def test_other_commands_by_local(self):
        self.assertEqual(self.run_it("call", "--local", "add", "1", "2"), (0, "3\n", ""))
        self.assertEqual(self.run_it("--local", "call", "add", "1", "2"), (0, "3\n", ""))
        self.assertEqual(self.run_it("submit", "--local", "[]"), (0, "[]\n", ""))
        self.assertIn("hash.sha256", self.run_it("functions", "--local")[1])
        self.assertEqual(json.loads(self.run_it("request", "--local", "info")[1])["name"], "gatherd")
        self.assert_says(self.run_it("tasks", "--local"), 2, "unknown option --local")


class OtherCommands(CommandLine):
    def test_call(self):
        for words, result in ((["add", "1", "2.5"], "3.5"), (["echo", "plain text"], '"plain text"'), (["echo", "[1,null]"], "[1,null]"),
                              (["echo", '"3"'], '"3"'), (["echo", "--", "--flag"], '"--flag"'), (["noop"], "null"),
                              (["random.randint", "--named", "a=4", "b=4"], "4"), (["add", "--", "-1", "-2"], "-3"),
                              (["hash.sha256", "abc", "--raw"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")):
            with self.subTest(words=words):
                self.assertEqual(self.run_it("call", *words), (0, result + "\n", ""))
        self.assert_says(self.run_it("call", "ad", "1"), 2, "add")
        self.assert_says(self.run_it("call", "fail", "KeyError", "k"), 1, "KeyError: k")
        self.assert_says(self.run_it("call", "sleep", "3600", "--timeout", "50ms"), 4)

    def test_named_arguments_as_jq_has_them(self):
        self.assertEqual(self.run_it("call", "echo", "--arg", "value", "3"), (0, '"3"\n', ""))
        self.assertEqual(self.run_it("call", "echo", "--argjson", "value", "[1, 2]"), (0, "[1,2]\n", ""))
        self.assertEqual(self.run_it("call", "random.randint", "--argjson", "a", "4", "--argjson", "b", "4"), (0, "4\n", ""))
        self.assert_says(self.run_it("call", "echo", "--argjson", "value", "x"), 2, "--argjson value", "--arg ")
        self.assert_says(self.run_it("call", "echo", "1", "--arg", "value", "x"), 2, "by position")

    def test_options_of_the_daemon_go_before_the_subcommand_too(self):
        where = self.environment["GATHERD_CONNECT"]
        self.assertEqual(self.run_it("--connect", where, "call", "add", "1", "2", GATHERD_CONNECT="127.0.0.1:1"), (0, "3\n", ""))
        self.assertEqual(self.run_it(f"--connect={where}", "ping", GATHERD_CONNECT="127.0.0.1:1")[0], 0)
        self.assert_says(self.run_it("--connect", where, "serve"), 2, "unknown option --connect")

    def test_any_method_by_request(self):
        self.assertEqual(self.run_it("request", "ping"), (0, '"pong"\n', ""))
        self.assertEqual(self.run_it("request", "run", '{"task": {"call": "add", "args": [1, 2]}}'), (0, "3\n", ""))
        self.assertEqual(self.run_it("request", "run", '[{"value": 1.0}]'), (0, "1.0\n", ""))
        self.assertEqual(self.run_it("request", "gather", "-", stdin='{"tasks": []}'), (0, "[]\n", ""))
        self.assert_says(self.run_it("request", "png"), 2, "Method not found")
        self.assert_says(self.run_it("request", "run", "{"), 2, "PARAMS")
        self.assert_says(self.run_it("request", "run", '{"task": {"call": 3}}'), 2, "(at task.call)")
        status, out, error = self.run_it("request", "gather", '{"tasks": [{"value": 1}, {"call": "print", "args": ["x"]}], "stream": true}')
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual((status, error), (0, "x\n"))
        self.assertEqual([(each["params"]["index"], each["params"]["value"]) for each in lines[:-1]], [(0, 1), (1, None)])
        self.assertEqual(lines[-1], {"completed": 2, "failed": 0})

    def test_tasks_that_outlive_the_command(self):
        status, out, _ = self.run_it("create", '{"call": "add", "args": [20, 22]}', "--name", "answer")
        self.assertEqual(status, 0)
        done = out.strip()
        self.assertEqual(self.run_it("await", done), (0, "42\n", ""))
        running = json.loads(self.run_it("create", "--json", "--name", "nap", "-", stdin=json.dumps(FOR_EVER))[1])["id"]
        self.assertEqual(json.loads(self.run_it("create", "[]", "--json", "--keep", "1m30s")[1]).keys(), {"id"})
        status, out, _ = self.run_it("tasks")
        self.assertRegex(out, r"^ID +NAME +STATE +CREATED")
        self.assertRegex(out, rf"(?m)^{done} +answer +done ")
        self.assertRegex(out, rf"(?m)^{running} +nap +(running|pending) ")
        self.assertNotIn(running, self.run_it("tasks", "--state", "done")[1])
        self.assertIn(running, [each["id"] for each in json.loads(self.run_it("tasks", "--json")[1])])
        self.assertEqual(json.loads(self.run_it("status", done, "--json")[1])["state"], "done")
        self.assertEqual(len(self.run_it("status", done, running)[1].splitlines()), 3)
        self.assert_says(self.run_it("await", running, "--timeout", "20ms"), 4)
        self.assertEqual(self.run_it("cancel", running, "--message", "enough"), (0, "1 of 1 cancelled\n", ""))
        self.assert_says(self.run_it("await", running), 1, "CancelledError: enough")
        both = json.loads(self.run_it("await", done, running, "--return-exceptions")[1])
        self.assertEqual((both[0], both[1]["error"]["type"]), ({"value": 42}, "CancelledError"))
        self.assertEqual(json.loads(self.run_it("cancel", done, "--json")[1]), {"cancelled": 0})
        self.assert_says(self.run_it("await", "nobody"), 2)
        self.assert_says(self.run_it("tasks", "--state", "odd"), 2, "odd")
        self.assert_says(self.run_it("create", '{"tasks": [], "limit": 2}'), 2, "batch with options")

    def test_functions(self):
        status, out, _ = self.run_it("functions")
        self.assertEqual(status, 0)
        for name in ("random.uniform", "sleep", "hash.sha256"):
            self.assertIn(name, out)
        status, out, _ = self.run_it("functions", "--json")
        self.assertIn("add", [each["name"] for each in json.loads(out)])

    def test_ping(self):
        status, out, error = self.run_it("ping")
        self.assertEqual((status, error), (0, ""))
        self.assertIn("pong", out)
        self.assert_says(self.run_it("ping", "--connect", "nonsense"), 2, "nonsense")

    def test_ping_of_one_who_never_answers(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            where = f"127.0.0.1:{silent.getsockname()[1]}"
            self.assert_says(self.run_it("ping", "--connect", where, "--timeout", "1s"), 3, where)

    def test_config_print_says_where_values_come_from(self):
        status, out, _ = self.run_it("config", "print", "--threads", "3", GATHERD_LIMITS_DEPTH="99")
        self.assertEqual(status, 0)
        lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
        self.assertRegex(lines["threads"], r"\b3\b.*--threads")
        self.assertRegex(lines["limits.depth"], r"\b99\b.*GATHERD_LIMITS_DEPTH")
        self.assertIn("default", lines["limits.connections"])

    def test_config_print_writes_a_file_that_check_config_takes(self):
        status, out, _ = self.run_it("config", "print", "--json", "--limits.depth", "77")
        self.assertEqual(status, 0)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(out)
            file.flush()
            self.assertEqual(self.run_it("check-config", file.name)[0], 0)
            self.assertRegex(self.run_it("config", "print", "--config", file.name)[1], r"limits\.depth\s+= 77\b")

    def test_check_config_tells_every_fault_with_its_line(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write('{\n  "threads": "many",\n  "limits": {"dept": 5}\n}\n')
            file.flush()
            got = self.run_it("check-config", file.name)
            self.assert_says(got, 2, f"{file.name}:2", f"{file.name}:3", "did you mean limits.depth?")
            self.assertEqual(len(got[2].splitlines()), 2)
        shipped = Path(__file__).resolve().parents[2] / "config" / "gatherd.json"
        self.assertEqual(self.run_it("check-config", str(shipped))[0], 0)

    def test_check_config_reads_standard_input(self):
        status, out, _ = self.run_it("check-config", "-", stdin='{"threads": 4}')
        self.assertEqual((status, out), (0, "standard input: fine\n"))
        self.assert_says(self.run_it("check-config", "-", stdin='{"threads": "many"}'), 2, "/dev/stdin:1", "many")

    def test_a_part_of_a_value_that_was_not_quoted_is_not_repeated_where_it_may_be_a_secret(self):
        for flag in ("--pools", "--pool", "--auth.tokens"):
            for command in (["serve"], ["config", "print"]):
                status, out, err = self.run_it(*command, flag, '{"img":', "s3cret", "word")
                self.assertEqual((status, out), (2, ""))
                self.assertNotIn("s3cret", err)
                self.assertIn("one argument too many, of 6 bytes", err)
        self.assert_says(self.run_it("serve", "gatherd.json"), 2, "one argument too many: gatherd.json")

    def test_help_and_version(self):
        status, out, _ = self.run_it("--version")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"^gatherd \d+\.\d+\.\d+\n$")
        for words in (["-V"], ["version"]):
            self.assertEqual(self.run_it(*words), (0, out, ""))
        for words in ([], ["serve"], ["submit"], ["call"], ["functions"], ["ping"], ["bench"], ["config", "print"], ["check-config"],
                      ["run"], ["map"], ["exec"], ["top"], ["request"], ["create"], ["tasks"], ["status"], ["await"], ["cancel"], ["completion"], ["man"], ["version"]):
            with self.subTest(words=words):
                status, out, error = self.run_it(*words, "--help")
                self.assertEqual((status, error), (0, ""))
                self.assertIn("gatherd", out)
                self.assertEqual(self.run_it(*words, "-h")[1], out)
                self.assertEqual(self.run_it("help", *words)[1], out)
                self.assertEqual([line for line in re.sub(r"(?m)^Examples?:\n(.+\n)+", "", out).splitlines() if len(line) > 80], [])
        self.assertEqual(self.run_it("sumbit", "a.json", "b.json")[2].splitlines(), ["gatherd: unknown command sumbit, did you mean submit?; see gatherd --help"])
        self.assert_says(self.run_it("help", "sumbit"), 2, "did you mean submit?")

    def complete(self, *words):
        """What bash offers for the last of these words."""
        script = self.run_it("completion", "bash")[1]
        ask = f'{script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gatherd; printf "%s\\n" "${{COMPREPLY[@]}}"'
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(Path(BINARY).resolve(), f"{folder}/gatherd")
            done = subprocess.run(["bash", "-c", ask, "bash", "gatherd", *words], capture_output=True, text=True, timeout=PATIENCE,
                                  env=self.environment | {"PATH": f"{folder}:{os.environ['PATH']}"})
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash_completes_commands_options_values_and_functions(self):
        self.assertEqual(self.complete("sub"), ["submit"])
        self.assertIn("submit", self.complete(""))
        self.assertEqual(self.complete("config", ""), ["print", "schema"])
        self.assertEqual(self.complete("serve", "--limits.dep"), ["--limits.depth"])
        self.assertEqual(self.complete("tasks", "--state", "run"), ["running"])
        self.assertEqual(self.complete("completion", "z"), ["zsh"])
        self.assertEqual(self.complete("call", "random.rand"), ["random.randint", "random.random", "random.randrange"])

    def test_scripts_of_other_shells_are_read_without_a_word(self):
        for shell in ("zsh", "fish"):
            script = self.run_it("completion", shell)[1]
            self.assertIn("submit", script)
            if shutil.which(shell):
                done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, timeout=PATIENCE)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_says(self.run_it("completion", "csh"), 2, "csh")

    @unittest.skipUnless(shutil.which("groff"), "needs groff")
    def test_the_man_page_is_one(self):
        page = self.run_it("man")[1]
        done = subprocess.run(["groff", "-man", "-ww", "-Tascii", "-P-cbou"], input=page, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.stderr, "")
        for word in ("NAME", "gatherd submit", "--timeout", "GATHERD_CONNECT", "EXIT STATUS"):
            self.assertIn(word, done.stdout)

    def test_all_faults_of_flags_are_told_at_once(self):
        got = self.run_it("serve", "--nope", "1", "--port", "7117", "--threads", "many", "--log.level", "loud", "--unix.mode", "9")
        self.assert_says(got, 2, "unknown option --nope", "unknown option --port, did you mean --listen?", "--threads:", "--log.level:",
                         'a text of octal digits, as "660"')
        self.assertEqual(len(got[2].splitlines()), 5, got)
        got = self.run_it("call", "noop", "--timeout", "soon", "--seed", "x", "--connect", "y")
        self.assert_says(got, 2, "--timeout", "--seed", "--connect")
        got = self.run_it("call", "noop", "--tmeout", "1", "--sed=2")
        self.assert_says(got, 2, "did you mean --timeout?", "did you mean --seed?")

    def test_values_as_people_write_them(self):
        out = self.run_it("config", "print", "--auth.open", "true", "--drain.grace", "1m30s", "--limits.message-bytes", "64M")[1]
        for name, value in (("auth.open", "yes"), ("drain.grace", "90s"), ("limits.message_bytes", "64MiB")):
            self.assertRegex(out, rf"(?m)^{name} += {value} ")

    def check_config(self, settings):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(settings, file)
            file.flush()
            return self.run_it("check-config", file.name)

    def test_check_config_refuses_what_serve_would(self):
        self.assert_says(self.check_config({"listen": "0.0.0.0:7117"}), 2, "whoever reaches 0.0.0.0:7117", "auth.open")
        self.assertEqual(self.check_config({"listen": "0.0.0.0:7117", "auth": {"open": True}})[0], 0)
        self.assert_says(self.check_config({"listen": "tls:127.0.0.1:7117"}), 2, "tls.certificate")
        self.assert_says(self.check_config({"listen": ["tls:127.0.0.1:7117", "unix:/nowhere/at/all.sock", "192.0.2.1:7117"],
                                            "tls": {"certificate": "/nowhere/cert.pem"}}), 2,
                         "/nowhere/cert.pem", "cannot listen at unix:/nowhere/at/all.sock", "cannot listen at 192.0.2.1:7117")
        self.assert_says(self.check_config({"listen": "unix:/tmp/a.sock", "unix": {"owner": "no such user"}}), 2, "no user 'no such user'")
        self.assert_says(self.check_config({"unix": {"mode": 660}}), 2, "660", 'a text of octal digits, as "660"')
        self.assertEqual(self.check_config({"listen": f"127.0.0.1:{self.daemon.port}"})[0], 0)  # that it is taken is not told

    def test_two_of_its_own_addresses_at_one_place_are_refused(self):
        one = "are one address, at which only one of them can listen"
        for listen, admin in (("127.0.0.1:7117", "127.0.0.1:7117"), ("127.0.0.1:7117", "localhost:7117"), ("0.0.0.0:7117", "127.0.0.1:7117"),
                              (["127.0.0.1:7117", "localhost:7117"], ""), (["127.0.0.1:7117", "tls:127.0.0.1:7117"], "")):
            self.assert_says(self.check_config({"listen": listen, "auth": {"open": True}, "admin": {"listen": admin}}), 2, one)
        with tempfile.TemporaryDirectory() as folder:
            self.assert_says(self.check_config({"listen": [f"unix:{folder}/a", f"unix:{folder}/./a"]}), 2, "only one of them can listen")
        self.assert_says(self.check_config({"listen": ["unix:/tmp/a", "unix:/tmp/a"]}), 2, "names unix:/tmp/a twice")
        self.assert_says(self.check_config({"listen": ["systemd", "systemd"]}), 2, "names systemd twice")
        for listen, admin in (("127.0.0.1:7117", "127.0.0.2:7117"), ("127.0.0.1:0", "127.0.0.1:0"), ("127.0.0.1:7117", "127.0.0.1:7118")):
            self.assertEqual(self.check_config({"listen": listen, "admin": {"listen": admin}})[0], 0)

    def test_files_that_cannot_be_what_they_are_for_are_refused_by_both(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "text").write_text("no certificate\n")
            Path(folder, "socket").touch()
            for settings, told in (({"port_file": folder}, "it is no regular file"), ({"port_file": folder + "/"}, "it is no regular file"),
                                   ({"port_file": "/dev/null"}, "cannot write the port file"), ({"port_file": "/nowhere/port"}, "No such file"),
                                   ({"port_file": f"{folder}/a.sock", "listen": f"unix:{folder}/a.sock"}, "it is a socket of listen"),
                                   ({"http": {"ca_file": f"{folder}/none"}}, "No such file"), ({"http": {"ca_file": folder}}, "it is no regular file"),
                                   ({"http": {"ca_file": f"{folder}/text"}}, "it has no certificate in PEM")):
                settings = {"listen": "127.0.0.1:0"} | settings
                self.assert_says(self.check_config(settings), 2, told)
                file = Path(folder, "gatherd.json")
                file.write_text(json.dumps(settings))
                status, _, said = self.run_it("serve", "--config", str(file))
                self.assertNotEqual(status, 0)
                self.assertIn(told, said)

    def test_a_name_that_is_there_twice_is_refused_from_every_source(self):
        pools = '{"own": {"command": ["true"]}, "own": {"command": ["false"]}}'
        tokens = '[{"name": "a", "name": "b", "sha256": "%s", "rights": []}]' % ("0" * 64)
        self.assert_says(self.run_it("serve", "--pools", pools), 2, "'own' is there twice")
        self.assert_says(self.run_it("serve", GATHERD_POOLS=pools), 2, "'own' is there twice")
        self.assert_says(self.run_it("serve", "--auth.tokens", tokens), 2, "'name' is there twice")

    def test_usage_is_status_2_and_one_line(self):
        for words in ([], ["sbumit"], ["serve", "--nope"], ["ping", "extra"], ["call"], ["check-config"]):
            with self.subTest(words=words):
                got = self.run_it(*words)
                self.assert_says(got, 2)
                self.assertEqual(len(got[2].splitlines()), 1, got[2])


@unittest.skipUnless(shutil.which("nc"), "needs netcat-openbsd")
class Netcat(CommandLine):
    def test_the_line_of_the_readme(self):
        """Both sleep at once: the shorter one prints first, though it stands last."""
        tasks = [{"sequence": [{"call": "sleep", "args": [0.2]}, {"call": "print", "args": ["a"]}]},
                 {"sequence": [{"call": "sleep", "args": [0.1]}, {"call": "print", "args": ["b"]}]}]
        for given, lines in (([{"call": "sleep", "args": [0.2, "a"]}, {"call": "sleep", "args": [0.1, "b"]}],
                              ['{"jsonrpc":"2.0","id":1,"result":["a","b"]}']),
                             (tasks, ['{"jsonrpc":"2.0","method":"output","params":{"request":1,"text":"b"}}',
                                      '{"jsonrpc":"2.0","method":"output","params":{"request":1,"text":"a"}}',
                                      '{"jsonrpc":"2.0","id":1,"result":[[null,null],[null,null]]}'])):
            request = json.dumps({"id": 1, "method": "gather", "params": {"tasks": given}})
            done = subprocess.run(["nc", "-N", "127.0.0.1", str(self.daemon.port)], input=request + "\n", capture_output=True,
                                  text=True, timeout=PATIENCE)
            self.assertEqual(done.stdout.splitlines(), lines)


if __name__ == "__main__":
    unittest.main()
