#!/usr/bin/python3
"""traceparent: taken by any method, handed on by http.request and to workers."""

import subprocess
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from admin_test import AdminDaemon
from daemon import BINARY, DaemonCase, clean_environment

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-00"
INVALID = "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"


class Telling(BaseHTTPRequestHandler):
    """Answers with the traceparent that it got."""

    def do_GET(self):
        text = ",".join(self.headers.get_all("traceparent") or []).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Trace(DaemonCase):
    @classmethod
    def setUpClass(cls):
        cls.server = ThreadingHTTPServer(("127.0.0.1", 0), Telling)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.server.server_close)
        cls.addClassCleanup(cls.server.shutdown)
        cls.url = f"http://127.0.0.1:{cls.server.server_port}/"

    def daemon(self):
        return self.start("--http.allow", "127.0.0.0/8", "--auth.open-functions", "yes")

    def test_http_request_sends_it_unless_its_call_has_one(self):
        client = self.connect(self.daemon())
        get = {"call": "http.get", "args": {"url": self.url}}
        body = lambda task, **more: client.result("run", {"task": task, **more})["body"]  # noqa: E731
        self.assertEqual(body(get, traceparent=TRACE), TRACE)
        self.assertEqual(body(get), "")
        self.assertEqual(body(get, traceparent=INVALID), "")
        self.assertEqual(body({"call": "http.request", "args": {"url": self.url, "headers": {"TraceParent": OTHER}}}, traceparent=TRACE), OTHER)

    def test_every_method_that_runs_plans_hands_it_on(self):
        client = self.connect(self.daemon())
        get = {"call": "http.get", "args": {"url": self.url}}
        self.assertEqual(client.result("gather", {"tasks": [get], "traceparent": TRACE})[0]["body"], TRACE)
        self.assertEqual(client.result("map", {"call": "http.get", "over": [[self.url]], "traceparent": TRACE})[0]["body"], TRACE)
        id = client.result("create_task", {"task": get, "traceparent": TRACE})["id"]
        self.assertEqual(client.result("await", {"id": id, "traceparent": OTHER})["body"], TRACE)

    def test_a_worker_gets_it_with_its_call(self):
        daemon = self.daemon()
        worker, client = self.connect(daemon), self.connect(daemon)
        worker.result("serve", {"functions": [{"name": "own"}], "traceparent": OTHER})
        for given, handed in ((TRACE, TRACE), (None, None), (INVALID, None), (TRACE.replace("00-", "01-", 1) + "-more", TRACE)):
            with self.subTest(given=given):
                client.start("run", {"task": {"call": "own"}, "traceparent": given})
                invoke = worker.message()
                self.assertEqual(invoke["params"].get("traceparent"), handed)
                worker.send({"id": invoke["id"], "result": 1})
                self.assertEqual(client.message()["result"], 1)

    def test_the_header_of_a_post_is_that_of_requests_without_one(self):
        with AdminDaemon("--http.allow", "127.0.0.0/8", "--auth.open-functions", "yes", "--log.level", "debug") as daemon:
            get = {"call": "http.get", "args": {"url": self.url}}

            def bodies(messages, **headers):
                _, answers = daemon.rpc(messages, **headers)
                return [each["result"]["body"] for each in sorted(answers, key=lambda each: each["id"])]

            batch = [{"id": 1, "method": "run", "params": {"task": get}}, {"id": 2, "method": "run", "params": {"task": get, "traceparent": OTHER}},
                     {"id": 3, "method": "run", "params": {"task": get, "traceparent": None}}, {"id": 4, "method": "run", "params": [get]},
                     {"id": 5, "method": "run", "params": {"task": get, "traceparent": INVALID}}]
            self.assertEqual(bodies(batch, Traceparent=TRACE), [TRACE, OTHER, TRACE, TRACE, ""])
            self.assertEqual(bodies(batch), ["", OTHER, "", "", ""])
            self.assertEqual(bodies(batch, Traceparent=INVALID), ["", OTHER, "", "", ""])
            self.assertEqual(daemon.rpc({"id": 6, "method": "ping"}, Traceparent=TRACE)[1]["result"], "pong")
            daemon.wait_for_log(f"method=ping id=6 peer=127.0.0.1")
            self.assertIn(f"traceparent={TRACE}", [line for line in daemon.log.splitlines() if "method=ping id=6" in line][0])

    def test_any_method_takes_it_and_what_is_no_text_is_refused(self):
        client = self.connect(self.daemon())
        for method in ("ping", "info", "stats", "functions", "workers", "tasks"):
            self.assertIn("result", client.ask(method, {"traceparent": TRACE}), method)
            self.assertIn("result", client.ask(method, {"traceparent": "x"}), method)
        error = client.error("ping", {"traceparent": 7})
        self.assertEqual((error["code"], error["data"]["path"]), (-32602, "/traceparent"))

    def test_the_command_line_takes_it_from_its_environment(self):
        daemon = self.daemon()
        environment = clean_environment(GATHERD_CONNECT=f"127.0.0.1:{daemon.port}")

        def body(**more):
            done = subprocess.run([BINARY, "call", "http.get", self.url], env=environment | more, capture_output=True, text=True, check=True)
            return done.stdout

        self.assertIn(TRACE, body(TRACEPARENT=TRACE))
        self.assertNotIn("4BF9", body(TRACEPARENT=INVALID))


if __name__ == "__main__":
    unittest.main()
