"""How a plan is checked while it is read: its members, the names in force, and where a fault is."""

from .functions import SIGNATURES, Functions


class Refused(Exception):
    """The plan is malformed. `pointer`: the JSON pointer of the fault."""

    def __init__(self, pointer, why):
        super().__init__(f"{pointer}: {why}")
        self.pointer = pointer


def step(name):
    """One step of a JSON pointer."""
    return "/" + str(name).replace("~", "~0").replace("/", "~1")


class Members:
    """The members of one TASK, for the kind that reads them. Null for an optional member means absent."""

    def __init__(self, task, kind, names, at, read_task):
        self._task, self._kind, self.names, self.at, self._read_task = task, kind, names, at, read_task
        for name in task:
            if name != kind.key and name not in kind.required + kind.optional:
                self.refuse("unknown option", step(name))
        for name in kind.required:
            if name not in task:
                self.refuse(f"{name} is missing")

    def refuse(self, why, below=""):
        raise Refused(self.at + below, why)

    def __contains__(self, name):
        return self._task.get(name) is not None

    def __getitem__(self, name):
        return self._task[name]

    # -- values of options

    def number(self, name, default=None):
        if name not in self:
            return default
        if isinstance(self[name], bool) or not isinstance(self[name], (int, float)):
            self.refuse("a number is expected", step(name))
        return self[name]

    def at_least_one(self, name, default=None):
        if name not in self and name not in self._kind.required:
            return default
        if isinstance(self[name], bool) or not isinstance(self[name], int) or self[name] < 1:
            self.refuse("an integer of at least 1 is expected", step(name))
        return self[name]

    def flag(self, name):
        if name in self and not isinstance(self[name], bool):
            self.refuse("true or false is expected", step(name))
        return name in self and self[name]

    def one_of(self, name, texts, default):
        if name in self and self[name] not in texts:
            self.refuse(f"one of {texts} is expected", step(name))
        return self[name] if name in self else default

    # -- tasks

    def task(self, name, naming=()):
        return self._read_task(self[name], self.names | set(naming), self.at + step(name))

    def task_if_any(self, name, naming=()):
        return self.task(name, naming) if name in self else None

    def tasks(self, name):
        if not isinstance(self[name], list):
            self.refuse("a list of tasks is expected", step(name))
        return [self._read_task(each, self.names, f"{self.at}/{name}/{i}") for i, each in enumerate(self[name])]

    def named_tasks(self, name):
        """Each knows the names before its own."""
        if not isinstance(self[name], dict):
            self.refuse("an object of tasks is expected", step(name))
        read, names = {}, set(self.names)
        for each, task in self[name].items():
            read[each] = self._read_task(task, frozenset(names), self.at + step(name) + step(each))
            names.add(each)
        return read

    # -- calls

    def function(self, name):
        if not isinstance(self[name], str) or self[name] not in Functions.NAMES:
            self.refuse("unknown function", step(name))
        return self[name]

    def arguments(self, function, given, below, is_literal=False):
        return Arguments(function, given, self, below, is_literal)

    def awaited(self, given, below):
        """The task of {"await": TASK}, or {"ref": NAME} itself."""
        if "ref" in given:
            return self._read_task(given, self.names, self.at + below)
        return self._read_task(given["await"], self.names, self.at + below + "/await")


def is_awaited(given):
    return isinstance(given, dict) and given.keys() in ({"await"}, {"ref"})


def as_call(given):
    """Positional and named arguments."""
    if isinstance(given, list):
        return given, {}
    if isinstance(given, dict):
        return (), given
    raise TypeError("args must be a list or an object, not " + type(given).__name__)


class Arguments:
    """What a call is given: data, with tasks in it whose results take their places."""

    def __init__(self, function, given, members, below, is_literal):
        if not isinstance(given, (list, dict)):
            members.refuse("a list or an object is expected", below)
        if is_literal or not is_awaited(given):
            positional, named = (given, {}) if isinstance(given, list) else ((), given)
            try:
                SIGNATURES[function].bind(*positional, **named)
            except TypeError as e:
                members.refuse(str(e), below)
        self._template = given if is_literal else self._read(given, members, below)

    class _Hole:
        def __init__(self, task):
            self.task = task

    def _read(self, given, members, below):
        if is_awaited(given):
            return self._Hole(members.awaited(given, below))
        if isinstance(given, dict):
            return {name: self._read(each, members, below + step(name)) for name, each in given.items()}
        if isinstance(given, list):
            return [self._read(each, members, f"{below}/{i}") for i, each in enumerate(given)]
        return given

    async def filled(self, scope):
        """Positional and named arguments, once the tasks have run: depth first, from left to right."""
        return as_call(await self._fill(self._template, scope))

    async def _fill(self, part, scope):
        if isinstance(part, self._Hole):
            return await part.task(scope)
        if isinstance(part, dict):
            return {name: await self._fill(each, scope) for name, each in part.items()}
        if isinstance(part, list):
            return [await self._fill(each, scope) for each in part]
        return part
