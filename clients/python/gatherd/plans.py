"""Plans: what the daemon is to do, as a tree that is sent whole. Pure: nothing here knows a connection."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Type, Union

from .errors import exception_of

Json = Any
Outcome = Any  # a result, or the exception in its place
_Scope = Tuple[Tuple[str, object, str], ...]  # of each name in force: as the program calls it, what bound it, as the plan calls it
_Shape = Any  # how a result is read; None: as it is


class Plan:
    """One node of a plan, with all that is below it. Lazy: it runs when it is awaited (or `run`), each time anew, as one request.

    It belongs to the client whose method made it. One of the module's functions belongs to none: `client.run(plan)`.
    """

    __slots__ = ("_write", "_shape", "_client", "_streamed")

    def __init__(self, write: Callable[[_Scope], Dict[str, Json]], shape: _Shape = None, client: Any = None,
                 streamed: Optional[Callable[[], Tuple[str, Dict[str, Json]]]] = None):
        self._write = write
        self._shape = shape
        self._client = client
        self._streamed = streamed

    def to_json(self) -> Dict[str, Json]:
        """The TASK of the protocol that this stands for."""
        return self._write(())

    def decode(self, result: Json) -> Any:
        """A result of the protocol as Python has it: the errors of return_exceptions are exceptions."""
        return _decode(self._shape, result)

    def run(self, **options: Any) -> Any:
        """As `client.run(plan, ...)`: to be awaited, or with `gatherd.sync` the result."""
        return self._owner().run(self, **options)

    def stream(self, **options: Any) -> Any:
        """As `client.stream(plan, ...)`: the children of a gather or map as they end."""
        return self._owner().stream(self, **options)

    def __await__(self) -> Any:
        return self._owner().run(self).__await__()

    def _owner(self) -> Any:
        if self._client is None:
            raise TypeError("this plan belongs to no client: use client.run(plan)")
        return self._client

    def __repr__(self) -> str:
        try:
            text = repr(self.to_json())
        except (TypeError, ValueError):
            text = "part of a plan"
        return f"<gatherd plan {text if len(text) <= 200 else text[:200] + '...'}>"


class Ref(Plan):
    """The result of a named task, or an item of a map: of use inside the plan that binds the name."""

    __slots__ = ()


class Waited(NamedTuple):
    """What `wait` gives: the results (or exceptions) of those that ended by their index, and the indices of those that did not."""

    done: Dict[int, Outcome]
    pending: List[int]


def _decode(shape: _Shape, value: Json) -> Any:
    if shape is None:
        return value
    kind = shape[0]
    if kind == "list":  # the children's results, each of a shape of its own
        return [_outcome(inner, item) if shape[1] else _decode(inner, item) for inner, item in zip(shape[2], value)]
    if kind == "map":
        return [_outcome(shape[2], item) if shape[1] else _decode(shape[2], item) for item in value]
    done = {entry["index"]: _outcome(shape[1][entry["index"]], entry) for entry in value["done"]}
    return Waited(done, list(value["pending"]))


def _outcome(shape: _Shape, entry: Mapping[str, Json]) -> Outcome:
    return exception_of(entry["error"]) if "error" in entry else _decode(shape, entry["value"])


def _common(*shapes: _Shape) -> _Shape:
    """Of branches of which one runs. Where they differ the result is left as the daemon sent it."""
    return shapes[0] if all(shape == shapes[0] for shape in shapes) else None


def _list_shape(plans: Sequence[Plan], return_exceptions: bool = False) -> _Shape:
    shapes = tuple(plan._shape for plan in plans)
    return ("list", return_exceptions, shapes) if return_exceptions or any(shape is not None for shape in shapes) else None


# ---- data: whatever the program puts into a plan that is no plan


class _PlanInside(Exception):
    pass


class _Data:
    """Copies values as JSON has them, so that what was looked at is what is sent."""

    __slots__ = ("dangerous",)

    def __init__(self) -> None:
        self.dangerous = False  # an object in it would be run, or taken for a name, if the daemon looked into it

    def plain(self, value: Any) -> Json:
        kind = type(value)
        if kind in _SCALARS:
            return value
        if isinstance(value, dict):
            copied = {_key(key): self.plain(item) for key, item in value.items()}
            if len(copied) == 1 and ("await" in copied or "ref" in copied):
                self.dangerous = True
            return copied
        if isinstance(value, (list, tuple)):
            return [item if type(item) in _SCALARS else self.plain(item) for item in value]
        if isinstance(value, Plan):
            raise _PlanInside
        return _scalar(value)


_SCALARS = frozenset((str, int, float, bool, type(None)))


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    raise TypeError(f"a key of JSON is a text, not {key!r:.100}")


def _scalar(value: Any) -> Json:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, int) else float(value)
    raise TypeError(f"{type(value).__name__} is no JSON: {value!r:.100}")


def _data(value: Any, place: str) -> Json:
    try:
        return _Data().plain(value)
    except _PlanInside:
        raise TypeError(f"{place} is data and cannot hold a plan") from None


def _mixed(value: Any, scope: _Scope) -> Json:
    """Data with plans in it: their results take their places. What only looks like a plan is wrapped, so that it stays data."""
    if isinstance(value, Plan):
        return {"await": value._write(scope)}
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in ("await", "ref"):
            try:
                return {"await": {"value": _Data().plain(value)}}
            except _PlanInside:
                raise ValueError(f"an object whose only key is {next(iter(value))!r} cannot hold a plan") from None
        return {_key(key): _mixed(item, scope) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [item if type(item) in _SCALARS else _mixed(item, scope) for item in value]
    return _Data().plain(value)


def _write_arguments(member: str, arguments: Any, scope: _Scope) -> Dict[str, Json]:
    data = _Data()
    try:
        written = data.plain(arguments)
    except _PlanInside:
        # The wrapping of _mixed would make an object of arguments by name an await.
        if isinstance(arguments, dict) and len(arguments) == 1 and next(iter(arguments)) in ("await", "ref"):
            raise ValueError(f"an only argument named {next(iter(arguments))!r} cannot hold a plan: pass it by position") from None
        return {member: _mixed(arguments, scope)}
    return {member: written, "literal": True} if data.dangerous else {member: written}


# ---- names


def _bind(scope: _Scope, name: str, binding: object) -> Tuple[_Scope, str]:
    """A name of the program in force from here on. It is sent under another if an outer one of that name may be meant, too."""
    taken = {wire for _, _, wire in scope}
    wire = name
    while wire in taken:
        wire += "_"
    return scope + ((name, binding, wire),), wire


def _ref_to(name: str, binding: object, shape: _Shape, client: Any) -> Ref:
    def write(scope: _Scope) -> Dict[str, Json]:
        for _, bound, wire in reversed(scope):
            if bound is binding:
                return {"ref": wire}
        raise ValueError(f"{name!r} is used outside of the plan that binds it")

    return Ref(write, shape, client)


def _plans(kind: str, plans: Iterable[Any]) -> List[Plan]:
    plans = list(plans)
    for index, plan in enumerate(plans):
        _plan(f"{kind}: argument {index + 1}", plan)
    return plans


def _plan(place: str, plan: Any) -> Plan:
    if not isinstance(plan, Plan):
        raise TypeError(f"{place} is to be a plan, not {type(plan).__name__}; data goes into value(...)")
    return plan


def _options(written: Dict[str, Json], **options: Any) -> Dict[str, Json]:
    written.update((name, value) for name, value in options.items() if value is not None and value is not False)
    return written


Types = Sequence[Union[str, Type[BaseException]]]
Body = Union[Plan, Callable[..., Plan]]


class Plans:
    """The kinds of plans. A client has them as methods; as functions of the module they make plans that belong to no client."""

    def _made(self, write: Callable[[_Scope], Dict[str, Json]], shape: _Shape = None, **more: Any) -> Plan:
        return Plan(write, shape, None if self is _free else self, **more)

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Plan:
        """`await name(*args)`, or `name(**kwargs)`. A plan among the arguments, however deep, is run first: its result is passed.
        All else is data: it is never run, whatever it looks like."""
        if args and kwargs:
            raise TypeError(f"{name}: arguments go all by position or all by name")
        arguments = kwargs or args
        return self._made(lambda scope: {"call": name, **_write_arguments("args", arguments, scope)} if arguments else {"call": name})

    def value(self, value: Any) -> Plan:
        """A value, not looked into."""
        return self._made(lambda scope: {"value": _data(value, "value")})

    def from_json(self, task: Mapping[str, Json]) -> Plan:
        """A plan of the protocol as it is. Never for JSON from others: it is run."""
        return self._made(lambda scope: dict(task))

    def gather(self, *plans: Plan, return_exceptions: bool = False, limit: Optional[int] = None) -> Plan:
        """`asyncio.gather`: results in order. At most `limit` children run at a time."""
        children = _plans("gather", plans)

        def write(scope: _Scope) -> Dict[str, Json]:
            return _options({"gather": [plan._write(scope) for plan in children]}, return_exceptions=return_exceptions, limit=limit)

        def streamed() -> Tuple[str, Dict[str, Json]]:
            written = write(())
            written["tasks"] = written.pop("gather")
            return "gather", written

        return self._made(write, _list_shape(children, return_exceptions), streamed=streamed)

    def map(self, function: Union[str, Callable[[Ref], Plan]], over: Union[Iterable[Any], Plan], *, return_exceptions: bool = False,
            limit: Optional[int] = None) -> Plan:
        """`gather(*(function(item) for item in over))`. `function` is a name, or makes the plan of an item:
        `g.map(lambda url: g.wait_for(g.call("http.get", url), 2), urls)`. `over` is a list of data, or a plan that gives one."""
        if isinstance(function, str) and not isinstance(over, Plan):
            return self._map_name(function, [[item] for item in over], return_exceptions, limit)
        return self._map_task(function, over, return_exceptions, limit)

    def starmap(self, function: str, over: Union[Iterable[Any], Plan], *, return_exceptions: bool = False,
                limit: Optional[int] = None) -> Plan:
        """As `map`, where each item is a list of arguments, or a dict of them by name."""
        if not isinstance(over, Plan):
            items = [item if isinstance(item, dict) else list(item) for item in over]
            return self._map_name(function, items, return_exceptions, limit)
        return self._map_name(function, over, return_exceptions, limit)

    def _map_name(self, name: str, over: Any, return_exceptions: bool, limit: Optional[int]) -> Plan:
        def write(scope: _Scope) -> Dict[str, Json]:
            written = {"map": name, **_write_arguments("over", over, scope)}
            return _options(written, return_exceptions=return_exceptions, limit=limit)

        def streamed() -> Tuple[str, Dict[str, Json]]:
            written = write(())
            if written.pop("literal", False):  # not a parameter of the method; there the items of a map with a task are data
                written["task"], written["as"] = {"call": written.pop("map"), "args": {"ref": "item"}}, "item"
            else:
                written["call"] = written.pop("map")
            return "map", written

        return self._made(write, ("map", True, None) if return_exceptions else None, streamed=streamed)

    def _map_task(self, function: Any, over: Any, return_exceptions: bool, limit: Optional[int]) -> Plan:
        binding = object()
        item = _ref_to("item", binding, None, None if self is _free else self)
        body = _plan("map: what its function returns", self.call(function, item) if isinstance(function, str) else function(item))
        items = over if isinstance(over, Plan) else list(over)

        def write(scope: _Scope) -> Dict[str, Json]:
            inner, name = _bind(scope, "item", binding)
            written: Dict[str, Json] = {"map": body._write(inner), "as": name}
            written["over"] = {"await": items._write(scope)} if isinstance(items, Plan) else _data(items, "map: over")
            return _options(written, return_exceptions=return_exceptions, limit=limit)

        def streamed() -> Tuple[str, Dict[str, Json]]:
            written = write(())
            written["task"] = written.pop("map")
            return "map", written

        shape = ("map", return_exceptions, body._shape) if return_exceptions or body._shape is not None else None
        return self._made(write, shape, streamed=streamed)

    def task_group(self, *plans: Plan) -> Plan:
        """`asyncio.TaskGroup`: a failure cancels the rest and raises an ExceptionGroup."""
        return self._listed("task_group", plans)

    def sequence(self, *plans: Plan) -> Plan:
        """One after the other: the list of results."""
        return self._listed("sequence", plans)

    def _listed(self, kind: str, plans: Sequence[Plan]) -> Plan:
        children = _plans(kind, plans)
        return self._made(lambda scope: {kind: [plan._write(scope) for plan in children]}, _list_shape(children))

    def wait(self, plans: Iterable[Plan], *, timeout: Optional[float] = None, return_when: Optional[str] = None) -> Plan:
        """`asyncio.wait`: a `Waited`. What is pending runs on, till the whole plan ends."""
        children = _plans("wait", plans)
        return self._made(lambda scope: _options({"wait": [plan._write(scope) for plan in children]},
                                                 timeout=timeout, return_when=return_when),
                          ("wait", tuple(plan._shape for plan in children)))

    def wait_for(self, plan: Plan, timeout: float) -> Plan:
        """`asyncio.wait_for`: TimeoutError after `timeout` seconds."""
        _plan("wait_for", plan)
        return self._made(lambda scope: {"wait_for": plan._write(scope), "timeout": timeout}, plan._shape)

    def race(self, *plans: Plan) -> Plan:
        """The first to end, with its result or its exception; the rest are cancelled."""
        children = _plans("race", plans)
        return self._made(lambda scope: {"race": [plan._write(scope) for plan in children]},
                          _common(*(plan._shape for plan in children)) if children else None)

    def any(self, *plans: Plan, stagger: Optional[float] = None) -> Plan:
        """The first success; the rest are cancelled. With `stagger` the next starts when one fails, or so many seconds later."""
        children = _plans("any", plans)
        return self._made(lambda scope: _options({"any": [plan._write(scope) for plan in children]}, stagger=stagger),
                          _common(*(plan._shape for plan in children)) if children else None)

    def shield(self, plan: Plan) -> Plan:
        """`asyncio.shield`."""
        _plan("shield", plan)
        return self._made(lambda scope: {"shield": plan._write(scope)}, plan._shape)

    def retry(self, plan: Plan, attempts: int, *, delay: Optional[float] = None, factor: Optional[float] = None,
              max_delay: Optional[float] = None) -> Plan:
        """Again after a failure, up to `attempts` times in all, `delay` seconds later, times `factor` each time."""
        _plan("retry", plan)
        return self._made(lambda scope: _options({"retry": plan._write(scope), "attempts": attempts}, delay=delay, factor=factor,
                                                 max_delay=max_delay), plan._shape)

    def to_thread(self, name: str, /, *args: Any, **kwargs: Any) -> Plan:
        """`asyncio.to_thread`: a call on a thread for calls that block."""
        called = self.call(name, *args, **kwargs)
        return self._made(lambda scope: {"to_thread": called._write(scope)})

    def if_(self, condition: Plan, then: Plan, else_: Optional[Plan] = None) -> Plan:
        """The if statement, by Python's truth."""
        for place, plan in (("if_: condition", condition), ("if_: then", then), ("if_: else_", else_)):
            if plan is not None:
                _plan(place, plan)

        def write(scope: _Scope) -> Dict[str, Json]:
            written = {"if": condition._write(scope), "then": then._write(scope)}
            return written if else_ is None else {**written, "else": else_._write(scope)}

        return self._made(write, _common(then._shape, None if else_ is None else else_._shape))

    def let(self, body: Body, /, **tasks: Plan) -> Plan:
        """Names tasks, each started once, for use in `body`:
        `g.let(lambda user: g.gather(g.call("f", user), g.call("h", user)), user=g.call("load", 7))`.
        A task of the let may use those before it by `ref`."""
        for name, plan in tasks.items():
            _plan(f"let: {name}", plan)
        bindings = {name: object() for name in tasks}
        owner = None if self is _free else self
        inner_plan = body if isinstance(body, Plan) else body(
            **{name: _ref_to(name, bindings[name], plan._shape, owner) for name, plan in tasks.items()})
        _plan("let: its body", inner_plan)

        def write(scope: _Scope) -> Dict[str, Json]:
            named: Dict[str, Json] = {}
            for name, plan in tasks.items():
                wider, wire = _bind(scope, name, bindings[name])
                named[wire] = plan._write(scope)
                scope = wider
            return {"let": named, "in": inner_plan._write(scope)}

        return self._made(write, inner_plan._shape)

    def ref(self, name: str) -> Plan:
        """The task of that name, of the innermost let (or try_, by `as_`) that has it."""
        def write(scope: _Scope) -> Dict[str, Json]:
            for known, _, wire in reversed(scope):
                if known == name:
                    return {"ref": wire}
            raise ValueError(f"no let around this binds {name!r}")

        return self._made(write)

    def try_(self, plan: Plan, *, except_: Optional[Body] = None, types: Optional[Types] = None,
             finally_: Optional[Plan] = None) -> Plan:
        """The try statement. `except_` is a plan, or makes one of the error: `except_=lambda error: g.call("echo", error)`.
        `types`: names of the types that it catches, or classes; without, all but cancellation."""
        _plan("try_", plan)
        binding = object()
        handler: Optional[Plan] = None
        named = except_ is not None and not isinstance(except_, Plan)
        if except_ is not None:
            handler = _plan("try_: except_", except_(_ref_to("error", binding, None, None if self is _free else self))
                            if not isinstance(except_, Plan) else except_)
        if finally_ is not None:
            _plan("try_: finally_", finally_)
        names = None if types is None else [kind if isinstance(kind, str) else kind.__name__ for kind in types]

        def write(scope: _Scope) -> Dict[str, Json]:
            written: Dict[str, Json] = {"try": plan._write(scope)}
            if handler is not None:
                inner, name = _bind(scope, "error", binding) if named else (scope, None)
                _options(written, **{"except": handler._write(inner), "as": name})
            return _options(written, types=names, **{"finally": None if finally_ is None else finally_._write(scope)})

        return self._made(write, plan._shape if handler is None else _common(plan._shape, handler._shape))


_free = Plans()
call, value, from_json, gather, starmap = _free.call, _free.value, _free.from_json, _free.gather, _free.starmap
task_group, sequence, wait, wait_for, race = _free.task_group, _free.sequence, _free.wait, _free.wait_for, _free.race
shield, retry, to_thread, if_, let, ref, try_ = _free.shield, _free.retry, _free.to_thread, _free.if_, _free.let, _free.ref, _free.try_
map_, any_ = _free.map, _free.any  # not to hide Python's own
