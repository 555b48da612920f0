#!/usr/bin/python3
"""The Python client, installed by pip, against the daemon."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import guide
from connection import PATIENCE
from daemon import Daemon
from guarded import SECRET, Guarded
from python_package import ROOT, install

INSTALLED = install()

import gatherd  # noqa: E402
import gatherd.sync  # noqa: E402

STRANGE = [{"await": {"call": "fail", "args": ["RuntimeError", "it ran"]}}, {"ref": "x"}, {"call": "add", "args": [1]}, {"value": 1},
           {"a": [{"await": {"value": 1}}]}, {"await": 1, "more": 2}]


class Case(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.address = f"127.0.0.1:{cls.daemon.port}"

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    async def asyncSetUp(self):
        self.printed = []
        self.g = await gatherd.connect(self.address, output=self.printed.append)
        self.addAsyncCleanup(self.g.close)

    async def until_it_runs(self, expected=True):
        """Until a plan runs in the daemon, or none, seen by another client."""
        async with gatherd.connect(self.address) as other:
            while ((await other.stats())["tasks_in_flight"] > 0) is not expected:
                pass


class Plans(Case):
    async def test_a_call_is_lazy_and_runs_each_time_it_is_awaited(self):
        call = self.g.call("add", 1, 2)
        self.assertEqual([await call, await call], [3, 3])
        self.assertEqual(await self.g.run(gatherd.call("sleep", 0, "a")), "a")
        with self.assertRaisesRegex(TypeError, "client.run"):
            await gatherd.call("add")

    async def test_plans_compose_to_one_request(self):
        g = self.g
        before = (await g.stats())["requests_by_method"]["run"]
        self.assertEqual(await g.gather(g.call("add", g.call("add", 1, 2), 3), g.sequence(g.value("a"), g.value([1])),
                                        g.wait_for(g.race(g.call("sleep", 30), g.call("echo", {"x": 1})), 20), limit=2),
                         [6, ["a", [1]], {"x": 1}])
        self.assertEqual((await g.stats())["requests_by_method"]["run"] - before, 1)

    async def test_every_kind(self):
        g = self.g
        self.assertEqual(await g.map("echo", [1, [2], None]), [1, [2], None])
        self.assertEqual(await g.starmap("add", [(1, 2), [3, 4]]), [3, 7])
        self.assertEqual(await g.starmap("echo", [{"value": 1}]), [1])
        self.assertEqual(await g.task_group(g.value(1), g.call("noop")), [1, None])
        waited = await g.wait([g.value(1), g.call("sleep", 3600)], return_when="FIRST_COMPLETED")
        self.assertEqual(waited, ({0: 1}, [1]))
        self.assertEqual(await g.shield(g.value(1)), 1)
        self.assertEqual(await g.retry(g.call("echo", 1), 3, delay=0.1, factor=2, max_delay=1), 1)
        self.assertEqual(await g.to_thread("time.sleep", 0), None)
        self.assertEqual(await g.try_(g.call("fail", "ValueError", "x"), types=[ValueError], except_=lambda error: g.call("echo", error)),
                         {"type": "ValueError", "message": "x"})
        self.assertEqual(await g.try_(g.call("fail"), except_=g.value("handled"), finally_=g.call("print", "finally")), "handled")
        self.assertEqual(self.printed, ["finally"])

    async def test_let_names_tasks_that_start_once(self):
        g = self.g
        self.assertEqual(await g.let(lambda user: g.gather(user, g.call("add", user, 1)), user=g.call("add", 3, 4)), [7, 8])
        self.assertEqual(await g.let(g.ref("b"), a=g.value(1), b=g.call("add", g.ref("a"), 1)), 2)
        shadowed = g.let(lambda a: g.let(lambda b: g.gather(a, b, g.ref("b")), b=g.value(2)), a=g.value(1))
        self.assertEqual(await shadowed, [1, 2, 2])
        outer = g.let(lambda a: (lambda first: g.let(lambda a: g.gather(first, a), a=g.value("inner")))(a), a=g.value("outer"))
        self.assertEqual(await outer, ["outer", "inner"])

    async def test_what_is_no_plan_is_refused_before_it_is_sent(self):
        g = self.g
        for wrong in (lambda: g.gather({"call": "add"}), lambda: g.wait_for(1, 2), lambda: g.call("f", 1, x=2), lambda: g.try_(1)):
            self.assertRaises(TypeError, wrong)
        for wrong in (g.call("echo", object()), g.call("echo", {1: 2}), g.value(g.value(1))):
            with self.assertRaises(TypeError):
                await wrong
        for wrong in (g.call("echo", float("nan")), g.call("echo", "\ud800"), g.ref("nowhere"), g.call("echo", {"ref": g.value(1)})):
            with self.assertRaises(ValueError):
                await wrong
        self.assertEqual(await g.ping(), "pong")

    async def test_results_of_return_exceptions_are_exceptions_at_any_depth(self):
        g = self.g
        results = await g.gather(g.value({"error": 1}), g.gather(g.call("fail", "KeyError", "k"), g.value(2), return_exceptions=True),
                                 g.call("fail", "Strange", "s"), g.call("fail", "CancelledError"), return_exceptions=True)
        self.assertEqual(results[0], {"error": 1})
        self.assertIsInstance(results[1][0], KeyError)
        self.assertEqual((results[1][0].args, results[1][1]), (("k",), 2))
        self.assertIsInstance(results[2], gatherd.RemoteError)
        self.assertIsInstance(results[3], asyncio.CancelledError)
        waited = await g.wait_for(g.wait([g.call("fail", "OSError", "x"), g.value(1)]), 10)
        self.assertIsInstance(waited.done[0], OSError)
        self.assertEqual((await g.map("fail", ["ValueError"], return_exceptions=True))[0].args, ())


class SecondEdition(Case):
    async def test_map_with_a_plan_for_each_item(self):
        g = self.g
        self.assertEqual(await g.map(lambda x: g.call("add", x, g.call("add", x, 1)), [1, 2]), [3, 5])
        self.assertEqual(await g.map(lambda x: g.map(lambda y: g.call("add", x, y), [1, 2]), [10, 20]), [[11, 12], [21, 22]])
        self.assertEqual(await g.map("add", g.value([1, 2])), [1, 2])
        self.assertEqual(await g.starmap("add", g.value([[1, 2]])), [3])
        self.assertEqual(await g.map(lambda item: g.call("echo", item), STRANGE), STRANGE)
        failed = await g.map(lambda t: g.call("fail", t), ["ValueError", "OSError"], return_exceptions=True)
        self.assertEqual([type(one) for one in failed], [ValueError, OSError])
        with self.assertRaises(ValueError) as caught:
            await g.map(lambda t: g.call("fail", t), ["ValueError"])
        self.assertEqual((caught.exception.remote.path, caught.exception.remote.items), ("/task/map", [0]))

    async def test_if_and_any(self):
        g = self.g
        self.assertEqual(await g.gather(g.if_(g.value([]), g.value(1), g.value(2)), g.if_(g.value(0), g.value(1))), [2, None])
        self.assertEqual(await g.any(g.call("fail"), g.value(1)), 1)
        self.assertEqual(await g.any(g.call("sleep", 3600), g.value(1), stagger=0), 1)
        with self.assertRaises(gatherd.ExceptionGroup) as caught:
            await g.any(g.call("fail", "ValueError", "a"), g.call("fail", "CancelledError", "b"))
        self.assertEqual([type(one) for one in caught.exception.exceptions], [ValueError, gatherd.CancelledByPeer])

    async def test_json_from_strangers_is_data_wherever_it_stands(self):
        g = self.g
        for strange in [*STRANGE, STRANGE]:
            with self.subTest(strange):
                self.assertEqual(await g.call("echo", strange), strange)
                self.assertEqual(await g.call("echo", [[strange]]), [[strange]])
                self.assertEqual(await g.map("echo", [strange, 1]), [strange, 1])
                self.assertEqual(await g.starmap("echo", [[strange]]), [strange])
                self.assertEqual(await g.starmap("echo", [{"value": strange}]), [strange])
                self.assertEqual([done.result() async for done in g.map("echo", [strange]).stream()], [strange])
                self.assertEqual([done.result() async for done in g.starmap("echo", [{"value": strange}]).stream()], [strange])

    async def test_arguments_by_names_of_the_protocol_are_data(self):
        for name in ("await", "ref"):
            with self.assertRaises(gatherd.PlanRefused) as caught:  # echo has no such parameter: it was taken for one
                await self.g.call("echo", **{name: {"call": "noop"}})
            self.assertIn(name, str(caught.exception))


class Data(Case):
    async def test_json_from_strangers_beside_plans_is_data(self):
        g = self.g
        for strange in STRANGE:
            with self.subTest(strange):
                self.assertEqual(await g.call("echo", [strange, g.value(1), {"deep": strange}]), [strange, 1, {"deep": strange}])
                self.assertEqual(await g.value(strange), strange)
                self.assertEqual(await g.map("echo", [strange, g.value(2)]), [strange, 2])

    async def test_values_come_back_as_they_went(self):
        values = [None, True, 1, -2**63, 2**64 - 1, 0.1, 1e300, "é\u0000\n\U0001f600", [], {}, {"a": [{"b": None}]}, "x" * 300000]
        self.assertEqual(await self.g.call("echo", values), values)


class Errors(Case):
    async def raised(self, awaitable, kind):
        with self.assertRaises(kind) as caught:
            await awaitable
        return caught.exception

    async def test_exceptions_are_pythons_own_where_python_has_them(self):
        g = self.g
        for name, kind in (("ValueError", ValueError), ("TimeoutError", TimeoutError), ("TimeoutError", asyncio.TimeoutError), ("ConnectionError", ConnectionError),
                           ("CancelledError", asyncio.CancelledError), ("KeyError", KeyError), ("FileNotFoundError", FileNotFoundError)):
            error = await self.raised(g.gather(g.value(1), g.call("fail", name, "boom")), kind)
            self.assertEqual(str(error).strip("'"), "boom")
            self.assertEqual((error.remote.type, error.remote.path), (name, "/task/gather/1"))
        for name, kind in (("UnicodeEncodeError", UnicodeEncodeError), ("UnicodeDecodeError", ValueError)):  # made of more than a text
            error = await self.raised(g.call("fail", name, "boom"), kind)
            self.assertEqual((str(error), type(error)), ("boom", gatherd.error_class(name)))
        for name in ("HTTPError", "KeyboardInterrupt", "SystemExit", "StopIteration", "UnicodeDecodeError", "BaseException", "print", "a b"):
            error = await self.raised(g.call("fail", name, "boom"), gatherd.RemoteError)
            self.assertEqual((str(error), error.type), ("boom", name))
        self.assertIs(type(await self.raised(g.call("fail", "HTTPError"), gatherd.error_class("HTTPError"))), gatherd.error_class("HTTPError"))
        group = await self.raised(g.task_group(g.call("fail", "ValueError", "a"), g.call("fail", "Own", "b")), gatherd.ExceptionGroup)
        self.assertEqual([str(inner) for inner in group.exceptions], ["a", "b"])
        self.assertIn("unhandled errors in a TaskGroup", str(group))
        group = await self.raised(g.call("fail", "ExceptionGroup", "of a worker (2 sub-exceptions)"), gatherd.ExceptionGroup)
        self.assertEqual((str(group), [type(inner) for inner in group.exceptions]),
                         ("of a worker (2 sub-exceptions)", [gatherd.RemoteError, gatherd.RemoteError]))
        self.assertIs(gatherd.error_class("ExceptionGroup"), gatherd.ExceptionGroup)

    async def test_answers_of_the_daemon_are_exceptions_with_what_it_told(self):
        g = self.g
        refused = await self.raised(g.gather(g.value(1), g.call("ad", 1)), gatherd.PlanRefused)
        self.assertEqual(refused.path, "/task/gather/1/call")
        self.assertIn("add", refused.hint)
        self.assertEqual((await self.raised(g.task("nowhere"), gatherd.NoSuchTask)).__class__, gatherd.NoSuchTask)
        await self.raised(g.request("nix"), gatherd.ProtocolError)
        await self.raised(g.call("sleep", 3600).run(timeout=0.01), TimeoutError)
        with Daemon("--limits.plan-tasks", "5", "--limits.message-bytes", "4KiB") as small:
            async with gatherd.connect(f"127.0.0.1:{small.port}") as other:
                over = await self.raised(other.gather(*[other.value(1)] * 10), gatherd.OverLimit)
                self.assertEqual((over.limit, over.max), ("limits.plan_tasks", 5))
                over = await self.raised(other.call("echo", "x" * 5000), gatherd.OverLimit)
                self.assertEqual(over.limit, "limits.message_bytes")
                self.assertEqual(await other.ping(), "pong")  # over a new connection


class Cancelling(Case):
    async def test_cancelling_who_awaits_cancels_the_request(self):
        g = self.g
        plan = g.try_(g.call("sleep", 3600), types=["CancelledError"], except_=g.call("print", "it was cancelled"))
        task = asyncio.ensure_future(plan.run())
        await self.until_it_runs()
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        await self.until_it_runs(False)
        self.assertEqual(await g.ping(), "pong")
        self.assertEqual(self.printed, ["it was cancelled"])

    async def test_wait_for_of_asyncio_cancels_the_request(self):
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(self.g.call("sleep", 3600), 0.05)
        await self.until_it_runs(False)

    async def test_closing_ends_what_runs(self):
        other = await gatherd.connect(self.address)
        task = asyncio.ensure_future(other.run(other.call("sleep", 3600)))
        await self.until_it_runs()
        await other.close()
        with self.assertRaises(gatherd.ConnectionLost):
            await task
        await self.until_it_runs(False)
        with self.assertRaises(gatherd.ConnectionLost):
            await other.ping()


class Streams(Case):
    async def test_children_come_as_they_end(self):
        g = self.g
        plan = g.gather(g.call("sleep", 0.2, "slow"), g.value("fast"), g.gather(g.call("fail"), return_exceptions=True))
        ended = {done.index: done.result() async for done in plan.stream()}
        self.assertEqual((ended[0], ended[1], type(ended[2][0])), ("slow", "fast", Exception))
        ended = {done.index: done async for done in g.map("fail", ["ValueError"], return_exceptions=True).stream()}
        self.assertIsInstance(ended[0].exception(), ValueError)
        with self.assertRaises(ValueError):
            await ended[0]
        with self.assertRaises(OSError):
            async for _ in g.gather(g.call("fail", "OSError"), g.call("sleep", 3600)).stream():
                pass
        self.assertRaises(TypeError, lambda: g.value(1).stream().__anext__().send(None))

    async def test_leaving_a_stream_cancels_the_rest(self):
        g = self.g
        async for done in g.gather(g.value(1), g.call("sleep", 3600)).stream():
            self.assertEqual(done.index, 0)
            break
        await self.until_it_runs(False)

    async def test_as_completed_of_plans_and_tasks(self):
        g = self.g
        plans = [g.call("sleep", 0.05, "a"), g.call("fail", "ValueError"), g.value("b")]
        seen = set()
        async for done in g.as_completed(plans):
            self.assertIs(done.task, plans[done.index])
            try:
                seen.add(await done)
            except ValueError:
                seen.add("error")
        self.assertEqual(seen, {"a", "b", "error"})
        tasks = [await g.create_task(plan) for plan in plans]
        self.assertEqual({done.task.id async for done in g.as_completed(tasks)}, {task.id for task in tasks})

    async def test_progress_is_told(self):
        told = []
        self.assertEqual(await self.g.map("echo", [1, 2]).run(on_progress=lambda *numbers: told.append(numbers)), [1, 2])
        self.assertEqual(told[-1], (2, 2, 0))


class Tasks(Case):
    async def test_a_task_is_awaited_cancelled_and_forgotten(self):
        g = self.g
        task = await g.create_task(g.gather(g.call("fail"), return_exceptions=True), name="mine")
        self.assertIsInstance((await task)[0], Exception)
        self.assertEqual(((await task.status())["name"], (await task.status())["state"]), ("mine", "done"))
        self.assertEqual(task.id in [entry["id"] for entry in await g.tasks(state="done")], True)
        await task.forget()
        with self.assertRaises(gatherd.NoSuchTask):
            await task
        endless = await g.create_task(g.call("sleep", 3600))
        self.assertIs(await endless.cancel("enough"), True)
        with self.assertRaises(asyncio.CancelledError) as caught:
            await endless
        self.assertEqual(caught.exception.args, ("enough",))
        self.assertIs(await endless.cancel(), False)

    async def test_several_tasks(self):
        g = self.g
        tasks = [await g.create_task(plan) for plan in (g.value(1), g.call("fail", "OSError"), g.call("sleep", 3600))]
        self.assertEqual([type(one) for one in await g.await_tasks(tasks[:2], return_exceptions=True)], [int, OSError])
        done, pending = await g.wait_tasks(tasks, return_when="FIRST_COMPLETED")
        self.assertEqual((len(done) >= 1, tasks[2] in pending), (True, True))
        with self.assertRaises(TimeoutError):
            await g.await_tasks(tasks[2:], timeout=0.01)

    async def test_a_detached_task_is_found_by_another_client(self):
        async with gatherd.connect(self.address) as other:
            task = await other.create_task(other.call("sleep", 0.05, "left"), detach=True)
        self.assertEqual(await self.g.task(task.id), "left")


class Connections(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gatherd-client-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    async def test_unix_sockets_tokens_and_tls(self):
        (self.folder / "token").write_text(SECRET + "\n")
        with Guarded(self.folder) as daemon:
            local, tls, _, ca_file = daemon.environment.values()
            async with gatherd.connect(local, token=SECRET) as g:
                self.assertEqual(await g.call("add", 1, 2), 3)
            async with gatherd.connect(tls, token_file=str(self.folder / "token"), ca_file=ca_file) as g:
                self.assertEqual(await g.call("echo", "x" * 1000000), "x" * 1000000)
            with self.assertRaises(OSError):  # an unknown authority
                await gatherd.connect(tls, token=SECRET)
            with self.assertRaises(gatherd.NotPermitted):
                await gatherd.connect(local, token="another")
            async with gatherd.connect(local) as g:
                with self.assertRaises(PermissionError):
                    await g.call("add", 1)

    async def test_a_lost_connection_is_made_again_and_nothing_that_may_have_run_is_repeated(self):
        path = f"unix:{self.folder}/g.sock"
        first = Daemon(listen=f"127.0.0.1:0,{path}")
        async with gatherd.connect(path, reconnect=PATIENCE) as g:
            runs = asyncio.ensure_future(g.run(g.call("sleep", 3600)))
            while (await g.stats())["tasks_in_flight"] == 0:
                pass
            first.kill()
            with self.assertRaises(gatherd.ConnectionLost):
                await runs
            waiting = [asyncio.ensure_future(g.run(g.call("add", n))) for n in range(3)]
            await asyncio.sleep(0)
            with Daemon(listen=f"127.0.0.1:0,{path}"):
                self.assertEqual(await asyncio.gather(*waiting), [0, 1, 2])
                self.assertEqual((await g.stats())["requests_by_method"]["run"], 3)

    async def test_a_request_whose_answer_was_lost_is_not_sent_again_but_one_that_only_asks_is(self):
        received = []

        async def serve(reader, writer):
            line = json.loads(await reader.readline())
            received.append(line["method"])
            if received.count("ping") == 2:
                writer.write(json.dumps({"jsonrpc": "2.0", "id": line["id"], "result": "pong"}).encode() + b"\n")
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        g = gatherd.connect("127.0.0.1:%d" % server.sockets[0].getsockname()[1])
        with self.assertRaises(gatherd.ConnectionLost):
            await g.call("add", 1)
        self.assertEqual(await g.ping(), "pong")
        self.assertEqual(received, ["run", "ping", "ping"])
        await g.close()
        server.close()

    async def test_where_nobody_listens_and_where_others_do(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = "127.0.0.1:%d" % free.getsockname()[1]
        with self.assertRaisesRegex(ConnectionError, re.escape(address)):
            await gatherd.connect(address)

        async def serve(reader, writer):
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with gatherd.connect("127.0.0.1:%d" % server.sockets[0].getsockname()[1]) as g:
            with self.assertRaisesRegex(gatherd.ProtocolError, "no gatherd"):
                await g.call("add", 1)
        server.close()
        for wrong in ("here", "here:", ":7117", "here:0", "here:99999", "unix:"):
            self.assertRaises(ValueError, gatherd.connect, wrong)


class Sync(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.address = f"127.0.0.1:{cls.daemon.port}"

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def test_it_waits_for_results_and_raises(self):
        with gatherd.sync.connect(self.address) as g:
            self.assertEqual(g.run(g.gather(g.call("add", 1, 2), g.value("a"))), [3, "a"])
            self.assertEqual(g.call("add", 1, 2).run(timeout=PATIENCE), 3)
            self.assertRaises(ValueError, g.run, g.call("fail", "ValueError"))
            with self.assertRaises(asyncio.CancelledError) as caught:
                g.run(g.call("fail", "CancelledError", "x"))
            self.assertEqual(caught.exception.args, ("x",))
            self.assertEqual({done.index: done.result() for done in g.map("echo", ["a", "b"]).stream()}, {0: "a", 1: "b"})
            for done in g.stream(g.gather(g.value(1), g.call("sleep", 3600))):
                self.assertEqual(done.index, 0)
                break
            task = g.create_task(g.call("add", 1))
            self.assertEqual((task.result(), task.status()["state"], g.await_tasks([task]), g.wait_tasks([task])), (1, "done", [1], ({task}, set())))
            self.assertEqual([done.task for done in g.as_completed([task])], [task])
            self.assertEqual((g.ping(), g.info()["name"]), ("pong", "gatherd"))
        self.assertRaises(gatherd.ConnectionLost, g.ping)

    def test_many_threads_share_a_client(self):
        with gatherd.sync.connect(self.address) as g:
            results = {}
            threads = [threading.Thread(target=lambda n=n: results.update({n: g.run(g.call("add", n, 1))})) for n in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE)
            self.assertEqual(results, {n: n + 1 for n in range(20)})

    def test_a_child_of_a_fork_has_a_connection_of_its_own(self):
        with gatherd.sync.connect(self.address) as g:
            self.assertEqual(g.ping(), "pong")
            child = os.fork()
            if child == 0:
                try:
                    os._exit(0 if g.run(g.call("add", 1, 2)) == 3 else 1)
                finally:
                    os._exit(2)
            self.assertEqual(os.waitpid(child, 0)[1], 0)
            self.assertEqual(g.run(g.call("add", 2, 2)), 4)

    def test_ctrl_c_cancels_the_request(self):
        program = ("import gatherd.sync, sys\n"
                   "with gatherd.sync.connect(sys.argv[1]) as g:\n"
                   "    g.run(g.sequence(g.call('print', 'begun'), g.call('sleep', 3600)))\n")
        process = subprocess.Popen([sys.executable, "-c", program, self.address], env={**os.environ, "PYTHONPATH": str(INSTALLED)},
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(process.stdout.readline(), "begun\n")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        self.assertIn("KeyboardInterrupt", errors)


class Package(unittest.TestCase):
    def test_its_version_is_the_projects(self):
        project = re.search(r"VERSION (\d+\.\d+\.\d+)", (ROOT / "CMakeLists.txt").read_text().split("project(", 1)[1]).group(1)
        self.assertEqual(gatherd.__version__, project)
        self.assertTrue((INSTALLED / f"gatherd-{project}.dist-info").is_dir())
        self.assertTrue((INSTALLED / "gatherd" / "py.typed").is_file())

    def test_a_worker_of_plain_functions_needs_no_asyncio(self):
        program = "import sys; from gatherd import function, run; print({'asyncio', 'ssl', 'logging', 'typing', 'random'} & set(sys.modules))"
        done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(INSTALLED)}, capture_output=True, text=True)
        self.assertEqual(done.stdout, "set()\n", done.stderr)

    def test_the_programs_of_its_page_do_what_it_says(self):
        with tempfile.TemporaryDirectory(prefix="gatherd-guide-") as folder, Daemon() as daemon:
            guide.check(self, "PYTHON.md", Path(folder), "program.py", [sys.executable], daemon, PYTHONPATH=str(INSTALLED))

    def test_every_name_is_there(self):
        for name in gatherd.__all__:
            self.assertIsNotNone(getattr(gatherd, name))


if __name__ == "__main__":
    unittest.main()
