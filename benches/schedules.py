"""A scheduler's tick among many reports that are not due, and runs that are all due at once, on SQLite and on Postgres. Run by `cargo xtask bench schedules`.

Both databases flush each commit to the disk, as they do unless told otherwise.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests-e2e"))
from harness.postgres import Postgres  # noqa: E402

DATABASES = ("sqlite", "postgres")
TICKS = {"nothing due": ("idle_us", 1), "1 due": ("one_due_us", 1), "100 due, each": ("hundred_due_us", 100)}
# Only the filling is let off the flushes; what is measured is not.
UNFLUSHED = "?options[synchronous_commit]=off"


class Bench:
    def __init__(self, binary, work, postgres):
        self.binary, self.work, self.postgres = binary, work, postgres

    def step(self, step, database, folder, **flags):
        command = [self.binary, step, "--database", database, "--folder", folder]
        for name, value in flags.items():
            command += [f"--{name}", str(value)]
        ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if ran.returncode:
            sys.exit(f"time_schedules {step} failed")
        return json.loads(ran.stdout) if ran.stdout else None

    def fill(self, database, name, **flags):
        """A new database with these reports; its address and the folder of its rows and files."""
        folder = self.work / f"{database}-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        print(f"{database}: filling {name}", file=sys.stderr)
        if database == "sqlite":
            url = f"sqlite:{folder / 'insightgate.db'}"
            self.step("seed", url, folder, **flags)
        else:
            made = f"bench_{name.replace('-', '_')}"
            url = self.postgres.make(made)
            self.step("seed", url + UNFLUSHED, folder, **flags)
            # What its own housekeeping does within minutes.
            self.postgres.sql("VACUUM ANALYZE", made)
        return url, folder

    def ticks(self, database, reports, tenants):
        url, folder = self.fill(database, f"ticks-{reports}", reports=reports, tenants=tenants, due="spread", rows=1)
        told = self.step("ticks", url, folder, reports=reports)
        shutil.rmtree(folder)
        measured = {}
        for name, (field, due) in TICKS.items():
            if told[field]:
                measured[name] = {"median_us": round(statistics.median(told[field]) / due, 1), "ticks": len(told[field])}
        return measured

    def runs(self, database, executions, tenants, runners):
        url, folder = self.fill(database, "runs", reports=executions, tenants=tenants, due="together")
        told = self.step("runs", url, folder, reports=executions, tenants=tenants, runners=runners)
        shutil.rmtree(folder)
        return {name: value and round(value, 3) for name, value in told.items()}


def number(value):
    return "" if value is None else f"{value:,.0f}"


def show(result, fewer, more):
    print(f"\n{result['cores']} cores; a tick, median, µs\n")
    print(f"{'':10}{'':16}{f'{fewer:,} reports':>18}{f'{more:,} reports':>18}{'ratio':>8}")
    for database, ticks in result["ticks"].items():
        for name in TICKS:
            few, many = (ticks[str(reports)].get(name, {}).get("median_us") for reports in (fewer, more))
            ratio = f"{many / few:.2f}" if few and many else ""
            print(f"{database:10}{name:16}{number(few):>18}{number(many):>18}{ratio:>8}")
    print(f"\n{result['executions']:,} runs of {result['tenants']} tenants, due at once, {result['runners']} runners\n")
    print(f"{'':10}{'runs/s':>9}{'queued s':>10}{'first s':>9}{'median s':>10}{'last s':>9}{'peak MB':>9}")
    for database, each in result["runs"].items():
        memory = each["peak_memory_bytes"]
        print(
            f"{database:10}{each['per_second']:>9.0f}{each['queued_seconds']:>10.2f}{each['delay_first_seconds']:>9.3f}"
            f"{each['delay_median_seconds']:>10.2f}{each['delay_last_seconds']:>9.2f}{f'{memory / 1e6:.0f}' if memory else '':>9}"
        )


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--binary", required=True, type=Path, help="the built example time_schedules")
    arguments.add_argument("--reports", type=int, default=100_000, help="active reports, beside a hundredth of them")
    arguments.add_argument("--executions", type=int, default=10_000)
    arguments.add_argument("--tenants", type=int, default=200)
    arguments.add_argument("--out", type=Path, required=True)
    options = arguments.parse_args()
    work, binary = options.out.resolve() / "schedules", options.binary.resolve()
    fewer, more, runners = max(options.reports // 100, 1), options.reports, os.cpu_count()
    result = {
        "cores": runners,
        "machine": platform.machine(),
        "reports": [fewer, more],
        "executions": options.executions,
        "tenants": options.tenants,
        "runners": runners,
        "ticks": {},
        "runs": {},
    }
    with Postgres() as postgres:
        bench = Bench(binary, work, postgres)
        result["postgres_version"] = postgres.sql("SHOW server_version")[0]
        for database in DATABASES:
            result["ticks"][database] = {str(reports): bench.ticks(database, reports, options.tenants) for reports in (fewer, more)}
            result["runs"][database] = bench.runs(database, options.executions, options.tenants, runners)
            # Each at once: a run that is ended keeps what it has measured.
            (options.out / "schedules.json").write_text(json.dumps(result, indent=2) + "\n")
    show(result, fewer, more)
    print(f"\nwritten to {options.out / 'schedules.json'}")


if __name__ == "__main__":
    main()
