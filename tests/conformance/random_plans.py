"""Random plans: every kind and every option, valid ones and such as must be refused."""

import random
import string

from plan_tree import part_at, places, replaced

TYPES = ("ValueError", "KeyError", "OSError", "TimeoutError", "CancelledError", "TypeError", "ExceptionGroup", "Exception", "Own.Error")
NAMES = ("a", "b", "c", "d/e", "f~g", "")
TEXTS = ("", "x", "some text", "né", "中文", "😀", "a/b", "~", "\"quoted\\\"", "line\nbreak", "\x7f\t\x01", "\u2028")
INTEGERS = (0, 1, -1, 7, 255, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, -2**63)
FLOATS = (0.0, -0.0, 0.5, -1.25, 0.1, 1e16, 1e-5, 123456789.125, 1.7976931348623157e308, 5e-324, 2.0**63, 1e22, 1e21)


class RandomPlans:
    """Makes cases: {"plan"[, "seed"][, "timeout"]}. The same seed makes the same ones."""

    def __init__(self, seed):
        self._draw = random.Random(seed)
        self._lines = 0
        self._seeded = False

    def case(self, depth):
        """A plan of at most so many levels of tasks. One in ten is spoilt, and mostly to be refused."""
        self._lines = 0
        self._seeded = self._one_in(2)
        case = {"plan": self._task(depth, ())}
        if self._seeded:
            case["seed"] = self._draw.choice((0, 1, 42, 2**32, 2**64 - 1, -7, self._draw.getrandbits(63)))
        if self._one_in(8):
            case["timeout"] = self._seconds()
        if self._one_in(10):
            case["plan"] = self._spoilt(case["plan"])
        return case

    # -- small choices

    def _one_in(self, n):
        return self._draw.randrange(n) == 0

    def _some(self, most, least=0):
        return range(self._draw.randint(least, most))

    def _seconds(self):
        """Odd lengths, so that few timers end together; what does is found to be a tie and left out."""
        if self._one_in(8):
            return self._draw.choice((0, 0.0, -1, -0.5))
        return self._draw.randint(5, 250) / 1000

    def _line(self):
        self._lines += 1
        return f"line {self._lines}"

    def _value(self, depth=2):
        pick = self._draw.randrange(9 if depth > 0 else 7)
        if pick == 7:
            return [self._value(depth - 1) for _ in self._some(3)]
        if pick == 8:
            return {self._draw.choice(("k", "await", "call", "ö", "", "a/b")): self._value(depth - 1) for _ in self._some(3)}
        return self._draw.choice((None, True, False, self._draw.choice(INTEGERS), self._draw.choice(FLOATS),
                                  self._draw.choice(TEXTS), self._draw.randint(-1000, 1000)))

    def _options(self, **options):
        """Each of them, or null, or nothing."""
        made = {}
        for name, value in options.items():
            pick = self._draw.randrange(8)
            if pick < 4:
                made[name] = value
            elif pick == 4:
                made[name] = None
        return made

    def _shuffled(self, task):
        """The members in another order: it must not matter."""
        if not self._one_in(4):
            return task
        return dict(self._draw.sample(list(task.items()), len(task)))

    # -- tasks

    def _task(self, depth, names):
        if depth > 2 and self._seeded and self._one_in(16):
            return self._long()
        if depth <= 1:
            make = self._draw.choice((self._call, self._call, self._call, self._sleep, self._sleep, self._constant,
                                      self._ref if names else self._print, self._print, self._fail))
            return make(depth, names)
        make = self._draw.choices(
            (self._gather, self._map, self._task_group, self._wait, self._wait_for, self._race, self._shield, self._sequence,
             self._let, self._try, self._retry, self._to_thread, self._call, self._sleep, self._ref if names else self._let,
             self._map_of_task, self._if, self._any),
            (10, 5, 8, 8, 10, 8, 6, 12, 12, 14, 5, 3, 6, 3, 5, 9, 6, 8))[0]
        return self._shuffled(make(depth, names))

    def _tasks(self, depth, names, least=1):
        least = 0 if self._one_in(25) else least
        return [self._task(depth - self._draw.choice((1, 1, 1, 2)), names) for _ in self._some(4, least)]

    def _inner(self, depth, names):
        return self._task(depth - 1, names)

    def _gather(self, depth, names):
        return {"gather": self._tasks(depth, names, 2),
                **self._options(return_exceptions=self._one_in(2), limit=self._draw.randint(1, 4))}

    def _task_group(self, depth, names):
        return {"task_group": self._tasks(depth, names)}

    def _sequence(self, depth, names):
        return {"sequence": self._tasks(depth, names, 2)}

    def _race(self, depth, names):
        return {"race": self._tasks(depth, names)}

    def _any(self, depth, names):
        return {"any": self._tasks(depth, names), **self._options(stagger=self._seconds())}

    def _if(self, depth, names):
        condition = self._inner(depth, names) if self._one_in(2) else self._constant(depth, names)
        return {"if": condition, "then": self._inner(depth, names),
                **({"else": None if self._one_in(8) else self._inner(depth, names)} if self._one_in(2) else {})}

    def _wait(self, depth, names):
        children = self._tasks(depth, names)
        if names and self._one_in(2):
            children += [{"ref": self._draw.choice(names)} for _ in self._some(2, 1)]
        when = self._draw.choice(("ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"))
        return {"wait": children, **self._options(timeout=self._seconds(), return_when=when)}

    def _wait_for(self, depth, names):
        inner = self._ref(depth, names) if names and self._one_in(4) else self._inner(depth, names)
        return {"wait_for": inner, "timeout": None if self._one_in(10) else self._seconds()}

    def _shield(self, depth, names):
        return {"shield": self._ref(depth, names) if names and self._one_in(3) else self._inner(depth, names)}

    def _let(self, depth, names):
        tasks, inner = {}, names
        for _ in self._some(3, 0 if self._one_in(20) else 1):
            name = self._draw.choice(NAMES)
            if name not in tasks:
                tasks[name] = self._task(depth - 1, inner)
                inner = tuple(sorted({*inner, name}))
        body = self._draw.choice((self._task, self._gather, self._sequence, self._wait)) if depth > 2 else self._task
        return {"let": tasks, "in": body(depth - 1, inner)}

    def _ref(self, depth, names):
        return {"ref": self._draw.choice(names)}

    def _try(self, depth, names):
        made = {"try": self._task(depth - 1, names)}
        if not self._one_in(3):
            name = self._draw.choice(NAMES)
            options = self._options(**{"as": name, "types": self._draw.sample(TYPES, self._draw.randint(1, 3))})
            inner = tuple(sorted({*names, name})) if options.get("as") is not None else names
            made |= {"except": self._inner(depth, inner), **options}
        if self._one_in(2):
            made["finally"] = self._inner(depth, names)
        return made

    def _retry(self, depth, names):
        return {"retry": self._inner(depth, names), "attempts": self._draw.randint(1, 3),
                **self._options(delay=self._seconds(), factor=self._draw.choice((0, 1, 2, 1.5, 0.5)), max_delay=self._seconds())}

    def _to_thread(self, depth, names):
        while True:
            call = self._call(depth - 1, names)
            if call["call"] != "sleep":
                return {"to_thread": call}

    # -- calls

    def _long(self):
        """What the daemon computes on another thread: of many values, or of a long text."""
        many = {"await": {"call": "range", "args": [5000]}}
        return self._draw.choice(({"call": "len", "args": [many]}, {"call": "sum", "args": [many]},
                                  {"call": "hash.sha256", "args": ["x" * 17_000]},
                                  {"call": "len", "args": [{"await": {"call": "random.choices", "args": {"population": [1, 2], "k": 5000}}}]}))

    def _constant(self, depth, names):
        return {"value": self._value()}

    def _print(self, depth, names):
        return {"call": "print", "args": [self._line()]}

    def _fail(self, depth, names):
        return {"call": "fail", "args": [self._draw.choice(TYPES), self._draw.choice(("", "boom", self._line()))]}

    def _sleep(self, depth, names):
        delay, result = self._seconds(), self._value(1)
        if self._one_in(3):
            return {"call": "sleep", "args": {"result": result, "delay": delay}}
        return {"call": "sleep", "args": [delay, result] if self._one_in(2) else [delay]}

    def _map(self, depth, names):
        name, _ = self._function()
        options = self._options(return_exceptions=self._one_in(2), limit=self._draw.randint(1, 3))
        if self._one_in(4):  # args that come out of a task
            given = [self._given(name) for _ in self._some(4)] + [1] * self._one_in(12)
            return {"map": name, "over": {"await": self._giving(given, depth, names)}, **options}
        if self._one_in(6):
            return {"map": name, "over": [self._literal(name) for _ in self._some(4)], "literal": True, **options}
        return {"map": name, "over": [self._arguments(name, self._given(name), depth, names) for _ in self._some(4)], **options}

    def _map_of_task(self, depth, names):
        name = self._draw.choice(NAMES)
        items = [self._draw.choice((self._seconds(), self._value(1), {"await": 1}, {"ref": name})) for _ in self._some(4)]
        over = items if self._draw.randrange(3) else self._awaited(self._giving(items, depth, names), depth, names)
        return {"map": self._inner(depth, tuple(sorted({*names, name}))), "as": name, "over": over,
                **self._options(return_exceptions=self._one_in(2), limit=self._draw.randint(1, 3))}

    def _giving(self, value, depth, names):
        """A task that gives this value."""
        if depth > 2 and self._one_in(2):
            return {"try": {"value": value}, "finally": {"call": "sleep", "args": [self._seconds()]}}
        return {"value": value}

    def _awaited(self, task, depth, names):
        return {"ref": self._draw.choice(names)} if names and self._one_in(4) else {"await": task}

    def _call(self, depth, names):
        name, given = self._function()
        if not given and self._one_in(2):
            return {"call": name}
        if self._one_in(12):
            return {"call": name, "args": self._literal(name), "literal": True}
        no = {"literal": self._draw.choice((False, None))} if self._one_in(12) else {}
        return {"call": name, "args": self._arguments(name, given, depth, names), **no}

    def _literal(self, name):
        """Arguments that nothing is looked for in, though some look like tasks."""
        if name in ("echo", "print"):
            return [self._draw.choice(({"ref": "a"}, {"await": 1}, [{"await": {"call": "noop"}}], {"k": {"ref": "nope"}}))]
        return self._given(name)

    def _arguments(self, name, given, depth, names):
        """With tasks in the place of some of them, where there is depth left."""
        if depth <= 1 or not self._one_in(2):
            return given
        if self._one_in(8):
            return self._awaited(self._task(depth - 1, names) if self._one_in(4) else {"value": given}, depth, names)
        if not given:
            return given
        key = self._draw.choice(list(given) if isinstance(given, dict) else range(len(given)))
        if name in ("echo", "print", "add", "sleep") and not (name == "sleep" and key in (0, "delay")):
            task = self._task(depth - 1, names)
        else:  # a result that suits the function
            task = {"call": "echo", "args": [given[key]]} if self._one_in(2) else {"value": given[key]}
            if depth > 2 and self._one_in(2):
                task = {"try": task, "finally": {"call": "sleep", "args": [self._seconds()]}}
        awaited = self._awaited(task, depth, names)
        if name in ("echo", "print"):
            awaited = self._draw.choice((awaited, [self._value(1), awaited], {"k": awaited, "await": 1}, {"x": [awaited, awaited]}))
        return replaced(given, (key,), awaited)

    def _function(self):
        plain = ("noop", "echo", "print", "fail", "sleep", "add", "hash.sha256", "time.sleep", "sleep", "print", "echo")
        drawn = tuple("random." + each for each in ("random", "uniform", "randint", "randrange", "getrandbits", "choice", "choices",
                                                    "sample", "shuffle", "gauss", "expovariate"))
        data = ("len", "range", "zip", "min", "max", "sum", "sorted", "str.split", "str.join", "str.format", "json.loads", "json.dumps",
                "operator.eq", "operator.ne", "operator.lt", "operator.le", "operator.gt", "operator.ge", "operator.contains",
                "operator.getitem", "operator.not_")
        usual = data if self._one_in(3) else plain
        name = self._draw.choice(drawn if self._seeded and self._one_in(2) else usual)
        return name, self._given(name)

    def _given(self, name):
        """Arguments that the check lets pass; one in twelve raises in the task."""
        integer = self._draw.randint
        many = [self._value(0) for _ in self._some(6, 1)]
        low = integer(-10**9, 10**9)
        match name:
            case "noop" | "random.random":
                return [] if self._one_in(2) else {}
            case "echo":
                return self._draw.choice(([self._value()], {"value": self._value()}, []))
            case "print":
                return [self._line(), *(self._value() for _ in self._some(2))]
            case "fail":
                return [self._draw.choice(TYPES), self._line()][:integer(0, 2)]
            case "sleep":
                return [self._seconds(), self._value(1)]
            case "time.sleep":
                return [self._seconds() if self._one_in(6) else integer(5, 100) / 1000]
            case "add":
                return [self._draw.choice((1, 2, 0.5, True, -3, 2**62, 1e300)) for _ in self._some(4)] + ["x"] * self._one_in(12)
            case "hash.sha256":
                text = self._draw.choice(TEXTS)
                if self._one_in(4):
                    return [self._draw.choice(("YWJj", "", "YQ==", "YWI=", "YQ", "né", "Y Q=")), True]
                return {"data": text} if self._one_in(2) else [1 if self._one_in(12) else text]
            case "random.uniform":
                return {"b": low, "a": self._draw.choice(FLOATS[:9])}
            case "random.randint":
                return [low, low + integer(-1 if self._one_in(12) else 0, 10**self._draw.choice((1, 3, 9, 15, 18)))]
            case "random.randrange":
                return [low, low + integer(1, 10**6), self._draw.choice((1, 2, 7))][:integer(2, 3)] if low > 0 else [-low + 1]
            case "random.getrandbits":
                return [self._draw.choice((0, 1, 31, 32, 33, 53, 63, 64, 70, -1))]
            case "random.choice" | "random.shuffle":
                return {"seq": self._draw.choice((many, many, self._draw.choice(string.ascii_letters + "é") * 3, []))}
            case "random.choices":
                return {"population": many, "k": integer(0, 5)} if self._one_in(2) else [many]
            case "random.sample":
                return [many, integer(0, len(many) + self._one_in(12))]
            case "random.gauss":
                return [self._draw.uniform(-5, 5), 2, 1][:integer(0, 2)]
            case "random.expovariate":
                return [self._draw.choice((0.5, 1, 3.25, 0 if self._one_in(4) else 2))][:integer(0, 1)]
            case _ if name.startswith(("operator.", "str.", "json.")) or name in (
                    "len", "range", "zip", "min", "max", "sum", "sorted"):
                return self._data(name)
        raise AssertionError(f"no arguments for {name}")

    def _data(self, name):
        """Arguments of a function of data; one in some raises."""
        integer = self._draw.randint
        odd = self._value(1) if self._one_in(10) else None
        numbers = [self._draw.choice((1, 2, 2.0, 0.5, True, False, -3, 2**53 + 1, 2.0**53, 2**64 - 1, 1e300, -0.0)) for _ in self._some(5)]
        texts = [self._draw.choice(TEXTS) for _ in self._some(4)]
        lists = [[each, self._draw.choice(numbers or [1])] for each in self._draw.choice((numbers, texts))]
        ordered = self._draw.choice((numbers, texts, lists))
        match name:
            case "len" | "operator.not_" | "json.dumps":
                return [self._draw.choice((self._value(), texts, self._draw.choice(TEXTS), {"k": 1}))]
            case "range":
                bounds = [integer(-9, 9), integer(-9, 9), self._draw.choice((1, 2, -1, -3, True))][:integer(1, 3)]
                return [0, 9, 0] if self._one_in(12) else [odd or 1.5] if self._one_in(12) else bounds
            case "zip":
                return [self._draw.choice((numbers, texts, "né中", {"k": 1, "l": 2}, odd or [])) for _ in self._some(3)]
            case "min" | "max":
                return [ordered] if self._one_in(2) else ordered if self._one_in(2) else [1, odd, "x"]
            case "sum":
                return {"values": numbers if odd is None else [*numbers, odd]}
            case "sorted":
                return [ordered, *([True] if self._one_in(2) else [])] if odd is None else [odd]
            case "str.split":
                text = self._draw.choice(("a,b,,c", " a \t b\u2003c\u001f", "", ",", "aaaa", "né, 中文,")) if odd is None else odd
                return [text, *self._draw.choice(([], [None], [","], ["aa"], [", "], [""] if self._one_in(3) else ["x"]))]
            case "str.join":
                return {"sep": self._draw.choice(TEXTS), "parts": self._draw.choice((texts, "né", {"k": 1}, [*texts, 1] if odd else []))}
            case "str.format":
                template = self._draw.choice(("{}", "{} {}", "{1}{0}{1}", "{{}} {}", "plain", "{0} {}", "{", "}", "{x}", "{0!r}", "{:>4}", "}}{{"))
                return [template, *(self._value() for _ in self._some(3))]
            case "json.loads":
                return [self._draw.choice(("1", "-0", "-0.0", "1.0", "1e2", "[1, {\"a\": null}]", "{\"a\": 1, \"b\": 2, \"a\": 3}", " true ", "\"\\u00e9\"",
                                           "18446744073709551615", "18446744073709551616", "NaN", "", "[1,]", "{'a': 1}", "1 2",
                                           odd or "null"))]
            case "operator.contains":
                return self._draw.choice(([texts, self._draw.choice(TEXTS)], ["né中", self._draw.choice(("é", "", "x", 1))], [{"k": 1}, "k"],
                                          [numbers, 1], [{"k": 1}, 1], [[[1.0]], [1]], [odd, 1]))
            case "operator.getitem":
                return self._draw.choice(([texts, integer(-4, 4)], ["né中", integer(-4, 4)], [{"k": 1}, self._draw.choice(("k", "l"))],
                                          [numbers, self._draw.choice((0, True, 1.0, "0"))], [{"k": 1}, 0], [odd, 0]))
        alike = self._draw.choice(((self._draw.choice(numbers or [0]), self._draw.choice(numbers or [1])), (ordered, ordered[::-1]),
                                   (self._draw.choice(TEXTS), self._draw.choice(TEXTS)), (self._value(), self._value()),
                                   ({"a": 1, "b": [2]}, {"b": [2.0], "a": True})))
        return list(alike) if self._one_in(2) else dict(zip("ab", alike))

    # -- faults

    def _spoilt(self, plan):
        """One fault somewhere."""
        place = self._draw.choice(list(places(plan)))
        task = dict(part_at(plan, place))
        kind = next(key for key in task if key in ("call", "map", "ref")) if self._draw.randrange(2) and {
            "call", "map", "ref"} & task.keys() else None
        options = [key for key in task if key not in ("value", "as")]
        key = self._draw.choice(options) if options else None
        fault = self._draw.randrange(9)
        if kind is not None and fault < 5:
            task[kind] = self._draw.choice(("nope", "Sleep", "", 1, None, [], "random.unifrom"))
        elif fault < 3 and key is not None:
            task[key] = self._draw.choice((7, "text", [], {}, None, True, -1, 0, 1.5, [1], {"await": 1}, {"x": 1}, [[1]]))
        elif fault < 5 and key is not None:
            del task[key]
        elif fault == 5:
            task[self._draw.choice(("unknown", "arg", "x/y", "~", ""))] = self._value(1)
        elif fault == 6:
            task[self._draw.choice(("limit", "timeout", "return_exceptions", "attempts", "as", "types", "in", "over", "args",
                                    "stagger", "literal", "then", "else"))] = (
                self._draw.choice((0, -1, 1, "1", None, True, [], 2.5)))
        elif fault == 7:
            task[self._draw.choice(("gather", "value", "call", "sequence"))] = self._draw.choice(([], None, "noop"))
        else:
            return replaced(plan, place, self._draw.choice((None, 1, "noop", [], [task], {}, {"kind": "call"})))
        return replaced(plan, place, task)
