#!/usr/bin/python3
"""A well-behaved client while others misbehave: neighbour.py PORT SECONDS.

It sends a small request each 4 ms whether or not the last one was answered, so a stall of the daemon costs each request
that falls into it, and checks every answer. It prints one line of JSON: {"answers", "wrong", "lost", "p50", "p99", "max"},
times in milliseconds from the moment at which a request was due.
"""

import json
import socket
import sys
import threading
import time

BETWEEN = 0.004
KINDS = [("ping", None, "pong"),
         ("run", [{"call": "add", "args": [1, 2]}], 3),
         ("run", [{"call": "sleep", "args": [0, "slept"]}], "slept"),
         ("gather", [[{"value": 1}, {"call": "sleep", "args": [0, 2]}]], [1, 2])]
PATIENCE = 60


def quantile(ordered, part):
    return round(1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))], 2) if ordered else None


def watch(port, seconds):
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    due, took, wrong = {}, [], []

    def receive():
        with connection.makefile("rb") as lines:
            for line in lines:
                answer = json.loads(line)
                number = answer.get("id")
                expected = {"jsonrpc": "2.0", "id": number, "result": KINDS[number % len(KINDS)][2]} if isinstance(number, int) else None
                if number in due and answer == expected:
                    took.append(time.monotonic() - due.pop(number))
                else:
                    wrong.append(answer)

    receiver = threading.Thread(target=receive)
    receiver.start()
    begun, number = time.monotonic(), 0
    while (at := begun + number * BETWEEN) < begun + seconds:
        time.sleep(max(0, at - time.monotonic()))
        method, params, _ = KINDS[number % len(KINDS)]
        due[number] = at
        request = {"id": number, "method": method} | ({} if params is None else {"params": params})
        connection.sendall(json.dumps(request).encode() + b"\n")
        number += 1
    connection.shutdown(socket.SHUT_WR)
    receiver.join(PATIENCE)
    took.sort()
    return {"answers": len(took), "wrong": len(wrong), "lost": len(due), "p50": quantile(took, 0.5), "p99": quantile(took, 0.99),
            "max": quantile(took, 1)}


if __name__ == "__main__":
    print(json.dumps(watch(int(sys.argv[1]), float(sys.argv[2]))))
