#!/usr/bin/python3
"""What a container runtime relies on, without one: the compose files are right, HEALTHCHECK finds a daemon however it listens, and
as process 1 the daemon passes signals on and leaves no orphan."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import yaml

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "integration")]

from access_test import Certificates, token
from connection import PATIENCE, Connection
from daemon import BINARY, IS_SANITIZED, _die_with_parent, clean_environment

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = [ROOT / "compose.yaml", ROOT / "packaging" / "compose" / "compose.yaml"]


def eventually(condition):
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError("it did not come to be")
        time.sleep(0.01)
    return found


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gatherd-container-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def start(self, *flags, below=()):
        """The process, and the addresses that it wrote into its port file."""
        port_file = self.folder / "port"
        log = open(self.folder / "log", "w")
        self.addCleanup(log.close)
        process = subprocess.Popen([*below, BINARY, "serve", "--port-file", str(port_file), *flags], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=log, env=clean_environment(), preexec_fn=_die_with_parent)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        eventually(lambda: port_file.exists() or process.poll() is not None)
        self.assertIsNone(process.poll(), self.log())
        return process, port_file.read_text().split()

    def log(self):
        return (self.folder / "log").read_text()


class Compose(Case):
    @unittest.skipUnless(shutil.which("docker-compose"), "docker-compose is not installed (Debian's)")
    def test_compose_takes_the_files(self):
        for file in COMPOSE:
            done = subprocess.run(["docker-compose", "-f", str(file), "config"], capture_output=True, text=True, timeout=PATIENCE, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_services_may_do_little_and_have_time_to_stop(self):
        grace = json.loads(subprocess.run([BINARY, "config", "print", "--json"], capture_output=True, text=True, check=True, env=clean_environment()).stdout)
        whole = sum(int(each.removesuffix("s")) for each in (grace["drain"]["grace"], grace["limits"]["cleanup_time"])) + grace["limits"]["cleanup_rounds"] + 2
        for file in COMPOSE:
            services = yaml.safe_load(file.read_text())["services"]
            for name, each in services.items():
                self.assertEqual((each["read_only"], each["cap_drop"]), (True, ["ALL"]), name)
                self.assertTrue(all(port.startswith("127.0.0.1:") for port in each["ports"]), name)
                for volume in each.get("volumes", []):
                    source = volume.partition(":")[0]
                    self.assertTrue(not source.startswith(".") or (file.parent / source).exists(), source)
            self.assertGreater(int(services["gatherd"]["stop_grace_period"].removesuffix("s")), whole)

    def test_the_daemon_and_prometheus_take_their_settings(self):
        folder = COMPOSE[1].parent
        text = (folder / "gatherd.json").read_text()
        services = yaml.safe_load(COMPOSE[1].read_text())
        for each in json.loads(text)["auth"]["tokens"]:
            name = each["file"].removeprefix("/run/secrets/")
            self.assertIn(name, services["services"]["gatherd"]["secrets"])
            (self.folder / name).write_text(each["name"])
        file = self.folder / "gatherd.json"
        file.write_text(text.replace("/run/secrets", str(self.folder)))
        done = subprocess.run([BINARY, "check-config", str(file)], capture_output=True, text=True, check=False, env=clean_environment())
        self.assertEqual(done.returncode, 0, done.stderr)
        if shutil.which("promtool"):
            shutil.copy(folder / "prometheus.yml", self.folder)
            shutil.copy(ROOT / "packaging" / "prometheus" / "gatherd.rules.yml", self.folder)
            done = subprocess.run(["promtool", "check", "config", str(self.folder / "prometheus.yml")], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
        # Prometheus asks by the service's name, without a token.
        _, addresses = self.start("--config", str(file), "--listen", "127.0.0.1:0", "--admin.listen", "127.0.0.1:0")
        asked = subprocess.run(["curl", "-sS", "--fail", "-H", "Host: gatherd:7118", addresses[-1] + "/metrics"], capture_output=True, text=True, check=False)
        self.assertIn("gatherd_build_info", asked.stdout, asked.stderr)


class Image(Case):
    """What only a build of the image would show, and that takes a quarter of an hour (tests/image)."""

    def test_what_dockerignore_lets_through_is_all_that_a_build_needs(self):
        let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
        source = self.folder / "source"
        source.mkdir()
        for name in let_through:
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, source / name)
        done = subprocess.run(["cmake", "--preset", "release", "-DBUILD_TESTING=OFF", "-DGATHERD_BUILD_BENCH=OFF"], cwd=source, capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_it_has_the_libraries_that_the_daemon_is_linked_with(self):
        program = subprocess.run(["readelf", "--dynamic", "--wide", BINARY], capture_output=True, text=True, check=True).stdout
        libraries = set(re.findall(r"\(NEEDED\).*\[(lib.*)\]", program))
        self.assertIn("libtbb.so.12", libraries)
        owners = subprocess.run(["dpkg", "-S", *(f"*/x86_64-linux-gnu/{library}" for library in libraries)], capture_output=True, text=True, check=True).stdout
        packages = {line.split(":")[0] for line in owners.splitlines()} - {"libc6", "libgcc-s1", "libtinfo6"}  # every Debian has these
        installed = re.search(r"--no-install-recommends (.*?) *&&", (ROOT / "Dockerfile").read_text().replace("\\\n", " "), re.DOTALL)[1].split()
        self.assertLessEqual(packages, set(installed))


class HealthCheck(Case):
    """The command of HEALTHCHECK asks 127.0.0.1:7117, or where GATHERD_CONNECT says: docs/OPERATIONS.md has the table."""

    def check(self, **variables):
        shown = re.search(r"^HEALTHCHECK .* CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[1]
        name, *words = json.loads(shown)
        self.assertEqual(name, "/usr/local/bin/gatherd")
        done = subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=PATIENCE, check=False, env=clean_environment(**variables))
        return done.returncode, done.stderr

    def test_without_a_daemon_it_fails(self):
        self.assertEqual(self.check(GATHERD_CONNECT=f"unix:{self.folder}/none.sock")[0], 3)

    def test_in_clear_with_and_without_tokens(self):
        for flags in ((), ("--auth.tokens", json.dumps([token("ci", "submit")]))):
            process, addresses = self.start("--listen", "127.0.0.1:0", *flags)
            self.assertEqual(self.check(GATHERD_CONNECT=addresses[0]), (0, ""))
            process.terminate()
            self.assertEqual(process.wait(PATIENCE), 0)
            (self.folder / "port").unlink()

    def test_a_unix_socket_alone(self):
        where = f"unix:{self.folder}/g.sock"
        self.start("--listen", where)
        self.assertEqual(self.check(GATHERD_CONNECT=where), (0, ""))

    def test_tls_by_the_name_in_the_certificate(self):
        made = Certificates(self.folder)
        certificate, key = made.issue("server")
        _, addresses = self.start("--listen", "tls:127.0.0.1:0", "--tls.certificate", certificate, "--tls.key", key)
        port = addresses[0].rpartition(":")[2]
        self.assertEqual(self.check(GATHERD_CONNECT=f"tls:localhost:{port}", GATHERD_CONNECT_TLS_CA=str(made.ca)), (0, ""))

    def test_where_clients_need_a_certificate_a_listener_of_its_own(self):
        made = Certificates(self.folder)
        certificate, key = made.issue("server")
        _, addresses = self.start("--listen", "tls:127.0.0.1:0,127.0.0.1:0", "--tls.certificate", certificate, "--tls.key", key, "--tls.client_ca", str(made.ca))
        self.assertEqual(self.check(GATHERD_CONNECT=addresses[1]), (0, ""))


ORPHANS = """
import json, os, socket, sys
middle = os.fork()
if middle == 0:
    if os.fork() == 0:
        while os.getppid() != 1:  # the kernel gives it to process 1
            pass
        open(sys.argv[1], "w").close()
        os._exit(0)
    os._exit(0)
os.waitpid(middle, 0)
stream = socket.socket(fileno=int(os.environ["GATHERD_WORKER_FD"])).makefile("rw")
stream.write(json.dumps({"id": 1, "method": "serve", "params": {"functions": [{"name": "work"}]}}) + "\\n"); stream.flush()
for line in stream:
    pass
"""


def children(pid):
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def new_namespace():
    """The command that runs another as process 1 of a namespace, or None where that is not allowed."""
    words = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--pid", "--fork", "--mount-proc"]
    try:
        return words if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0 else None
    except FileNotFoundError:
        return None


@unittest.skipIf(new_namespace() is None, "namespaces of processes are not allowed here")
@unittest.skipIf(IS_SANITIZED, "the leak checker does not work in another namespace")
class FirstProcess(Case):
    def begin(self, *flags):
        process, addresses = self.start("--listen", "127.0.0.1:0", *flags, below=new_namespace())
        first = eventually(lambda: children(process.pid))[0]
        return process, first, Connection(int(addresses[0].rpartition(":")[2]))

    def test_it_reaps_what_its_pools_leave_behind(self):
        program, gone = self.folder / "orphans.py", self.folder / "gone"
        program.write_text(ORPHANS)
        pools = json.dumps({"p": {"command": [sys.executable, "-B", str(program), str(gone)], "processes": 1}})
        process, first, client = self.begin("--pools", pools)
        with client:
            eventually(gone.exists)
            eventually(lambda: len(children(first)) == 1)  # the daemon alone
            self.assertEqual(client.result("ping"), "pong")
        os.kill(first, signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_signals_reach_the_daemon_and_its_status_comes_back(self):
        process, first, client = self.begin("--drain.grace", "1h")
        with client:
            os.kill(first, signal.SIGHUP)
            eventually(lambda: "the settings were read again" in self.log())
            client.start("run", {"task": {"call": "sleep", "args": [3600]}})
            client.start("ping")
            self.assertEqual(client.message()["result"], "pong")
            os.kill(first, signal.SIGTERM)
            eventually(lambda: "draining" in self.log())
            os.kill(first, signal.SIGTERM)
            self.assertEqual(process.wait(PATIENCE), 143)

    def test_a_daemon_that_is_killed_ends_the_container(self):
        process, first, client = self.begin()
        with client:
            os.kill(children(first)[0], signal.SIGKILL)
            self.assertEqual(process.wait(PATIENCE), 137)

    def test_one_that_cannot_start_says_so(self):
        done = subprocess.run([*new_namespace(), BINARY, "serve", "--listen", "unix:/none/g.sock"], capture_output=True, text=True, timeout=PATIENCE, check=False,
                              env=clean_environment())
        self.assertEqual((done.returncode, "cannot listen at unix:/none/g.sock" in done.stderr), (1, True), done.stderr)


if __name__ == "__main__":
    unittest.main()
