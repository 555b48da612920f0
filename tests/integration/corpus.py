"""The classic cases of JSON parsing, each as the value in `{"id":1,"method":"run","params":[{"value":HERE}]}`.

VALID ones come back as a text that is given; INVALID ones are -32700 with id null, and the connection lives on; the rest
is what JSON leaves to an implementation, and what this one does. Written for this project.
"""

from typing import NamedTuple

HEAD, TAIL = b'{"id":1,"method":"run","params":[{"value":', b"}]}"
MALFORMED, INVALID_PARAMS, OVER_LIMIT = -32700, -32602, -32006


class Case(NamedTuple):
    name: str
    value: bytes
    answer: bytes | int  # the value as it comes back, or the error's code

    @property
    def text(self):
        return HEAD + self.value + TAIL

    @property
    def has_line_end(self):
        return b"\n" in self.value


def same(name, text):
    return Case(name, text, text)


VALID = [
    same("null", b"null"), same("true", b"true"), same("false", b"false"), same("zero", b"0"), same("minus one", b"-1"),
    same("an empty array", b"[]"), same("an empty object", b"{}"), same("an empty string", b'""'),
    same("the least integer", b"-9223372036854775808"), same("the greatest integer", b"18446744073709551615"),
    same("beyond a double's integers", b"9007199254740993"), Case("minus zero", b"-0", b"0"), same("minus zero as a double", b"-0.0"),
    Case("an exponent", b"1e3", b"1000.0"), Case("a capital exponent with plus", b"1E+2", b"100.0"), Case("a negative exponent", b"5e-1", b"0.5"),
    same("the least double", b"5e-324"), same("the greatest double", b"1.7976931348623157e+308"), Case("too small is zero", b"1e-400", b"0.0"),
    Case("many zeros in an exponent", b"1e0000000000000000000001", b"10.0"), Case("many digits", b"0." + b"3" * 400, b"0.3333333333333333"),
    Case("many leading zeros of a fraction", b"0." + b"0" * 300 + b"1e301", b"1.0"),
    same("an escaped quote", b'"\\""'), same("an escaped backslash", b'"\\\\"'), Case("an escaped slash", b'"\\/"', b'"/"'),
    same("control characters by name", b'"\\b\\f\\n\\r\\t"'), same("NUL, escaped", b'"\\u0000"'), Case("an escaped letter", b'"\\u0061"', b'"a"'),
    Case("escapes in either case", b'"\\u00e9\\u00E9"', '"éé"'.encode()), Case("a pair of surrogates", b'"\\ud83d\\ude00"', '"😀"'.encode()),
    Case("pairs in capitals", b'"\\uD834\\uDD1E"', '"𝄞"'.encode()), same("UTF-8 of two bytes", '"é"'.encode()), same("UTF-8 of three bytes", '"世"'.encode()),
    same("UTF-8 of four bytes", '"😀"'.encode()), same("the last code point", '"\U0010ffff"'.encode()), same("a noncharacter", '"\uffff"'.encode()),
    same("DEL", b'"\x7f"'), Case("line separators", '"\u2028\u2029"'.encode(), '"\u2028\u2029"'.encode()), same("a BOM inside a text", '"\ufeff"'.encode()),
    Case("brackets inside a text", b'"]}[{"', b'"]}[{"'), Case("white space everywhere", b" [\t1 ,\r 2 ] ", b"[1,2]"),
    Case("line ends between tokens", b"[\n1\n,\n2\n]\n", b"[1,2]"), Case("carriage returns", b"[\r\n1\r\n]", b"[1]"),
    same("an empty key", b'{"":1}'), same("a key with an escape", b'{"\\n":1}'), same("order of keys", b'{"b":1,"a":2}'),
    Case("keys that are equal once unescaped", b'{"a":1,"b":2,"\\u0061":3}', b'{"a":3,"b":2}'), Case("a key twice", b'{"a":1,"a":2}', b'{"a":2}'),
    same("nested", b'[[[[[{"a":[{"b":{}}]}]]]]]'), same("500 deep", b"[" * 500 + b"]" * 500), same("a long array", b"[" + b"1," * 5000 + b"1]"),
    same("a long text", b'"' + b"x" * 70000 + b'"'), same("text with a colon and comma", b'"a:b,c"'), same("__proto__", b'{"__proto__":{"a":1}}'),
]

INVALID = [Case(name, text, MALFORMED) for name, text in [
    ("nothing", b""), ("a comma at the end of an array", b"[1,]"), ("a comma at the end of an object", b'{"a":1,}'), ("a comma alone", b"[,]"),
    ("two commas", b"[1,,2]"), ("a comma first", b"[,1]"), ("no comma", b"[1 2]"), ("a colon in an array", b'["a":1]'), ("no colon", b'{"a" 1}'),
    ("two colons", b'{"a"::1}'), ("no value", b'{"a":}'), ("no key", b"{:1}"), ("a number as key", b"{1:1}"), ("null as key", b"{null:1}"),
    ("a bare word", b"abc"), ("a bare key", b"{a:1}"), ("single quotes", b"'a'"), ("a capital in null", b"Null"), ("a capital in true", b"True"),
    ("half a word", b"tru"), ("more than a word", b"nulll"), ("words without a comma", b"[true false]"), ("NaN", b"NaN"), ("minus NaN", b"-NaN"),
    ("Infinity", b"Infinity"), ("minus Infinity", b"-Infinity"), ("inf", b"inf"), ("a plus", b"+1"), ("a minus alone", b"-"), ("two minuses", b"--1"),
    ("a leading zero", b"01"), ("a leading zero behind a minus", b"-01"), ("a point first", b".5"), ("a point last", b"1."), ("two points", b"1.2.3"),
    ("an exponent alone", b"e5"), ("no digits of an exponent", b"1e"), ("a sign and no digits of an exponent", b"1e+"), ("two exponents", b"1e2e3"),
    ("a point behind an exponent", b"1e2.5"), ("hexadecimal", b"0x10"), ("octal", b"0o7"), ("an underscore", b"1_000"), ("a number and a word", b"1a"),
    ("full-width digits", "１".encode()), ("a comment", b"1/*no*/"), ("a line comment", b"1//no"), ("a hash comment", b"1#no"),
    ("a raw line end in a text", b'"a\nb"'), ("a raw tab in a text", b'"a\tb"'), ("a raw NUL in a text", b'"a\x00b"'), ("a raw NUL", b"\x00"),
    ("a raw control character", b'"\x1f"'), ("an unknown escape", b'"\\x41"'), ("an escaped apostrophe", b'"\\\'"'), ("an escaped line end", b'"\\\n"'),
    ("an escape of three digits", b'"\\u12"'), ("an escape that is not hexadecimal", b'"\\u00G0"'), ("a capital escape", b'"\\N"'),
    ("a lone high surrogate", b'"\\ud83d"'), ("a lone low surrogate", b'"\\ude00"'), ("a high surrogate and a letter", b'"\\ud83dx"'),
    ("two high surrogates", b'"\\ud83d\\ud83d"'), ("surrogates the wrong way round", b'"\\ude00\\ud83d"'), ("half of the second surrogate", b'"\\ud83d\\ude"'),
    ("a lone continuation byte", b'"\x80"'), ("UTF-8 cut short", b'"\xe4\xb8"'), ("an overlong slash", b'"\xc0\xaf"'), ("an overlong NUL", b'"\xc0\x80"'),
    ("overlong in three bytes", b'"\xe0\x80\xaf"'), ("overlong in four bytes", b'"\xf0\x80\x80\xaf"'), ("a surrogate in UTF-8", b'"\xed\xa0\x80"'),
    ("beyond the last code point", b'"\xf4\x90\x80\x80"'), ("a byte of no UTF-8", b'"\xff"'), ("a byte of no UTF-8 in a key", b'{"\xff":1}'),
    ("Latin-1", b'"\xe9"'), ("UTF-16", '"é"'.encode("utf-16-le")), ("a BOM before a value", b"\xef\xbb\xbf1"), ("a form feed as space", b"\x0c1"),
    ("a no-break space", "\u00a01".encode()), ("a byte outside", b"\xff"), ("a number beyond a double", b"1e400"), ("minus beyond a double", b"-1e9999"),
    ("a huge exponent", b"1e99999999999999999999"), ("brackets that do not match", b"[1}"), ("one bracket too many", b"[1]]"), ("a brace too many", b"{}}"),
    ("two values", b"1 1"), ("a text and a value", b'"a" 1'), ("an asterisk", b"*"), ("an at sign", b"[@]"), ("a dollar", b"[$]"), ("a backslash outside", b"\\n"),
]]

OTHERWISE = [
    Case("one beyond the greatest integer", b"18446744073709551616", INVALID_PARAMS), Case("one below the least integer", b"-9223372036854775809", INVALID_PARAMS),
    Case("a hundred digits", b"1" * 100, INVALID_PARAMS), Case("a huge integer deep inside", b'{"a":[{"b":123456789012345678901234567890}]}', INVALID_PARAMS),
    Case("510 deep", b"[" * 510 + b"]" * 510, OVER_LIMIT), Case("100 000 deep", b"[" * 100_000 + b"]" * 100_000, OVER_LIMIT),
    Case("objects 100 000 deep", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, OVER_LIMIT),
]

CASES = VALID + INVALID + OTHERWISE
