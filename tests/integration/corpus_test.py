#!/usr/bin/python3
"""The corpus of JSON cases, over the wire: whole, a few bytes at a time, and in Content-Length framing."""

import json
import unittest

import corpus
from daemon import SharedDaemonCase

PING = b'{"id":"after","method":"ping"}'


class Corpus(SharedDaemonCase):
    def check(self, case, lines):
        """`lines`: what came, but for the pong at the end."""
        if isinstance(case.answer, bytes):
            self.assertEqual(lines, [b'{"jsonrpc":"2.0","id":1,"result":' + case.answer + b"}"])
            return
        # A text that is cut into lines by what is wrong with it may be wrong more than once.
        first = json.loads(lines[0])
        self.assertEqual(first["error"]["code"], case.answer, first)
        if case.answer == corpus.MALFORMED:
            self.assertIsNone(first["id"])
        if not case.has_line_end:
            self.assertEqual(len(lines), 1, lines)

    def lines_of(self, case, piece):
        with self.daemon.connect() as connection:
            text = case.text + b"\n" + PING + b"\n"
            for at in range(0, len(text), piece):
                connection.send(text[at:at + piece])
            lines = []
            while not lines or b'"after"' not in lines[-1]:
                lines.append(connection.line().encode())
            return lines[:-1]

    def test_in_one_piece(self):
        for case in corpus.CASES:
            with self.subTest(case.name):
                self.check(case, self.lines_of(case, len(case.text) + 100))

    def test_in_small_pieces(self):
        for case in corpus.CASES:
            if len(case.text) < 2000:
                with self.subTest(case.name):
                    self.check(case, self.lines_of(case, 3))

    def test_with_content_length(self):
        for case in corpus.CASES:
            with self.subTest(case.name), self.daemon.connect() as connection:
                for body in (case.text, PING):
                    connection.send(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
                answers = []
                while not answers or b'"after"' not in answers[-1]:
                    size = int(connection.line().split(":")[1])
                    connection.line()
                    answers.append(connection.exactly(size))
                self.assertEqual(len(answers), 2)
                self.check(case, answers[:-1])


if __name__ == "__main__":
    unittest.main()
