#!/usr/bin/python3
"""`gatherd map`: a call for each line of a stream, in the command's own process and against a daemon."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from connection import PATIENCE
from daemon import BINARY, IS_SANITIZED, Daemon, clean_environment


def run_map(*words, stdin=b"", local=True, **environment):
    """(status, standard output, standard error) as bytes."""
    done = subprocess.run([BINARY, "map", *(["--local"] if local else []), *words], input=stdin, capture_output=True, timeout=PATIENCE,
                          env=clean_environment(**environment))
    return done.returncode, done.stdout, done.stderr


def numbers(count):
    return b"".join(b"%d\n" % i for i in range(1, count + 1))


class Lines(unittest.TestCase):
    def test_what_a_line_is(self):
        for flags, stdin, out in (
                ([], b"a\n\nb", b'"a"\n""\n"b"\n'), ([], b"", b""), ([], b"\n", b'""\n'), (["--raw"], "ü\\\"\n".encode(), "ü\\\"\n".encode()),
                (["-0"], b"a\nb\0c\0", b'"a\\nb"\0"c"\0'), (["--json"], b'1\n\n "x" \r\n[{"a":[1]}]\nnull\n{"value":2.50}', b'1\n"x"\n{"a":[1]}\nnull\n2.5\n')):
            with self.subTest(flags=flags, stdin=stdin):
                self.assertEqual(run_map(*flags, "echo", stdin=stdin), (0, out, b""))
        self.assertEqual(run_map("--json", "add", "1", "2", stdin=b"3\n[4, 5]\n[]\n"), (0, b"6\n12\n3\n", b""))
        self.assertEqual(run_map("--tsv", "fail", stdin=b"ValueError\tb\n")[2], b"gatherd: line 1: ValueError: b\n")
        self.assertEqual(run_map("--raw", "echo", "--", stdin=b"--x\n"), (0, b"--x\n", b""))

    def test_lines_are_data_whatever_they_look_like(self):
        bomb = {"await": {"call": "fail"}}
        lines = [[bomb], [[bomb]], {"value": bomb}, {"value": {"ref": "x"}}, [{"await": {"value": [1]}}]]
        status, out, error = run_map("--json", "echo", stdin="\n".join(map(json.dumps, lines)).encode() + b'\n[{"\\u0061wait":{"call":"fail"}}]')
        self.assertEqual((status, error), (0, b""))
        self.assertEqual([json.loads(line) for line in out.splitlines()], [bomb, [bomb], bomb, {"ref": "x"}, {"await": {"value": [1]}}, bomb])
        self.assertEqual(run_map("--json", "echo", stdin=b'{"await": {"value": [1]}}\n')[:2], (1, b"null\n"))

    def test_a_line_that_fails_is_told_and_the_rest_goes_on(self):
        status, out, error = run_map("--json", "add", "1", stdin=b'1\nx\n"t"\n[[]]\n99999999999999999999\n2\n')
        self.assertEqual((status, out), (1, b"2\nnull\nnull\nnull\nnull\n3\n"))
        self.assertEqual(sorted(line.split(b":")[1] for line in error.splitlines()), [b" line 2", b" line 3", b" line 4", b" line 5"])
        status, out, _ = run_map("--errors", "json", "fail", "ValueError", stdin=b"boom\n")
        self.assertEqual((status, json.loads(out)), (1, {"type": "ValueError", "message": "boom"}))
        for stdin in (b"a\xff\n", b"\xed\xa0\x80\n", b"\xc0\x80\n"):
            self.assertEqual(run_map("echo", stdin=stdin + b"b\n"), (1, b'null\n"b"\n', b"gatherd: line 1: is no UTF-8\n"))
        self.assertEqual(run_map("echo", stdin=b"a\0b\x1b\n"), (0, b'"a\\u0000b\\u001b"\n', b""))

    def test_a_line_that_is_too_long_is_skipped(self):
        long = b"x" * (100 << 20)
        status, out, error = run_map("echo", stdin=b"a\n" + long + b"\nb\n" + long)
        self.assertEqual((status, out), (1, b'"a"\nnull\n"b"\nnull\n'))
        self.assertEqual(error, b"gatherd: line 2: is longer than 8 MiB\ngatherd: line 4: is longer than 8 MiB\n")

    def test_what_is_wrong_for_all_lines_is_told_once(self):
        for words, status, text in ((["ehco"], 2, b"did you mean echo?"), (["echo", "--json", "--tsv"], 2, b"--json"), (["echo", "-j", "0"], 2, b"--jobs"),
                                    (["echo", "--halt", "sometimes"], 2, b"--halt"), (["echo", "--resume"], 2, b"--joblog"), (["echo", "--timeout", "x"], 2, b"--timeout"),
                                    (["echo", "--joblog", "/nowhere/log"], 2, b"/nowhere/log"), ([], 2, b"FUNCTION"), (["echo", "--errors", "odd"], 2, b"odd")):
            with self.subTest(words=words):
                got = run_map(*words, stdin=b"a\nb\n")
                self.assertEqual(got[:2], (status, b""), got)
                self.assertEqual(got[2].count(text), 1, got)
        self.assertEqual(run_map("echo", stdin=b"a\n", local=False, GATHERD_CONNECT="127.0.0.1:1")[0], 3)


class Streams(unittest.TestCase):
    def test_a_million_lines_need_no_more_memory_than_a_thousand(self):
        count = 50_000 if IS_SANITIZED else 1_000_000
        lines, results = numbers(count), [b"%d" % i for i in range(2, count + 2)]
        for flags in ([], ["--unordered"]):
            with subprocess.Popen([BINARY, "map", "--local", *flags, "--json", "add", "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment()) as running:
                feeder = threading.Thread(target=lambda: (running.stdin.write(lines), running.stdin.flush()))
                feeder.start()
                got = [running.stdout.readline().rstrip(b"\n") for _ in results]
                feeder.join()
                used = int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{running.pid}/status").read_text())[1])
                running.stdin.close()
                self.assertEqual(running.stdout.read(), b"")
            self.assertEqual(running.returncode, 0)
            self.assertTrue((got if not flags else sorted(got, key=int)) == results)
            if not IS_SANITIZED:
                self.assertLess(used, 64 << 10)

    def test_input_that_epoll_does_not_take_and_none_at_all(self):
        for command in ([BINARY, "map", "--local", "echo"], [BINARY, "exec", "echo"]):
            run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=clean_environment(), timeout=PATIENCE)
            self.assertEqual((run.returncode, run.stdout, run.stderr), (0, b"", b""))
            run = subprocess.run(["sh", "-c", '"$@" <&-', "sh", *command], capture_output=True, env=clean_environment(), timeout=PATIENCE)
            self.assertNotEqual(run.returncode, 0)
            self.assertIn(b"Bad file descriptor", run.stderr)

    def test_results_come_while_the_input_is_still_open(self):
        with subprocess.Popen([BINARY, "map", "--local", "echo"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment()) as running:
            for word in (b"a", b"b"):
                running.stdin.write(word + b"\n")
                running.stdin.flush()
                self.assertEqual(running.stdout.readline(), b'"' + word + b'"\n')
            running.stdin.close()
            self.assertEqual(running.stdout.read(), b"")
        self.assertEqual(running.returncode, 0)

    def test_order_and_no_order(self):
        lines = b'[0.3, "slow"]\n[0, "quick"]\n'
        self.assertEqual(run_map("--json", "sleep", stdin=lines), (0, b'"slow"\n"quick"\n', b""))
        self.assertEqual(run_map("--json", "--unordered", "sleep", stdin=lines), (0, b'"quick"\n"slow"\n', b""))
        self.assertEqual(run_map("--json", "--unordered", "-j1", "sleep", stdin=lines), (0, b'"slow"\n"quick"\n', b""))

    def test_a_reader_that_leaves_ends_it(self):
        with subprocess.Popen([BINARY, "map", "--local", "echo"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment()) as running:
            running.stdin.write(b"a\n")
            running.stdin.flush()
            running.stdout.readline()
            running.stdout.close()
            try:
                while True:
                    running.stdin.write(b"b\n" * 1000)
            except BrokenPipeError:
                pass
            self.assertEqual(running.wait(PATIENCE), 0)
            try:
                running.stdin.close()
            except BrokenPipeError:
                pass

    def test_a_signal_ends_it_and_what_was_done_is_there(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with subprocess.Popen([BINARY, "map", "--local", "--json", "sleep"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment()) as running:
                running.stdin.write(b'[0, "done"]\n[3600, "never"]\n')
                running.stdin.flush()
                self.assertEqual(running.stdout.readline(), b'"done"\n')
                running.send_signal(number)
                out, error = running.communicate(timeout=PATIENCE)
                self.assertEqual((running.returncode, out), (status, b""))
                self.assertEqual(error, b"gatherd: interrupted; 1 lines are done, 1 were cut off\n")

    def test_a_bar(self):
        top, bottom = pty.openpty()
        done = subprocess.run([BINARY, "map", "--local", "--bar", "echo"], input=b"a\nb\n", stdout=subprocess.PIPE, stderr=bottom, env=clean_environment(), timeout=PATIENCE)
        os.close(bottom)
        shown = b""
        while select.select([top], [], [], 0)[0]:
            try:
                shown += os.read(top, 65536)
            except OSError:
                break
        os.close(top)
        self.assertEqual((done.returncode, done.stdout), (0, b'"a"\n"b"\n'))
        self.assertTrue(shown.startswith(b"\r\x1b[K0"), shown)
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown)


class Tries(unittest.TestCase):
    def test_timeout_and_retries(self):
        status, out, error = run_map("--json", "--timeout", "20ms", "sleep", stdin=b'[0, "a"]\n[3600, "b"]\n')
        self.assertEqual((status, out), (1, b'"a"\nnull\n'))
        self.assertIn(b"line 2: TimeoutError", error)
        with tempfile.TemporaryDirectory() as folder:
            count = f"{folder}/count"
            script = f"echo x >> {count}; test $(wc -l < {count}) -ge 3"
            plan = json.dumps({"argv": ["sh", "-c", script], "check": True})
            self.assertEqual(run_map("--json", "--retries", "2", "process.run", stdin=plan.encode())[0], 1)
            self.assertEqual(run_map("--json", "--retries", "2", "--timeout", "1m", "process.run", stdin=plan.encode())[0], 0)

    def test_halt_stops_where_it_says(self):
        lines = b"1\n2\n[[]]\n4\n[[]]\n6\n"
        for rule, out, status in (("now,fail=1", b"2\n3\nnull\n", 1), ("soon,fail=2", b"2\n3\nnull\n5\nnull\n", 1), ("now,success=2", b"2\n3\n", 0),
                                  ("soon,done=4", b"2\n3\nnull\n5\n", 1), ("never", b"2\n3\nnull\n5\nnull\n7\n", 1), ("2", b"2\n3\nnull\n", 1)):
            with self.subTest(rule=rule):
                self.assertEqual(run_map("--json", "-j1", "--halt", rule, "add", "1", stdin=lines)[:2], (status, out))

    def test_halt_now_cuts_off_what_runs(self):
        status, out, _ = run_map("--json", "--halt", "now,success=1", "sleep", stdin=b'[3600, "never"]\n[0, "first"]\n')
        self.assertEqual((status, out), (0, b'"first"\n'))


class JobLog(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.log = Path(folder.name) / "log"

    def entries(self):
        return [line.split("\t") for line in self.log.read_text().splitlines()]

    def test_columns(self):
        run_map("--joblog", str(self.log), "echo", stdin=b"a\n\xff\n")
        title, *rest = self.entries()
        self.assertEqual(title, "Seq Host Starttime JobRuntime Send Receive Exitval Signal Command".split())
        self.assertEqual(sorted(entry[:2] + entry[4:] for entry in rest), [["1", ":", "0", "3", "0", "0", 'echo ["a"]'], ["2", ":", "0", "0", "1", "0", "echo "]])

    def test_resume_leaves_out_what_was_done(self):
        flags = ["--json", "--joblog", str(self.log), "add", "1"]
        lines = b"1\n[[]]\n3\n"
        self.assertEqual(run_map(*flags, "--halt", "now,fail=1", "-j1", stdin=lines)[:2], (1, b"2\nnull\n"))
        self.assertEqual(run_map(*flags, "--resume", stdin=lines)[:2], (0, b"4\n"))
        self.assertEqual(run_map(*flags, "--resume", stdin=lines)[:2], (0, b""))
        self.assertEqual(run_map(*flags, "--resume-failed", stdin=lines)[:2], (1, b"null\n"))
        self.assertEqual(run_map(*flags, "--resume-failed", stdin=b"1\n2\n3\n")[:2], (0, b"3\n"))
        self.assertEqual(run_map(*flags, "--resume-failed", stdin=b"1\n2\n3\n")[:2], (0, b""))
        self.assertEqual(len(self.entries()), 1 + 5)

    def test_a_log_that_was_cut_or_is_none(self):
        flags = ["--json", "--joblog", str(self.log), "--resume", "add", "1"]
        run_map(*flags, stdin=b"1\n2\n")
        self.log.write_text(self.log.read_text()[:-30])
        self.assertEqual(run_map(*flags, stdin=b"1\n2\n")[:2], (0, b"3\n"))
        self.log.write_text("something else\n")
        self.assertEqual(run_map(*flags, stdin=b"1\n")[:2], (2, b""))


class AgainstADaemon(unittest.TestCase):
    def test_it_is_the_same_and_limits_of_the_daemon_are_told(self):
        with Daemon("--limits.connection_tasks_in_flight", "3", "--limits.message_bytes", "100KiB") as daemon:
            where = {"GATHERD_CONNECT": f"127.0.0.1:{daemon.port}"}
            lines = numbers(2000)
            self.assertEqual(run_map("--json", "add", "1", stdin=lines, local=False, **where)[:2], (0, b"".join(b"%d\n" % i for i in range(2, 2002))))

    def test_a_daemon_that_hangs_does_not_keep_it(self):
        daemon = Daemon()
        self.addCleanup(daemon.kill)
        where = {"GATHERD_CONNECT": f"127.0.0.1:{daemon.port}"}
        daemon.process.send_signal(signal.SIGSTOP)
        status, out, error = run_map("--timeout", "50ms", "--retries", "2", "--grace", "100ms", "echo", stdin=b"a\nb\n", local=False, **where)
        self.assertEqual((status, out, error), (4, b"", b"gatherd: timed out: no answer from the daemon within 300ms, the timeout and the grace of all tries\n"))

    def test_a_daemon_that_goes_away(self):
        daemon = Daemon()
        self.addCleanup(daemon.kill)
        running = subprocess.Popen([BINARY, "map", "--json", "sleep"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=clean_environment(GATHERD_CONNECT=f"127.0.0.1:{daemon.port}"))
        running.stdin.write(b'[0, "a"]\n[3600, 1]\n')
        running.stdin.flush()
        self.assertEqual(running.stdout.readline(), b'"a"\n')
        daemon.kill()
        out, error = running.communicate(timeout=PATIENCE)
        self.assertEqual((running.returncode, out), (3, b""))
        self.assertIn(b"was lost", error)


if __name__ == "__main__":
    unittest.main()
