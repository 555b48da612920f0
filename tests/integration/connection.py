"""A client of the tests: one socket, raw bytes out, lines and JSON in."""

import json
import socket
import struct

# No test waits this long; it only keeps one that would wait for ever from doing so in silence.
PATIENCE = 90


class Connection:
    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input = self._socket.makefile("rb")
        self._next_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        """Bytes or text as they are; anything else as a line of JSON."""
        if not isinstance(data, (bytes, str)):
            data = json.dumps(data) + "\n"
        self._socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        """The next line, without its end. EOFError if there is none."""
        line = self._input.readline()
        if not line.endswith(b"\n"):
            raise EOFError(f"the daemon closed the connection; before it came {line!r}")
        return line[:-1].decode()

    def message(self):
        return json.loads(self.line())

    def messages(self, count):
        return [self.message() for _ in range(count)]

    def exactly(self, count):
        """So many bytes."""
        return self._input.read(count)

    def start(self, method, params=None, **more):
        """Sends a request and gives its id."""
        self._next_id += 1
        request = {"id": self._next_id, "method": method, **more}
        if params is not None:
            request["params"] = params
        self.send(request)
        return self._next_id

    def ask(self, method, params=None):
        """Sends a request and gives the next message, which must be its answer."""
        expected = self.start(method, params)
        answer = self.message()
        if answer.get("id") != expected:
            raise AssertionError(f"request {expected} {method}: next came {answer}")
        return answer

    def result(self, method, params=None):
        answer = self.ask(method, params)
        if "result" not in answer:
            raise AssertionError(f"{method} {params}: answered {answer}")
        return answer["result"]

    def error(self, method, params=None):
        answer = self.ask(method, params)
        if "error" not in answer:
            raise AssertionError(f"{method} {params}: answered {answer}")
        return answer["error"]

    def wait_until_given_back(self, most=32 << 20):
        """Until the daemon holds at most so many bytes: what ended gives some back after its answer."""
        while self.result("stats")["memory"]["allocated_bytes"] > most:
            pass

    def end(self):
        """Half-closes: no more is sent."""
        self._socket.shutdown(socket.SHUT_WR)

    def rest(self):
        """All lines until the daemon closes."""
        return [line.decode() for line in self._input.read().splitlines()]

    def reset(self):
        """Goes without a word: the daemon sees a reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self._input.close()
        self._socket.close()
