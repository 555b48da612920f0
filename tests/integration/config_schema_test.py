"""The JSON Schema of the settings is that of the table, and takes and refuses what the daemon does."""

import json
import subprocess
import tempfile
import unittest
from pathlib import Path

import jsonschema
from daemon import BINARY, clean_environment

CONFIG = Path(__file__).resolve().parents[2] / "config"
TOKEN = {"name": "ci", "sha256": "0" * 64, "rights": ["submit"]}
RIGHT = [
    {},
    {"$schema": "./gatherd.schema.json", "listen": "127.0.0.1:0"},
    {"listen": ["127.0.0.1:0", "unix:/tmp/x", "tls:[::1]:7", "systemd"], "tls": {"certificate": "a", "key": "b"}},
    {"threads": 0}, {"threads": "auto"}, {"threads": 1024},
    {"pin_threads": True}, {"pin_threads": "yes"}, {"pin_threads": "false"},
    {"unix": {"mode": "660", "owner": "root"}}, {"unix": {"mode": "0777"}},
    {"auth": {"tokens": [TOKEN], "time": "1m30s", "tries": 5, "open": "no"}},
    {"auth": {"tokens": [TOKEN | {"tasks_in_flight": 5, "functions": ["a.*"], "serve": []}]}},
    {"auth": {"tokens": [{"name": "ci", "file": "/run/secrets/ci", "rights": []}]}},
    {"process": {"allow": ["env"], "max_memory": "off", "max_cpu": 2}}, {"process": {"allow": "env,true"}},
    {"file": {"roots": {"tmp": "/tmp"}}}, {"file": {"roots": "tmp=/tmp"}},
    {"limits": {"memory_bytes": "auto", "message_bytes": 1048576, "id_bytes": "1KiB", "kept_bytes": "1.5G"}},
    {"limits": {"idle_time": "off", "message_time": 2.5, "unread_time": "250ms"}},
    {"pools": {"img": {"command": ["true"], "processes": "auto", "max_memory": "512MiB", "max_age": None, "user": "off"}}},
    {"pools": {"a.b-c_1": {"command": ["true", "x"], "functions": ["a.b"], "env": {"A": "b"}, "drain_time": 0, "restart_min": "1ms"}}},
    {"log": {"level": "debug", "format": "json", "slow": "1s"}},
    {"limits.memory_bytes": "16 MiB", "limits": {"message_bytes": "16M", "kept_bytes": "0.5 GiB"}}, {"limits.idle_time": "1h30m"},
    {"limits": {"message_time": "1 m30 s", "unread_time": "0001.50s", "memory_bytes": "0"}}, {"workers": {"wait": "90"}},
    {"admin.hosts": ["admin.example.org", "192.0.2.1:80", "[::1]:7118"]}, {"admin": {"hosts": "a_b,c"}},
    {"pools": {"img": {"command": ["true"], "max_memory": "1.5 GiB", "max_age": "1d12h", "start_time": 0.001}}},
]
WRONG = [
    {"limit": {}}, {"limits": {"deep": 3}}, {"limits": 3}, {"listen": 7117}, {"threads": -1}, {"threads": 2000}, {"threads": "many"}, {"threads": "2"},
    {"pin_threads": 1}, {"unix": {"mode": 660}}, {"unix": {"mode": "888"}}, {"auth": {"tokens": {}}}, {"auth": {"tokens": [{"name": "ci"}]}},
    {"auth": {"tokens": [TOKEN | {"file": "/run/secrets/ci"}]}}, {"auth": {"tokens": [{"name": "ci", "file": "ci", "rights": []}]}},
    {"auth": {"tokens": [TOKEN | {"rights": ["root"]}]}}, {"auth": {"tokens": [TOKEN | {"more": 1}]}}, {"auth": {"tries": "x"}},
    {"file": {"roots": {"tmp": "tmp"}}}, {"limits": {"memory_bytes": "much"}}, {"limits": {"idle_time": "1 fortnight"}},
    {"limits": {"depth": 1}}, {"pools": []}, {"pools": {"img": {}}}, {"pools": {"img": {"command": []}}}, {"pools": {"a b": {"command": ["x"]}}},
    {"pools": {"img": {"command": ["x"], "processes": 0}}}, {"pools": {"img": {"command": ["x"], "size": 1}}}, {"log": {"level": "loud"}},
    {"log": {"slow": -1}}, {"port_file": 3}, {"limits": {"message_time": True}},
    {"limits.depht": 5}, {"limits.depth": 1}, {"limits": {"kept_bytes": "16 XB"}}, {"limits": {"kept_bytes": "16 "}}, {"limits": {"message_time": "30s1m"}},
    {"limits": {"message_time": "0s"}}, {"limits": {"message_time": "0"}}, {"limits": {"message_time": "1000d"}}, {"limits": {"message_bytes": "9000T"}},
    {"admin": {"hosts": ["http://a"]}}, {"admin": {"hosts": ["a b"]}}, {"admin": {"hosts": ["::1"]}}, {"admin": {"hosts": ["a:123456"]}},
    {"pools": {"img": {"command": ["x"], "user": ""}}}, {"pools": {"img": {"command": ["x"], "max_age": "0s"}}},
    {"pools": {"img": {"command": ["x"], "max_memory": 5}}}, {"pools": {"img": {"command": ["x"], "functions": ["a", "a"]}}},
    {"pools": {"img": {"command": ["x"], "env": {"GATHERD_X": ""}}}}, {"pools": {"img": {"command": ["x"], "env": {"a=b": ""}}}},
]


class Schema(unittest.TestCase):
    def setUp(self):
        self.schema = json.loads((CONFIG / "gatherd.schema.json").read_text())
        self.validator = jsonschema.Draft202012Validator(self.schema)

    def daemon_takes(self, settings):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(settings, file)
            file.flush()
            done = subprocess.run([BINARY, "config", "print", "--with-secrets", "--config", file.name], capture_output=True, text=True, check=False,
                                  env=clean_environment())
        return done.returncode == 0, done.stderr

    def test_it_is_what_the_program_prints(self):
        printed = subprocess.run([BINARY, "config", "schema"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(printed, (CONFIG / "gatherd.schema.json").read_text(), "gatherd config schema > config/gatherd.schema.json")
        jsonschema.Draft202012Validator.check_schema(self.schema)

    def test_the_sample_and_the_defaults_are_right(self):
        self.validator.validate(json.loads((CONFIG / "gatherd.json").read_text()))
        self.validator.validate(json.loads(subprocess.run([BINARY, "config", "print", "--json"], capture_output=True, text=True, check=True,
                                                          env=clean_environment()).stdout))

    def test_it_takes_what_the_daemon_takes(self):
        for settings in RIGHT:
            with self.subTest(settings):
                self.assertEqual(self.daemon_takes(settings), (True, ""))
                self.assertEqual([each.message for each in self.validator.iter_errors(settings)], [])

    def test_it_refuses_what_the_daemon_refuses(self):
        for settings in WRONG:
            with self.subTest(settings):
                self.assertFalse(self.daemon_takes(settings)[0])
                self.assertFalse(self.validator.is_valid(settings))


if __name__ == "__main__":
    unittest.main()
