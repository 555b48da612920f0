#!/usr/bin/python3
"""The PHP package, installed by composer from a path: the client against the daemon, pages that share a persistent connection, a worker on
the socket of a pool."""

import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.request
from pathlib import Path

import guide
from connection import PATIENCE
from daemon import Daemon, clean_environment
from guarded import Guarded
from pool_process import PoolProcess

SOURCES = Path(__file__).resolve().parent
ROOT = SOURCES.parents[1]

WORKER = r"""<?php
require __DIR__ . '/vendor/autoload.php';
Gatherd\Worker::serve([
    'resize' => ['run' => fn (string $path, int $width = 800) => ['path' => $path, 'width' => $width], 'summary' => 'Makes a picture smaller.', 'idempotent' => true],
    'join' => fn (string ...$parts) => implode('+', $parts),
    'say' => function (string $text) { echo 'begin '; print($text . "\n"); echo 'rest'; fwrite(STDERR, "to the log\n"); },
    'unnamed' => fn () => throw new class('boom') extends DomainException {},
    'fail' => fn () => throw new DomainException("boom\xff"),
    'wrong' => fn () => NAN,
    'variable' => fn () => getenv('GATHERD_WORKER_FD'),
    'img.void' => function () {},
]);
"""

PAGE = r"""<?php
require __DIR__ . '/vendor/autoload.php';
$persistent = ['persistent' => true];
switch ($_SERVER['REQUEST_URI']) {
    case '/add': $g = new Gatherd\Client(getenv('ADDRESS'), persistent: true); echo $g->run($g->call('add', 1, 2)); break;
    case '/two':
        $a = new Gatherd\Client(getenv('ADDRESS'), persistent: true);
        $b = new Gatherd\Client(getenv('ADDRESS'), persistent: true);
        foreach ($a->stream(Gatherd\Plan::gather([$a->call('sleep', 0.05, 'a'), $a->call('echo', 'b')])) as $result) { echo $result, $b->run($b->call('echo', 'c')); }
        break;
    case '/die':
        $g = new Gatherd\Client(getenv('ADDRESS'), persistent: true, output: fn () => exit('died'));
        $g->run(Gatherd\Plan::sequence([$g->call('print', 'x'), $g->call('echo', 'the answer to a page that died')]));
        break;
    case '/shown':
        $g = new Gatherd\Client(getenv('UNIX_ADDRESS'), getenv('TOKEN'), persistent: true);
        echo $g->run($g->call('add', 1, 2)), (fn () => $this->connection->isReused)->call($g) ? ' reused' : '';
        break;
    case '/unshown':
        $g = new Gatherd\Client(getenv('UNIX_ADDRESS'), persistent: true);
        try { echo $g->run($g->call('add', 1, 2)); } catch (Gatherd\NotPermitted) { echo 'not permitted'; }
        break;
    case '/half':
        $g = new Gatherd\Client(getenv('ADDRESS'), persistent: true);
        $g->ping();
        $connection = (fn () => $this->connection)->call($g);
        $connection->write('{"jsonrpc":"2.0","id":"x","method":"run","params":{"task":{"call":"ec');
        exit('left');
}
"""


ENVIRONMENT = clean_environment(COMPOSER_ALLOW_SUPERUSER="1")


def install(folder):
    """The folder with vendor/ of a user."""
    user = folder / "user"
    user.mkdir()
    (user / "composer.json").write_text(json.dumps({
        "repositories": [{"type": "path", "url": str(ROOT / "clients" / "php"), "options": {"symlink": False}}, {"packagist.org": False}],
        "require": {"gatherd/gatherd": "*"}}))
    subprocess.run(["composer", "install", "--quiet", "--no-interaction"], cwd=user, env=ENVIRONMENT | {"COMPOSER_HOME": str(folder / "composer")},
                   check=True)
    return user


class Php(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not (shutil.which("php") and shutil.which("composer")):
            raise unittest.SkipTest("there is no php or no composer: scripts/install-deps.sh test")
        cls._temporary = tempfile.TemporaryDirectory(prefix="gatherd-php-")
        cls.folder = Path(cls._temporary.name)
        cls.user = install(cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls._temporary.cleanup()

    def test_the_client(self):
        shutil.copy(SOURCES / "php_client_test.php", self.user)
        # Longer than its default, to tell it from what the client waits beyond a timeout.
        with Daemon("--workers.cancel-time", "6s") as daemon, Guarded(self.folder) as guarded:
            environment = ENVIRONMENT | guarded.environment | {"ADDRESS": f"127.0.0.1:{daemon.port}"}
            done = subprocess.run(["php", "php_client_test.php"], cwd=self.user, env=environment, capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual((done.returncode, done.stdout), (0, "fine\n"), done.stderr)

    @contextlib.contextmanager
    def pages(self, **environment):
        """A web server of one process; what gets a page of it."""
        (self.user / "page.php").write_text(PAGE)
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = "127.0.0.1:%d" % free.getsockname()[1]
        server = subprocess.Popen(["php", "-S", address, "page.php"], cwd=self.user, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True, env=ENVIRONMENT | environment)
        try:
            self.assertIn("started", server.stderr.readline())

            def page(path):
                with urllib.request.urlopen(f"http://{address}{path}", timeout=PATIENCE) as answer:
                    return answer.read().decode()

            yield page
        finally:
            server.kill()
            server.wait()
            server.stderr.close()

    def test_pages_share_a_connection_and_never_take_anothers_answer(self):
        with Daemon() as daemon, self.pages(ADDRESS=f"127.0.0.1:{daemon.port}") as page:
            def accepted():
                with daemon.connect() as connection:
                    return connection.result("stats")["connections_accepted"]

            self.assertEqual([page("/add") for _ in range(5)], ["3"] * 5)
            self.assertEqual(accepted(), 2)  # one of the pages, and that which asks
            self.assertEqual(page("/die"), "died")
            self.assertEqual([page("/add") for _ in range(2)], ["3", "3"])
            self.assertEqual(page("/half"), "left")
            self.assertEqual([page("/add") for _ in range(2)], ["3", "3"])
            self.assertEqual(page("/two"), "bcac")

    def test_a_page_without_a_token_has_not_the_rights_of_an_earlier_one(self):
        with Guarded(self.folder) as guarded, self.pages(**guarded.environment) as page:
            self.assertEqual([page("/shown") for _ in range(2)], ["3", "3 reused"])
            self.assertEqual([page("/unshown") for _ in range(2)], ["not permitted"] * 2)
            self.assertEqual(page("/shown"), "3 reused")

    def test_the_programs_of_its_page_do_what_it_says(self):
        with Daemon() as daemon:
            guide.check(self, "PHP.md", self.user, "program.php", ["php"], daemon)
        with self.start(guide.programs("PHP.md")[-1][0]) as worker:
            self.assertEqual([function["name"] for function in worker.serving()["functions"]], ["resize", "img.size"])
            self.assertEqual(worker.call("resize", "a.jpg", 300), ({"path": "a.jpg", "width": 300}, ["resizing a.jpg"]))

    def start(self, text=WORKER):
        (self.user / "tasks.php").write_text(text)
        return PoolProcess("php", str(self.user / "tasks.php"))

    def test_a_worker(self):
        with self.start() as worker:
            serving = worker.serving()
            self.assertEqual((serving["concurrency"], serving["name"]), (1, "tasks.php"))
            self.assertEqual(serving["functions"][:2], [
                {"name": "resize", "summary": "Makes a picture smaller.", "idempotent": True,
                 "params": [{"name": "path", "type": "string"}, {"name": "width", "default": 800, "type": "int"}]},
                {"name": "join", "params": [{"name": "parts", "variadic": True, "type": "string"}]}])
            self.assertEqual(worker.call("resize", "a", 300), ({"path": "a", "width": 300}, []))
            self.assertEqual(worker.call("resize", path="a"), ({"path": "a", "width": 800}, []))
            self.assertEqual(worker.call("join", "a", "b"), ("a+b", []))
            self.assertEqual(worker.call("say", "a\nb"), (None, ["begin a", "b", "rest"]))
            self.assertEqual(worker.call("img.void"), (None, []))
            error, _ = worker.call("unnamed")
            self.assertEqual((error["type"], error["message"]), ("Exception", "boom"))
            error, _ = worker.call("fail")
            self.assertEqual((error["type"], error["message"], "tasks.php" in error["traceback"]), ("DomainException", "boom\ufffd", True))
            for name, kind in (("wrong", "JsonException"), ("nowhere", "OutOfBoundsException")):
                self.assertEqual(worker.call(name)[0]["type"], kind)
            self.assertEqual(worker.call("resize")[0]["type"], "ArgumentCountError")
            self.assertIs(worker.call("variable")[0], False)
            status, out, errors = worker.end()
            self.assertEqual((status, out, errors), (0, "", "to the log\n"))

    def test_sigterm_ends_a_worker_once_its_calls_have_ended(self):
        with self.start() as worker:
            worker.serving()
            self.assertEqual(worker.call("join"), ("", []))
            worker.process.send_signal(signal.SIGTERM)
            retirement = worker.receive()
            self.assertEqual((retirement["method"], retirement["params"]), ("serve", {"functions": []}))
            self.assertEqual(worker.call("join", "late"), ("late", []))
            worker.send({"id": retirement["id"], "result": {"worker": "w1"}})
            self.assertEqual(worker.process.wait(PATIENCE), 0)

    def test_a_refusal_ends_it_with_the_reason(self):
        with self.start() as worker:
            worker.send({"id": worker.receive()["id"], "error": {"code": -32602, "message": "Invalid params: taken"}})
            self.assertEqual(worker.process.wait(PATIENCE), 255)
            _, out, errors = worker.end()
            self.assertIn("taken", out + errors)

    def test_its_version_is_the_projects(self):
        project = re.search(r"VERSION (\d+\.\d+\.\d+)", (ROOT / "CMakeLists.txt").read_text().split("project(", 1)[1]).group(1)
        self.assertEqual(json.loads((self.user / "vendor/gatherd/gatherd/composer.json").read_text())["version"], project)


if __name__ == "__main__":
    unittest.main()
