"""Pictures of the dashboard under load: screenshots.py FOLDER writes dashboard-light.png and dashboard-dark.png."""

import io
import json
import sys
import threading
from pathlib import Path

from PIL import Image

from admin_test import AdminDaemon
from browser import Browser
from gate import Gate
from load import GATE, create

FETCH = {"map": {"sequence": [{"call": "sleep", "args": [{"ref": "s"}]}, {"call": "hash.sha256", "args": ["page"]}]}, "as": "s",
         "over": [0.6, 1.1, 0.3, 0.9, 1.4, 0.5], "limit": 3, "return_exceptions": True}
SHOWN = {"sequence": [
    GATE,
    {"gather": [
        {"try": {"retry": {"call": "fail", "args": ["OSError", "connection refused"]}, "attempts": 3, "delay": 0.4}, "except": {"value": None}},
        {"try": {"wait_for": {"call": "sleep", "args": [3600]}, "timeout": 0.8}, "except": {"call": "sleep", "args": [0.5]}, "types": ["TimeoutError"]},
        FETCH,
        {"call": "stats.describe", "args": [list(range(100))]}]},
    {"call": "json.dumps", "args": [{"pages": 6}]},
    {"gather": [{"call": "sleep", "args": [3600]}, GATE]}]}


class Clients:
    """Connections that send small plans for as long as they are there."""

    def __init__(self, daemon, count):
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(daemon, number), daemon=True) for number in range(count)]
        for each in self._threads:
            each.start()

    def _run(self, daemon, number):
        plans = [{"call": "add", "args": [number, 1]}, {"gather": [{"call": "sleep", "args": [0.002 * number]}, {"call": "noop"}]},
                 {"call": "sleep", "args": [0.03]}, {"call": "fail", "args": ["ValueError", "no"]}]
        with daemon.connect() as client:
            while not self._over.is_set():
                for plan in plans:
                    client.ask("run", {"task": plan})

    def close(self):
        self._over.set()
        for each in self._threads:
            each.join()


def small(png):
    """The picture with a palette: a fraction of the bytes."""
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    packed = io.BytesIO()
    picture.save(packed, "PNG", optimize=True)
    return packed.getvalue()


def take(folder):
    pool = json.dumps({"images": {"command": [sys.executable, str(Path(__file__).with_name("pool.py"))], "processes": 2}})
    with AdminDaemon("--pools", pool) as daemon:
        gate = Gate(daemon.port)
        with daemon.connect() as client:
            names = ["nightly report", "resize 2026-11", "crawl docs.example", "index rebuild", "backfill events"]
            for each in names:
                create(client, {"sequence": [{"call": "images.resize", "args": [7]}, {"call": "sleep", "args": [3600]}]}, each)
            create(client, {"call": "fail", "args": ["ValueError", "row 17 has no date"]}, "import orders")
            shown = create(client, SHOWN, "crawl and index")
            gate.wait()
            clients = Clients(daemon, 6)
            try:
                for scheme in ("light", "dark"):
                    with Browser(1280, 1010, dark=scheme == "dark") as browser:
                        browser.open(f"http://127.0.0.1:{daemon.admin_port}/#task={shown}")
                        browser.wait_for_text("#nodes-rows", "sequence")
                        if scheme == "light":
                            gate.open()
                        browser.wait_until("return document.querySelectorAll('#nodes-rows .row:not([hidden])').length > 12")
                        browser.wait_until("return document.querySelector('#chart-requests path')?.getAttribute('d').split('L').length > 14")
                        browser.run("[...document.querySelectorAll('#nodes-rows .row')].find((row) => row.innerText.includes('failed'))?.click()")
                        browser.wait_until("return !document.getElementById('node').hidden")
                        Path(folder, f"dashboard-{scheme}.png").write_bytes(small(browser.screenshot()))
            finally:
                clients.close()
            client.result("cancel", {"ids": [each["id"] for each in client.result("tasks", {"state": "running"})]})
        gate.close()


if __name__ == "__main__":
    take(sys.argv[1])
