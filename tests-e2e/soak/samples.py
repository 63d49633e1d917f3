"""What a process holds, looked at again and again, and whether that is level: comes in as samples, goes out as figures and faults."""

import os
import statistics
import threading
import time
from fnmatch import fnmatch
from pathlib import Path

from harness.waiting import eventually

# By how much the median of the last third may be above that of the middle third: a part of it, and so much more.
BOUNDS = {"resident": (0.05, 4.0), "own": (0.05, 4.0), "files": (0.0, 4), "threads": (0.05, 3)}
# What is stored grows with what is done. How much more it may grow in the last third than in the middle one: a factor, and MiB.
GROWTH = {"database": (1.25, 1.0), "artifacts": (1.25, 1.0)}
NAMES = {
    "resident": "memory, MiB",
    "own": "of it its own, MiB",
    "files": "open files",
    "threads": "threads",
    "database": "database, MiB",
    "artifacts": "files of reports, MiB",
}


# Of connections there are as many as the callers hold. Once they are gone, so many more may be left than there were before them.
MORE_AT_REST = 2
REST_SECONDS = 90


class Ended(Exception):
    """A process that is looked at is gone."""


class Samples:
    """Of one process and its data folder, begun before anybody asks. `look` is called every few seconds, from one thread."""

    def __init__(self, pid, data):
        self.pid, self.data, self.begun, self.all, self.left = pid, data, time.monotonic(), [], None
        self.before = self.opened()

    def opened(self):
        """How many files and how many sockets the process has open."""
        files, sockets = 0, 0
        for handle in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                is_socket = os.readlink(handle).startswith("socket:")
            except FileNotFoundError:
                continue  # It was closed meanwhile.
            files, sockets = files + (not is_socket), sockets + is_socket
        return files, sockets

    def look(self):
        proc = Path(f"/proc/{self.pid}")
        fields = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines() if ":" in line)
        files, sockets = self.opened()
        if "VmRSS" not in fields:
            raise Ended(f"the process {self.pid} has ended")
        mebibytes = lambda name: round(int(fields[name].split()[0]) / 1024, 1)
        self.all.append(
            {
                "seconds": round(time.monotonic() - self.begun, 1),
                "resident": mebibytes("VmRSS"),
                "own": mebibytes("RssAnon"),
                "files": files,
                "sockets": sockets,
                "threads": int(fields["Threads"]),
                "database": stored(self.data, "insightgate.db*"),
                "artifacts": stored(self.data / "artifacts", "*"),
            }
        )
        return self.all[-1]

    def rest(self):
        """Once nobody asks any more: what is open has to be what was open before."""
        try:
            eventually(lambda: self.opened()[1] <= self.before[1] + MORE_AT_REST, REST_SECONDS)
        except AssertionError:
            pass  # It is judged at the end.
        self.left = self.opened()

    def thirds(self):
        """The samples of the second and of the last third of the time."""
        end = self.all[-1]["seconds"]
        within = lambda start, stop: [sample for sample in self.all if start * end < sample["seconds"] <= stop * end]
        return within(1 / 3, 2 / 3), within(2 / 3, 1)

    def judged(self):
        """Rows of name, middle, last, the most that the last may be; and what is wrong, in words."""
        middle, last = self.thirds()
        if len(middle) < 3 or len(last) < 3:
            return [], ["there are too few samples to compare"]
        rows, faults = [], []
        for name, (share, more) in BOUNDS.items():
            before, after = (round(statistics.median(sample[name] for sample in third), 1) for third in (middle, last))
            rows.append((NAMES[name], before, after, round(before * (1 + share) + more, 1)))
        for name, (factor, more) in GROWTH.items():
            start, half, end = self.all[len(self.all) - len(last) - len(middle)][name], middle[-1][name], last[-1][name]
            # What is removed in one of them is no reason to blame the other.
            rows.append((f"growth: {NAMES[name]}", round(half - start, 1), round(end - half, 1), round(max(0, half - start) * factor + more, 1)))
        for name, before, after, most in rows:
            if after > most:
                faults.append(f"{name}: {before} in the middle third, {after} in the last; at most {most}")
        if self.left and self.left[1] > self.before[1] + MORE_AT_REST:
            faults.append(f"{self.left[1]} sockets are open once everybody has gone, {self.before[1]} were before they came")
        return rows, faults


def stored(folder, pattern):
    total = 0
    # Folders that go away meanwhile are passed over.
    for path, _, files in os.walk(folder):
        for name in files:
            if fnmatch(name, pattern):
                try:
                    total += (Path(path) / name).stat().st_size
                except FileNotFoundError:
                    pass  # It went away meanwhile.
    return round(total / (1 << 20), 2)


class Chores:
    """Things that are done again and again, each in a thread of its own. What goes wrong is counted, with its words."""

    def __init__(self):
        self.over, self.done, self.faults, self.threads = threading.Event(), {}, {}, []

    def every(self, seconds, name, chore):
        def go_on():
            while not self.over.wait(seconds):
                try:
                    chore()
                    self.done[name] = self.done.get(name, 0) + 1
                except Exception as error:  # Whatever it is: a thread that ends silently would look like one that is content.
                    if not self.over.is_set():
                        self.faults.setdefault(f"{name}: {error!r:.300}", []).append(time.strftime("%H:%M:%S"))

        self.threads.append(threading.Thread(target=go_on, daemon=True))
        self.threads[-1].start()

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)

    def told(self):
        return [f"{text} ({len(times)} times, first at {times[0]})" for text, times in self.faults.items()]
