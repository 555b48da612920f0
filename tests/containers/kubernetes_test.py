#!/usr/bin/python3
"""The manifests in packaging/kubernetes: right by the schemas of the Kubernetes API, fitting each other, and taken by the daemon.

KUBERNETES_FOLDER: where npm installs the schemas. Status 77 where there is no npm, or npm has no network: then nothing was tested.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "integration")]

from connection import PATIENCE
from daemon import BINARY, Daemon, clean_environment

SOURCES = Path(__file__).resolve().parent
MANIFESTS = SOURCES.parents[1] / "packaging" / "kubernetes"
FOLDER = Path(os.environ["KUBERNETES_FOLDER"])
NO_NETWORK = re.compile(r"ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ENETUNREACH|ECONNRESET")
NOT_TESTED = 77


def install():
    """Why there are no schemas, or None."""
    if not shutil.which("npm"):
        return "there is no npm: scripts/install-deps.sh test"
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "validate.js"):
        shutil.copy(SOURCES / name, FOLDER)
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=FOLDER, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        if NO_NETWORK.search(done.stderr):
            return "npm reaches no registry:\n" + done.stderr
        raise RuntimeError("npm ci failed:\n" + done.stderr)
    return None


def objects():
    """By kind and name."""
    found = {}
    for file in sorted(MANIFESTS.glob("*.yaml")):
        if file.name != "kustomization.yaml":
            for each in yaml.safe_load_all(file.read_text()):
                found[each["kind"], each["metadata"]["name"]] = each
    return found


def containers(deployment):
    pod = deployment["spec"]["template"]["spec"]
    return pod.get("initContainers", []) + pod["containers"]


class Manifests(unittest.TestCase):
    def setUp(self):
        self.all = objects()
        self.main = self.all["Deployment", "gatherd"]
        self.pod = self.main["spec"]["template"]["spec"]
        self.settings = json.loads(self.all["ConfigMap", "gatherd"]["data"]["gatherd.json"])

    def validate(self, *each):
        return subprocess.run(["node", "validate.js"], cwd=FOLDER, input=json.dumps(each), capture_output=True, text=True, timeout=PATIENCE, check=False)

    def test_each_is_right_by_the_schema_of_its_kind(self):
        done = self.validate(*self.all.values())
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_the_schemas_would_notice(self):
        for change, told in ((lambda one: one["livenessProbe"].update(periodSecond=1), "periodSecond is no field"),
                             (lambda one: one["ports"][0].update(containerPort="7117"), "containerPort: type"),
                             (lambda one: one.pop("name"), 'required {"missingProperty":"name"}')):
            wrong = json.loads(json.dumps(self.main))
            change(wrong["spec"]["template"]["spec"]["containers"][0])
            done = self.validate(wrong)
            self.assertEqual((done.returncode, told in done.stdout), (1, True), done.stdout)

    def test_pods_meet_the_restricted_pod_security_standard(self):
        for (kind, name), each in self.all.items():
            if kind != "Deployment":
                continue
            pod = each["spec"]["template"]["spec"]
            self.assertFalse({"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name)
            self.assertEqual((pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["seccompProfile"]["type"]), (True, "RuntimeDefault"))
            self.assertTrue(all({"configMap", "secret", "emptyDir"} & volume.keys() for volume in pod["volumes"]), name)
            self.assertIs(pod["automountServiceAccountToken"], False)
            for one in containers(each):
                rights = one["securityContext"]
                self.assertEqual((rights["allowPrivilegeEscalation"], rights["capabilities"], rights["readOnlyRootFilesystem"]),
                                 (False, {"drop": ["ALL"]}, True), one["name"])
                self.assertNotEqual(rights.get("runAsUser", pod["securityContext"].get("runAsUser")), 0)
                self.assertTrue(one["resources"]["requests"] and "memory" in one["resources"]["limits"], one["name"])

    def test_names_labels_and_ports_fit_each_other(self):
        labels = self.main["spec"]["template"]["metadata"]["labels"]
        self.assertEqual(self.main["spec"]["selector"]["matchLabels"], labels)
        self.assertEqual(self.all["Service", "gatherd"]["spec"]["selector"], labels)
        self.assertEqual(self.all["NetworkPolicy", "gatherd"]["spec"]["podSelector"]["matchLabels"], labels)
        ports = {each["name"]: each["containerPort"] for each in containers(self.main)[0]["ports"]}
        self.assertEqual(ports, {"gatherd": int(self.settings["listen"].rpartition(":")[2]), "admin": int(self.settings["admin"]["listen"].rpartition(":")[2])})
        self.assertEqual([each["targetPort"] for each in self.all["Service", "gatherd"]["spec"]["ports"]], ["gatherd"])
        self.assertEqual({port["port"] for rule in self.all["NetworkPolicy", "gatherd"]["spec"]["ingress"] for port in rule["ports"]}, set(ports))
        self.assertEqual(self.main["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"], str(ports["admin"]))
        volumes = {each["name"]: each for each in self.pod["volumes"]}
        self.assertEqual(volumes["settings"]["configMap"]["name"], self.all["ConfigMap", "gatherd"]["metadata"]["name"])
        self.assertEqual(volumes["secrets"]["secret"]["secretName"], self.all["Secret", "gatherd"]["metadata"]["name"])
        self.assertEqual(volumes["secrets"]["secret"]["defaultMode"] & 0o007, 0)
        mounted = {each["name"]: each["mountPath"] for each in containers(self.main)[0]["volumeMounts"]}
        for token in self.settings["auth"]["tokens"]:
            folder, _, name = token["file"].rpartition("/")
            self.assertEqual((folder, name in self.all["Secret", "gatherd"]["stringData"]), (mounted["secrets"], True))
        listed = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())["resources"]
        self.assertEqual(set(listed), {each.name for each in MANIFESTS.glob("*.yaml")} - {"kustomization.yaml", "secret.yaml", "sidecar.yaml"})

    def test_a_stop_has_time_enough(self):
        printed = json.loads(self.run_it("config", "print", "--json"))
        seconds = lambda text: int(text.removesuffix("s"))
        whole = (int(containers(self.main)[0]["lifecycle"]["preStop"]["exec"]["command"][1]) + seconds(self.settings["drain"]["grace"])
                 + seconds(printed["limits"]["cleanup_time"]) + printed["limits"]["cleanup_rounds"] + 2)
        self.assertGreater(self.pod["terminationGracePeriodSeconds"], whole)

    def run_it(self, *words):
        done = subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=PATIENCE, check=False, env=clean_environment())
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_the_daemon_takes_the_settings_and_answers_the_probes(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "ci.token").write_text(self.all["Secret", "gatherd"]["stringData"]["ci.token"])
            text = json.dumps(self.settings).replace("/run/secrets/gatherd", folder).replace(":7117", ":0").replace(":7118", ":0")
            file = Path(folder, "gatherd.json")
            file.write_text(text)
            self.run_it("check-config", str(file))
            with Daemon("--config", str(file), listen="0.0.0.0:0") as daemon:
                admin = daemon.port_file.read_text().split()[-1].rpartition(":")[2]
                for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                    path = containers(self.main)[0][probe]["httpGet"]["path"]
                    done = subprocess.run(["curl", "-sS", "--fail", "-H", "Host: 10.1.2.3:7118", f"http://127.0.0.1:{admin}{path}"], capture_output=True, text=True,
                                          timeout=PATIENCE, check=False)
                    self.assertEqual(done.returncode, 0, done.stderr)
                metrics = subprocess.run(["curl", "-sS", "--fail", "-H", "Host: 10.1.2.3:7118", f"http://127.0.0.1:{admin}/metrics"], capture_output=True,
                                         text=True, timeout=PATIENCE, check=False)
                self.assertIn("gatherd_build_info", metrics.stdout, metrics.stderr)
                done = self.run_it("call", "add", "1", "2", "--connect", f"127.0.0.1:{daemon.port}", "--token-file", f"{folder}/ci.token")
                self.assertEqual(done, "3\n")

    def test_the_sidecar_serves_at_its_socket_and_its_probe_finds_it(self):
        sidecar = containers(self.all["Deployment", "page"])[0]
        with tempfile.TemporaryDirectory() as folder:
            words = [each.replace("/run/gatherd", folder).replace(":10001", f":{os.getgid()}") for each in sidecar["args"]]
            self.assertEqual(words[:2], ["serve", "--listen"])
            variables = {each["name"]: each["value"].replace("/run/gatherd", folder) for each in sidecar["env"]}
            with Daemon(*words[3:], listen="127.0.0.1:0," + words[2]):
                for probe in ("startupProbe", "livenessProbe"):
                    name, *rest = sidecar[probe]["exec"]["command"]
                    self.assertEqual(name, "gatherd")
                    done = subprocess.run([BINARY, *rest], capture_output=True, text=True, timeout=PATIENCE, check=False, env=clean_environment(**variables))
                    self.assertEqual(done.returncode, 0, done.stderr)

    @unittest.skipUnless(shutil.which("kubectl"), "kubectl is not installed")
    def test_kustomize_builds_it(self):
        done = subprocess.run(["kubectl", "kustomize", str(MANIFESTS)], capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({each["kind"] for each in yaml.safe_load_all(done.stdout)}, {"ConfigMap", "Deployment", "Service", "NetworkPolicy"})


if __name__ == "__main__":
    missing = install()
    if missing is not None:
        print(missing)
        sys.exit(NOT_TESTED)
    unittest.main()
