#!/usr/bin/python3
"""Functions that compute: what they give is what Python's modules give, and who is cancelled computes no longer."""

import base64
import gzip
import hashlib
import random
import statistics
import unittest
import zlib

from daemon import Daemon


class Compute(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("--threads", "1")
        cls.client = cls.daemon.connect()

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.daemon.stop()

    def call(self, name, *args):
        return self.client.result("run", {"task": {"call": name, "args": list(args)}})

    def test_hashes_are_those_of_hashlib(self):
        for size in (0, 1, 20_000, 3_000_000):
            data = random.Random(size).randbytes(size)
            text = base64.b64encode(data).decode()
            for name in ("md5", "sha1", "sha256", "sha512"):
                self.assertEqual(self.call(f"hash.{name}", text, True), hashlib.new(name, data).hexdigest())
                self.assertEqual(self.call(f"hash.{name}", text), hashlib.new(name, text.encode()).hexdigest())
            self.assertEqual(self.call("hash.crc32", text, True), f"{zlib.crc32(data):08x}")

    def test_gzip_is_read_by_gzip_and_reads_it(self):
        for size in (0, 1, 200_000, 3_000_000):
            data = random.Random(size).randbytes(size // 2) + b"a" * (size - size // 2)
            text = base64.b64encode(data).decode()
            packed = self.call("compress.gzip", text, 6, True)
            self.assertEqual(gzip.decompress(base64.b64decode(packed)), data)
            packed = base64.b64encode(gzip.compress(data)).decode()
            self.assertEqual(self.call("compress.gunzip", packed, True), text)

    def test_numbers_are_described_as_by_statistics(self):
        draw = random.Random(1)
        for numbers in ([draw.random() for _ in range(20_000)], [draw.randrange(-2 ** 63, 2 ** 63) for _ in range(1000)], [3, 1.5]):
            found = self.call("stats.describe", numbers)
            self.assertEqual((found["count"], found["min"], found["max"]), (len(numbers), min(numbers), max(numbers)))
            self.assertEqual(found["quartiles"], statistics.quantiles(numbers, n=4, method="inclusive"))
            self.assertAlmostEqual(found["mean"], statistics.mean(numbers), delta=abs(statistics.mean(numbers)) * 1e-15)
            self.assertAlmostEqual(found["stdev"], statistics.stdev(numbers), delta=statistics.stdev(numbers) * 1e-15)

    def test_the_clocks_go_on(self):
        for name in ("time.time", "time.monotonic"):
            self.assertLessEqual(self.call(name), self.call(name))

    def test_they_run_in_a_thread_too(self):
        numbers = list(range(100_000))
        task = {"to_thread": {"call": "stats.describe", "args": [numbers]}}
        self.assertEqual(self.client.result("run", {"task": task})["mean"], statistics.mean(numbers))

    def test_a_cancelled_call_leaves_its_thread(self):
        """The search takes minutes of the only thread if it goes on."""
        draw = random.Random(1)
        text = "".join(draw.choice("ab") for _ in range(40_000))
        search = {"call": "text.search", "args": [[text] * 350, "a[ab]{900}c"]}
        for task in (search, {"gather": [search, {"sequence": [{"call": "sleep", "args": [0.05]}, {"call": "fail"}]}]}):
            with self.daemon.connect() as client:
                client.error("run", {"task": task, "timeout": 0.2})
            self.assertEqual(self.call("hash.md5", "a" * 100_000), hashlib.md5(b"a" * 100_000).hexdigest())


if __name__ == "__main__":
    unittest.main()
