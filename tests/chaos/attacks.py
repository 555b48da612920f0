"""What hostile and broken clients do. Each attack is a generator: it yields after each thing that it has tried.

An attack gets the port and a random.Random of its own; its sockets are closed by whoever runs it out. Errors of sockets
are expected: the daemon may close at any time.
"""

import json
import os
import socket
import struct
import time

SLEEP = {"call": "sleep", "args": [0]}


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def request(method, params):
    return json.dumps({"id": 1, "method": method, "params": params}).encode() + b"\n"


def nobody(port, rng):
    """For comparison: nothing at all."""
    while True:
        time.sleep(0.05)
        yield


def a_plan_of_a_million_tasks(port, rng):
    """One client that always has a plan of a million tasks running."""
    with connect(port) as connection, connection.makefile("rb") as lines:
        connection.settimeout(120)
        text = request("map", ["sleep", [[0]] * 1_000_000])
        while True:
            connection.sendall(text)
            answer = json.loads(lines.readline())
            if len(answer.get("result", [])) != 1_000_000 and answer.get("error", {}).get("code") != -32003:
                raise AssertionError(f"a plan of a million tasks: {str(answer)[:200]}")
            yield


def batches_without_end(port, rng):
    """JSON-RPC batches of ten thousand requests, pipelined."""
    batch = json.dumps([{"id": i, "method": "run", "params": [SLEEP]} for i in range(10_000)]).encode() + b"\n"
    with connect(port) as connection, connection.makefile("rb") as lines:
        connection.settimeout(60)
        connection.sendall(batch)
        while True:
            connection.sendall(batch)
            if len(json.loads(lines.readline())) != 10_000:
                raise AssertionError("a batch lost answers")
            yield


def lines_of_a_hundred_megabytes(port, rng):
    """A line of 100 MB: a text that never ends, white space, or brackets."""
    while True:
        filler = rng.choice([b"x", b" ", b"[", b'{"a":', b"1,"])
        opening = rng.choice([b'{"id":1,"method":"run","params":["', b"[", b""])
        with connect(port) as connection:
            try:
                connection.sendall(opening)
                for _ in range(100):
                    connection.sendall(filler * (1_000_000 // len(filler)))
                connection.sendall(b"\n")
            except OSError:
                pass  # closed at the limit
        yield


def senders_of_a_byte_at_a_time(port, rng):
    """Two hundred clients that send one request a byte at a time."""
    text = request("run", [{"value": 1}])
    clients = [[connect(port), rng.randrange(len(text))] for _ in range(200)]
    while True:
        for each in clients:
            each[0].sendall(text[each[1]:each[1] + 1])
            each[1] = (each[1] + 1) % len(text)
            yield
        time.sleep(0.01)


def half_messages_then_silence(port, rng):
    """Half a message, then nothing, from as many connections as there are descriptors for."""
    held = []
    while True:
        held.append(connect(port))
        held[-1].sendall(rng.choice([b'{"id":1,"method":"ru', b'Content-Length: 100\r\n\r\n{"id"', b"[[[[", b'"', b"Conten", b"{"]))
        if len(held) > 400:
            held.pop(rng.randrange(len(held))).close()
        yield


def receivers_that_never_read(port, rng):
    """Clients that ask for megabytes and read none of them."""
    held = []
    echo = request("run", [{"call": "echo", "args": ["x" * 500_000]}])
    while True:
        if len(held) >= 20:
            reset(held.pop(0))
        held.append(connect(port))
        held[-1].setblocking(False)
        try:
            for _ in range(40):
                held[-1].send(echo)
        except OSError:
            pass
        yield


def a_flood_of_connections(port, rng):
    """Connections that come as fast as they can; some stay, some go."""
    held = []
    while True:
        try:
            held.append(connect(port))
        except OSError:
            time.sleep(0.01)
        while len(held) > 300:
            each = held.pop(rng.randrange(len(held)))
            reset(each) if rng.random() < 0.5 else each.close()
        yield


def resets_in_the_middle_of_work(port, rng):
    """Plans that are under way when their client resets the connection."""
    while True:
        connection = connect(port)
        for _ in range(rng.randrange(1, 5)):
            connection.sendall(request("gather", [[{"call": "sleep", "args": [60]}] * rng.randrange(1, 2000)]))
            connection.sendall(request("create_task", [{"call": "sleep", "args": [60]}]))
        reset(connection)
        yield


def ends_in_the_middle_of_anything(port, rng):
    """Good and bad messages, cut off after a random byte by an end, a reset or a half-close."""
    good = [request("run", [{"sequence": [{"call": "print", "args": ["x"]}, SLEEP]}]), request("ping", []), b"[1,2,3]\n",
            request("gather", {"tasks": [SLEEP] * 50, "stream": True, "progress": 0}), b"Content-Length: 24\r\n\r\n" + b'{"id":1,"method":"ping"}']
    while True:
        connection = connect(port)
        text = b"".join(rng.choices(good, k=rng.randrange(1, 6)))
        try:
            connection.sendall(text[:rng.randrange(len(text) + 1)])
            how = rng.randrange(3)
            if how == 0:
                reset(connection)
            elif how == 1:
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
        except OSError:
            pass
        connection.close()
        yield


def random_bytes(port, rng):
    """Noise, alone and in the middle of good messages."""
    good = request("run", [{"value": 1}])
    while True:
        with connect(port) as connection:
            try:
                for _ in range(rng.randrange(1, 20)):
                    noise = rng.randbytes(rng.randrange(1, 2000))
                    connection.sendall(rng.choice([noise, good + noise, noise.replace(b"\n", b" ") + b"\n" + good, b"{" + noise + b"\n"]))
            except OSError:
                pass
        yield


def mutated_messages(port, rng):
    """Messages of the corpus with bytes changed, dropped and doubled, each followed by a ping that must be answered."""
    from corpus import CASES
    while True:
        with connect(port) as connection, connection.makefile("rb") as lines:
            text = bytearray(rng.choice(CASES).text)
            for _ in range(rng.randrange(1, 6)):
                at = rng.randrange(len(text) + 1)
                text[at:at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
            try:
                # A line end closes whatever is open; the ping behind it is read on its own.
                connection.sendall(bytes(text) + b'\n"\n]}"\n{"id":"after","method":"ping"}\n')
                connection.shutdown(socket.SHUT_WR)
                for line in lines:
                    json.loads(line)  # whatever comes is JSON
            except OSError:
                pass  # it began like HTTP, or was over a limit
        yield


def http_and_tls(port, rng):
    """Browsers and TLS clients on the plain port."""
    while True:
        with connect(port) as connection:
            try:
                connection.sendall(rng.choice([b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /rpc HTTP/1.1\r\n\r\n" + request("ping", []),
                                               b"\x16\x03\x01" + os.urandom(200), b"CONNECT a:1 HTTP/1.1\r\n\r\n"]))
                if connection.recv(100):
                    raise AssertionError("a browser got an answer")
            except OSError:
                pass
        yield


ALL = [nobody, a_plan_of_a_million_tasks, batches_without_end, lines_of_a_hundred_megabytes, senders_of_a_byte_at_a_time,
       half_messages_then_silence, receivers_that_never_read, a_flood_of_connections, resets_in_the_middle_of_work,
       ends_in_the_middle_of_anything, random_bytes, mutated_messages, http_and_tls]
