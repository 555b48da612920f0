#!/usr/bin/python3
"""Mixes everything that clients do, for as long as SOAK_SECONDS says, and checks every answer.

Usage: soak.py GATHERD [SEED]

The time is spent in rounds. After each one all clients are gone, and the daemon must be back to the sockets that it
had before the first; its descriptors, threads and memory must not grow from one third of the rounds to the next.
"""

import asyncio
import hashlib
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from client import Client  # noqa: E402

CLIENTS = 24
ROUNDS = 12
answers = 0


def expect(answer, key, expected):
    """The answer is of that kind and says that."""
    global answers
    answers += 1
    if key not in answer or (expected is not None and answer[key] != expected):
        raise AssertionError(f"expected {key} {str(expected)[:300]}, answered {str(answer)[:300]}")
    return answer[key]


def expect_error(answer, code):
    error = expect(answer, "error", None)
    if error["code"] != code:
        raise AssertionError(f"expected error {code}, answered {str(answer)[:300]}")


async def sleeping_batch(client, rng):
    values = list(range(rng.randint(1, 300)))
    tasks = [{"call": "sleep", "args": [rng.uniform(0, 0.03), value]} for value in values]
    expect(await client.call("gather", {"tasks": tasks}), "result", values)


async def computing_batch(client, rng):
    texts = ["x" * rng.randint(0, 2000) for _ in range(rng.randint(1, 100))]
    tasks = [{"call": "hash.sha256", "args": [text]} for text in texts]
    expected = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    expect(await client.call("gather", {"tasks": tasks}), "result", expected)


async def wide_map(client, rng):
    over = [[rng.randint(-9, 9), rng.randint(-9, 9)] for _ in range(rng.randint(0, 2000))]
    expect(await client.call("map", {"call": "add", "over": over}), "result", [a + b for a, b in over])


async def pipeline(client, rng):
    futures = [(client.start("run", {"task": {"call": "echo", "args": [i]}}), i) for i in range(rng.randint(1, 100))]
    for future, value in futures:
        expect(await future, "result", value)


async def failures(client, rng):
    count = rng.randint(1, 90)
    tasks = [{"call": "fail", "args": ["ValueError", str(i)]} if i % 3 else {"value": i} for i in range(count)]
    expected = [{"error": {"type": "ValueError", "message": str(i)}} if i % 3 else {"value": i} for i in range(count)]
    expect(await client.call("gather", {"tasks": tasks, "return_exceptions": True}), "result", expected)
    expect_error(await client.call("run", {"task": {"call": "fail", "args": ["ValueError", "x"]}}), -32000)


async def timeouts(client, rng):
    plan = {"gather": [{"call": "sleep", "args": [60]} for _ in range(rng.randint(1, 50))]}
    expect_error(await client.call("run", {"task": plan, "timeout": 0.02}), -32001)


async def created_tasks(client, rng):
    made = expect(await client.call("create_task", {"task": {"call": "sleep", "args": [0.01, "made"]}, "keep": 10}), "result", None)
    expect(await client.call("await", {"id": made["id"]}), "result", "made")
    lost = expect(await client.call("create_task", {"task": {"call": "sleep", "args": [60]}}), "result", None)
    end = client.start("await", {"id": lost["id"]})
    expect(await client.call("cancel", {"id": lost["id"]}), "result", {"cancelled": 1})
    expect_error(await end, -32000)


async def streams(client, rng):
    count = rng.randint(1, 60)
    tasks = [{"call": "sleep", "args": [rng.uniform(0, 0.01), i]} if i % 4 else {"call": "fail", "args": ["E", str(i)]} for i in range(count)]
    future = client.start("gather", {"tasks": tasks, "return_exceptions": True, "stream": True, "progress": 0.005})
    number = client._next_id
    failed = len(range(0, count, 4))
    expect(await future, "result", {"completed": count - failed, "failed": failed})
    told = client.told.pop(number)  # all of it came before the answer
    ends = [each["params"] for each in told if each["method"] == "completed"]
    right = {i: {"value": i} if i % 4 else {"error": {"type": "E", "message": str(i)}} for i in range(count)}
    if {each["index"]: {key: each[key] for key in each if key in ("value", "error")} for each in ends} != right or len(ends) != count:
        raise AssertionError(f"a stream of {count} told {str(told)[:300]}")
    if told[-1]["method"] != "progress" or told[-1]["params"]["done"] != count:
        raise AssertionError(f"the last progress was {told[-1]}")


async def batches(client, rng):
    count = rng.randint(1, 50)
    got = await client.batch([("run", {"task": {"call": rng.choice(["echo", "sleep"]), "args": [0] if i % 2 else []}}) if i % 5 else ("none", {})
                              for i in range(count)])
    for i, answer in enumerate(got):
        if i % 5 == 0:
            expect_error(answer, -32601)
        elif "error" in answer:
            expect_error(answer, -32602)  # sleep without an argument
        else:
            expect(answer, "result", None)


async def prints(client, rng):
    lines = [str(rng.random()) for _ in range(rng.randint(1, 30))]
    future = client.start("run", {"task": {"sequence": [{"call": "print", "args": [line]} for line in lines]}})
    number = client._next_id
    expect(await future, "result", [None] * len(lines))
    if [each["params"]["text"] for each in client.told.pop(number)] != lines:
        raise AssertionError("lines that were printed came otherwise")


async def blocking_calls(client, rng):
    tasks = [{"to_thread": {"call": "time.sleep", "args": [0.005]}} for _ in range(rng.randint(1, 8))]
    expect(await client.call("gather", {"tasks": tasks}), "result", [None] * len(tasks))


async def wrong_requests(client, rng):
    expect_error(await client.call("run", {"task": {"call": "no.such.function"}}), -32602)
    expect_error(await client.call("no_such_method", {}), -32601)
    expect_error(await client.garbage(rng.choice([b"nonsense", b'{"id":1,}', b"[1,2}", b'{"a":"\x01"}'])), -32700)


ACTIONS = [sleeping_batch, computing_batch, wide_map, pipeline, failures, timeouts, created_tasks, blocking_calls,
           wrong_requests, streams, batches, prints]


async def behave(port, rng, until):
    """One client of a round; it goes politely, or in the middle of something."""
    client = await Client.connect(port)
    while time.monotonic() < until:
        if rng.random() < 0.05:
            client.start("gather", {"tasks": [{"call": "sleep", "args": [60]}] * rng.randint(1, 500)})
            client.start("create_task", {"task": {"call": "sleep", "args": [60]}})
            await asyncio.sleep(rng.uniform(0, 0.005))
            client.vanish()
            client = await Client.connect(port)
        await rng.choice(ACTIONS)(client, rng)
    await client.close()


def open_files(pid):
    names = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            names.append(os.readlink(entry))
        except FileNotFoundError:
            pass  # closed between the two looks
    return names


def footprint(pid):
    """Sockets, descriptors, threads and KiB of resident memory."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    files = open_files(pid)
    sockets = sum(name.startswith("socket:") for name in files)
    return sockets, len(files), int(status["Threads"]), int(status["VmRSS"].split()[0])


def settled(pid, sockets):
    """The footprint once the closed connections are gone; a leak lasts past any patience."""
    for _ in range(200):
        now = footprint(pid)
        if now[0] <= sockets:
            return now
        time.sleep(0.05)
    raise AssertionError(f"{now[0]} sockets stay open, before the first round it was {sockets}: {open_files(pid)}")


def check_flat(history):
    third = len(history) // 3
    for name, which, slack in [("descriptors", 1, 0), ("threads", 2, 2)]:
        seen = [entry[which] for entry in history]
        if max(seen[third:]) > max(seen[:third]) + slack:
            raise AssertionError(f"{name} grow: {seen}")
    memory = [entry[3] for entry in history]
    before, after = statistics.median(memory[third:2 * third]), statistics.median(memory[2 * third:])
    if after > before * 1.1 + 4096:
        raise AssertionError(f"memory grows, in KiB: {memory}")


def soak(gatherd, seconds, seed):
    with tempfile.TemporaryDirectory() as work:
        port_file = Path(work, "port")
        # The daemon reads settings from GATHERD_*: those of whoever runs the test are not meant for it.
        plain = {name: value for name, value in os.environ.items() if not name.startswith("GATHERD_")}
        # So few threads for blocking calls that the first round starts them all; and results of created tasks are kept so
        # shortly that as many are dropped as come: kept for the usual five minutes they would grow all the time.
        command = [gatherd, "serve", "--listen", "127.0.0.1:0", "--port-file", str(port_file)]
        command += ["--blocking.threads", "16", "--tasks.keep", "1s"]
        daemon = subprocess.Popen(command, env=plain)
        try:
            while not port_file.exists() or not port_file.read_text().strip():
                if daemon.poll() is not None:
                    raise AssertionError(f"the daemon ended at once with status {daemon.returncode}")
                time.sleep(0.02)
            port = int(port_file.read_text().strip().rsplit(":", 1)[-1])
            history, at_rest = [], footprint(daemon.pid)[0]
            for number in range(ROUNDS):
                until = time.monotonic() + seconds / ROUNDS

                async def one_round():
                    clients = [behave(port, random.Random(f"{seed}/{number}/{i}"), until) for i in range(CLIENTS)]
                    await asyncio.gather(*clients)

                asyncio.run(one_round())
                history.append(settled(daemon.pid, at_rest))
                print(f"round {number}: {answers} answers; sockets, files, threads, KiB: {history[-1]}", flush=True)
            check_flat(history)
            daemon.send_signal(signal.SIGTERM)
            if daemon.wait(60) != 0:
                raise AssertionError(f"SIGTERM ended the daemon with status {daemon.returncode}")
        finally:
            if daemon.poll() is None:
                daemon.kill()
                daemon.wait()
    print(f"{answers} answers, all right")


if __name__ == "__main__":
    chosen = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    print(f"seed {chosen}", flush=True)
    soak(sys.argv[1], float(os.environ.get("SOAK_SECONDS", "60")), chosen)
