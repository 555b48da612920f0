#!/usr/bin/python3
"""Workers that die, stop or crash, and pools that are reloaded, in the middle of thousands of calls."""

import contextlib
import shutil
import signal
import subprocess
import sys
import threading
import unittest
from pathlib import Path

from connection import Connection
from daemon import IS_SANITIZED, clean_environment
from pools_test import ROOT, PoolsCase, call, is_alive, pool, python, wait_for_end

PYTHON_WORKER = """
from gatherd import function, run
@function(idempotent=True)
def again(n): return 2 * n
@function
def once(n): return 2 * n
run()
"""
NODE_WORKER = """
require(process.argv[2]).serve({ again: { run: (n) => 2 * n, idempotent: true, params: [{ name: 'n' }] }, once: (n) => 2 * n },
                               { concurrency: %d });
"""
NODE_PLACES = 10


def children(pid):
    """The processes that it has, those that have ended and are not reaped among them."""
    found = set()
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended
            found.update(map(int, (thread / "children").read_text().split()))
    return found


class LostWorkers(PoolsCase):
    CALLS = 10_000
    TIMEOUT = 10 if IS_SANITIZED else 1

    def worker(self, daemon, *command):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=clean_environment(GATHERD_CONNECT=f"127.0.0.1:{daemon.port}", PYTHONPATH=str(ROOT / "clients" / "python"),
                                                         PYTHONDONTWRITEBYTECODE="1"))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    @unittest.skipUnless(shutil.which("node"), "there is no node")
    def test_one_is_killed_and_one_stopped_in_the_middle(self):
        folder = self.folder()
        (folder / "tasks.py").write_text(PYTHON_WORKER)
        (folder / "tasks.js").write_text(NODE_WORKER % NODE_PLACES)
        daemon = self.daemon("--workers.cancel-time", "100ms")
        client = self.connect(daemon)
        killed, _ = [self.worker(daemon, sys.executable, str(folder / "tasks.py")) for _ in range(2)]
        stopped = self.worker(daemon, "node", str(folder / "tasks.js"), str(ROOT / "clients" / "node" / "worker.js"))
        while len(client.result("workers")) < 3:
            pass
        tasks = [{"wait_for": {"call": "once" if i % 2 else "again", "args": [i]}, "timeout": self.TIMEOUT} for i in range(self.CALLS)]
        client.start("gather", {"tasks": tasks, "return_exceptions": True, "limit": NODE_PLACES + 4, "stream": True})
        outcomes = {}
        while "id" not in (message := client.message()):
            done = message["params"]
            self.assertNotIn(done["index"], outcomes, "told twice")
            outcomes[done["index"]] = done
            if len(outcomes) == self.CALLS // 4:
                killed.kill()
            elif len(outcomes) == self.CALLS // 2:
                stopped.send_signal(signal.SIGSTOP)
        self.assertEqual(sorted(outcomes), list(range(self.CALLS)))
        lost, late = [], []
        for index, outcome in outcomes.items():
            if "error" in outcome:
                {"ConnectionError": lost, "TimeoutError": late}[outcome["error"]["type"]].append(index)
            else:
                self.assertEqual(outcome["value"], 2 * index)
        # No more calls than the two had places for, and none that may run again is lost.
        self.assertLessEqual(len(lost), 1 + NODE_PLACES)
        self.assertLessEqual(len(late), NODE_PLACES)
        self.assertEqual([index for index in lost if index % 2 == 0], [])
        self.assertEqual(message["result"], {"completed": self.CALLS - len(lost) - len(late), "failed": len(lost) + len(late)})
        while len(client.result("workers")) > 1:  # the stopped one is closed as lost
            pass
        self.assertEqual(client.result("run", call("once", 4)), 8)


class Load:
    """A client that calls all the time, from its own thread. As a context it ends, and gives what went wrong, if anything."""

    def __init__(self, port, name):
        self.answered = 0
        self.results = set()
        self._wrong = []
        self._stops = False
        self._connection = Connection(port)
        self._plan = {"task": {"map": name, "over": [[]] * 50}}
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            while not self._stops:
                results = self._connection.result("run", self._plan)
                self.answered += len(results)
                self.results.update(results)
        except Exception as failed:
            self._wrong.append(failed)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stops = True
        self._thread.join()
        self._connection.close()
        if self._wrong:
            raise self._wrong[0]


class Reloads(PoolsCase):
    def test_a_hundred_reloads_lose_no_call_and_leave_no_process(self):
        daemon = self.daemon(own=pool(*python('loop({"pid": os.getpid})'), processes=2))
        client = self.connect(daemon)
        seen = {client.result("run", call("pid"))}
        with Load(daemon.port, "pid") as load:
            for _ in range(100):
                daemon.signal(signal.SIGHUP)
                while {each["pid"] for each in client.result("workers")} <= seen:
                    pass
                seen |= {each["pid"] for each in client.result("workers")}
        self.assertGreater(load.answered, 0)
        # Those that serve are the only ones that are left.
        while len(now := {each["pid"] for each in client.result("workers")}) != 2 or children(daemon.process.pid) != now:
            pass
        for pid in (seen | load.results) - now:
            wait_for_end(pid)
        daemon.stop()
        for pid in now:
            self.assertFalse(is_alive(pid))


class CrashLoops(PoolsCase):
    CRASHES, PROCESSES = 200, 8

    def test_two_hundred_crashes_are_few_lines_and_no_harm_to_others(self):
        mark = self.folder() / "mark"
        crashing = pool("sh", "-c", f'printf "$$\\n" >>{mark}; seq 100 >&2; echo out of luck >&2; exit 3', processes=self.PROCESSES,
                        restart_max="100ms")
        daemon = self.daemon(crashing=crashing, own=pool(*python('loop({"pid": os.getpid})')))
        client = self.connect(daemon)
        pid = client.result("run", call("pid"))
        with Load(daemon.port, "pid") as load:
            while not mark.exists() or len(mark.read_text().splitlines()) < self.CRASHES:
                self.assertEqual(client.result("run", call("pid")), pid)
                self.assertLessEqual(len(children(daemon.process.pid)), 2 * self.PROCESSES + 1)
        self.assertEqual(load.results, {pid})
        daemon.wait_for_log(' error="it ended with status 3: out of luck"')
        self.assertRegex(daemon.log, 'a process of a pool has failed pool=crashing pid=[0-9]+ error="it ended with status 3: out of luck"')
        daemon.stop()
        # Of 20 000 lines of output a thousand and a hundred a second, of 200 faults ten and one a second.
        self.assertLess(daemon.log.count("\n"), self.CRASHES * 100 / 2)
        self.assertLess(daemon.log.count("a process of a pool has failed"), self.CRASHES / 2)
        for each in map(int, mark.read_text().split()):
            self.assertFalse(is_alive(each))


if __name__ == "__main__":
    unittest.main()
