"""A shell that gets the commands of a page one after the other, as its reader types them."""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

from connection import PATIENCE
from daemon import BINARY, clean_environment

ROOT = Path(__file__).resolve().parents[2]
END = "-- the command has ended:"


def commands(section):
    """(command, what it prints) of each example: lines after "    $ ", further lines of the command indented by six more."""
    found = []
    for line in section.splitlines():
        if line.startswith("    $ "):
            found.append([line[6:], ""])
        elif line.startswith("          ") and found:
            found[-1][0] += "\n" + line.strip()
        elif line.startswith("    ") and found:
            found[-1][1] += line[4:] + "\n"
    return found


class Terminal:
    """Its folder is as the root of a checkout that has been built, with a daemon's socket where commands find it.

    As a context it ends the daemon that a command has started, which must end with status 0.
    """

    def __init__(self, **environment):
        self._temporary = tempfile.TemporaryDirectory(prefix="gatherd-examples-")
        self.folder = Path(self._temporary.name)
        (self.folder / "build").mkdir()
        (self.folder / "build" / "release").symlink_to(Path(BINARY).parent)
        (self.folder / "clients").symlink_to(ROOT / "clients")
        socket = f"unix:{self.folder}/socket"
        self.environment = clean_environment(**{"GATHERD_LISTEN": socket, "GATHERD_CONNECT": socket, "PYTHONDONTWRITEBYTECODE": "1",
                                                "PATH": f"{Path(BINARY).parent}:/usr/bin:/bin", **environment})
        self.errors = ""
        self.status = ""  # of the last command, with a line end
        self._commands = 0
        self._ended = 0  # commands whose standard error has been read
        self._changed = threading.Condition()
        self._shell = subprocess.Popen(["bash"], cwd=self.folder, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, start_new_session=True)
        self._reader = threading.Thread(target=self._read_errors)
        self._reader.start()

    def _read_errors(self):
        for line in self._shell.stderr:
            with self._changed:
                before, end, _ = line.partition(END)
                self.errors += before
                self._ended += bool(end)
                self._changed.notify_all()

    def run(self, command):
        """What it prints on standard output. A daemon in the background: nothing, once it is ready."""
        ready = self.errors.count("is ready") + command.endswith("&")
        self._shell.stdin.write(command + f"\nprintf '%s%s\\n' '{END}' $? | tee /dev/stderr\n")
        self._shell.stdin.flush()
        printed = ""
        while END not in (line := self._shell.stdout.readline()):
            if not line:
                raise AssertionError(f"the shell has ended:\n{printed}\n{self.errors}")
            printed += line
        before, self.status = line.split(END)
        self._commands += 1
        with self._changed:
            self._changed.wait_for(lambda: self._ended == self._commands and self.errors.count("is ready") >= ready, PATIENCE)
        return printed + before

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.run("[ -z \"$(jobs -p)\" ] || { kill $(jobs -p) && wait $!; }")
                if self.status != "0\n":
                    raise AssertionError(f"the daemon ended with status {self.status}:\n{self.errors}")
            else:
                print(f"-- on standard error was:\n{self.errors}", flush=True)
        finally:
            self._shell.stdin.close()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._shell.pid, signal.SIGTERM)  # the daemon, too, if it is still there
            self._shell.wait(PATIENCE)
            self._reader.join()
            self._shell.stdout.close()
            self._shell.stderr.close()
            self._temporary.cleanup()
