"""A worker of the tests that decides when a plan goes on."""

import threading

from connection import PATIENCE, Connection


class Gate:
    """Serves `gate()`: each call waits until it is let through, and is then answered."""

    def __init__(self, port):
        self._client = Connection(port)
        self._calls = []
        self._changed = threading.Condition()
        self._client.result("serve", {"functions": [{"name": "gate", "params": []}], "concurrency": 10, "name": "gate"})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        try:
            while True:
                message = self._client.message()
                if message.get("method") == "invoke":
                    with self._changed:
                        self._calls.append(message["id"])
                        self._changed.notify_all()
        except (EOFError, OSError, ValueError):
            return

    def wait(self):
        """Until there is a call: what comes before it in its plan has begun."""
        with self._changed:
            self._changed.wait_for(lambda: self._calls, PATIENCE)

    def open(self):
        """Lets the oldest call through, once there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self._calls, PATIENCE)
            number = self._calls.pop(0)
        self._client.send({"id": number, "result": "open"})

    def close(self):
        self._client.end()  # on which the daemon closes
        self._reader.join()
        self._client.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
