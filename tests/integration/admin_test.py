#!/usr/bin/python3
"""The admin port: health, numbers, tasks and JSON-RPC over HTTP, and who is kept out."""

import base64
import functools
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from urllib.parse import quote

from connection import PATIENCE
from daemon import BINARY, Daemon, clean_environment
from gate import Gate

SLOW = {"call": "sleep", "args": [3600]}
GATE = {"call": "gate", "args": []}


def token_setting(**rights):
    """auth.tokens with one token a name; the token is its name."""
    return json.dumps([{"name": name, "sha256": hashlib.sha256(name.encode()).hexdigest(), "rights": list(its)}
                       for name, its in rights.items()])


class AdminDaemon(Daemon):
    def __init__(self, *flags, admin="127.0.0.1:0", **more):
        super().__init__("--admin.listen", admin, *flags, **more)
        last = self.port_file.read_text().split()[-1]
        self.admin_port = int(last.rpartition(":")[2])

    def ask(self, path, method="GET", body=None, **headers):
        """Status, headers and body of one request on a connection of its own."""
        client = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=PATIENCE)
        try:
            client.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            answer = client.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            client.close()

    def json(self, path, **headers):
        status, _, body = self.ask(path, **headers)
        if status != 200:
            raise AssertionError(f"{path}: {status} {body}")
        return json.loads(body)

    def rpc(self, message, **headers):
        """Status and body of POST /rpc."""
        text = message if isinstance(message, (str, bytes)) else json.dumps(message)
        status, _, body = self.ask("/rpc", "POST", text, **{"Content_Type": "application/json", **headers})
        return status, json.loads(body) if body and body[:1] in b"[{" else body

    def raw(self, data=b""):
        client = socket.create_connection(("127.0.0.1", self.admin_port), timeout=PATIENCE)
        client.sendall(data)
        return client

    def wait_until(self, condition):
        """Until that is so, by asking again: for what has no event of its own to wait for."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise AssertionError("it did not come to be")
            time.sleep(0.01)


def whole(client):
    """All bytes until the daemon closes."""
    data = b""
    while True:
        piece = client.recv(65536)
        if not piece:
            return data
        data += piece


def read_until(client, text):
    data = b""
    while text not in data:
        piece = client.recv(65536)
        if not piece:
            raise AssertionError(f"the daemon closed; before it came {data!r}")
        data += piece
    return data


class AdminCase(unittest.TestCase):
    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.daemon = AdminDaemon(*cls.flags)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()


class Off(unittest.TestCase):
    def test_there_is_no_admin_port_unless_it_is_set(self):
        with Daemon() as daemon:
            self.assertNotIn("admin", daemon.log)
            self.assertEqual(len(daemon.port_file.read_text().split()), 1)
            names = [Path(f"/proc/{daemon.process.pid}/task/{each}/comm").read_text().strip()
                     for each in os.listdir(f"/proc/{daemon.process.pid}/task")]
            self.assertNotIn("admin", names)

    def test_an_address_that_cannot_be_is_told_at_the_start_and_by_check_config(self):
        taken = socket.create_server(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with tempfile.TemporaryDirectory() as folder, taken:
            for address, status, text in (("0.0.0.0:0", 2, "auth.tokens"), ("nonsense", 2, "admin.listen"), ("unix:/tmp/x", 2, "host:port"),
                                          (f"127.0.0.1:{port}", 1, f"cannot listen at 127.0.0.1:{port}")):
                ended = subprocess.run([BINARY, "serve", "--listen", "127.0.0.1:0", "--admin.listen", address],
                                       capture_output=True, text=True, timeout=PATIENCE, env=clean_environment(), check=False)
                self.assertEqual((ended.returncode, text in ended.stderr), (status, True), ended.stderr)
                file = Path(folder, "gatherd.json")
                file.write_text(json.dumps({"admin": {"listen": address}}))
                checked = subprocess.run([BINARY, "check-config", str(file)], capture_output=True, text=True, timeout=PATIENCE,
                                         env=clean_environment(), check=False)
                self.assertEqual(checked.returncode, 2 if status == 2 else 0, checked.stderr)  # it tries any free port


    def test_one_address_for_both_ports_is_told_as_such(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = "127.0.0.1:%d" % free.getsockname()[1]
        told = f"admin.listen: {address} and listen: {address} are one address, at which only one of them can listen"
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "gatherd.json")
            file.write_text(json.dumps({"listen": address, "admin": {"listen": address}}))
            for words, status in ((["serve", "--config", str(file)], 1), (["check-config", str(file)], 2)):
                ended = subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=PATIENCE, env=clean_environment(), check=False)
                self.assertEqual((ended.returncode, told in ended.stderr), (status, True), ended.stderr)


class Health(AdminCase):
    def test_healthz_and_readyz(self):
        for path in ("/healthz", "/readyz"):
            status, headers, body = self.daemon.ask(path)
            self.assertEqual((status, headers["X-Content-Type-Options"]), (200, "nosniff"), body)

    def test_head_has_the_head_and_no_body(self):
        for path in ("/healthz", "/", "/stats", "/metrics", "/events", "/tasks"):
            status, headers, body = self.daemon.ask(path, "HEAD")
            self.assertEqual((status, body), (200, b""), path)
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")

    def test_readyz_tells_that_the_daemon_drains_and_healthz_goes_on(self):
        with AdminDaemon("--drain.grace", "1h") as daemon, daemon.connect() as client:
            client.start("run", {"task": {"call": "sleep", "args": [3600]}})
            client.result("ping")
            daemon.signal()
            daemon.wait_for_log("draining")
            daemon.wait_until(lambda: daemon.ask("/readyz")[0] == 503)
            self.assertIn(b"draining", daemon.ask("/readyz")[2])
            self.assertEqual(daemon.ask("/healthz")[0], 200)
            self.assertEqual(daemon.rpc({"id": 1, "method": "run", "params": {"task": {"value": 1}}})[1]["error"]["code"], -32005)
            self.assertTrue(daemon.json("/stats")["draining"])
            client.reset()
            self.assertEqual(daemon.wait(), 0)

    def test_readyz_waits_for_each_pool(self):
        with tempfile.TemporaryDirectory() as folder:
            gate = Path(folder, "gate")
            os.mkfifo(gate)
            program = Path(folder, "pool.py")
            program.write_text(
                "import json, os, socket\n"
                f"open({str(gate)!r}).read()\n"
                "s = socket.socket(fileno=int(os.environ['GATHERD_WORKER_FD']))\n"
                "s.sendall(json.dumps({'id': 1, 'method': 'serve', 'params': {'functions': [{'name': 'f'}]}}).encode() + b'\\n')\n"
                "while s.recv(4096): pass\n")
            pool = json.dumps({"p": {"command": [sys.executable, str(program)], "processes": 1}})
            with AdminDaemon("--pools", pool) as daemon:
                status, _, body = daemon.ask("/readyz")
                self.assertEqual((status, b"pool p" in body), (503, True), body)
                self.assertIn('gatherd_pool_processes{pool="p",state="starting"} 1', daemon.ask("/metrics")[2].decode())
                gate.write_text("")
                daemon.wait_until(lambda: daemon.ask("/readyz")[0] == 200)
                self.assertIn('gatherd_pool_processes{pool="p",state="serving"} 1', daemon.ask("/metrics")[2].decode())

    def test_a_hundred_slow_requests_and_watchers_do_not_delay_healthz(self):
        with AdminDaemon() as daemon:
            run = json.dumps({"id": 1, "method": "run", "params": {"task": SLOW}}).encode()
            host = f"Host: 127.0.0.1:{daemon.admin_port}\r\n".encode()
            slow = [daemon.raw(b"POST /rpc HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\nContent-Length: "
                               + str(len(run)).encode() + b"\r\n\r\n" + run) for _ in range(40)]
            watchers = [daemon.raw(b"GET /events HTTP/1.1\r\n" + host + b"\r\n") for _ in range(24)]
            for each in watchers:
                read_until(each, b"event: snapshot")
            daemon.wait_until(lambda: daemon.ask("/stats")[0] == 503)
            # All places are taken: further ones are told so at once, those that say nothing are held, and probes pass.
            silent = [daemon.raw(b"GET /healthz HTT") for _ in range(200)]
            for _ in range(20):
                self.assertEqual(daemon.ask("/healthz")[0], 200)
                self.assertEqual(daemon.ask("/readyz")[0], 200)
            for each in slow + watchers + silent:
                each.close()
            daemon.wait_until(lambda: daemon.ask("/stats")[0] == 200)
            daemon.wait_until(lambda: daemon.json("/stats")["tasks_in_flight"] == 0)  # those who hung up cancelled theirs


class Guards(AdminCase):
    def test_only_its_own_hosts_are_answered(self):
        port = self.daemon.admin_port
        for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"):
            self.assertEqual(self.daemon.ask("/stats", Host=host)[0], 200, host)
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", "localhost", f"127.0.0.1:{port + 1}",
                     f"127.0.0.1.nip.io:{port}", f"localhost.evil.example:{port}", f"192.0.2.1:{port}", "", "[::1", f"[::1]x:{port}"):
            status, headers, _ = self.daemon.ask("/stats", Host=host)
            self.assertEqual((status, headers["X-Content-Type-Options"]), (403, "nosniff"), host)
            self.assertEqual(self.daemon.ask("/healthz", Host=host)[0], 200, host)
            self.assertEqual(self.daemon.ask("/readyz", Host=host)[0], 200, host)
            self.assertEqual(self.daemon.ask("/", Host=host)[0], 403, host)

    def test_two_hosts_are_none(self):
        port = self.daemon.admin_port
        with self.daemon.raw(f"GET /stats HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\n"
                             "Connection: close\r\n\r\n".encode()) as client:
            self.assertIn(b" 403 ", whole(client).split(b"\r\n")[0])

    def test_a_body_whose_end_is_not_known_is_refused_at_once(self):
        port = self.daemon.admin_port
        head = f"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        for lines in ("Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                      "Content-Length: 3\r\nContent-Length: 4\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"):
            with self.daemon.raw((head + lines + "\r\n").encode()) as client:
                self.assertIn(b" 400 ", whole(client).split(b"\r\n")[0], lines)
        with self.daemon.raw(f"GET /stats HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTransfer-Encoding: gzip\r\n\r\n".encode()) as client:
            self.assertEqual(whole(client), b"")

    def test_only_its_own_origins_may_ask(self):
        port = self.daemon.admin_port
        ping = {"id": 1, "method": "ping"}
        for origin in (f"http://127.0.0.1:{port}", f"http://localhost:{port}"):
            self.assertEqual(self.daemon.rpc(ping, Origin=origin)[0], 200, origin)
        for origin in ("null", "http://evil.example", f"http://evil.example:{port}", f"ftp://127.0.0.1:{port}",
                       "http://127.0.0.1", f"https://127.0.0.1:{port + 1}", "file://", ""):
            self.assertEqual(self.daemon.rpc(ping, Origin=origin)[0], 403, origin)
            self.assertEqual(self.daemon.ask("/healthz", Origin=origin)[0], 200, origin)

    def test_paths_and_methods(self):
        self.assertEqual(self.daemon.ask("/nothing")[0], 404)
        self.assertEqual(self.daemon.ask("/tasks/")[0], 404)
        for path, method, allowed in (("/stats", "POST", "GET, HEAD"), ("/rpc", "GET", "POST"), ("/healthz", "DELETE", "GET, HEAD"),
                                      ("/rpc", "OPTIONS", "POST")):
            status, headers, _ = self.daemon.ask(path, method)
            self.assertEqual((status, headers["Allow"], headers["X-Content-Type-Options"]), (405, allowed, "nosniff"), path)

    def test_a_query_that_means_nothing_is_refused(self):
        for path, text in (("/tasks?runing=1", "this path takes state limit running"), ("/tasks?running=yes", "running is 1 or 0"),
                           ("/tasks?running", "running is 1 or 0"), ("/tasks?limit=0", "limit is an integer"), ("/tasks?limit=1e3", "limit is an integer"),
                           ("/tasks?limit=1&limit=2", "is there twice"), ("/events?tasks=x", "this path takes task"), ("/metrics?x", "this path takes none"),
                           ("/stats?x=1", "this path takes none"), ("/tasks/none?nodes=1", "this path takes none"), ("/debug/tasks?limit=1", "takes none"),
                           ("/stats?%1b[2J=1", "'\\x1b[2J'")):
            status, _, body = self.daemon.ask(path)
            self.assertEqual((status, text in body.decode()), (400, True), (path, body))
        self.assertEqual(self.daemon.rpc({"id": 1, "method": "ping"})[0], 200)
        self.assertEqual(self.daemon.ask("/rpc?x=1", "POST", "{}", Content_Type="application/json")[0], 400)
        for path in ("/healthz?verbose", "/readyz?x=1", "/?x=1", "/tasks?running=0", "/tasks?running=1"):
            self.assertEqual(self.daemon.ask(path)[0], 200, path)

    def test_a_nul_does_not_cut_a_path(self):
        for path in ("/healthz%00", "/stats%00.json", "/%00", "/tasks/none%00x", "/tasks?running=1%00", "/events?task%00=x"):
            status, headers, body = self.daemon.ask(path)
            self.assertEqual((status, headers["X-Content-Type-Options"], b"%00" in body), (400, "nosniff", True), path)
        client = http.client.HTTPConnection("127.0.0.1", self.daemon.admin_port, timeout=PATIENCE)
        for path, status in (("/healthz%00", 400), ("/healthz", 200), ("/rpc%00", 400), ("/healthz", 200)):  # on one connection
            client.request("GET", path)
            answer = client.getresponse()
            self.assertEqual((answer.status, bool(answer.read())), (status, True), path)
        client.close()

    def test_the_page_may_load_nothing_and_be_framed_by_nobody(self):
        status, headers, body = self.daemon.ask("/")
        self.assertEqual(status, 200)
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertIn("frame-ancestors 'none'", headers["Content-Security-Policy"])
        self.assertTrue(headers["Content-Type"].startswith("text/html"))
        self.assertIn(b"/metrics", body)

    def test_addresses_with_which_the_next_start_would_fail_are_refused_at_sighup(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "gatherd.json")
            file.write_text("{}")
            with Daemon("--config", str(file)) as daemon:
                file.write_text(json.dumps({"admin": {"listen": "0.0.0.0:7118"}, "limits": {"depth": 9}}))
                daemon.signal(signal.SIGHUP)
                daemon.wait_for_log("nothing was changed")
                self.assertIn("admin.listen: whoever reaches 0.0.0.0:7118 could run plans there", daemon.log)
                self.assertNotIn("limits.depth", daemon.log)
                file.write_text(json.dumps({"admin": {"listen": "127.0.0.1:7118"}}))
                daemon.signal(signal.SIGHUP)
                daemon.wait_for_log("admin.listen: none -> 127.0.0.1:7118; that takes a restart")

    def test_listed_hosts_are_taken_again_at_sighup(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "gatherd.json")
            file.write_text(json.dumps({"admin": {"hosts": ["ops.example", "one.example:81"]}}))
            with AdminDaemon("--config", str(file)) as daemon:
                for host, status in (("ops.example", 200), ("OPS.example:9", 200), ("one.example:81", 200), ("one.example", 403)):
                    self.assertEqual(daemon.ask("/stats", Host=host)[0], status, host)
                self.assertEqual(daemon.rpc({"id": 1, "method": "ping"}, Host="ops.example", Origin="https://ops.example")[0], 200)
                file.write_text(json.dumps({"admin": {"hosts": [], "connections": 7}}))
                daemon.signal(signal.SIGHUP)
                daemon.wait_for_log("the settings were read again")
                self.assertIn("admin.connections: 64 -> 7; that takes a restart", daemon.log)
                self.assertEqual(daemon.ask("/stats", Host="ops.example")[0], 403)


class Tokens(AdminCase):
    flags = ("--auth.tokens", token_setting(root=["admin"], submit=["submit"], none=[], see=["see_all"]))

    def test_who_shows_none_is_told_so(self):
        for path in ("/stats", "/tasks", "/tasks/x", "/metrics", "/debug/tasks", "/events"):
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic " + base64.b64encode(b"a:root").decode()},
                            {"Authorization": "Bearer"}, {"Authorization": "root"}):
                status, told, body = self.daemon.ask(path, **headers)
                self.assertEqual((status, told["WWW-Authenticate"]), (401, "Bearer"), (path, headers))
                shows_one = headers.get("Authorization") == "Bearer wrong"
                self.assertIn(b"this token is not known" if shows_one else b"a token is needed", body, headers)
        self.assertEqual(self.daemon.rpc({"id": 1, "method": "ping"})[0], 401)
        for path in ("/healthz", "/readyz", "/"):
            self.assertEqual(self.daemon.ask(path)[0], 200, path)
            self.assertEqual(self.daemon.ask(path, Authorization="Bearer wrong")[0], 200, path)

    def test_each_token_may_what_it_may(self):
        for path, may in (("/stats", {"root"}), ("/events", {"root"}), ("/debug/tasks", {"root", "see"}),
                          ("/tasks", {"root", "see", "submit"}), ("/metrics", {"root", "see", "submit"})):
            for token in ("root", "see", "submit", "none"):
                status = self.daemon.ask(path, "HEAD", Authorization="Bearer " + token)[0]
                self.assertEqual(status, 200 if token in may else 403, (path, token))
        self.assertEqual(self.daemon.rpc({"id": 1, "method": "ping"}, Authorization="bearer none")[1]["result"], "pong")
        self.assertEqual(self.daemon.rpc({"id": 1, "method": "run", "params": {"task": {"value": 1}}}, Authorization="Bearer see")[1]["error"]["code"], -32004)
        self.assertEqual(self.daemon.rpc({"id": 1, "method": "run", "params": {"task": {"value": 1}}}, Authorization="Bearer submit")[1]["result"], 1)

    def test_a_watcher_whose_token_loses_the_right_is_left(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "gatherd.json")
            file.write_text(json.dumps({"auth": {"tokens": json.loads(token_setting(root=["admin"]))}}))
            with AdminDaemon("--config", str(file)) as daemon, socket.create_connection(("127.0.0.1", daemon.admin_port)) as watcher:
                watcher.settimeout(60)
                watcher.sendall(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{daemon.admin_port}\r\nAuthorization: Bearer root\r\n\r\n".encode())
                self.assertIn(b" 200 ", watcher.recv(1 << 16))
                file.write_text(json.dumps({"auth": {"tokens": json.loads(token_setting(root=["submit"]))}}))
                daemon.signal(signal.SIGHUP)
                while watcher.recv(1 << 16) != b"":
                    pass

    def test_beyond_loopback_an_address_or_a_token_will_do(self):
        with AdminDaemon(*self.flags, admin="0.0.0.0:0") as daemon:
            port = daemon.admin_port
            for host in (f"192.0.2.1:{port}", "192.0.2.1:80", "[2001:db8::1]:1"):
                self.assertEqual(daemon.ask("/", Host=host)[0], 200, host)
            self.assertEqual(daemon.ask("/", Host="gatherd.example")[0], 403)
            self.assertEqual(daemon.ask("/", Host="gatherd.example", Authorization="Bearer wrong")[0], 403)
            self.assertEqual(daemon.ask("/stats", Host="gatherd.example", Authorization="Bearer root")[0], 200)

    def test_open_metrics(self):
        with AdminDaemon(*self.flags, "--admin.open_metrics", "yes") as daemon:
            self.assertEqual(daemon.ask("/metrics")[0], 200)
            self.assertEqual(daemon.ask("/metrics", Host="evil.example")[0], 403)
            self.assertEqual(daemon.ask("/stats")[0], 401)


class Rpc(AdminCase):
    def test_a_request_and_a_batch_are_answered(self):
        self.assertEqual(self.daemon.rpc({"jsonrpc": "2.0", "id": "a", "method": "ping"}),
                         (200, {"jsonrpc": "2.0", "id": "a", "result": "pong"}))
        status, answers = self.daemon.rpc([{"id": i, "method": "run", "params": {"task": {"call": "add", "args": [i, 1]}}} for i in range(100)])
        self.assertEqual((status, [(each["id"], each["result"]) for each in answers]), (200, [(i, i + 1) for i in range(100)]))
        client = http.client.HTTPConnection("127.0.0.1", self.daemon.admin_port, timeout=PATIENCE)
        for i in range(3):  # on one connection
            client.request("POST", "/rpc", json.dumps({"id": i, "method": "ping"}), {"Content-Type": "application/json; charset=utf-8"})
            answer = client.getresponse()
            self.assertEqual((answer.status, answer.headers["Content-Type"], json.loads(answer.read())["id"]), (200, "application/json", i))
        client.close()

    def test_errors_are_answers_and_notifications_have_none(self):
        for text, code in (("{", -32700), ("", -32700), ("[]", -32600), ("7", -32600), ('{"id": 1, "method": "no"}', -32601),
                           ('{"id": 1, "method": "ping"} {"id": 2, "method": "ping"}', -32700)):
            status, answer = self.daemon.rpc(text)
            self.assertEqual((status, answer["error"]["code"]), (200, code), text)
        for text in ('{"jsonrpc": "2.0", "method": "ping"}', '[{"jsonrpc": "2.0", "method": "ping"}]'):
            self.assertEqual(self.daemon.rpc(text), (204, b""))

    def test_what_needs_a_connection_is_refused(self):
        gather = {"tasks": [{"value": 1}, {"value": 2}]}
        for method, params in (("gather", {**gather, "stream": True}), ("gather", {**gather, "progress": 1}),
                               ("map", {"call": "abs", "over": [1], "stream": True}), ("serve", {"functions": [{"name": "f"}]})):
            status, answer = self.daemon.rpc({"id": 1, "method": method, "params": params})
            self.assertEqual((status, answer["error"]["code"]), (200, -32602), method)
        self.assertEqual(self.daemon.rpc({"id": 1, "method": "gather", "params": {**gather, "stream": False}})[1]["result"], [1, 2])

    def test_lines_of_print_do_not_disturb_the_answer(self):
        task = {"sequence": [{"call": "print", "args": [f"line {i}"]} for i in range(1000)] + [{"call": "sleep", "args": [0]}, {"value": "end"}]}
        self.assertEqual(self.daemon.rpc({"id": 1, "method": "run", "params": {"task": task}})[1]["result"][-1], "end")

    def test_a_large_message_passes_in_pieces(self):
        text = "x" * (8 << 20)
        message = json.dumps({"id": 1, "method": "run", "params": {"task": {"value": text}}})
        status, answer = self.daemon.rpc(message)
        self.assertEqual((status, answer["result"] == text), (200, True))

    def test_a_chunked_body(self):
        def pieces(*texts):
            yield from (each.encode() for each in texts)
        status, _, body = self.daemon.ask("/rpc", "POST", pieces('{"id": 1,', '"method": "ping"}'), Content_Type="application/json")
        self.assertEqual((status, json.loads(body)["result"]), (200, "pong"))
        with self.daemon.raw(f"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:{self.daemon.admin_port}\r\nContent-Type: application/json\r\n"
                             "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()) as client:
            for _ in range(33):
                client.sendall(b"8000\r\n" + b" " * 0x8000 + b"\r\n")
            client.sendall(b"0\r\n\r\n")
            self.assertIn(b" 413 ", whole(client).split(b"\r\n")[0])

    def test_other_types_and_sizes_are_refused(self):
        ping = '{"id": 1, "method": "ping"}'
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""):
            self.assertEqual(self.daemon.rpc(ping, Content_Type=kind)[0], 415, kind)
        self.assertEqual(self.daemon.rpc(ping, Content_Encoding="gzip")[0], 415)
        with self.daemon.raw(f"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:{self.daemon.admin_port}\r\nContent-Type: application/json\r\n"
                             "Content-Length: 99999999999\r\n\r\n".encode()) as client:
            answer = whole(client)
            self.assertIn(b" 413 ", answer.split(b"\r\n")[0])
            self.assertIn(b"nosniff", answer)

    def start_run(self, daemon):
        """A request whose answer does not come."""
        run = json.dumps({"id": 1, "method": "run", "params": {"task": SLOW}}).encode()
        return daemon.raw(f"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:{daemon.admin_port}\r\nContent-Type: application/json\r\n"
                          f"Content-Length: {len(run)}\r\n\r\n".encode() + run)

    def test_a_request_takes_no_place_of_limits_connections(self):
        with AdminDaemon("--limits.connections", "1") as daemon, self.start_run(daemon), self.start_run(daemon):
            daemon.wait_until(lambda: daemon.json("/stats")["tasks_in_flight"] == 2)
            self.assertEqual(daemon.json("/stats")["connections"], 0)
            with daemon.connect() as client:
                self.assertEqual(client.result("ping"), "pong")
                self.assertEqual(daemon.json("/stats")["connections"], 1)

    def test_a_client_that_hangs_up_cancels_its_run(self):
        client = self.start_run(self.daemon)
        self.daemon.wait_until(lambda: self.daemon.json("/stats")["tasks_in_flight"] == 1)
        running = [each for each in self.daemon.json("/tasks?running=1") if "request" in each]
        self.assertEqual([(each["request"], each["state"], each["client"]) for each in running], [(1, "running", "127.0.0.1")])
        self.assertGreater(running[0]["started"], 1e9)
        client.close()
        self.daemon.wait_until(lambda: self.daemon.json("/stats")["tasks_in_flight"] == 0)

    def upload(self, daemon):
        """A request whose body does not come."""
        return daemon.raw(f"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:{daemon.admin_port}\r\nContent-Type: application/json\r\n"
                          "Content-Length: 500000\r\n\r\n{\"id\"".encode())

    def test_an_upload_that_ends_in_the_middle_frees_its_place(self):
        with AdminDaemon("--admin.connections", "4", "--limits.message_time", "1h") as daemon:
            def are_all_free():
                watch = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{daemon.admin_port}\r\n\r\n".encode()
                watchers = [daemon.raw(watch) for _ in range(4)]
                heads = [each.recv(15) for each in watchers]
                for each in watchers:
                    each.close()
                return heads == [b"HTTP/1.1 200 OK"] * 4
            for end in (lambda client: client.close(), lambda client: client.shutdown(socket.SHUT_WR)):
                clients = [self.upload(daemon) for _ in range(4)]
                daemon.wait_until(lambda: daemon.ask("/stats")[0] == 503)
                for client in clients:
                    end(client)
                daemon.wait_until(are_all_free)

    def test_an_upload_does_not_hold_up_a_stop(self):
        with AdminDaemon("--admin.connections", "4", "--limits.message_time", "1h", "--drain.grace", "1h") as daemon:
            with self.upload(daemon), self.upload(daemon), self.upload(daemon), self.upload(daemon):
                daemon.wait_until(lambda: daemon.ask("/stats")[0] == 503)
                daemon.signal()
                self.assertEqual(daemon.wait(), 0)

    def test_a_task_created_here_lives_on(self):
        _, made = self.daemon.rpc({"id": 1, "method": "create_task", "params": {"task": SLOW, "name": "long"}})
        id = made["result"]["id"]
        self.daemon.wait_until(lambda: self.daemon.json("/tasks/" + id)["state"] == "running")
        self.assertIn(id, [each["id"] for each in self.daemon.json("/tasks")])
        self.assertEqual([each["id"] for each in self.daemon.json("/tasks?state=running&limit=1")], [id])
        self.assertEqual(self.daemon.ask("/tasks?state=asleep")[0], 400)
        self.assertEqual(self.daemon.ask("/tasks?limit=x")[0], 400)
        self.assertIn(b"sleep", self.daemon.ask("/debug/tasks")[2])
        self.assertEqual(self.daemon.rpc({"id": 1, "method": "cancel", "params": {"id": id}})[1]["result"], {"cancelled": 1})
        self.daemon.wait_until(lambda: self.daemon.json("/tasks/" + id)["state"] == "cancelled")
        status, _, body = self.daemon.ask("/tasks/none")
        self.assertEqual((status, json.loads(body)["error"]["code"]), (404, -32007))


class BadClients(AdminCase):
    flags = ("--limits.message_time", "500ms")

    def head(self, line, *more):
        return "\r\n".join([line, f"Host: 127.0.0.1:{self.daemon.admin_port}", *more, "", ""]).encode()

    def test_pipelined_requests_are_answered_in_order(self):
        requests = [self.head("GET /healthz HTTP/1.1"), self.head("GET /nothing HTTP/1.1"), self.head("GET /readyz HTTP/1.1"),
                    self.head("GET / HTTP/1.1", "Connection: close")]
        with self.daemon.raw(b"".join(requests)) as client:
            answers = whole(client)
        self.assertEqual(re.findall(rb"HTTP/1\.1 (\d+) ", answers),
                         [b"200", b"404", b"200", b"200"])

    def test_a_body_where_none_is_wanted_is_no_request(self):
        smuggled = self.head("GET /tasks HTTP/1.1")
        with self.daemon.raw(self.head("GET /nothing HTTP/1.1", f"Content-Length: {len(smuggled)}") + smuggled
                             + self.head("GET /healthz HTTP/1.1", "Connection: close")) as client:
            statuses = re.findall(rb"HTTP/1\.1 (\d+) ", whole(client))
        self.assertIn(statuses, ([b"404", b"200"], [b"404"]))

    def test_garbage_and_long_heads_are_refused(self):
        for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10 + b"\r\n\r\n", b"{}\r\n\r\n", b"GET\r\n\r\n",
                     self.head("GET / HTTP/1.1", "X: " + "x" * 100_000), b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n"):
            with self.daemon.raw() as client:
                try:
                    client.sendall(data)
                    answer = whole(client)
                except ConnectionError:
                    answer = b""
                self.assertNotIn(b" 200 ", answer.split(b"\r\n")[0])
            self.assertEqual(self.daemon.ask("/healthz")[0], 200)

    def test_who_does_not_send_a_whole_request_in_time_is_closed(self):
        for data in (b"", b"GET /healthz HTTP/1.1\r\nHost:", self.head("POST /rpc HTTP/1.1", "Content-Type: application/json", "Content-Length: 9") + b"{"):
            with self.daemon.raw(data) as client:
                try:
                    self.assertNotIn(b" 200 ", whole(client))
                except ConnectionError:
                    pass

    def test_one_that_sends_a_byte_now_and_then_is_closed_too(self):
        closed = threading.Event()
        with self.daemon.raw(b"GET /healthz HTTP/1.1\r\nX: ") as client:
            def drip():
                try:
                    while not closed.wait(0.05):
                        client.sendall(b"x")
                except OSError:
                    pass
            sender = threading.Thread(target=drip)
            sender.start()
            try:
                whole(client)
            except ConnectionError:
                pass
            closed.set()
            sender.join()


class Metrics(AdminCase):
    def text(self):
        status, headers, body = self.daemon.ask("/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        return body.decode()

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed (Debian's prometheus)")
    def test_promtool_finds_nothing_to_say(self):
        self.daemon.rpc({"id": 1, "method": "run", "params": {"task": {"value": 1}}})
        told = subprocess.run(["promtool", "check", "metrics"], input=self.text(), capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual((told.returncode, told.stdout + told.stderr), (0, ""))

    def test_requests_are_counted_by_method_and_code(self):
        def numbers():
            return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in self.text().splitlines() if not line.startswith("#")}
        before = numbers()
        with self.daemon.connect() as client:
            for _ in range(5):
                client.result("ping")
            client.error("run", {"task": {"call": "no.such"}})
            client.error("no_such_method")
            after = numbers()
        def grown(name):
            return after[name] - before.get(name, 0)
        self.assertEqual(grown('gatherd_requests_total{method="ping",code="0"}'), 5)
        self.assertEqual(grown('gatherd_requests_total{method="run",code="-32602"}'), 1)
        self.assertEqual(grown('gatherd_requests_total{method="unknown",code="-32601"}'), 1)
        self.assertEqual(grown("gatherd_request_seconds_count"), 7)
        self.assertEqual(after["gatherd_connections"], 1)
        self.assertGreater(after["process_start_time_seconds"], 1e9)

    def test_series_of_a_function_go_with_it(self):
        with AdminDaemon("--workers.remember", "0s") as daemon:
            with daemon.connect() as worker, daemon.connect() as client, daemon.connect() as client_of_stats:
                worker.result("serve", {"functions": [{"name": "double"}]})
                client.start("gather", {"tasks": [{"call": "double", "args": [2]}] * 2})
                invoke = worker.message()
                daemon.wait_until(lambda: client_of_stats.result("stats")["calls"]["double"]["queued"] == 1)
                text = daemon.ask("/metrics")[2].decode()
                for line in ('gatherd_calls_queued{function="double"} 1', 'gatherd_calls_running{function="double"} 1',
                             'gatherd_calls_queued_seconds_total{function="double"} '):
                    self.assertIn("\n" + line, text)
                worker.send({"id": invoke["id"], "result": 4})
                invoke = worker.message()
                worker.send({"id": invoke["id"], "result": 4})
                self.assertEqual(client.message()["result"], [4, 4])
                text = daemon.ask("/metrics")[2].decode()
                self.assertIn('gatherd_calls_total{function="double",outcome="ok"} 2', text)
                self.assertIn('gatherd_call_run_seconds_count{function="double"} 2', text)
                self.assertIn('gatherd_call_queue_seconds_count{lane="workers"} 2', text)
                waited = float(re.search(r'^gatherd_calls_queued_seconds_total\{function="double"\} (.+)$', text, re.MULTILINE)[1])
                self.assertGreater(waited, 0)
            daemon.wait_until(lambda: 'function="double"' not in daemon.ask("/metrics")[2].decode())

    def test_calls_that_wait_or_may_run_long_are_counted_by_function(self):
        shell = shutil.which("sh")
        with AdminDaemon("--process.allow", shell, "--process.running", "1", "--auth.open-functions", "true") as daemon, daemon.connect() as client:
            self.assertEqual(client.result("stats")["calls"], {})
            client.result("run", {"task": {"call": "process.run", "args": [[shell, "-c", "exit 3"]]}})
            client.error("run", {"task": {"call": "process.run", "args": {"argv": [shell], "stdin": "?", "binary": True}}})
            client.result("run", {"task": {"to_thread": {"call": "add", "args": [1, 2]}}})
            client.result("run", {"task": {"call": "hash.sha256", "args": ["x" * 1_000_000]}})
            client.result("run", {"task": {"gather": [{"call": "add", "args": [1, 2]}, {"call": "sleep", "args": [0]}]}})
            calls = client.result("stats")["calls"]
            self.assertEqual({name: (its["ok"], its["failed"], its["queued"], its["running"]) for name, its in calls.items()},
                             {"process.run": (1, 1, 0, 0), "add": (1, 0, 0, 0), "hash.sha256": (1, 0, 0, 0)})
            self.assertGreater(calls["process.run"]["time_run"], 0)
            text = daemon.ask("/metrics")[2].decode()
            for line in ('gatherd_calls_total{function="process.run",outcome="failed"} 1', 'gatherd_call_run_seconds_count{function="hash.sha256"} 1',
                         'gatherd_call_queue_seconds_count{lane="own"} 2', 'gatherd_call_queue_seconds_count{lane="blocking"} 1',
                         'gatherd_call_queue_seconds_count{lane="compute"} 1'):
                self.assertIn(line + "\n", text)
            long = client.start("run", {"task": {"call": "process.run", "args": [[shell, "-c", "exec sleep 3600"]]}})
            daemon.wait_until(lambda: client.result("stats")["calls"]["process.run"]["running"] == 1)
            second = client.start("run", {"task": {"call": "process.run", "args": [[shell, "-c", "exit"]]}})
            daemon.wait_until(lambda: client.result("stats")["calls"]["process.run"]["queued"] == 1)
            for each in (second, long):
                client.start("cancel", {"request": each})
                client.messages(2)
            process = client.result("stats")["calls"]["process.run"]
            self.assertEqual((process["ok"], process["failed"], process["queued"], process["running"]), (1, 1, 0, 0))


class EventsReader:
    """What a test that watches `self.daemon` has."""

    def watch(self, query=""):
        client = http.client.HTTPConnection("127.0.0.1", self.daemon.admin_port, timeout=PATIENCE)
        client.request("GET", "/events" + query)
        answer = client.getresponse()
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "text/event-stream"))
        self.addCleanup(client.close)
        return answer

    def event(self, answer):
        lines = []
        while (line := answer.readline()) != b"\n":
            self.assertTrue(line, "the stream ended")
            lines.append(line.decode().rstrip("\n"))
        self.assertTrue(lines[0].startswith("event: ") and lines[1].startswith("data: "), lines)
        return lines[0][7:], json.loads(lines[1][6:])

    def told(self, answer):
        """The next event of the watched program."""
        while True:
            name, data = self.event(answer)
            if name == "task":
                return data


class Events(EventsReader, AdminCase):
    def test_snapshots_come_at_once_and_go_on(self):
        answer = self.watch()
        times = []
        for _ in range(3):
            name, data = self.event(answer)
            self.assertEqual((name, data["ready"]), ("snapshot", True))
            times.append(data["time"])
        self.assertEqual(times, sorted(set(times)))

    def test_what_becomes_of_a_task(self):
        _, made = self.daemon.rpc({"id": 1, "method": "create_task", "params": {"task": SLOW}})
        id = made["result"]["id"]
        answer = self.watch("?task=" + id)
        def next_state():
            while True:
                name, data = self.event(answer)
                if name == "task":
                    self.assertEqual(data["id"], id)
                    return data["state"]
        self.assertIn(next_state(), ("pending", "running"))
        self.daemon.rpc({"id": 1, "method": "cancel", "params": {"id": id}})
        self.assertEqual(next_state(), "cancelled")
        self.assertEqual(self.daemon.ask("/events?task=none")[0], 404)

    def test_a_watched_program_is_told_from_its_first_state_to_its_last(self):
        with Gate(self.daemon.port) as gate, self.daemon.connect() as client:
            id = client.result("create_task", {"task": {"sequence": [GATE, {"gather": [{"call": "add", "args": [i, 1]} for i in range(50)]}, GATE]}})["id"]
            gate.wait()
            answer = self.watch("?task=" + id)
            told = functools.partial(self.told, answer)
            first = told()
            self.assertEqual((first["state"], [each["path"] for each in first["nodes"]]), ("running", ["/task"]))
            nodes = {}
            gate.open()
            while len(nodes) < 52:
                nodes.update((each["id"], each) for each in told()["nodes"])
            gate.open()
            while (last := told())["state"] == "running":
                self.assertNotEqual(last["nodes"], [])
            self.assertEqual((last["state"], len(last["nodes"]), last["nodes_not_recorded"]), ("done", 53, 0))
            self.assertTrue(all(each["state"] == "finished" for each in last["nodes"]))

    def test_a_request_that_runs_is_watched_to_its_end(self):
        with self.daemon.connect() as client:
            number = client.start("run", {"task": {"sequence": [SLOW]}})

            def running():
                return [each["id"] for each in self.daemon.json("/tasks?running=1") if each.get("request") == number and each["id"]]

            self.daemon.wait_until(running)
            id, = running()
            answer = self.watch("?task=" + quote(id))
            states = []
            while not states or states[-1] == "running":
                name, data = self.event(answer)
                if name == "task":
                    states.append(data["state"])
                    self.assertEqual(data["id"], id)
                    if len(states) == 1:
                        client.start("cancel", {"request": number})
            self.assertEqual(states[-1], "cancelled")

    def test_a_snapshot_has_a_bounded_number_of_functions(self):
        with self.daemon.connect() as client:
            client.result("serve", {"functions": [{"name": f"many.f{i}"} for i in range(150)]})
            answer = self.watch()
            _, data = self.event(answer)
            while len(data["stats"]["calls"]) < 100:  # one that was made before
                _, data = self.event(answer)
            self.assertEqual(len(data["stats"]["calls"]), 100)
            self.assertGreaterEqual(data["functions_left_out"], 50)
            self.assertEqual(len(data["request_seconds"]["counts"]), len(data["request_seconds"]["bounds"]) + 1)


class WaitingRequests(EventsReader, unittest.TestCase):
    """Requests that wait for a pool, whose process serves once the test has written to a pipe."""

    WORKER = """
import json, os, socket, sys
open(sys.argv[1]).read()
stream = socket.socket(fileno=int(os.environ.pop("GATHERD_WORKER_FD"))).makefile("rw")
def send(message):
    stream.write(json.dumps(message) + "\\n"); stream.flush()
send({"id": 1, "method": "serve", "params": {"functions": [{"name": "late"}]}})
for message in map(json.loads, stream):
    if message.get("method") == "invoke":
        send({"id": message["id"], "result": "came"})
"""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gatherd-waiting-")
        self.addCleanup(folder.cleanup)
        self.pipe = Path(folder.name) / "pipe"
        os.mkfifo(self.pipe)
        pool = {"command": [sys.executable, "-Bc", self.WORKER, str(self.pipe)], "processes": 1}
        self.daemon = AdminDaemon("--pools", json.dumps({"own": pool}), "--workers.wait", "1h")
        self.addCleanup(self.daemon.stop)
        self.client = self.daemon.connect()
        self.addCleanup(self.client.close)

    def serve(self):
        self.pipe.write_text("serve")

    def start(self, task):
        """The number of a request that runs it, and the id under which it is watched, once it waits."""
        number = self.client.start("run", {"task": task})

        def ids():
            return [each["id"] for each in self.daemon.json("/tasks?running=1") if each.get("request") == number]

        self.daemon.wait_until(ids)
        return number, ids()[0]

    def test_a_request_that_waited_for_a_pool_is_watched_until_its_program_ends(self):
        with Gate(self.daemon.port) as gate:
            number, id = self.start({"sequence": [{"call": "late", "args": []}, GATE]})
            answer = self.watch("?task=" + quote(id))
            first = self.told(answer)
            self.assertEqual((first["id"], first["state"], first["started"], first["nodes"]), (id, "waiting", None, []))
            self.serve()
            gate.wait()
            told = [self.told(answer)]
            while not any(node.get("function") == "gate" and node["state"] == "running" for node in told[-1]["nodes"]):
                told.append(self.told(answer))
            self.assertEqual({each["state"] for each in told}, {"running"})
            late = self.watch("?task=" + quote(id))
            self.assertEqual([node.get("function") for node in self.told(late)["nodes"]], [None, "late", "gate"])
            gate.open()
            for each in (answer, late):
                while (last := self.told(each))["state"] == "running":
                    pass
                self.assertEqual((last["id"], last["state"], [node["state"] for node in last["nodes"]]), (id, "done", ["finished"] * 3))
                self.assertGreaterEqual(last["finished"], last["started"])
            self.assertEqual(self.client.message(), {"jsonrpc": "2.0", "id": number, "result": ["came", "open"]})

    def test_a_program_that_ends_at_once_after_waiting_is_told_as_it_ended(self):
        _, id = self.start({"sequence": [{"call": "late", "args": []}, {"call": "fail", "args": ["OSError", "no"]}]})
        answer = self.watch("?task=" + quote(id))
        self.assertEqual(self.told(answer)["state"], "waiting")
        self.serve()
        while (last := self.told(answer))["state"] in ("waiting", "running"):
            pass
        self.assertEqual((last["state"], len(last["nodes"])), ("failed", 3))

    def test_how_a_waiting_request_ended_is_told(self):
        for is_cancelled in (True, False):
            number, id = self.start({"call": "late", "args": []})
            self.assertEqual(self.client.result("status", {"id": id}),
                             {"id": id, "name": str(number), "state": "waiting", "created": None, "started": None, "finished": None})
            answer = self.watch("?task=" + quote(id))
            self.assertEqual(self.told(answer)["state"], "waiting")
            if is_cancelled:
                self.client.send({"id": "c", "method": "cancel", "params": {"id": id}})
                self.client.messages(2)
            else:
                self.client.reset()  # its requests end with it
            last = self.told(answer)
            self.assertEqual((last["state"], last["nodes"]), ("cancelled", []))
            self.assertIsNotNone(last["finished"])

    def test_an_await_that_is_watched_ends_as_it_is_answered(self):
        for outcome, state in (({"value": 1}, "done"), ({"call": "fail", "args": ["OSError", "no"]}, "failed")):
            with Gate(self.daemon.port) as gate:
                task = self.client.result("create_task", {"task": {"sequence": [GATE, outcome]}})["id"]
                number = self.client.start("await", {"id": task})
                self.daemon.wait_until(lambda: any(each.get("request") == number for each in self.daemon.json("/tasks?running=1")))
                id, = [each["id"] for each in self.daemon.json("/tasks?running=1") if each.get("request") == number]
                answer = self.watch("?task=" + quote(id))
                self.assertEqual(self.told(answer)["state"], "waiting")
                gate.open()
                self.assertEqual(self.told(answer)["state"], state)
                self.assertEqual(self.client.message()["id"], number)


class Nodes(AdminCase):
    def nodes(self, id):
        return self.daemon.json("/tasks/" + quote(id, safe=""))["nodes"]

    def test_the_nodes_of_a_task_are_told_with_its_status(self):
        with Gate(self.daemon.port) as gate, self.daemon.connect() as client:
            task = {"sequence": [GATE, {"try": {"call": "fail", "args": ["OSError", "no"]}, "except": {"value": 1}}, GATE]}
            id = client.result("create_task", {"task": task, "name": "n"})["id"]
            gate.wait()
            root, = self.nodes(id)
            self.assertEqual({**root, "queued_at": 0, "started_at": 0},
                             {"id": 0, "parent": None, "path": "/task", "kind": "sequence", "arguments_bytes": 0, "state": "running", "queued_at": 0,
                              "started_at": 0, "ended_at": None})
            gate.open()
            self.daemon.wait_until(lambda: self.nodes(id)[-1].get("function") == "gate" and self.nodes(id)[-1]["state"] == "running")
            told = self.nodes(id)
            self.assertEqual([(each["id"], each["parent"], each["path"], each["kind"], each.get("function"), each["state"]) for each in told],
                             [(0, None, "/task", "sequence", None, "running"), (1, 0, "/task/sequence/1", "try", None, "finished"),
                              (2, 1, "/task/sequence/1/try", "call", "fail", "failed"), (3, 1, "/task/sequence/1/except", "value", None, "finished"),
                              (4, 0, "/task/sequence/2", "call", "gate", "running")])
            self.assertEqual(told[2]["error"], {"type": "OSError", "message": "no"})
            for each in told:
                times = [each[name] for name in ("queued_at", "started_at", "ended_at") if each[name] is not None]
                self.assertEqual(times, sorted(times))
            gate.open()
            client.result("await", {"id": id})
            kept = self.daemon.json("/tasks/" + id)
            self.assertEqual((kept["state"], {each["state"] for each in kept["nodes"]}), ("done", {"finished", "failed"}))
            self.assertEqual(client.result("status", {"id": id, "nodes": True}), kept)
            self.assertNotIn("nodes", client.result("status", {"id": id}))

    def test_a_call_is_queued_until_a_worker_takes_it(self):
        with Gate(self.daemon.port) as gate, self.daemon.connect() as client:
            id = client.result("create_task", {"task": {"sequence": [GATE, {"gather": [GATE] * 12}]}})["id"]
            gate.wait()

            def states():
                return sorted(each["state"] for each in self.nodes(id) if each["kind"] == "call")

            self.assertEqual(states(), [])
            gate.open()  # of a worker with ten places
            self.daemon.wait_until(lambda: states() == ["queued"] * 2 + ["running"] * 10)
            waiting = [each for each in self.nodes(id) if each["state"] == "queued"]
            self.assertTrue(all(each["started_at"] is None and each["ended_at"] is None for each in waiting))
            for _ in range(12):
                gate.open()
            client.result("await", {"id": id})
            self.assertEqual(states(), ["finished"] * 12)

    def test_a_task_that_nobody_watched_has_no_nodes(self):
        with self.daemon.connect() as client:
            id = client.result("create_task", {"task": {"value": 1}})["id"]
            client.result("await", {"id": id})
            self.assertEqual(self.nodes(id), [])

    def test_wrong_ids_are_unknown(self):
        for id in ("none", "1:2", ":", "1:", "x:1", "99999999999999999999:1", "-1:1"):
            self.assertEqual(self.daemon.ask("/tasks/" + quote(id, safe=""))[0], 404, id)
            self.assertEqual(self.daemon.ask("/events?task=" + quote(id, safe=""))[0], 404, id)

    def test_requests_of_others_are_not_shown(self):
        tokens = token_setting(root=["admin"], one=["submit"], two=["submit"], see=["see_all"])
        with AdminDaemon("--auth.tokens", tokens) as daemon, daemon.connect() as client:
            client.result("auth", {"token": "one"})
            client.start("run", {"task": SLOW})
            daemon.wait_until(lambda: len(daemon.json("/tasks?running=1", Authorization="Bearer one")) == 1)
            id = daemon.json("/tasks?running=1", Authorization="Bearer one")[0]["id"]
            self.assertEqual(daemon.json("/tasks/" + quote(id), Authorization="Bearer root")["state"], "running")
            # Its id can be guessed: that it is there is nobody else's business.
            unknown = id.partition(":")[0] + ":999"
            told = [daemon.ask("/tasks/" + quote(each), Authorization="Bearer two") for each in (id, unknown)]
            self.assertEqual([(status, body.replace(id.encode(), unknown.encode())) for status, _, body in told], [(404, told[1][2])] * 2)
            cancel = {"id": 1, "method": "cancel", "params": {"id": id}}
            self.assertEqual(daemon.rpc(cancel, Authorization="Bearer two")[1]["error"]["code"], -32007)
            self.assertEqual(daemon.rpc(cancel, Authorization="Bearer see")[1]["error"]["code"], -32004)
            self.assertEqual(daemon.rpc(cancel, Authorization="Bearer one")[1]["result"], {"cancelled": 1})
            self.assertEqual(client.message()["error"]["data"]["type"], "CancelledError")
            client.reset()


class Stopping(unittest.TestCase):
    def test_a_stop_ends_what_is_open(self):
        with AdminDaemon("--drain.grace", "0s") as daemon:
            host = f"Host: 127.0.0.1:{daemon.admin_port}\r\n"
            watcher = daemon.raw(f"GET /events HTTP/1.1\r\n{host}\r\n".encode())
            read_until(watcher, b"event: snapshot")
            run = json.dumps({"id": 1, "method": "run", "params": {"task": SLOW}})
            runner = daemon.raw(f"POST /rpc HTTP/1.1\r\n{host}Content-Type: application/json\r\nContent-Length: {len(run)}\r\n\r\n{run}".encode())
            daemon.wait_until(lambda: daemon.json("/stats")["tasks_in_flight"] == 1)
            daemon.signal()
            self.assertIn(b"shutting down", read_until(runner, b"shutting down"))
            self.assertEqual(daemon.wait(), 0)
            watcher.close()
            runner.close()


if __name__ == "__main__":
    unittest.main()
