#!/usr/bin/python3
"""`gatherd exec`: a command for each argument. Where GNU parallel is there, it has to do the same."""

import os
import resource
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from connection import PATIENCE
from daemon import BINARY, IS_SANITIZED, clean_environment

PARALLEL = shutil.which("parallel")
SHELL = {"PARALLEL_SHELL": "/bin/sh"}


def run_exec(*words, stdin=b"", **options):
    """(status, standard output, standard error) as bytes."""
    environment = clean_environment(**(SHELL | options.pop("environment", {})))
    done = subprocess.run([BINARY, "exec", *words], input=stdin, capture_output=True, timeout=PATIENCE, env=environment, **options)
    return done.returncode, done.stdout, done.stderr


class Exec(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gatherd-exec-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


@unittest.skipUnless(PARALLEL, "needs GNU parallel")
@unittest.skipIf(IS_SANITIZED, "a hundred starts of GNU parallel, which no sanitizer looks at: the release build makes them")
class AsParallelDoes(Exec):
    """The same words for both, by a shell."""

    def both(self, *words, stdin=b"", log=False):
        home = self.folder / "home"
        (home / ".parallel").mkdir(parents=True, exist_ok=True)
        (home / ".parallel/will-cite").touch()
        outcomes = []
        kept = {file.name for file in self.folder.iterdir()}
        for program in ([BINARY, "exec", "--shell"], [PARALLEL]):
            file = self.folder / f"log{len(outcomes)}"
            flags = ["--joblog", str(file)] if log else []
            done = subprocess.run([*program, *flags, *words], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=PATIENCE,
                                  env=clean_environment(**SHELL, HOME=str(home)), cwd=self.folder)
            entries = []
            if log:
                lines = [line.split("\t") for line in file.read_text().splitlines()]
                entries = lines[:1] + sorted([entry[:2] + entry[4:] for entry in lines[1:]], key=lambda entry: int(entry[0]))
            outcomes.append((done.returncode, done.stdout, entries))
            for written in self.folder.iterdir():
                if written.name not in kept and written.is_file():
                    written.unlink()
        self.assertEqual(*outcomes, words)
        return outcomes[0]

    def test_replacement_strings(self):
        paths = ["/a/b.c/d.tar.gz", "x.", ".y", "z/", "/a", "a//b", "plain", "a.b/c", "sp ace", "q'u\"o$te;*", "é", "-n", "a\\b", "{}", "{.}"]
        for words in (["echo"], ["echo", "{}", "{.}", "{/}", "{//}", "{/.}"], ["echo", "{1}", "{1.}", "{1/}", "{1//}", "{1/.}", "{-1}"], ["echo x{}y{.}z"],
                      ["echo", "{#}", "{%}"], ["echo", "{#}:{}"], ["echo", "{2}{1}{3}"], ["echo", "{unknown}", "{0x}"], ["printf '[%s]' {} a; echo"]):
            with self.subTest(words=words):
                self.both("-k", "-j1", *words, ":::", *paths)
                self.both("-k", "-j1", *words, stdin="\n".join(paths).encode())

    def test_lists(self):
        for words in ((":::", "a", "b", ":::", "c", "d"), (":::", "a", "b", ":::+", "c", "d", "e"), (":::", "a", "b", "c", ":::+", "d", ":::", "x", "y"),
                      ("::::", "-", ":::", "x", "y"), (":::", "a", ":::", "b", ":::", "c", ":::+", "d")):
            with self.subTest(words=words):
                self.both("-k", "echo", "{1}-{2}", "{}", "{3}", *words, stdin=b"one\ntwo\n")
                self.both("-k", "echo", *words, stdin=b"one\ntwo\n")

    def test_lines_columns_and_numbers_of_arguments(self):
        for flags, stdin in ((["-N2"], b"a\nb\nc\n"), (["-N", "0"], b"a\nb\n"), (["-0"], b"a\nb\0c"), (["--colsep", ","], b"a,b\nc,,d\n,e\n"), (["-C", "[ ,]+"], b"a , b\nc d"),
                             (["--colsep", "\\t"], b"a\tb c\n"), ([], b"a\n\nb"), (["-r"], b""), ([], b""), (["-r"], b"a\n\nb\n"), (["-r"], b"a\n \t\nb\n"), (["-n2"], b"a\nb\nc\n"), (["-d,"], b"a,b\n,c"), (["-d", "\\t"], b"a\tb"), (["-P1"], b"a\n"), (["-N3", "--colsep", ":"], b"1:2\n3:4\n5:6\n7:8")):
            with self.subTest(flags=flags, stdin=stdin):
                self.both("-k", *flags, "echo", "[{}]", stdin=stdin)
                self.both("-k", *flags, "echo", "{1}", "{2}", "{3}", stdin=stdin)
        (self.folder / "file").write_bytes(b"x\ny\n")
        self.both("-k", "-a", "file", "echo")
        self.both("-k", "echo", "::::", "file", "file")

    def test_another_text_for_the_argument(self):
        for flags, words in ((["-I@@"], ["echo", "@@", "{}", "{.}"]), (["-I", "%"], ["echo a%b{}%"]), (["-I", ","], ["echo"])):
            with self.subTest(flags=flags, words=words):
                self.both("-k", *flags, *words, ":::", "x y", "z.c")
        self.both("-k", "--will-cite", "--linebuffer", "echo", ":::", "a")

    def test_arguments_that_are_commands(self):
        lines = b"echo a\necho 'b  c' | tr a-z A-Z\nexit 3\n\n"
        self.both("-k", stdin=lines, log=True)
        self.both("-k", ":::", "echo a; echo b", "false", log=True)
        self.both("-k", ":::", "echo", "printf %s", ":::", "a", "'b c'")
        self.both("-k", "-N2", stdin=b"echo a\necho b\n")

    def test_output_tags_and_lines(self):
        script = r"printf 'a\nb'; echo err >&2; test {} != 2"
        for flags in (["-k"], ["-k", "--tag"], ["-k", "--lb"], ["-k", "--line-buffer", "--tag"], ["-j1", "-u"]):
            with self.subTest(flags=flags):
                self.both(*flags, script, ":::", "1", "2", "3")
                self.both(*flags, r"printf '{}\n{}\n'; sleep 0.0{}", ":::", "3", "2", "1")

    def test_exit_statuses_and_the_log(self):
        for words in (("true", ":::", "1"), ("exit {}", ":::", "0", "1", "2", "255"), ("kill -9 $$; :", ":::", "1"), ("kill -TERM $$; exit {}", ":::", "1", "2"), ("no-such-program", ":::", "1"),
                      ("exit", ":::", *(["1"] * 100)), ("exit", ":::", *(["1"] * 103)), ("echo {}", ":::", "a b", "c"), ("--timeout", "1", "sleep {}; :", ":::", "0", "60")):
            with self.subTest(words=words[:6]):
                self.both("-k", *words, log=True)

    def test_halt(self):
        for rule in ("never", "now,fail=1", "soon,fail=1", "now,fail=2", "now,success=1", "soon,success=2", "now,done=2", "soon,done=3", "soon,fail=30%", "now,fail=40%", "now,done=50%", "1", "2", "-1", "20%"):
            for statuses in (["1", "0", "3", "1", "0"], ["0", "0", "0"], ["4", "5"], ["0", "7", "0", "0", "0", "0"]):
                if "done" in rule and not any(map(int, statuses)):
                    continue  # of no failure GNU parallel makes 101 there
                with self.subTest(rule=rule, statuses=statuses):
                    self.both("-j1", "-k", "--halt=" + rule, "echo {}; exit {}", ":::", *statuses, log=True)

    def test_halt_cuts_off_what_runs_or_lets_it_end(self):
        script = "echo began; sleep {}; echo ended; test {} != 0.1"
        self.both("-k", "-j2", "--halt", "now,fail=1", script, ":::", "0.1", "60", log=True)
        self.both("-k", "-j2", "--halt", "soon,fail=1", script, ":::", "0.1", "1", "2", log=True)

    def test_retries(self):
        self.both("-k", "--retries", "3", "echo {} >> tries{}; wc -l < tries{}; test $(wc -l < tries{}) -ge 4", ":::", "a", "b", log=True)
        self.both("-k", "--retries", "3", "echo {} >> more{}; wc -l < more{}; test $(wc -l < more{}) -ge 8", ":::", "a", "b", log=True)

    def test_dry_run(self):
        self.both("--dry-run", "-k", "echo {} {#}; x", ":::", "a b", "it's", "", "x;y", "a*", "é", "a_b-c.d+e/f", "a,b=c:d@e%f")

    def test_resume(self):
        for program in ([BINARY, "exec", "--shell"], [PARALLEL]):
            log = self.folder / f"resumed{len(program)}"

            def again(*flags, script="echo {}; test {} != b"):
                return subprocess.run([*program, "-k", "-j1", "--joblog", str(log), *flags, script, ":::", "a", "b", "c"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                      env=clean_environment(**SHELL, HOME=str(self.folder)), timeout=PATIENCE, stdin=subprocess.DEVNULL)
            (self.folder / ".parallel").mkdir(exist_ok=True)
            (self.folder / ".parallel/will-cite").touch()
            seen = [(done.returncode, done.stdout) for done in (again("--halt", "now,fail=1"), again("--resume"), again("--resume"), again("--resume-failed"),
                                                               again("--resume-failed", script="echo {}"), again("--resume-failed"))]
            self.assertEqual(seen, [(1, b"a\nb\n"), (0, b"c\n"), (0, b""), (1, b"b\n"), (0, b"b\n"), (0, b"")], program)

    def test_resume_takes_a_log_with_a_job_whose_time_was_over(self):
        for program, flags in ((BINARY, ["exec", "--shell"]), (PARALLEL, [])):
            log = self.folder / f"timed-{len(flags)}"
            (self.folder / ".parallel").mkdir(exist_ok=True)
            (self.folder / ".parallel/will-cite").touch()
            subprocess.run([program, *flags, "--joblog", str(log), "--timeout", "1", "sleep {}; :", ":::", "0", "3600"], stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                           env=clean_environment(**SHELL, HOME=str(self.folder)), timeout=PATIENCE)
            self.assertIn("\t-1\t", log.read_text())
            self.assertEqual(run_exec("--joblog", str(log), "--resume", "echo", ":::", "0", "3600", "new"), (0, b"new\n", b""))
            self.assertEqual(run_exec("--joblog", str(log), "--resume-failed", "echo", ":::", "0", "3600", "new"), (0, b"3600\n", b""))

    def test_results(self):
        flags = ["-k", "--results", "out", "echo {}; echo err >&2", ":::", "a/b", "c\\d", "e f", ":::", "x\ty"]
        trees = []
        for name in ("ours", "theirs"):
            self.folder.joinpath("out").exists() and shutil.rmtree(self.folder / "out")
            program = [BINARY, "exec", "--shell"] if name == "ours" else [PARALLEL]
            (self.folder / ".parallel").mkdir(exist_ok=True)
            (self.folder / ".parallel/will-cite").touch()
            subprocess.run([*program, *flags], cwd=self.folder, env=clean_environment(**SHELL, HOME=str(self.folder)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=PATIENCE)
            trees.append({str(file.relative_to(self.folder)): file.read_bytes() for file in self.folder.joinpath("out").rglob("*") if file.is_file()})
        self.assertEqual(*trees)


class ByItself(Exec):
    def test_words_reach_the_program_as_they_are(self):
        strange = ["a b", "$HOME", "*", "", "it's", "-n", "\n", "é\udcff"]
        status, out, error = run_exec("-k", "printf", "[%s]\\0", "{}", ":::", *strange)
        self.assertEqual((status, error), (0, b""))
        self.assertEqual(out, b"".join(b"[" + word.encode("utf-8", "surrogateescape") + b"]\0" for word in strange))
        self.assertEqual(run_exec("-k", "sh", "-c", "echo $#", "sh", "{}", ":::", "a b", "c")[1], b"1\n1\n")
        self.assertEqual(run_exec("--", "echo", "-j2", ":::", "x")[1], b"-j2 x\n")
        self.assertEqual(run_exec("echo", "-k", "--tag", ":::", "x")[1], b"-k --tag x\n")
        self.assertEqual(run_exec("-k", "-N2", "echo", "a{}b", "{2}", ":::", "x", "y", "z")[0:2], (0, b"axb ayb y\nazb\n"))

    def test_environment_and_folder_are_ours_and_the_input_is_empty(self):
        script = "pwd; echo $MARK $PARALLEL_SEQ $PARALLEL_JOBSLOT; cat; ls /proc/self/fd"
        status, out, _ = run_exec("sh", "-c", script, ":::", "x", cwd=self.folder, environment={"MARK": "here"}, stdin=b"not for it")
        lines = out.decode().split("\n")
        self.assertEqual((status, lines[0], lines[1]), (0, str(self.folder), "here 1 1"))
        self.assertEqual(lines[2:], ["0", "1", "2", "3", ""])  # 3 is the folder that ls reads

    def test_output_is_exact_and_never_cut(self):
        size = 40 << 20
        script = f"head -c {size} /dev/zero; head -c {size} /dev/zero >&2"
        for flags in ([], ["-k"], ["--lb"]):
            spooled = self.folder / "spool"
            spooled.mkdir(exist_ok=True)
            status, out, error = run_exec(*flags, "-j2", "sh", "-c", script, ":::", "1", "2", environment={"TMPDIR": str(spooled)})
            self.assertEqual((status, len(out), len(error)), (0, 2 * size, 2 * size))
            self.assertEqual((out.count(b"\0"), error.count(b"\0")), (2 * size, 2 * size))
            self.assertEqual(list(spooled.iterdir()), [])
        noise = os.urandom(3_000_000)
        (self.folder / "noise").write_bytes(noise)
        self.assertEqual(run_exec("-k", "cat", ":::", *[str(self.folder / "noise")] * 6)[1], noise * 6)
        status, _, error = run_exec("sh", "-c", script, ":::", "1", environment={"TMPDIR": "/nowhere"})
        self.assertEqual(status, 255)
        self.assertIn(b"TMPDIR", error.replace(b"\0", b""))

    def test_lines_of_jobs_do_not_mix(self):
        script = "for i in 1 2 3 4 5 6 7 8 9; do printf %s {}{}{}; printf '%s\\n' {}{}; done"
        for flags in ([], ["--lb"], ["--tag"]):
            _, out, _ = run_exec("-j8", *flags, "--shell", script, ":::", *map(str, range(8)))
            lines = out.decode().splitlines()
            self.assertEqual(len(lines), 72)
            for line in lines:
                self.assertRegex(line, r"^(\d\t)?(\d)\2{4}$")
            if not flags:
                self.assertEqual([line[0] for line in lines[::9]], [line[0] for line in lines[8::9]])

    def test_lines_come_at_once_with_line_buffer(self):
        gate = self.folder / "gate"
        os.mkfifo(gate)
        with subprocess.Popen([BINARY, "exec", "--lb", "sh", "-c", 'echo first; read x < "$0"', "{}", ":::", str(gate)], stdout=subprocess.PIPE, env=clean_environment()) as running:
            self.assertEqual(running.stdout.readline(), b"first\n")
            gate.write_text("go\n")
            self.assertEqual(running.wait(PATIENCE), 0)

    def test_what_cannot_be_started(self):
        status, _, error = run_exec("/nowhere/program", ":::", "a", "b")
        self.assertEqual((status, error), (2, b"gatherd: /nowhere/program: No such file or directory\n" * 2))
        self.assertEqual(run_exec(str(self.folder), ":::", "a")[0], 1)
        status, out, error = run_exec("echo", stdin=b"a\0b\nc\n" + b"x" * 200_000 + b"\n")
        self.assertEqual((status, out), (2, b"c\n"))
        self.assertIn(b"gatherd: echo: a NUL in an argument", error)
        log = self.folder / "log"
        run_exec("--joblog", str(log), "{}", ":::", "/nowhere", str(self.folder), "true")
        self.assertEqual([line.split("\t")[6] for line in sorted(log.read_text().splitlines()[1:])], ["127", "126", "0"])

    def test_wrong_words(self):
        for words, text in ((["-j", "x", "true"], b"--jobs"), (["--halt", "x", "true"], b"--halt"), ([], b"COMMAND"), (["--resume", "true"], b"--joblog"), (["--jbos", "3", "true"], b"--jbos"), (["true", "::::", "/nowhere"], b"/nowhere"),
                            (["-a", "/nowhere", "true"], b"/nowhere"), (["--colsep", "(", "true"], b"--colsep"), (["true", "::::"], b"::::"), (["--timeout", "x", "true"], b"--timeout"), (["-u", "--tag", "true"], b"--ungroup"),
                            (["--joblog", "/nowhere/log", "true"], b"/nowhere/log"), (["--results", "/proc/nowhere", "true", ":::", "a"], b"--results"), (["-N", "x", "true"], b"--max-replace-args = x"),
                            (["--retries", "0", "true"], b"--retries: Value 0"), (["-d", "ab", "true"], b"--delimiter"), (["-I", "", "true"], b"-I"), (["-q", "--shell", "true"], b"excludes --quote")):
            with self.subTest(words=words):
                status, out, error = run_exec(*words)
                self.assertEqual((status, out), (255, b""), error)
                self.assertIn(text, error)
        status, _, error = run_exec("echo", stdin=b"x" * (100 << 20))
        self.assertEqual((status, error), (255, b"gatherd: line 1 of the arguments is longer than 8 MiB\n"))

    def test_a_signal_ends_all_processes(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with subprocess.Popen([BINARY, "exec", "-j4", "--lb", "sh", "-c", "echo $$; trap '' TERM; sleep 3600 & wait; sleep 3600", ":::", "1", "2", "3", "4", "5"], stdout=subprocess.PIPE, env=clean_environment()) as running:
                pids = [int(running.stdout.readline()) for _ in range(4)]
                running.send_signal(number)
                self.assertEqual(running.wait(PATIENCE), 128 + number)
                self.assertEqual(running.stdout.read(), b"")
            for file in Path("/proc").glob("[0-9]*/stat"):
                try:
                    state, _, group = file.read_text().rpartition(")")[2].split()[:3]
                except OSError:
                    continue
                self.assertFalse(int(group) in pids and state not in "ZX", file)

    def test_a_reader_that_leaves_ends_it(self):
        with subprocess.Popen([BINARY, "exec", "--lb", "yes", ":::", "a", "b"], stdout=subprocess.PIPE, env=clean_environment()) as running:
            running.stdout.readline()
            running.stdout.close()
            self.assertNotEqual(running.wait(PATIENCE), None)

    def test_what_a_process_leaves_behind_is_not_waited_for(self):
        status, out, _ = run_exec("sh", "-c", "sleep 3600 & echo $!", ":::", "a")
        self.assertEqual(status, 0)
        os.kill(int(out), signal.SIGKILL)

    def test_many_jobs_a_stream_and_few_descriptors(self):
        status, out, error = run_exec("-j64", "-k", "echo", stdin=b"".join(b"%d\n" % i for i in range(1000)), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)))
        self.assertEqual((status, out, error), (0, b"".join(b"%d\n" % i for i in range(1000)), b""))
        with subprocess.Popen([BINARY, "exec", "echo"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment()) as running:
            for word in (b"a\n", b"b\n"):
                running.stdin.write(word)
                running.stdin.flush()
                self.assertEqual(running.stdout.readline(), word)
            running.stdin.close()
            self.assertEqual(running.wait(PATIENCE), 0)

    def test_commands_are_shown(self):
        self.assertEqual(run_exec("-j1", "-t", "echo", ":::", "a b", "c"), (0, b"a b\nc\n", b"echo 'a b'\necho c\n"))
        self.assertEqual(run_exec("--verbose", "-q", "true", ":::", "a"), (0, b"", b"true a\n"))

    def test_delay_and_bar(self):
        self.assertEqual(run_exec("--delay", "10ms", "-k", "echo", ":::", "a", "b", "c")[:2], (0, b"a\nb\nc\n"))
        status, out, error = run_exec("--bar", "true", ":::", "a", "b")
        self.assertEqual((status, out), (0, b""))
        self.assertIn(b"0/2", error)


if __name__ == "__main__":
    unittest.main()
