"""The daemon and its peers: how each is started, and what it is given to do."""

import contextlib
import ctypes
import json
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATIENCE = 60  # seconds for a server to start
PR_SET_PDEATHSIG = 1


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(stack, words, log):
    """A process that ends with the stack."""
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)

    def stop():
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    stack.callback(stop)
    return process


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_until(ready, process, what):
    end = time.monotonic() + PATIENCE
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{what} did not start")
        time.sleep(0.02)


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class LineServer:
    """Speaks gatherd's protocol: measured by `gatherd bench`."""

    is_queue = False

    def __init__(self, name, words, sleeps=True, flag=None):
        self.name, self.sleeps = name, sleeps
        self._words, self._flag = words, flag

    def start(self, stack, folder, log, row):
        """Gives its address."""
        port_file = Path(folder) / f"{self.name}.port"
        port_file.unlink(missing_ok=True)
        told = [self._flag, str(port_file)] if self._flag else [str(port_file)]
        process = start(stack, [*self._words, *told], log)
        wait_until(lambda: port_file.exists() and port_file.read_text().strip(), process, self.name)
        return port_file.read_text().split()[0]


class Queue:
    """A broker with two workers and a protocol of its own: measured by its own driver."""

    is_queue = True
    sleeps = False

    def __init__(self, name, driver, broker):
        self.name, self._driver, self._broker = name, driver, broker

    def start(self, stack, folder, log, row):
        """Gives the words that run its driver, all but batch, connections and seconds."""
        port = free_port()
        process = start(stack, self._broker(port, folder), log)
        wait_until(lambda: accepts(port), process, self.name)
        if self.name == "Redis Streams":
            subprocess.run(["redis-cli", "-p", str(port), "XGROUP", "CREATE", "tasks", "workers", "$", "MKSTREAM"], check=True,
                           stdout=subprocess.DEVNULL)
        told = {"Redis Streams": lambda worker: [worker], "NATS": lambda worker: [str(row.batch)]}
        for worker in ("one", "two"):
            start(stack, [str(self._driver), "work", str(port), *told.get(self.name, lambda worker: [])(worker)], log)
        return [str(self._driver), "drive", str(port)]


def daemon(name, gatherd):
    return LineServer(name, [str(gatherd), "serve", "--listen", "127.0.0.1:0", "--log.level", "warn"], flag="--port-file")


def all_peers(build, work, before=None):
    """Every server that can be started here, the daemon first. `work` is a folder for what has to be compiled, `before`
    another gatherd to compare with, if any."""
    made = Path(build) / "bench" / "service"
    yield daemon("gatherd", Path(build) / "gatherd")
    if before:
        yield daemon("before", before)
    yield LineServer("bare loop", [str(made / "peer_bare")], sleeps=False)
    yield LineServer("Node", ["node", str(HERE / "node_server.js")])
    go_server = Path(work) / "go_server"
    subprocess.run(["go", "build", "-o", str(go_server), str(HERE / "go_server.go")], check=True)
    yield LineServer("Go", [str(go_server)])
    yield LineServer("Asio + DOM", [str(made / "peer_asio_dom")])
    yield LineServer("uvloop", ["/usr/bin/python3", str(HERE / "asyncio_server.py"), "--uvloop"])
    yield LineServer("asyncio", ["/usr/bin/python3", str(HERE / "asyncio_server.py")])
    yield Queue("NATS", made / "peer_queue_nats", lambda port, folder: ["nats-server", "-a", "127.0.0.1", "-p", str(port)])
    yield Queue("beanstalkd", made / "peer_queue_beanstalk",
                lambda port, folder: ["beanstalkd", "-l", "127.0.0.1", "-p", str(port)])
    yield Queue("Redis Streams", made / "peer_queue_redis",
                lambda port, folder: ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly",
                                      "no", "--dir", str(folder)])
    yield Queue("gearmand", made / "peer_queue_gearman",
                lambda port, folder: ["gearmand", "-L", "127.0.0.1", "-p", str(port), "-l", str(Path(folder) / "gearmand.log")])


def run_json(words):
    """What a command prints as JSON. RuntimeError with what it said otherwise."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: status {done.returncode}: {done.stderr.strip()} {done.stdout[:2000]}")
    return json.loads(done.stdout)


def fits(peer, row):
    """Whether that peer can do it."""
    if peer.is_queue:
        return row.pipeline == 1 and row.form == "gather" and not row.is_once
    return peer.sleeps or not row.sleeps


def measure(peer, where, row, gatherd, seconds):
    """One row against a running peer: {figure: number}."""
    if peer.is_queue:
        found = run_json([*where, str(row.batch), str(row.connections), str(seconds)])
        return figures(found)
    words = [gatherd, "bench", "--json", "--connect", where, *row.words(seconds)]
    if row.plan is None:
        return figures(run_json(words))
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(row.plan(), file)
        file.flush()
        return figures(run_json([*words, "--plan", file.name]))


def figures(found):
    latency, server = found["latency"], found.get("server") or {}
    made = {"tasks_a_second": found["tasks_a_second"], **{name: latency[name] for name in ("p50", "p99", "p99.9", "max")}}
    for name in ("cpu_whole_run", "peak_private", "private_each_idle_connection", "private_each_used_connection"):
        made[name] = server.get(name)
    if server:
        made["private_grown"] = server["peak_private"] - server["connected"]["private"]
    return made
