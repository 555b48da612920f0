"""Celery with Redis as broker and result store: celery_tasks.py CALLS prints calls a second of a group; REDIS_PORT names the server."""

import os
import sys
import time

from celery import Celery, group

address = f"redis://127.0.0.1:{os.environ['REDIS_PORT']}/0"
app = Celery("celery_tasks", broker=address, backend=address)


@app.task
def add_one(number):
    return number + 1


def run(calls):
    begin = time.perf_counter()
    results = group(add_one.s(i) for i in range(calls)).apply_async().get()
    took = time.perf_counter() - begin
    assert results == list(range(1, calls + 1))
    return calls / took


if __name__ == "__main__":
    from celery_tasks import add_one, run  # under the name by which the worker knows the task

    run(int(sys.argv[1]) // 10)
    print(run(int(sys.argv[1])))
