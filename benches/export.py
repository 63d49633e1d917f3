"""A full export over HTTP beside DuckDB's COPY to CSV, from the same Parquet in the same run. Run by `cargo xtask bench`.

Ours is measured from the request that creates the report to the last byte of the file: claim, plan, write, sign and download are all in it.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import time
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parent.parent / "tests-e2e"))
from harness.demo import Demo  # noqa: E402

COLUMNS = "Day, Customer, Product, Seats, Revenue, Usage"
# From the row's number alone, so that every run reads the same rows.
TABLE = """
SELECT DATE '2024-01-01' + CAST(hash(i) % 700 AS INTEGER) AS "Day",
       'Customer ' || CAST(hash(i + 1) % 20000 AS VARCHAR) AS Customer,
       ['Microsoft 365', 'Dynamics 365', 'Power BI', 'Microsoft Azure'][1 + CAST(hash(i + 2) % 4 AS INTEGER)] AS Product,
       CAST(hash(i + 3) % 5000 AS BIGINT) AS Seats,
       CAST(CAST(hash(i + 4) % 100000000 AS BIGINT) / 100 AS DECIMAL(18, 2)) AS Revenue,
       CAST(hash(i + 5) % 1000000 AS DOUBLE) / 64 AS Usage
FROM range({rows}) AS t(i)
"""


def peak_memory(pid):
    """Bytes; None where the system does not say."""
    try:
        line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[1]) * 1024


def ours(demo, query_id):
    began = time.perf_counter()
    report = demo.create_report(query_id, ExecuteNow=True)["reportId"]
    # The server holds a poll while the run is in flight: asking without a pause would take time from what is measured.
    while (answer := demo.call("GET", f"ScheduledReport/execution/{report}")).status_code == 404:
        pass
    execution = answer.json()["value"][0]
    size = 0
    with demo.download(execution["reportAccessSecureLink"], stream=True, headers={"Accept-Encoding": "identity"}) as answer:
        assert answer.status_code == 200, answer.text
        for piece in answer.iter_content(1 << 20):
            size += len(piece)
    return time.perf_counter() - began, size


def duckdbs(files, out, threads):
    with duckdb.connect() as connection:
        connection.execute(f"SET threads = {threads}")
        began = time.perf_counter()
        connection.execute(f"COPY (SELECT {COLUMNS} FROM read_parquet('{files}')) TO '{out}' (FORMAT csv, HEADER)")
        return time.perf_counter() - began, out.stat().st_size


def summary(rounds, rows):
    seconds = statistics.median(each for each, _ in rounds)
    size = rounds[0][1]
    return {
        "seconds": [round(each, 4) for each, _ in rounds],
        "median_seconds": round(seconds, 4),
        "bytes": size,
        "rows_per_second": round(rows / seconds),
        "bytes_per_second": round(size / seconds),
    }


def prepared(work, rows):
    """A table of so many rows, which stays for the next time."""
    table = work / f"bench-{rows}.parquet"
    if not table.exists():
        print(f"writing {rows:,} rows", file=sys.stderr)
        half = table.with_suffix(".half")
        duckdb.execute(f"COPY ({TABLE.format(rows=rows)}) TO '{half}' (FORMAT parquet)")
        half.rename(table)
    return table


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--binary", required=True)
    arguments.add_argument("--rows", type=int, required=True)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--out", type=Path, required=True)
    options = arguments.parse_args()
    work = options.out / "export"
    work.mkdir(parents=True, exist_ok=True)
    table = prepared(work, options.rows)

    shutil.rmtree(work / "data", ignore_errors=True)
    with Demo(options.binary, work / "data", "--no-quotas", "--rows", "60") as demo:
        added = demo.command(
            "dataset", "add", str(table), "--name", "Bench", "--tenant", demo.ready["tenant_id"], "--data-dir", str(demo.data_dir)
        )
        if added.returncode != 0:
            sys.exit(added.stderr)
        # Plain HTTP, or TLS in this client would be measured too.
        demo.ready["api"] = demo.ready["api"].replace(demo.ready["https"], demo.ready["http"])
        files = demo.files("Bench")
        query_id = demo.create_query(f"SELECT {COLUMNS} FROM Bench TIMESPAN LIFETIME")["queryId"]
        threads, mine, theirs = os.cpu_count(), [], []
        for round_ in range(options.rounds + 1):
            demo.sign_in()
            # In turns, so that both see the same machine; the first turn only warms caches.
            one, other = ours(demo, query_id), duckdbs(files, work / "duckdb.csv", threads)
            print(f"round {round_}: {one[0]:.2f} s, DuckDB {other[0]:.2f} s" + ("" if round_ else " (not counted)"), file=sys.stderr)
            if round_:
                mine.append(one)
                theirs.append(other)
        result = {
            "rows": options.rows,
            "cores": threads,
            "machine": platform.machine(),
            "duckdb_version": duckdb.__version__,
            "insightgate": summary(mine, options.rows) | {"peak_memory_bytes": peak_memory(demo.process.pid)},
            "duckdb": summary(theirs, options.rows),
        }
    result["ratio"] = round(result["insightgate"]["median_seconds"] / result["duckdb"]["median_seconds"], 3)
    (options.out / "export.json").write_text(json.dumps(result, indent=2) + "\n")

    print(f"\n{options.rows:,} rows, {threads} cores, median of {options.rounds} rounds\n")
    print(f"{'':14}{'seconds':>10}{'rows/s':>14}{'MB/s':>10}{'MB file':>10}{'peak MB':>10}")
    for name in ("insightgate", "duckdb"):
        each = result[name]
        memory = each.get("peak_memory_bytes")
        print(
            f"{name:14}{each['median_seconds']:>10.2f}{each['rows_per_second']:>14,}{each['bytes_per_second'] / 1e6:>10.1f}"
            f"{each['bytes'] / 1e6:>10.1f}{f'{memory / 1e6:.0f}' if memory else '':>10}"
        )
    print(f"\ninsightgate takes {result['ratio']:.2f} times as long as DuckDB; written to {options.out / 'export.json'}")


if __name__ == "__main__":
    main()
