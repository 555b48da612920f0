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


class Asker:
    """A client that asks one thing after the other, or many at once."""

    def __init__(self, port):
        self.socket = connect(port)
        self.socket.settimeout(60)
        self.lines = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.socket.close()

    def send(self, *messages):
        self.socket.sendall("".join(json.dumps(each) + "\n" for each in messages).encode())

    def answers(self, count):
        for _ in range(count):
            answer = json.loads(self.lines.readline())
        return answer

    def result(self, method, params):
        self.send(call(0, method, params))
        return self.answers(1)["result"]


def call(number, method, params):
    return {"id": number, "method": method, "params": params}


FOR_EVER = {"call": "sleep", "args": [100_000]}
LONG_ID = "x" * 1000


def awaits_of_one_task_then_a_reset(port, rng):
    """Ten thousand requests that await one task; it ends, or their timeouts do, or the client resets."""
    while True:
        with Asker(port) as client:
            task = client.result("create_task", [FOR_EVER])["id"]
            how = rng.randrange(3)
            client.send(*[call(i, "await", {"id": task} | ({"timeout": 0.5} if how == 0 else {})) for i in range(10_000)])
            if how == 0:
                client.answers(10_000)
            elif how == 1:
                client.send(call("end", "cancel", {"id": task}))
                client.answers(10_001)
            else:
                client.lines.close()
                reset(client.socket)
        yield


def cancels_of_requests_with_long_ids(port, rng):
    """Requests with ids of 1 KB, or all with one, that are cancelled by their ids, the last ones first."""
    while True:
        with Asker(port) as client:
            task = client.result("create_task", [FOR_EVER])["id"]
            ids = [LONG_ID + (str(i) if rng.random() < 0.9 else "") for i in range(3000)]
            client.send(*[call(each, "await", [task]) for each in ids])
            client.send([call(i, "cancel", {"request": each}) for i, each in enumerate(reversed(ids))])
            client.answers(3001)
        yield


def awaits_of_a_long_result(port, rng):
    """Batches of awaits of one kept result of 120 KB, and of each other."""
    while True:
        with Asker(port) as client:
            task = client.result("create_task", [{"value": "x" * 120_000}])["id"]
            for _ in range(5):
                client.send([call(i, "await", [task]) for i in range(100)])
                client.answers(1)
                yield


def lists_of_kept_tasks(port, rng):
    """Thousands of kept tasks, and lists of all or one of them."""
    with Asker(port) as client:
        while True:
            client.send([call(i, "create_task", [{"value": 1}]) for i in range(1000)])
            client.answers(1)
            client.send(*[call(i, "tasks", {"limit": 1}) for i in range(20)], call(1, "tasks", {}))
            client.answers(21)
            yield


def batches_of_long_answers(port, rng):
    """120 KB of requests for functions or stats, in a batch or a line each."""
    with Asker(port) as client:
        while True:
            requests = [{"id": 1, "method": rng.choice(["functions", "stats"])}] * 1000
            client.send(requests)
            client.answers(1)
            client.send(*requests)
            client.answers(1000)
            yield


def short_plans_with_long_answers(port, rng):
    """A few hundred bytes of a plan whose answer has megabytes, or of one that prints a thousand lines."""
    numbers = {"let": {"x": {"call": "random.choices", "args": [[1.5], 100_000]}}, "in": {"gather": [{"ref": "x"}] * 10}}
    lines = {"gather": [{"call": "print", "args": ["x"]}] * 1000}
    with Asker(port) as client:
        while True:
            client.send(call(1, "run", [numbers]))
            client.answers(1)
            client.send(call(LONG_ID, "run", [lines]))
            client.answers(1001)
            yield


def millions_that_are_dropped(port, rng):
    """Short plans that make lists of a million, bind them as arguments, or need them no more."""
    many = {"call": "range", "args": [1_000_000]}
    plans = [{"call": rng.choice(["max", "add", "noop"]), "args": {"await": many}},
             {"let": {"x": many, "y": many}, "in": {"call": "operator.eq", "args": [{"ref": "x"}, {"ref": "y"}]}},
             {"try": {"value": 1}, "finally": many}, {"if": many, "then": {"value": 1}}]
    with Asker(port) as client:
        while True:
            client.send(call(1, "run", [rng.choice(plans)]))
            client.answers(1)
            yield


def long_draws_with_a_seed(port, rng):
    """Programs that run one task at a time and draw millions of numbers."""
    draws = [{"call": "random.choices", "args": [[0], 1_000_000]}] * 3
    while True:
        with Asker(port) as client:
            client.send(call(1, "run", {"task": {"sequence": draws + [{"value": 1}]}, "seed": rng.randrange(100)}))
            if rng.random() < 0.5:
                client.answers(1)
        yield


def names_that_collide(port, rng):
    """Names of a let that an unseeded hash puts into one bucket."""
    from neighbours import colliding_names
    plan = {"let": dict.fromkeys(colliding_names(12), {"value": 1}), "in": {"value": 2}}
    with Asker(port) as client:
        while True:
            client.result("run", [plan])
            yield


def threads_that_sleep(port, rng):
    """Hundreds of calls that block a thread, and clients that leave in the middle of them."""
    while True:
        with Asker(port) as client:
            client.send(call(1, "run", [{"map": "time.sleep", "over": [[rng.choice([0.01, 1])]] * 300}]))
            if rng.random() < 0.5:
                time.sleep(0.2)
            else:
                client.send(call(2, "cancel", {"request": 1}))
                client.answers(2)
        yield


def workers_that_die(port, rng):
    """Workers that answer some calls, rightly, twice, with a wrong id or with noise, and leave in the middle of others."""
    numbers = range(100)
    while True:
        workers = []
        with Asker(port) as client:
            try:
                for _ in range(rng.randrange(1, 5)):
                    function = {"name": "chaos", "params": [{"name": "n"}], "idempotent": rng.random() < 0.5}
                    workers.append(Asker(port))
                    workers[-1].result("serve", {"functions": [function], "concurrency": rng.randrange(1, 40)})
                    workers[-1].socket.settimeout(0.2)
                client.send(call(1, "gather", {"tasks": [{"call": "chaos", "args": [n]} for n in numbers], "return_exceptions": True, "timeout": 0.5}))
                for each in workers:
                    _answer_some_and_leave(each, rng)
                answer = client.answers(1)
            finally:
                for each in workers:
                    each.__exit__()
        if answer.get("error", {}).get("code") != -32001:
            for n, end in zip(numbers, answer["result"], strict=True):
                if end != {"value": n} and end.get("error", {}).get("type") not in ("ConnectionError", "TimeoutError", "RuntimeError"):
                    raise AssertionError(f"call {n} of a worker that died: {str(end)[:200]}")
        yield


def _answer_some_and_leave(worker, rng):
    try:
        for _ in range(rng.randrange(60)):
            asked = json.loads(worker.lines.readline())
            if asked.get("method") != "invoke":
                continue
            answer = json.dumps({"id": asked["id"], "result": asked["params"]["args"][0]}) + "\n"
            other = json.dumps({"id": asked["id"] + "x", "result": None}) + "\n"
            text = rng.choices([answer, answer + answer, other, answer[:rng.randrange(len(answer))], "noise\n", ""], [20, 2, 1, 1, 1, 3])[0]
            worker.socket.sendall(text.encode())
        how = rng.randrange(4)
        if how == 0:
            worker.lines.close()
            reset(worker.socket)
        elif how == 1:
            worker.socket.shutdown(socket.SHUT_WR)
        elif how == 2:
            worker.socket.close()
    except (OSError, ValueError):
        pass  # nothing more is asked of it, or the daemon has closed


ALL = [nobody, a_plan_of_a_million_tasks, batches_without_end, lines_of_a_hundred_megabytes, senders_of_a_byte_at_a_time,
       half_messages_then_silence, receivers_that_never_read, a_flood_of_connections, resets_in_the_middle_of_work,
       ends_in_the_middle_of_anything, random_bytes, mutated_messages, http_and_tls, awaits_of_one_task_then_a_reset,
       cancels_of_requests_with_long_ids, awaits_of_a_long_result, lists_of_kept_tasks, batches_of_long_answers,
       short_plans_with_long_answers, millions_that_are_dropped, long_draws_with_a_seed, names_that_collide, threads_that_sleep, workers_that_die]
