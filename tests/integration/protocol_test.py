#!/usr/bin/python3
"""Framing, JSON-RPC and the life of a connection, in bytes."""

import json
import unittest

from daemon import SharedDaemonCase

PONG = '{{"jsonrpc":"2.0","id":{},"result":"pong"}}'


def ping(id_text):
    return f'{{"id":{id_text},"method":"ping"}}'


class WireCase(SharedDaemonCase):
    """One daemon for all tests of a class, a connection for each."""

    def setUp(self):
        self.connection = self.daemon.connect()
        self.addCleanup(self.connection.close)

    def exchange(self, data):
        """All lines that come back for these bytes and the end of input."""
        self.connection.send(data)
        self.connection.end()
        return self.connection.rest()

    def codes(self, data):
        return [json.loads(line)["error"]["code"] for line in self.exchange(data)]


class JsonLines(WireCase):
    IDS = [('1', '1'), ('-0', '0'), ('1.50', '1.5'), ('1E+2', '100.0'), ('18446744073709551615', '18446744073709551615'),
           ('-9223372036854775808', '-9223372036854775808'), ('""', '""'), ('"a\\u0062\\/"', '"ab/"'), ('"\\ud834\\udd1e"', '"\U0001d11e"'),
           ('"æ"', '"æ"'), ('null', 'null'), ('0.1e-7', '1e-08')]

    def test_ids_are_echoed_as_the_same_value(self):
        for sent, echoed in self.IDS:
            with self.subTest(id=sent):
                self.connection.send(ping(sent) + "\n")
                self.assertEqual(self.connection.line(), PONG.format(echoed))

    def test_ids_are_echoed_in_notifications_too(self):
        for sent, echoed in self.IDS:
            with self.subTest(id=sent):
                self.connection.send(f'{{"id":{sent},"method":"run","params":[{{"call":"print","args":["x"]}}]}}\n')
                self.assertEqual(self.connection.line(),
                                 f'{{"jsonrpc":"2.0","method":"output","params":{{"request":{echoed},"text":"x"}}}}')
                self.assertEqual(self.connection.line(), f'{{"jsonrpc":"2.0","id":{echoed},"result":null}}')

    def test_an_id_is_at_most_1024_bytes_long(self):
        longest = '"' + "x" * 1024 + '"'
        self.connection.send(ping(longest) + "\n" + ping(longest[:-1] + 'x"') + "\n")
        self.assertEqual(self.connection.line(), PONG.format(longest))
        answer = self.connection.message()
        self.assertEqual((answer["id"], answer["error"]["code"]), (None, -32006))
        self.assertEqual(answer["error"]["data"], {"limit": "limits.id_bytes", "max": 1024})

    def test_an_integer_beyond_64_bits_is_no_id(self):
        self.connection.send(ping("18446744073709551616") + "\n")
        answer = self.connection.message()
        self.assertEqual((answer["id"], answer["error"]["code"]), (None, -32600))

    def test_an_id_of_another_kind_is_refused_with_id_null(self):
        for text in ('true', 'false', '[]', '{}', '[1]'):
            with self.subTest(id=text):
                self.connection.send(ping(text) + "\n")
                answer = self.connection.message()
                self.assertEqual((answer["id"], answer["error"]["code"]), (None, -32600))

    def test_a_request_may_span_lines(self):
        request = json.dumps({"id": 1, "method": "run", "params": {"task": {"gather": [{"value": i} for i in range(5)]}}}, indent=2)
        self.connection.send(request.replace("\n", "\r\n") + "\n")
        self.assertEqual(self.connection.message()["result"], list(range(5)))

    def test_it_may_come_one_byte_at_a_time(self):
        for byte in b'{"id":1,"method":"run","params":[{"call":"echo","args":["\xc3\xa6 \\" ]}"]}]}\n' + ping(2).encode():
            self.connection.send(bytes([byte]))
        self.assertEqual(self.connection.message()["result"], 'æ " ]}')
        self.assertEqual(self.connection.line(), PONG.format(2))

    def test_many_may_come_in_one_packet_without_anything_between(self):
        self.connection.send("".join(ping(i) for i in range(1000)))
        self.assertEqual([self.connection.line() for _ in range(1000)], [PONG.format(i) for i in range(1000)])

    def test_empty_lines_are_skipped(self):
        self.assertEqual(self.exchange("\n \r\n\t\n" + ping(1) + "\n\n"), [PONG.format(1)])

    def test_malformed_text_is_answered_and_the_connection_lives(self):
        for text in ('{"id":1', '{]', '{"a":"\n', '[1,2', '{"id":1,}', '{"id":01}', '{"a":nul}', '{"a":"\\x"}', 'nonsense',
                     '{"a":"\\ud800"}', '{"a":NaN}', '{"a":1e999}', '{"a" 1}', '}'):
            with self.subTest(text=text):
                self.connection.send(text.rstrip("\n") + "\n" + ping(7) + "\n" if "\n" not in text else text + ping(7) + "\n")
                answer = self.connection.message()
                self.assertEqual((answer["id"], answer["error"]["code"]), (None, -32700))
                # An open bracket swallows the line after it, which is where the fault shows.
                self.connection.send(ping(8) + "\n")
                line = self.connection.line()
                if line == PONG.format(7):
                    line = self.connection.line()
                self.assertEqual(line, PONG.format(8))

    def test_bytes_that_are_no_utf8_are_malformed(self):
        for data in (b'{"a":"\xff"}', b'{"a":"\xc3"}', b'{"a":"\xed\xa0\x80"}', b'\xef\xbb\xbf{"id":1,"method":"ping"}'):
            with self.subTest(data=data), self.daemon.connect() as connection:
                connection.send(data + b"\n" + ping(1).encode() + b"\n")
                self.assertEqual(connection.message()["error"]["code"], -32700)
                self.assertEqual(connection.line(), PONG.format(1))

    def test_what_follows_malformed_text_on_its_line_goes_with_it(self):
        for data in (b'{]', b'{"a":"\xff"}', b'{"a":"\\ud800"}', b'{"a":1e999}', b'[1,\n"\xff"]', b'{"a":"' + b"x" * 200_000 + b'\xff"}'):
            with self.subTest(data=data[:20]):
                self.connection.send(data + b" " + ping(1).encode() + b"\n" + ping(2).encode() + b"\n")
                self.assertEqual(self.connection.message()["error"]["code"], -32700)
                self.assertEqual(self.connection.line(), PONG.format(2))

    def test_malformed_text_in_a_message_of_many_lines(self):
        # A fault of structure is answered at its own line end, one of spelling when the outermost bracket has closed.
        for fault, rest in ((b"[1}", b""), (b"1 2", b""), (b'"\n', b""), (b'"\xff"', b" 1\n ]\n}"), (b'"\\ud800"', b" 1\n ]\n}"),
                            (b"1e999", b" 1\n ]\n}"), (b"tru", b" 1\n ]\n}")):
            for piece in (1, 1000):
                with self.subTest(fault=fault, piece=piece):
                    text = b'{\n "id": 1,\n "params": [\n' + fault + b",\n" * (not fault.endswith(b"\n")) + rest
                    for at in range(0, len(text), piece):
                        self.connection.send(text[at:at + piece])
                    self.assertEqual(self.connection.message()["error"]["code"], -32700)  # with no byte more
                    self.connection.send(b"\n" * bool(rest) + ping(2).encode() + b"\n")
                    self.assertEqual(self.connection.line(), PONG.format(2))

    def test_also_what_nobody_reads_must_be_json(self):
        for member in ('"x":tru', '"x":"\\x"', '"x":[1e999]', '"x":{"y":01}'):
            with self.subTest(member=member):
                self.connection.send('{"id":1,"method":"ping",' + member + "}\n" + ping(2) + "\n")
                self.assertEqual(self.connection.message()["error"]["code"], -32700)
                self.assertEqual(self.connection.line(), PONG.format(2))

    def test_numbers_of_any_size_that_a_double_or_an_integer_holds_are_json(self):
        for number in ("1e308", "-1.7976931348623158e308", "1e-999", "0e999"):
            with self.subTest(number=number):
                self.connection.send('{\n "id": 1, "method": "run",\n "params": [{"value": ' + number + "\n}]}\n")
                self.assertEqual(self.connection.message()["result"], float(number))

    def test_a_scalar_is_no_request(self):
        self.assertEqual(self.codes('1\n"text"\nnull\ntrue\n'), [-32600] * 4)

    def test_the_end_of_input_inside_a_message_is_malformed(self):
        self.assertEqual(self.codes('{"id":1,"method":"ping"'), [-32700])

    def test_the_last_line_needs_no_end(self):
        self.assertEqual(self.exchange(ping(1)), [PONG.format(1)])

    def test_half_close_waits_for_what_is_owed(self):
        lines = self.exchange('{"id":1,"method":"run","params":[{"call":"sleep","args":[0.2,"owed"]}]}\n' + ping(2))
        self.assertEqual(lines, [PONG.format(2), '{"jsonrpc":"2.0","id":1,"result":"owed"}'])

    def test_http_and_tls_are_closed_without_a_word(self):
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /x HTTP/1.1\r\n", b"CONNECT a:1 HTTP/1.1\r\n", b"OPTIONS * ",
                     b"patch / HTTP/1.1\r\n\r\n" + ping(1).encode(), b"x" * 1000 + b" / HTTP/1.1\r\n", b"1!#$%&'*+-.^_`|~ /",
                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
            with self.subTest(data=data), self.daemon.connect() as connection:
                before = self.connection.result("stats")["foreign_closed"]
                connection.send(data)
                try:
                    self.assertEqual(connection.rest(), [])
                except ConnectionResetError:
                    pass
                self.assertEqual(self.connection.result("stats")["foreign_closed"], before + 1)


class JsonRpc(WireCase):
    def test_what_is_echoed_of_a_name_is_cut_at_a_character(self):
        for shift in range(4):  # so that the cut falls on each byte of a character
            name = "x" * shift + "\U0001f600" * 100
            run = lambda task: {"method": "run", "params": [task]}
            for request in ({"method": name}, {"method": "ping", "params": {name: 1}}, {"method": "status", "params": [name]},
                            {"method": "cancel", "params": {"id": name}}, run({"call": name}), run({"ref": name}), run({name: 1}),
                            run({"value": 1, name: 1}), run({"gather": [], name: 1}), run({"call": "noop", "args": {name: 1}}),
                            run({"call": "sleep", "args": [name]}), run({"call": "add", "args": [1, name]}),
                            run({"call": "fail", "args": [name]}), run({"try": {"call": name}, "as": name}),
                            run({"gather": [{"call": "noop"}], "limit": name}), run({"let": {name: 5}, "in": {"value": 1}}),
                            run({"call": "random.choices", "args": {name: [1]}}), {"method": "run", "params": {"task": {"value": 1}, name: 2}}):
                with self.subTest(shift=shift, request=str(request)[:60]):
                    self.connection.send(json.dumps({"id": 1, **request}, ensure_ascii=False) + "\n")
                    answer = self.connection.message()  # decoded strictly: all that is sent is UTF-8
                    self.assertIn("error", answer)

    def test_members_of_an_answer_come_in_order(self):
        self.connection.send('{"method":"ping","params":[],"id":"x","jsonrpc":"2.0"}\n{"method":"?","id":1}\n')
        self.assertEqual(self.connection.line(), PONG.format('"x"'))
        self.assertTrue(self.connection.line().startswith('{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"'))

    def test_what_is_no_request(self):
        for text in ('{"jsonrpc":"1.0","id":1,"method":"ping"}', '{"jsonrpc":2,"id":1,"method":"ping"}', '{"id":1}',
                     '{"id":1,"method":5}', '{"id":1,"method":"ping","params":5}', '{"id":1,"method":"ping","params":"x"}', '{}'):
            with self.subTest(text=text):
                self.connection.send(text + "\n")
                self.assertEqual(self.connection.message()["error"]["code"], -32600)

    def test_notifications_are_silent(self):
        silent = [{"method": "ping"}, {"method": "nope"}, {"method": "run", "params": {"task": {"call": "print", "args": ["x"]}}},
                  {"method": "run", "params": {"task": {"call": "fail"}}}, {"method": "run", "params": {"task": 1}},
                  {"method": "gather", "params": {"tasks": [{"value": 1}], "stream": True, "progress": 0}}]
        for each in silent:
            self.connection.send(each)
        self.connection.send(silent)
        self.assertEqual(self.exchange(ping(1)), [PONG.format(1)])

    def test_a_task_that_a_notification_created_prints_nothing(self):
        """Nobody was told its id, so its lines would belong to nothing."""
        self.connection.send({"method": "create_task", "params": {"task": {"call": "print", "args": ["x"]}, "name": "silent"}})
        [made] = [each["id"] for each in self.connection.result("tasks") if each["name"] == "silent"]
        self.assertIsNone(self.connection.result("await", [made]))
        self.assertEqual(self.exchange(ping(1)), [PONG.format(1)])

    def test_a_notification_runs(self):
        self.connection.send({"method": "create_task", "params": {"task": {"value": "made"}, "name": "by a notification", "detach": True}})
        names = [each["name"] for each in self.connection.result("tasks")]
        self.assertIn("by a notification", names)

    def test_a_batch_is_answered_by_one_array(self):
        self.connection.send([
            {"id": 1, "method": "ping"}, {"method": "ping"}, 5, {"id": 2, "method": "nope"}, [],
            {"id": 3, "method": "run", "params": [{"call": "sleep", "args": [0.05, "slow"]}]}, {"id": None, "method": "ping"}])
        answers = self.connection.message()
        by_id = {json.dumps(each["id"]): each for each in answers if "result" in each}
        self.assertEqual(len(answers), 6)
        self.assertEqual({name: each["result"] for name, each in by_id.items()}, {"1": "pong", "3": "slow", "null": "pong"})
        self.assertEqual(sorted(each["error"]["code"] for each in answers if "error" in each), [-32601, -32600, -32600])

    def test_a_batch_of_notifications_is_answered_by_nothing_and_of_nothing_by_an_error(self):
        self.connection.send('[{"method":"ping"},{"method":"ping"}]\n[]\n')
        answer = self.connection.message()
        self.assertEqual((answer["id"], answer["error"]["code"]), (None, -32600))

    def test_output_of_a_batch_comes_before_its_array(self):
        self.connection.send([{"id": "p", "method": "run", "params": [{"call": "print", "args": ["line"]}]}, {"id": 2, "method": "ping"}])
        self.assertEqual(self.connection.message(),
                         {"jsonrpc": "2.0", "method": "output", "params": {"request": "p", "text": "line"}})
        self.assertEqual(sorted(str(each["id"]) for each in self.connection.message()), ["2", "p"])

    def test_an_id_may_be_in_use_twice(self):
        for value in ("a", "b"):
            self.connection.send({"id": 1, "method": "run", "params": [{"call": "sleep", "args": [0.02, value]}]})
        self.assertEqual({each["result"] for each in self.connection.messages(2)}, {"a", "b"})

    def test_requests_run_at_the_same_time(self):
        """The second ends while the first still waits for it to be cancelled."""
        self.connection.send('{"id":"first","method":"run","params":[{"call":"sleep","args":[600]}]}\n'
                             '{"id":"second","method":"run","params":[{"call":"sleep","args":[0.01,"done"]}]}\n')
        self.assertEqual(self.connection.message()["id"], "second")
        self.connection.send('{"id":3,"method":"cancel","params":{"request":"first"}}\n')
        self.assertEqual({str(each["id"]) for each in self.connection.messages(2)}, {"first", "3"})


class ContentLength(WireCase):
    def frame(self, body, header="Content-Length"):
        data = body.encode()
        return f"{header}: {len(data)}\r\n\r\n".encode() + data

    def read_frame(self):
        line = self.connection.line()
        self.assertRegex(line, r"^Content-Length: \d+\r$")
        self.assertEqual(self.connection.exactly(2), b"\r\n")
        return self.connection.exactly(int(line.split(": ")[1])).decode()

    def test_it_is_spoken_in_both_directions(self):
        self.connection.send(self.frame(ping(1)) + self.frame(ping(2), "content-LENGTH"))
        self.assertEqual([self.read_frame(), self.read_frame()], [PONG.format(1), PONG.format(2)])

    def test_other_headers_are_ignored(self):
        self.connection.send(f"Content-Length: {len(ping(1))}\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{ping(1)}")
        self.assertEqual(self.read_frame(), PONG.format(1))

    def test_notifications_are_framed_too(self):
        self.connection.send(self.frame('{"id":1,"method":"run","params":[{"call":"print","args":["æ"]}]}'))
        self.assertEqual(self.read_frame(), '{"jsonrpc":"2.0","method":"output","params":{"request":1,"text":"æ"}}')
        self.assertEqual(self.read_frame(), '{"jsonrpc":"2.0","id":1,"result":null}')

    def test_a_bad_body_is_answered_and_the_connection_lives(self):
        self.connection.send(self.frame("{]") + self.frame(ping(1)))
        self.assertEqual(json.loads(self.read_frame())["error"]["code"], -32700)
        self.assertEqual(self.read_frame(), PONG.format(1))

    def test_a_bad_header_is_answered_and_the_connection_ends(self):
        self.connection.send("Content-Length: many\r\n\r\n")
        self.assertEqual(json.loads(self.read_frame())["error"]["code"], -32700)
        self.assertEqual(self.connection.rest(), [])

    def test_it_may_come_one_byte_at_a_time(self):
        for byte in self.frame(ping(1)):
            self.connection.send(bytes([byte]))
        self.assertEqual(self.read_frame(), PONG.format(1))


if __name__ == "__main__":
    unittest.main()
