"""A gather through the package: python_client.py CALLS prints calls a second."""

import sys
import time

import gatherd.sync


def run(g, calls):
    begin = time.perf_counter()
    results = g.run(g.gather(*(g.call("add_one", i) for i in range(calls))))
    took = time.perf_counter() - begin
    assert results == list(range(1, calls + 1))
    return calls / took


with gatherd.sync.connect() as g:
    run(g, int(sys.argv[1]) // 10)
    print(run(g, int(sys.argv[1])))
