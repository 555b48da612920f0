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
        if depth <= 1:
            make = self._draw.choice((self._call, self._call, self._call, self._sleep, self._sleep, self._constant,
                                      self._ref if names else self._print, self._print, self._fail))
            return make(depth, names)
        make = self._draw.choices(
            (self._gather, self._map, self._task_group, self._wait, self._wait_for, self._race, self._shield, self._sequence,
             self._let, self._try, self._retry, self._to_thread, self._call, self._sleep, self._ref if names else self._let),
            (10, 5, 8, 8, 10, 8, 6, 12, 12, 14, 5, 3, 6, 3, 5))[0]
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
        over = [self._arguments(name, self._given(name), depth, names) for _ in self._some(4)]
        return {"map": name, "over": over,
                **self._options(return_exceptions=self._one_in(2), limit=self._draw.randint(1, 3))}

    def _call(self, depth, names):
        name, given = self._function()
        if not given and self._one_in(2):
            return {"call": name}
        return {"call": name, "args": self._arguments(name, given, depth, names)}

    def _arguments(self, name, given, depth, names):
        """With tasks in the place of some of them, where there is depth left."""
        if depth <= 1 or not self._one_in(2):
            return given
        if self._one_in(8):
            return {"await": self._task(depth - 1, names) if self._one_in(4) else {"value": given}}
        if not given:
            return given
        key = self._draw.choice(list(given) if isinstance(given, dict) else range(len(given)))
        if name in ("echo", "print", "add", "sleep") and not (name == "sleep" and key in (0, "delay")):
            task = self._task(depth - 1, names)
        else:  # a result that suits the function
            task = {"call": "echo", "args": [given[key]]} if self._one_in(2) else {"value": given[key]}
            if depth > 2 and self._one_in(2):
                task = {"try": task, "finally": {"call": "sleep", "args": [self._seconds()]}}
        awaited = {"await": task}
        if name in ("echo", "print"):
            awaited = self._draw.choice((awaited, [self._value(1), awaited], {"k": awaited, "await": 1}, {"x": [awaited, awaited]}))
        return replaced(given, (key,), awaited)

    def _function(self):
        plain = ("noop", "echo", "print", "fail", "sleep", "add", "hash.sha256", "time.sleep", "sleep", "print", "echo")
        drawn = tuple("random." + each for each in ("random", "uniform", "randint", "randrange", "getrandbits", "choice", "choices",
                                                    "sample", "shuffle", "gauss", "expovariate"))
        name = self._draw.choice(drawn if self._seeded and self._one_in(2) else plain)
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
                return {"text": text} if self._one_in(2) else [1 if self._one_in(12) else text]
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
        raise AssertionError(f"no arguments for {name}")

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
            task[self._draw.choice(("limit", "timeout", "return_exceptions", "attempts", "as", "types", "in", "over", "args"))] = (
                self._draw.choice((0, -1, 1, "1", None, True, [], 2.5)))
        elif fault == 7:
            task[self._draw.choice(("gather", "value", "call", "sequence"))] = self._draw.choice(([], None, "noop"))
        else:
            return replaced(plan, place, self._draw.choice((None, 1, "noop", [], [task], {}, {"kind": "call"})))
        return replaced(plan, place, task)
