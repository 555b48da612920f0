#!/usr/bin/python3
"""Pools: processes that the daemon starts and keeps running, with real workers and with some that misbehave."""

import hashlib
import json
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from connection import PATIENCE, Connection
from daemon import BINARY, Daemon, DaemonCase, clean_environment

ROOT = Path(__file__).resolve().parents[2]

# A worker in a few lines, on the socket that it inherits. `functions` maps names to functions of the call's args.
HEAD = """
import json, os, signal, sys, time, socket
connection = socket.socket(fileno=int(os.environ.pop("GATHERD_WORKER_FD")))
stream = connection.makefile("rw")
def send(**message):
    stream.write(json.dumps(message) + "\\n"); stream.flush()
def serve(functions, **more):
    send(id=1, method="serve", params={"functions": [{"name": n} if isinstance(n, str) else n for n in functions], **more})
    assert "result" in json.loads(stream.readline())
def messages():
    return (json.loads(line) for line in stream)
def loop(functions, **more):
    serve([more.pop("declared", {}).get(n, n) for n in functions], **more)
    for message in messages():
        if message.get("method") == "invoke":
            send(id=message["id"], result=functions[message["params"]["call"]](*message["params"]["args"]))
"""


def python(text, *args):
    return [sys.executable, "-Bc", HEAD + text, *args]


def pool(*command, **more):
    return {"command": list(command), "processes": 1, "restart_min": "1ms", "restart_max": "10ms", **more}


def call(name, *args):
    return {"task": {"call": name, "args": list(args), "literal": True}}


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for_end(pid):
    """Until a process that is no child of ours is gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    if not select.select([handle], [], [], PATIENCE)[0]:
        raise AssertionError(f"process {pid} is still there")
    os.close(handle)


class PoolsCase(DaemonCase):
    def daemon(self, *flags, **pools):
        return self.start("--pools", json.dumps(pools), *flags)

    def folder(self):
        folder = tempfile.TemporaryDirectory(prefix="gatherd-pools-")
        self.addCleanup(folder.cleanup)
        return Path(folder.name)


class Serving(PoolsCase):
    def test_a_process_serves_from_the_first_call_on(self):
        client = self.connect(self.daemon(own=pool(*python('loop({"pid": lambda: os.getpid(), "env": lambda: dict(os.environ)})'),
                                                   env={"EXTRA": "yes"})))
        pid = client.result("run", call("pid"))
        [worker] = client.result("workers")
        self.assertEqual((worker["pool"], worker["pid"], worker["functions"]), ("own", pid, ["pid", "env"]))
        variables = client.result("run", call("env"))
        self.assertEqual(variables["EXTRA"], "yes")
        self.assertEqual([name for name in variables if name.startswith("GATHERD")], [])

    def test_a_call_that_was_there_before_the_daemon_is_made(self):
        with socket.create_server(("127.0.0.1", 0)) as waiting, Connection(waiting.getsockname()[1]) as client:
            client.start("run", call("pid"))
            # As systemd hands it over: LISTEN_PID is the daemon's own, which a shell that becomes it knows.
            script = f'exec 3<&{waiting.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
            pools = json.dumps({"own": pool(*python('loop({"pid": os.getpid})'))})
            daemon = subprocess.Popen(["bash", "-c", script, "sh", BINARY, "serve", "--listen", "systemd", "--pools", pools],
                                      env=clean_environment(), pass_fds=[waiting.fileno()], stderr=subprocess.DEVNULL)
            self.addCleanup(daemon.wait)
            self.addCleanup(daemon.kill)
            answer = client.message()
            self.assertIn("result", answer)
            daemon.terminate()
            self.assertEqual(daemon.wait(PATIENCE), 0)
            wait_for_end(answer["result"])

    def test_ping_needs_no_pool(self):
        daemon = self.daemon("--workers.wait", "10ms", own=pool(*python("time.sleep(3600)")))
        client = self.connect(daemon)
        self.assertEqual(client.result("ping"), "pong")
        error = client.error("run", call("nobodys"))
        self.assertEqual(error["code"], -32602)
        self.assertIn("pool own does not serve yet: it is starting", error["data"]["hint"])

    def test_a_process_inherits_nothing_else(self):
        client = self.connect(self.daemon(own=pool(*python(
            'loop({"look": lambda: [sorted(os.listdir("/proc/self/fd")), os.readlink("/proc/self/fd/0"), os.getpgid(0) == os.getpid(),'
            ' list(signal.pthread_sigmask(signal.SIG_BLOCK, []))]})'))))
        files, stdin, leads, mask = client.result("run", call("look"))
        self.assertEqual((files[:4], len(files), stdin, leads, mask), (["0", "1", "2", "3"], 5, "/dev/null", True, []))

    def test_output_goes_to_the_log(self):
        daemon = self.daemon(own=pool(*python('os.write(1, b"out\\x1b \\x9b line\\n"); print("err line", file=sys.stderr); loop({"pid": os.getpid})')))
        pid = self.connect(daemon).result("run", call("pid"))
        daemon.wait_for_log(f"info out\\u001b \\x9b line pool=own pid={pid}")
        daemon.wait_for_log(f"info err line pool=own pid={pid}")

    def test_output_is_escaped_once_in_json(self):
        with Daemon("--pools", json.dumps({"own": pool(*python('os.write(1, b"out\\x1b \\x9b line\\n"); sys.exit(3)'))}),
                    environment={"GATHERD_LOG_FORMAT": "json"}) as daemon:
            daemon.wait_for_log("a process of a pool has failed")
            lines = [json.loads(each) for each in daemon.log.splitlines()]
            output = next(each for each in lines if each["message"].startswith("out"))
            failed = next(each for each in lines if each["message"] == "a process of a pool has failed")
            self.assertEqual(output["message"], "out\x1b \ufffd line")
            self.assertEqual(failed["pid"], output["pid"])

    def test_too_much_output_is_left_out(self):
        daemon = self.daemon(own=pool(*python('sys.stderr.write("line\\n" * 100000 + "x" * 1000000 + "\\n"); loop({"pid": os.getpid})')))
        self.connect(daemon).result("run", call("pid"))
        self.assertLess(daemon.log.count("info line"), 3000)

    def test_names_of_a_pool_are_nobody_elses(self):
        daemon = self.daemon(own=pool(*python('loop({"first": lambda: 1})'), functions=["listed"]))
        client = self.connect(daemon)
        client.result("run", call("first"))
        for name in ("first", "listed"):
            error = client.error("serve", {"functions": [{"name": "free"}, {"name": name}]})
            self.assertEqual((error["code"], error["data"]["path"]), (-32602, "/functions/1/name"))
            self.assertIn("belongs to pool own", error["message"])

    def test_a_listed_function_is_known_before_it_is_served(self):
        daemon = self.daemon("--workers.wait", "10ms", own=pool("false", functions=["listed"]))
        daemon.wait_for_log("it ended with status 1")
        error = self.connect(daemon).error("run", call("listed"))
        self.assertEqual(error["data"]["type"], "ConnectionError")
        self.assertIn("pool own does not serve: it ended with status 1", error["message"])

    def test_tokens_are_not_asked_of_processes(self):
        tokens = json.dumps([{"name": "ci", "sha256": hashlib.sha256(b"secret").hexdigest(), "rights": ["submit"]}])
        daemon = self.daemon("--auth.tokens", tokens, "--process.allow", "true", own=pool(*python('''
def ask(method, params):
    send(id="own", method=method, params=params)
    return next(message for message in messages() if message.get("id") == "own")["result"]
loop({"ask": ask})
''')))
        client = self.connect(daemon)
        self.assertEqual(client.error("run", call("ask", "ping", {}))["code"], -32004)
        self.assertTrue(client.result("auth", {"token": "secret"}))
        # The process has shown no token. It serves, and may do what this token may not.
        run = call("process.run", ["true"])
        self.assertEqual(client.error("run", run)["code"], -32004)
        self.assertEqual(client.result("run", call("ask", "run", run))["status"], 0)

    @unittest.skipIf(os.geteuid(), "only root may start processes of another user")
    def test_a_process_is_of_its_user(self):
        nobody = pwd.getpwnam("nobody")
        client = self.connect(self.daemon(own=pool(*python('loop({"who": lambda: [os.getresuid(), os.getresgid(), os.getgroups(), os.environ["HOME"]]})'), user="nobody")))
        self.assertEqual(client.result("run", call("who")), [[nobody.pw_uid] * 3, [nobody.pw_gid] * 3, os.getgrouplist("nobody", nobody.pw_gid), nobody.pw_dir])

    def test_the_flag_may_be_given_several_times(self):
        script = self.folder() / "tasks.py"
        script.write_text(HEAD + "loop({sys.argv[1]: lambda: sys.argv[2:]})")
        commands = [f"{script} one 'a b' c", f"{sys.executable} {script} two", f"{script} three"]
        daemon = Daemon(*[word for command in commands for word in ("--pool", command)])
        self.addCleanup(daemon.stop)
        client = self.connect(daemon)
        self.assertEqual([client.result("run", call(name)) for name in ("one", "two", "three")], [["a b", "c"], [], []])
        pools = {(*each["functions"], each["pool"]) for each in client.result("workers")}
        self.assertEqual(pools, {("one", "tasks"), ("two", "tasks-2"), ("three", "tasks-3")})

    def test_a_call_into_its_own_full_pool_raises(self):
        client = self.connect(self.daemon(own=pool(*python('''
serve(["outer", "inner"])
for message in messages():
    if message.get("method") == "invoke":
        send(id="own", method="run", params={"task": {"call": "inner"}})
        answer = next(m for m in messages() if m.get("id") == "own")
        send(id=message["id"], result=answer["error"]["data"])
'''))))
        data = client.result("run", call("outer"))
        self.assertEqual(data["type"], "RuntimeError")
        self.assertIn("all places of pool own are taken", data["message"])

    def test_so_does_one_to_a_process_that_serves_something_else(self):
        script = '''
try:
    os.mkdir(sys.argv[1])
    role, other = "a", "b"
except FileExistsError:
    role, other = "b", "a"
serve([role])
for message in messages():
    if message.get("method") == "invoke":
        send(id="own", method="run", params={"task": {"call": other}})
        answer = next(m for m in messages() if m.get("id") == "own")
        send(id=message["id"], result=answer.get("result", answer.get("error", {}).get("data")))
'''
        both = pool(*python(script, str(self.folder() / "first")), processes=2)
        client = self.connect(self.daemon(own=both))
        while sorted(name for each in client.result("workers") for name in each["functions"]) != ["a", "b"]:
            pass
        data = client.result("run", call("a"))
        self.assertEqual(data["type"], "RuntimeError")
        self.assertIn("all places of pool own are taken", data["message"])

    def test_so_does_one_over_a_connection_of_the_process_and_of_what_it_starts(self):
        where = str(self.folder() / "socket")
        daemon = self.start("--admin.listen", "127.0.0.1:0", "--pools", json.dumps({"own": pool(*python('''
REQUEST = b'{"jsonrpc":"2.0","id":1,"method":"run","params":{"task":{"call":"inner"}}}'
def ask(end):
    if isinstance(end, str):
        asking = socket.socket(socket.AF_UNIX)
        asking.connect(end)
    else:
        asking = socket.create_connection(end)
    asking.sendall(REQUEST + b"\\n")
    return json.loads(asking.makefile().readline())["error"]["data"]
def post(port):
    import urllib.request
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/rpc", REQUEST, {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(asked))["error"]["data"]
def fork(end):
    answer, told = os.pipe()
    if os.fork() == 0:
        os.write(told, json.dumps(ask(end)).encode())
        os._exit(0)
    os.wait()
    return json.loads(os.read(answer, 10000))
loop({"ask": ask, "fork": fork, "post": post, "inner": lambda: 1})
'''))}), listen=f"127.0.0.1:0,[::1]:0,unix:{where}")
        client = self.connect(daemon)
        ports = [line.rpartition(":")[2] for line in daemon.port_file.read_text().split()]
        ends = (where, ["127.0.0.1", ports[0]], ["::1", ports[1]])
        asked = [(way, end) for way in ("ask", "fork") for end in ends] + [("post", ports[-1])]
        for way, end in asked:
            with self.subTest(way=way, end=end):
                data = client.result("run", call(way, end))
                self.assertEqual(data["type"], "RuntimeError")
                self.assertIn("all places of pool own are taken", data["message"])
        # Who is no process of the pool waits for its place.
        self.assertEqual(client.result("gather", {"tasks": [{"call": "inner"}] * 3}), [1, 1, 1])


class Faults(PoolsCase):
    def test_a_process_that_fails_is_started_again(self):
        marks = self.folder()
        client = self.connect(self.daemon(own=pool(*python('''
tries = len(os.listdir(sys.argv[1]))
open(f"{sys.argv[1]}/{tries}", "w").close()
if tries < 3: sys.exit(f"not yet {tries}")
loop({"tries": lambda: tries})
''', str(marks)))))
        self.assertEqual(client.result("run", call("tries")), 3)

    def test_errors_say_how_the_process_ended(self):
        daemon = self.daemon(own=pool(*python('''
def die():
    print("out of luck", file=sys.stderr, flush=True); os._exit(7)
loop({"die": die, "kill": lambda: os.kill(os.getpid(), signal.SIGKILL)})
''')))
        client = self.connect(daemon)
        error = client.error("run", call("die"))
        self.assertEqual(error["data"]["type"], "ConnectionError")
        self.assertIn("it ended with status 7: out of luck", error["message"])
        self.assertIn("it was killed by SIGKILL", client.error("run", call("kill"))["message"])

    def test_what_a_process_sent_before_it_ended_is_read(self):
        client = self.connect(self.daemon(own=pool(*python('''
def last(size, is_held):
    if is_held and os.fork() == 0:  # it stays outside of the group, and keeps the socket open, until its input ends
        os.setsid()
        while connection.recv(4096): pass
        os._exit(0)
    connection.sendall(json.dumps({"id": message["id"], "result": "x" * size}).encode() + b"\\n")
    os._exit(0)
serve(["last"])
for message in messages():
    if message.get("method") == "invoke": last(*message["params"]["args"])
'''))))
        for size, is_held in [(5_000_000, False), (5_000_000, True), (10, False), (10, True)] * 2:
            with self.subTest(size=size, is_held=is_held):
                while not (workers := client.result("workers")):
                    pass
                self.assertEqual(len(client.result("run", call("last", size, is_held))), size)
                while workers[0]["pid"] in [each["pid"] for each in client.result("workers")]:
                    pass  # it could get the next call before it has ended

    def test_so_are_the_answers_of_one_that_sends_half_of_another(self):
        client = self.connect(self.daemon(own=pool(*python('''
serve(["first", "second"], concurrency=2)
both = [message for message in (json.loads(stream.readline()), json.loads(stream.readline()))]
whole = json.dumps({"id": both[0]["id"], "result": "x" * 3_000_000}) + "\\n"
connection.sendall((whole + json.dumps({"id": both[1]["id"], "result": 1})[:20]).encode())
os._exit(7)
'''))))
        first, second = client.result("gather", {"tasks": [{"call": "first"}, {"call": "second"}], "return_exceptions": True})
        self.assertEqual(len(first["value"]), 3_000_000)
        self.assertTrue(second["error"]["message"].endswith("it ended with status 7"), second)

    def test_what_they_quote_is_a_text_without_controls(self):
        client = self.connect(self.daemon(own=pool(*python('''
def die(line):
    os.write(2, bytes.fromhex(line)); os._exit(7)
loop({"die": die})
'''))))
        for line, shown in ((b"\x9b31m boom\n", "\\x9b31m boom"), (b"\xe2\x82", "\\xe2\\x82"), (b"a \xc2\x9b1m \x1b\n", "a \\xc2\\x9b1m \\x1b"),
                            ("\u20ac\n".encode(), "\u20ac")):
            with self.subTest(line=line):  # the connection of this test reads UTF-8 only
                self.assertIn("it ended with status 7: " + shown, client.error("run", call("die", line.hex()))["message"])

    def test_an_idempotent_call_goes_to_another(self):
        mark = self.folder() / "mark"
        client = self.connect(self.daemon(own=pool(*python('''
def once():
    try: os.close(os.open(sys.argv[1], os.O_CREAT | os.O_EXCL))
    except FileExistsError: return "again"
    os._exit(1)
loop({"once": once}, declared={"once": {"name": "once", "idempotent": True}})
''', str(mark)))))
        self.assertEqual(client.result("run", call("once")), "again")

    def test_who_never_serves_is_ended(self):
        pids = self.folder() / "pids"
        daemon = self.daemon("--workers.wait", "10ms", own=pool(*python('''
signal.signal(15, signal.SIG_IGN)
print("waiting for a licence", file=sys.stderr, flush=True)
open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
while True: signal.pause()
''', str(pids)), start_time="500ms", cancel_time="50ms"))
        fault = "it did not serve within start_time (0.5 s); it was killed by SIGKILL: waiting for a licence"
        daemon.wait_for_log(fault)
        client = self.connect(daemon)
        self.assertIn(f"pool own does not serve yet: {fault}", client.error("run", call("nobodys"))["data"]["hint"])
        while len(tries := pids.read_text().split()) < 2:  # it is started again
            pass
        wait_for_end(int(tries[0]))

    def test_the_reason_is_the_daemons_where_the_daemon_ends_a_process(self):
        hang = 'loop({"hang": lambda: time.sleep(3600), "one": lambda: 1}, concurrency=2)'
        for program, more, flags, reason in (
                (hang, {"max_age": "20ms", "drain_time": "10ms"}, (), "it has reached max_age (0.02 s), and its calls had not ended within drain_time (0.01 s)"),
                (hang, {"cancel_time": "10ms"}, (), "it did not answer a cancelled call within twice its pool's cancel_time"),
                ('loop({"hang": lambda: "x" * 2000000})', {}, ("--limits.message_bytes", "1MiB"), "limits.message_bytes"),
                ('loop({"hang": lambda: [connection.shutdown(2), time.sleep(3600)]})', {}, (), "it has closed its connection")):
            with self.subTest(reason):
                daemon = self.daemon(*flags, own=pool(*python(program), **more))
                client = self.connect(daemon)
                request = client.start("run", {"task": {"try": {"call": "hang", "literal": True}, "as": "e", "except": {"ref": "e"}}})
                if "cancelled" in reason:
                    other = self.connect(daemon)
                    while not [1 for each in other.result("workers") if each["running"] == 1]:
                        pass
                    self.assertEqual(other.error("run", {"task": {"call": "hang"}, "timeout": 0.01})["code"], -32001)
                message = next(each for each in client.messages(1) if each["id"] == request)["result"]["message"]
                self.assertIn(reason, message)
                self.assertNotIn("SIGTERM", message)

    def test_the_log_says_that_a_pool_serves_or_why_its_serve_is_refused(self):
        daemon = self.daemon(own=pool(*python('loop({"one": lambda: 1})')),
                             refused=pool(*python('send(id=1, method="serve", params={"functions": [{"name": "sleep"}]})\ntime.sleep(3600)'),
                                          start_time="500ms"))
        daemon.wait_for_log("a pool serves pool=own")
        daemon.wait_for_log("error=\"Invalid params: /functions/0/name: 'sleep' is a function of the daemon's own")
        daemon.wait_for_log("it did not serve within start_time (0.5 s): its serve was refused: Invalid params: /functions/0/name")

    def test_a_listed_function_that_its_pool_does_not_serve(self):
        daemon = self.daemon("--workers.wait", "10ms", own=pool(*python('loop({"one": lambda: 1})'), functions=["one", "two"]))
        daemon.wait_for_log("a pool serves pool=own")
        client = self.connect(daemon)
        self.assertIn("two(): pool own serves, but not this function, which its setting functions lists", client.error("run", call("two"))["message"])

    def test_what_allows_no_process_is_a_fault_of_the_settings(self):
        config = self.folder() / "gatherd.json"
        for pools, fault in (
                ('{"own": {"command": ["no-such-program"]}}', "pools.own: there is no program 'no-such-program' in PATH"),
                ('{"own": {"command": ["/no/such"]}}', "pools.own: '/no/such' cannot be executed: No such file or directory"),
                ('{"own": {"command": ["/etc/passwd"]}}', "pools.own: '/etc/passwd' cannot be executed: Permission denied"),
                ('{"own": {"command": ["python3", "/none.py"]}}', "pools.own: '/none.py' cannot be read: No such file or directory"),
                ('{"own": {"command": ["none.py"], "cwd": "/tmp"}}', "pools.own: '/tmp/none.py' cannot be read: No such file or directory"),
                ('{"own": {"command": ["true"], "cwd": "/no/such/folder"}}', "pools.own: its folder '/no/such/folder'"),
                ('{"own": {"command": ["true"], "user": "no-such-user"}}', "pools.own: there is no user 'no-such-user'"),
                ('{"own": {"command": ["true"], "user": ""}}', "own.user must be a text that is not empty"),
                ('{"own": {"command": ["true"], "functions": ["sleep"]}}', "pools.own: functions: 'sleep' is a function of the daemon's own"),
                ('{"own": {"command": ["true"], "functions": ["http.x"]}}', "pools.own: functions: names that begin with 'http.' are reserved"),
                ('{"own": {"command": ["true"], "functions": ["a", "b", "a"]}}', "own.functions: a is there twice"),
                ('{"own": {"command": ["true"]}, "own": {"command": ["false"]}}', "pools: 'own' is there twice")):
            config.write_text('{"listen": "127.0.0.1:0", "pools": %s}' % pools)
            for words in (["serve", "--config", str(config)], ["check-config", str(config)]):
                with self.subTest(fault=fault, words=words[0]):
                    refused = subprocess.run([BINARY, *words], capture_output=True, text=True, env=clean_environment(), timeout=PATIENCE)
                    self.assertEqual(refused.returncode, 2, refused.stderr)
                    self.assertIn(fault, refused.stderr)

    def test_who_does_not_answer_a_cancellation_is_replaced(self):
        client = self.connect(self.daemon(own=pool(*python('loop({"pid": os.getpid, "hang": lambda: [signal.signal(15, signal.SIG_IGN), time.sleep(3600)]})'),
                                                   cancel_time="20ms")))
        pid = client.result("run", call("pid"))
        self.assertEqual(client.error("run", {**call("hang"), "timeout": 0.01})["code"], -32001)
        self.assertNotEqual(client.result("run", call("pid")), pid)
        wait_for_end(pid)


class Ends(PoolsCase):
    FORKING = '''
def fork():
    child = os.fork()
    if child == 0:
        signal.signal(15, signal.SIG_IGN); time.sleep(3600)
    return [os.getpid(), child]
loop({"fork": fork, "pid": os.getpid})
'''

    def test_who_waits_for_a_pool_is_told_that_the_daemon_stops(self):
        daemon = self.daemon(own=pool("sleep", "3600", cancel_time="50ms"))
        client = self.connect(daemon)
        asked = client.start("run", call("never"))
        client.start("ping")
        self.assertEqual(client.message()["result"], "pong")  # the call has been read before
        daemon.signal()
        answer = client.message()
        self.assertEqual((answer["id"], answer["error"]["code"]), (asked, -32005))
        client.close()
        self.assertEqual(daemon.wait(), 0)

    def test_nothing_is_left_when_the_daemon_stops(self):
        daemon = self.daemon(own=pool(*python("signal.signal(15, signal.SIG_IGN)\n" + self.FORKING + "time.sleep(3600)"), cancel_time="50ms"))
        pids = self.connect(daemon).result("run", call("fork"))
        daemon.stop()
        for pid in pids:
            wait_for_end(pid)

    def test_no_process_outlives_a_killed_daemon(self):
        daemon = Daemon("--pools", json.dumps({"own": pool(*python("signal.signal(15, signal.SIG_IGN)\n" + 'loop({"pid": os.getpid})\ntime.sleep(3600)'))}))
        client = self.connect(daemon)
        pid = client.result("run", call("pid"))
        daemon.kill()
        wait_for_end(pid)

    def test_calls_in_flight_end_before_the_daemon_does(self):
        daemon = self.daemon(own=pool(*python('loop({"gone": lambda path: [os.path.exists(path) or time.sleep(0.001) for _ in iter(lambda: os.path.exists(path), True)] and None or 5})')))
        mark = self.folder() / "mark"
        client = self.connect(daemon)
        client.start("run", call("gone", str(mark)))
        other = self.connect(daemon)
        while not any(each["running"] for each in other.result("workers")):
            pass
        daemon.signal()
        daemon.wait_for_log("draining")
        mark.touch()
        self.assertEqual(client.message()["result"], 5)
        self.assertEqual(daemon.wait(), 0)

    def test_calls_that_outlast_drain_time_are_lost(self):
        marks = self.folder()
        daemon = self.daemon(own=pool(*python('''
signal.signal(15, signal.SIG_IGN)
is_first = not os.path.exists(sys.argv[1] + "/begun")
def hang(): return os.getpid() if not is_first else [open(sys.argv[1] + "/begun", "w").close(), time.sleep(3600)]
loop({"again": hang, "once": hang}, declared={"again": {"name": "again", "idempotent": True}}, concurrency=2)
''', str(marks)), drain_time="20ms", cancel_time="20ms"))
        client = self.connect(daemon)
        again, once = client.start("run", call("again")), client.start("run", call("once"))
        other = self.connect(daemon)
        while not (marks / "begun").exists() or [each["running"] for each in other.result("workers")] != [2]:
            pass
        [old] = [each["pid"] for each in other.result("workers")]
        daemon.signal(signal.SIGHUP)
        answers = {message["id"]: message for message in client.messages(2)}
        self.assertEqual(answers[once]["error"]["data"]["type"], "ConnectionError")
        self.assertIn(f"its process {old} was stopped: its pool was reloaded, and its calls had not ended within drain_time (0.02 s)"
                      "; it was killed by SIGKILL", answers[once]["error"]["message"])
        self.assertNotEqual(answers[again]["result"], old)
        wait_for_end(old)

    def test_each_process_gets_max_calls(self):
        client = self.connect(self.daemon(own=pool(*python('loop({"pid": os.getpid})'), max_calls=2)))
        pids = client.result("run", {"task": {"map": "pid", "over": [[]] * 6}})
        self.assertEqual(sorted(pids.count(pid) for pid in set(pids)), [2, 2, 2])
        for pid in set(pids):
            wait_for_end(pid)

    def test_a_process_of_max_memory_is_replaced(self):
        client = self.connect(self.daemon(own=pool(*python('loop({"pid": os.getpid, "eat": lambda: globals().update(eaten=b"x" * (100 << 20))})'),
                                                   max_memory="60MiB")))
        pid = client.result("run", call("pid"))
        client.result("run", call("eat"))
        wait_for_end(pid)
        self.assertNotEqual(client.result("run", call("pid")), pid)

    def test_a_process_of_max_age_is_replaced(self):
        client = self.connect(self.daemon(own=pool(*python('loop({"pid": os.getpid})'), max_age="30ms")))
        pid = client.result("run", call("pid"))
        wait_for_end(pid)
        self.assertNotEqual(client.result("run", call("pid")), pid)


class Reloads(PoolsCase):
    def test_new_processes_serve_before_the_old_ones_end(self):
        daemon = self.daemon(own=pool(*python('loop({"pid": os.getpid})')))
        client = self.connect(daemon)
        now = client.result("run", call("pid"))
        pids = {now}
        for _ in range(5):
            before = set(pids)
            client.start("run", {"task": {"map": "pid", "over": [[]] * 500}})
            daemon.signal(signal.SIGHUP)
            pids |= set(client.message()["result"])
            while (now := client.result("run", call("pid"))) in before:
                pass
            pids.add(now)
        for pid in pids - {now}:
            wait_for_end(pid)
        while [each["pid"] for each in client.result("workers")] != [now]:
            pass

    def test_if_the_new_ones_fail_the_old_ones_stay(self):
        mark = self.folder() / "mark"
        daemon = self.daemon(own=pool(*python('''
if os.path.exists(sys.argv[1]): sys.exit("a fault of the new one")
loop({"pid": os.getpid})
''', str(mark))))
        client = self.connect(daemon)
        pid = client.result("run", call("pid"))
        mark.touch()
        daemon.signal(signal.SIGHUP)
        daemon.wait_for_log('the new processes of a pool do not serve, the old ones stay pool=own pid=')
        self.assertIn(' error="it ended with status 1: a fault of the new one"', daemon.log)
        self.assertEqual(client.result("run", call("pid")), pid)

    def test_a_reload_overtakes_one_that_is_on_trial(self):
        folder = self.folder()
        daemon = self.daemon(own=pool(*python('''
if os.path.exists(sys.argv[1] + "/block"):
    signal.signal(15, signal.SIG_IGN)
    os.rename(open(f"{sys.argv[1]}/{os.getpid()}", "w").name, sys.argv[1] + f"/blocked.{os.getpid()}")
    while True: signal.pause()
loop({"pid": os.getpid})
''', str(folder)), cancel_time="20ms"))
        client = self.connect(daemon)
        first = client.result("run", call("pid"))
        (folder / "block").touch()
        daemon.signal(signal.SIGHUP)
        while not (blocked := list(folder.glob("blocked.*"))):
            self.assertEqual(client.result("run", call("pid")), first)
        (folder / "block").unlink()
        daemon.signal(signal.SIGHUP)
        while client.result("run", call("pid")) == first:
            pass
        for pid in (first, int(blocked[0].suffix[1:])):
            wait_for_end(pid)
        while len(client.result("workers")) > 1:  # the daemon has yet to see it
            pass
        self.assertNotIn("the old ones stay", daemon.log)

    def test_pools_come_and_go_with_the_settings(self):
        file = self.folder() / "gatherd.json"
        one = pool(*python('loop({sys.argv[1]: os.getpid})', "one"))
        file.write_text(json.dumps({"pools": {"one": one}}))
        daemon = Daemon("--config", str(file))
        self.addCleanup(daemon.stop)
        client = self.connect(daemon)
        pid = client.result("run", call("one"))
        file.write_text(json.dumps({"pools": {"two": pool(*python('loop({sys.argv[1]: os.getpid})', "two"))}}))
        daemon.signal(signal.SIGHUP)
        daemon.wait_for_log("SIGHUP: the settings were read again")
        self.assertNotEqual(client.result("run", call("two")), pid)
        wait_for_end(pid)
        client.result("serve", {"functions": [{"name": "one"}]})


class Languages(PoolsCase):
    """The three-line example: a command of each language, and only the script."""

    def served(self, command, environment, cwd, name, *args):
        daemon = subprocess.Popen([BINARY, "serve", "--listen", "127.0.0.1:0", "--port-file", str(cwd / "port"), "--pool", command],
                                  cwd=cwd, env=clean_environment(**environment), stderr=subprocess.PIPE, text=True)
        try:
            while "is ready" not in (line := daemon.stderr.readline()):
                self.assertTrue(line, "the daemon has ended")
            port = int((cwd / "port").read_text().rpartition(":")[2])
            client = Connection(port)
            result = client.result("run", call(name, *args))
            client.close()
            return result
        finally:
            daemon.terminate()
            daemon.communicate(timeout=PATIENCE)
            (cwd / "port").unlink(missing_ok=True)
            self.assertEqual(daemon.returncode, 0)

    def test_python(self):
        folder = self.folder()
        (folder / "tasks.py").write_text("from gatherd import function, run\n@function\ndef resize(path: str, width: int = 800) -> list:\n"
                                         "    return [path, width]\nrun()\n")
        for command in ("python3 tasks.py", "tasks.py"):
            self.assertEqual(self.served(command, {"PYTHONPATH": str(ROOT / "clients/python"), "PYTHONDONTWRITEBYTECODE": "1"}, folder,
                                         "resize", "a.jpg", 300), ["a.jpg", 300])

    @unittest.skipUnless(shutil.which("node"), "there is no node")
    def test_node(self):
        folder = self.folder()
        (folder / "tasks.js").write_text(f"require({json.dumps(str(ROOT / 'clients/node/worker.js'))}).serve({{ twice: (n) => 2 * n }});\n")
        self.assertEqual(self.served("tasks.js", {}, folder, "twice", 4), 8)

    @unittest.skipUnless(shutil.which("php"), "there is no php")
    def test_php(self):
        folder = self.folder()
        (folder / "tasks.php").write_text("<?php spl_autoload_register(fn ($c) => require " + repr(str(ROOT / "clients/php/src")) +
                                          " . '/' . str_replace('\\\\', '/', substr($c, 8)) . '.php');\n"
                                          "Gatherd\\Worker::serve(['twice' => fn (int $n) => 2 * $n]);\n")
        self.assertEqual(self.served("tasks.php", {}, folder, "twice", 4), 8)


if __name__ == "__main__":
    unittest.main()
