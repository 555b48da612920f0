#!/usr/bin/python3
"""Writes what the fuzz targets begin with: seeds.py SUBJECT FOLDER.

The seeds are what the other tests know already: the corpus of JSON cases, the transcripts of docs/PROTOCOL.md and the
plans of tests/conformance.
"""

import hashlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from corpus import CASES  # noqa: E402

LONGEST = 4096  # the targets' -max_len


def sent_lines():
    for line in (ROOT / "docs" / "PROTOCOL.md").read_text().splitlines():
        if line.startswith("C: "):
            yield line[3:].encode()


def plans():
    for line in (ROOT / "tests" / "conformance" / "cases.jsonl").read_text().splitlines():
        yield json.dumps(json.loads(line)["plan"]).encode()


def message_decoder():
    return [*sent_lines(), *(case.text for case in CASES)]


def frame_reader():
    texts = message_decoder()
    framed = [b"Content-Length: %d\r\n\r\n%s" % (len(text), text) for text in texts]
    # The first byte says how it is cut, the second which limits hold.
    return [bytes([number % 256, 0]) + text + b"\n" for number, text in enumerate([*texts, *framed, *map(b"\n".join, zip(texts, texts[1:]))])]


def plan_check():
    refused = [case.value for case in CASES if isinstance(case.answer, bytes)]
    return [*plans(), *refused, b'1{"tasks":[{"value":1}],"limit":2,"return_exceptions":true}', b'2{"call":"add","over":[[1],{"terms":1}],"limit":1}']


if __name__ == "__main__":
    subject, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for seed in {"frame_reader": frame_reader, "message_decoder": message_decoder, "plan_check": plan_check}[subject]():
        if len(seed) <= LONGEST:
            (folder / ("seed-" + hashlib.sha1(seed).hexdigest())).write_bytes(seed)
