#!/usr/bin/python3
"""The programs of examples/cpp: each does what it says.

    cpp_examples_test.py FOLDER    where the built programs are
"""

import re
import signal
import socket
import subprocess
import sys
import unittest
from pathlib import Path

TIMEOUT = 60


class Examples(unittest.TestCase):
    def prints(self, name, output):
        done = subprocess.run([folder / name], capture_output=True, text=True, timeout=TIMEOUT)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, output, ""))

    def start(self, name):
        process = subprocess.Popen([folder / name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_pipeline(self):
        self.prints("pipeline", "20 pages, 210 bytes, no more than 2 connections: yes\n")

    def test_divide_and_conquer(self):
        self.prints("divide_and_conquer", "1000000 numbers, 1023 merges, sorted: yes\n")

    def test_ctrl_c(self):
        process = self.start("ctrl_c")
        self.assertEqual(process.stdout.readline(), "downloading; stop with Ctrl-C\n")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual((process.returncode, err), (130, ""))
        self.assertEqual(out, "partial file removed\nconnection closed\ninterrupted\n")

    def test_echo_server(self):
        process = self.start("echo_server")
        port = int(re.fullmatch(r"listening on port (\d+)\n", process.stdout.readline())[1])
        clients = [socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) for _ in range(3)]
        for number, client in enumerate(clients):
            self.addCleanup(client.close)
            client.sendall(bytes([number]) * 100_000)
        for number, client in enumerate(clients):
            echoed = client.makefile("rb").read(100_000)
            self.assertEqual(echoed, bytes([number]) * 100_000)
        clients[0].shutdown(socket.SHUT_WR)
        self.assertEqual(process.stdout.readline(), "session: End of file\n")
        process.send_signal(signal.SIGINT)  # with two clients still connected
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual((process.returncode, out, err), (0, "stopped\n", ""))


if __name__ == "__main__":
    folder = Path(sys.argv.pop())
    unittest.main()
