"""The kinds of task, one class each: which members it takes, and the Python that it stands for.

An instance is a checked node of a plan. Called with a scope it gives the coroutine that the plan means there.
"""

import asyncio

from .errors import NoneSucceeded, described, mark, mark_item
from .functions import Functions, carried
from .reading import Members, Refused, as_call, is_awaited
from .wording import Wording


class Task:
    """What all kinds share. `at`: the JSON pointer of the node."""

    awaits_others = False  # a task that is not its own: a CancelledError that begins here only passes on that one's
    key = ""
    required = ()
    optional = ()

    def __init__(self, members):
        self.at = members.at

    async def __call__(self, scope):
        return await marked(self.run(scope), self.at, scope, self.awaits_others)

    def future(self, scope):
        """The task itself, where asyncio takes a future: of a `ref` the one that it names, else a new one."""
        return asyncio.ensure_future(self(scope))

    async def run(self, scope):
        raise NotImplementedError


def read(task, names=frozenset(), at=""):
    """The checked node of a TASK, or Refused."""
    if not isinstance(task, dict):
        raise Refused(at, "a task is an object")
    found = [kind for kind in KINDS if kind.key in task]
    if len(found) != 1:
        raise Refused(at, f"a task has exactly one kind, not {[kind.key for kind in found]}")
    return found[0](Members(task, found[0], names, at, read))


async def marked(run, at, scope, awaits_others=False):
    """What `run` gives; an exception of it notes that it was raised there."""
    if scope.disorder is not None:
        await scope.disorder.stray()
    try:
        return await run
    except (Exception, asyncio.CancelledError) as e:
        mark(e, Wording(at) if awaits_others and isinstance(e, asyncio.CancelledError) else at)
        raise


async def cancel_and_await(futures):
    for each in futures:
        each.cancel()
    await asyncio.gather(*futures, return_exceptions=True)


# ---- values and calls ------------------------------------------------------------------------------------------------


class Value(Task):
    key = "value"

    def __init__(self, members):
        super().__init__(members)
        self.value = members["value"]

    async def run(self, scope):
        return self.value


class Ref(Task):
    awaits_others = True
    key = "ref"

    def __init__(self, members):
        super().__init__(members)
        self.name = members["ref"]
        if not isinstance(self.name, str) or self.name not in members.names:
            members.refuse("unknown name", "/ref")

    def future(self, scope):
        return scope[self.name]

    async def run(self, scope):
        return await scope[self.name]


def settled(value):
    """What a ref finds of a value: a future that has its result."""
    future = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


async def called(function, arguments, scope, in_thread=False):
    return await called_with(function, *await arguments.filled(scope), scope, in_thread)


async def called_with(function, positional, named, scope, in_thread=False):
    if in_thread or function in Functions.BLOCKING:
        result = await asyncio.to_thread(scope.functions.call, function, positional, named)
    else:
        result = scope.functions.call(function, positional, named)
    return carried(await result if function in Functions.ASYNC else result)


class Call(Task):
    key = "call"
    optional = ("args", "literal")

    def __init__(self, members):
        super().__init__(members)
        self.function = members.function("call")
        given = members["args"] if "args" in members else []
        self.arguments = members.arguments(self.function, given, "/args", members.flag("literal"))

    async def run(self, scope, in_thread=False):
        return await called(self.function, self.arguments, scope, in_thread)


class ToThread(Task):
    key = "to_thread"

    def __init__(self, members):
        super().__init__(members)
        self.call = members.task("to_thread")
        if not isinstance(self.call, Call) or self.call.function in Functions.ASYNC:
            members.refuse("a call of a function that is not async is expected", "/to_thread")

    async def run(self, scope):
        return await marked(self.call.run(scope, in_thread=True), self.call.at, scope)


# ---- many at once ----------------------------------------------------------------------------------------------------


class Together(Task):
    """gather and map."""

    optional = ("return_exceptions", "limit")

    def __init__(self, members):
        super().__init__(members)
        self.keeps_errors = members.flag("return_exceptions")
        self.limit = members.at_least_one("limit")

    async def together(self, children):
        if self.limit is not None:
            gate = asyncio.Semaphore(self.limit)
            children = [self.admitted(gate, each) for each in children]
        ended = await asyncio.gather(*children, return_exceptions=self.keeps_errors)
        return [self.entry(each) for each in ended] if self.keeps_errors else ended

    @staticmethod
    async def admitted(gate, child):
        async with gate:
            return await child

    @staticmethod
    def entry(ended):
        return {"error": described(ended)} if isinstance(ended, BaseException) else {"value": ended}


class Gather(Together):
    key = "gather"

    def __init__(self, members):
        super().__init__(members)
        self.children = members.tasks("gather")

    async def run(self, scope):
        return await self.together([child(scope) for child in self.children])


class Map(Together):
    """Of a function: a list of arguments in the plan, or one that a task gives. Of a task: a list of items, likewise."""

    key = "map"
    required = ("over",)
    optional = (*Together.optional, "as", "literal")

    def __init__(self, members):
        super().__init__(members)
        over = members["over"]
        is_literal = members.flag("literal")
        self.body = self.function = self.over_task = None
        if isinstance(members["map"], dict):
            if "literal" in members:
                members.refuse("literal goes with a function", "/literal")
            if "as" not in members:
                members.refuse("as is missing")
            self.name = members["as"]
            if not isinstance(self.name, str):
                members.refuse("a name is expected", "/as")
            self.body = members.task("map", naming=[self.name])
        else:
            self.function = members.function("map")
            if "as" in members:
                members.refuse("as goes with a task", "/as")
        if not is_literal and is_awaited(over):
            self.over_task = members.awaited(over, "/over")
        elif not isinstance(over, list):
            members.refuse("a list is expected, or an await or ref that gives one", "/over")
        elif self.body is None:
            over = [members.arguments(self.function, each, f"/over/{i}", is_literal) for i, each in enumerate(over)]
        self.over = over

    async def run(self, scope):
        over = self.over
        if self.over_task is not None:
            over = await self.over_task(scope)
            if not isinstance(over, list):
                raise TypeError("over must be a list, not " + type(over).__name__)
        item = self.listed_item if self.over_task is None and self.body is None else self.item
        return await self.together([item(i, each, scope) for i, each in enumerate(over)])

    async def listed_item(self, i, arguments, scope):
        return await marked(called(self.function, arguments, scope), f"{self.at}/over/{i}", scope)

    async def item(self, i, item, scope):
        try:
            if self.body is not None:
                return await self.body(scope.naming(self.name, settled(item)))
            return await marked(self.computed_call(item, scope), self.at, scope)
        except (Exception, asyncio.CancelledError) as e:
            mark_item(e, self.at, i)
            raise

    async def computed_call(self, arguments, scope):
        return await called_with(self.function, *as_call(arguments), scope)


class TaskGroup(Task):
    key = "task_group"

    def __init__(self, members):
        super().__init__(members)
        self.children = members.tasks("task_group")

    async def run(self, scope):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(child(scope)) for child in self.children]
        return [each.result() for each in tasks]


class Wait(Task):
    key = "wait"
    optional = ("timeout", "return_when")

    def __init__(self, members):
        super().__init__(members)
        self.timeout = members.number("timeout")
        self.when = members.one_of("return_when", ("FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"), "ALL_COMPLETED")
        self.children = members.tasks("wait")

    async def run(self, scope):
        futures = [child.future(scope) for child in self.children]
        done, pending = await asyncio.wait(futures, timeout=self.timeout, return_when=self.when)
        return {"done": [self.entry(i, each) for i, each in enumerate(futures) if each in done],
                "pending": [i for i, each in enumerate(futures) if each in pending]}

    @staticmethod
    def entry(index, future):
        if future.cancelled():
            return {"index": index, "error": {"type": "CancelledError", "message": ""}}
        if future.exception() is not None:
            return {"index": index, "error": described(future.exception())}
        return {"index": index, "value": future.result()}


class Race(Task):
    key = "race"

    def __init__(self, members):
        super().__init__(members)
        self.children = members.tasks("race")

    async def run(self, scope):
        futures = [asyncio.ensure_future(child(scope)) for child in self.children]
        try:
            done, _ = await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel_and_await(futures)
        return next(each for each in futures if each in done).result()


class Any(Task):
    key = "any"
    optional = ("stagger",)

    def __init__(self, members):
        super().__init__(members)
        self.stagger = members.number("stagger")
        self.children = members.tasks("any")

    async def run(self, scope):
        if not self.children:
            raise ValueError("any of no tasks")
        futures = []
        try:
            while True:
                count = len(self.children) if self.stagger is None else min(len(futures) + 1, len(self.children))
                futures += [asyncio.ensure_future(child(scope)) for child in self.children[len(futures):count]]
                are_all = count == len(self.children)
                if running := [each for each in futures if not each.done()]:
                    await asyncio.wait(running, timeout=None if are_all else max(self.stagger, 0),
                                       return_when=asyncio.FIRST_COMPLETED)
                for each in futures:
                    if each.done() and not each.cancelled() and not each.exception():
                        return each.result()
                if are_all and all(each.done() for each in futures):
                    raise NoneSucceeded([self.failure(*each) for each in zip(futures, self.children)])
        finally:
            await cancel_and_await(futures)

    @staticmethod
    def failure(future, child):
        try:
            future.result()
        except (Exception, asyncio.CancelledError) as e:
            mark(e, child.at)  # of one that was cancelled before it began
            return e


# ---- one around another ----------------------------------------------------------------------------------------------


class WaitFor(Task):
    awaits_others = True
    key = "wait_for"
    required = ("timeout",)

    def __init__(self, members):
        super().__init__(members)
        self.timeout = members.number("timeout")
        self.inner = members.task("wait_for")

    async def run(self, scope):
        # A coroutine where it can be one: without a timeout it is awaited in this very task.
        inner = self.inner.future(scope) if isinstance(self.inner, Ref) else self.inner(scope)
        return await asyncio.wait_for(inner, self.timeout)


class Shield(Task):
    awaits_others = True
    key = "shield"

    def __init__(self, members):
        super().__init__(members)
        self.inner = members.task("shield")

    async def run(self, scope):
        return await asyncio.shield(self.inner.future(scope))


class Sequence(Task):
    key = "sequence"

    def __init__(self, members):
        super().__init__(members)
        self.children = members.tasks("sequence")

    async def run(self, scope):
        return [await child(scope) for child in self.children]


class If(Task):
    key = "if"
    required = ("then",)
    optional = ("else",)

    def __init__(self, members):
        super().__init__(members)
        self.condition = members.task("if")
        self.then = members.task("then")
        self.otherwise = members.task_if_any("else")

    async def run(self, scope):
        if await self.condition(scope):
            return await self.then(scope)
        return None if self.otherwise is None else await self.otherwise(scope)


class Let(Task):
    key = "let"
    required = ("in",)

    def __init__(self, members):
        super().__init__(members)
        self.named = members.named_tasks("let")
        self.body = members.task("in", naming=self.named)

    async def run(self, scope):
        own = []
        try:
            for name, task in self.named.items():
                own.append(asyncio.ensure_future(task(scope)))
                scope = scope.naming(name, own[-1])
            return await self.body(scope)
        finally:
            await cancel_and_await(own)


class Try(Task):
    key = "try"
    optional = ("except", "types", "as", "finally")

    def __init__(self, members):
        super().__init__(members)
        self.body = members.task("try")
        self.name = members["as"] if "as" in members else None
        if not isinstance(self.name, (str, type(None))):
            members.refuse("a name is expected", "/as")
        if "except" not in members and ("as" in members or "types" in members):
            members.refuse("as and types go with except")
        self.types = members["types"] if "types" in members else None
        if "types" in members:
            if not isinstance(self.types, list) or not self.types or not all(isinstance(each, str) for each in self.types):
                members.refuse("a list of names is expected", "/types")
        self.handler = members.task_if_any("except", naming=[] if self.name is None else [self.name])
        self.cleanup = members.task_if_any("finally")

    def catches(self, error):
        if self.handler is None:
            return False
        if self.types is None:
            return not isinstance(error, asyncio.CancelledError)
        return described(error)["type"] in self.types

    async def run(self, scope):
        try:
            try:
                return await self.body(scope)
            except (Exception, asyncio.CancelledError) as error:
                if not self.catches(error):
                    raise
                inner = scope
                if self.name is not None:
                    inner = scope.naming(self.name, settled(described(error)))
                return await self.handler(inner)
        finally:
            if self.cleanup is not None:
                await self.cleanup(scope)


class Retry(Task):
    key = "retry"
    required = ("attempts",)
    optional = ("delay", "factor", "max_delay")

    def __init__(self, members):
        super().__init__(members)
        self.attempts = members.at_least_one("attempts")
        self.delay = members.number("delay", 0)
        self.factor = members.number("factor", 1)
        self.max_delay = members.number("max_delay")
        self.inner = members.task("retry")

    async def run(self, scope):
        delay = self.delay
        for left in reversed(range(self.attempts)):
            try:
                return await self.inner(scope)
            except Exception:
                if left == 0:
                    raise
            await asyncio.sleep(delay if self.max_delay is None else min(delay, self.max_delay))
            delay *= self.factor


KINDS = (Call, Map, Value, Ref, Gather, TaskGroup, Wait, WaitFor, Race, Shield, Sequence, Let, Try, Retry, ToThread, If, Any)
