"""Inputs that made a small message take much memory, and what it takes to send them: used by memory_test.py and, at
length, by memory_fuzz.py."""

import json
import re
import socket
import threading
import time
from pathlib import Path

MIB = 1 << 20


class Sender:
    """Sends bytes while another thread reads and forgets the answers. Whatever the daemon does to it is fine."""

    def __init__(self, port, reads=True):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=90)
        self._condition = threading.Condition()
        self._lines = []
        self._ended = False
        if reads:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        begun = b""
        try:
            while data := self._socket.recv(1 << 16):
                first, *more = data.split(b"\n")
                begun = (begun + first)[:4096]  # long answers are of no interest
                for each in more:
                    with self._condition:
                        self._lines.append(begun)
                        self._condition.notify_all()
                    begun = each[:4096]
        except OSError:
            pass
        with self._condition:
            self._ended = True
            self._condition.notify_all()

    def send(self, text):
        """False: the daemon has closed the connection."""
        try:
            self._socket.sendall(text if isinstance(text, bytes) else text.encode())
            return True
        except OSError:
            return False

    def wait_for_lines(self, count):
        """Until so many have come, or no more will. Gives them, cut."""
        with self._condition:
            if not self._condition.wait_for(lambda: self._ended or len(self._lines) >= count, 300):
                raise AssertionError(f"only {len(self._lines)} of {count} answers came")
            return list(self._lines)

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()


def forget_all(connection):
    """Drops all kept results; where memory is short the list of them is refused for a while."""
    while "error" in (answer := connection.ask("tasks")):
        time.sleep(0.01)
    for task in answer["result"]:
        connection.ask("forget", [task["id"]])


def request(method, params, number=1):
    return json.dumps({"id": number, "method": method, "params": params}, separators=(",", ":")) + "\n"


def status_bytes(process_id, name):
    text = Path(f"/proc/{process_id}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", text)[1]) * 1024


def one_answer(sender, text):
    sender.send(text)
    return sender.wait_for_lines(1)


def refs_of_a_large_key(wrap):
    key = {"value": {"k" * 1_000_000: 0}}
    refs = [wrap({"ref": "x"}) for _ in range(1500)]
    return lambda sender: one_answer(sender, request("run", [{"let": {"x": key}, "in": {"gather": refs}}]))


def refs_of_a_large_error(sender):
    failing = {"call": "fail", "args": ["ValueError", "m" * 1_000_000]}
    return one_answer(sender, request("run", [{"try": failing, "except": {"gather": [{"ref": "e"}] * 1500}, "as": "e"}]))


def created(count, params):
    """Creates so many tasks and waits for the ends of those that there are."""
    def run(sender):
        for i in range(count):
            sender.send(request("create_task", params, i))
        sender.wait_for_lines(count)
        sender.send(request("ping", [], -1))
        sender.wait_for_lines(count + 1)
    return run


def one_cancel_of_many(sender):
    for i in range(100):
        sender.send(request("create_task", [{"call": "sleep", "args": [3600]}], i))
    ids = [json.loads(line).get("result", {}).get("id") for line in sender.wait_for_lines(100)]
    sender.send(request("cancel", {"ids": [each for each in ids if each], "message": "m" * 10_000_000}, 1000))
    sender.wait_for_lines(101)


def batch_of_functions(sender):
    return one_answer(sender, "[" + ",".join(['{"id":1,"method":"functions"}'] * 400_000) + "]\n")


def batch_of_awaits(sender):
    for i in range(30):
        sender.send(request("create_task", [{"value": "v" * 1_000_000}], i))
    ids = [json.loads(line).get("result", {}).get("id") for line in sender.wait_for_lines(30)]
    awaits = [{"id": i, "method": "await", "params": {"ids": [each for each in ids if each]}} for i in range(60)]
    sender.send(json.dumps(awaits) + "\n")
    sender.wait_for_lines(31)


def large_among_tiny(sender):
    large = json.dumps({"id": 1, "method": "create_task", "params": [
        {"gather": [{"call": "sleep", "args": [3600]}, {"value": ["x" * 100] * 20_000}]}]})
    message = "[" + large + "," + ",".join(['{"id":1,"method":"ping"}'] * 100_000) + "]\n"
    for i in range(30):
        if not sender.send(message):
            break
        sender.wait_for_lines(i + 1)


def empty_arrays(size):
    def run(sender):
        head = '{"id":1,"method":"run","params":{"task":{"value":['
        return one_answer(sender, head + "[]," * ((size - len(head) - 10) // 3) + "[]]}}}\n")
    return run


def beside(sender, count):
    """More clients of the same daemon."""
    return [Sender(sender._socket.getpeername()[1]) for _ in range(count)]


def named_errors(sender):
    """Eight clients, each with a map whose items fail with a text of 8 MB, and name the error."""
    failing = {"try": {"call": "fail", "args": ["E", "x" * 8_000_000]}, "except": {"value": 1}, "as": "e"}
    text = request("run", [{"map": failing, "as": "i", "over": list(range(50))}])
    all_of_them = [sender, *beside(sender, 7)]
    for each in all_of_them:
        each.send(text)
    for each in all_of_them:
        each.wait_for_lines(1)
    for each in all_of_them[1:]:
        each.close()


def half_of_a_message(sender):
    """Ten clients, each with a large message that never ends."""
    others = beside(sender, 9)
    for each in [sender, *others]:
        each.send('{"id":1,"method":"run","params":[{"value":"' + "x" * 30_000_000)
    for each in others:
        each.close()


def ends_that_nobody_reads(sender):
    """Twelve clients that ask fifty times for the ends of fifty tasks whose results are of 1 MB, and read nothing."""
    long_text = {"call": "str.join", "args": ["x", {"await": {"call": "random.choices", "args": [[""], 1_000_000]}}]}
    for i in range(50):
        sender.send(request("create_task", [long_text], i))
    answers = [json.loads(line) for line in sender.wait_for_lines(50)]
    ids = [each["result"]["id"] for each in answers if "result" in each]
    others = [Sender(sender._socket.getpeername()[1], reads=False) for _ in range(12)]
    for each in others:
        each.send(request("as_completed", {"ids": ids}) * 50)
    time.sleep(3)  # what is sent to them would grow for as long as that
    for each in others:
        each.close()


TABLE = {
    "refs of a key of 1 MB": refs_of_a_large_key(lambda ref: ref),
    "the same through wait": refs_of_a_large_key(lambda ref: {"wait": [ref]}),
    "the same through wait_for": refs_of_a_large_key(lambda ref: {"wait_for": ref, "timeout": 60}),
    "the same through shield": refs_of_a_large_key(lambda ref: {"shield": ref}),
    "refs of an error of 1 MB": refs_of_a_large_error,
    "errors of 8 MB that eight clients name": named_errors,
    "60 created tasks that fail with a text of 4 MB": created(60, [{"call": "fail", "args": ["ValueError", "m" * 4_000_000]}]),
    "40 created tasks with a name of 20 MB": created(40, {"task": {"call": "sleep", "args": [3600]}, "name": "n" * 20_000_000, "keep": 0}),
    "one cancel of 100 tasks with a message of 10 MB": one_cancel_of_many,
    "a batch of 400 000 functions": batch_of_functions,
    "a batch of 60 awaits of thirty kept results of 1 MB": batch_of_awaits,
    "one large create_task among 100 000 tiny items, thirty times": large_among_tiny,
    "a value of empty arrays, 32 MiB": empty_arrays(32 * MIB),
    "halves of ten messages of 30 MB": half_of_a_message,
    "600 as_completed of fifty results of 1 MB, unread": ends_that_nobody_reads,
}
