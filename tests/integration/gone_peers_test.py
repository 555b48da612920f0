#!/usr/bin/python3
"""A client that has gone is noticed in every state of its connection: its tasks, its connection and its descriptor go."""

import json
import os
import socket
import ssl
import struct
import tempfile
import unittest
from pathlib import Path

from access_test import Certificates
from connection import PATIENCE
from daemon import Daemon

FOR_EVER = {"call": "sleep", "args": [100_000]}
MANY = 4_000  # tasks of a message that is handled beside the workers


class Gone(unittest.TestCase):
    """Over TCP, a Unix socket and TLS: each test is a state in which the daemon does not read from its client."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="gatherd-test-")
        made = Certificates(Path(cls.folder.name))
        certificate, key = made.issue("server")
        cls.context = ssl.create_default_context(cafile=str(made.ca))
        cls.path = os.path.join(cls.folder.name, "socket")
        cls.flags = ["--tls.certificate", certificate, "--tls.key", key, "--limits.unread-bytes", "64KiB"]

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def begin(self, *flags):
        daemon = Daemon(*self.flags, *flags, listen=f"127.0.0.1:0,tls:127.0.0.1:0,unix:{self.path}")
        addresses = daemon.port_file.read_text().split()
        self.ports = {"tcp": daemon.port, "tls": int(addresses[1].rpartition(":")[2])}
        return daemon

    def connect(self, kind):
        if kind == "unix":
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(PATIENCE)
            client.connect(self.path)
            return client
        client = socket.create_connection(("127.0.0.1", self.ports[kind]), PATIENCE)
        return self.context.wrap_socket(client, server_hostname="localhost") if kind == "tls" else client

    def vanish(self, client):
        """As a killed client with unread input, or one that cannot wait: a reset, or a Unix socket's hang-up."""
        if client.family != socket.AF_UNIX:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    def descriptors(self, daemon):
        return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))

    def check_each_kind(self, bring_into_state, tasks, limit=None):
        """Four clients at a time. In that state each has so many tasks in flight, and has met that limit."""
        with self.begin() as daemon, daemon.connect() as watcher:
            self.assertEqual(watcher.result("ping"), "pong")  # it has been accepted
            before = self.descriptors(daemon)
            for turn, kind in enumerate(("tcp", "unix", "tls"), 1):
                with self.subTest(kind):
                    clients = [self.connect(kind) for _ in range(4)]
                    for client in clients:
                        bring_into_state(client)
                    while watcher.result("stats")["tasks_in_flight"] < 4 * tasks:
                        pass
                    while limit is not None and watcher.result("stats")["limits"][limit] < 4 * turn:
                        pass
                    for client in clients:
                        self.vanish(client)
                    while (stats := watcher.result("stats"))["connections"] > 1 or stats["tasks_in_flight"] > 0:
                        pass
                    while self.descriptors(daemon) > before:
                        pass

    def send(self, client, method, *params, number=1):
        client.sendall(json.dumps({"id": number, "method": method, "params": params}).encode() + b"\n")

    def test_after_a_half_close(self):
        def half_close(client):
            self.send(client, "run", FOR_EVER)
            self.send(client, "create_task", FOR_EVER)
            client.shutdown(socket.SHUT_WR)

        self.check_each_kind(half_close, tasks=2)

    def test_after_a_half_close_keepalive_looks_for_who_vanished(self):
        """Without a word, as a killed machine: nothing is written to it, so only probes find that. /proc shows their timer."""
        close_wait, keepalive_timer = "08", "02"
        with self.begin() as daemon, daemon.connect() as watcher:
            for kind in ("tcp", "tls"):
                with self.subTest(kind):
                    client = self.connect(kind)
                    ours, its = (f":{port:04X}" for port in (client.getsockname()[1], self.ports[kind]))
                    self.send(client, "run", FOR_EVER)
                    while watcher.result("stats")["tasks_in_flight"] < 1:
                        pass
                    client.shutdown(socket.SHUT_WR)
                    while True:
                        rows = [row.split() for row in Path(f"/proc/{daemon.process.pid}/net/tcp").read_text().splitlines()[1:]]
                        theirs = [row for row in rows if row[1].endswith(its) and row[2].endswith(ours)]
                        if [row[3] for row in theirs] == [close_wait] and theirs[0][5].split(":")[0] == keepalive_timer:
                            break
                    self.vanish(client)
                    while watcher.result("stats")["tasks_in_flight"] > 0:
                        pass

    def test_while_its_answers_are_unread(self):
        def read_nothing(client):
            self.send(client, "run", FOR_EVER)
            for number in range(20):  # 12 MB of answers: more than the system keeps for a socket
                self.send(client, "run", {"call": "random.choices", "args": [["x" * 600], 1000]}, number=number)

        self.check_each_kind(read_nothing, tasks=1, limit="limits.unread_bytes")

    def test_while_and_after_a_huge_message_is_handled(self):
        huge = {"gather": [FOR_EVER] * MANY}
        self.check_each_kind(lambda client: self.send(client, "run", huge), tasks=MANY)

    def test_right_after_a_huge_message(self):
        with self.begin() as daemon, daemon.connect() as watcher:
            for kind in ("tcp", "unix", "tls"):
                with self.subTest(kind):
                    client = self.connect(kind)
                    self.send(client, "run", {"gather": [FOR_EVER] * MANY})
                    self.vanish(client)
                    while (stats := watcher.result("stats"))["connections"] > 1 or stats["tasks_in_flight"] > 0:
                        pass

    def test_in_a_drain(self):
        for kind in ("tcp", "unix", "tls"):
            with self.subTest(kind), self.begin("--drain.grace", "1d") as daemon:
                client = self.connect(kind)
                self.send(client, "run", {"sequence": [{"call": "print", "args": ["began"]}, FOR_EVER]})
                self.assertIn(b"began", client.recv(1000))
                client.shutdown(socket.SHUT_WR)
                daemon.signal()
                daemon.wait_for_log("draining")
                self.vanish(client)
                self.assertEqual(daemon.wait(), 0)  # at once, not after the grace

    def test_a_client_that_only_says_its_end_is_answered(self):
        with self.begin():
            for kind in ("tcp", "unix"):
                with self.subTest(kind), self.connect(kind) as client:
                    self.send(client, "run", {"call": "sleep", "args": [0.05, "slept"]})
                    client.shutdown(socket.SHUT_WR)
                    with client.makefile("rb") as lines:
                        self.assertEqual([json.loads(each)["result"] for each in lines], ["slept"])

    def test_urgent_data_is_no_hang_up(self):
        with self.begin() as daemon, daemon.connect() as watcher:
            client = self.connect("tcp")
            self.send(client, "run", {"call": "sleep", "args": [0.05, "slept"]})
            client.send(b"!", socket.MSG_OOB)
            client.shutdown(socket.SHUT_WR)
            with client.makefile("rb") as lines:
                self.assertEqual([json.loads(each)["result"] for each in lines], ["slept"])
            client.close()
            while watcher.result("stats")["connections"] > 1:
                pass


if __name__ == "__main__":
    unittest.main()
