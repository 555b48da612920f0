#!/usr/bin/python3
"""Replays the transcripts of docs/PROTOCOL.md, each on a connection of its own.

A block marked ```transcript has lines `C: ...`, sent as they are, and `S: ...`, expected byte for byte and in order.
`<id>` is the id of a created task: bound where the daemon says it first, the same afterwards. `<number>` is any number,
`<more>` anything. In a block marked ```transcript json the lines of the daemon are compared as JSON; one marked
```transcript tokens is replayed where a token is asked for.
"""

import hashlib
import json
import re
import unittest
from pathlib import Path

from daemon import Daemon

PROTOCOL = Path(__file__).resolve().parents[2] / "docs" / "PROTOCOL.md"
PLACEHOLDER = re.compile(r"<id\w*>|<number>|<more>")
TASK_ID = r"([^\"\\]+)"
WILD = {"<number>": r"-?\d[\d.e+-]*", "<more>": r".*"}
TOKEN = "the token of ci"


def read_blocks(text):
    """(line number, mode, [(line number, who, text)]) of each transcript."""
    block = None
    for number, line in enumerate(text.splitlines(), 1):
        if block is None:
            if line.startswith("```transcript"):
                block = (number, line.removeprefix("```transcript").strip(), [])
        elif line == "```":
            yield block
            block = None
        elif line[:3] in ("C: ", "S: ") or line in ("C:", "S:"):
            block[2].append((number, line[0], line[3:]))
        else:
            raise ValueError(f"line {number} of a transcript begins with neither 'C: ' nor 'S: '")


class Replay:
    """One block on one connection."""

    def __init__(self, mode):
        if mode not in ("", "json", "tokens"):
            raise ValueError(f"unknown kind of transcript: {mode}")
        self._as_json = mode == "json"
        self._ids = {}

    def _filled(self, text):
        for name, value in self._ids.items():
            text = text.replace(name, value)
        return text

    def _fits(self, expected, got):
        """Whether `got` is what is expected. Learns the ids that are named for the first time from where they stand."""
        pattern, names, at = "", [], 0
        for found in PLACEHOLDER.finditer(expected):
            pattern += re.escape(expected[at:found.start()])
            at = found.end()
            if found.group() in WILD:
                pattern += WILD[found.group()]
                continue
            known = found.group() in names
            pattern += rf"\{names.index(found.group()) + 1}" if known else TASK_ID
            if not known:
                names.append(found.group())
        match = re.fullmatch(pattern + re.escape(expected[at:]), got)
        if match:
            self._ids |= dict(zip(names, match.groups()))
        return match is not None

    def run(self, test, connection, lines):
        for number, who, text in lines:
            if who == "C":
                connection.send(self._filled(text) + "\n")
                continue
            got = connection.line()
            expected = self._filled(text)
            if self._as_json:
                test.assertEqual(json.loads(got), json.loads(expected), f"line {number}")
            elif not self._fits(expected, got):
                test.assertEqual(got, self._filled(text), f"line {number}")
        connection.end()
        test.assertEqual(connection.rest(), [], "more came than the transcript shows")


class Transcripts(unittest.TestCase):
    def test_the_protocol_is_as_written(self):
        blocks = list(read_blocks(PROTOCOL.read_text()))
        self.assertGreater(len(blocks), 0, "no transcript found")
        tokens = [{"name": "ci", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "rights": ["submit"]}]
        with Daemon() as plain, Daemon("--auth.tokens", json.dumps(tokens)) as asking:
            for number, mode, lines in blocks:
                daemon = asking if mode == "tokens" else plain
                with self.subTest(block=f"docs/PROTOCOL.md:{number}"), daemon.connect() as connection:
                    Replay(mode).run(self, connection, lines)

    def test_every_method_has_a_transcript(self):
        sent = "".join(text for _, _, lines in read_blocks(PROTOCOL.read_text()) for _, who, text in lines if who == "C")
        with Daemon() as daemon, daemon.connect() as connection:
            methods = connection.error("none")["message"].partition("methods are ")[2].split(", ")
        self.assertEqual(len(methods), 18)
        self.assertEqual([each for each in methods if f'"method":"{each}"' not in sent], [])

    def test_a_wrong_transcript_is_noticed(self):
        text = "```transcript\nC: {\"id\":1,\"method\":\"ping\"}\nS: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"pang\"}\n```\n"
        with Daemon() as daemon, daemon.connect() as connection:
            (_, mode, lines), = read_blocks(text)
            with self.assertRaises(self.failureException):
                Replay(mode).run(self, connection, lines)


if __name__ == "__main__":
    unittest.main()
