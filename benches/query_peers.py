"""DuckDB or Polars as a process that stays: a request a line, an answer a line, as crates/engine/examples/time_query.rs does it."""

import json
import sys
import time

from query_cases import CASES


def bytes_read():
    """Of this process so far; None where the system does not say."""
    try:
        with open("/proc/self/io") as told:
            return next(int(line.split()[1]) for line in told if line.startswith("rchar"))
    except OSError:
        return None


class DuckDb:
    spellings = 2

    def __init__(self, files, threads):
        import duckdb

        self.files = {name: "[" + ", ".join(f"'{file}'" for file in paths) + "]" for name, paths in files.items()}
        self.connection = duckdb.connect()
        self.connection.execute(f"SET threads = {threads}")
        self.connection.execute("SET parquet_metadata_cache = true")
        self.version = duckdb.__version__

    def run(self, case, spelling, out):
        select = case.sql(spelling).format(files=self.files[case.dataset])
        self.connection.execute(f"COPY ({select}) TO '{out}' (FORMAT csv, HEADER)")


class Polars:
    """Its threads are set by POLARS_MAX_THREADS."""

    spellings = 4

    def __init__(self, files, threads):
        import polars

        assert polars.thread_pool_size() == threads
        self.polars, self.files = polars, files
        self.version = polars.__version__

    def run(self, case, spelling, out):
        frame = case.frame(self.polars, self.polars.scan_parquet(self.files[case.dataset], hive_partitioning=False), spelling % 2)
        if spelling < 2:
            frame.sink_csv(out)
        else:
            frame.collect(engine="streaming").write_csv(out)


def main():
    told = json.loads(sys.stdin.readline())
    peer = {"duckdb": DuckDb, "polars": Polars}[told["peer"]](told["files"], told["threads"])
    cases = {case.name: case for case in CASES}
    print(json.dumps({"ready": True, "version": peer.version, "spellings": peer.spellings}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        before, began = bytes_read(), time.perf_counter()
        peer.run(cases[request["case"]], request["spelling"], request["out"])
        seconds, after = time.perf_counter() - began, bytes_read()
        print(json.dumps({"seconds": seconds, "bytes_read": None if after is None else after - before}), flush=True)


if __name__ == "__main__":
    main()
