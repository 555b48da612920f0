"""multiprocessing.Pool.map of two processes: pool_map.py CALLS prints calls a second."""

import multiprocessing
import sys
import time


def add_one(number):
    return number + 1


if __name__ == "__main__":
    calls = int(sys.argv[1])
    with multiprocessing.Pool(2) as pool:
        pool.map(add_one, range(calls // 10), chunksize=1)
        begin = time.perf_counter()
        results = pool.map(add_one, range(calls), chunksize=1)
        took = time.perf_counter() - begin
    assert results == list(range(1, calls + 1))
    print(calls / took)
