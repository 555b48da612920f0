"""Programs for the dashboard to show."""

GATE = {"call": "gate", "args": []}

# What is watched waits at the gate, so that all that follows is recorded.
KNOWN = {"sequence": [GATE, {"gather": [
    {"call": "add", "args": [1, 2]},
    {"try": {"call": "fail", "args": ["ValueError", "no such image"]}, "except": {"value": "none"}},
    {"wait_for": {"call": "sleep", "args": [3600]}, "timeout": 0.01}], "return_exceptions": True}, GATE]}


def create(client, task, name, **more):
    return client.result("create_task", {"task": task, "name": name, "detach": True, **more})["id"]

