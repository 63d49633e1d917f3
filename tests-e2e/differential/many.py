"""Many queries, in chunks, each on a world of its own and in one of a few processes."""

import multiprocessing
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed

from .chunk import run

CHUNK = 2500
# Differences after which nothing more is asked.
ENOUGH = 10


def answer(binary, seed, queries, processes, first=0):
    """(differences, how many queries of each kind there were). Prints how far it is."""
    print(f"{queries} queries, seed {seed}", flush=True)
    failures, kinds, done, started = [], Counter(), 0, time.monotonic()
    sizes = [min(CHUNK, queries - at) for at in range(0, queries, CHUNK)]
    # Spawned: a child of threads that hold locks would wait for them for ever.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        chunks = [pool.submit(run, str(binary), seed, first + number, size) for number, size in enumerate(sizes)]
        for chunk in as_completed(chunks):
            result = chunk.result()
            done += result.queries
            kinds += result.kinds
            failures += result.failures
            seconds = time.monotonic() - started
            print(f"{done} queries in {seconds:.0f} s, {done / seconds:.0f} a second, {len(failures)} differences", flush=True)
            for failure in result.failures:
                print("\n" + failure, flush=True)
            if len(failures) >= ENOUGH:
                pool.shutdown(cancel_futures=True)
                break
    print(", ".join(f"{name}: {count * 100 // max(done, 1)} %" for name, count in sorted(kinds.items())), flush=True)
    return failures, kinds
