#!/usr/bin/python3
"""Workers in Python, installed by pip: what they say on the socket of a pool, and on a connection of their own."""

import os
import signal
import socket
import sys
import tempfile
import unittest
from pathlib import Path

import guide
from pool_process import PoolProcess
from python_package import install

INSTALLED = install()

PLAIN = '''
import sys, os, subprocess, threading, time
from gatherd import function, run
@function
def resize(path: str, width: int = 800, *, crop=False) -> dict:
    """Makes a picture smaller.

    More of it."""
    return {"path": path, "width": width, "crop": crop}
@function(name="img.join", idempotent=True, timeout=5)
def join(*parts): return "+".join(parts)
@function
def anything(**named): return named
@function
def optional(a, b=print): return [a, b is print]
@function
def say(text):
    print("begin", end=" "); print(text); print("rest", end="")
    print("to the log", file=sys.stderr); os.write(1, b"raw")
    return None
@function
def fail(kind): raise {"value": ValueError("boom"), "key": KeyError("k"), "exit": SystemExit(3), "name": type("a\\nb", (Exception,), {})("boom")}[kind]
@function
def wrong(kind): return {"object": object(), "nan": float("nan"), "surrogate": "\\ud800"}[kind]
@function
def children():
    code = "import os; print('GATHERD_WORKER_FD' in os.environ, sorted(n for n in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + n) and 'socket' in os.readlink('/proc/self/fd/' + n)))"
    spawned = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, close_fds=False).stdout
    read, write = os.pipe()
    if os.fork() == 0:
        sockets = [n for n in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + n) and "socket" in os.readlink("/proc/self/fd/" + n)]
        os.write(write, repr(sockets).encode()); os._exit(0)
    os.close(write)
    forked = os.read(read, 1000).decode(); os.wait()
    return [spawned.strip(), forked]
@function
def terminated():
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, b"x"); time.sleep(600); os._exit(0)
    os.read(read, 1); os.kill(child, 15)
    return os.waitpid(child, 0)[1]
entered = threading.Barrier(2)
@function
def meet(): return entered.wait(60) >= 0
run(threads=int(os.environ.get("THREADS", "1")))
'''

ASYNC = '''
import asyncio, threading, sys
from gatherd import function, run
started = {}
@function
async def forever(id):
    print("begun", id)
    try: await asyncio.sleep(3600)
    except asyncio.CancelledError: print("cancelled", id); raise
@function
async def wakes(a):
    print("a line"); await asyncio.sleep(0); return a
@function
async def stubborn():
    print("begun")
    try: await asyncio.sleep(3600)
    except asyncio.CancelledError: return "done all the same"
@function
def plain(): print("in plain"); return threading.current_thread() is threading.main_thread()
@function
async def fails(): raise OSError("x")
run()
'''


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gatherd-worker-")
        self.addCleanup(folder.cleanup)
        self.program = Path(folder.name) / "tasks.py"

    def start(self, text, **environment):
        self.program.write_text(text)
        return PoolProcess(sys.executable, str(self.program), environment={"PYTHONPATH": str(INSTALLED), **environment})


class Plain(Case):
    def test_it_tells_what_its_functions_take(self):
        with self.start(PLAIN) as worker:
            serving = worker.serving()
            self.assertEqual((serving["concurrency"], serving["name"]), (1, "tasks.py"))
            functions = {function["name"]: function for function in serving["functions"]}
            self.assertEqual(functions["resize"], {
                "name": "resize", "summary": "Makes a picture smaller.",
                "params": [{"name": "path", "type": "str"}, {"name": "width", "default": 800, "type": "int"}, {"name": "crop", "default": False}]})
            self.assertEqual(functions["img.join"], {"name": "img.join", "idempotent": True, "timeout": 5, "params": [{"name": "parts", "variadic": True}]})
            self.assertNotIn("params", functions["anything"])
            self.assertEqual(functions["optional"]["params"], [{"name": "a"}, {"name": "b", "optional": True}])

    def test_plain_functions_beside_async_ones_share_the_threads(self):
        for text, threads in ((ASYNC, 1), (ASYNC.replace("run()", "run(threads=2)"), 2)):
            with self.start(text) as worker:
                serving = worker.serving()
                self.assertEqual((serving["concurrency"], serving["groups"]), (100, {"threads": threads}))
                self.assertEqual([f["name"] for f in serving["functions"] if f.get("group") == "threads"], ["plain"])
        with self.start(PLAIN) as worker:
            self.assertNotIn("groups", worker.serving())

    def test_that_of_its_page_serves(self):
        with self.start(guide.programs("PYTHON.md")[-1][0]) as worker:
            self.assertEqual([function["name"] for function in worker.serving()["functions"]], ["resize", "img.fetch"])
            self.assertEqual(worker.call("resize", "a.jpg", 300), ({"path": "a.jpg", "width": 300}, ["resizing a.jpg"]))

    def test_arguments_come_by_position_and_by_name(self):
        with self.start(PLAIN) as worker:
            worker.serving()
            self.assertEqual(worker.call("resize", "a", 300, True)[0], {"path": "a", "width": 300, "crop": True})
            self.assertEqual(worker.call("resize", path="a", crop=1)[0], {"path": "a", "width": 800, "crop": 1})
            self.assertEqual(worker.call("img.join", "a", "b")[0], "a+b")
            self.assertEqual(worker.call("img.join", parts=["a", "b"])[0], "a+b")
            self.assertEqual(worker.call("anything", a=1)[0], {"a": 1})
            self.assertEqual(worker.call("optional", a=1)[0], [1, True])
            self.assertEqual(worker.call("optional", a=1, b=2)[0], [1, False])

    def test_exceptions_and_results_that_are_no_json_are_errors(self):
        with self.start(PLAIN) as worker:
            worker.serving()
            error, _ = worker.call("fail", "value")
            self.assertEqual((error["type"], error["message"]), ("ValueError", "boom"))
            self.assertIn("tasks.py", error["traceback"])
            for args, kind in ((("fail", "key"), "KeyError"), (("fail", "exit"), "SystemExit"), (("fail", "name"), "Exception"), (("wrong", "object"), "TypeError"),
                               (("wrong", "nan"), "ValueError"), (("wrong", "surrogate"), "UnicodeEncodeError"), (("nowhere",), "LookupError"),
                               (("resize",), "TypeError")):
                self.assertEqual(worker.call(*args)[0]["type"], kind)
            self.assertEqual(worker.call("img.join", "é\U0001f600")[0], "é\U0001f600")

    def test_what_a_call_prints_is_its_output_and_nothing_else_is(self):
        with self.start(PLAIN) as worker:
            worker.serving()
            self.assertEqual(worker.call("say", "a\nb"), (None, ["begin a", "b", "rest"]))
            status, out, errors = worker.end()
            self.assertEqual((status, out, errors), (0, "raw", "to the log\n"))

    def test_children_have_neither_the_socket_nor_the_variable(self):
        with self.start(PLAIN) as worker:
            worker.serving()
            self.assertEqual(worker.call("children")[0], ["False []", "[]"])

    def test_sigterm_ends_a_forked_child(self):
        for threads in ("1", "2"):
            with self.subTest(threads), self.start(PLAIN, THREADS=threads) as worker:
                worker.serving()
                self.assertEqual(worker.call("terminated")[0], signal.SIGTERM)

    def test_threads_run_calls_at_once(self):
        with self.start(PLAIN, THREADS="2") as worker:
            self.assertEqual(worker.serving()["concurrency"], 2)
            worker.invoke("a", "meet")
            worker.invoke("b", "meet")
            self.assertEqual({worker.receive()["id"], worker.receive()["id"]}, {"a", "b"})
            self.assertEqual(worker.call("say", "x"), (None, ["begin x", "rest"]))

    def test_sigterm_ends_it_once_its_calls_have_ended(self):
        for threads in ("1", "2"):
            with self.start(PLAIN, THREADS=threads) as worker:
                worker.serving()
                self.assertEqual(worker.call("img.join")[0], "")
                worker.process.send_signal(signal.SIGTERM)
                retirement = worker.receive()
                self.assertEqual((retirement["method"], retirement["params"]), ("serve", {"functions": []}))
                self.assertEqual(worker.call("img.join", "late")[0], "late")  # was on its way
                worker.send({"id": retirement["id"], "result": {"worker": "w1"}})
                self.assertEqual(worker.process.wait(60), 0)

    def test_ctrl_c_ends_it_without_a_traceback(self):
        for text, ready in ((PLAIN, "img.join"), (ASYNC, "plain")):
            with self.subTest(ready), self.start(text) as worker:
                worker.serving()
                worker.call(ready)  # it runs, so Python has its handler of SIGINT
                worker.process.send_signal(signal.SIGINT)
                self.assertEqual(worker.process.wait(60), 128 + signal.SIGINT)
                self.assertEqual(worker.end()[2], "")

    def test_a_refusal_ends_it_with_the_reason(self):
        with self.start(PLAIN) as worker:
            worker.send({"id": worker.receive()["id"], "error": {"code": -32602, "message": "Invalid params: taken"}})
            self.assertEqual(worker.process.wait(60), 1)
            self.assertIn("taken", worker.end()[2])


class Async(Case):
    def test_calls_run_at_once_and_are_cancelled_one_by_one(self):
        with self.start(ASYNC) as worker:
            serving = worker.serving()
            self.assertEqual(serving["concurrency"], 100)
            self.assertEqual({function["name"]: function.get("concurrency") for function in serving["functions"]},
                             {"forever": None, "wakes": None, "stubborn": None, "plain": 1, "fails": None})
            for id in "abc":
                worker.invoke(id, "forever", [id])
                self.assertEqual(worker.receive()["params"], {"request": id, "text": f"begun {id}"})
            self.assertEqual(worker.call("wakes", 5), (5, ["a line"]))
            worker.send({"method": "cancel", "params": {"request": "b", "message": "enough"}})
            self.assertEqual(worker.receive()["params"], {"request": "b", "text": "cancelled b"})
            answer = worker.receive()
            self.assertEqual((answer["id"], answer["error"]["data"]["type"], answer["error"]["data"]["message"]), ("b", "CancelledError", "enough"))
            worker.invoke("s", "stubborn")
            self.assertEqual(worker.receive()["params"]["text"], "begun")
            worker.send({"method": "cancel", "params": {"request": "s", "message": ""}})
            self.assertEqual(worker.receive()["result"], "done all the same")
            worker.send({"method": "cancel", "params": {"request": "gone", "message": ""}})
            self.assertEqual(worker.call("fails")[0]["type"], "OSError")
            self.assertEqual(worker.call("plain"), (False, ["in plain"]))

    def test_a_call_that_is_cancelled_before_it_began_is_answered(self):
        with self.start(ASYNC) as worker:
            worker.serving()
            invoke = b'{"jsonrpc":"2.0","id":"x","method":"invoke","params":{"call":"forever","args":["x"],"attempt":1}}\n'
            worker.send(invoke + b'{"jsonrpc":"2.0","method":"cancel","params":{"request":"x","message":""}}\n')
            message = worker.receive()
            while "method" in message:  # it may have begun
                message = worker.receive()
            self.assertEqual((message["id"], message["error"]["data"]["type"]), ("x", "CancelledError"))

    def test_sigterm_waits_for_what_is_in_flight(self):
        with self.start(ASYNC) as worker:
            worker.serving()
            worker.invoke("s", "stubborn")
            worker.receive()
            worker.process.send_signal(signal.SIGTERM)
            worker.send({"id": worker.receive()["id"], "result": {"worker": "w1"}})
            self.assertEqual(worker.call("wakes", 1), (1, ["a line"]))
            worker.send({"method": "cancel", "params": {"request": "s", "message": ""}})
            self.assertEqual(worker.receive()["result"], "done all the same")
            self.assertEqual(worker.process.wait(60), 0)


class Connecting(Case):
    def test_a_worker_of_its_own_connects_shows_its_token_and_comes_back(self):
        import json
        import subprocess
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(60)
            self.program.write_text("from gatherd import function, run\n@function\ndef f(): return 1\nrun()\n")
            environment = {**os.environ, "PYTHONPATH": str(INSTALLED), "GATHERD_CONNECT": "127.0.0.1:%d" % server.getsockname()[1],
                           "GATHERD_CONNECT_TOKEN_FILE": str(self.program) + ".token"}
            Path(environment["GATHERD_CONNECT_TOKEN_FILE"]).write_text("secret\n")
            process = subprocess.Popen([sys.executable, str(self.program)], env=environment, stderr=subprocess.PIPE, text=True)
            try:
                for _ in range(2):
                    connection, _ = server.accept()
                    with connection, connection.makefile("rb") as lines:
                        self.assertEqual(json.loads(lines.readline())["params"], {"token": "secret"})
                        self.assertEqual(json.loads(lines.readline())["method"], "serve")
                        connection.sendall(b'{"id":"auth","result":true}\n{"id":"serve","result":{"worker":"w"}}\n'
                                           b'{"id":"1","method":"invoke","params":{"call":"f","args":[],"attempt":1}}\n')
                        self.assertEqual(json.loads(lines.readline()), {"jsonrpc": "2.0", "id": "1", "result": 1})
                    self.assertIn("trying again", process.stderr.readline())
            finally:
                process.terminate()
                process.wait(60)
                process.stderr.close()


if __name__ == "__main__":
    unittest.main()
