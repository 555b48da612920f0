"""A client for the soak: many requests at once on one connection, each answer given to whom it belongs."""

import asyncio
import json
import socket
import struct


class Client:
    """One connection. `call` may run any number of times at once."""

    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer
        self._waiting = {}
        self._next_id = 0
        self.told = {}  # notifications by the request that they belong to, until somebody takes them
        self._nameless = asyncio.Queue()  # answers with id null: to what the server could not read
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, port):
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 26))

    async def _read(self):
        reason = ConnectionError("the daemon closed the connection")
        try:
            while line := await self._reader.readline():
                message = json.loads(line)
                if isinstance(message, dict) and "method" in message:
                    self.told.setdefault(message["params"].get("request"), []).append(message)
                    continue
                if isinstance(message, list):
                    self._waiting.pop(message[0]["id"]).set_result(message)  # a batch's
                    continue
                if message["id"] is None:
                    self._nameless.put_nowait(message)
                else:
                    self._waiting.pop(message["id"]).set_result(message)
        except (OSError, ValueError, KeyError) as error:
            reason = error
        for future in self._waiting.values():
            if not future.done():  # a batch's stands there several times
                future.set_exception(reason)
        self._waiting.clear()

    def start(self, method, params):
        """Sends a request; the future of its answer."""
        self._next_id += 1
        future = asyncio.get_running_loop().create_future()
        self._waiting[self._next_id] = future
        self._writer.write(json.dumps({"id": self._next_id, "method": method, "params": params}).encode() + b"\n")
        return future

    async def call(self, method, params):
        answer = await self.start(method, params)
        await self._writer.drain()
        return answer

    async def batch(self, requests):
        """Several requests, as (method, params), in one message; their answers in the order of the requests."""
        first = self._next_id + 1
        self._next_id += len(requests)
        future = asyncio.get_running_loop().create_future()
        self._waiting |= {first + i: future for i in range(len(requests))}  # whichever comes first in the array
        text = [{"id": first + i, "method": method, "params": params} for i, (method, params) in enumerate(requests)]
        self._writer.write(json.dumps(text).encode() + b"\n")
        answers = sorted(await future, key=lambda each: each["id"])
        for i in range(len(requests)):
            self._waiting.pop(first + i, None)
        return answers

    async def garbage(self, text):
        """Sends a line that is no JSON; the server's answer to it."""
        self._writer.write(text + b"\n")
        return await self._nameless.get()

    async def close(self):
        self._reading.cancel()
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            pass

    def vanish(self):
        """Goes without a word. By a reset: a mere end of input would let what was asked for run on."""
        self._reading.cancel()
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for future in self._waiting.values():
            future.cancel()
        self._writer.transport.abort()
