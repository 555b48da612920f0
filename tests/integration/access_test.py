#!/usr/bin/python3
"""Who is let in: sockets of every kind, tokens and their rights, TLS and certificates, and what SIGHUP changes."""

import hashlib
import json
import os
import resource
import signal
import socket
import ssl
import stat
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from connection import PATIENCE, Connection
from daemon import BINARY, Daemon, clean_environment

FOR_EVER = {"call": "sleep", "args": [3600]}
SECRETS = {"ci": "a secret of ci", "other": "another", "ops": "of operations"}
PING = b'{"id":1,"method":"ping"}\n'
PONG = b'{"jsonrpc":"2.0","id":1,"result":"pong"}\n'


def token(name, *rights, **more):
    return {"name": name, "sha256": hashlib.sha256(SECRETS[name].encode()).hexdigest(), "rights": list(rights), **more}


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gatherd-access-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def start(self, *flags, settings=None, **more):
        if settings is not None:
            flags = ("--config", str(self.write(settings)), *flags)
        daemon = Daemon(*flags, **more)
        self.addCleanup(daemon.stop)
        return daemon

    def write(self, settings):
        path = self.folder / "gatherd.json"
        path.write_text(json.dumps(settings))
        return path

    def connect(self, daemon, name=None):
        connection = daemon.connect()
        self.addCleanup(connection.close)
        if name is not None:
            self.assertIs(connection.result("auth", [SECRETS[name]]), True)
        return connection

    def serve(self, *flags):
        return subprocess.run([BINARY, "serve", *flags], env=clean_environment(), capture_output=True, text=True, timeout=PATIENCE)

    def run_it(self, *words, **environment):
        done = subprocess.run([BINARY, *words], env=clean_environment(**environment), capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stdout, done.stderr


class Sockets(Case):
    def test_it_listens_at_sockets_of_every_kind_at_once(self):
        path = self.folder / "g.sock"
        daemon = self.start(listen=f"127.0.0.1:0,[::1]:0,unix:{path}")
        four, six, local = daemon.port_file.read_text().splitlines()
        self.assertEqual(local, f"unix:{path}")
        for where in (("127.0.0.1", int(four.rpartition(":")[2])), ("::1", int(six.rpartition(":")[2]))):
            with socket.create_connection(where, PATIENCE) as client:
                client.sendall(PING)
                self.assertEqual(client.recv(100), PONG)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(PING)
            self.assertEqual(client.recv(100), PONG)
        self.assertEqual(self.run_it("call", "add", "1", "2", "--connect", local), (0, "3\n", ""))

    def test_a_unix_socket_has_the_mode_asked_for_and_goes_with_the_daemon(self):
        for mode in ("600", "660"):
            path = self.folder / "g.sock"
            with Daemon("--unix.mode", mode, "--unix.owner", f"{os.getuid()}:{os.getgid()}", listen=f"127.0.0.1:0,unix:{path}"):
                self.assertEqual(stat.S_IMODE(path.stat().st_mode), int(mode, 8))
            self.assertFalse(path.exists())

    def test_a_file_of_a_killed_daemon_is_replaced_but_not_one_in_use(self):
        path = self.folder / "g.sock"
        first = Daemon(listen=f"127.0.0.1:0,unix:{path}")
        taken = self.serve("--listen", f"unix:{path}")
        self.assertEqual((taken.returncode, len(taken.stderr.splitlines())), (1, 1), taken.stderr)
        self.assertIn("Address already in use", taken.stderr)
        first.kill()
        self.assertTrue(path.exists())
        with Daemon(listen=f"127.0.0.1:0,unix:{path}"):
            self.assertEqual(self.run_it("ping", "--connect", f"unix:{path}")[0], 0)
        path.write_text("precious")
        self.assertEqual(self.serve("--listen", f"unix:{path}").returncode, 1)
        self.assertEqual(path.read_text(), "precious")

    def test_it_takes_the_sockets_that_systemd_hands_over(self):
        with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as local:
            local.bind(str(self.folder / "g.sock"))
            local.listen()
            # LISTEN_PID must be the daemon's own: a shell that becomes it knows its number.
            script = 'exec 3<&{0} 4<&{1}; LISTEN_PID=$$ LISTEN_FDS=2 exec "$@"'.format(tcp.fileno(), local.fileno())
            ready = self.folder / "port"
            process = subprocess.Popen(["/bin/bash", "-c", script, "sh", BINARY, "serve", "--listen", "systemd", "--port-file", str(ready)],
                                       env=clean_environment(), pass_fds=(tcp.fileno(), local.fileno()), stderr=subprocess.DEVNULL)
            try:
                while not ready.exists():
                    self.assertIsNone(process.poll())
                    time.sleep(0.01)
                self.assertEqual(len(ready.read_text().splitlines()), 2)
                with Connection(tcp.getsockname()[1]) as client:
                    self.assertEqual(client.result("ping"), "pong")
                self.assertEqual(self.run_it("ping", "--connect", f"unix:{self.folder}/g.sock")[0], 0)
                process.terminate()
                self.assertEqual(process.wait(PATIENCE), 0)
            finally:
                process.kill()
                process.wait()
        self.assertIn("no socket was handed over", self.serve("--listen", "systemd").stderr)

    def test_beyond_loopback_it_wants_a_token_or_a_certificate_or_to_be_told(self):
        for address in ("0.0.0.0:0", "[::]:0"):
            refused = self.serve("--listen", address)
            self.assertEqual((refused.returncode, refused.stdout), (2, ""))
            self.assertIn("auth.tokens", refused.stderr)
        self.start("--auth.open", "yes", listen="0.0.0.0:0")
        self.start(settings={"auth": {"tokens": [token("ci", "submit")]}}, listen="0.0.0.0:0")

    def test_connections_from_one_address_are_bounded_and_others_are_not(self):
        path = self.folder / "g.sock"
        daemon = self.start("--limits.address-connections", "2", listen=f"127.0.0.1:0,127.0.0.2:0,unix:{path}")
        kept = [self.connect(daemon) for _ in range(2)]
        self.assertEqual([each.result("ping") for each in kept], ["pong", "pong"])
        refused = self.connect(daemon).message()
        self.assertEqual((refused["id"], refused["error"]["code"], refused["error"]["data"]), (None, -32003, {"retry_after": 1.0}))
        self.assertIn("limits.address_connections", refused["error"]["message"])
        self.assertEqual(kept[0].result("stats")["limits"]["limits.address_connections"], 1)
        other = int(daemon.port_file.read_text().splitlines()[1].rpartition(":")[2])
        with socket.create_connection(("127.0.0.2", other), PATIENCE, ("127.0.0.3", 0)) as client:
            client.sendall(PING)
            self.assertEqual(client.recv(100), PONG)
        for _ in range(2):
            self.assertEqual(self.run_it("ping", "--connect", f"unix:{path}")[0], 0)


class Tokens(Case):
    ALL = [token("ci", "submit"), token("other", "submit", tasks_in_flight=5), token("ops", "admin")]

    def begin(self, *flags):
        return self.start(*flags, settings={"auth": {"tokens": self.ALL}})

    def assert_refused(self, answer, *words):
        self.assertEqual(answer["code"], -32004, answer)
        for word in words:
            self.assertIn(word, answer["message"])

    def test_without_tokens_everybody_may_do_everything(self):
        connection = self.connect(self.start())
        self.assertIs(connection.result("auth", {"token": "whatever"}), True)
        self.assertIn("errors", connection.result("stats"))

    def test_nobody_may_only_ping_ask_what_it_is_and_show_a_token(self):
        connection = self.connect(self.begin())
        self.assertEqual(connection.result("ping"), "pong")
        self.assertEqual(connection.result("info")["name"], "gatherd")
        for method, params in (("run", [{"value": 1}]), ("gather", [[]]), ("map", ["noop", []]), ("create_task", [{"value": 1}]),
                               ("await", ["x"]), ("wait", [["x"]]), ("as_completed", [[]]), ("cancel", ["x"]), ("status", ["x"]),
                               ("tasks", []), ("forget", ["x"]), ("functions", []), ("stats", [])):
            with self.subTest(method):
                self.assert_refused(connection.error(method, params), "Not authenticated")
        for params in ({}, {"token": 5}, {"token": None}, ["a", "b"], {"tokne": "x"}):
            self.assertEqual(connection.error("auth", params)["code"], -32602)
        self.assertIs(connection.result("auth", {"token": SECRETS["ci"]}), True)
        self.assertEqual(connection.result("run", [{"value": 1}]), 1)

    def test_a_token_of_one_batch_counts_for_the_rest_of_it(self):
        connection = self.connect(self.begin())
        batch = [{"id": 1, "method": "run", "params": [{"value": 1}]}, {"id": 2, "method": "auth", "params": [SECRETS["ci"]]},
                 {"id": 3, "method": "run", "params": [{"value": 3}]}]
        connection.send(batch)
        answers = {each["id"]: each for each in connection.message()}
        self.assert_refused(answers[1]["error"])
        self.assertEqual((answers[2]["result"], answers[3]["result"]), (True, 3))

    def test_after_five_wrong_tokens_it_is_closed(self):
        daemon = self.begin()
        connection = self.connect(daemon)
        for _ in range(5):
            self.assert_refused(connection.error("auth", ["wrong"]), "no such token")
        self.assertEqual(connection.rest(), [])
        at_once = self.connect(daemon)
        at_once.send([{"id": i, "method": "auth", "params": [secret]} for i, secret in enumerate(["wrong"] * 5 + [SECRETS["ci"]])])
        self.assertEqual([each["error"]["code"] for each in at_once.message()], [-32004] * 6)
        self.assertEqual(at_once.rest(), [])
        stats = self.connect(daemon, "ops").result("stats")
        self.assertEqual((stats["tokens_refused"], stats["limits"]["auth.tries"]), (10, 2))

    def test_after_some_time_without_a_token_it_is_closed(self):
        daemon = self.begin("--auth.time", "100ms")
        shy, known = self.connect(daemon), self.connect(daemon, "ops")
        self.assertEqual(shy.rest(), [])
        self.assertEqual(known.result("stats")["limits"]["auth.time"], 1)

    def test_nobody_may_not_send_much(self):
        connection = self.connect(self.begin())
        connection.send('{"id":1,"method":"auth","params":["' + "x" * 70000 + '"]}\n')
        self.assertEqual(connection.message()["error"]["code"], -32006)
        self.assertEqual(connection.rest(), [])

    def test_tasks_of_others_are_for_those_with_the_right(self):
        daemon = self.begin()
        ci, other, ops = (self.connect(daemon, name) for name in ("ci", "other", "ops"))
        task = ci.result("create_task", [FOR_EVER])["id"]
        for method, params in (("await", [task]), ("wait", [[task]]), ("as_completed", [[task]]), ("cancel", [task]), ("status", [task]),
                               ("forget", [task])):
            with self.subTest(method):
                self.assert_refused(other.error(method, params), "another token")
        self.assertEqual(other.error("status", ["unknown"])["code"], -32007)
        self.assertEqual((other.result("tasks"), len(ci.result("tasks")), len(ops.result("tasks"))), ([], 1, 1))
        self.assert_refused(ci.error("stats"), "admin")
        self.assertEqual(self.connect(daemon, "ci").result("status", [task])["state"], "running")
        self.assertEqual(ops.result("cancel", [task]), {"cancelled": 1})
        self.assertEqual(ops.error("await", [task])["code"], -32000)

    def test_a_token_without_submit_runs_nothing(self):
        daemon = self.start(settings={"auth": {"tokens": [token("ci", "see_all")]}})
        connection = self.connect(daemon, "ci")
        self.assert_refused(connection.error("run", [{"value": 1}]), "submit")
        self.assertEqual(connection.result("tasks"), [])

    def test_a_token_without_rights_may_only_ping(self):
        connection = self.connect(self.start(settings={"auth": {"tokens": [token("ci")]}}), "ci")
        self.assertEqual(connection.result("ping"), "pong")
        for method, params in (("run", [{"value": 1}]), ("tasks", None), ("functions", None), ("stats", None), ("await", ["x"])):
            self.assert_refused(connection.error(method, params), "no rights")

    def test_a_refused_token_is_logged_with_its_client(self):
        daemon = self.begin()
        for _ in range(2):
            self.assert_refused(self.connect(daemon).error("auth", ["wrong"]), "no such token")
        daemon.wait_for_log("a token was refused peer=127.0.0.1")
        self.assertNotIn("wrong", daemon.log)

    def test_tasks_in_flight_of_one_token_are_bounded_over_its_connections(self):
        daemon = self.begin("--drain.grace", "1s")
        first, second = self.connect(daemon, "other"), self.connect(daemon, "other")
        first.start("run", [{"sequence": [{"call": "print", "args": ["began"]}, FOR_EVER]}])  # three tasks
        first.message()
        refused = second.error("gather", [[{"value": 1}] * 2])
        self.assertEqual((refused["code"], refused["data"]), (-32003, {"retry_after": 1.0}))
        self.assertIn("limits.token_tasks_in_flight is 5", refused["message"])
        self.assertEqual(second.result("run", [{"value": 1}]), 1)
        self.assertEqual(self.connect(daemon, "ci").result("gather", [[{"value": 1}] * 2]), [1, 1])

    def test_the_command_line_shows_its_token(self):
        daemon = self.begin()
        where = f"127.0.0.1:{daemon.port}"
        file = self.folder / "token"
        file.write_text(SECRETS["ci"] + "\n")
        self.assertEqual(self.run_it("call", "add", "1", "2", "--connect", where, "--token-file", str(file)), (0, "3\n", ""))
        status, _, error = self.run_it("call", "add", "1", "2", "--connect", where)
        self.assertEqual(status, 6)
        self.assertIn("Not authenticated", error)
        self.assertIn("--token-file", error)
        file.write_text("wrong")
        status, _, error = self.run_it("call", "add", "1", "2", "--connect", where, "--token-file", str(file))
        self.assertEqual(status, 6)
        self.assertIn(f"--token-file {file}", error)
        self.assertEqual(self.run_it("ping", "--connect", where)[0], 0)


class Certificates:
    """An authority, and certificates from it, made with openssl."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = self._own("ca")

    def _run(self, *words):
        subprocess.run(["openssl", *words], check=True, capture_output=True)

    def _own(self, name):
        path = self.folder / f"{name}.pem"
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                  "-keyout", str(self.folder / f"{name}.key"), "-out", str(path))
        return path

    def issue(self, name):
        """(certificate, key) for localhost and 127.0.0.1."""
        key, request, path, extra = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem", "ext"))
        extra.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self._run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", str(key),
                  "-out", str(request))
        self._run("x509", "-req", "-in", str(request), "-CA", str(self.ca), "-CAkey", str(self.folder / "ca.key"), "-days", "2",
                  "-extfile", str(extra), "-out", str(path))
        return str(path), str(key)


class Tls(Case):
    def setUp(self):
        super().setUp()
        self.made = Certificates(self.folder)
        self.certificate, self.key = self.made.issue("server")

    def begin(self, *flags, listen="tls:127.0.0.1:0,127.0.0.1:0"):
        return self.start("--tls.certificate", self.certificate, "--tls.key", self.key, *flags, listen=listen)

    def context(self, *own):
        context = ssl.create_default_context(cafile=str(self.made.ca))
        if own:
            context.load_cert_chain(*own)
        return context

    def secure(self, daemon, *own):
        plain = socket.create_connection(("127.0.0.1", daemon.port), PATIENCE)
        self.addCleanup(plain.close)
        client = self.context(*own).wrap_socket(plain, server_hostname="localhost")
        self.addCleanup(client.close)
        return client

    def wait_for_end(self, client):
        """However it closes: its alert may be followed by a reset."""
        try:
            while client.recv(1000):
                pass
        except ConnectionError:
            pass

    def stats(self, daemon):
        with Connection(int(daemon.port_file.read_text().splitlines()[1].rpartition(":")[2])) as connection:
            return connection.result("stats")

    def test_requests_small_and_large(self):
        client = self.secure(self.begin())
        client.sendall(PING)
        self.assertEqual(client.recv(100), PONG)
        text = "x" * 5_000_000
        request = json.dumps({"id": 2, "method": "run", "params": [{"call": "echo", "args": [text]}]}).encode() + b"\n"
        client.sendall(request)
        with client.makefile("rb") as lines:
            self.assertEqual(json.loads(lines.readline())["result"], text)

    def test_what_is_owed_comes_after_the_clients_end(self):
        received, to_send = ssl.MemoryBIO(), ssl.MemoryBIO()  # a socket of Python's reads no more once it has said its end
        client = self.context().wrap_bio(received, to_send, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", self.begin().port), PATIENCE) as raw:

            def until_done(step):
                while True:
                    try:
                        return step()
                    except ssl.SSLWantReadError:
                        raw.sendall(to_send.read())
                        received.write(raw.recv(65536)) or received.write_eof()

            until_done(client.do_handshake)
            client.write(b'{"id":3,"method":"run","params":[{"call":"sleep","args":[0.1,"late"]}]}\n')
            with self.assertRaises(ssl.SSLWantReadError):
                client.unwrap()  # says its end, and would wait for the other's
            self.assertEqual(json.loads(until_done(client.read))["result"], "late")

    def test_it_takes_many_messages_at_once_and_one_in_many_records(self):
        client = self.secure(self.begin())
        client.sendall(b"".join(b'{"id":%d,"method":"ping"}\n' % i for i in range(5000)))
        with client.makefile("rb") as lines:
            self.assertEqual([json.loads(lines.readline())["id"] for _ in range(5000)], list(range(5000)))
            for byte in PING:
                client.sendall(bytes([byte]))
            self.assertEqual(lines.readline(), PONG)

    def test_without_forward_secrecy_it_shakes_no_hands(self):
        daemon = self.begin()
        for ciphers, is_taken in (("AES128-SHA", False), ("AES128-GCM-SHA256", False), ("ECDHE-ECDSA-AES128-SHA", False),
                                  ("ECDHE-ECDSA-AES128-GCM-SHA256", True)):
            with self.subTest(ciphers):
                context = self.context()
                context.maximum_version = ssl.TLSVersion.TLSv1_2
                context.set_ciphers(ciphers)
                with socket.create_connection(("127.0.0.1", daemon.port), PATIENCE) as plain:
                    if is_taken:
                        context.wrap_socket(plain, server_hostname="localhost").close()
                    else:
                        with self.assertRaises((ssl.SSLError, ConnectionError)):
                            context.wrap_socket(plain, server_hostname="localhost")

    def test_no_tls_on_a_tls_port_and_garbage_in_it_are_closed_and_counted(self):
        daemon = self.begin()
        for garbage in (PING, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", os.urandom(300)):
            with socket.create_connection(("127.0.0.1", daemon.port), PATIENCE) as client:
                client.sendall(garbage)
                self.wait_for_end(client)
        client = self.secure(daemon)
        client.sendall(PING)
        self.assertEqual(client.recv(100), PONG)
        raw = socket.socket(fileno=os.dup(client.fileno()))
        raw.settimeout(PATIENCE)
        raw.sendall(b"garbage where a record should be")
        self.wait_for_end(raw)
        raw.close()
        self.assertGreaterEqual(self.stats(daemon)["tls_failed"], 4)
        self.assertEqual(self.stats(daemon)["connections"], 1)

    def test_who_never_shakes_hands_is_closed(self):
        daemon = self.begin("--limits.message-time", "100ms")
        with socket.create_connection(("127.0.0.1", daemon.port), PATIENCE) as client:
            self.assertEqual(client.recv(100), b"")
        self.assertEqual(self.stats(daemon)["limits"]["limits.message_time"], 1)

    def test_clients_certificates_are_demanded_where_that_is_asked_for(self):
        daemon = self.begin("--tls.client-ca", str(self.made.ca), listen="tls:0.0.0.0:0,127.0.0.1:0")
        client = self.secure(daemon, *self.made.issue("client"))
        client.sendall(PING)
        self.assertEqual(client.recv(100), PONG)
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            stranger = self.secure(daemon)
            stranger.sendall(PING)
            stranger.recv(100)

    def test_the_command_line_speaks_it_and_trusts_only_whom_it_should(self):
        certificate, key = self.made.issue("client")
        daemon = self.begin("--tls.client-ca", str(self.made.ca))
        where = f"tls:127.0.0.1:{daemon.port}"
        ours = ["--tls-certificate", certificate, "--tls-key", key]
        self.assertEqual(self.run_it("call", "add", "1", "2", "--connect", where, "--tls-ca", str(self.made.ca), *ours), (0, "3\n", ""))
        self.assert_lost(self.run_it("ping", "--connect", where, *ours), "--tls-ca FILE")  # the system knows no such authority
        self.assert_lost(self.run_it("ping", "--connect", where, "--tls-ca", str(self.made.ca)), "--tls-certificate FILE")  # shows none

    def assert_lost(self, got, *words):
        self.assertEqual(got[0], 3, got)
        for word in words:
            self.assertIn(word, got[2])

    def test_the_command_line_names_what_does_not_fit(self):
        daemon = self.begin(listen="tls:127.0.0.2:0,127.0.0.1:0")
        secure, plain = daemon.port_file.read_text().split()
        ca, other = ["--tls-ca", str(self.made.ca)], ["--tls-ca", str(self.made._own("other-ca"))]
        self.assert_lost(self.run_it("ping", "--connect", f"tls:{secure}", *ca), "host name '127.0.0.2'")
        self.assert_lost(self.run_it("ping", "--connect", f"tls:{secure}", *other), "not in the file of --tls-ca", "other-ca.pem")
        self.assert_lost(self.run_it("ping", "--connect", f"tls:{plain}", *ca), "without tls:")
        self.assert_lost(self.run_it("ping", "--connect", secure), "tls:HOST:PORT")

    def test_certificates_are_read_again_on_sighup(self):
        daemon = self.begin()
        before = self.secure(daemon)
        number = before.getpeercert()["serialNumber"]
        self.made.issue("server")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for_log("certificates were read again")
        self.assertNotEqual(self.secure(daemon).getpeercert()["serialNumber"], number)
        before.sendall(PING)
        self.assertEqual(before.recv(100), PONG)
        Path(self.certificate).write_text("no certificate")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for_log("nothing was changed")
        self.secure(daemon).sendall(PING)

    def test_a_certificate_that_cannot_be_used_stops_the_start(self):
        self.assertEqual(self.serve("--listen", "tls:127.0.0.1:0").returncode, 2)
        wrong = self.serve("--listen", "tls:127.0.0.1:0", "--tls.certificate", "/nowhere/at.all")
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("/nowhere/at.all", wrong.stderr)
        mixed = self.serve("--listen", "tls:127.0.0.1:0", "--tls.certificate", self.certificate, "--tls.key", self.made.issue("other")[1])
        self.assertEqual(mixed.returncode, 1)


class Reload(Case):
    def reload(self, daemon, settings):
        self.write(settings)
        daemon.signal(signal.SIGHUP)

    def test_limits_change_for_what_comes_and_the_log_says_so(self):
        daemon = self.start(settings={"limits": {"plan_tasks": 2}, "threads": 1})
        connection = self.connect(daemon)
        self.assertEqual(connection.error("gather", [[{"value": 1}] * 3])["code"], -32006)
        self.reload(daemon, {"limits": {"plan_tasks": 10}, "threads": 2, "log": {"level": "info"}})
        daemon.wait_for_log("the settings were read again")
        self.assertEqual(connection.result("gather", [[{"value": 1}] * 3]), [1, 1, 1])
        self.assertIn("limits.plan_tasks: 2 -> 10", daemon.log)
        self.assertIn("threads: 1 -> 2; that takes a restart", daemon.log)
        self.assertEqual(connection.result("info")["threads"], 1)

    def test_a_wrong_file_changes_nothing(self):
        daemon = self.start(settings={"limits": {"plan_tasks": 2}})
        connection = self.connect(daemon)
        self.reload(daemon, {"limits": {"plan_tasks": 10, "dept": 5}})
        daemon.wait_for_log("nothing was changed")
        self.assertIn("did you mean limits.depth?", daemon.log)
        self.assertEqual(connection.error("gather", [[{"value": 1}] * 3])["code"], -32006)

    def test_settings_for_which_there_are_too_few_descriptors_change_nothing(self):
        daemon = self.start(settings={"limits": {"plan_tasks": 2}})
        connection = self.connect(daemon)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (20, hard))
        self.reload(daemon, {"limits": {"plan_tasks": 10}})
        daemon.wait_for_log("nothing was changed")
        self.assertIn("the limit of open files is 20", daemon.log)
        self.assertNotIn("a setting has changed", daemon.log)
        self.assertEqual(connection.error("gather", [[{"value": 1}] * 3])["code"], -32006)

    def test_a_token_that_goes_takes_its_connections_with_it(self):
        settings = {"auth": {"tokens": [token("ci", "submit"), token("other", "submit")]}}
        daemon = self.start(settings=settings)
        ci, other = self.connect(daemon, "ci"), self.connect(daemon, "other")
        settings["auth"]["tokens"] = [token("ci", "submit", "admin"), token("ops", "admin")]
        self.reload(daemon, settings)
        self.assertEqual(other.rest(), [])
        self.assertIn("errors", ci.result("stats"))
        self.assertEqual(self.connect(daemon).error("auth", [SECRETS["other"]])["code"], -32004)
        ops = self.connect(daemon, "ops")
        daemon.wait_for_log("auth.tokens: changed ci, added ops, removed other")
        for each in ("ci", "other", "ops"):
            self.assertNotIn(token(each)["sha256"], daemon.log)
        self.assertEqual(ops.result("ping"), "pong")

    def test_a_token_that_goes_takes_its_tasks_with_it(self):
        settings = {"auth": {"tokens": [token("ci", "submit"), token("ops", "admin")]}}
        daemon = self.start(settings=settings)
        ci, ops = self.connect(daemon, "ci"), self.connect(daemon, "ops")
        task = ci.result("create_task", {"task": FOR_EVER, "detach": True})["id"]
        own = ops.result("create_task", {"task": FOR_EVER, "detach": True})["id"]
        settings["auth"]["tokens"].pop(0)
        self.reload(daemon, settings)
        self.assertEqual(ci.rest(), [])
        self.assertEqual(ops.error("await", [task])["data"]["type"], "CancelledError")
        self.assertEqual(ops.result("cancel", [own]), {"cancelled": 1})  # it runs on, and would have the grace of the stop

    def test_what_would_open_it_to_everybody_is_refused(self):
        daemon = self.start(settings={"auth": {"tokens": [token("ci", "submit")]}}, listen="0.0.0.0:0")
        self.reload(daemon, {})
        daemon.wait_for_log("nothing was changed")
        self.assertEqual(self.connect(daemon).error("run", [{"value": 1}])["code"], -32004)


if __name__ == "__main__":
    unittest.main()
