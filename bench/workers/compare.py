#!/usr/bin/python3
"""Measures pools beside other ways to call a function of a Python or PHP process: rounds in which each has its turn, in random order.

Usage: compare.py BUILD [--rounds N] [--calls N] [--only REGEX] [--write DOCS]

BUILD is the folder of a release build with the targets gatherd and worker_peers. --only takes the rows whose name it matches. --write
replaces the tables in DOCS/PERFORMANCE.md; without it they are printed.
"""

import argparse
import contextlib
import datetime
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from service.peers import accepts, die_with_parent, free_port, start, wait_until  # noqa: E402
from simulation.report import number, replace_block, table  # noqa: E402

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PYTHON = "/usr/bin/python3"
MARKS = ("<!-- worker_bench: begin -->", "<!-- worker_bench: end -->")
PYTHON_POOL, PHP_POOL = f"{PYTHON} {HERE}/tasks.py", f"php {HERE}/tasks.php"
ASKED = {"id": 1, "method": "run", "params": {"task": {"call": "add_one", "args": [1]}}}
INVOKED = {"jsonrpc": "2.0", "id": "1", "method": "invoke", "params": {"call": "add_one", "args": [1], "attempt": 1}}
LATENCIES = 20_000
PATIENCE = 600  # seconds for a row
READY, CLIENT = "Python: gatherd, a gather ready to send", "Python: gatherd, gather of the Python client"
TENTHS, MAP = "Python: gatherd, ten gathers of a tenth, ready to send", "Python: gatherd, a map ready to send"
POOL_MAP, PLAIN = "Python: multiprocessing.Pool.map, chunksize 1", "Python: bare socketpairs, plain worker"


class Bench:
    def __init__(self, options, folder, log):
        self.build, self.calls = Path(options.build).resolve(), options.calls
        self._folder, self._log = folder, log
        self.environment = {"PYTHONPATH": str(ROOT / "clients" / "python"), "PYTHONDONTWRITEBYTECODE": "1"}

    def peer(self, name):
        return str(self.build / "bench" / "workers" / name)

    def output(self, *words, **environment):
        done = subprocess.run(words, cwd=HERE, env=os.environ | self.environment | environment, capture_output=True, text=True, check=False,
                              timeout=PATIENCE, preexec_fn=die_with_parent)
        if done.returncode != 0:
            raise RuntimeError(f"{words}: status {done.returncode}: {done.stderr.strip()}")
        return float(done.stdout)

    def start(self, stack, *words, **environment):
        variables = [f"{name}={value}" for name, value in (self.environment | environment).items()]
        return start(stack, ["env", *variables, *words], self._log)

    def port_of(self, stack, *words):
        """Of a server that is told the file for its port as the last word."""
        port_file = Path(self._folder) / "port"
        port_file.unlink(missing_ok=True)
        process = self.start(stack, *words, str(port_file))
        wait_until(lambda: port_file.exists() and port_file.read_text().strip(), process, words[0])
        return int(port_file.read_text().split()[0].rpartition(":")[2])

    def daemon(self, stack, pool):
        pools = {"bench": {"command": pool.split(), "processes": 2}}
        return self.port_of(stack, str(self.build / "gatherd"), "serve", "--listen", "127.0.0.1:0", "--log.level", "warn",
                            "--pools", json.dumps(pools), "--port-file")

    def ready(self, pool, method, size):
        """Calls a second of requests of so many calls each, from the first byte sent to the last one received."""
        def request(numbers):
            params = {"tasks": [{"call": "add_one", "args": [i]} for i in numbers]} if method == "gather" else \
                {"call": "add_one", "over": [[i] for i in numbers]}
            return json.dumps({"id": numbers[0], "method": method, "params": params}).encode() + b"\n"

        with contextlib.ExitStack() as stack:
            port = self.daemon(stack, pool)
            with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as lines:
                def run(calls):
                    starts = range(0, calls, size)
                    requests = b"".join(request(range(start, min(start + size, calls))) for start in starts)
                    begin = time.perf_counter()
                    connection.sendall(requests)
                    answers = [lines.readline() for _ in starts]
                    took = time.perf_counter() - begin
                    results = {answer["id"]: answer["result"] for answer in map(json.loads, answers)}
                    if sum((results[start] for start in starts), []) != list(range(1, calls + 1)):
                        raise RuntimeError("a wrong answer")
                    return calls / took

                run(self.calls // 10)
                return run(self.calls)

    def client(self, pool, *words):
        with contextlib.ExitStack() as stack:
            return self.output(*words, str(self.calls), GATHERD_CONNECT=f"127.0.0.1:{self.daemon(stack, pool)}")

    def bare(self, *worker):
        return self.output(self.peer("bare_pool"), str(self.calls), "2", *worker)

    def celery(self):
        with contextlib.ExitStack() as stack:
            port = str(free_port())
            server = self.start(stack, "redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no",
                                "--dir", self._folder)
            wait_until(lambda: accepts(int(port)), server, "redis-server")
            environment = {"REDIS_PORT": port, "PYTHONPATH": str(HERE)}
            # SIGTERM lets a worker of Celery end its children.
            self.start(stack, PYTHON, "-m", "celery", "-A", "celery_tasks", "worker", "--concurrency", "2", "--loglevel", "ERROR",
                       **environment)
            return self.output(PYTHON, "celery_tasks.py", str(self.calls), **environment)

    def gearmand(self):
        with contextlib.ExitStack() as stack:
            port = str(free_port())
            server = self.start(stack, "gearmand", "-L", "127.0.0.1", "-p", port, "-l", str(Path(self._folder) / "gearmand.log"))
            wait_until(lambda: accepts(int(port)), server, "gearmand")
            for _ in range(2):
                self.start(stack, "php", str(HERE / "gearman_worker.php"), port)
            return self.output("php", "gearman_client.php", port, str(self.calls))

    def latency(self, worker):
        with contextlib.ExitStack() as stack:
            return self.output(self.peer("ask"), str(self.daemon(stack, worker)), str(LATENCIES), json.dumps(ASKED), '"result":2')

    def relayed(self, worker):
        with contextlib.ExitStack() as stack:
            port = self.port_of(stack, self.peer("relay"), *worker.split())
            return self.output(self.peer("ask"), str(port), str(LATENCIES), json.dumps(INVOKED, separators=(",", ":")), '"result":2')

    def first_answer(self):
        """Milliseconds from the start of the daemon to the first answer."""
        with contextlib.ExitStack() as stack:
            path = Path(self._folder) / "socket"
            words = [str(self.build / "gatherd"), "serve", "--listen", f"unix:{path}", "--log.level", "warn", "--pool", PYTHON_POOL]
            begin = time.perf_counter()
            process = self.start(stack, *words)
            connection = stack.enter_context(socket.socket(socket.AF_UNIX))
            while connection.connect_ex(str(path)) != 0:
                if process.poll() is not None:
                    raise RuntimeError("the daemon did not start")
                time.sleep(0.0005)
            connection.sendall(json.dumps(ASKED).encode() + b"\n")
            answer = connection.makefile("rb").readline()
            took = time.perf_counter() - begin
            if json.loads(answer)["result"] != 2:
                raise RuntimeError("a wrong answer")
            return took * 1e3

    def python_start(self):
        """The same with Python alone: from its start until it has written a line."""
        with contextlib.ExitStack() as stack:
            begin = time.perf_counter()
            process = subprocess.Popen([PYTHON, "-c", "print(2)"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            stack.callback(process.wait)
            stack.enter_context(process.stdout)
            process.stdout.readline()
            return (time.perf_counter() - begin) * 1e3

    def rows(self):
        """name: how it is measured."""
        return {
            READY: lambda: self.ready(PYTHON_POOL, "gather", self.calls),
            TENTHS: lambda: self.ready(PYTHON_POOL, "gather", self.calls // 10),
            MAP: lambda: self.ready(PYTHON_POOL, "map", self.calls),
            CLIENT: lambda: self.client(PYTHON_POOL, PYTHON, "python_client.py"),
            PLAIN: lambda: self.bare(PYTHON, str(HERE / "plain_worker.py")),
            "Python: bare socketpairs, worker of the package": lambda: self.bare(*PYTHON_POOL.split()),
            POOL_MAP: lambda: self.output(PYTHON, "pool_map.py", str(self.calls)),
            "Python: Celery with Redis": self.celery,
            "PHP: gatherd, a gather ready to send": lambda: self.ready(PHP_POOL, "gather", self.calls),
            "PHP: gatherd, a map ready to send": lambda: self.ready(PHP_POOL, "map", self.calls),
            "PHP: gatherd, gather of the PHP client": lambda: self.client(PHP_POOL, "php", "php_client.php"),
            "PHP: gearmand": self.gearmand,
            "latency: gatherd": lambda: self.latency(PYTHON_POOL),
            "latency: relay": lambda: self.relayed(PYTHON_POOL),
            "start: gatherd": self.first_answer,
            "start: Python": self.python_start,
        }


def ratio(ours, theirs):
    return ours / theirs


def difference(ours, theirs):
    return ours - theirs


# (ours, theirs, how they are compared in one round, what is aimed at)
TARGETS = [
    (READY, PLAIN, ratio, "at least 0.5"),
    (TENTHS, PLAIN, ratio, "-"),
    (MAP, PLAIN, ratio, "-"),
    (READY, "Python: bare socketpairs, worker of the package", ratio, "-"),
    (READY, POOL_MAP, ratio, "-"),
    (CLIENT, POOL_MAP, ratio, "-"),
    (CLIENT, "Python: Celery with Redis", ratio, "at least 10"),
    ("PHP: gatherd, a gather ready to send", "PHP: gearmand", ratio, "-"),
    ("PHP: gatherd, a map ready to send", "PHP: gearmand", ratio, "-"),
    ("PHP: gatherd, gather of the PHP client", "PHP: gearmand", ratio, "at least 3"),
    ("latency: gatherd", "latency: relay", ratio, "at most 1.3"),
    ("start: gatherd", "start: Python", difference, "at most 60 ms more"),
]
UNITS = {"Python": "calls/s", "PHP": "calls/s", "latency": "us, p50", "start": "ms"}


def spread(values):
    return f"{number(min(values))} to {number(max(values))}"


def machine():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next((line.partition(": ")[2].strip() for line in lines if line.startswith("model name")), "?")
    return f"{os.cpu_count()} cores of {processor}"


def lines(found, options):
    rounds = max(len(values) for values in found.values())
    yield (f"{datetime.date.today()}, {machine()}, load {os.getloadavg()[0]:.1f} at the end; `scripts/bench.sh workers`, {rounds} rounds of "
           f"{options.calls} calls; medians, and the least and the most of the rounds.")
    yield ""
    yield from table(["what", "unit", "median", "of the rounds"],
                     [[name, UNITS[name.partition(":")[0]], median(values), spread(values)] for name, values in found.items()])
    yield ""
    rows = []
    for ours, theirs, figure, target in TARGETS:
        if found.get(ours) and found.get(theirs):
            values = [figure(*each) for each in zip(found[ours], found[theirs])]
            rows.append([ours, theirs, median(values), spread(values), target])
    yield from table(["gatherd", "against", "median of the rounds' ratios (of start: the difference, ms)", "of the rounds", "aimed at"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--calls", type=int, default=10_000, metavar="N")
    parser.add_argument("--only", type=re.compile, default=re.compile(""), metavar="REGEX")
    parser.add_argument("--write", type=Path, metavar="DOCS")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gatherd-bench-") as folder, open(Path(folder) / "log", "w+", encoding="utf-8") as log:
        bench = Bench(options, folder, log)
        chosen = {name: measure for name, measure in bench.rows().items() if options.only.search(name)}
        if not chosen:
            sys.exit(f"compare.py: no row matches '{options.only.pattern}'")
        found = defaultdict(list, {name: [] for name in chosen})
        for count in range(1, options.rounds + 1):
            print(f"== round {count} of {options.rounds}", file=sys.stderr, flush=True)
            for name, measure in random.sample(list(chosen.items()), len(chosen)):
                found[name].append(measure())
    made = list(lines(found, options))
    if options.write:
        page = options.write / "PERFORMANCE.md"
        page.write_text(replace_block(page.read_text(encoding="utf-8"), MARKS, made), encoding="utf-8")
    else:
        print("\n".join(made))


if __name__ == "__main__":
    main()
