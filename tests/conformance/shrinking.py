"""Makes a case smaller for as long as it stays what it is: a case in which something is wrong."""

from plan_tree import part_at, places, replaced, size

SIMPLEST = ({"value": 1}, {"call": "noop"}, {"call": "sleep", "args": [0.1]})


def shrunk(case, is_wrong, tries=600):
    """The smallest case that is_wrong finds, on a way of single steps; it is asked at most so many times."""
    left = tries
    progress = True
    while progress and left > 0:
        progress = False
        for smaller in _smaller(case):
            left -= 1
            if left < 0:
                break
            if is_wrong(smaller):
                case, progress = smaller, True
                break
    return case


def _smaller(case):
    plan = case["plan"]
    for name in ("timeout", "seed"):
        if name in case and not (name == "seed" and "'random." in repr(plan)):  # else it would draw what it likes
            yield {key: value for key, value in case.items() if key != name}
    for smaller in sorted(_smaller_plans(plan), key=_weight):
        if _weight(smaller) < _weight(plan):
            yield case | {"plan": smaller}


def _weight(plan):
    """Tasks count most; then the text."""
    return size(plan), len(repr(plan))


def _smaller_plans(plan):
    ways = list(places(plan))
    for at in ways:
        for inner in ways:  # a task in the place of what it stands in
            if len(inner) > len(at) and inner[:len(at)] == at:
                yield replaced(plan, at, part_at(plan, inner))
        for simple in SIMPLEST:
            yield replaced(plan, at, simple)
        task = part_at(plan, at)
        for key, part in task.items():
            yield replaced(plan, at, {name: each for name, each in task.items() if name != key})
            for fewer in _fewer(part):
                yield replaced(plan, (*at, key), fewer)


def _fewer(part):
    """A list or an object with one item less."""
    if isinstance(part, list):
        for i in range(len(part)):
            yield part[:i] + part[i + 1:]
    elif isinstance(part, dict):
        for name in part:
            yield {key: each for key, each in part.items() if key != name}
