#!/usr/bin/python3
"""A real Prometheus: it scrapes daemons as the sample configuration says, answers the queries that docs/OPERATIONS.md recommends,
and takes the alert rules, each of which fires when it should."""

import hashlib
import http.client
import json
import math
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
from pathlib import Path

from connection import PATIENCE
from daemon import Daemon, clean_environment, _die_with_parent

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "packaging" / "prometheus"
RULES = SAMPLES / "gatherd.rules.yml"
TOKEN = "a token of the monitoring"
WORKER = """
import json, os, socket
stream = socket.socket(fileno=int(os.environ["GATHERD_WORKER_FD"])).makefile("rw")
def send(**message):
    stream.write(json.dumps(message) + "\\n"); stream.flush()
send(id=1, method="serve", params={"functions": [{"name": "work"}, {"name": "stumble"}, {"name": "die"}]})
for message in map(json.loads, stream):
    if message.get("method") == "invoke":
        name = message["params"]["call"]
        if name == "die":
            os._exit(3)
        if name == "stumble":
            send(id=message["id"], error={"code": 1, "message": "as asked", "data": {"type": "ValueError", "message": "as asked"}})
        else:
            send(id=message["id"], result=1)
"""


def eventually(condition, between=lambda: None):
    """What `condition` gives once that is not empty. Prometheus has no events to wait for: it is asked again."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError("it did not come to be")
        between()
        time.sleep(0.05)
    return found


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


class AdminDaemon(Daemon):
    def __init__(self, *flags, **more):
        super().__init__("--admin.listen", "127.0.0.1:0", *flags, **more)
        self.admin = self.port_file.read_text().split()[-1].removeprefix("http://")


class Prometheus:
    """Of Debian, on a free port, with its data in a folder of the test's."""

    def __init__(self, folder, configuration):
        self.folder = Path(folder)
        file = self.folder / "prometheus.yml"
        file.write_text(configuration)
        while True:  # another program may have taken the port meanwhile
            self.port = free_port()
            self.log = (self.folder / "prometheus.log").open("w+")
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={file}", f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address=127.0.0.1:{self.port}",
                 "--log.level=warn"], env=clean_environment(GOMAXPROCS="1"), stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
                preexec_fn=_die_with_parent)
            if eventually(lambda: self.process.poll() is not None and "ended" or self._is_ready() and "ready") == "ready":
                return
            text = Path(self.log.name).read_text()
            if "address already in use" not in text:
                raise AssertionError(text)

    def _is_ready(self):
        try:
            return self.get("/-/ready")[0] == 200
        except OSError:
            return False

    def get(self, path):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            client.request("GET", path)
            answer = client.getresponse()
            return answer.status, answer.read()
        finally:
            client.close()

    def ask(self, path, **parameters):
        status, body = self.get(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(body)
        if (status, answer["status"]) != (200, "success"):
            raise AssertionError(f"{path} {parameters}: {status} {answer}")
        return answer["data"]

    def values(self, query):
        """The finite values that a query gives now: there are others where something was divided by nothing."""
        found = [float(each["value"][1]) for each in self.ask("query", query=query)["result"]]
        return [each for each in found if math.isfinite(each)]

    def target(self, job):
        found = self.ask("targets")["activeTargets"]
        return next((each for each in found if each["labels"]["job"] == job), {"health": "not known yet"})

    def close(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.log.close()


def recommended_queries():
    """Of the table in docs/OPERATIONS.md."""
    section = (ROOT / "docs" / "OPERATIONS.md").read_text().partition("| question | query |")[2].partition("\n\n")[0]
    return re.findall(r"^\| ([^|]+) \| `([^`]+)` \|$", section, re.MULTILINE)


class Rules(unittest.TestCase):
    def promtool(self, *words):
        told = subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(told.returncode, 0, told.stdout + told.stderr)
        return told.stdout

    def test_promtool_takes_them_and_the_sample_configuration(self):
        self.promtool("check", "rules", str(RULES))
        with tempfile.TemporaryDirectory() as folder:
            token = Path(folder, "token")
            token.write_text("x")
            sample = (SAMPLES / "prometheus.yml").read_text().replace("/etc/prometheus/gatherd.token", str(token))
            Path(folder, "prometheus.yml").write_text(sample)
            shutil.copy(RULES, folder)
            self.promtool("check", "config", str(Path(folder, "prometheus.yml")))

    def test_each_alert_fires_when_it_should(self):
        text = (Path(__file__).parent / "rules_test.yml").read_text()
        for name in re.findall(r"- alert: (\w+)", RULES.read_text()):
            self.assertIn(f'alertname="{name}", alertstate="firing"', text, f"{name} has no unit test")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "rules_test.yml")
            file.write_text(text.replace("[RULES]", f"[{RULES}]"))
            self.promtool("test", "rules", str(file))


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="gatherd-prometheus-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        (cls.folder / "worker.py").write_text(WORKER)
        (cls.folder / "token").write_text(TOKEN + "\n")
        (cls.folder / "wrong").write_text("another\n")
        tokens = json.dumps([{"name": "monitoring", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "rights": ["submit"]}])
        pools = json.dumps({"p": {"command": [sys.executable, "-B", str(cls.folder / "worker.py")], "processes": 2, "restart_min": "1ms",
                                  "restart_max": "10ms"}})
        cls.guarded = AdminDaemon("--auth.tokens", tokens, "--pools", pools, "--limits.tasks-in-flight", "100")
        cls.addClassCleanup(cls.guarded.stop)
        cls.open = AdminDaemon()
        cls.addClassCleanup(cls.open.stop)
        shutil.copy(RULES, cls.folder)
        sample = (SAMPLES / "prometheus.yml").read_text()
        sample = sample.replace("127.0.0.1:7118", cls.guarded.admin).replace("/etc/prometheus/gatherd.token", str(cls.folder / "token"))
        sample = sample.replace("scrape_interval: 15s", "scrape_interval: 250ms\n    scrape_timeout: 250ms")
        more = (f'  - {{job_name: open, scrape_interval: 250ms, scrape_timeout: 250ms, static_configs: [{{targets: ["{cls.open.admin}"]}}]}}\n'
                f'  - {{job_name: wrong, scrape_interval: 250ms, scrape_timeout: 250ms, authorization: {{credentials_file: "{cls.folder}/wrong"}}, '
                f'static_configs: [{{targets: ["{cls.guarded.admin}"]}}]}}\n')
        sample = "global: {evaluation_interval: 250ms}\n" + sample.replace("\nrule_files:", more + "\nrule_files:")
        cls.prometheus = Prometheus(folder.name, sample)
        cls.addClassCleanup(cls.prometheus.close)

    def load(self):
        """A little of everything: results, errors, refusals, calls that end well, badly and not at all."""
        with self.guarded.connect() as client:
            client.result("auth", [TOKEN])
            for _ in range(5):
                client.result("run", {"task": {"call": "add", "args": [1, 2]}})
                client.result("run", {"task": {"call": "work"}})
            client.error("run", {"task": {"call": "stumble"}})
            client.error("run", {"task": {"call": "die"}})
            self.assertEqual(client.error("gather", {"tasks": [{"value": 1}] * 200})["code"], -32003)

    def test_targets_come_up_and_one_with_a_wrong_token_does_not(self):
        for job in ("gatherd", "open"):
            eventually(lambda job=job: self.prometheus.target(job)["health"] == "up")
        wrong = eventually(lambda: (found := self.prometheus.target("wrong"))["health"] == "down" and found)
        self.assertIn("401", wrong["lastError"])

    def test_every_recommended_query_is_answered(self):
        queries = recommended_queries()
        self.assertGreater(len(queries), 12)
        for question, query in queries:
            with self.subTest(question):
                found = eventually(lambda query=query: self.prometheus.values(query), self.load)
                self.assertTrue(all(each >= 0 for each in found), found)
        # What was loaded is what is told.
        self.assertIn(0, self.prometheus.values('gatherd_draining{job="gatherd"}'))
        for query in ('gatherd_calls_total{job="gatherd",function="work",outcome="ok"} >= 5',
                      'gatherd_pool_restarts_total{job="gatherd",pool="p",reason="failed"} >= 1',
                      'gatherd_refused_total{job="gatherd",limit="limits.tasks_in_flight"} >= 1'):
            eventually(lambda query=query: self.prometheus.values(query), self.load)

    def test_every_rule_is_evaluated_and_asks_for_metrics_that_exist(self):
        def rules():
            found = [each for group in self.prometheus.ask("rules")["groups"] for each in group["rules"]]
            return found and all(each["health"] == "ok" for each in found) and found
        alerts = eventually(rules)
        self.assertEqual({each["name"] for each in alerts}, set(re.findall(r"- alert: (\w+)", RULES.read_text())))
        asked = {name for each in alerts for name in re.findall(r"\b(?:gatherd|process)_[a-z_]+", each["query"])}
        self.assertGreater(len(asked), 10)
        for name in asked:
            eventually(lambda name=name: self.prometheus.values(f'count({name}{{job="gatherd"}})'), self.load)

    def test_an_alert_of_a_daemon_that_is_down_names_it(self):
        with AdminDaemon() as daemon:
            file = self.folder / "down.yml"
            file.write_text("global: {evaluation_interval: 100ms}\nscrape_configs:\n  - {job_name: gatherd, scrape_interval: 100ms, scrape_timeout: 100ms, "
                            f'static_configs: [{{targets: ["{daemon.admin}"]}}]}}\nrule_files: [gatherd.rules.yml]\n')
            with tempfile.TemporaryDirectory() as folder:
                shutil.copy(RULES, folder)
                prometheus = Prometheus(folder, file.read_text())
                try:
                    eventually(lambda: prometheus.target("gatherd")["health"] == "up")
                    daemon.stop()
                    alert = eventually(lambda: next((each for each in prometheus.ask("alerts")["alerts"]
                                                     if each["labels"]["alertname"] == "GatherdDown" and "instance" in each["labels"]), None))
                    self.assertEqual(alert["state"], "pending")
                    self.assertEqual(alert["annotations"]["summary"], f"Prometheus cannot read the metrics of gatherd {daemon.admin}.")
                finally:
                    prometheus.close()


if __name__ == "__main__":
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        print("skipped: needs Debian's prometheus (scripts/install-deps.sh test)")
        sys.exit(77)
    unittest.main()
