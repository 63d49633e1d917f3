"""Lets both servers work for so many minutes, and prints the figures. `cargo xtask soak` runs it."""

import argparse
import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from soak.day import Day
from soak.samples import Chores, Ended
from soak.year import Year

MINUTES = 30
SAMPLE_SECONDS = 10
# So many samples at the least, however short a run is.
LEAST_SAMPLES = 30


def soak(binary, folder, minutes):
    """Records of both servers."""
    seconds, chores = minutes * 60, Chores()
    with ExitStack() as stack:
        day = stack.enter_context(Day(binary, folder / "day", chores))
        year = stack.enter_context(Year(binary, folder / "year", chores, seconds))
        both, begun, told = [day, year], time.monotonic(), 0
        while time.monotonic() < begun + seconds:
            try:
                looked = [one.samples.look() for one in both]
            except (Ended, OSError) as gone:
                chores.over.set()
                sys.exit(f"{gone}\n" + "\n".join(one.last_words() for one in both))
            if time.monotonic() >= begun + 60 * told:
                print(f"minute {told}: {'; '.join(short(sample) for sample in looked)}", file=sys.stderr, flush=True)
                told += 1
            chores.over.wait(min(SAMPLE_SECONDS, seconds / LEAST_SAMPLES))
        chores.end()
        for one in both:
            one.quiet()
        records = [record(one) for one in both]
    return records, chores


def short(sample):
    return f"{sample['resident']:.0f} MiB, {sample['files']} files, {sample['sockets']} sockets, {sample['threads']} threads, {sample['database']:.1f} MiB of database"


def record(server):
    rows, faults = server.samples.judged()
    return {"name": server.name, "rows": rows, "faults": faults + server.faults(), "notes": server.notes(), "samples": server.samples.all}


def table(records):
    lines = []
    for one in records:
        lines += [f"\n{one['name']}\n", "| | middle third | last third | at most |", "| --- | --- | --- | --- |"]
        lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in one["rows"]]
        lines += ["", *(f"- {note}" for note in one["notes"]), *(f"- FAIL: {fault}" for fault in one["faults"])]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(prog="cargo xtask soak")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--output", type=Path, default=Path("target/soak.json"))
    arguments = parser.parse_args()
    # What commands keep between them is not among what the person has who runs this.
    with tempfile.TemporaryDirectory(prefix="insightgate-soak-") as folder:
        os.environ |= {"XDG_CACHE_HOME": f"{folder}/cache", "INSIGHTGATE_LOG": "info"}
        binary = Path(os.environ.pop("INSIGHTGATE_BIN")).resolve()
        records, chores = soak(binary, Path(folder), arguments.minutes)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    result = {"minutes": arguments.minutes, "servers": records, "done": chores.done, "faults": chores.told()}
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    print(table(records))
    print(f"\nbeside the callers: {', '.join(f'{count} {name}' for name, count in sorted(chores.done.items()))}")
    print("\n".join(f"- FAIL: {fault}" for fault in chores.told()))
    failed = any(one["faults"] for one in records) or chores.faults
    print("the soak FAILED" if failed else "level, and no error in the log")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
