#!/usr/bin/python3
"""JSON-RPC clients that others wrote, against the daemon: npm packages, installed as package-lock.json has them.

CLIENTS_FOLDER: where they are installed. Status 77 where there is no npm, or npm has no network: then nothing was tested.
"""

import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from connection import PATIENCE
from daemon import Daemon

SOURCES = Path(__file__).resolve().parent
FOLDER = Path(os.environ["CLIENTS_FOLDER"])
NOT_TESTED = 77
NO_NETWORK = re.compile(r"ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ENETUNREACH|ECONNRESET")


def install():
    """Why there are no clients, or None."""
    if not shutil.which("npm"):
        return "there is no npm: scripts/install-deps.sh test"
    FOLDER.mkdir(parents=True, exist_ok=True)
    for source in SOURCES.iterdir():
        if source.suffix in (".js", ".json"):
            shutil.copy(source, FOLDER)
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=FOLDER, capture_output=True, text=True)
    if done.returncode != 0:
        if NO_NETWORK.search(done.stderr):
            return "npm reaches no registry:\n" + done.stderr
        raise RuntimeError("npm ci failed:\n" + done.stderr)
    return None


class Clients(unittest.TestCase):
    def run_client(self, script):
        with Daemon() as daemon:
            done = subprocess.run(["node", "--unhandled-rejections=strict", script, str(daemon.port)], cwd=FOLDER, capture_output=True, text=True,
                                  timeout=PATIENCE)
            self.assertEqual((done.returncode, done.stdout), (0, "fine\n"), done.stderr)
            with daemon.connect() as connection:
                self.assertEqual(connection.result("stats")["errors"]["-32700"], 0)

    def test_jayson_over_tcp(self):
        self.run_client("jayson_client.js")

    def test_vscode_jsonrpc_over_a_socket(self):
        self.run_client("vscode_jsonrpc_client.js")

    def test_json_rpc_2_0_over_lines(self):
        self.run_client("json_rpc_2_0_client.js")


if __name__ == "__main__":
    missing = install()
    if missing is not None:
        print(f"NOT TESTED: {missing}", file=sys.stderr)
        sys.exit(NOT_TESTED)
    unittest.main()
