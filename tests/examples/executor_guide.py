#!/usr/bin/python3
"""The C++ of docs/EXECUTOR.md: one program of all its snippets, and whether it prints what the guide says.

    executor_guide.py program GUIDE OUT.cpp    writes the program
    executor_guide.py check GUIDE PROGRAM      runs it and compares

A snippet is a ```cpp block after a line `<!-- snippet: NAME -->`; the ```text block after it, if there is one, is its
output. Each becomes a namespace, its main() a function; all includes so far and the `using namespace` lines of the first
snippet hold for the later ones. The program has the guide's line numbers, so that errors of the compiler name the place.
"""

import re
import subprocess
import sys
import unittest
from pathlib import Path

SNIPPET = re.compile(r"<!-- snippet: (\w+) -->\n```cpp\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
MAIN = re.compile(r"^int main\(\)", re.MULTILINE)
MARK = "=== "


class Snippet:
    def __init__(self, found, text):
        self.name, self.code, self.output = found.group(1), found.group(2), found.group(3)
        self.line = text.count("\n", 0, found.start(2)) + 1
        lines = self.code.splitlines()
        self.includes = [line for line in lines if line.startswith("#include")]
        self.usings = [line for line in lines if line.startswith("using namespace")]

    def body(self):
        """The same lines, so that their numbers hold, without what stands at the beginning of the program."""
        kept = ("" if line.startswith(("#include", "using namespace")) else line for line in self.code.splitlines())
        return MAIN.sub("void example()", "\n".join(kept))


def snippets_of(guide):
    text = Path(guide).read_text()
    return text, [Snippet(found, text) for found in SNIPPET.finditer(text)]


def write_program(guide, out):
    _, snippets = snippets_of(guide)
    program = [f"// Written by {Path(__file__).name} from {Path(guide).name}."]
    program += dict.fromkeys(["#include <cstdio>"] + [line for each in snippets for line in each.includes])
    for each in snippets:
        program += [f"namespace snippet_{each.name} {{"] + snippets[0].usings
        program += [f"#line {each.line}", each.body(), "}"]
    program += ["int main() {"]
    for each in snippets:
        if MAIN.search(each.code):
            program += [f'    std::puts("{MARK}{each.name}");', f"    snippet_{each.name}::example();"]
    program += ["}", ""]
    Path(out).write_text("\n".join(program))


class Guide(unittest.TestCase):
    def setUp(self):
        self.text, self.snippets = snippets_of(guide)

    def test_each_prints_what_the_guide_says(self):
        done = subprocess.run([program], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        printed = {}
        for part in re.split(f"^{MARK}", done.stdout, flags=re.MULTILINE)[1:]:
            name, _, output = part.partition("\n")
            printed[name] = output
        self.assertEqual(list(printed), [each.name for each in self.snippets if MAIN.search(each.code)])
        for each in self.snippets:
            with self.subTest(snippet=each.name, line=each.line):
                self.assertEqual(printed.get(each.name, ""), each.output or "")

    def test_every_block_is_a_snippet(self):
        """A block without its marker would be checked by nobody."""
        self.assertEqual(self.text.count("```cpp\n"), len(self.snippets))
        self.assertEqual(len({each.name for each in self.snippets}), len(self.snippets), "a name stands twice")


if __name__ == "__main__":
    mode, guide, program = sys.argv[1:]
    if mode == "program":
        write_program(guide, program)
    else:
        unittest.main(argv=sys.argv[:1])
