"""The built program, started on a free port for one test and stopped by SIGTERM."""

import ctypes
import os
import signal
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from connection import PATIENCE, Connection

BINARY = os.environ["TESTED_GATHERD"]
IS_SANITIZED = any(name in Path(BINARY).read_bytes() for name in (b"__asan_init", b"__tsan_init"))  # slow, and counts no memory
PR_SET_PDEATHSIG = 1


def clean_environment(**more):
    """Ours without what would set the program."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATHERD") and name != "TESTED_GATHERD"}
    return kept | more


def _die_with_parent():
    # A test that ctest kills for its deadline leaves no daemon behind.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Daemon:
    """As a context it is running inside, and must end with status 0 on SIGTERM, and without a sanitizer's report."""

    def __init__(self, *flags, listen="127.0.0.1:0", environment=None, preexec=None):
        self._folder = tempfile.TemporaryDirectory(prefix="gatherd-test-")
        self.port_file = Path(self._folder.name) / "port"
        self._lines = []
        self._changed = threading.Condition()
        self._ended = False

        def prepare():
            _die_with_parent()
            if preexec is not None:
                preexec()

        self.process = subprocess.Popen(
            [BINARY, "serve", "--listen", listen, "--port-file", str(self.port_file), *flags],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=clean_environment(**{"GATHERD_LOG_FORMAT": "text"} | (environment or {})), preexec_fn=prepare)
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        try:
            self.wait_for_log("is ready")
            self.port = int(self.port_file.read_text().split()[0].rpartition(":")[2])
        except BaseException:
            self.kill()
            raise

    def _read_log(self):
        for line in self.process.stderr:
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def log(self):
        with self._changed:
            return "\n".join(self._lines)

    def wait_for_log(self, text):
        """Until it has logged a line with that text."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or any(text in line for line in self._lines), PATIENCE)
            if not any(text in line for line in self._lines):
                raise AssertionError(f"the daemon did not log '{text}', but:\n" + "\n".join(self._lines))

    def connect(self):
        return Connection(self.port)

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self):
        """Its exit status, once it has ended."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.process.stderr.close()
        return status

    def stop(self):
        """Asks it to end and checks that it does so cleanly."""
        if self.process.returncode is None:
            self.signal()
            status = self.wait()
            if status != 0:
                raise AssertionError(f"the daemon ended with status {status} and logged:\n{self.log}")
        if "Sanitizer" in self.log or "runtime error" in self.log:
            raise AssertionError(f"the daemon reported:\n{self.log}")
        self._folder.cleanup()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        self._folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            print(f"-- the daemon logged:\n{self.log}", flush=True)
            self.kill()


class SharedDaemonCase(unittest.TestCase):
    """One daemon for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()


class DaemonCase(unittest.TestCase):
    """Tests that each start a daemon of their own. Both end with the test."""

    def start(self, *flags, **more):
        daemon = Daemon(*flags, **more)
        self.addCleanup(daemon.stop)
        return daemon

    def connect(self, daemon):
        connection = daemon.connect()
        self.addCleanup(connection.close)
        return connection
