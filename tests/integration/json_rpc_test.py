#!/usr/bin/python3
"""Every example of the JSON-RPC 2.0 specification (section 7), over the wire and in both framings.

The specification's `subtract` and its kin are no methods here. Each example is sent twice: as it stands, when such a call
is answered with "method not found", and with a method of ours in its place, when it is answered with its result.
"""

import json
import unittest

from daemon import Daemon

NOT_FOUND, INVALID, MALFORMED = -32601, -32600, -32700
# What the examples call, what stands for it here, and its result.
OURS = [('"method": "subtract", "params": [42, 23]', '"method": "run", "params": [{"call": "add", "args": [42, -23]}]', 19),
        ('"method": "subtract", "params": [23, 42]', '"method": "run", "params": [{"call": "add", "args": [23, -42]}]', -19),
        ('"method": "subtract", "params": {"subtrahend": 23, "minuend": 42}',
         '"method": "run", "params": {"timeout": 5, "task": {"call": "add", "args": [42, -23]}}', 19),
        ('"method": "subtract", "params": {"minuend": 42, "subtrahend": 23}',
         '"method": "run", "params": {"task": {"call": "add", "args": [42, -23]}, "timeout": 5}', 19),
        ('"method": "sum", "params": [1,2,4]', '"method": "run", "params": [{"call": "add", "args": [1,2,4]}]', 7),
        ('"method": "get_data"', '"method": "ping"', "pong")]

# The name of the example, what is sent, and what comes: for each answer its id and its result or its error's code. A
# list of these is a batch's, whose order is free; None is silence.
EXAMPLES = [
    ("positional parameters", '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}', (1, 19)),
    ("positional parameters, the other way round", '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}', (2, -19)),
    ("named parameters", '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}', (3, 19)),
    ("named parameters, the other way round", '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}', (4, 19)),
    ("a notification", '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', None),
    ("a notification without params", '{"jsonrpc": "2.0", "method": "foobar"}', None),
    ("a call of a method that there is not", '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', ("1", NOT_FOUND)),
    ("a call with invalid JSON", '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', (None, MALFORMED)),
    ("a call with an invalid request object", '{"jsonrpc": "2.0", "method": 1, "params": "bar"}', (None, INVALID)),
    ("a batch with invalid JSON", '[\n  {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},\n  {"jsonrpc": "2.0", "method"\n]', (None, MALFORMED)),
    ("an empty array", "[]", (None, INVALID)),
    ("an invalid batch that is not empty", "[1]", [(None, INVALID)]),
    ("an invalid batch", "[1,2,3]", [(None, INVALID)] * 3),
    ("a batch", """[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ]""".replace("[42,23]", "[42, 23]"), [("1", 7), ("2", 19), (None, INVALID), ("5", NOT_FOUND), ("9", "pong")]),
    ("a batch of notifications", """[
        {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
    ]""", None),
]


def with_ours(text):
    for theirs, ours, _ in OURS:
        text = text.replace(theirs, ours)
    return text


def as_it_stands(expected):
    """What comes when the specification's methods are unknown: their results become NOT_FOUND."""
    if isinstance(expected, list):
        return [as_it_stands(each) for each in expected]
    results = [result for _, _, result in OURS]
    return (expected[0], NOT_FOUND) if expected is not None and expected[1] in results else expected


class Lines:
    def __init__(self, connection):
        self.connection = connection

    def send(self, text):
        self.connection.send(text + "\n")

    def message(self):
        return self.connection.message()


class ContentLength(Lines):
    def send(self, text):
        self.connection.send(f"Content-Length: {len(text.encode())}\r\n\r\n{text}")

    def message(self):
        size = int(self.connection.line().split(":")[1])
        self.connection.line()
        return json.loads(self.connection.exactly(size))


class Specification(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.stop)

    def digest(self, answer):
        """(id, result or code), once its form is seen to be right."""
        if isinstance(answer, list):
            return [self.digest(each) for each in answer]
        self.assertEqual(list(answer), ["jsonrpc", "id", "result" if "result" in answer else "error"])
        self.assertEqual(answer["jsonrpc"], "2.0")
        if "error" in answer:
            self.assertIsInstance(answer["error"]["message"], str)
            return answer["id"], answer["error"]["code"]
        return answer["id"], answer["result"]

    def check(self, framing):
        for name, text, expected in EXAMPLES:
            for sent, wanted in ((with_ours(text), expected), (text, as_it_stands(expected))):
                with self.subTest(name, sent=sent), self.daemon.connect() as connection:
                    peer = framing(connection)
                    peer.send(sent)
                    peer.send('{"id": "last", "method": "ping"}')
                    got = []
                    while not got or got[-1] != ("last", "pong"):
                        got.append(self.digest(peer.message()))
                    if isinstance(wanted, list):
                        self.assertEqual(len(got), 2)
                        self.assertCountEqual(got[0], wanted)
                    else:
                        self.assertEqual(got, [("last", "pong")] if wanted is None else [wanted, ("last", "pong")])

    def test_in_lines(self):
        # The examples of malformed JSON end where a line does; what follows them is read on its own.
        self.check(Lines)

    def test_with_content_length(self):
        self.check(ContentLength)


if __name__ == "__main__":
    unittest.main()
