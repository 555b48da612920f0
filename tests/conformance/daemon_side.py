"""What the daemon makes of cases: many at once, over a few connections."""

import asyncio
import json
import time

IN_FLIGHT = 64
CONNECTIONS = 4
PATIENCE = 90  # seconds: a plan that is compared takes 8 at most


class DaemonSide:
    """As a context it is connected. Not to be used inside of an event loop: it has one of its own."""

    def __init__(self, port):
        self._port = port
        self._turn = 0

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._gate = asyncio.Semaphore(IN_FLIGHT)
        self._links = [self._loop.run_until_complete(_Link.open(self._port)) for _ in range(CONNECTIONS)]
        return self

    def __exit__(self, *_):
        for each in self._links:
            self._loop.run_until_complete(each.close())
        self._loop.close()

    def outcomes_of(self, cases):
        """In the words of the reference: result, error, timed_out or invalid; output; seconds. Or silent."""
        async def all_of_them():
            return await asyncio.gather(*map(self._outcome_of, cases))
        return self._loop.run_until_complete(all_of_them())

    async def _outcome_of(self, case):
        self._turn += 1
        more = {name: case[name] for name in ("seed", "timeout") if name in case}
        ways = [each for each in ways_to_ask(case["plan"]) if not more or isinstance(each[1], dict)]
        method, params, begins = ways[self._turn % len(ways)]
        async with self._gate:
            link = self._links[self._turn % len(self._links)]
            return await link.outcome_of(method, params | more if more else params, begins)


def ways_to_ask(plan):
    """(method, params, where pointers into the plan's root begin there): a root gather or map has a method of its own."""
    ways = [("run", {"task": plan}, {"": "/task"}), ("run", [plan], {"": "/0"})]
    if isinstance(plan, dict) and isinstance(plan.get("gather"), list) and plan.keys() <= {"gather", "return_exceptions", "limit"}:
        options = {name: value for name, value in plan.items() if name != "gather"}
        ways += [("gather", {"tasks": plan["gather"]} | options, {"/gather": "/tasks"})]
        ways += [("gather", [plan["gather"]], {"/gather": "/0"})] if not options else []
    is_of_task = isinstance(plan, dict) and isinstance(plan.get("map"), dict)
    if is_of_task and {"over"} <= plan.keys() <= {"map", "over", "as", "return_exceptions", "limit"}:
        ways += [("map", {"task": plan["map"]} | {name: value for name, value in plan.items() if name != "map"}, {"/map": "/task"})]
    if isinstance(plan, dict) and {"map", "over"} <= plan.keys() <= {"map", "over", "return_exceptions", "limit"} and not is_of_task:
        options = {name: value for name, value in plan.items() if name != "map"}
        ways += [("map", {"call": plan["map"]} | options, {"/map": "/call"})]
        ways += [("map", [plan["map"], plan["over"]], {"/map": "/0", "/over": "/1"})] if options.keys() == {"over"} else []
    return ways


class _Link:
    """One connection: requests out, answers and output in, told apart by id."""

    @classmethod
    async def open(cls, port):
        link = cls()
        link._reader, link._writer = await asyncio.open_connection("127.0.0.1", port, limit=2**26)
        link._waiting, link._output, link._next_id = {}, {}, 0
        link._reading = asyncio.ensure_future(link._read())
        return link

    async def close(self):
        self._reading.cancel()
        self._writer.close()
        await self._writer.wait_closed()

    async def _read(self):
        while line := await self._reader.readline():
            message = json.loads(line)
            if "id" in message:
                self._waiting.pop(message["id"]).set_result(message)
            else:
                self._output[message["params"]["request"]].append(message["params"]["text"])
        for each in self._waiting.values():
            each.set_exception(ConnectionError("the daemon closed the connection"))

    async def outcome_of(self, method, params, begins):
        self._next_id += 1
        own = self._next_id
        answered = self._waiting[own] = asyncio.get_running_loop().create_future()
        output = self._output[own] = []
        self._writer.write(json.dumps({"id": own, "method": method, "params": params}).encode() + b"\n")
        started = time.monotonic()
        try:
            answer = await asyncio.wait_for(answered, PATIENCE)
        except TimeoutError:
            return {"silent": f"no answer in {PATIENCE} s"}
        seconds = time.monotonic() - started
        del self._output[own]
        return _in_words_of_a_case(answer, begins) | {"output": output, "seconds": seconds}


def _in_words_of_a_case(answer, begins):
    if "result" in answer:
        return {"result": answer["result"]}
    error = answer["error"]
    if error["code"] == -32602:
        return {"invalid": _in_the_plan(error["data"]["path"], begins)}
    if error["code"] == -32000:
        return {"error": _with_paths_in_the_plan(error["data"], begins)}
    if error["code"] == -32001:
        return {"timed_out": True}
    return {"unexpected": error}


def _in_the_plan(pointer, begins):
    """A pointer into params as one into the plan."""
    for inner, outer in begins.items():
        if (pointer + "/").startswith(outer + "/"):
            return inner + pointer[len(outer):]
    return pointer


def _with_paths_in_the_plan(error, begins):
    made = dict(error)
    if "path" in made:
        made["path"] = _in_the_plan(made["path"], begins)
    if "errors" in made:
        made["errors"] = [_with_paths_in_the_plan(each, begins) for each in made["errors"]]
    return made
