"""Queries beside DuckDB and Polars, over the same Parquet in the same run, each answer written as CSV. Run by `cargo xtask bench queries`.

All three are processes that stay, so that starting one is in no figure, and footers are read once. Rounds take turns; the first is not
counted: in it each peer tries its spellings of a query, and keeps the fastest. Ours plans, scans, encodes and hashes as an export does.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections import Counter
from csv import reader
from decimal import Decimal, InvalidOperation
from pathlib import Path

import query_data
from query_cases import CASES

# Rows up to which answers are compared cell by cell; beyond, by their number.
COMPARED = 1_000_000
NAMES = ["insightgate", "duckdb", "polars"]


class Process:
    """A program that takes a request a line and answers it with a line."""

    def __init__(self, name, command, environment=None, greeting=None):
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | (environment or {})
        )
        if greeting:
            self.send(greeting)
        self.ready = self.receive()

    def send(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended with code {self.process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            sys.exit(f"{self.name}: {answer['error']}")
        return answer

    def run(self, request):
        """One run, with the most memory that the process held in it."""
        of = Path(f"/proc/{self.process.pid}")
        try:
            (of / "clear_refs").write_text("5")
        except OSError:
            pass
        self.send(request)
        answer = self.receive()
        try:
            peak = next(line for line in (of / "status").read_text().splitlines() if line.startswith("VmHWM"))
            answer["peak_memory_bytes"] = int(peak.split()[1]) * 1024
        except (OSError, StopIteration):
            answer["peak_memory_bytes"] = None
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def lines(path):
    """Of an answer, its header not among them."""
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b"")) - 1


def cell(text):
    """Numbers by their value, whatever their zeros, and truth values in one case."""
    try:
        return Decimal(text).normalize() if text[:1] in "-.0123456789" and text else text
    except InvalidOperation:
        return text.lower() if text.lower() in ("true", "false") else text


def content(path, ordered):
    with path.open(newline="", encoding="utf-8") as file:
        rows = reader(file)
        next(rows)
        cells = (tuple(value.lower() if value in ("True", "False") else cell(value) for value in row) for row in rows)
        return list(cells) if ordered else Counter(cells)


def compare(case, outs):
    """Ends the run where the three did not answer the same."""
    counted = {name: lines(out) for name, out in outs.items()}
    if len(set(counted.values())) > 1:
        sys.exit(f"{case.name}: the answers differ in their number of rows: {counted}")
    if counted["insightgate"] <= COMPARED:
        wanted = content(outs["insightgate"], case.order)
        for name in NAMES[1:]:
            if content(outs[name], case.order) != wanted:
                sys.exit(f"{case.name}: {name} answers otherwise: compare {outs['insightgate']} and {outs[name]}")
    return counted["insightgate"]


def measure(case, processes, work, rounds):
    suffix = {name: work / f"{case.name}.{name}.csv" for name in NAMES}
    chosen, runs = {}, {name: [] for name in NAMES}

    def request(name, spelling):
        out = str(suffix[name])
        return {"query": case.text(), "out": out} if name == "insightgate" else {"case": case.name, "spelling": spelling, "out": out}

    for name, process in processes.items():
        spellings = range(process.ready.get("spellings", 1))
        process.run(request(name, 0))
        chosen[name] = min(spellings, key=lambda spelling: process.run(request(name, spelling))["seconds"])
    rows = compare(case, suffix)
    for round_ in range(rounds):
        # Each goes first in turn, so that none is always behind the same other one.
        for name in NAMES[round_ % 3 :] + NAMES[: round_ % 3]:
            suffix[name].unlink(missing_ok=True)
            runs[name].append(processes[name].run(request(name, chosen[name])))
        if len({lines(out) for out in suffix.values()}) > 1:
            sys.exit(f"{case.name}: the answers differ in their number of rows")
    result = {"name": case.name, "query": case.text(), "rows": rows, "bytes": suffix["insightgate"].stat().st_size}
    for name in NAMES:
        memory = [run["peak_memory_bytes"] for run in runs[name]]
        result[name] = {
            "seconds": [round(run["seconds"], 5) for run in runs[name]],
            "median_seconds": round(statistics.median(run["seconds"] for run in runs[name]), 5),
            "bytes_read": runs[name][-1]["bytes_read"],
            "peak_memory_bytes": None if None in memory else max(memory),
            "spelling": chosen[name],
        }
    for name in NAMES[1:]:
        result[f"ratio_{name}"] = round(result["insightgate"]["median_seconds"] / result[name]["median_seconds"], 3)
    for out in suffix.values():
        out.unlink()
    return result


def table(result):
    def megabytes(number):
        return "" if number is None else f"{number / 1e6:.0f}"

    yield f"{'':24}{'rows':>10}{'ours s':>10}{'DuckDB s':>10}{'Polars s':>10}{'× DuckDB':>10}{'× Polars':>10}{'MB read':>9}{'DuckDB':>8}{'peak MB':>9}"
    for case in result["cases"]:
        mine, duckdb, polars = (case[name] for name in NAMES)
        yield (
            f"{case['name']:24}{case['rows']:>10,}{mine['median_seconds']:>10.4f}{duckdb['median_seconds']:>10.4f}"
            f"{polars['median_seconds']:>10.4f}{case['ratio_duckdb']:>10.2f}{case['ratio_polars']:>10.2f}"
            f"{megabytes(mine['bytes_read']):>9}{megabytes(duckdb['bytes_read']):>8}{megabytes(mine['peak_memory_bytes']):>9}"
        )


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--binary", required=True, help="the built example time_query")
    arguments.add_argument("--rows", type=int, default=20_000_000)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--only", default="", help="cases whose name holds this")
    arguments.add_argument("--out", type=Path, required=True)
    options = arguments.parse_args()
    cases = [case for case in CASES if options.only in case.name]
    if not cases:
        sys.exit(f"no case is called '{options.only}'; there are {', '.join(case.name for case in CASES)}")
    options.out.mkdir(parents=True, exist_ok=True)
    out = options.out.resolve()
    data, definitions, files = query_data.write(out, options.rows)
    work = out / "answers"
    work.mkdir(exist_ok=True)
    threads = os.cpu_count()
    ours = [options.binary, "--data", data, "--tenant", query_data.MEASURED, "--at", query_data.ANCHOR, "--partitions", str(threads), "--memory-mib", "6144"]
    for definition in definitions:
        ours += ["--definition", definition]
    processes = {"insightgate": Process("insightgate", ours)}
    peer = [sys.executable, Path(__file__).parent / "query_peers.py"]
    for name in NAMES[1:]:
        told = {"peer": name, "threads": threads, "files": {dataset: [str(path) for path in paths] for dataset, paths in files.items()}}
        processes[name] = Process(name, peer, {"POLARS_MAX_THREADS": str(threads)}, told)
    result = {
        "rows": options.rows,
        "rounds": options.rounds,
        "cores": threads,
        "machine": platform.machine(),
        "versions": {name: processes[name].ready["version"] for name in NAMES[1:]},
        "cases": [],
    }
    for case in cases:
        measured = measure(case, processes, work, options.rounds)
        result["cases"].append(measured)
        seconds = ", ".join(f"{name} {measured[name]['median_seconds']:.4f} s" for name in NAMES)
        print(f"{case.name}: {seconds}", file=sys.stderr)
        # Each case at once: a run that is ended keeps what it has measured.
        (out / "queries.json").write_text(json.dumps(result, indent=2) + "\n")
    for process in processes.values():
        process.close()
    print(f"\n{options.rows:,} rows of the tenant, {threads} cores, medians of {options.rounds} rounds\n")
    print("\n".join(table(result)))
    print(f"\nwritten to {out / 'queries.json'}")


if __name__ == "__main__":
    main()
