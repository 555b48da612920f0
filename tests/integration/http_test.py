#!/usr/bin/python3
"""http.request and http.get: what allows them, what they give, and that servers which misbehave do no harm."""

import base64
import json
import os
import ssl
import subprocess
import tempfile
import time
import unittest

from bad_servers import HttpServer, NameServer
from connection import PATIENCE
from daemon import BINARY, Daemon, clean_environment

FLAGS = ["--auth.open_functions", "yes", "--http.allow", "127.0.0.1"]


class Fetching(unittest.TestCase):
    flags = FLAGS

    @classmethod
    def setUpClass(cls):
        cls.server = HttpServer()
        cls.daemon = Daemon(*cls.flags)
        cls.client = cls.daemon.connect()

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.daemon.stop()
        cls.server.close()

    def call(self, name, *args, **named):
        return self.client.result("run", {"task": {"call": name, "args": named or list(args)}})

    def get(self, path, **named):
        return self.call("http.get", **{"url": self.server.url(path), **named})

    def echo(self, **named):
        return self.call("http.request", **{"url": self.server.url("/echo"), **named})["json"]

    def raises(self, name="http.get", **named):
        error = self.client.error("run", {"task": {"call": name, "args": named}})
        self.assertEqual(error["code"], -32000, error)
        return error["data"]["type"], error["data"]["message"]

    def fails(self, path, **named):
        return self.raises(url=self.server.url(path), **named)


class Answers(Fetching):
    def test_a_result_has_all_members(self):
        answer = self.get("/ok")
        self.assertEqual(list(answer), ["status", "headers", "body", "json", "url", "elapsed"])
        self.assertIsInstance(answer.pop("elapsed"), float)
        self.assertEqual(answer, {"status": 200, "headers": {"content-length": "4"}, "body": "fine", "json": None, "url": self.server.url("/ok")})

    def test_repeated_headers_are_joined(self):
        headers = self.get("/headers")["headers"]
        self.assertEqual((headers["x-one"], headers["set-cookie"], headers["x-latin"]), ("a, b", "a=1\nb=2", "gr\ufffd\ufffde"))

    def test_json_is_there_if_the_type_says_so_and_it_is(self):
        for text, kind, found in (('{"a": [1, null]}', "application/json", {"a": [1, None]}), ("5", "application/problem+json; charset=utf-8", 5),
                                  ("{", "application/json", None), ("5", "text/plain", None),
                                  ("[" * 10_000 + "]" * 10_000, "application/json", None), ('{"a":1,"a":2}', "Text/JSON", {"a": 2})):
            with self.subTest(text=text[:20], kind=kind):
                answer = self.get(f"/json?text={text.replace('+', '%2B').replace(' ', '%20')}&type={kind.replace('+', '%2B').replace(' ', '')}")
                self.assertEqual((answer["json"], answer["body"]), (found, text))

    def test_bytes_are_base64_if_asked_for(self):
        self.assertEqual(base64.b64decode(self.get("/bytes", binary=True)["body"]), bytes(range(256)))
        self.assertIn("\ufffd", self.get("/bytes")["body"])
        self.assertEqual(len(self.get("/size?bytes=3000000")["body"]), 3_000_000)

    def test_what_is_sent(self):
        said = self.echo(method="PUT", body="grüße", headers={"X-A": "b", "X-Empty": ""})
        self.assertEqual((said["method"], said["body"].encode("latin-1").decode()), ("PUT", "grüße"))
        self.assertEqual((said["headers"]["x-a"], said["headers"]["x-empty"]), ("b", ""))
        self.assertTrue(said["headers"]["user-agent"].startswith("gatherd/"))
        self.assertFalse({"content-type", "expect"} & set(said["headers"]))
        said = self.echo(method="post", json={"a": [1, 2.5, "ü"]})
        self.assertEqual((said["method"], json.loads(said["body"].encode("latin-1")), said["headers"]["content-type"]),
                         ("POST", {"a": [1, 2.5, "ü"]}, "application/json"))
        self.assertEqual(self.echo(method="POST", json=[], headers={"content-type": "a/b"})["headers"]["content-type"], "a/b")
        self.assertEqual(self.echo(method="DELETE")["method"], "DELETE")
        self.assertEqual(self.echo(method="POST")["headers"]["content-length"], "0")
        self.assertEqual(self.echo(method="POST", body="x" * 2_000_000)["body"], "x" * 2_000_000)
        answer = self.call("http.request", self.server.url("/ok"), "HEAD")
        self.assertEqual((answer["status"], answer["body"]), (200, ""))

    def test_a_binary_body_is_sent_as_its_bytes(self):
        answer = self.call("http.request", url=self.server.url("/echo"), method="POST", body="/wA=", binary=True)
        self.assertEqual(json.loads(base64.b64decode(answer["body"]))["body"], "\xff\0")
        self.assertEqual(answer["json"]["body"], "\xff\0")

    def test_check_raises_from_400_on(self):
        self.assertEqual(self.get("/ok?status=404")["status"], 404)
        self.assertEqual(self.get("/ok?status=399", check=True)["status"], 399)
        url = self.server.url("/ok?status=400")
        self.assertEqual(self.fails("/ok?status=400", check=True), ("HTTPError", f"http.get: status 400 Reason from '{url}'"))

    def test_compressed_bodies_are_unpacked(self):
        self.assertEqual(self.get("/gzip")["body"], "packed")
        self.assertIn("gzip", self.echo()["headers"]["accept-encoding"])

    def test_one_connection_serves_one_after_the_other(self):
        self.get("/ok")
        before = self.server.connections
        for _ in range(20):
            self.get("/ok")
            with self.daemon.connect() as other:
                other.result("run", {"task": {"call": "http.get", "args": [self.server.url("/ok")]}})
        self.assertEqual(self.server.connections, before)

    def test_many_at_a_time_have_each_its_own_answer(self):
        answers = self.client.result("map", {"call": "http.get", "over": [[self.server.url(f"/ok?body={n}")] for n in range(1000)]})
        self.assertEqual([each["body"] for each in answers], [str(n) for n in range(1000)])

    def test_what_cannot_be_sent_is_a_value_error(self):
        url = self.server.url("/ok")
        for named in ({"url": "nonsense"}, {"url": "ftp://127.0.0.1/"}, {"url": "file:///etc/passwd"}, {"url": "http://user:word@127.0.0.1/"},
                      {"url": ""}, {"url": "http://127.0.0.1:0/"}, {"url": "http://a\0b/"}, {"headers": {"Host": "a"}}, {"headers": {"content-length": "1"}},
                      {"headers": {"Transfer-Encoding": "chunked"}}, {"headers": {"A": "b\r\nC: d"}}, {"headers": {"A": "b\n"}}, {"headers": {"A\r\nB": "c"}},
                      {"headers": {"A:": "c"}}, {"headers": {"": "c"}}, {"headers": {"A": "\0"}}, {"method": "GE T"}, {"method": "CONNECT"}, {"method": ""},
                      {"method": "GET / HTTP/1.1\r\nX: "}, {"body": "a", "json": 1}, {"timeout": -1}, {"follow": -1}, {"follow": 101}, {"max_body": 1 << 40},
                      {"method": "HEAD", "body": "a"}, {"body": "?", "binary": True}):
            with self.subTest(**named):
                self.assertEqual(self.raises("http.request", **{"url": url, **named})[0], "ValueError")
        for named in ({"url": 5}, {"headers": []}, {"headers": {"A": 5}}, {"body": 5}, {"timeout": "1"}, {"check": 1}, {"method": None}):
            with self.subTest(**named):
                self.assertEqual(self.raises("http.request", **{"url": url, **named})[0], "TypeError")


class Redirects(Fetching):
    flags = [*FLAGS, "--http.allow", "127.0.0.1,127.0.0.2:1"]

    def test_they_are_followed(self):
        answer = self.get("/redirect?to=/redirect?to=ok")
        self.assertEqual((answer["url"], answer["body"]), (self.server.url("/ok"), "fine"))

    def test_a_post_becomes_a_get_or_stays_what_it_is(self):
        for status, method, body in ((301, "GET", ""), (302, "GET", ""), (303, "GET", ""), (307, "POST", "a"), (308, "POST", "a")):
            said = self.call("http.request", url=self.server.url(f"/redirect?status={status}&to=/echo"), method="POST", body="a",
                             headers={"Content-Type": "a/b"})["json"]
            self.assertEqual((said["method"], said["body"], "content-type" in said["headers"]), (method, body, method == "POST"))

    def test_more_than_follow_are_an_error(self):
        for path, follow in (("/loop", 5), ("/loop", 0), ("/redirect?to=/redirect?to=/ok", 1)):
            kind, message = self.fails(path, follow=follow)
            self.assertEqual((kind, f"more than {follow} redirects" in message), ("HTTPError", True))
        self.assertEqual(self.get("/redirect?to=/ok", follow=1)["body"], "fine")

    def test_credentials_stay_at_their_origin(self):
        other = HttpServer()
        headers = {"Authorization": "secret", "Cookie": "a=b", "X-Other": "kept"}
        try:
            said = self.get(f"/redirect?to={other.url('/echo')}", headers=headers)["json"]["headers"]
            self.assertEqual((said.get("authorization"), said.get("cookie"), said["x-other"]), (None, None, "kept"))
            back = f"/redirect?to={other.url('/redirect')}?to={self.server.url('/echo')}"
            self.assertNotIn("authorization", self.get(back, headers=headers)["json"]["headers"])
        finally:
            other.close()
        said = self.get("/redirect?to=/echo", headers=headers)["json"]["headers"]
        self.assertEqual((said["authorization"], said["cookie"]), ("secret", "a=b"))

    def test_each_is_checked_like_the_first(self):
        for to, kind in (("http://127.0.0.2:9/", "PermissionError"), ("http://169.254.169.254/", "PermissionError"), ("http://[::1]/", "PermissionError"),
                         ("http://2130706434:9/", "PermissionError"), ("file:///etc/passwd", "ValueError"), ("ftp://127.0.0.1/", "ValueError"), ("http://é.test/", "ValueError"),
                         ("http://a:b@127.0.0.1/", "ValueError"), ("http://", "ValueError")):
            with self.subTest(to=to):
                self.assertEqual(self.fails(f"/redirect?to={to}")[0], kind)


class Misbehaviour(Fetching):
    def test_what_is_no_answer_is_a_connection_error(self):
        for path in ("reset", "close", "cut", "lengths", "two_lengths", "long_line", "chunks", "garbage", "endless", "endless?name=ab", "interim", "nogzip"):
            with self.subTest(path):
                self.assertEqual(self.fails(f"/{path}")[0], "ConnectionError")
        closed = HttpServer()
        url = closed.url("/ok")
        closed.close()
        self.assertEqual(self.raises(url=url)[0], "ConnectionError")
        self.assertEqual(self.get("/ok")["body"], "fine")

    def test_a_body_is_bounded(self):
        for path, named in (("/bomb", {}), ("/flood", {}), ("/size?bytes=101", {"max_body": 100}), ("/ok", {"max_body": 0})):
            with self.subTest(path):
                kind, message = self.fails(path, **named)
                self.assertEqual((kind, "bytes" in message), ("OverflowError", True))
        self.assertEqual(len(self.get("/size?bytes=100", max_body=100)["body"]), 100)

    def test_who_waits_too_long_gives_up(self):
        kind, message = self.fails("/hold", timeout=0.1)
        self.assertEqual((kind, "within 0.1 s" in message), ("TimeoutError", True))
        self.assertTrue(self.server.hung_up.acquire(timeout=PATIENCE))

    def test_a_cancelled_request_hangs_up(self):
        while self.server.held.acquire(blocking=False):
            pass
        while self.server.hung_up.acquire(blocking=False):
            pass
        many = {"map": "http.get", "over": [[self.server.url("/hold")]] * 20}
        with self.daemon.connect() as client:
            request = client.start("run", {"task": many})
            for _ in range(20):
                self.assertTrue(self.server.held.acquire(timeout=PATIENCE))
            client.send({"id": "c", "method": "cancel", "params": {"request": request}})
            answers = {message["id"]: message for message in client.messages(2)}
            self.assertEqual(answers[request]["error"]["code"], -32002)
        for _ in range(20):
            self.assertTrue(self.server.hung_up.acquire(timeout=PATIENCE))

    def test_a_mix_of_all_leaves_nothing(self):
        self.get("/ok")
        pid = self.daemon.process.pid
        paths = ["ok", "reset", "cut", "garbage", "endless", "loop", "gzip", "nogzip", "close", "echo", "redirect?to=/ok", "hold"]
        calls = [{"try": {"wait_for": {"call": "http.get", "args": {"url": self.server.url("/" + paths[i % len(paths)])}}, "timeout": 0.01 if i % 7 else 0.3},
                  "except": {"value": None}} for i in range(2000)]
        self.client.result("run", {"task": {"gather": calls}})
        self.assertEqual(self.get("/ok")["body"], "fine")
        self.assertLess(len(os.listdir(f"/proc/{pid}/fd")), 400)


class Line(Fetching):
    flags = [*FLAGS, "--http.running", "4"]

    def test_no_more_than_may_be_are_on_their_way(self):
        before = len(os.listdir(f"/proc/{self.daemon.process.pid}/task"))
        answers = self.client.result("map", {"call": "http.get", "over": [[self.server.url(f"/ok?body={n}")] for n in range(500)]})
        self.assertEqual([each["body"] for each in answers], [str(n) for n in range(500)])
        self.assertLessEqual(self.server.most_open, 4)
        self.assertLessEqual(self.server.connections, 4)
        self.assertEqual(len(os.listdir(f"/proc/{self.daemon.process.pid}/task")), before)

    def test_the_timeout_counts_from_when_it_leaves_the_line(self):
        with self.daemon.connect() as client:
            client.start("run", {"task": {"gather": [{"call": "http.get", "args": [self.server.url("/hold")]}] * 4}})
            for _ in range(4):
                self.assertTrue(self.server.held.acquire(timeout=PATIENCE))
            limit = 2
            request = self.client.start("run", {"task": {"call": "http.get", "args": {"url": self.server.url("/ok"), "timeout": limit}}})
            time.sleep(limit + 0.2)  # it waits in line, and would be late by now if it had begun to count
            self.server.let_go.set()
            answer = self.client.message()
            self.assertEqual((answer["id"], answer["result"]["body"]), (request, "fine"))
            client.message()
        self.server.let_go.clear()


class Names(unittest.TestCase):
    def setUp(self):
        self.names = NameServer()
        self.server = HttpServer()
        self.addCleanup(self.names.close)
        self.addCleanup(self.server.close)

    def daemon(self, *allow, **more):
        return Daemon("--auth.open_functions", "yes", "--http.allow", ",".join(allow), "--http.dns_servers", self.names.address, **more)

    def ask(self, client, host, path="/ok", **named):
        answer = client.ask("run", {"task": {"call": "http.get", "args": {"url": self.server.url(path, host), **named}}})
        return answer["result"]["body"] if "result" in answer else answer["error"]["data"]["type"]

    def test_each_address_is_checked_when_its_name_was_resolved(self):
        self.names.answers = {"moves.test": [["127.0.0.1"], ["127.0.0.2"], ["10.0.0.1"], ["127.0.0.1"]], "both.test": [["127.0.0.2", "127.0.0.1"]],
                              "inside.test": [["127.0.0.2"]], "none.test": [[]]}
        with self.daemon("127.0.0.1", "*.test") as daemon, daemon.connect() as client:
            self.assertEqual([self.ask(client, "moves.test") for _ in range(4)], ["fine", "PermissionError", "PermissionError", "fine"])
            self.assertEqual(self.ask(client, "both.test"), "fine")
            self.assertEqual(self.ask(client, "BOTH.test."), "fine")
            self.assertEqual(self.ask(client, "inside.test"), "PermissionError")
            self.assertEqual(self.ask(client, "none.test"), "ConnectionError")
            self.assertEqual(self.ask(client, "unknown.test"), "ConnectionError")
            self.assertEqual(self.ask(client, "127.0.0.1"), "fine")
            self.assertEqual(self.ask(client, "127.0.0.1", f"/redirect?to={self.server.url('/ok', 'inside.test')}"), "PermissionError")
            self.assertEqual(self.ask(client, "127.0.0.1", f"/redirect?to={self.server.url('/ok', 'both.test')}"), "fine")
            hosts = {headers["host"] for _, _, headers, _ in self.server.requests}
            self.assertLessEqual(hosts, {f"{each}:{self.server.port}" for each in ("moves.test", "both.test", "127.0.0.1")})

    def test_a_name_that_is_not_listed_is_not_asked_for(self):
        with self.daemon("a.test", "*.b.test", "c.test:1") as daemon, daemon.connect() as client:
            for host in ("other.test", "b.test", "c.test"):
                answer = client.ask("run", {"task": {"call": "http.get", "args": [self.server.url("/ok", host)]}})
                data = answer["error"]["data"]
                self.assertEqual((data["type"], "http.allow" in data["message"]), ("PermissionError", True))
        self.assertEqual(self.names.questions, [])

    def test_a_name_server_that_says_nothing_delays_nobody_else(self):
        with self.daemon("127.0.0.1", "*") as daemon, daemon.connect() as client:
            self.names.close()
            waiting = {"call": "http.get", "args": {"url": "http://silent.test/", "timeout": 0.2}}
            answers = client.result("run", {"task": {"gather": [{"try": waiting, "except": {"value": "late"}}, {"call": "http.get", "args": [self.server.url("/ok")]}]}})
            self.assertEqual((answers[0], answers[1]["body"]), ("late", "fine"))

    def test_proxies_of_the_environment_are_not_used(self):
        proxy = HttpServer()
        self.addCleanup(proxy.close)
        names = {name: proxy.url("") for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY")}
        with self.daemon("127.0.0.1", environment=names) as daemon, daemon.connect() as client:
            self.assertEqual(self.ask(client, "127.0.0.1"), "fine")
        self.assertEqual(proxy.connections, 0)

    def test_what_is_off_names_its_setting(self):
        with Daemon("--auth.open_functions", "yes") as daemon, daemon.connect() as client:
            self.assertEqual({each["name"]: each.get("needs") for each in client.result("functions") if each["name"].startswith("http.")},
                             {"http.get": "http.allow", "http.request": "http.allow"})
            data = client.error("run", {"task": {"call": "http.get", "args": ["http://example.com/"]}})["data"]
            self.assertEqual((data["type"], data["message"]), ("PermissionError", "http.get: no host is allowed; set http.allow"))

    def test_settings_that_cannot_hold_are_refused_at_the_start(self):
        for flags, text in ((["--http.allow", "http://a/"], "http.allow"), (["--http.allow", "a:0"], "http.allow"),
                            (["--http.dns_servers", "nonsense"], "http.dns_servers"), (["--http.ca_file", "/no/such"], "http.ca_file")):
            done = subprocess.run([BINARY, "serve", "--listen", "127.0.0.1:0", *flags], env=clean_environment(), capture_output=True,
                                  text=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(text, done.stderr)


class Certificates(unittest.TestCase):
    def test_a_server_shows_one_that_is_trusted_and_its_own(self):
        with tempfile.TemporaryDirectory() as folder:
            key, certificate = f"{folder}/key.pem", f"{folder}/certificate.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", certificate,
                            "-subj", "/CN=tls.test", "-addext", "subjectAltName=DNS:tls.test,IP:127.0.0.1"], check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            server, names = HttpServer(context), NameServer()
            names.answers = {"tls.test": [["127.0.0.1"]], "other.test": [["127.0.0.1"]]}
            try:
                for trusted in (False, True):
                    flags = ["--http.ca_file", certificate] if trusted else []
                    with Daemon(*FLAGS, "--http.dns_servers", names.address, *flags) as daemon, daemon.connect() as client:
                        for host, is_fine in (("tls.test", trusted), ("127.0.0.1", trusted), ("other.test", False)):
                            answer = client.ask("run", {"task": {"call": "http.get", "args": [server.url("/ok", host)]}})
                            if is_fine:
                                self.assertEqual(answer["result"]["body"], "fine")
                            else:
                                self.assertEqual(answer["error"]["data"]["type"], "ConnectionError", answer)
            finally:
                server.close()
                names.close()


if __name__ == "__main__":
    unittest.main()
