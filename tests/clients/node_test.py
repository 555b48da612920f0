#!/usr/bin/python3
"""The Node package, installed by npm from what `npm pack` makes: the client against the daemon, a worker on the socket of a pool."""

import json
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

import guide
from connection import PATIENCE
from daemon import Daemon, clean_environment
from guarded import Guarded
from pool_process import PoolProcess

SOURCES = Path(__file__).resolve().parent
ROOT = SOURCES.parents[1]

WORKER = '''
const { call, serve } = require('gatherd/worker');
serve({
  resize: { run: (path, width) => ({ path, width }), summary: 'Makes a picture smaller.', params: [{ name: 'path' }, { name: 'width', default: 800 }], idempotent: true },
  named: (args) => args,
  say: (text) => { console.log('%s', text); console.error('to the log'); },
  fail: () => { throw new RangeError('boom'); },
  misname: () => { throw Object.assign(new Error('boom'), { name: 'a\\nb' }); },
  wrong: (kind) => ({ nan: [NaN], function: () => 1, surrogate: '\\ud800', map: new Map([[1, 2]]), set: [new Set()], inside: { method() {} }, nothing: undefined })[kind],
  forever: (id) => new Promise((resolve, reject) => {
    console.log('begun ' + id);
    call().signal.addEventListener('abort', () => { call().print('cancelled ' + id); reject(call().signal.reason); });
  }),
  variable: () => 'GATHERD_WORKER_FD' in process.env,
}).catch((error) => { console.error(error.message); process.exitCode = 1; });
'''

# Pauses that outlast the test.
STRETCHED = '''
const promised = require('timers/promises');
const [wait, wait_promised] = [globalThis.setTimeout, promised.setTimeout];
globalThis.setTimeout = (ended, time, ...args) => wait(ended, time * 10000, ...args);
promised.setTimeout = (time, ...args) => wait_promised(time * 10000, ...args);
'''


def install(folder):
    """The folder with node_modules of a user."""
    source, user = folder / "source", folder / "user"
    shutil.copytree(ROOT / "clients" / "node", source)
    user.mkdir()
    packed = subprocess.run(["npm", "pack", "--silent"], cwd=source, check=True, capture_output=True, text=True).stdout.split()[-1]
    (user / "package.json").write_text("{}")
    subprocess.run(["npm", "install", "--silent", "--offline", "--no-audit", "--no-fund", "--no-package-lock", str(source / packed)], cwd=user, check=True)
    return user


class Node(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("npm"):
            raise unittest.SkipTest("there is no npm: scripts/install-deps.sh test")
        cls._temporary = tempfile.TemporaryDirectory(prefix="gatherd-node-")
        cls.folder = Path(cls._temporary.name)
        cls.user = install(cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls._temporary.cleanup()

    def test_the_client(self):
        shutil.copy(SOURCES / "node_client_test.mjs", self.user)
        with Daemon() as daemon, Guarded(self.folder) as guarded:
            environment = clean_environment(ADDRESS=f"127.0.0.1:{daemon.port}", **guarded.environment)
            done = subprocess.run(["node", "--test", "node_client_test.mjs"], cwd=self.user, env=environment, capture_output=True, text=True,
                                  timeout=PATIENCE)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_programs_of_its_page_do_what_it_says(self):
        with Daemon() as daemon:
            guide.check(self, "NODE.md", self.user, "program.mjs", ["node"], daemon)
        with self.start(guide.programs("NODE.md")[-1][0], "tasks.mjs") as worker:
            self.assertEqual([function["name"] for function in worker.serving()["functions"]], ["resize", "fetch"])
            self.assertEqual(worker.call("resize", "a.jpg", 300), ({"path": "a.jpg", "width": 300}, []))

    def start(self, text=WORKER, name="tasks.js"):
        (self.user / name).write_text(text)
        return PoolProcess("node", str(self.user / name))

    def test_a_worker(self):
        with self.start() as worker:
            serving = worker.serving()
            self.assertEqual((serving["concurrency"], serving["name"]), (100, "tasks.js"))
            self.assertEqual(serving["functions"][0], {"name": "resize", "summary": "Makes a picture smaller.", "idempotent": True,
                                                       "params": [{"name": "path"}, {"name": "width", "default": 800}]})
            self.assertEqual(worker.call("resize", "a", 300), ({"path": "a", "width": 300}, []))
            self.assertEqual(worker.call("named", a=1), ({"a": 1}, []))
            self.assertEqual(worker.call("say", "a\nb"), (None, ["a", "b"]))
            error, _ = worker.call("fail")
            self.assertEqual((error["type"], error["message"], "tasks.js" in error["traceback"]), ("RangeError", "boom", True))
            error, _ = worker.call("misname")
            self.assertEqual((error["type"], error["message"], "tasks.js" in error["traceback"]), ("Error", "boom", True))
            for kind in ("nan", "function", "surrogate", "map", "set", "inside"):
                self.assertEqual(worker.call("wrong", kind)[0]["type"], "TypeError")
            self.assertEqual(worker.call("wrong", "nothing")[0], None)
            self.assertEqual(worker.call("nowhere")[0]["type"], "LookupError")
            self.assertIs(worker.call("variable")[0], False)
            status, out, errors = worker.end()
            self.assertEqual((status, out, errors), (0, "", "to the log\n"))

    def test_a_workers_calls_run_at_once_and_are_cancelled_one_by_one(self):
        with self.start() as worker:
            worker.serving()
            for id in "ab":
                worker.invoke(id, "forever", [id])
                self.assertEqual(worker.receive()["params"], {"request": id, "text": f"begun {id}"})
            worker.process.send_signal(signal.SIGTERM)
            retirement = worker.receive()
            self.assertEqual(retirement["params"], {"functions": []})
            worker.send({"id": retirement["id"], "result": {"worker": "w1"}})
            for id in "ba":
                worker.send({"method": "cancel", "params": {"request": id, "message": "enough"}})
                self.assertEqual(worker.receive()["params"], {"request": id, "text": f"cancelled {id}"})
                answer = worker.receive()
                self.assertEqual((answer["id"], answer["error"]["data"]["type"], answer["error"]["data"]["message"]), (id, "CancelledError", "enough"))
            self.assertEqual(worker.process.wait(PATIENCE), 0)

    def test_sigterm_ends_it_at_once_between_two_connections(self):
        (self.user / "slow.js").write_text(STRETCHED + WORKER)
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = "127.0.0.1:%d" % free.getsockname()[1]
        worker = subprocess.Popen(["node", "slow.js"], cwd=self.user, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                  env=clean_environment(GATHERD_CONNECT=address))
        try:
            self.assertIn("trying again", worker.stderr.readline())
            worker.terminate()
            self.assertEqual(worker.wait(PATIENCE), 0)
        finally:
            worker.kill()
            worker.wait()
            worker.stderr.close()

    def test_a_refusal_ends_it_with_the_reason(self):
        with self.start() as worker:
            worker.send({"id": worker.receive()["id"], "error": {"code": -32602, "message": "Invalid params: taken"}})
            self.assertEqual(worker.process.wait(PATIENCE), 1)
            self.assertIn("taken", worker.end()[2])

    def test_its_version_is_the_projects(self):
        project = re.search(r"VERSION (\d+\.\d+\.\d+)", (ROOT / "CMakeLists.txt").read_text().split("project(", 1)[1]).group(1)
        self.assertEqual(json.loads((self.user / "node_modules" / "gatherd" / "package.json").read_text())["version"], project)
        self.assertTrue((self.user / "node_modules" / "gatherd" / "index.d.ts").is_file())


if __name__ == "__main__":
    unittest.main()
