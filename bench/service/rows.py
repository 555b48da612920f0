"""What is compared: a row for each workload."""

import random
from dataclasses import dataclass
from typing import Callable, Optional

LONGEST_SLEEP = {1_000: 0.1, 10_000: 0.1, 100_000: 0.1, 1_000_000: 1.0}  # seconds


@dataclass(frozen=True)
class Row:
    """One workload, as `gatherd bench` is told it."""

    group: str
    name: str
    batch: int = 1
    connections: int = 1
    pipeline: int = 1
    form: str = "gather"
    plan: Optional[Callable] = None
    sleeps: bool = False
    is_once: bool = False  # a few requests instead of some seconds

    def words(self, seconds):
        words = ["--connections", str(self.connections), "--pipeline", str(self.pipeline)]
        if self.plan is None:
            words += ["--batch", str(self.batch)]
        if self.form == "map":
            words.append("--map")
        if self.is_once:
            return [*words, "--requests", str(self.connections), "--warm-up", "0", "--patience", "120s"]
        return [*words, "--warm-up", f"{max(100, int(seconds * 250))}ms", "--duration", f"{int(seconds * 1000)}ms"]


def sleeps(count):
    """So many sleeps of 0 to the longest, at random: a gather of calls, of a million a map."""
    chance = random.Random(count)
    over = [[round(chance.uniform(0, LONGEST_SLEEP[count]), 6)] for _ in range(count)]
    if count >= 1_000_000:
        return {"call": "sleep", "over": over}
    return [{"call": "sleep", "args": args} for args in over]


def all_rows():
    for batch in (1, 10, 100, 1000):
        for connections in (1, 8, 64):
            yield Row("batches", f"{batch} x {connections} connections", batch, connections)
            pipeline = 2 if batch == 1000 else 16
            yield Row("pipelined", f"{batch} x {connections} connections x {pipeline}", batch, connections, pipeline)
    yield Row("map", "map of 1000 x 8 connections x 2", 1000, 8, 2, form="map")
    for count in (1_000, 10_000, 100_000, 1_000_000):
        yield Row("sleeps", f"{count:,} sleeps".replace(",", " "), count, plan=lambda count=count: sleeps(count), sleeps=True,
                  is_once=True)
    yield Row("connections", "9500 connections", 1, 9500, is_once=True)
