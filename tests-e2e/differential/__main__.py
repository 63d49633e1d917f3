"""Generated queries, answered by the engine and by DuckDB: `python -m differential --binary PATH --queries 1000000 --seed 1`."""

import argparse
import os
import random
import sys

from .many import answer

if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="differential", description=__doc__)
    options.add_argument("--binary", required=True, help="the example answer_queries")
    options.add_argument("--queries", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, help="any, if left out; it is printed")
    options.add_argument("--processes", type=int, default=os.cpu_count())
    options.add_argument("--first", type=int, default=0, help="the chunk to start with")
    asked = options.parse_args()
    seed = random.SystemRandom().randrange(10**9) if asked.seed is None else asked.seed
    failures, _ = answer(asked.binary, seed, asked.queries, asked.processes, asked.first)
    sys.exit(1 if failures else 0)
