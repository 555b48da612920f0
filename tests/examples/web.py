"""A small web server for the tests of examples, on a free port of the loopback."""

import http.server
import threading


class Web:
    """`answers` maps a path to a text, a status, or a function of nothing that gives one of them; other paths are 404. As a context it runs.

    `asked` are the requests so far, as "GET /path". `hang` is an answer that comes once the server is to end.
    """

    def __init__(self, answers):
        web = self
        self.asked = []
        self._end = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                web.asked.append(f"{self.command} {self.path}")
                answer = answers.get(self.path, 404)
                answer = answer() if callable(answer) else answer
                status, text = (answer, "") if isinstance(answer, int) else (200, answer)
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = False

            def handle_error(self, *_):
                pass  # who asked has gone

        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def hang(self):
        self._end.wait()
        return 503

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
