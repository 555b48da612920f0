"""The same in a worker that does the least that the protocol asks for."""

import json
import os
import socket

connection = socket.socket(fileno=int(os.environ["GATHERD_WORKER_FD"]))
encode = json.JSONEncoder(separators=(",", ":")).encode
connection.sendall(b'{"id":1,"method":"serve","params":{"functions":[{"name":"add_one"}]}}\n')
for line in connection.makefile("rb"):
    message = json.loads(line)
    if "method" in message:
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": message["params"]["args"][0] + 1}
        connection.sendall(encode(answer).encode() + b"\n")
