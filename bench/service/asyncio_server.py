#!/usr/bin/python3
"""The same work as a few lines of asyncio: what gatherd stands in for. With --uvloop on that loop.

Usage: asyncio_server.py [--uvloop] PORT_FILE
"""

import asyncio
import json
import sys


async def noop():
    return None


async def sleep(delay, result=None):
    return await asyncio.sleep(delay, result)


FUNCTIONS = {"noop": noop, "sleep": sleep}


async def answer(line):
    request = json.loads(line)
    params = request["params"]
    if request["method"] == "map":
        calls = [FUNCTIONS[params["call"]](*args) for args in params["over"]]
    else:
        calls = [FUNCTIONS[task["call"]](*task.get("args", ())) for task in params["tasks"]]
    result = await asyncio.gather(*calls)
    return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}, separators=(",", ":")).encode() + b"\n"


async def serve(reader, writer):
    """Requests of a connection run concurrently and are answered as they finish."""
    running = set()

    async def handle(line):
        writer.write(await answer(line))

    while line := await reader.readline():
        task = asyncio.create_task(handle(line))
        running.add(task)
        task.add_done_callback(running.discard)
        await writer.drain()
    writer.close()


async def main(port_file):
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 28, backlog=4096)
    with open(port_file, "w", encoding="utf-8") as file:
        file.write(f"127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "--uvloop":
        import uvloop

        uvloop.install()
    asyncio.run(main(sys.argv[-1]))
