"""The functions that every daemon has, by what Python itself does."""

import asyncio
import base64
import binascii
import hashlib
import inspect
import json
import math
import operator
import random
import re
import time

from .wording import Wording, has_wording


def shown(value):
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class Failure(Exception):
    """What `fail` raises: any name of a type."""

    def __init__(self, type_name, message):
        super().__init__(message)
        self.type_name = type_name


class Functions:
    """One program's: they draw from its generator and print to its output. A dot in a name is an underscore here."""

    NAMES = ("noop", "echo", "print", "fail", "sleep", "time.sleep", "add", "hash.sha256", "random.random", "random.uniform",
             "random.randint", "random.randrange", "random.getrandbits", "random.choice", "random.choices", "random.sample",
             "random.shuffle", "random.gauss", "random.expovariate", "len", "range", "zip", "min", "max", "sum", "sorted", "str.split",
             "str.join", "str.format", "json.loads", "json.dumps", "operator.eq", "operator.ne", "operator.lt", "operator.le",
             "operator.gt", "operator.ge", "operator.contains", "operator.getitem", "operator.not_")
    ASYNC = {"sleep"}
    BLOCKING = {"time.sleep"}  # they hold up their own task only: a thread is theirs

    def __init__(self, seed=None):
        self._draw = random.Random(seed)
        self.output = []

    @classmethod
    def signature(cls, name):
        return inspect.signature(getattr(cls(0), name.replace(".", "_")))

    def call(self, name, positional, named):
        return getattr(self, name.replace(".", "_"))(*positional, **named)

    def noop(self):
        return None

    def echo(self, value=None):
        return value

    def print(self, *values):
        line = " ".join(map(shown, values))
        self.output.append(Wording(line) if has_wording(values) else line)

    def fail(self, type="Exception", message=""):
        match type, message:
            case "CancelledError", str():
                raise asyncio.CancelledError(message)
            case "TimeoutError", str():
                raise TimeoutError(message)
            case str(), str():
                raise Failure(type, message)
        raise TypeError("fail() takes two strings")

    async def sleep(self, delay, result=None):
        return await asyncio.sleep(delay, result)

    def time_sleep(self, seconds):
        if isinstance(seconds, (int, float)) and seconds > 0 and seconds < 2**33:
            asyncio.get_running_loop().thread_time += seconds
        else:
            time.sleep(seconds)  # 0, or an error

    def add(self, *terms):
        return sum(terms)

    def hash_sha256(self, data, binary=False):
        if not isinstance(data, str):
            raise TypeError("a text is expected")
        try:
            return hashlib.sha256(base64.b64decode(data, validate=True) if binary else data.encode()).hexdigest()
        except binascii.Error as e:
            raise ValueError(str(e)) from None

    def random_random(self):
        return self._draw.random()

    def random_uniform(self, a, b):
        return self._draw.uniform(a, b)

    def random_randint(self, a, b):
        return self._draw.randint(a, b)

    def random_randrange(self, *a):
        return self._draw.randrange(*a)

    def random_getrandbits(self, k):
        return self._draw.getrandbits(k)

    def random_choice(self, seq):
        return self._draw.choice(seq)

    def random_choices(self, population, k=1):
        return self._draw.choices(population, k=k)

    def random_sample(self, population, k):
        return self._draw.sample(population, k)

    def random_shuffle(self, seq):
        shuffled = list(seq)
        self._draw.shuffle(shuffled)
        return shuffled

    def random_gauss(self, mu=0.0, sigma=1.0):
        return self._draw.gauss(mu, sigma)

    def random_expovariate(self, lambd=1.0):
        return self._draw.expovariate(lambd)

    def len(self, obj):
        return len(obj)

    def range(self, *bounds):
        if not all(isinstance(each, int) for each in bounds):
            raise TypeError("integers are expected")
        if len(range(*bounds)) > 10_000_000:
            raise OverflowError("too many")
        return list(range(*bounds))

    def zip(self, *lists):
        return [list(each) for each in zip(*lists)]

    def min(self, *values):
        return min(*values)

    def max(self, *values):
        return max(*values)

    def sum(self, values):
        return sum(values)

    def sorted(self, values, reverse=False):
        return sorted(values, reverse=reverse)

    def str_split(self, text, sep=None):
        return str.split(text, sep)

    def str_join(self, sep, parts):
        return str.join(sep, parts)

    def str_format(self, template, *values):
        """No attribute, no conversion and no format specification."""
        if not isinstance(template, str):
            raise TypeError("a text is expected")
        if re.search(r"[{}]", re.sub(r"\{\{|\}\}|\{\d*\}", "", template)):
            raise ValueError("only {} and {N} are understood")
        return template.format(*map(shown, values))

    def json_loads(self, text):
        def refuse(constant):
            raise ValueError(constant)
        try:
            return json.loads(text, parse_constant=refuse)
        except json.JSONDecodeError as e:
            raise ValueError(str(e)) from None

    def json_dumps(self, value):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    def operator_not_(self, obj):
        return not obj


def _add_operators():
    """Of two values each."""
    def method_of(apply):
        return lambda self, a, b: apply(a, b)
    for name in ("eq", "ne", "lt", "le", "gt", "ge", "contains", "getitem"):
        setattr(Functions, "operator_" + name, method_of(getattr(operator, name)))


_add_operators()

SIGNATURES = {name: Functions.signature(name) for name in Functions.NAMES}


def carried(value):
    """The result of a function, if JSON's numbers can carry it: the wire has 64 bits, and no infinities."""
    if isinstance(value, int) and not -2**63 <= value < 2**64:
        raise OverflowError("the integer does not fit")
    if isinstance(value, float) and not math.isfinite(value):
        raise OverflowError("the float is not finite")
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        carried(each)
    return value
