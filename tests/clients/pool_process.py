"""The daemon's side of a pool, played by the test: a process with the inherited socket, spoken to as docs/PROTOCOL.md says.

It is no daemon: it shows what a worker says and does, message by message, and what it does with messages that no daemon sends.
"""

import ctypes
import json
import signal
import socket
import subprocess

from connection import PATIENCE
from daemon import clean_environment


class PoolProcess:
    """A worker of that command. As a context it must end with status 0 once its connection has ended."""

    def __init__(self, *command, environment=None):
        ours, its = socket.socketpair()
        ours.settimeout(PATIENCE)
        self.socket = ours
        self._input = ours.makefile("rb")

        def prepare():
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: a test that is killed leaves no worker behind
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job ignores it

        with its:
            self.process = subprocess.Popen(
                command, env=clean_environment(GATHERD_WORKER_FD=str(its.fileno()), **(environment or {})), pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=prepare)

    def send(self, message):
        self.socket.sendall(message if isinstance(message, bytes) else json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def receive(self):
        line = self._input.readline()
        if not line.endswith(b"\n"):
            raise EOFError(f"the worker closed its connection: {line!r}; it logged {self.process.stderr.read().decode()}")
        return json.loads(line)

    def serving(self):
        """Takes its `serve` and answers; the params."""
        message = self.receive()
        assert message["method"] == "serve", message
        self.send({"id": message["id"], "result": {"worker": "w1"}})
        return message["params"]

    def invoke(self, id, name, args=()):
        self.send({"id": id, "method": "invoke", "params": {"call": name, "args": args, "attempt": 1}})

    def call(self, name, *args, **named):
        """The answer to one call: its result, or the error's data; and the lines that it printed."""
        self.invoke("1", name, named or list(args))
        printed = []
        while True:
            message = self.receive()
            if message.get("method") == "output":
                assert message["params"]["request"] == "1"
                printed.append(message["params"]["text"])
                continue
            assert message["id"] == "1", message
            return (message["result"] if "result" in message else message["error"]["data"]), printed

    def end(self):
        """Closes its connection; its exit status, and what it wrote to stdout and stderr."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has closed its end
        out, errors = self.process.communicate(timeout=PATIENCE)
        self._input.close()
        self.socket.close()
        return self.process.returncode, out.decode(), errors.decode()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if not self.process.stdout.closed:
            refused = self.process.returncode
            if kind is not None:
                self.process.kill()
            status, out, errors = self.end()
            if kind is None and status != 0 and refused is None:
                raise AssertionError(f"the worker ended with status {status}: {out}{errors}")

