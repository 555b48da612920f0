#!/usr/bin/python3
"""Prints what a connection, a task, a kept result and a request cost the daemon: the table "Sizing" of docs/OPERATIONS.md.

costs.py [PROGRAM]     build/release/gatherd unless told. Half a minute; CPU times are of this machine.
"""

import os
import resource
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "integration")]
os.environ["TESTED_GATHERD"] = str(Path(sys.argv[1] if len(sys.argv) > 1 else "build/release/gatherd").resolve())

from daemon import Daemon

SLEEP = {"call": "sleep", "args": [3600]}


def status_kib(pid, name):
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name + ":"))


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def row(what, cost):
    print(f"| {what} | {cost} |", flush=True)


def of_bytes(number):
    for unit in ("bytes", "KiB", "MiB"):
        if number < 10240 or unit == "MiB":
            return f"{number:.0f} {unit}"
        number /= 1024


def grown(ask, count, do):
    """Bytes that the daemon counts for each of `count`, once `do` has made them."""
    before = ask("stats")["memory"]["allocated_bytes"]
    kept = do()
    after = ask("stats")["memory"]["allocated_bytes"]
    del kept
    return (after - before) / count


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, max(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    print("| what | cost |\n| --- | --- |")

    with Daemon("--limits.kept_bytes", "1GiB") as daemon, daemon.connect() as client:
        ask, pid = client.result, daemon.process.pid
        row("the daemon, just started: resident", of_bytes(status_kib(pid, "VmRSS") * 1024))
        ask("gather", [[{"call": "sleep", "args": [0]}] * 1000])

        def connections():
            made = [daemon.connect() for _ in range(2000)]
            for each in made:
                each.result("ping")
            return made
        row("a connection that is open", of_bytes(grown(ask, 2000, connections)))

    with Daemon() as daemon, daemon.connect() as client, daemon.connect() as sleeper:
        count = 100_000
        before = client.result("stats")["memory"]["allocated_bytes"]
        sleeper.start("map", {"call": "sleep", "over": [[3600]] * count})
        end = time.monotonic() + 60
        while client.result("stats")["tasks_in_flight"] < count and time.monotonic() < end:
            time.sleep(0.01)
        row("a task that sleeps or waits, of a batch", of_bytes((client.result("stats")["memory"]["allocated_bytes"] - before) / count))
        sleeper.reset()

    with Daemon() as daemon, daemon.connect() as client:
        count = 10_000

        def created(task):
            client.send([{"id": i, "method": "create_task", "params": {"task": task}} for i in range(count)])
            return client.message()
        row("a created task that sleeps", of_bytes(grown(client.result, count, lambda: created(SLEEP))))

        def finished():
            ids = [each["result"]["id"] for each in created({"value": "x" * 1000})]
            client.result("wait", [ids])
        row("a kept result of 1000 bytes", of_bytes(grown(client.result, count, finished)))
        daemon.kill()  # the created ones would hold up a stop

    size = 32 << 20
    with Daemon() as daemon, daemon.connect() as client:
        before = status_kib(daemon.process.pid, "VmRSS")
        client.result("run", {"task": {"value": "x" * size}})
        row("a request of 32 MiB that is answered by as much: resident at most, for each byte", f"{(status_kib(daemon.process.pid, 'VmHWM') - before) * 1024 / size:.1f} bytes")

    with Daemon() as daemon, daemon.connect() as client:
        def cpu(count, run):
            before = cpu_seconds(daemon.process.pid)
            run()
            return f"{(cpu_seconds(daemon.process.pid) - before) / count * 1e6:.1f} us of CPU"
        count = 100_000

        def pings():
            for _ in range(count // 1000):
                client.send('{"id":1,"method":"run","params":{"task":{"call":"add","args":[1,2]}}}\n' * 1000)
                client.messages(1000)
        row("a request, a thousand of them sent at a time", cpu(count, pings))
        row("a task in a batch of 100 000", cpu(10 * count, lambda: [client.result("gather", [[{"call": "add", "args": [1, 2]}] * count]) for _ in range(10)]))


if __name__ == "__main__":
    main()
