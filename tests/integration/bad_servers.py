"""An HTTP server that misbehaves as it is asked to, and a name server that gives the addresses it is told, on loopback."""

import collections
import gzip
import json
import socket
import ssl
import struct
import threading
from urllib.parse import parse_qs, urlsplit

BOMB = gzip.compress(b"\0" * (64 << 20), 9)


class HttpServer:
    """Each request's path says what comes of it: the methods named `answer_...` below."""

    def __init__(self, tls=None):
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self._listening.getsockname()[1]
        self._tls = tls
        self._lock = threading.Lock()
        self.connections = 0  # so far
        self.requests = []    # (method, path, headers, body), names in lower case
        self.open_requests = 0
        self.most_open = 0
        self.held = threading.Semaphore(0)   # released once for each request of /hold that has come
        self.let_go = threading.Event()      # they are answered when it is set
        self.hung_up = threading.Semaphore(0)  # released for each of them whose client has gone
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path, host="127.0.0.1"):
        return f"http{'s' if self._tls else ''}://{host}:{self.port}{path}"

    def close(self):
        self.let_go.set()
        self._listening.shutdown(socket.SHUT_RDWR)  # else the thread that accepts takes one more
        self._listening.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as stream:
                while self._answer_one(connection, stream):
                    pass
        except (OSError, ValueError, ssl.SSLError):
            pass

    def _answer_one(self, connection, stream):
        line = stream.readline()
        if not line:
            return False
        method, target, _ = line.decode("latin-1").split()
        headers = collections.defaultdict(str)
        while (line := stream.readline().strip()):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
        url = urlsplit(target)
        with self._lock:
            self.requests.append((method, url.path, dict(headers), body))
            self.open_requests += 1
            self.most_open = max(self.most_open, self.open_requests)
        try:
            answer = getattr(self, "answer_" + url.path.split("/")[1])
            return answer(connection, method, {name: values[0] for name, values in parse_qs(url.query).items()}, dict(headers), body)
        finally:
            with self._lock:
                self.open_requests -= 1

    @staticmethod
    def send(connection, status, body=b"", *headers):
        head = "".join(f"{each}\r\n" for each in (f"HTTP/1.1 {status} Reason", f"Content-Length: {len(body)}", *headers))
        connection.sendall(head.encode("latin-1") + b"\r\n" + body)
        return True

    def answer_ok(self, connection, method, query, headers, body):
        return self.send(connection, query.get("status", 200), b"" if method == "HEAD" else query.get("body", "fine").encode())

    def answer_echo(self, connection, method, query, headers, body):
        said = {"method": method, "headers": headers, "body": body.decode("latin-1")}
        return self.send(connection, 200, json.dumps(said).encode(), "Content-Type: application/json; charset=utf-8")

    def answer_headers(self, connection, method, query, headers, body):
        return self.send(connection, 200, b"", "X-One: a", "Set-Cookie: a=1", "x-one: b", "Set-Cookie: b=2", "X-Latin: gr\xfc\xdfe")

    def answer_bytes(self, connection, method, query, headers, body):
        return self.send(connection, 200, bytes(range(256)), "Content-Type: " + query.get("type", "application/octet-stream"))

    def answer_size(self, connection, method, query, headers, body):
        return self.send(connection, 200, b"x" * int(query["bytes"]))

    def answer_json(self, connection, method, query, headers, body):
        return self.send(connection, 200, query["text"].encode(), "Content-Type: " + query.get("type", "application/json"))

    def answer_redirect(self, connection, method, query, headers, body):
        return self.send(connection, query.get("status", 302), b"moved", "Location: " + query["to"])

    def answer_loop(self, connection, method, query, headers, body):
        return self.send(connection, 302, b"", "Location: /loop")

    def answer_gzip(self, connection, method, query, headers, body):
        return self.send(connection, 200, gzip.compress(b"packed"), "Content-Encoding: gzip")

    def answer_bomb(self, connection, method, query, headers, body):
        return self.send(connection, 200, BOMB, "Content-Encoding: gzip")

    def answer_nogzip(self, connection, method, query, headers, body):
        self.send(connection, 200, b"this is no gzip at all", "Content-Encoding: gzip")

    def answer_reset(self, connection, method, query, headers, body):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def answer_close(self, connection, method, query, headers, body):
        pass

    def answer_cut(self, connection, method, query, headers, body):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")

    def answer_lengths(self, connection, method, query, headers, body):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\nbody")

    def answer_two_lengths(self, connection, method, query, headers, body):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 2\r\n\r\nbody")

    def answer_long_line(self, connection, method, query, headers, body):
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: %s\r\nContent-Length: 0\r\n\r\n" % (b"x" * 200_000))

    def answer_chunks(self, connection, method, query, headers, body):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nbody\r\n")

    def answer_garbage(self, connection, method, query, headers, body):
        connection.sendall(b"\0\1\2 what is this?\r\n\r\n")

    def answer_endless(self, connection, method, query, headers, body):
        """Headers without an end, until the client has enough."""
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-%s: a\r\n" % query.get("name", "a").encode() * 100)

    def answer_interim(self, connection, method, query, headers, body):
        while True:
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * 100)

    def answer_flood(self, connection, method, query, headers, body):
        """A body without an end."""
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    def answer_hold(self, connection, method, query, headers, body):
        self.held.release()
        connection.settimeout(0.05)
        while not self.let_go.is_set():
            try:
                if not connection.recv(1):
                    self.hung_up.release()
                    return False
            except TimeoutError:
                pass
            except OSError:
                self.hung_up.release()
                return False
        connection.settimeout(None)
        return self.send(connection, 200, b"let go")


class NameServer:
    """Answers questions for A of names it knows with their next addresses; for anything else there is no answer."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.answers = {}  # name: a list of lists of addresses, the last of which stays
        self.questions = []
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._socket.close()

    def _serve(self):
        while True:
            try:
                question, sender = self._socket.recvfrom(4096)
            except OSError:
                return
            labels, at = [], 12
            while question[at]:
                labels.append(question[at + 1:at + 1 + question[at]].decode())
                at += 1 + question[at]
            name = ".".join(labels).lower()
            (kind,) = struct.unpack(">H", question[at + 1:at + 3])
            end = at + 5
            addresses = []
            if kind == 1:
                self.questions.append(name)
                given = self.answers.get(name, [[]])
                addresses = given.pop(0) if len(given) > 1 else given[0]
            code = 0 if name in self.answers else 3
            head = question[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(addresses), 0, 0)
            records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + socket.inet_aton(each) for each in addresses)
            try:
                self._socket.sendto(head + question[12:end] + records, sender)
            except OSError:  # closed meanwhile
                return
