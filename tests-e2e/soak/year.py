"""`insightgate demo` whose clock is moved through more than a year: schedules that run, callbacks, files and executions that grow old and are removed."""

import re

from harness.demo import Demo, hours, write_time
from harness.receiver import Receiver

from .samples import Samples

# What is kept for a time is kept for 90 days: from then on as much goes as comes. A third of the run is longer than that.
DAYS = 360
STEP_SECONDS = 10
INTERVALS = (4, 12, 24)
QUERY = "SELECT MPNId FROM Profile TIMESPAN LIFETIME"
ERROR = re.compile(r"\bERROR\b|panicked")


class Year:
    """Ends with the `with` block."""

    name = "demo, a clock that is moved"

    def __init__(self, binary, folder, chores, seconds):
        self.binary, self.folder, self.chores, self.moved = binary, folder, chores, 0
        self.step = DAYS * 24 * min(STEP_SECONDS, seconds / 6) / seconds
        self.every = min(STEP_SECONDS, seconds / 6)

    def __enter__(self):
        self.receiver = Receiver().__enter__()
        flags = ("--clock", "manual", "--no-quotas", "--rows", "60")
        self.demo = Demo(self.binary.resolve(), self.folder / "data", *flags)
        self.samples = Samples(self.demo.process.pid, self.demo.data_dir)
        query = self.demo.create_query(QUERY)["queryId"]
        start = write_time(self.demo.now() + hours(5))
        self.reports = [
            self.demo.create_report(query, StartTime=start, RecurrenceInterval=every, CallbackUrl=f"{self.receiver.url}/done")["reportId"]
            for every in INTERVALS
        ]
        self.chores.every(self.every, "moves of the clock", self.move)
        return self

    def __exit__(self, *_):
        if self.demo.process.poll() is None:
            self.demo.stop()
        self.receiver.__exit__(*_)

    def move(self):
        self.demo.advance(hours(self.step))
        self.moved += 1
        for report in self.reports:
            answer = self.demo.call("GET", f"ScheduledReport/execution/{report}", params={"executionStatus": "Completed"})
            assert answer.status_code in (200, 404), answer.text
            if answer.status_code == 200:
                link = answer.json()["value"][0]["reportAccessSecureLink"]
                assert self.demo.download(link).status_code == 200

    def last_words(self):
        return "".join(self.demo.lines[-20:])

    def quiet(self):
        self.demo.session.close()
        self.samples.rest()
        self.demo.stop()

    def faults(self):
        found = [f"the log: {line:.600}" for line in self.demo.lines if ERROR.search(line)][:10]
        if self.demo.process.returncode != 0:
            found.append(f"the demo ended with {self.demo.process.returncode}")
        if not self.receiver.received:
            found.append("no callback came")
        return found

    def notes(self):
        days = round(self.moved * self.step / 24)
        warnings = sum("WARN" in line for line in self.demo.lines)
        return [f"{days} days in {self.moved} moves, {len(self.receiver.received)} callbacks, {warnings} warnings in the log"]
