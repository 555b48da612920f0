#!/usr/bin/python3
"""What a well-behaved client notices of attacks: neighbours.py GATHERD [NAME..].

Beside each attack a neighbour sends a ping and a sleep of 1 ms each 10 ms, whether or not the last ones were answered, so
a stall of the daemon costs each request that falls into it. Prints for each attack the neighbour's slowest answers, and
what nine of ten sleeps were late at most, in milliseconds from the moment at which a request was due. To be run on a quiet machine; scripts/neighbours.sh does.
"""

import itertools
import json
import multiprocessing
import os
import random
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BETWEEN = 0.01
BEFORE_AND_AFTER = 0.5
PATIENCE = 120
FOR_EVER = {"call": "sleep", "args": [100_000]}
LONG_ID = "x" * 1000


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile("rb")

    def send(self, *requests):
        self.socket.sendall("".join(json.dumps(each) + "\n" for each in requests).encode())

    def answer(self):
        return json.loads(self.lines.readline())

    def ask(self, method, params=None, number=0):
        self.send(request(number, method, params))
        return self.answer()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.lines.close()
        self.socket.close()

    def flood(self, requests):
        """Many, so many in one write that Python is not what takes long."""
        piece = []
        for each in requests:
            piece.append(each)
            if len(piece) == 1000:
                self.send(*piece)
                piece = []
        self.send(*piece)


def request(number, method, params=None):
    made = {"id": number, "method": method}
    return made if params is None else made | {"params": params}


def running_task(client):
    return client.ask("create_task", [FOR_EVER])["result"]["id"]


def kept_task(client, plan):
    task = client.ask("create_task", [plan])["result"]["id"]
    assert "result" in client.ask("await", [task])
    return task


def colliding_names(stages):
    """2^stages names for which libstdc++'s std::hash of a text (MurmurHash64A with a constant seed) gives one number.

    Each stage is two blocks of eight bytes. The first differs; the second makes up for the difference of the states.
    """
    factor, mask, seed = 0xC6A4A7935BD1E995, (1 << 64) - 1, 0xC70F6907
    inverse = pow(factor, -1, 1 << 64)
    rng = random.Random(1)

    def shift_mix(number):
        return number ^ number >> 47  # its own inverse

    def mixed(block):
        return shift_mix(int.from_bytes(block, "little") * factor & mask) * factor & mask

    def block_of(mix):
        return (shift_mix(mix * inverse & mask) * inverse & mask).to_bytes(8, "little")

    def letters():
        return bytes(rng.randrange(0x61, 0x7B) for _ in range(8))

    state, pairs = seed ^ 16 * stages * factor & mask, []
    for _ in range(stages):
        one, two = letters(), letters()
        states = [(state ^ mixed(block)) * factor & mask for block in (one, two)]
        while True:
            behind_one = letters()
            behind_two = block_of(mixed(behind_one) ^ states[0] ^ states[1])
            if all(0x20 <= byte < 0x7F for byte in behind_two):
                break
        pairs.append(((one + behind_one).decode(), (two + behind_two).decode()))
        state = (states[0] ^ mixed(behind_one)) * factor & mask
    return ["".join(each) for each in itertools.product(*pairs)]


# ---- attacks: each gets the daemon's port, and returns when it is over -----------------------------


def awaits_then_resets(port):
    """200 000 awaits of one running task from three connections, then resets."""
    clients = [Client(port) for _ in range(3)]
    task = running_task(clients[0])
    for client in clients:
        client.flood(request(i, "await", [task]) for i in range(67_000))
        client.send(request("last", "ping"))
        assert client.answer()["id"] == "last"
    for client in clients[1:]:
        client.reset()
    time.sleep(1)
    clients[0].reset()
    time.sleep(1)


def task_of_many_awaits_ends(port):
    """One task ends that 60 000 requests await."""
    client = Client(port)
    task = running_task(client)
    client.flood(request(i, "await", [task]) for i in range(60_000))
    client.send(request("cancel", "cancel", [task]))
    for _ in range(60_001):
        client.lines.readline()


def awaits_expire_together(port):
    """50 000 awaits whose timeout runs out at about the same time."""
    client = Client(port)
    task = running_task(client)
    client.flood(request(i, "await", {"id": task, "timeout": 3}) for i in range(50_000))
    for _ in range(50_000):
        client.lines.readline()


def cancels_by_request(port):
    """90 000 pending requests with ids of 1 KB, then batches of 2400 cancels by request id."""
    client = Client(port)
    task = running_task(client)
    client.flood(request(LONG_ID + str(i), "await", [task]) for i in range(90_000))
    for turn in range(3):
        client.send([request(i, "cancel", {"request": LONG_ID + str(turn * 2400 + i)}) for i in range(2400)])
        for _ in range(2401):
            client.lines.readline()
    client.reset()
    time.sleep(1)


def one_id_many_times(port):
    """60 000 pending requests with one id, then one cancel."""
    client = Client(port)
    task = running_task(client)
    client.flood(request("same", "await", [task]) for _ in range(60_000))
    client.send(request(1, "cancel", {"request": "same"}))
    for _ in range(60_001):
        client.lines.readline()


def awaits_of_a_long_result(port):
    """Batches of 1500 awaits of one kept result of 120 KB."""
    client = Client(port)
    task = kept_task(client, {"value": "x" * 120_000})
    for _ in range(2):
        client.send([request(i, "await", [task]) for i in range(1500)])
        client.lines.readline()


def lists_of_tasks(port):
    """Twenty times the first of 50 000 kept tasks, and twice all of them."""
    client = Client(port)
    for i in range(50):
        client.send([request(i, "create_task", [{"value": 1}]) for i in range(1000)])
        client.lines.readline()
    client.send(*[request(i, "tasks", {"limit": 1}) for i in range(20)], request(1, "tasks"), request(2, "tasks"))
    for _ in range(22):
        client.lines.readline()


def batches_of(method):
    def attack(port):
        client = Client(port)
        batch = [{"id": 1, "method": method}] * (120_000 // 28)
        for _ in range(3):
            client.send(batch)
            client.lines.readline()

    attack.__doc__ = f"Three batches of {method}, 120 KB each."
    return attack


def lines_of(method):
    def attack(port):
        client = Client(port)
        for _ in range(10):
            client.send(*[request(i, method) for i in range(400)])
            for _ in range(400):
                client.lines.readline()

    attack.__doc__ = f"4000 requests for {method}, sent 400 at a time."
    return attack


def long_answer(port):
    """600 bytes of a plan whose answer has twelve million numbers."""
    client = Client(port)
    plan = {"let": {"x": {"call": "random.choices", "args": [[1.5], 300_000]}}, "in": {"gather": [{"ref": "x"}] * 40}}
    client.send(request(1, "run", [plan]))
    while not client.lines.read1(1 << 20).endswith(b"\n"):
        pass


def seeded_draws(port):
    """A seeded program that draws five times four million numbers of one: as many as a result may hold."""
    client = Client(port)
    too_many = {"call": "random.choices", "args": [[0], 100_000_000]}
    client.send(request(1, "run", {"task": too_many, "seed": 1}))
    assert client.answer()["error"]["data"]["type"] == "MemoryError"
    draws = [{"call": "random.choices", "args": [[0], 4_000_000]}] * 5
    client.send(request(2, "run", {"task": {"sequence": draws}, "seed": 1}))
    assert len(client.answer()["result"]) == 5


def names_that_collide(port):
    """A let of 2^15 names that the standard library's unseeded hash would put into one bucket."""
    client = Client(port)
    client.send(request(1, "run", [{"let": dict.fromkeys(colliding_names(15), {"value": 1}), "in": {"value": 2}}]))
    assert client.answer()["result"] == 2


def long_ids(port):
    """100 000 pending requests with ids of 1 KB, then a cancel for each, one after the other, in batches."""
    client = Client(port)
    task = running_task(client)
    client.flood(request(LONG_ID + str(i), "await", [task]) for i in range(99_900))
    for first in range(0, 99_900, 900):
        client.send([request(i, "cancel", {"request": LONG_ID + str(first + i)}) for i in range(900)])
        for _ in range(901):
            client.lines.readline()


def huge_messages(port):
    """Two clients that each send five messages of 40 MB."""
    def send_five():
        client = Client(port)
        text = json.dumps(request(1, "run", [{"map": "echo", "over": [["x" * 30]] * 1_100_000}])).encode() + b"\n"
        for _ in range(5):
            client.socket.sendall(text)
            while not client.lines.read1(1 << 20).endswith(b"\n"):
                pass

    senders = [multiprocessing.Process(target=send_five) for _ in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()


def long_scalars(port):
    """Lines of 60 MB, and beyond the limit, that are one number or one word."""
    for text in [b"1" * 60_000_000, b"x" * 60_000_000, b"x" * 100_000_000, b"1" * 60_000_000 + b" /"] * 2:
        client = Client(port)
        try:
            client.socket.sendall(text + b"\n")
            client.lines.readline()
        except ConnectionError:
            pass  # closed at the limit
        client.reset()


def many_prints(port):
    """Plans of a thousand prints, with ids of 1 KB."""
    client = Client(port)
    plan = {"gather": [{"call": "print", "args": ["x"]}] * 1000}
    for i in range(20):
        client.send(request(LONG_ID + str(i), "run", [plan]))
    for _ in range(20 * 1001):
        client.lines.readline()


def blocking_sleeps(port):
    """A thousand time.sleep of a second."""
    client = Client(port)
    client.send(request(1, "run", [{"map": "time.sleep", "over": [[1]] * 1000}]))
    time.sleep(3)
    client.reset()


def arguments_by_millions(port):
    """Computed arguments, all of them positions: three million, that a function takes or refuses."""
    client = Client(port)
    many = {"await": {"call": "range", "args": [3_000_000]}}
    for name in ("max", "add", "noop"):
        client.send(request(1, "run", [{"call": name, "args": many}]))
        client.answer()


def values_that_are_dropped(port):
    """Short plans that make lists of millions, and need them no more."""
    client = Client(port)
    many = {"call": "range", "args": [3_000_000]}
    names = [f"x{i}" for i in range(4)]
    doubled = {f"x{i}": {"gather": [{"ref": f"x{i - 1}"}] * 2} for i in range(1, 20)}
    plans = [{"let": {name: many for name in names}, "in": {"gather": [{"call": "len", "args": [{"ref": name}]} for name in names]}},
             {"try": {"value": 1}, "finally": many},
             {"if": many, "then": {"value": 1}},
             {"try": {"sequence": [many, {"call": "fail"}]}, "except": {"value": 1}},
             {"call": "operator.getitem", "args": [{"await": many}, 0]},
             {"let": {"x0": {"value": [1]}, **doubled}, "in": {"call": "len", "args": [{"ref": "x19"}]}}]
    left_running = {"sequence": [{"call": "sleep", "args": [0.3]}, {"call": "len", "args": [{"ref": "x"}]}]}
    looked_up_later = {"sequence": [{"try": {"let": {"x": many}, "in": {"gather": [{"sequence": [{"ref": "x"}, {"call": "fail"}]}, left_running]}},
                                     "except": {"value": 0}}, {"call": "sleep", "args": [1]}]}
    for plan in (*plans, looked_up_later):
        for options in ({}, {"seed": 1}):
            client.send(request(1, "run", {"task": plan, **options}))
            assert "result" in client.answer()


def long_texts_in_rows(port):
    """Maps and pipelined requests of short calls that look at each character of a text, as at an item of a list."""
    client = Client(port)
    text = "ab" * 120_000
    for name in ("sorted", "zip", "random.shuffle", "str.split"):
        called = {"call": "len", "args": [{"await": {"call": name, "args": [{"ref": "t"}]}}]}
        plan = {"let": {"t": {"value": text}}, "in": {"map": called, "as": "x", "over": {"await": {"call": "range", "args": [20_000]}}}}
        client.send(request(1, "run", {"task": plan, "timeout": 2}))
        client.answer()
    lists = {"map": {"call": "len", "args": [{"await": {"call": "sorted", "args": [[[i % 7] for i in range(2000)]]}}]}, "as": "x",
             "over": {"await": {"call": "range", "args": [20_000]}}}
    client.send(request(1, "run", {"task": lists, "timeout": 2}))
    client.answer()
    for _ in range(60):
        client.send(request(1, "run", [{"call": "len", "args": [{"await": {"call": "sorted", "args": [text]}}]}]))
    for _ in range(60):
        client.answer()


def nested_calls_in_one_piece(port):
    """Gathers of gathers of calls that cannot wait and make many values each."""
    client = Client(port)
    some = {"gather": [{"call": "range", "args": [1000]}] * 900}
    client.send(request(1, "run", {"task": {"sequence": [{"call": "len", "args": [{"await": some}]}] * 30}}))
    client.answer()
    client.send(request(1, "run", {"task": {"call": "len", "args": [{"await": {"sequence": [{"gather": [{"call": "noop"}] * 300_000}] * 2}}]}}))
    client.answer()


def many_tasks_are_cancelled(port):
    """Short plans that make a hundred thousand tasks, and run out of time."""
    client = Client(port)
    waits = {"call": "sleep", "args": [{"await": {"call": "add", "args": [{"ref": "x"}, 1000]}}]}
    for each, count in ((waits, 100_000), ({"race": [{"call": "sleep", "args": [1000]}] * 20}, 5000)):
        client.send(request(1, "run", {"task": {"map": each, "as": "x", "over": {"await": {"call": "range", "args": [count]}}}, "timeout": 1}))
        assert "error" in client.answer()


def runs_without_a_pause(port):
    """Four clients that send short sleeps for two seconds as fast as they are taken, and read nothing."""
    clients = [Client(port) for _ in range(4)]
    short = request(1, "run", [{"call": "sleep", "args": [0.01]}])
    many = (json.dumps(short) + "\n").encode() * 50
    left = dict.fromkeys(clients, many)  # of the piece in hand: a request is sent whole
    for each in clients:
        each.socket.setblocking(False)
    until = time.monotonic() + 2
    while time.monotonic() < until:
        for each in clients:
            try:
                left[each] = left[each][each.socket.send(left[each]):] or many
            except BlockingIOError:
                pass
    for each in clients:
        each.reset()


def a_million_tasks_are_cancelled(port):
    """A short plan that makes a million tasks: by its timeout, by a wait_for inside, and since its client has gone."""
    client = Client(port)
    sleeps = {"map": {"call": "sleep", "args": [1000]}, "as": "x", "over": {"await": {"call": "range", "args": [1_000_000]}}}
    client.send(request(1, "run", {"task": sleeps, "timeout": 2}))
    assert "error" in client.answer()
    client.send(request(2, "run", {"task": {"wait_for": sleeps, "timeout": 2}}))
    assert "error" in client.answer()
    client.send(request(3, "run", {"task": sleeps}))
    time.sleep(2)
    client.reset()
    time.sleep(1)


ATTACKS = {"awaits_then_resets": awaits_then_resets, "task_of_many_awaits_ends": task_of_many_awaits_ends,
           "awaits_expire_together": awaits_expire_together, "cancels_by_request": cancels_by_request,
           "one_id_many_times": one_id_many_times, "awaits_of_a_long_result": awaits_of_a_long_result,
           "lists_of_tasks": lists_of_tasks, "batches_of_functions": batches_of("functions"), "batches_of_stats": batches_of("stats"),
           "lines_of_functions": lines_of("functions"), "lines_of_stats": lines_of("stats"), "long_answer": long_answer,
           "seeded_draws": seeded_draws, "names_that_collide": names_that_collide, "long_ids": long_ids, "huge_messages": huge_messages,
           "long_scalars": long_scalars, "many_prints": many_prints, "blocking_sleeps": blocking_sleeps,
           "arguments_by_millions": arguments_by_millions, "values_that_are_dropped": values_that_are_dropped,
           "long_texts_in_rows": long_texts_in_rows, "nested_calls_in_one_piece": nested_calls_in_one_piece,
           "many_tasks_are_cancelled": many_tasks_are_cancelled, "a_million_tasks_are_cancelled": a_million_tasks_are_cancelled,
           "runs_without_a_pause": runs_without_a_pause}


# ---- the neighbour ---------------------------------------------------------------------------------


def neighbour(port, is_over, told):
    """Until told that it is over, then tells the slowest of each kind and the last tenth's first sleep, or what went wrong."""
    client = Client(port)
    client.socket.setblocking(False)
    due, took, held, number = {}, ([], []), b"", 0
    kinds = [("ping", None, "pong"), ("run", [{"call": "sleep", "args": [0.001, "slept"]}], "slept")]
    begun = time.monotonic()
    while due or not is_over.is_set():
        now = time.monotonic()
        while not is_over.is_set() and begun + number // 2 * BETWEEN <= now:
            method, params, _ = kinds[number % 2]
            due[number] = begun + number // 2 * BETWEEN
            client.socket.send(json.dumps(request(number, method, params)).encode() + b"\n")
            number += 1
        try:
            held += client.socket.recv(1 << 16)
        except BlockingIOError:
            time.sleep(0.0005)
            continue
        *lines, held = held.split(b"\n")
        for line in lines:
            answer = json.loads(line)
            kind = answer["id"] % 2
            if answer.get("result") != kinds[kind][2]:
                told.send(f"wrong: {answer}")
                return
            took[kind].append(time.monotonic() - due.pop(answer["id"]) - 0.001 * kind)
    sleeps = sorted(took[1])
    told.send([round(1000 * each, 1) for each in (max(took[0]), sleeps[-1], sleeps[len(sleeps) * 9 // 10])])


def memory_peak(process):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def measure(binary, attack):
    with tempfile.TemporaryDirectory(prefix="gatherd-neighbours-") as folder:
        port_file = Path(folder, "port")
        process = subprocess.Popen([binary, "serve", "--listen", "127.0.0.1:0", "--port-file", str(port_file), "--log.level", "warn"])
        try:
            while not port_file.exists():
                time.sleep(0.01)
            port = int(port_file.read_text().rpartition(":")[2])
            is_over = multiprocessing.Event()
            told, tells = multiprocessing.Pipe(duplex=False)
            beside = multiprocessing.Process(target=neighbour, args=(port, is_over, tells))
            beside.start()
            time.sleep(BEFORE_AND_AFTER)
            attack(port)
            time.sleep(BEFORE_AND_AFTER)
            is_over.set()
            answer = told.recv() if told.poll(PATIENCE) else "no answer at all"
            beside.terminate()
            beside.join()
            return answer, memory_peak(process)
        finally:
            process.kill()
            process.wait()


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    names = sys.argv[2:] or list(ATTACKS)
    print(f"{'attack':26} {'ping ms':>8} {'sleep ms':>8} {'its p90':>8} {'MiB':>6}")
    for name in names:
        answer, peak = measure(os.path.abspath(sys.argv[1]), ATTACKS[name])
        ping, sleep, most_sleeps = answer if isinstance(answer, list) else (answer, "", "")
        print(f"{name:26} {ping!s:>8} {sleep!s:>8} {most_sleeps!s:>8} {peak:>6}", flush=True)


if __name__ == "__main__":
    main()
