#!/usr/bin/python3
"""Weakens every atomic operation of the lock-free headers in turn, and demands that the models notice.

    mutants.py WORK_DEQUE_MODEL RUN_QUEUE_MODEL IDLE_WORKERS_MODEL [ONLY]

For each operation whose memory order is stronger than relaxed the models run with the weaker orders in its place, and
each read-modify-write also as a load and a store; see mutation.hpp. No compiling: the models change the order as they
run. Then come the faults that idle_workers_model can make by itself.

A mutant that survives must be in SURVIVORS, with the reason; one that is listed there and dies is an error too, since
then the reason is wrong. Evidence in the headers is the summary. ONLY: run the mutants whose name contains this.

How many random runs each mutant gets is fixed here, and the runs are the same every time.
Exit status: 0 as expected, 1 not, 2 usage or a model that fails without any mutation.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "executor/include/gatherd/executor/detail"
HEADERS = {  # and the models that run them
    "work_deque": (0, 2),
    "run_queue": (1, 2),
    "owned_ring": (0, 1, 2),
    "idle_workers": (2,),
    "injection_queue": (2,),
}
WORKER_FAULTS = ("no_second_look", "forgotten_search", "early_trust", "wake_before_push", "silent_last_searcher",
                 "silent_take", "silent_poll", "silent_reverse")
WEAKER = {
    "load": {"seq_cst": ("acquire", "relaxed"), "acquire": ("relaxed",)},
    "store": {"seq_cst": ("release", "relaxed"), "release": ("relaxed",)},
    "update": {
        "seq_cst": ("acq_rel", "relaxed", "split"),
        "acq_rel": ("relaxed", "split"),
        "acquire": ("relaxed", "split"),
        "release": ("relaxed", "split"),
    },
}
COUNTED = "only the counts hang on it: who is counted as a searcher announces itself later, or ends its search, in seq_cst"
ATOMICITY = "that it is one step is what counts (split dies); what it publishes has edges of its own"
LATER_STORE = "Relacy runs threads in turns, so no load sees a store yet to come"
ONE_STEP = f"that it is one step is what counts (split dies); edge B stands by argument: {LATER_STORE}"
OWN = "that it is one step is what counts (split dies); the owner wrote the item itself, and its own slot reads come first"
TOP_FIRST = f"C: the top must be read before the bottom; {LATER_STORE}"
COHERENT = "it reads the worker's own announce or something later: whoever searched then looks after that"
SURVIVORS = {
    "work_deque try_pop top_.compare_exchange_strong acq_rel": OWN + "; the seq_cst load before it keeps C",
    "work_deque try_pop top_.compare_exchange_strong relaxed": OWN + "; the seq_cst load before it keeps C",
    "work_deque try_pop bottom_.store#2 relaxed":
        "A: by C++11's rule, which is Relacy's, a later store of the same thread keeps the release going; not in C++20",
    "work_deque try_steal top_.load acquire": TOP_FIRST,
    "work_deque try_steal top_.load relaxed": TOP_FIRST,
    "owned_ring try_push top_.load relaxed": f"B: {LATER_STORE}",
    "run_queue try_take top_.compare_exchange_weak relaxed": OWN,
    "run_queue try_steal top_.load relaxed":
        "a guess, and relaxed is enough: the bottom only grows, so an older top makes the exchange fail, and a newer one "
        "only makes it take fewer",
    "run_queue try_steal top_.compare_exchange_strong relaxed": ONE_STEP,
    "idle_workers is_parked parked_[i].load acquire": "edge T of worker.hpp: no model has timers of other workers",
    "idle_workers is_parked parked_[i].load relaxed": "edge T of worker.hpp: no model has timers of other workers",
    "idle_workers begin_search word_.fetch_add acq_rel": COUNTED,
    "idle_workers begin_search word_.fetch_add relaxed": COUNTED,
    "idle_workers announce parked_[self].store release": "the word's add after it publishes it",
    "idle_workers announce parked_[self].store relaxed": "the word's add after it publishes it",
    "idle_workers retract parked_[self].exchange acq_rel": ATOMICITY,
    "idle_workers retract parked_[self].exchange relaxed": ATOMICITY,
    "idle_workers retract word_.fetch_sub acq_rel": COUNTED,
    "idle_workers retract word_.fetch_sub relaxed": COUNTED,
    "idle_workers is_searched word_.load acquire": COHERENT,
    "idle_workers is_searched word_.load relaxed": COHERENT,
    "idle_workers claim word_.compare_exchange_weak acq_rel": COUNTED,
    "idle_workers claim word_.compare_exchange_weak relaxed": "a flag that it misses, any_parked sees",
    "idle_workers claim parked_[i].exchange acq_rel": ATOMICITY,
    "idle_workers claim parked_[i].exchange relaxed": ATOMICITY,
    "idle_workers claim word_.fetch_sub acq_rel": COUNTED,
    "idle_workers claim word_.fetch_sub relaxed": COUNTED,
    "idle_workers claim word_.fetch_sub#2 acq_rel":
        "acq_rel is enough: it reads the newest word, and who announces later looks later",
    "idle_workers claim word_.fetch_sub#2 relaxed":
        "too rare for random runs: a flag that was stored long ago would have to look old to any_parked; acquire is needed "
        "by argument, since the word publishes the flags",
}
ITERATIONS = {  # for mutants that take more runs to die than the others
    "worker silent_take": "100000",
    "worker silent_poll": "100000",
}

OPERATION = re.compile(r"([\w.\->\[\]()]*?)[.](load|store|exchange|fetch_add|fetch_sub|compare_exchange_\w+)\(")
FUNCTION = re.compile(r"^    (?:\[\[[\w:, ]+\]\] |explicit )?[\w:<>*& ]*?\b(\w+)\([^;]*\{")


def mutants_of(header):
    """(name, setting of MODEL_MUTANT) of every mutant of one header."""
    function, seen = "", {}
    for number, line in enumerate((FOLDER / f"{header}.hpp").read_text().splitlines(), 1):
        code = line.split("//")[0]
        if match := FUNCTION.match(code.rstrip()):
            function = match[1]
        operations = OPERATION.findall(code)
        orders = set(re.findall(r"std::memory_order_(\w+)", code))
        if not orders or orders == {"relaxed"}:
            continue
        if len(operations) != 1 or len(orders) != 1:
            sys.exit(f"{header}.hpp:{number}: one operation a line, please: mutants are named by their line")
        subject, operation = operations[0]
        kind = operation if operation in ("load", "store") else "update"
        place = f"{header} {function} {subject.split('(')[-1]}.{operation}"
        seen[place] = seen.get(place, 0) + 1
        if seen[place] > 1:
            place += f"#{seen[place]}"
        for weaker in WEAKER[kind][orders.pop()]:
            yield f"{place} {weaker}", f"{header}.hpp:{number}:{weaker}"


def passes(model, mutant, iterations="10000"):
    environment = os.environ | {"MODEL_MUTANT": mutant, "MODEL_ITERATIONS": iterations}
    return subprocess.run([model], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def main(arguments):
    if len(arguments) not in (3, 4):
        sys.exit(__doc__)
    models = arguments[:3]
    only = arguments[3] if len(arguments) == 4 else ""
    for model in models:
        if not passes(model, ""):
            print(f"{model} fails, or does not run, without any mutation")
            return 2
    mutants = [(name, setting, HEADERS[header]) for header in HEADERS for name, setting in mutants_of(header)]
    mutants += [(f"worker {fault}", f"worker:{fault}", (2,)) for fault in WORKER_FAULTS]
    stale = (SURVIVORS.keys() | ITERATIONS.keys()) - {name for name, _, _ in mutants}
    mutants = [each for each in mutants if only in each[0]]

    def survives(mutant):
        name, setting, runners = mutant
        return all(passes(models[i], setting, ITERATIONS.get(name, "10000")) for i in runners)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        survive = list(pool.map(survives, mutants))
    unexpected = 0
    for (name, setting, _), survived in zip(mutants, survive):
        expected = survived == (name in SURVIVORS)
        unexpected += not expected
        print(f"{'' if expected else 'UNEXPECTED: '}{'survives' if survived else 'dies    '}  {name}  ({setting})"
              + (f": {SURVIVORS[name]}" if survived and expected else ""))
    for name in sorted(stale):
        print(f"UNEXPECTED: there is no such mutant: {name}")
    print(f"{survive.count(False)} of {len(mutants)} mutants died, {unexpected + len(stale)} surprises")
    return 1 if unexpected or stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
