#!/usr/bin/python3
"""Plug-ins: shared libraries whose functions plans call, and those that cannot be used."""

import json
import os
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from connection import PATIENCE, Connection
from daemon import BINARY, IS_SANITIZED, Daemon, clean_environment

PLUGINS = Path(os.environ["TESTED_PLUGINS"])
GOOD = str(PLUGINS / "good.so")


def call(name, *args):
    return {"task": {"call": name, "args": list(args)}}


def loaded_size(library):
    """Where the last segment ends that a process loads (elf(5)); what is behind it are debug symbols and the like."""
    table, = struct.unpack_from("<Q", library, 32)
    entry_size, count = struct.unpack_from("<HH", library, 54)
    entries = (struct.unpack_from("<IIQQQQ", library, table + i * entry_size) for i in range(count))
    return max(offset + size for kind, _, offset, _, _, size in entries if kind == 1)


class Functions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("--plugin", GOOD)
        cls.enterClassContext(cls.daemon)

    def ask(self, method, params=None):
        with Connection(self.daemon.port) as connection:
            return connection.ask(method, params)

    def result(self, *given):
        return self.ask("run", call(*given))["result"]

    def error(self, *given):
        return self.ask("run", call(*given))["error"]

    def test_plain_functions_on_each_lane(self):
        self.assertEqual(self.result("my.distance", {"x": 0, "y": 0}, {"x": 3, "y": 4}), 5.0)
        self.assertEqual(self.result("my.add", 1, 2), 3.0)
        self.assertEqual(self.result("my.text", 3), "xxx")
        self.assertEqual(self.ask("map", {"call": "my.add", "over": [[n, 1] for n in range(1000)]})["result"],
                         [n + 1.0 for n in range(1000)])

    def test_a_coroutine_uses_the_daemons_executor(self):
        self.assertEqual(self.result("my.sum_of_sleeping", [1, 2, 3]), 6)

    def test_a_coroutine_is_cancelled(self):
        plan = {"task": {"race": [{"call": "my.never"}, {"call": "sleep", "args": [0, "first"]}]}}
        self.assertEqual(self.ask("run", plan)["result"], "first")

    def test_errors_are_as_those_of_the_daemons_own(self):
        self.assertEqual(self.error("my.fail", "far")["message"], "IndexError: far")
        self.assertEqual(self.error("my.add", 1, "x")["message"],
                         "TypeError: my.add(): right must be a number, not the text 'x'")
        self.assertEqual(self.error("my.distance", {"x": 0, "y": 0}, {"x": 3})["message"],
                         "TypeError: my.distance(): to is an object that does not fit: key 'y' not found")
        refused = self.error("my.add", 1)
        self.assertEqual(refused["code"], -32602)
        self.assertIn("'right'", refused["message"])

    def test_they_are_listed(self):
        listed = {each["name"]: each for each in self.ask("functions")["result"]}
        self.assertEqual(listed["my.distance"]["summary"], "Between two points.")
        self.assertEqual([each["name"] for each in listed["my.distance"]["params"]], ["from", "to"])
        self.assertEqual(listed["my.never"]["lane"], "async")
        page = subprocess.run([BINARY, "functions", "my.distance", "--connect", f"127.0.0.1:{self.daemon.port}"],
                              capture_output=True, text=True, timeout=PATIENCE, env=clean_environment())
        self.assertEqual(page.returncode, 0, page.stderr)
        self.assertIn("Between two points.", page.stdout)


@unittest.skipIf(IS_SANITIZED, "a sanitizer's allocator counts no memory")
class Memory(unittest.TestCase):
    def test_a_huge_result_ends_at_the_memory_limit(self):
        with Daemon("--plugin", GOOD, "--limits.memory_bytes", "64MiB", "--limits.message_bytes", "1MiB") as daemon:
            with Connection(daemon.port) as connection:
                # The vector itself has 40 MB, as values it would have 160 MB.
                error = connection.error("run", call("my.zeros", 10_000_000))
                self.assertEqual((error["code"], error["data"]["limit"]), (-32006, "limits.memory_bytes"))


class Faults(unittest.TestCase):
    def run_gatherd(self, *words, **environment):
        return subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=PATIENCE,
                              env=clean_environment(**environment))

    def check(self, plugins, *texts):
        """`serve` and `check-config` refuse these with status 2, and say this."""
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder, "gatherd.json")
            config.write_text(json.dumps({"listen": "127.0.0.1:0", "plugins": plugins}))
            for words in (["serve", "--config", str(config)], ["check-config", str(config)]):
                with self.subTest(words=words[0]):
                    refused = self.run_gatherd(*words)
                    self.assertEqual(refused.returncode, 2, refused.stderr)
                    for text in texts:
                        self.assertIn(text, refused.stderr)

    def test_a_missing_file(self):
        self.check([str(PLUGINS / "none.so")], "plugins: plug-in ", "none.so: it cannot be loaded: ", "No such file")
        self.check(["libnone-of-these.so"], "; of a file in the current folder write ./libnone-of-these.so")

    def test_no_plugin(self):
        self.check([str(PLUGINS / "no_entry.so")], "no_entry.so: it is no plug-in: it exports no function gatherd_plugin")

    def test_another_version(self):
        self.check([str(PLUGINS / "other_version.so")], "it was built for interface 2, nlohmann_json 3.12.3, ",
                   " has interface 1, nlohmann_json 3.", ": build it against this version")

    def test_one_that_throws(self):
        self.check([str(PLUGINS / "throwing.so")], "throwing.so: it cannot register its functions: no licence")
        self.check([str(PLUGINS / "throwing_entry.so")], "throwing_entry.so: gatherd_plugin() has failed: no licence")

    def test_one_that_is_cut_off(self):
        whole = Path(GOOD).read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            cut = Path(folder, "cut.so")
            for size in (0, 40, 100, 4096, loaded_size(whole) - 1):
                with self.subTest(size):
                    cut.write_bytes(whole[:size])
                    self.check([str(cut)], "cut.so: it cannot be loaded: ")

    def test_a_name_that_is_taken(self):
        self.check([str(PLUGINS / "taken.so")], "taken.so: 'add' is a function of the daemon's own")
        self.check([GOOD, GOOD], "good.so: it is named twice")
        self.check([GOOD, GOOD.replace("/good.so", "/./good.so")], "good.so: it is named twice")
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copy(GOOD, folder)
            self.check([GOOD, copy], "good.so: 'my.distance' is a function of the daemon's own, or of a plug-in before it")

    def test_check_config_takes_a_good_one(self):
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder, "gatherd.json")
            config.write_text(json.dumps({"listen": "127.0.0.1:0", "plugins": [GOOD]}))
            fine = self.run_gatherd("check-config", str(config))
            self.assertEqual((fine.returncode, fine.stderr), (0, ""))

    def test_local_commands_load_them_too(self):
        called = self.run_gatherd("call", "--local", "my.add", "1", "2", GATHERD_PLUGINS=GOOD)
        self.assertEqual((called.returncode, called.stdout), (0, "3.0\n"), called.stderr)

    def test_an_empty_name(self):
        self.assertEqual(self.run_gatherd("serve", "--plugin", "").returncode, 2)


if __name__ == "__main__":
    unittest.main()
