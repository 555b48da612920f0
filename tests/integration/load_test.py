#!/usr/bin/python3
"""Many clients at once: every answer is right and none is lost."""

import asyncio
import hashlib
import json
import unittest

from daemon import Daemon

CLIENTS, BATCHES, TASKS = 100, 100, 100
KINDS = 8
IN_FLIGHT = 4  # batches of one client at a time


def task(kind, i):
    """A task and the entry that it gives. `@` stands for the client and the batch, so that each text is somebody's own."""
    text = f"@/{i}"
    if kind == 0:
        return {"call": "hash.sha256", "args": [str(i)]}, {"value": hashlib.sha256(str(i).encode()).hexdigest()}
    if kind == 1:
        return {"call": "sleep", "args": [0.001 * (i % 10), text]}, {"value": text}
    if kind == 2:
        return {"call": "fail", "args": ["ValueError", text]}, {"error": {"type": "ValueError", "message": text}}
    if kind == 3:
        return {"call": "add", "args": [i, {"await": {"call": "echo", "args": [1000]}}]}, {"value": i + 1000}
    if kind == 4:
        return {"let": {"a": {"value": text}}, "in": {"gather": [{"ref": "a"}, {"ref": "a"}]}}, {"value": [text, text]}
    return {"call": "echo", "args": [text]}, {"value": text}


def template(shift):
    """The text of a request, and that of its answer byte for byte."""
    tasks, entries = zip(*(task((i + shift) % KINDS, i) for i in range(TASKS)))
    params = json.dumps({"tasks": tasks, "return_exceptions": True}, separators=(",", ":"))
    result = json.dumps(entries, separators=(",", ":"))
    return f'{{"id":"@","method":"gather","params":{params}}}\n', f'{{"jsonrpc":"2.0","id":"@","result":{result}}}\n'


TEMPLATES = [template(shift) for shift in range(KINDS)]


async def client(port, who):
    """Sends all its batches, a few at a time. Gives how many answers were right; raises at the first that was not."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    expected, right, sent = {}, 0, 0
    while right < BATCHES:
        while sent < BATCHES and len(expected) < IN_FLIGHT:
            name = f"{who}/{sent}"
            request, answer = (text.replace("@", name) for text in TEMPLATES[sent % KINDS])
            expected[answer.encode()] = name
            writer.write(request.encode())
            sent += 1
        await writer.drain()
        line = await reader.readline()
        if expected.pop(line, None) is None:
            raise AssertionError(f"client {who} waits for {list(expected.values())} and got {line[:2000]}")
        right += 1
    writer.write_eof()
    rest = await reader.read()
    writer.close()
    if rest:
        raise AssertionError(f"client {who} got more than it asked for: {rest[:2000]}")
    return right


async def all_clients(port):
    return await asyncio.gather(*(client(port, who) for who in range(CLIENTS)))


class Load(unittest.TestCase):
    def test_a_hundred_clients_with_a_hundred_batches_of_a_hundred_tasks(self):
        with Daemon() as daemon:
            self.assertEqual(asyncio.run(all_clients(daemon.port)), [BATCHES] * CLIENTS)
            with daemon.connect() as connection:
                stats = connection.result("stats")
            self.assertEqual(stats["programs_run"], CLIENTS * BATCHES)
            self.assertEqual(stats["tasks_in_flight"], 0)


if __name__ == "__main__":
    unittest.main()
