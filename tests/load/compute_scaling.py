#!/usr/bin/python3
"""What a second thread is worth to calls that compute: 64 of about 5 ms each on one value of a let (half of them hash a
text, half sort a list), by a daemon with two threads and by one with --threads 1, which take turns; and how long a ping
each 10 ms takes meanwhile.

Usage: compute_scaling.py GATHERD [TURNS [SECONDS]]     ten turns of a second each; on two idle cores
"""

import json
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

CALLS = 64
HASHED = 6_000_000  # bytes, which the plan makes itself: what is measured is computing, not sending
PIECE = 3_000
SORTED = 20_000  # numbers


class Daemon:
    def __init__(self, binary, folder, threads):
        self._where = f"{folder}/{threads}"
        self._process = subprocess.Popen([binary, "serve", "--listen", f"unix:{self._where}", "--threads", str(threads), "--log.level", "warn"])
        self._stream = self.connected()

    def connected(self):
        while True:
            stream = socket.socket(socket.AF_UNIX)
            try:
                stream.connect(self._where)
                return stream.makefile("rwb")
            except OSError:
                stream.close()
                time.sleep(0.01)

    def ask(self, request, stream=None):
        stream = stream or self._stream
        stream.write(request)
        stream.flush()
        answer = json.loads(stream.readline())
        if "error" in answer:
            sys.exit(f"compute_scaling: {answer}")
        return answer["result"]

    def close(self):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()


def request(method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n"


def program():
    draw = random.Random(1)
    numbers = [draw.randrange(10**9) for _ in range(SORTED)]
    text = {"call": "str.join", "args": ["x" * PIECE, [""] * (HASHED // PIECE + 1)]}
    hashing = {"call": "hash.sha256", "args": [{"ref": "text"}]}
    sorting = {"call": "len", "args": [{"await": {"call": "sorted", "args": [{"ref": "numbers"}]}}]}
    return request("run", task={"let": {"text": text, "numbers": {"value": numbers}},
                                "in": {"gather": [hashing, sorting] * (CALLS // 2)}})


class Pings:
    """One each 10 ms, until the end."""

    def __init__(self, daemon):
        self.times, self._ends = [], threading.Event()
        self._thread = threading.Thread(target=self._ping, args=(daemon, daemon.connected()))
        self._thread.start()

    def _ping(self, daemon, stream):
        while not self._ends.wait(0.01):
            began = time.perf_counter()
            daemon.ask(request("ping"), stream)
            self.times.append(time.perf_counter() - began)

    def end(self):
        self._ends.set()
        self._thread.join()


def rate(daemon, asked, seconds):
    calls, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds:
        daemon.ask(asked)
        calls += CALLS
    return calls / took


def main():
    binary, turns, seconds = sys.argv[1], *(float(each) for each in (sys.argv[2:] + ["10", "1"][len(sys.argv) - 2:]))
    asked = program()
    with tempfile.TemporaryDirectory() as folder:
        one, two = Daemon(binary, folder, 1), Daemon(binary, folder, 2)
        try:
            for each in (one, two):
                each.ask(asked)
            rates, times = [], []
            for _ in range(int(turns)):
                alone = rate(one, asked, seconds)
                together = rate(two, asked, seconds)
                rates.append((alone, together, together / alone))
                pings = Pings(two)
                rate(two, asked, seconds)
                pings.end()
                times += pings.times
        finally:
            one.close()
            two.close()
    alone, together, factor = (statistics.median(each) for each in zip(*rates))
    print(f"{alone:.0f} calls/s with one thread, {together:.0f} with two: {factor:.2f} times, "
          f"from {min(each[2] for each in rates):.2f} to {max(each[2] for each in rates):.2f}")
    print(f"{len(times)} pings: p50 {statistics.median(times) * 1e3:.2f} ms, p99 {statistics.quantiles(times, n=100)[98] * 1e3:.2f} ms")


main()
