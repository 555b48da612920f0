#!/usr/bin/python3
"""Reads the sources and reports, as file:line, what breaks the architecture of docs/ARCHITECTURE.md.

Usage: check_layers.py [ROOT]

Rules (each violation is an error):
  arrows     cli -> api -> executor and cli -> config; inside api: admin -> server, pools; server -> workers, plan, functions;
             functions, workers, plan/check and plan/evaluate -> plan/model; embedding -> server, functions; in
             server: methods -> tasks -> net -> state -> auth -> limits; api/log,
             api/protocol, api/include and the headers directly in api/ serve all of api
  serve      in cli only serve/ sees config, api and executor together
  libraries  a layer includes only the third-party libraries that LIBRARIES lists for it
  listed     every source of a layer is named in that layer's CMakeLists.txt: else nothing compiles it alone or installs it
  header     a header begins with a `/// \\file` comment and has `#pragma once`
  paths      no file mentions a path of the machine that it was written on, or one outside this repository
  links      a relative link of a Markdown file leads to a file

Sizes past the limits of CONTRIBUTING.md are only reported: they ask for a reason, not for a fix.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

PLAN = {"api/plan/model", "api/plan/check", "api/plan/evaluate"}

# The parts of a server, each above those before it.
LIMITS = {"api/server/limits"}
AUTH = LIMITS | {"api/server/auth"}
STATE = AUTH | {"api/server/state"}
NET = STATE | {"api/server/net"}
TASKS = NET | {"api/server/tasks"}
METHODS = TASKS | {"api/server/methods"}
SERVER = METHODS | {"api/server"}
BELOW_SERVER = {"api", "api/include", "api/log", "api/process", "api/workers", "api/protocol", *PLAN, "executor"}

ALLOCATED_MEMORY = "gatherd/executor/allocated_memory.hpp"  # all that api/protocol knows of the executor

LIMITS_HEADER = "gatherd/api/limits.hpp"  # all that config knows of api

# What each layer may include of ours: layers, and single headers. A layer is the longest of these that a file's folder
# starts with.
ARROWS = {
    "executor": {"executor"},
    "api/include": {"api/include", "executor"},
    "api": {"api", "api/include"},
    "api/log": {"api", "api/include", "api/log", "executor"},
    "api/protocol": {"api", "api/include", "api/protocol", ALLOCATED_MEMORY},
    "api/http": {"api", "api/include", "api/http", "executor"},
    "api/plan/model": {"api", "api/include", "api/protocol", "api/plan/model", "executor"},
    "api/plan/check": {"api", "api/include", "api/protocol", "api/plan/check", "api/plan/model", "executor"},
    "api/plan/evaluate": {"api", "api/include", "api/protocol", "api/plan/evaluate", "api/plan/model", "executor"},
    "api/process": {"api", "api/include", "api/process", "executor"},
    "api/functions": {"api", "api/include", "api/functions", "api/http", "api/process", "api/protocol", "api/plan/model", "executor"},
    "api/workers": {"api", "api/include", "api/process", "api/workers", "api/protocol", "api/plan/model", "executor"},
    "api/pools": {"api", "api/include", "api/log", "api/plan/model", "api/pools", "api/process", "api/workers", "executor"},
    "api/server/limits": BELOW_SERVER | LIMITS,
    "api/server/auth": BELOW_SERVER | AUTH,
    "api/server/state": BELOW_SERVER | STATE,
    "api/server/net": BELOW_SERVER | NET,
    "api/server/tasks": BELOW_SERVER | TASKS,
    "api/server/methods": BELOW_SERVER | METHODS,
    "api/server": BELOW_SERVER | SERVER,
    "api/embedding": {"api", "api/include", "api/embedding", "api/functions", "api/plan/model", *SERVER, "executor"},
    "api/admin": {"api", "api/include", "api/admin", "api/http", "api/log", "api/pools", "api/process", *SERVER, "api/workers", "executor"},
    "config": {"config", LIMITS_HEADER},
    "cli": {"cli", "config", "api", "api/include", "api/admin", "api/embedding", "api/functions", "api/log", "api/pools", "api/process", "api/workers", "api/protocol", *PLAN, *SERVER, "executor"},
}

# Third-party headers by their first folder (or whole name). The standard library's and the system's are free to all.
LIBRARIES = {
    "executor": {"asio", "asio.hpp", "oneapi", "tbb"},
    "api": {"nlohmann"},
    "api/include": {"nlohmann"},
    "api/embedding": {"nlohmann"},
    "api/protocol": {"nlohmann", "simdjson.h"},
    "api/http": {"ares.h", "asio", "curl"},
    "api/plan/model": {"nlohmann"},
    "api/plan/check": {"nlohmann"},
    "api/plan/evaluate": {"nlohmann", "oneapi"},
    "api/functions": {"asio", "nlohmann", "oneapi", "openssl", "re2", "xxhash.h", "zlib.h"},
    "api/process": {"asio"},
    "api/workers": {"nlohmann"},
    "api/log": {"nlohmann", "spdlog"},
    "api/pools": {"asio"},
    "api/server/limits": {"nlohmann"},
    "api/server/auth": {"openssl"},
    "api/server/state": set(),
    "api/server/net": {"asio", "asio.hpp", "nlohmann", "openssl"},
    "api/server/tasks": {"nlohmann"},
    "api/server/methods": {"nlohmann"},
    "api/server": set(),
    "api/admin": {"asio", "microhttpd.h", "nlohmann", "prometheus"},
    "config": {"nlohmann"},
    "cli": {"CLI", "asio", "asio.hpp", "ncurses.h", "nlohmann", "openssl", "simdjson.h", "spdlog", "systemd"},
}

# Public headers are included as "gatherd/executor/..." and "gatherd/api/...", installed or not.
PUBLIC_INCLUDES = {"gatherd/executor": "executor/include/", "gatherd/api/": "api/include/"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SYSTEM = re.compile(r"^(sys|linux|netinet|arpa|net|bits)/|^[a-z0-9_]+(\.h)?$")  # <vector>, <unistd.h>, <sys/epoll.h>
KNOWN_LIBRARY_HEADERS = {name for names in LIBRARIES.values() for name in names}
FOREIGN_PATH = re.compile(r"(?<![\w.$}])/(?:home|Users)/(?!\.\.\.)[\w.-]+|(?<![\w.$}~])/root/[\w.-]+")
LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)")
UPWARD_PATH = re.compile(r"(?<![\w/.}\")*])((?:\.\./)+[\w.-]+)")
SIZE_LIMITS = {".hpp": 150, ".cpp": 300}
TEST_SIZE_LIMIT = 400


def path_of(name):
    """The file that an include of ours names, from the root."""
    return next((folder + name for start, folder in PUBLIC_INCLUDES.items() if name.startswith(start)), name)


def layer_of(path):
    """The layer of a file, or None if it belongs to none (tests, tools)."""
    folder = os.path.dirname(path_of(path))
    fitting = [layer for layer in ARROWS if folder == layer or folder.startswith(layer + "/")]
    return max(fitting, key=len) if fitting else None


def project_files(root):
    """Every file of the project, relative to its root: git's list where there is one, else the folder's."""
    listed = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return sorted(path for path in listed.stdout.split("\0") if path and os.path.isfile(os.path.join(root, path)))
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in {".git", "build"}]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(found)


def check_include(path, bracket, name, root):
    """What is wrong with one include of a layer's file, or None."""
    layer = layer_of(path)
    target = layer_of(name)
    if bracket == '"':
        if not os.path.isfile(os.path.join(root, path_of(name))):
            return f'"{name}" is no file: ours are included from the root, public ones from executor/include and api/include'
        if target == "executor" and layer != "executor" and name.startswith("executor/src/"):
            return f'"{name}" is private to the executor: only gatherd/executor/... may be included'
        if target is None:
            return f'{layer} includes "{name}", which is in no layer'
        if not {target, name} & ARROWS[layer]:
            return f'{layer} must not include {target}: "{name}" (allowed: {", ".join(sorted(ARROWS[layer]))})'
        return None
    if target is not None and os.path.isfile(os.path.join(root, path_of(name))):
        return f'<{name}> is ours: write "{name}"'
    library = name.split("/")[0]
    if library in LIBRARIES[layer] or (SYSTEM.match(name) and library not in KNOWN_LIBRARY_HEADERS):
        return None
    allowed = ", ".join(sorted(LIBRARIES[layer])) or "none"
    return f"{layer} must not use <{name}> (third-party libraries allowed there: {allowed})"


def check_source(path, lines, root):
    """Violations of one C++ file of a layer, as (line, text)."""
    sees = {}
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        if include is None:
            continue
        wrong = check_include(path, include[1], include[2], root)
        if wrong:
            yield number, wrong
        target = layer_of(include[2])
        if include[1] == '"' and target:
            sees.setdefault(target.split("/")[0], number)
    if layer_of(path) == "cli" and {"config", "api", "executor"} <= sees.keys():
        if not path.startswith("cli/serve/"):
            yield max(sees.values()), "only cli/serve/ sees config, api and executor together"
    if path.endswith(".hpp") and not any(line.startswith(r"/// \file") for line in lines[:5]):
        yield 1, r"a header without a `/// \file` comment on top that says what it is"
    if path.endswith(".hpp") and not any(line.startswith("#pragma once") for line in lines):
        yield 1, "a header without #pragma once"


def check_listed(path, root):
    """Whether the nearest CMakeLists.txt above names this source."""
    folder = Path(root, path).parent
    while folder != Path(root) and not (folder / "CMakeLists.txt").is_file():
        folder = folder.parent
    lists = folder / "CMakeLists.txt"
    name = Path(root, path).relative_to(folder).as_posix()
    words = set(re.split(r'[\s()"]+', lists.read_text())) if lists.is_file() else set()
    if name not in words and path not in words:
        yield 1, f"not listed in {lists.relative_to(root)}"


def check_paths(path, lines, root):
    """Mentions of this machine's folders, or of any outside the repository."""
    home = os.path.abspath(root)
    for number, line in enumerate(lines, 1):
        if len(Path(home).parts) > 2 and home in line:
            yield number, "names the folder that this repository is checked out in"
        foreign = FOREIGN_PATH.search(line)
        if foreign:
            yield number, f"names a path of somebody's machine: {foreign[0]}"
        for upward in UPWARD_PATH.findall(line):
            # Relative to the file, or, as in a command that a reader types, to the root.
            outside = os.path.normpath(os.path.join(os.path.dirname(path), upward)).startswith("..")
            if outside:
                yield number, f"names a path outside the repository: {upward}"


def check_links(path, lines, root):
    """Relative links that lead nowhere. What a fence encloses is code: a C++ closure looks like a link."""
    fenced = False
    for number, line in enumerate(lines, 1):
        fenced ^= line.lstrip().startswith("```")
        if fenced:
            continue
        for link in LINK.findall(line):
            if not Path(root, os.path.dirname(path), link).exists():
                yield number, f"a link that leads nowhere: {link}"


def size_note(path, lines):
    """A remark on a file that is longer than it should be, or None."""
    suffix = os.path.splitext(path)[1]
    limit = TEST_SIZE_LIMIT if path.startswith("tests/") else SIZE_LIMITS.get(suffix)
    if suffix in SIZE_LIMITS and len(lines) > limit:
        return f"{path}:{len(lines)}: note: longer than {limit} lines"
    return None


def check_tree(root):
    """All violations and all notes of a tree, as lines of text."""
    violations, notes = [], []
    for path in project_files(root):
        try:
            lines = Path(root, path).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # a picture or the like
        found = list(check_paths(path, lines, root))
        if layer_of(path) and path.endswith((".hpp", ".cpp")):
            found += [*check_source(path, lines, root), *check_listed(path, root)]
        if path.endswith(".md"):
            found += check_links(path, lines, root)
        violations += [f"{path}:{number}: {text}" for number, text in sorted(found)]
        note = size_note(path, lines)
        if note:
            notes.append(note)
    return violations, notes


def main():
    root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", ".."))
    violations, notes = check_tree(root)
    print("\n".join(notes + violations) or "nothing to report")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
