#!/usr/bin/python3
"""Workers in Python, Node and PHP of a running daemon, called by the Python client."""

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import node_test
import php_test
from connection import PATIENCE
from daemon import Daemon, clean_environment
from python_package import install

INSTALLED = install()

import gatherd  # noqa: E402

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PYTHON = '''
import asyncio, os, signal
from gatherd import function, run, traceparent

@function
async def py_echo(value, more=None):
    """Gives its argument back."""
    print("line of", value)
    return [value, more]

@function
async def py_trace(): return traceparent()

@function
async def py_fail(kind="value"): raise {"value": ValueError("boom"), "group": ExceptionGroup("g", [ValueError("a"), KeyError("b")])}[kind]

@function
async def py_long(): return "x" * (2 << 20)

@function
async def py_surrogate(): return "\\ud800"

@function
async def py_forever():
    print("begun")
    try: await asyncio.sleep(3600)
    except asyncio.CancelledError: print("cancelled"); raise

@function(timeout=0.05)
async def py_slow(): await asyncio.sleep(3600)

@function
async def py_die(): os.kill(os.getpid(), signal.SIGKILL)

@function(idempotent=True)
async def py_die_once(path):
    try: os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError: return "ran again"
    os.kill(os.getpid(), signal.SIGKILL)

run()
'''
NODE = "require('gatherd/worker').serve({ js_echo: (value) => { console.log('line of', value); return value; }, js_trace: () => require('gatherd/worker').call().traceparent ?? null, js_fail: () => { throw new RangeError('boom'); }, js_long: () => 'x'.repeat(2 << 20) });"
PHP = """<?php require __DIR__ . '/vendor/autoload.php';
Gatherd\\Worker::serve(['php_echo' => function (mixed $value, ?int $more = 7) { echo "line of $value\\n"; return [$value, $more]; },
    'php_long' => fn () => str_repeat('x', 2 << 20), 'php_trace' => fn () => Gatherd\\Worker::traceparent(), 'php_fail' => fn () => throw new DomainException('boom')]);"""


class Workers(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gatherd-workers-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.daemon = Daemon("--limits.message-bytes", "1MiB")
        self.addCleanup(self.daemon.stop)
        self.printed = []
        self.g = await gatherd.connect(f"127.0.0.1:{self.daemon.port}", output=self.printed.append)
        self.addAsyncCleanup(self.g.close)

    async def start(self, *command, serves, cwd=None, count=1):
        process = subprocess.Popen(command, cwd=cwd or self.folder, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=clean_environment(GATHERD_CONNECT=f"127.0.0.1:{self.daemon.port}", PYTHONPATH=str(INSTALLED)))

        def end():
            process.terminate()
            process.wait(PATIENCE)

        self.addCleanup(end)
        while sum(serves in worker["functions"] for worker in await self.g.workers()) < count:
            self.assertIsNone(process.poll())
        return process

    async def python(self, count=1):
        (self.folder / "tasks.py").write_text(PYTHON)
        return await self.start(sys.executable, "tasks.py", serves="py_echo", count=count)

    async def comes_back(self, process, too_long, echo):
        """A result over limits.message_bytes costs the worker its connection, and nothing more."""
        await self.raised(self.g.call(too_long), ConnectionError)
        while not any(echo in worker["functions"] for worker in await self.g.workers()):
            self.assertIsNone(process.poll())
        await self.g.call(echo, "y")

    async def raised(self, awaitable, kind):
        with self.assertRaises(kind) as caught:
            await awaitable
        return caught.exception

    async def test_a_python_worker(self):
        g = self.g
        await self.python()
        self.assertEqual(await g.gather(g.call("py_echo", 1), g.call("py_echo", more=2, value=g.value({"await": {"call": "noop"}}))),
                         [[1, None], [{"await": {"call": "noop"}}, 2]])
        self.assertEqual(sorted(self.printed), ["line of 1", "line of {'await': {'call': 'noop'}}"])
        error = await self.raised(g.call("py_fail"), ValueError)
        self.assertEqual((str(error), "tasks.py" in error.remote.traceback), ("boom", True))
        await self.raised(g.call("py_slow"), TimeoutError)
        group = await self.raised(g.call("py_fail", "group"), gatherd.ExceptionGroup)
        self.assertEqual((str(group), len(group.exceptions), "KeyError: 'b'" in group.remote.traceback), ("g (2 sub-exceptions)", 2, True))
        await self.raised(g.call("py_surrogate"), UnicodeEncodeError)
        await self.raised(g.call("py_echo"), gatherd.PlanRefused)
        function, = [one for one in await g.functions() if one["name"] == "py_echo"]
        self.assertEqual((function["summary"], function["lane"]), ("Gives its argument back.", "worker"))
        self.printed.clear()
        running = asyncio.ensure_future(g.call("py_forever").run())
        while "begun" not in self.printed:
            await g.ping()
        running.cancel()
        await self.raised(running, asyncio.CancelledError)
        self.assertEqual(await g.map("py_echo", list(range(200))), [[n, None] for n in range(200)])

    async def test_a_python_worker_whose_result_was_too_long_comes_back(self):
        await self.comes_back(await self.python(), "py_long", "py_echo")
        (self.folder / "plain.py").write_text(
            "from gatherd import function, run\n@function\ndef plain_long(): return 'x' * (2 << 20)\n@function\ndef plain_echo(value): return value\nrun()\n")
        await self.comes_back(await self.start(sys.executable, "plain.py", serves="plain_long"), "plain_long", "plain_echo")

    async def test_a_lost_worker_raises_unless_the_call_may_run_again(self):
        g = self.g
        await self.python()
        await self.python(count=2)
        await self.python(count=3)
        await self.raised(g.call("py_die"), ConnectionError)
        self.assertEqual(await g.call("py_die_once", str(self.folder / "once")), "ran again")

    def is_handed(self, function):
        """Whether it gets the traceparent of its request, and none where there is none."""
        with self.daemon.connect() as connection:
            for trace in (TRACE, None):
                self.assertEqual(connection.result("run", {"task": {"call": function}, "traceparent": trace}), trace)

    async def test_a_python_worker_is_handed_the_traceparent(self):
        await self.python()
        self.is_handed("py_trace")
        (self.folder / "plain.py").write_text("from gatherd import function, run, traceparent\n@function\ndef plain_trace(): return traceparent()\nrun()\n")
        await self.start(sys.executable, "plain.py", serves="plain_trace")
        self.is_handed("plain_trace")

    @unittest.skipUnless(shutil.which("npm"), "there is no npm")
    async def test_a_node_worker(self):
        user = node_test.install(self.folder)
        (user / "tasks.js").write_text(NODE)
        process = await self.start("node", "tasks.js", serves="js_echo", cwd=user)
        self.assertEqual((await self.g.call("js_echo", "x"), self.printed), ("x", ["line of x"]))
        error = await self.raised(self.g.call("js_fail"), gatherd.RemoteError)
        self.assertEqual((error.type, str(error)), ("RangeError", "boom"))
        self.is_handed("js_trace")
        await self.comes_back(process, "js_long", "js_echo")

    @unittest.skipUnless(shutil.which("composer"), "there is no composer")
    async def test_a_php_worker(self):
        user = php_test.install(self.folder)
        (user / "tasks.php").write_text(PHP)
        process = await self.start("php", "tasks.php", serves="php_echo", cwd=user)
        self.assertEqual((await self.g.call("php_echo", "x"), self.printed), (["x", 7], ["line of x"]))
        error = await self.raised(self.g.call("php_fail"), gatherd.RemoteError)
        self.assertEqual((error.type, str(error)), ("DomainException", "boom"))
        self.is_handed("php_trace")
        worker, = await self.g.workers()
        self.assertEqual((worker["name"], worker["concurrency"]), ("tasks.php", 1))
        await self.comes_back(process, "php_long", "php_echo")


class Refused(unittest.TestCase):
    """The daemon is played by the test."""

    # What a daemon says to a worker that may come back, and what answers in its place.
    PASSING = (b'{"id":null,"error":{"code":-32003,"message":"limits.connections"}}\n', b'{"id":null,"error":{"code":-32006,"message":"too long"}}\n',
               b'{"id":"serve","error":{"code":-32005,"message":"shutting down"}}\n', b"HTTP/1.1 400 Bad Request\n", b'{"id":"ser')

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gatherd-workers-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(PATIENCE)
        self.addCleanup(self.server.close)

    def start(self, *command, cwd=None):
        (self.folder / "token").write_text("secret\n")
        process = subprocess.Popen(command, cwd=cwd or self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   env=clean_environment(GATHERD_CONNECT="127.0.0.1:%d" % self.server.getsockname()[1], PYTHONPATH=str(INSTALLED),
                                                         GATHERD_CONNECT_TOKEN_FILE=str(self.folder / "token")))

        def end():
            process.kill()
            process.wait(PATIENCE)
            process.stderr.close()

        self.addCleanup(end)
        return process

    def answer(self, text):
        """Takes the next connection, its auth and serve, sends that and ends its own side; until the worker has ended its side."""
        connection, _ = self.server.accept()
        connection.settimeout(PATIENCE)
        with connection, connection.makefile("rb") as lines:
            self.assertEqual([json.loads(lines.readline())["method"] for _ in range(2)], ["auth", "serve"])
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            self.assertEqual(lines.read(), b"")

    def refused(self, *command, cwd=None):
        process = self.start(*command, cwd=cwd)
        for text in self.PASSING:
            self.answer(text)
            self.assertIn("trying again", process.stderr.readline(), text)
        process.terminate()  # between two connections
        self.assertEqual((process.wait(PATIENCE), process.stderr.read()), (0, ""))
        for text in (b'{"id":"auth","error":{"code":-32004,"message":"no such token"}}\n', b'{"id":"serve","error":{"code":-32602,"message":"it is taken"}}\n'):
            process = self.start(*command, cwd=cwd)
            self.answer(text)
            self.assertNotEqual(process.wait(PATIENCE), 0)
            self.assertRegex(process.stderr.read(), "no such token|it is taken")

    def test_a_python_worker_connects_again_unless_that_is_of_no_use(self):
        (self.folder / "tasks.py").write_text(PYTHON)
        self.refused(sys.executable, "tasks.py")
        (self.folder / "plain.py").write_text("from gatherd import function, run\n@function\ndef plain(): pass\nrun()\n")
        self.refused(sys.executable, "plain.py")

    @unittest.skipUnless(shutil.which("npm"), "there is no npm")
    def test_a_node_worker_connects_again_unless_that_is_of_no_use(self):
        user = node_test.install(self.folder)
        (user / "tasks.js").write_text(NODE)
        self.refused("node", "tasks.js", cwd=user)

    @unittest.skipUnless(shutil.which("composer"), "there is no composer")
    def test_a_php_worker_connects_again_unless_that_is_of_no_use(self):
        user = php_test.install(self.folder)
        (user / "tasks.php").write_text(PHP)
        self.refused("php", "-d", "display_errors=stderr", "tasks.php", cwd=user)


if __name__ == "__main__":
    unittest.main()
