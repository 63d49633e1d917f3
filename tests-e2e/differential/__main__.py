"""Many queries, in chunks, each in a process: `python -m differential --binary PATH --queries 1000000 --seed 1`."""

import argparse
import multiprocessing
import random
import sys
import time
from collections import Counter

from .chunk import run

CHUNK = 5000


def main():
    options = argparse.ArgumentParser(prog="differential", description=__doc__)
    options.add_argument("--binary", required=True, help="the example answer_queries")
    options.add_argument("--queries", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, help="any, if left out; it is printed")
    options.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    options.add_argument("--first", type=int, default=0, help="the chunk to start with")
    asked = options.parse_args()
    seed = random.SystemRandom().randrange(10**9) if asked.seed is None else asked.seed
    failures, _ = answer(asked.binary, seed, asked.queries, asked.processes, asked.first)
    return 1 if failures else 0


def answer(binary, seed, queries, processes, first=0, most_failures=10):
    """(failures, what kinds of queries there were). Prints how far it is."""
    print(f"{queries} queries, seed {seed}", flush=True)
    failures, kinds, done, started = [], Counter(), 0, time.monotonic()
    chunks = [(binary, seed, first + at, min(CHUNK, queries - at * CHUNK)) for at in range((queries + CHUNK - 1) // CHUNK)]
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=4) as pool:
        for result in pool.imap_unordered(run_chunk, chunks):
            done += result.queries
            kinds += result.kinds
            failures += result.failures
            seconds = time.monotonic() - started
            print(f"{done} queries in {seconds:.0f} s, {done / seconds:.0f} a second, {len(failures)} differences", flush=True)
            for failure in result.failures:
                print("\n" + failure, flush=True)
            if len(failures) >= most_failures:
                break
    print(", ".join(f"{name}: {count * 100 // max(done, 1)} %" for name, count in sorted(kinds.items())), flush=True)
    return failures, kinds


def run_chunk(chunk):
    return run(*chunk)


if __name__ == "__main__":
    sys.exit(main())
