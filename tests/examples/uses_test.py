#!/usr/bin/python3
"""The programs of examples/thumbnails, page, links and nightly, run as their first lines or their README.md say."""

import gzip
import json
import shutil
import subprocess
import unittest
from pathlib import Path

from connection import PATIENCE
from terminal import ROOT, Terminal, commands
from web import Web

EXAMPLES = ROOT / "examples"
PYTHONPATH = str(ROOT / "clients" / "python")


class Thumbnails(unittest.TestCase):
    def test_its_page(self):
        try:
            from PIL import Image
        except ImportError:
            self.skipTest("there is no Pillow: scripts/install-deps.sh test")
        with Terminal(PYTHONPATH=PYTHONPATH) as terminal:
            shutil.copy(EXAMPLES / "thumbnails" / "tasks.py", terminal.folder)
            Image.new("RGB", (600, 400), "blue").save(terminal.folder / "coast.jpg")
            Image.new("RGB", (400, 600), "red").save(terminal.folder / "tower.jpg")
            (terminal.folder / "notes.jpg").write_text("no picture")
            page = commands((EXAMPLES / "thumbnails" / "README.md").read_text())
            self.assertEqual(len(page), 3)
            for command, printed in page:
                self.assertEqual(terminal.run(command), printed, command + terminal.errors)
            self.assertEqual(terminal.status, "1\n")
            self.assertIn("UnidentifiedImageError", terminal.errors)
            thumbs = terminal.folder / "thumbs"
            self.assertEqual(sorted(each.name for each in thumbs.iterdir()), ["coast.jpg", "tower.jpg"])
            with Image.open(thumbs / "coast.jpg") as coast, Image.open(thumbs / "tower.jpg") as tower:
                self.assertEqual((coast.size, tower.size, coast.format), ((300, 200), (200, 300), "JPEG"))
                self.assertGreater(coast.getpixel((10, 10))[2], 240)
            self.assertEqual(terminal.run("ls *.jpg | gatherd map thumbnail --joblog done.log --resume-failed"), "null\n")

    def test_its_settings(self):
        text = (EXAMPLES / "thumbnails" / "README.md").read_text().split("```json\n")[1].split("```")[0]
        with Terminal() as terminal:
            shutil.copy(EXAMPLES / "thumbnails" / "tasks.py", terminal.folder)
            (terminal.folder / "gatherd.json").write_text(text)
            terminal.run("gatherd check-config gatherd.json")
            self.assertEqual(terminal.status, "0\n", terminal.errors)


PAGE = """<!doctype html>
<title>Five services</title>
<section id="account">Mr &lt;b&gt;Pooter&lt;/b&gt;</section>
<section id="cart">2 things</section>
<section id="offers">See all offers</section>
<section id="news">No news</section>
<section id="weather">dry</section>
"""


class Page(unittest.TestCase):
    def test_who_fails_or_is_late_is_replaced(self):
        if not (shutil.which("php") and shutil.which("composer")):
            self.skipTest("there is no php or no composer: scripts/install-deps.sh test")
        tries = iter([503, "2 things"])
        with Web({"/account": "Mr <b>Pooter</b>", "/cart": lambda: next(tries), "/offers": lambda: web.hang(), "/news": 500, "/weather": "dry"}) as web, \
                Terminal(SERVICES=f"http://{web.address}", DEADLINE="3", COMPOSER_ALLOW_SUPERUSER="1", COMPOSER_HOME="/nonexistent") as terminal:
            (terminal.folder / "composer.json").write_text(json.dumps({
                "repositories": [{"type": "path", "url": str(ROOT / "clients" / "php"), "options": {"symlink": False}}, {"packagist.org": False}],
                "require": {"gatherd/gatherd": "*"}}))
            subprocess.run(["composer", "install", "--quiet", "--no-interaction"], cwd=terminal.folder, env=terminal.environment, check=True,
                           timeout=PATIENCE)
            shutil.copy(EXAMPLES / "page" / "page.php", terminal.folder)
            terminal.run(f"gatherd serve --http.allow 127.0.0.0/8:{web.address.rpartition(':')[2]} &")
            self.assertEqual(terminal.run("php page.php"), PAGE, terminal.errors)
            self.assertEqual(sorted(web.asked), [f"GET /{each}" for each in ("account", "cart", "cart", "news", "news", "offers", "weather")])


class Links(unittest.TestCase):
    PAGE = ('<a href="/both.html">1</a> <a href="/second.html#here">2</a> <a href="sometimes.html">3</a> <a href="/late.html">4</a>'
            ' <a href="/gone.html">5</a> <a href="https://example.org/elsewhere">6</a> <img src="/both.html"> <a href="mailto:a@b.c">7</a>')

    def test_a_link_is_good_if_a_mirror_has_it(self):
        tries = iter([503, 503, 503, 503, "at the third try"])  # of either mirror: the fifth request
        answers = {"/index.html": self.PAGE, "/both.html": "", "/sometimes.html": lambda: next(tries)}
        with Web(answers | {"/late.html": lambda: first.hang()}) as first, Web(answers | {"/second.html": "", "/late.html": ""}) as second, \
                Terminal(PYTHONPATH=PYTHONPATH) as terminal:
            terminal.run("gatherd serve --http.allow 127.0.0.0/8 &")
            printed = terminal.run(f"{EXAMPLES}/links/check_links.py http://{first.address} http://{second.address} /index.html")
            self.assertEqual(terminal.status, "1\n", terminal.errors)
            lines = printed.splitlines()
            self.assertEqual([line.rpartition(" (")[0] or line for line in lines if line.startswith("ok")],
                             ["ok      /both.html", "ok      /late.html", "ok      /second.html", "ok      /sometimes.html"])
            self.assertIn(f"ok      /second.html ({second.address})", lines)
            self.assertIn(f"ok      /late.html ({second.address})", lines)
            self.assertEqual([line for line in lines if line.startswith("broken")], ["broken  /gone.html"])
            self.assertEqual(lines[-1], "1 of 5 links are broken")
            for web in (first, second):
                self.assertEqual(web.asked.count("HEAD /gone.html"), 3)


class Nightly(unittest.TestCase):
    def test_what_is_done_is_left_out_and_what_failed_is_tried_again(self):
        answers = {"/a": "page a", "/b": "page b"}
        with Web(answers) as web, Terminal() as terminal:
            logs, kept = terminal.folder / "logs of mine", terminal.folder / "kept"
            logs.mkdir()
            for name in ("one.log", "two; x.log"):
                (logs / name).write_text(name * 1000)
            (terminal.folder / "pages").write_text(f"http://{web.address}/a\nhttp://127.0.0.1:1/\nhttp://{web.address}/b\n")
            command = f"{EXAMPLES}/nightly/nightly.sh 'logs of mine' pages kept"
            self.assertEqual(terminal.run(command), "packed one.log\npacked two; x.log\nkept 2 of 3 pages\n", terminal.errors)
            self.assertEqual(terminal.status, "1\n")
            self.assertIn("ConnectionError", terminal.errors)
            for name in ("one.log", "two; x.log"):
                self.assertEqual(gzip.decompress((kept / f"{name}.gz").read_bytes()).decode(), name * 1000)
            pages = [json.loads(line) for line in (kept / "pages.jsonl").read_text().splitlines()]
            self.assertEqual([each and each["body"] for each in pages], ["page a", None, "page b"])
            self.assertEqual(terminal.run("cd kept && sha256sum --quiet -c sums; cd .."), "")

            (logs / "three.log").write_text("3")
            (terminal.folder / "pages").write_text(f"http://{web.address}/a\n")
            self.assertEqual(terminal.run(command), "packed three.log\nkept 1 of 1 pages\n", terminal.errors)
            self.assertEqual(terminal.status, "0\n")
            self.assertEqual(sorted(each.name for each in kept.iterdir()),
                             ["one.log.gz", "packed.joblog", "pages.jsonl", "sums", "three.log.gz", "two; x.log.gz"])


if __name__ == "__main__":
    unittest.main()
