"""The most that a process holds while it exports very many rows, by format, beside the limit that it is to keep. Run by `cargo xtask bench export-memory`."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

TENANT = "00000000-0000-4000-8000-000000000001"
FORMATS = ("csv", "csv.zst", "parquet", "xlsx")
# A workbook has no room for more.
SHEET_ROWS = 1_000_000
LIMIT = 256 << 20
COLUMNS = "Day, Customer, Product, Seats, Revenue, Usage"
DEFINITION = """
name = "Bench"
program = "mpn"
date_column = "Day"
columns = [
    { name = "Day", type = "date" },
    { name = "Customer", type = "string" },
    { name = "Product", type = "string" },
    { name = "Seats", type = "int64" },
    { name = "Revenue", type = "decimal(18,2)" },
    { name = "Usage", type = "float64" },
]
"""
# The rows of the export's other benchmark, written by a process of their own: a child starts out with the peak of whoever starts it.
WRITING = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import duckdb
from export import TABLE
rows, file = int(sys.argv[2]), Path(sys.argv[3])
half = file.with_suffix(".half")
duckdb.execute(f"COPY ({TABLE.format(rows=rows)}) TO '{half}' (FORMAT parquet)")
half.rename(file)
"""


def measure(binary, folder, output):
    """Seconds, and bytes held at most, of one `insightgate run`."""
    limit = f" LIMIT {SHEET_ROWS}" if output.suffix == ".xlsx" else ""
    query = f"SELECT {COLUMNS} FROM Bench{limit} TIMESPAN LIFETIME"
    command = [binary, "run", query, "--data-dir", folder, "--tenant", TENANT, "--output", output, "--json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    told = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"insightgate run failed for {output.name}")
    summary = json.loads(told)
    output.unlink()
    # Linux counts kibibytes, macOS bytes.
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"rows": summary["rows"], "bytes": summary["bytes"], "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2), "peak_memory_bytes": peak}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--binary", required=True, type=Path)
    arguments.add_argument("--rows", type=int, default=50_000_000)
    arguments.add_argument("--out", type=Path, required=True)
    options = arguments.parse_args()
    folder, binary = options.out.resolve() / "export-memory", options.binary.resolve()
    rows = folder / "data" / "mpn" / "Bench" / f"tenant={TENANT}"
    table = rows / f"bench-{options.rows}.parquet"
    if not table.exists():
        # Rows of an earlier run with another number would be exported too.
        shutil.rmtree(folder, ignore_errors=True)
        rows.mkdir(parents=True)
        print(f"writing {options.rows:,} rows", file=sys.stderr)
        subprocess.run([sys.executable, "-c", WRITING, Path(__file__).parent, str(options.rows), table], check=True)
    definition = folder / "datasets" / "mpn" / "Bench.toml"
    definition.parent.mkdir(parents=True, exist_ok=True)
    definition.write_text(DEFINITION)
    result = {"rows": options.rows, "cores": os.cpu_count(), "machine": platform.machine(), "limit_bytes": LIMIT, "formats": {}}
    for name in FORMATS:
        result["formats"][name] = measured = measure(binary, folder, folder / f"export.{name}")
        if measured["rows"] != (min(options.rows, SHEET_ROWS) if name == "xlsx" else options.rows):
            sys.exit(f"{name} holds {measured['rows']:,} rows, not {options.rows:,}")
        print(f"{name}: {measured['peak_memory_bytes'] / (1 << 20):.0f} MiB", file=sys.stderr)
    (options.out / "export-memory.json").write_text(json.dumps(result, indent=2) + "\n")
    print(f"\n{options.rows:,} rows, {result['cores']} cores, the memory for queries that the server has unless told otherwise\n")
    print(f"{'':10}{'MB file':>10}{'s on cores':>12}{'peak MiB':>10}{'of 256 MiB':>12}")
    for name, each in result["formats"].items():
        peak = each["peak_memory_bytes"]
        print(f"{name:10}{each['bytes'] / 1e6:>10.1f}{each['cpu_seconds']:>12.2f}{peak / (1 << 20):>10.0f}{peak / LIMIT:>12.0%}")
    print(f"\nwritten to {options.out / 'export-memory.json'}")


if __name__ == "__main__":
    main()
