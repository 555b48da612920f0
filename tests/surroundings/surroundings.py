#!/usr/bin/python3
"""Starts the built daemon with wrong settings and in surroundings that give it too little, and checks what it says and does.

surroundings.py [--table] [CASE..]

Each case says which exit status or behaviour is documented (docs/OPERATIONS.md) and which words the line has. What can be known
before the start, check-config has to refuse with the same line. With --table the output is the table of docs/RELIABILITY.md.
Cases that need root, or a control group of this machine, are told as not run where there is none. TESTED_GATHERD names the program.
"""

import argparse
import contextlib
import json
import os
import random
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "integration")]

from connection import PATIENCE, Connection
from daemon import BINARY, _die_with_parent, clean_environment

MIB = 1 << 20
NOBODY = 65534
ALONE = 54321  # a user who has no other process
IS_ROOT = os.geteuid() == 0
GROUPS = Path("/sys/fs/cgroup")


def quiet_environment(**more):
    """Without settings of whoever runs this, and with a log in words."""
    return clean_environment(**({"GATHERD_LOG_FORMAT": "text"} | more))


class NotRun(Exception):
    """This machine does not allow the case; the text says why."""


class Fault(Exception):
    """It did something else than what is documented."""


def require(condition, text):
    if not condition:
        raise Fault(text)


def plain(line):
    """What a line of the log or of the command line says, without time, level and the program's name."""
    if line.startswith("{"):
        told = json.loads(line)
        return told.get("message") or told.get("event") or line
    if line.startswith("gatherd: "):
        return line.removeprefix("gatherd: ").removeprefix("warning: ")
    return line.split(" ", 2)[2] if line[:2] == "20" else line


class Surroundings:
    """A folder with the files that cases need, and what runs in it."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.chmod(0o755)
        self.binary = self.folder / "gatherd"  # where another user may run it
        shutil.copy(BINARY, self.binary)
        self.binary.chmod(0o755)
        self.stack = contextlib.ExitStack()

    def path(self, name):
        return str(self.folder / name)

    def file(self, name, text="", mode=0o600):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def certificate(self, name, *more):
        """Self-signed: NAME.pem and NAME.key."""
        key, made, asked = self.path(name + ".key"), self.path(name + ".pem"), self.path(name + ".csr")
        for words in (["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", asked],
                      ["x509", "-req", "-in", asked, "-key", key, "-out", made, *(more or ["-days", "2"])]):
            subprocess.run(["openssl", *words], check=True, capture_output=True)
        os.chmod(key, 0o600)
        return {"certificate": made, "key": key}

    def prepare(self, user=None, limits=(), group=None):
        """To be run in the child."""
        def run():
            _die_with_parent()
            for which, most in limits:
                resource.setrlimit(which, (most, most))
            if group is not None:
                (group / "cgroup.procs").write_text(str(os.getpid()))
            if user is not None:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
                _die_with_parent()  # a change of the user takes it back
        return run

    def run(self, *words, environment=None, **around):
        """Status and lines of a command that ends by itself."""
        done = subprocess.run([str(self.binary), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False,
                              cwd=self.folder, env=quiet_environment(**(environment or {})), preexec_fn=self.prepare(**around))
        return done.returncode, done.stderr.splitlines()

    @contextlib.contextmanager
    def daemon(self, *flags, settings=None, log=None, **around):
        """One that starts; ended by SIGTERM, with status 0."""
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        if settings is not None:
            flags = ("--config", self.file("gatherd.json", json.dumps(settings), 0o644), *flags)
        errors = self.folder / "log"
        with (open(errors, "w") if log is None else contextlib.nullcontext(log)) as stream:
            process = subprocess.Popen([str(self.binary), "serve", "--listen", "127.0.0.1:0", "--port-file", str(port_file), *flags],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stream, cwd=self.folder,
                                       env=quiet_environment(), preexec_fn=self.prepare(**around))
        running = Running(process, errors)
        try:
            running.wait_until(port_file.exists)
            running.port = int(port_file.read_text().split()[0].rpartition(":")[2])
            yield running
            process.terminate()
            require(process.wait(PATIENCE) == 0, f"it ended with status {process.returncode}")
        finally:
            process.kill()
            process.wait()


class Running:
    def __init__(self, process, log):
        self.process, self.log, self.port = process, log, 0

    def wait_until(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            text = self.log.read_text() if self.log.exists() else ""
            require(self.process.poll() is None, f"it ended with status {self.process.returncode}: {text}")
            require(time.monotonic() < end, f"it did not come to be; the log: {text}")
            time.sleep(0.01)

    def connect(self):
        return Connection(self.port)

    def line(self, words):
        """The line of its log that has these words, once it is there."""
        self.wait_until(lambda: any(words in plain(each) for each in self.log.read_text().splitlines()))
        return next(plain(each) for each in self.log.read_text().splitlines() if words in plain(each))

    def answers(self, count):
        with self.connect() as client:
            for number in range(count):
                require(client.result("run", {"task": {"call": "add", "args": [number, 1]}}) == number + 1, "a wrong answer")


CASES = []  # (name, what is done, run): run gives what it did, its line, and what check-config said


def case(name, done):
    def add(run):
        CASES.append((name, done, run))
        return run
    return add


def refused(name, done, status, words, make, known_before=True):
    """A case in which it does not start. `make` gives the settings, or (settings, what surrounds the process)."""
    def run(here):
        made = make(here)
        settings, around = made if isinstance(made, tuple) else (made, {})
        text = settings if isinstance(settings, str) else json.dumps({"listen": "127.0.0.1:0"} | settings)
        file = here.file("gatherd.json", text, 0o644)
        got, lines = here.run("serve", "--config", file, **around)
        line = plain(lines[-1]) if lines else ""
        require((got, words in line) == (status, True), f"status {got}, not {status}, or without '{words}': {lines}")
        if not known_before:
            return f"exit status {status}", line, "cannot know"
        got, checked = here.run("check-config", file, **around)
        require(got == 2 and any(plain(each) == line for each in checked), f"check-config: status {got}: {checked}, where serve says: {line}")
        return f"exit status {status}", line, "refuses it, with the same line"
    CASES.append((name, done, run))


def as_nobody():
    """Where we are root, another user is needed to be refused anything."""
    return {"user": NOBODY} if IS_ROOT else {}


def tokens(*entries):
    return {"auth": {"tokens": [{"rights": ["submit"], **each} for each in entries]}}


def taken_port(here):
    return here.stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]


def free_port():
    """Below those that the system gives to others who ask for any."""
    while True:
        port = random.randint(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("0.0.0.0", port)):
            return port


# Settings.
refused("a name that is not one", "`limits.dept` in the file", 2, "unknown setting limits.dept; did you mean limits.depth?",
        lambda here: {"limits": {"dept": 64}})
refused("a value of the wrong type", "`\"threads\": \"many\"`", 2, '"many" is not a whole number', lambda here: {"threads": "many"})
refused("a value out of range", "`\"limits.depth\": 5000`", 2, "5000 is out of range (2 to 1000)", lambda here: {"limits": {"depth": 5000}})
refused("no JSON", "a comma too many in the file", 2, "not JSON", lambda here: '{"threads": 2,}')
refused("open to everybody by mistake", "`0.0.0.0` without tokens", 2, "set auth.tokens", lambda here: {"listen": f"0.0.0.0:{free_port()}"})
refused("a folder for files that is not there", "`file.roots`", 2, "No such file or directory", lambda here: {"file": {"roots": {"data": here.path("none")}}})
refused("a plug-in that is not there", "`plugins`", 2, "cannot open shared object file", lambda here: {"plugins": [here.path("none.so")]})


def without_settings(here, file, words, **around):
    status, lines = here.run("serve", "--config", file, **around)
    require(status == 2 and words in lines[-1], f"{status} {lines}")
    checked = here.run("check-config", file, **around)
    require(checked == (status, lines), f"check-config: {checked}")
    return "exit status 2", plain(lines[-1]), "refuses it, with the same line"


@case("no file of settings", "`--config` names none")
def no_file(here):
    return without_settings(here, here.path("none.json"), "cannot be read: No such file or directory")


@case("a file of settings that may not be read", "mode 600, of another user")
def unreadable_file(here):
    return without_settings(here, here.file("secret.json", "{}", 0o600 if IS_ROOT else 0), "cannot be read: Permission denied", **as_nobody())


@case("a variable that is none", "`GATHERD_LIMITS_DEPHT=64`")
def variable(here):
    status, lines = here.run("serve", "--listen", "127.0.0.1:0", environment={"GATHERD_LIMITS_DEPHT": "64"})
    require(status == 2 and "did you mean GATHERD_LIMITS_DEPTH?" in lines[-1], f"{status} {lines}")
    return "exit status 2", plain(lines[-1]), "looks at the file alone"


@case("a flag that is none", "`--limits.dept 64`")
def flag(here):
    status, lines = here.run("serve", "--listen", "127.0.0.1:0", "--limits.dept", "64")
    require(status == 2 and "did you mean --limits.depth?" in lines[-1], f"{status} {lines}")
    return "exit status 2", plain(lines[-1]), "looks at the file alone"


# Addresses.
refused("a port that is taken", "another program listens there", 1, "Address already in use",
        lambda here: {"listen": f"127.0.0.1:{taken_port(here)}"}, known_before=False)
refused("the admin port is taken", "another program listens there", 1, "Address already in use",
        lambda here: {"admin": {"listen": f"127.0.0.1:{taken_port(here)}"}}, known_before=False)
refused("a host that is not this machine", "`192.0.2.1:7117`", 1, "Cannot assign requested address",
        lambda here: {"listen": "192.0.2.1:7117", "auth": {"open": "yes"}})
refused("a host that has no address", "`none.invalid:7117`", 1, "cannot listen at none.invalid:7117", lambda here: {"listen": "none.invalid:7117"})


def low_port(here):
    if not IS_ROOT:
        raise NotRun("needs root, to become a user without rights")
    first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if first <= 81:
        raise NotRun("every user may listen at any port here")
    return {"listen": "127.0.0.1:81"}, as_nobody()


refused("a port that needs a right", "port 81, as a user without rights", 1, "cannot listen at 127.0.0.1:81: Permission denied", low_port)
refused("a Unix socket's path is too long", "120 bytes", 1, "the path is longer than 107 bytes", lambda here: {"listen": "unix:/run/" + "x" * 115})
refused("a Unix socket in a folder that is not there", "`unix:/none/g.sock`", 1, "cannot listen at unix:/none/g.sock: No such file or directory",
        lambda here: {"listen": "unix:/none/g.sock"})


def closed_folder(here):
    closed = here.folder / "closed"
    closed.mkdir(mode=0o700 if IS_ROOT else 0o500, exist_ok=True)
    return {"listen": f"unix:{closed}/g.sock"}, as_nobody()


refused("a Unix socket in a folder that may not be written", "a folder of another user", 1, "Permission denied", closed_folder)
refused("a file that is no socket is in a Unix socket's place", "a file with text", 1, "Address already in use",
        lambda here: {"listen": "unix:" + here.file("precious", "precious")})
refused("a port file in a folder that is not there", "`port_file`", 1, "cannot write the port file /none/port: No such file or directory",
        lambda here: {"port_file": "/none/port"})


@case("a Unix socket that a crash has left", "the daemon is killed, and started again")
def left_socket(here):
    where = "unix:" + here.path("left.sock")
    process = subprocess.Popen([str(here.binary), "serve", "--listen", where, "--port-file", here.path("left.port")], stderr=subprocess.DEVNULL,
                               env=quiet_environment(), preexec_fn=_die_with_parent)
    Running(process, here.folder / "none").wait_until(Path(here.path("left.port")).exists)
    process.kill()
    process.wait()
    require(Path(here.path("left.sock")).is_socket(), "no socket is left")
    checked = taken_by_check(here, {"listen": where})
    with here.daemon("--listen", f"127.0.0.1:0,{where}") as running:
        status, lines = here.run("ping", "--connect", where)
        require(status == 0, f"{status} {lines}")
        return "starts, and takes its place", running.line("listening address=unix:"), checked


# Certificates.
def tls(files):
    return {"listen": "tls:127.0.0.1:0", "tls": files}


refused("TLS without a certificate", "`tls:` and no `tls.certificate`", 2, "set tls.certificate and tls.key", lambda here: {"listen": "tls:127.0.0.1:0"})
refused("a certificate that is not there", "`tls.certificate`", 1, "No such file or directory", lambda here: tls({"certificate": here.path("none.pem")}))
refused("a certificate that is none", "a file with text", 1, "cannot read the certificate (tls.certificate)",
        lambda here: tls({"certificate": here.file("text.pem", "text")}))
refused("a key that is not there", "`tls.key`", 1, "No such file or directory", lambda here: tls(here.certificate("a") | {"key": here.path("none.key")}))
refused("the key of another certificate", "`tls.key`", 1, "key values mismatch",
        lambda here: tls(here.certificate("a") | {"key": here.certificate("b")["key"]}))


def unreadable_key(here):
    files = here.certificate("a")
    os.chmod(files["key"], 0o600 if IS_ROOT else 0)
    return tls(files), as_nobody()


refused("a key that may not be read", "mode 600, of another user", 1, "cannot read the key (tls.key)", unreadable_key)
refused("no file of clients' authorities", "`tls.client_ca`", 1, "No such file or directory",
        lambda here: tls(here.certificate("a") | {"client_ca": here.path("none.pem")}))


def warned(here, settings, words):
    """It starts, and check-config takes it; both with the same line."""
    file = here.file("gatherd.json", json.dumps(settings), 0o644)
    with here.daemon("--config", file, "--listen", "127.0.0.1:0," + settings.get("listen", "127.0.0.1:0")) as running:
        line = running.line(words)
    status, lines = here.run("check-config", file)
    require(status == 0 and line in map(plain, lines), f"check-config: {status} {lines}")
    return "starts, with a warning", line, "takes it, with the same warning"


def taken_by_check(here, settings):
    """What check-config says to settings with which it starts."""
    status, lines = here.run("check-config", here.file("checked.json", json.dumps(settings), 0o644))
    require((status, lines) == (0, []), f"check-config: {status} {lines}")
    return "takes it"


@case("a certificate that has expired", "yesterday")
def expired(here):
    return warned(here, tls(here.certificate("e", "-days", "-1")), "has expired at")


# Secrets.
refused("a token's file that is not there", "`file` of a token", 2, "auth.tokens: ci: cannot read a token from",
        lambda here: tokens({"name": "ci", "file": here.path("none")}))
refused("a token's file that is empty", "`file` of a token", 2, "its first line is empty", lambda here: tokens({"name": "ci", "file": here.file("empty")}))
refused("two tokens that are the same", "two files with one text", 2, "auth.tokens: a and b are the same token",
        lambda here: tokens({"name": "a", "file": here.file("a.token", "secret\n")}, {"name": "b", "file": here.file("b.token", "secret")}))


@case("a token's file that everybody may read", "mode 644")
def readable_token(here):
    return warned(here, tokens({"name": "ci", "file": here.file("ci.token", "secret\n", 0o644)}), "every user of this machine may read")


@case("a key that everybody may read", "mode 644")
def readable_key(here):
    files = here.certificate("k")
    os.chmod(files["key"], 0o644)
    return warned(here, tls(files), "every user of this machine may read")


# Pools.
refused("a pool's command that is not there", "`pools`", 2, "cannot be executed: No such file or directory",
        lambda here: {"pools": {"p": {"command": [here.path("none")], "processes": 1}}})


# The log.
MANY = 3000  # requests, each of them a line of the log at level debug


@case("the disk of the log is full", "a file system of 64 KiB, 3000 requests at level debug")
def full_disk(here):
    mount = here.folder / "disk"
    mount.mkdir()
    if not IS_ROOT or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(mount)], capture_output=True, check=False).returncode != 0:
        raise NotRun("needs the right to mount a file system")
    here.stack.callback(subprocess.run, ["umount", "-l", str(mount)], check=True)
    log = mount / "log"
    with open(log, "ab") as stream, here.daemon("--log.level", "debug", log=stream) as running:
        running.answers(MANY)
        require(os.statvfs(mount).f_bavail == 0, "the disk is not full")
        os.truncate(log, 0)
        running.answers(1)
        running.log = log
        line = running.line("dropped")
    return "answers every request, drops lines, and says how many once there is room", line, "cannot know"


@case("the log is written to a full device", "standard error is /dev/full")
def full_device(here):
    with open("/dev/full", "w", encoding="utf-8") as stream, here.daemon("--log.level", "debug", log=stream) as running:
        running.answers(MANY)
    return "answers every request", "", "cannot know"


@case("the log's file may not grow", "RLIMIT_FSIZE of 64 KiB")
def small_file(here):
    with here.daemon("--log.level", "debug", limits=[(resource.RLIMIT_FSIZE, 64 << 10)]) as running:
        running.answers(MANY)
        require(running.log.stat().st_size == 64 << 10, "the log's file is not full")
    return "answers every request", "", "cannot know"


@case("nobody reads the log's pipe", "the pipe is full")
def full_pipe(here):
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as reader:
        with os.fdopen(writing, "wb") as stream:
            with here.daemon("--log.level", "debug", log=stream) as running:
                stream.close()
                running.answers(MANY)
                seen = reader.read(1 << 20)  # room again
                running.answers(1)
            text = (seen + reader.readall()).decode()
    told = [plain(each) for each in text.splitlines() if "dropped" in each]
    require(told, "no line says that lines were dropped")
    return "answers every request, drops lines, and says how many once there is room", told[0], "cannot know"


@case("the reader of the log has gone", "the pipe's other end is closed")
def broken_pipe(here):
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as stream:
        os.close(reading)
        with here.daemon("--log.level", "debug", log=stream) as running:
            running.answers(MANY)
    return "answers every request", "", "cannot know"


# What the system grants.
@contextlib.contextmanager
def control_group(controller, v2, v1):
    """A group with these limits (file: text), of whichever version this machine has for the controller."""
    if not IS_ROOT:
        raise NotRun("needs root, to make a control group")
    unified = GROUPS / "cgroup.controllers"
    if unified.exists() and controller in unified.read_text().split():
        base, values, version = GROUPS, v2, "v2"
    elif (GROUPS / controller / "cgroup.procs").exists():
        base, values, version = GROUPS / controller, v1, "v1"
    else:
        raise NotRun(f"there is no control group for {controller} here")
    group = base / f"gatherd-test-{os.getpid()}"
    try:
        if version == "v2":
            (base / "cgroup.subtree_control").write_text(f"+{controller}")
        group.mkdir()
        for file, text in values.items():
            (group / file).write_text(text)
    except OSError as wrong:
        with contextlib.suppress(OSError):
            group.rmdir()
        raise NotRun(f"no control group can be made here: {wrong}") from wrong
    try:
        yield group, version
    finally:
        group.rmdir()


@case("half a core", "a control group with half of a CPU's time, 500 requests")
def half_core(here):
    with control_group("cpu", v2={"cpu.max": "50000 100000"}, v1={"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "50000"}) as (group, version):
        with here.daemon(group=group) as running:
            line = running.line("is ready")
            require("threads=1 " in line, line)
            running.answers(500)
            with running.connect() as client:
                require(client.result("gather", {"tasks": [{"call": "sleep", "args": [0.001, n]} for n in range(1000)]}) == list(range(1000)), "a wrong answer")
    return f"starts with one thread, answers every request ({version})", line, "cannot know"


@case("64 descriptors", "RLIMIT_NOFILE, and 60 connections")
def few_descriptors(here):
    with here.daemon("--threads", "2", limits=[(resource.RLIMIT_NOFILE, 64)]) as running, contextlib.ExitStack() as open_ones:
        line = running.line("limits.connections is lowered")
        most = int(re.search(r" to=(\d+)", line)[1])
        first = [open_ones.enter_context(running.connect()) for _ in range(most)]
        for each in first:
            require(each.result("ping") == "pong", "no pong")
        for _ in range(60 - most):
            with running.connect() as beyond:
                require(beyond.message()["error"]["code"] == -32003, "it was not refused")
        for each in first:
            require(each.result("ping") == "pong", "no pong")
    return f"lets {most} in, tells the others -32003", line, "cannot know"


@case("64 descriptors and an admin port", "RLIMIT_NOFILE, `admin.listen`")
def too_few_descriptors(here):
    status, lines = here.run("serve", "--listen", "127.0.0.1:0", "--threads", "2", "--admin.listen", "127.0.0.1:0", limits=[(resource.RLIMIT_NOFILE, 64)])
    line = plain(lines[-1])
    require(status == 1 and "admin.connections 256" in line, f"{status} {lines}")
    return "exit status 1", line, "cannot know"


def large_tasks(running):
    """More than there may be: each is taken, or refused, or its connection is ended for want of room. Others are served meanwhile."""
    taken = 0
    with running.connect() as neighbour, contextlib.ExitStack() as open_ones:
        client = None
        for number in range(100):
            client = client or open_ones.enter_context(running.connect())
            try:
                client.send({"id": number, "method": "create_task", "params": {"task": {"value": "x" * (4 * MIB)}}})
                answer = client.message()
                require("result" in answer or answer["error"]["code"] in (-32003, -32006), f"{answer}"[:300])
                taken += "result" in answer
                client = client if answer["id"] is not None else None
            except (ConnectionError, EOFError):
                client = None
            require(neighbour.result("ping") == "pong", "no pong")
    require(0 < taken < 100, f"{taken} tasks were taken")
    return "takes tasks while there is room, refuses the others (-32003, -32006) or ends their connections, answers others meanwhile"


@case("256 MiB of memory", "a control group, 100 tasks with texts of 4 MiB to keep")
def little_memory(here):
    size = str(256 * MIB)
    with control_group("memory", v2={"memory.max": size}, v1={"memory.limit_in_bytes": size}) as (group, version):
        with here.daemon(group=group) as running:
            told = large_tasks(running)
            with running.connect() as client:
                limit = client.result("info")["limits"]["memory_bytes"]
                require(limit == 128 * MIB, f"limits.memory_bytes is {limit}")
    return f"takes half of it as limits.memory_bytes, {told} ({version})", "", "cannot know"


@case("256 MiB of address space", "RLIMIT_AS, the same tasks")
def little_address_space(here):
    with here.daemon(limits=[(resource.RLIMIT_AS, 256 * MIB)]) as running:
        told = large_tasks(running)
        with running.connect() as client:
            limit = client.result("info")["limits"]["memory_bytes"]
            require(limit == 64 * MIB, f"limits.memory_bytes is {limit}")
    return f"takes what half of it and 192 MiB leave as limits.memory_bytes, {told}", "", "cannot know"


@case("no threads", "RLIMIT_NPROC of 1, as a user without rights")
def no_threads(here):
    if not IS_ROOT:
        raise NotRun("needs root, to become a user without rights")
    status, lines = here.run("serve", "--listen", "127.0.0.1:0", limits=[(resource.RLIMIT_NPROC, 1)], user=ALONE)
    line = plain(lines[-1])
    require(status == 1 and "cannot start the threads" in line, f"{status} {lines}")
    return "exit status 1", line, "cannot know"


def run_case(run):
    with tempfile.TemporaryDirectory(prefix="gatherd-around-") as folder:
        here = Surroundings(folder)
        with here.stack:
            outcome, line, checked = run(here)
        return outcome, re.sub(r"((?:127\.0\.0\.1|0\.0\.0\.0)):\d{4,}", r"\1:7117", line.replace(folder, "/srv")), checked


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--table", action="store_true", help="print the table of docs/RELIABILITY.md")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    chosen = parser.parse_args()
    faults = 0
    if chosen.table:
        print("| what is wrong | how | what it does | what it says | `check-config` |\n| --- | --- | --- | --- | --- |")
    for name, done, run in CASES:
        if chosen.cases and not any(each in name for each in chosen.cases):
            continue
        try:
            outcome, line, checked = run_case(run)
        except NotRun as reason:
            outcome, line, checked = f"not run: {reason}", "", ""
        except (Fault, AssertionError, OSError, EOFError) as fault:
            faults += 1
            outcome, line, checked = f"FAULT: {fault}", "", ""
        if chosen.table:
            print(f"| {name} | {done} | {outcome} | {f'`{line}`' if line else ''} | {checked} |", flush=True)
        else:
            print(f"{name} ({done}): {outcome}{': ' + line if line else ''}", flush=True)
    table = (Path(__file__).resolve().parents[2] / "docs" / "RELIABILITY.md").read_text().partition("| what is wrong | how |")[2].partition("\n\n")[0]
    missing = [name for name, _, _ in CASES if not any(line.startswith(f"| {name} |") for line in table.splitlines())]
    if missing and not chosen.table:
        sys.exit(f"docs/RELIABILITY.md does not have: {', '.join(missing)}; scripts/bad_night.sh prints the table")
    if faults:
        sys.exit(f"{faults} cases did not do what is documented")


if __name__ == "__main__":
    main()
