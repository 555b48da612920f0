#!/usr/bin/python3
"""Processes, lines and items by the hundred thousand: gatherd beside what a shell user would take.

Usage: commands.py GATHERD SPAWN_LOOP [ROUNDS]     needs GNU parallel and xargs

Each round runs every row once, so that a busy moment of the machine meets all of them. Medians of the rounds, and of the
rounds' ratios; in brackets the lowest and the highest.
"""

import json
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

FEW, MANY = 200, 2000
EXEC_JOBS = 1000
ITEMS = 1_000_000
LINES = 1_000_000


def peak_bytes(pid):
    """Of the memory of a process so far; 0 where it has ended."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next((int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")), 0)


class Daemon:
    """A daemon with one client, on a Unix socket."""

    def __init__(self, binary, folder, *flags):
        self._where = f"{folder}/socket"
        self._process = subprocess.Popen([binary, "serve", "--listen", f"unix:{self._where}", "--log.level", "error", *flags])
        self._stream = None
        while self._stream is None:
            stream = socket.socket(socket.AF_UNIX)
            try:
                stream.connect(self._where)
                self._stream = stream
            except OSError:
                stream.close()
                time.sleep(0.01)

    def run(self, task):
        """Seconds from the request's first byte to the answer's last, and the result."""
        request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "run", "params": {"task": task}}).encode() + b"\n"
        began = time.perf_counter()
        self._stream.sendall(request)
        parts = []
        while not parts or not parts[-1].endswith(b"\n"):
            parts.append(self._stream.recv(1 << 20))
        took = time.perf_counter() - began
        answer = json.loads(b"".join(parts))
        if "error" in answer:
            sys.exit(f"gatherd: {answer['error']}")
        return took, answer["result"]

    def peak_bytes(self):
        return peak_bytes(self._process.pid)

    def close(self):
        self._stream.close()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()


def run_processes(daemon, count):
    took, results = daemon.run({"gather": [{"call": "process.run", "args": [["/bin/true"]]}] * count})
    if [each["status"] for each in results] != [0] * count:
        sys.exit("gatherd: a process did not end with 0")
    return took


def timed(words, text):
    began = time.perf_counter()
    subprocess.run(words, input=text, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def map_lines(binary):
    """Seconds, and the peak of its memory in MiB."""
    numbers = "".join(f"[{n}]\n" for n in range(LINES)).encode()
    with tempfile.TemporaryFile() as lines, tempfile.TemporaryFile() as results:
        lines.write(numbers)
        lines.seek(0)
        began = time.perf_counter()
        process = subprocess.Popen([binary, "map", "--local", "--json", "add", "1"], stdin=lines, stdout=results)
        peak = 0
        while process.poll() is None:
            peak = max(peak, peak_bytes(process.pid))  # its own: what wait4 tells includes that of the process that forked it
            time.sleep(0.005)
        took = time.perf_counter() - began
        results.seek(0)
        if process.returncode != 0 or results.read() != "".join(f"{n + 1}\n" for n in range(LINES)).encode():
            sys.exit("gatherd map: a line is missing or wrong")
    return took, peak / (1 << 20)


def map_items(binary, task):
    """Seconds and bytes an item, of a daemon of its own."""
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(binary, folder, "--limits.plan_tasks", "5000000", "--limits.tasks_in_flight", "5000000",
                        "--limits.connection_tasks_in_flight", "5000000")
        before = daemon.peak_bytes()
        took, results = daemon.run(task)
        grown = daemon.peak_bytes() - before
        daemon.close()
    if results != list(range(1, ITEMS + 1)):
        sys.exit("gatherd: an item is missing or wrong")
    return took, grown / ITEMS


CALLS = {"map": "add", "over": [[n, 1] for n in range(ITEMS)]}
BODY = {"map": {"try": {"call": "add", "args": [{"ref": "x"}, 1]}, "except": {"value": None}}, "as": "x",
        "over": list(range(ITEMS))}


def measure(binary, spawn_loop, rounds):
    figures = {}

    def note(name, figure):
        figures.setdefault(name, []).append(figure)

    lines = "".join(f"{n}\n" for n in range(EXEC_JOBS)).encode()
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(binary, folder, "--process.allow", "/bin/true")
        for _ in range(rounds):
            for count in (FEW, MANY):
                note(f"process.run, {count} in one gather", count / run_processes(daemon, count))
                note(f"posix_spawn loop, {count}",
                     count / float(subprocess.run([spawn_loop, str(count)], capture_output=True, text=True, check=True).stdout))
            note("gatherd exec", EXEC_JOBS / timed([binary, "exec", "-j2", "--", "/bin/true", "{}"], lines))
            note("xargs -P2", EXEC_JOBS / timed(["xargs", "-P2", "-n1", "/bin/true"], lines))
            note("GNU parallel -j2", EXEC_JOBS / timed(["parallel", "-j2", "/bin/true"], lines))
            took, size = map_lines(binary)
            note("gatherd map --local, lines", LINES / took)
            note("gatherd map --local, MiB", size)
            took, size = map_items(binary, CALLS)
            note("a million calls, s", took)
            note("a million calls, bytes an item", size)
            took, size = map_items(binary, BODY)
            note("a million items with a body, s", took)
            note("a million items with a body, bytes an item", size)
        daemon.close()
    return figures


RATIOS = [(f"process.run, {FEW} in one gather", f"posix_spawn loop, {FEW}", "at least 0.85"),
          (f"process.run, {MANY} in one gather", f"posix_spawn loop, {MANY}", "at least 0.85"),
          ("gatherd exec", "xargs -P2", "at least 0.8"), ("gatherd exec", "GNU parallel -j2", "at least 5"),
          ("a million items with a body, s", "a million calls, s", "at most 3")]


def spread(figures):
    return f"{statistics.median(figures):.4g} ({min(figures):.4g} to {max(figures):.4g})"


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    figures = measure(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 5)
    print("| what | a second, or as it says |\n| --- | --: |")
    for name, each in figures.items():
        print(f"| {name} | {spread(each)} |")
    print("\n| ratio | reached | aimed at |\n| --- | --: | --: |")
    for name, other, aim in RATIOS:
        print(f"| {name} : {other} | {spread([a / b for a, b in zip(figures[name], figures[other])])} | {aim} |")


if __name__ == "__main__":
    main()
