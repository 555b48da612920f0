#!/usr/bin/python3
"""1000 GETs of 1 KB to an nginx on loopback, 256 at a time: one gather of http.get, Node's fetch, Python's aiohttp, and wrk.

Usage: http_clients.py GATHERD [TURNS]     needs nginx, node, wrk and python3-aiohttp (install-deps.sh bench-service)

Every client has its own first round, which is cold: nothing is connected. The others are warm: connections are kept.
The clients take turns of ten rounds each (wrk: of a second), so that a busy moment of the machine meets all of them.
Medians, requests a second.
"""

import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REQUESTS = 1000
AT_A_TIME = 256
BODY = b"x" * 1023 + b"\n"
ROUNDS_OF_A_TURN = 10

NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors;
worker_rlimit_nofile 4096;
events {{ worker_connections 2048; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi; open_file_cache max=10;
  server {{ listen 127.0.0.1:{port} backlog=2048; root {folder}; }}
}}
"""

# Each reads a line, does a round, and writes how many seconds it took.
NODE = """
const [url, requests, atATime] = process.argv.slice(1).map((each, i) => i ? Number(each) : each);
require("readline").createInterface({input: process.stdin}).on("line", async () => {
  const began = process.hrtime.bigint();
  let next = 0;
  const lane = async () => { while (next++ < requests) { await (await fetch(url)).text(); } };
  await Promise.all(Array.from({length: atATime}, lane));
  console.log(Number(process.hrtime.bigint() - began) / 1e9);
});
"""

AIOHTTP = """
import asyncio, sys, time, aiohttp
url, requests, at_a_time = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
async def main():
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_a_time)) as session:
        async def get():
            async with session.get(url) as answer:
                return await answer.text()
        while await asyncio.to_thread(sys.stdin.readline):
            began = time.perf_counter()
            await asyncio.gather(*[get() for _ in range(requests)])
            print(time.perf_counter() - began, flush=True)
asyncio.run(main())
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as made:
        return made.getsockname()[1]


class Peer:
    """A client that is a program of its own."""

    rounds = ROUNDS_OF_A_TURN

    def __init__(self, *words):
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def round(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self):
        self._process.terminate()
        self._process.wait()


class Gatherd:
    """One gather of a daemon, up to the last byte of its answer."""

    rounds = ROUNDS_OF_A_TURN

    def __init__(self, binary, folder, url):
        where = f"{folder}/socket"
        self._daemon = subprocess.Popen([binary, "serve", "--listen", f"unix:{where}", "--http.allow", "127.0.0.1", "--http.running", str(AT_A_TIME),
                                         "--log.level", "warn"])
        self._stream = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self._stream.connect(where)
                break
            except OSError:
                time.sleep(0.01)
        task = {"gather": [{"call": "http.get", "args": [url]}] * REQUESTS}
        self._request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "run", "params": {"task": task}}).encode() + b"\n"

    def round(self):
        began = time.perf_counter()
        self._stream.sendall(self._request)
        parts = []
        while not parts or not parts[-1].endswith(b"\n"):
            parts.append(self._stream.recv(1 << 20))
        took = time.perf_counter() - began
        bodies = [each["body"] for each in json.loads(b"".join(parts))["result"]]
        if bodies != [BODY.decode()] * REQUESTS:
            sys.exit("gatherd: an answer is not what the server has")
        return took

    def close(self):
        self._daemon.send_signal(signal.SIGTERM)
        self._daemon.wait()


class Wrk:
    """wrk on one thread, for a second: its one round is what its rate makes of the requests."""

    rounds = 1

    def __init__(self, url):
        self._words = ["wrk", "-t1", f"-c{AT_A_TIME}", "-d1s", url]

    def round(self):
        said = subprocess.run(self._words, capture_output=True, text=True, check=True).stdout
        return REQUESTS / float(re.search(r"Requests/sec:\s*([\d.]+)", said)[1])

    def close(self):
        pass


def main():
    binary, turns = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        Path(folder, "a").write_bytes(BODY)
        port = free_port()
        Path(folder, "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
        nginx = subprocess.Popen(["nginx", "-p", folder, "-c", f"{folder}/nginx.conf", "-e", f"{folder}/errors"])
        url, shape = f"http://127.0.0.1:{port}/a", [str(REQUESTS), str(AT_A_TIME)]
        while subprocess.run(["nc", "-z", "127.0.0.1", str(port)], check=False).returncode != 0:
            time.sleep(0.01)
        clients = {"gatherd": Gatherd(binary, folder, url), "node fetch": Peer("node", "-e", NODE, url, *shape),
                   "aiohttp": Peer("/usr/bin/python3", "-c", AIOHTTP, url, *shape), "wrk -t1": Wrk(url)}
        times = {name: [] for name in clients}
        for _ in range(turns):
            for name, client in clients.items():
                times[name] += [client.round() for _ in range(client.rounds)]
        for client in clients.values():
            client.close()
        nginx.terminate()
        nginx.wait()
    warm = {name: REQUESTS / statistics.median(each[1:]) for name, each in times.items()}
    print(f"{'client':12} {'cold/s':>8} {'warm/s':>8} {'gatherd is':>11}")
    for name, each in times.items():
        print(f"{name:12} {REQUESTS / each[0]:8.0f} {warm[name]:8.0f} {warm['gatherd'] / warm[name]:10.2f}x")


if __name__ == "__main__":
    main()
