"""The programs of a page of docs/: those whose output stands below them, and the others."""

import re
import subprocess
from pathlib import Path

from connection import PATIENCE
from daemon import clean_environment

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$(?:\n```text\n(.*?)^```$)?", re.DOTALL | re.MULTILINE)


def programs(page):
    """(text, output or None) of each block of a language, in order."""
    return [(text, output) for language, text, output in BLOCK.findall((DOCS / page).read_text()) if language != "text"]


def check(case, page, folder, name, command, daemon, **environment):
    """Runs each program that has an output, in a file of that name in the folder."""
    shown = [(text, output) for text, output in programs(page) if output]
    case.assertTrue(shown)
    for text, output in shown:
        (folder / name).write_text(text)
        done = subprocess.run([*command, name], cwd=folder, capture_output=True, text=True, timeout=PATIENCE,
                              env=clean_environment(GATHERD_CONNECT=f"127.0.0.1:{daemon.port}", **environment))
        case.assertEqual((done.stdout, done.returncode), (output, 0), text + done.stderr)
