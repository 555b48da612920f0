"""The Python package as a user gets it: built and installed by pip, into a folder of its own, once a test program."""

import atexit
import functools
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


NOT_TESTED = 77


@functools.lru_cache(maxsize=None)
def install():
    """Installs it and puts it first among the places of modules; the folder. Ends the program where pip has nothing to build with."""
    missing = [module for module in ("pip", "setuptools", "wheel") if importlib.util.find_spec(module) is None]
    if missing:
        print(f"NOT TESTED: there is no {', '.join(missing)}: scripts/install-deps.sh test", file=sys.stderr)
        sys.exit(NOT_TESTED)
    folder = Path(tempfile.mkdtemp(prefix="gatherd-python-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    source = folder / "source"  # pip builds beside the source
    shutil.copytree(ROOT / "clients" / "python", source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation", "--no-deps", "--root-user-action=ignore",
                    "--disable-pip-version-check", "--target", str(folder / "installed"), str(source)], check=True)
    sys.path.insert(0, str(folder / "installed"))
    return folder / "installed"
