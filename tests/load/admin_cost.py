#!/usr/bin/python3
"""What the admin port costs: CPU when nobody asks, when it is scraped each second and watched by three, and what ten
thousand scrapes a minute do to a client's pings.

Usage: admin_cost.py GATHERD [SECONDS]     seconds of each measurement; the defaults take two minutes

Where a daemon is compared with another, both run at once and are measured in turns of a second, so that a busy moment of
the machine meets both.
"""

import http.client
import multiprocessing
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

SCRAPES_A_MINUTE = 10_000
WATCHERS = 3
TURNS = 10


class Daemon:
    def __init__(self, binary, *flags):
        self.process = subprocess.Popen([binary, "serve", "--listen", "127.0.0.1:0", "--log.format", "text", *flags], stderr=subprocess.PIPE, text=True)
        self.admin = self.port = None
        for line in self.process.stderr:
            if found := re.search(r"admin.*127\.0\.0\.1:(\d+)", line):
                self.admin = int(found[1])
            elif found := re.search(r"listening address=127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
            if "is ready" in line:
                break
        self.stream = socket.create_connection(("127.0.0.1", self.port))
        self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def cpu(self):
        """Seconds that its threads have used."""
        tasks = Path("/proc", str(self.process.pid), "task").iterdir()
        return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9

    def ping(self):
        began = time.perf_counter()
        self.stream.sendall(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        if not self.stream.recv(4096).endswith(b"\n"):
            sys.exit("gatherd: no answer")
        return time.perf_counter() - began

    def close(self):
        self.stream.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def scrape(connection):
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200 or b"gatherd_build_info" not in text:
        sys.exit("gatherd: no metrics")
    return len(text)


def idle_cost(daemon, seconds):
    before = daemon.cpu()
    time.sleep(seconds)
    return (daemon.cpu() - before) / seconds


def watched_cost(daemon, seconds):
    """Of a core, with a scrape a second and three that read events."""
    watchers, snapshots = [], []

    def read(stream):
        while data := stream.recv(1 << 16):
            snapshots.append(data.count(b"event: snapshot"))

    for _ in range(WATCHERS):
        made = socket.create_connection(("127.0.0.1", daemon.admin))
        made.sendall(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{daemon.admin}\r\n\r\n".encode())
        threading.Thread(target=read, args=[made], daemon=True).start()
        watchers.append(made)
    scraper = http.client.HTTPConnection("127.0.0.1", daemon.admin)
    before = daemon.cpu()
    for _ in range(int(seconds)):
        time.sleep(1)
        scrape(scraper)
    cost = (daemon.cpu() - before) / int(seconds)
    for each in watchers:
        each.shutdown(socket.SHUT_RDWR)
        each.close()
    scraper.close()
    if sum(snapshots) < WATCHERS * int(seconds):
        sys.exit("gatherd: watchers got no snapshots")
    return cost


class Scraper(multiprocessing.Process):
    """Scrapes at that rate while it is wanted. A process of its own, so that it does not hold up who pings."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self._port, self.wanted, self.done = port, multiprocessing.Event(), multiprocessing.Value("i")
        self.start()

    def run(self):
        connection, gap = http.client.HTTPConnection("127.0.0.1", self._port), 60 / SCRAPES_A_MINUTE
        while True:
            self.wanted.wait()
            due = time.perf_counter()
            while self.wanted.is_set():
                scrape(connection)
                self.done.value += 1
                due = max(due + gap, time.perf_counter() - 1)
                time.sleep(max(0.0, due - time.perf_counter()))


def pings(daemon, seconds):
    times, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        times.append(daemon.ping())
        time.sleep(0.001)
    return times


def p99(times):
    return statistics.quantiles(times, n=100)[98]


def main():
    binary, seconds = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 20
    without, with_port = Daemon(binary), Daemon(binary, "--admin.listen", "127.0.0.1:0")
    print(f"idle, no admin port:                    {100 * idle_cost(without, seconds):.2f} % of a core")
    print(f"idle, admin port on:                    {100 * idle_cost(with_port, seconds):.2f} % of a core")
    print(f"scraped each second, three watch events: {100 * watched_cost(with_port, seconds):.2f} % of a core")
    # The scraper and what it makes a daemon do need CPU themselves: what that alone does to pings is seen where another
    # daemon of this machine is scraped.
    other = Daemon(binary, "--admin.listen", "127.0.0.1:0")
    scrapers, times = {"the same": Scraper(with_port.admin), "another daemon": Scraper(other.admin)}, {}
    spent = dict.fromkeys(scrapers, 0.0)
    for _ in range(TURNS):
        times.setdefault("none", []).extend(pings(with_port, seconds / TURNS))
        for name, scraper in scrapers.items():
            scraper.wanted.set()
            started = time.perf_counter()
            times.setdefault(name, []).extend(pings(with_port, seconds / TURNS))
            spent[name] += time.perf_counter() - started
            scraper.wanted.clear()
    for name, found in times.items():
        rate = 60 * scrapers[name].done.value / spent[name] if name in scrapers else 0
        print(f"a ping while {name + ' is scraped,':27} {rate:5.0f} times a minute: p50 {1e6 * statistics.median(found):.0f} us, p99 {1e6 * p99(found):.0f} us")
    other.close()
    without.close()
    with_port.close()


if __name__ == "__main__":
    main()
