"""A plan as plain JSON: where tasks stand in it, and copies with one of them replaced."""

KINDS = ("call", "map", "value", "ref", "gather", "task_group", "wait", "wait_for", "race", "shield", "sequence", "let", "try",
         "retry", "to_thread", "if", "any")
LISTS = ("gather", "task_group", "wait", "race", "sequence", "any")
INNER = ("wait_for", "shield", "retry", "to_thread", "try", "except", "finally", "in", "if", "then", "else", "map")


def is_task(part):
    return isinstance(part, dict) and sum(kind in part for kind in KINDS) == 1


def places(task, at=()):
    """The way to each task in a task, itself first: keys and indices from the outermost inwards."""
    if not is_task(task):
        return
    yield at
    for key, part in task.items():
        if key in LISTS and isinstance(part, list):
            for i, each in enumerate(part):
                yield from places(each, (*at, key, i))
        elif key == "let" and isinstance(part, dict):
            for name, each in part.items():
                yield from places(each, (*at, key, name))
        elif key in INNER:
            yield from places(part, (*at, key))
        elif key in ("args", "over") and task.get("literal") is not True and not (key == "over" and _has_items(task)):
            yield from _awaited(part, (*at, key))


def _has_items(task):
    """Whether `over` is data: the items of a map with a task."""
    return isinstance(task.get("map"), dict) and isinstance(task["over"], list)


def _awaited(part, at):
    if isinstance(part, dict):
        if part.keys() == {"await"}:
            yield from places(part["await"], (*at, "await"))
        elif part.keys() == {"ref"}:
            yield at
        else:
            for key, each in part.items():
                yield from _awaited(each, (*at, key))
    elif isinstance(part, list):
        for i, each in enumerate(part):
            yield from _awaited(each, (*at, i))


def part_at(plan, place):
    for key in place:
        plan = plan[key]
    return plan


def replaced(plan, place, part):
    """A copy of the plan in which `part` stands at the place; what it does not change is shared."""
    if not place:
        return part
    key, *rest = place
    copy = plan.copy()
    copy[key] = replaced(plan[key], rest, part)
    return copy


def size(plan):
    """How many tasks it has."""
    return sum(1 for _ in places(plan))


def depth(plan):
    """How many tasks stand inside each other, at most."""
    own = {at: None for at in places(plan)}
    return max((sum(at[:i] in own for i in range(len(at) + 1)) for at in own), default=0)
