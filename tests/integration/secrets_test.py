#!/usr/bin/python3
"""Secrets from files: tokens and keys as systemd, Docker and Kubernetes hand them over, replaced while the daemon runs; and none of
them is ever printed."""

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import unittest
from pathlib import Path

from access_test import Case, Certificates
from connection import PATIENCE
from daemon import BINARY, clean_environment

ROOT = Path(__file__).resolve().parents[2]


def of_file(name, path, *rights, **more):
    return {"name": name, "file": str(path), "rights": list(rights or ("submit",)), **more}


class Mount:
    """A folder of secrets as Kubernetes mounts it: names are links through ..data, which is replaced at once."""

    def __init__(self, folder, **secrets):
        self.folder = folder
        folder.mkdir()
        self.generation = 0
        self.replace(**secrets)
        for name in secrets:
            (folder / name).symlink_to(f"..data/{name}")

    def replace(self, **secrets):
        old = os.readlink(self.folder / "..data") if self.generation else None
        self.generation += 1
        new = self.folder / f"..{self.generation}"
        new.mkdir()
        for name, text in secrets.items():
            (new / name).write_text(text)
            (new / name).chmod(0o440)
        (self.folder / "..next").symlink_to(new.name)
        os.replace(self.folder / "..next", self.folder / "..data")
        if old:
            shutil.rmtree(self.folder / old)


class Files(Case):
    def reload(self, daemon, line="SIGHUP: the settings were read again"):
        daemon.signal(signal.SIGHUP)
        daemon.wait_for_log(line)

    def is_let_in(self, daemon, text):
        with daemon.connect() as client:
            return client.ask("auth", [text]).get("result") is True

    def test_the_end_of_the_line_is_no_part_of_a_token(self):
        files = {}
        for name, text in (("bare", b"one"), ("unix", b"two\n"), ("dos", b"three\r\n"), ("more", b"four\nof no account\n"), ("bytes", b"f\xc3\xbcnf ")):
            files[name] = self.folder / name
            files[name].write_bytes(text)
        daemon = self.start(settings={"auth": {"tokens": [of_file(*each) for each in files.items()]}})
        for text in ("one", "two", "three", "four", "fünf "):
            self.assertTrue(self.is_let_in(daemon, text), text)
        for text in ("two\n", "three\r", "four\nof no account\n", "fünf", "of no account"):
            self.assertFalse(self.is_let_in(daemon, text), text)
        # The command line takes the very same files.
        for file in files.values():
            done = self.run_it("call", "add", "1", "2", "--connect", f"127.0.0.1:{daemon.port}", "--token-file", str(file))
            self.assertEqual(done, (0, "3\n", ""), file)

    def test_a_token_of_a_kubernetes_mount_is_replaced_at_sighup(self):
        mount = Mount(self.folder / "secrets", ci="first\n", ops="of operations\n")
        daemon = self.start(settings={"auth": {"tokens": [of_file("ci", mount.folder / "ci"), of_file("ops", mount.folder / "ops", "admin")]}})
        with daemon.connect() as old, daemon.connect() as ops:
            old.result("auth", ["first"])
            ops.result("auth", ["of operations"])
            mount.replace(ci="second\n", ops="of operations\n")
            self.assertTrue(self.is_let_in(daemon, "first"))
            self.reload(daemon, "SIGHUP: a token was replaced in its file token=ci")
            daemon.wait_for_log("the settings were read again")
            self.assertEqual(old.rest(), [])  # whose token has gone is closed
            self.assertEqual(ops.result("ping"), "pong")
        self.assertFalse(self.is_let_in(daemon, "first"))
        self.assertTrue(self.is_let_in(daemon, "second"))
        self.assertNotIn("replaced ops", daemon.log)

    def test_where_a_file_is_missing_at_sighup_nothing_changes(self):
        file = self.folder / "ci"
        file.write_text("first")
        daemon = self.start(settings={"auth": {"tokens": [of_file("ci", file)]}})
        file.unlink()
        self.reload(daemon, "nothing was changed")
        self.assertIn(f"auth.tokens: ci: cannot read a token from '{file}': No such file or directory", daemon.log)
        self.assertTrue(self.is_let_in(daemon, "first"))
        file.write_text("\n")
        self.reload(daemon, "its first line is empty")
        self.assertTrue(self.is_let_in(daemon, "first"))
        file.unlink()
        os.mkfifo(file)  # nobody ever writes to it
        self.reload(daemon, "it is no regular file")
        self.assertTrue(self.is_let_in(daemon, "first"))
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)

    def test_what_is_no_file_is_refused_at_once(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        for settings in ({"auth": {"tokens": [of_file("ci", pipe)]}}, {"tls": {"certificate": str(pipe), "key": str(pipe)}, "listen": "tls:127.0.0.1:0"},
                         {"plugins": [str(pipe)]}):
            file = self.folder / "settings.json"
            file.write_text(json.dumps({"listen": "127.0.0.1:0"} | settings))
            for words in (("check-config", str(file)), ("serve", "--config", str(file))):
                status, _, said = self.run_it(*words)
                self.assertNotEqual(status, 0)
                self.assertIn("it is no regular file", said)
        status, _, said = self.run_it("serve", "--config", str(pipe))
        self.assertEqual(status, 2)
        self.assertIn("is a pipe", said)

    def test_a_certificate_and_key_of_a_kubernetes_mount_are_replaced_at_sighup(self):
        made = Certificates(self.folder)
        pairs = [{name: Path(path).read_text() for name, path in zip(("tls.crt", "tls.key"), made.issue(each))} for each in ("one", "two")]
        mount = Mount(self.folder / "secrets", **pairs[0])
        daemon = self.start("--tls.certificate", str(mount.folder / "tls.crt"), "--tls.key", str(mount.folder / "tls.key"), listen="tls:127.0.0.1:0")

        def shown():
            with socket.create_connection(("127.0.0.1", daemon.port), PATIENCE) as plain:
                with ssl.create_default_context(cafile=str(made.ca)).wrap_socket(plain, server_hostname="localhost") as client:
                    return dict(each[0] for each in client.getpeercert()["subject"])["commonName"]
        self.assertEqual(shown(), "one")
        mount.replace(**pairs[1])
        self.reload(daemon)
        self.assertEqual(shown(), "two")
        mount.replace(**{"tls.crt": pairs[0]["tls.crt"], "tls.key": pairs[1]["tls.key"]})
        self.reload(daemon, "nothing was changed")
        self.assertEqual(shown(), "two")
        self.assertNotIn("every user of this machine", daemon.log)

    def test_secrets_of_systemd_are_named_by_variables(self):
        credentials = self.folder / "credentials"  # as systemd makes it: a folder of mode 500 with files of mode 400
        credentials.mkdir()
        certificate, key = Certificates(self.folder).issue("server")
        shutil.copy(key, credentials / "tls.key")
        (credentials / "ci.token").write_text("a secret\n")
        for each in credentials.iterdir():
            each.chmod(0o400)
        credentials.chmod(0o500)
        self.addCleanup(credentials.chmod, 0o700)
        variables = {"CREDENTIALS_DIRECTORY": str(credentials), "GATHERD_TLS_KEY": f"{credentials}/tls.key", "GATHERD_TLS_CERTIFICATE": certificate}
        settings = {"auth": {"tokens": [of_file("ci", credentials / "ci.token")]}}
        daemon = self.start(settings=settings, listen="127.0.0.1:0,tls:127.0.0.1:0", environment=variables)
        self.assertTrue(self.is_let_in(daemon, "a secret"))
        self.assertNotIn("every user of this machine", daemon.log)
        printed = subprocess.run([BINARY, "config", "print", "--config", str(self.folder / "gatherd.json"), "--threads", "2"], capture_output=True,
                                 text=True, check=True, env=clean_environment(**variables)).stdout
        for name, source in (("tls.key", "GATHERD_TLS_KEY"), ("auth.tokens", "gatherd.json:1"), ("threads", "--threads"), ("drain.grace", "default")):
            line = next(each for each in printed.splitlines() if each.startswith(name + " "))
            self.assertTrue(line.endswith(source), line)
        self.assertNotIn("a secret", printed)


class Never(Case):
    POOLS = {"p": {"command": ["true"], "env": {"DB_PASSWORD": "hunter2", "LANG": "C"}}}

    def test_config_print_shows_no_value_of_a_pools_environment(self):
        file = self.write({"pools": self.POOLS})
        for flags in ((), ("--json",)):
            status, printed, told = self.run_it("config", "print", "--config", str(file), *flags)
            self.assertEqual((status, "hunter2" in printed, "DB_PASSWORD" in printed, "--with-secrets" in told), (0, False, True, True))
        # What it printed is a good file, but no daemon starts the pool without its secret.
        incomplete = self.folder / "printed.json"
        incomplete.write_text(json.dumps(json.loads(printed) | {"listen": "127.0.0.1:0"}))
        self.assertEqual(self.run_it("check-config", str(incomplete))[0], 0)
        status, _, told = self.run_it("serve", "--config", str(incomplete))
        self.assertEqual((status, "pools: p.env.DB_PASSWORD is null" in told), (2, True), told)
        status, again, _ = self.run_it("config", "print", "--config", str(incomplete), "--json")
        self.assertEqual((status, json.loads(again)["pools"]), (0, {"p": {"command": ["true"], "env": {"DB_PASSWORD": None, "LANG": None}}}))
        status, printed, told = self.run_it("config", "print", "--config", str(file), "--json", "--with-secrets")
        self.assertEqual((status, json.loads(printed)["pools"]["p"]["env"], told), (0, self.POOLS["p"]["env"], ""))

    def test_errors_do_not_repeat_secrets(self):
        for variables in ({"GATHERD_AUTH_TOKENS": "hunter2"}, {"GATHERD_AUTH_TOKENS": '["hunter2"]'}, {"GATHERD_POOLS": '{"p": "hunter2"}'},
                          {"GATHERD_AUTH_TOKENS": '[{"name": "a", "sha256": "hunter2", "rights": []}]'}, {"GATHERD_POOLS": "hunter2"},
                          {"GATHERD_POOLS": '{"p": {"command": ["true"], "env": ["hunter2"]}}'},
                          {"GATHERD_POOLS": '{"p": {"command": ["true"], "env": {"A": "hunter2}}}'}, {"GATHERD_POOLS": '{"p": {"env": {"A": hunter2"}}}'},
                          {"GATHERD_POOLS": '{"p": {"env": {"A": "hunter2", "A": "hunter2"}}}'}, {"GATHERD_CONNECT_TOKEN": "hunter2"}):
            done = subprocess.run([BINARY, "serve"], capture_output=True, text=True, timeout=PATIENCE, check=False, env=clean_environment(**variables))
            self.assertEqual((done.returncode, "hunter2" in done.stderr), (2, False), done.stderr)
        for text in ('{"auth": {"tokens": "hunter2"}}', '{"pools": {"p": ["hunter2"]}}', '{"pools": "hunter2"}',
                     '{"pools": {"p": {"env": {"A": "hunter2}}}}', '{"pools": {"p": {"env": {"A": hunter2"}}}}', '{"pools": {"p": {"env": {"A": "hunter2\n"}}}}'):
            file = self.folder / "wrong.json"
            file.write_text(text)
            status, _, told = self.run_it("check-config", str(file))
            self.assertEqual((status, "hunter2" in told), (2, False), told)

    def test_a_token_in_a_variable_is_not_read_and_that_is_said(self):
        status, _, told = self.run_it("ping", GATHERD_CONNECT_TOKEN="hunter2")
        self.assertEqual((status, "GATHERD_CONNECT_TOKEN_FILE" in told, "hunter2" in told), (2, True, False), told)

    def test_the_client_says_why_it_has_no_token(self):
        for make, reason in ((lambda path: None, "No such file or directory"), (lambda path: path.write_text(""), "its first line is empty"),
                             (lambda path: path.write_text("x" * 70000), "longer than 64KiB")):
            file = self.folder / "token"
            make(file)
            status, _, told = self.run_it("ping", "--token-file", str(file))
            self.assertEqual(status, 2)
            self.assertIn(f"cannot read a token from '{file}': {reason}", told.replace("its first line is longer", "longer"))


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd is not installed")
class DropIn(Case):
    def test_systemd_takes_the_one_that_the_documentation_shows(self):
        text = (ROOT / "docs" / "OPERATIONS.md").read_text()
        shown = re.search(r"```ini\n(\[Service\]\nLoadCredential=.*?)```", text, re.DOTALL)[1]
        unit = (ROOT / "packaging" / "systemd" / "gatherd.service.in").read_text()
        unit = unit.replace("@CMAKE_INSTALL_FULL_BINDIR@/gatherd", BINARY).replace("@CMAKE_INSTALL_FULL_SYSCONFDIR@", "/etc")
        (self.folder / "gatherd.service").write_text(unit)
        (self.folder / "gatherd.service.d").mkdir()
        (self.folder / "gatherd.service.d" / "secrets.conf").write_text(shown)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(self.folder / "gatherd.service")], capture_output=True, text=True, check=False,
                              env=os.environ | {"SYSTEMD_UNIT_PATH": f"{self.folder}:"})
        about_ours = [line for line in done.stderr.splitlines() if "gatherd" in line or "secrets.conf" in line]
        self.assertEqual((done.returncode, about_ours), (0, []), done.stderr)


if __name__ == "__main__":
    unittest.main()
