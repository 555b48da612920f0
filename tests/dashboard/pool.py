"""A process of a pool for the pictures: serves images.resize."""

import json
import os
import socket

with socket.socket(fileno=int(os.environ["GATHERD_WORKER_FD"])) as daemon, daemon.makefile("r") as lines:
    daemon.sendall(json.dumps({"id": 1, "method": "serve", "params": {"functions": [{"name": "images.resize"}]}}).encode() + b"\n")
    for line in lines:
        message = json.loads(line)
        if message.get("method") == "invoke":
            daemon.sendall(json.dumps({"id": message["id"], "result": True}).encode() + b"\n")
