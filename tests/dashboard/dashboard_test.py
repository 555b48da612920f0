#!/usr/bin/python3
"""The dashboard in a headless Chromium: what it shows, what it does, and what it does not ask for."""

import re
import sys
import unittest
from urllib.parse import urlsplit

sys.path.insert(0, __file__.rpartition("/")[0])

from admin_test import AdminDaemon, token_setting
from browser import MISSING, Browser
from gate import Gate
from load import GATE, KNOWN, create

SLOW = {"call": "sleep", "args": [3600]}
ROWS = "[...document.querySelectorAll('#nodes-rows .row:not([hidden])')].map((row) => row.cells.map((cell) => cell.textContent))"


@unittest.skipIf(MISSING, MISSING)
class DashboardCase(unittest.TestCase):
    flags = ()
    expected_errors = ()

    def setUp(self):
        self.daemon = AdminDaemon(*self.flags)
        self.addCleanup(self.daemon.stop)
        self.page = f"http://127.0.0.1:{self.daemon.admin_port}/"

    def browse(self, path="", **how):
        browser = Browser(**how)
        self.addCleanup(browser.close)
        self.addCleanup(self.look_at_what_it_did, browser)
        browser.open(self.page + path)
        return browser

    def look_at_what_it_did(self, browser):
        errors = [each for each in browser.errors() if not any(text in each for text in self.expected_errors)]
        self.assertEqual(errors, [])
        hosts = {urlsplit(each).netloc for each in browser.requested() if urlsplit(each).scheme in ("http", "https", "ws", "wss")}
        self.assertEqual(hosts, {f"127.0.0.1:{self.daemon.admin_port}"})


class Page(DashboardCase):
    def test_numbers_change_under_load(self):
        browser = self.browse()
        browser.wait_for_text("#health", "ready")
        browser.wait_until("return document.getElementById('fact-requests').textContent !== '–'")
        with self.daemon.connect() as client:
            slow = [create(client, SLOW, f"slow {i}") for i in range(7)]
            browser.wait_until("return document.getElementById('fact-in-flight').textContent === '7'")
            for _ in range(50):
                client.result("run", {"task": {"call": "noop"}})
            browser.wait_until("return document.getElementById('fact-p99').textContent !== '–'")
            browser.wait_until("return document.querySelector('#chart-in-flight path').getAttribute('d').includes('L')")
            browser.wait_until("return [...document.querySelectorAll('#programs-rows .row:not([hidden])')].length === 7")
            client.result("cancel", {"ids": slow})
            browser.wait_until("return document.getElementById('fact-in-flight').textContent === '0'")
        self.assertIn("p99", browser.text("#latency"))
        self.assertGreater(len(browser.text("#threads").splitlines()), 1)

    def test_the_waterfall_of_a_known_plan_is_right(self):
        gate = Gate(self.daemon.port)
        with self.daemon.connect() as client:
            id = create(client, KNOWN, "known plan")
            gate.wait()
            browser = self.browse()
            browser.wait_for_text("#programs-rows", "known plan")
            browser.type("#find", "known")
            browser.click("#programs-rows .row:not([hidden])")
            browser.wait_for_text("#nodes-rows", "sequence")
            self.assertEqual(browser.run("return location.hash"), "#task=" + id)
            gate.open()
            browser.wait_until("return " + ROWS + ".length === 9")
            browser.wait_until("return " + ROWS + "[8][3] === 'running'")  # the second gate, in the worker
            def shown():
                return [[cells[0], cells[2], cells[3]] for cells in browser.run("return " + ROWS)]
            expected = [["sequence", "", "running"], ["gather", "", "finished"], ["add", "5 B", "finished"], ["try", "", "finished"],
                        ["fail", "30 B", "failed"], ["value", "", "finished"], ["wait_for", "", "failed"], ["sleep", "11 B", "cancelled"],
                        ["gate", "2 B", "running"]]
            rows = shown()
            self.assertEqual([each for each in rows if each[0] != ""], expected)
            # By the keyboard: down to the call that failed.
            browser.run("document.getElementById('nodes-rows').focus()")
            browser.type("#nodes-rows", "\ue015" * 5)
            browser.wait_for_text("#node", "ValueError: no such image")
            self.assertIn("/task/sequence/1/gather/1/try", browser.text("#node"))
            self.assertEqual(browser.run("return document.activeElement.getAttribute('aria-activedescendant')"),
                             browser.run("return document.querySelector('#nodes-rows [aria-selected=true]').id"))
            browser.run("const show = document.getElementById('show'); show.value = 'bad'; show.dispatchEvent(new Event('input'))")
            browser.wait_until("return " + ROWS + ".length === 3")
            gate.open()
            browser.wait_for_text("#program-state", "done")
            self.assertTrue(browser.run("return document.getElementById('cancel').hidden"))
        gate.close()

    def test_a_program_is_cancelled_after_a_question(self):
        with self.daemon.connect() as client:
            id = create(client, {"sequence": [SLOW]}, "to be cancelled")
            browser = self.browse("#task=" + id)
            browser.wait_until("return !document.getElementById('cancel').hidden")
            browser.click("#cancel")
            self.assertIn("to be cancelled", browser.text("#cancel-dialog"))
            self.assertEqual(browser.run("return document.activeElement.id"), "cancel-no")
            browser.click("#cancel-no")
            self.assertEqual(client.result("status", {"id": id})["state"], "running")
            browser.click("#cancel")
            browser.click("#cancel-yes")
            browser.wait_for_text("#program-state", "cancelled")
            self.assertEqual(client.result("status", {"id": id})["state"], "cancelled")

    def test_a_request_that_runs_is_shown(self):
        with self.daemon.connect() as client:
            client.start("run", {"task": {"sequence": [SLOW]}})
            browser = self.browse()
            browser.wait_for_text("#programs-rows", "request 1 of")
            browser.type("#find", "request 1 of")
            self.assertRegex(browser.text("#programs-rows .row:not([hidden]) .number"), r"\d")  # how long it runs
            browser.click("#programs-rows .row:not([hidden])")
            browser.wait_for_text("#nodes-rows", "sequence")
            browser.click("#cancel")
            browser.click("#cancel-yes")
            self.assertEqual(client.message()["error"]["data"]["type"], "CancelledError")

    def test_a_phone_needs_no_scrolling_sideways_and_dark_is_dark(self):
        with self.daemon.connect() as client:
            id = create(client, {"gather": [SLOW, {"sequence": [{"value": "x" * 500}, SLOW]}]}, "a name that is longer than a phone is wide " * 4)
            for dark in (False, True):
                browser = self.browse("#task=" + id, width=360, height=740, dark=dark)
                browser.wait_for_text("#nodes-rows", "gather")
                browser.wait_for_text("#health", "ready")
                self.assertLessEqual(browser.run("return document.documentElement.scrollWidth"), 360)
                red, green, blue = (int(each) for each in re.findall(r"\d+", browser.run("return getComputedStyle(document.body).backgroundColor"))[:3])
                self.assertEqual(red + green + blue < 3 * 64, dark)
            client.result("cancel", {"id": id})

    def test_everything_that_is_used_has_a_name(self):
        browser = self.browse()
        browser.wait_for_text("#health", "ready")
        names = [each for each in browser.devtools("Accessibility.getFullAXTree")["nodes"]
                 if each.get("role", {}).get("value") in ("button", "textbox", "searchbox", "combobox", "listbox", "region", "image", "link", "dialog")
                 and not each.get("ignored")]
        self.assertGreater(len(names), 10)
        self.assertEqual([each["role"]["value"] for each in names if not each.get("name", {}).get("value")], [])

    def test_ten_thousand_programs_and_nodes(self):
        with self.daemon.connect() as client:
            gate = Gate(self.daemon.port)
            ids = [create(client, SLOW, f"program {i}") for i in range(10_000)]
            browser = self.browse()
            browser.run("""window.longest = 0;
                new PerformanceObserver((list) => { for (const each of list.getEntries()) window.longest = Math.max(window.longest, each.duration); })
                    .observe({type: 'longtask', buffered: true})""")
            browser.wait_for_text("#programs-count", "10,000")
            browser.wait_for_text("#programs-rows", "program 9999")
            self.assertLess(browser.run("return document.querySelectorAll('.row').length"), 200)
            browser.type("#find", "program 77")
            browser.wait_for_text("#programs-count", "111 of 10,000")
            wide = create(client, {"sequence": [GATE, {"map": {"sequence": [{"call": "sleep", "args": [0]}, {"call": "add", "args": [{"ref": "x"}, 1]}]},
                                                       "as": "x", "over": list(range(20_000))}, SLOW]}, "wide")
            browser.run("location.hash = 'task=' + arguments[0]", wide)
            browser.wait_for_text("#nodes-rows", "sequence")
            gate.open()
            browser.wait_for_text("#node-count", "10,000 nodes")
            browser.wait_for_text("#node-count", "more are not recorded")
            for place in (0.3, 0.9, 0.1):
                browser.run("const rows = document.getElementById('nodes-rows'); rows.scrollTop = arguments[0] * rows.scrollHeight", place)
                browser.wait_until("return document.querySelectorAll('#nodes-rows .row:not([hidden])').length > 5")
            print(f"the longest task of the page: {browser.run('return window.longest'):.0f} ms", file=sys.stderr)
            client.result("cancel", {"ids": ids + [wide]})
            gate.close()


class Token(DashboardCase):
    flags = ("--auth.tokens", token_setting(root=["admin"], see=["see_all"]))
    expected_errors = ("401", "403")

    def test_the_page_asks_for_a_token_and_keeps_it_in_the_tab(self):
        browser = self.browse()
        for wrong, told in (("wrong", "does not know"), ("see", "does not allow")):
            browser.wait_until("return document.getElementById('token-dialog').open")
            browser.type("#token", wrong)
            browser.click("#token-use")
            browser.wait_for_text("#token-dialog", told)
        browser.type("#token", "root\ue007")
        browser.wait_for_text("#health", "ready")
        self.assertEqual(browser.run("return [localStorage.length, sessionStorage.length, document.cookie]"), [0, 1, ""])
        browser.open(self.page)
        browser.wait_for_text("#health", "ready")
        browser.click("#forget-token")
        browser.wait_until("return document.getElementById('token-dialog').open")
        self.assertEqual(browser.run("return sessionStorage.length"), 0)


if __name__ == "__main__":
    unittest.main()
