"""What an attack came to, what is asked of it, and the table of all."""

import json
import math
from dataclasses import dataclass, field

from .honest import Answers

# Of the honest caller's requests, and of the times of those that were answered, in seconds.
LEAST_SHARE = 0.95
LONGEST_P99 = 1.0
# A report of three groups, from the order to the file.
LONGEST_REPORT = 5.0


@dataclass
class Outcome:
    name: str
    # What the attacker sent, in words.
    sent: str
    # Before and during the attack.
    calm: Answers = field(default_factory=Answers)
    answers: Answers = field(default_factory=Answers)
    resident: int = 0
    own: int = 0
    rows: dict = field(default_factory=dict)
    # Whatever is not as it should be, in words; an attack without any was withstood.
    faults: list = field(default_factory=list)
    # What is good to know beside the figures.
    notes: list = field(default_factory=list)

    def expect(self, holds, fault):
        if not holds:
            self.faults.append(fault)

    def judge(self, slack=1.0, calm=0.0):
        """The honest caller's share. A machine that does other work beside takes longer: by the factor `slack`, and `calm` times what it took before."""
        if not self.answers.all:
            return
        share, p99 = self.answers.share(), self.answers.quantile(0.99)
        before = self.calm.quantile(0.99) if calm and self.calm.all else 0.0
        self.expect(share >= LEAST_SHARE, f"{share:.0%} of {len(self.answers.requests())} requests were answered: {self.answers.faults()}")
        self.expect(p99 < LONGEST_P99 * slack + calm * before, f"p99 {p99 * 1000:.0f} ms")
        reports = self.answers.ready()
        if reports:
            longest = sorted(reports)[int(len(reports) * 0.95)]
            self.expect(longest < LONGEST_REPORT * slack + calm * before, f"reports take {longest:.1f} s")

    def record(self):
        """As JSON has it; times in milliseconds, memory in MiB."""
        times = lambda answers: {
            "requests": len(answers.requests()),
            "share": round(answers.share(), 4),
            "p50": milliseconds(answers.quantile(0.5)),
            "p99": milliseconds(answers.quantile(0.99)),
            "faults": answers.faults(),
        }
        return {
            "name": self.name,
            "sent": self.sent,
            "calm": times(self.calm),
            "attacked": times(self.answers) if self.answers.all else None,
            "reports": [milliseconds(seconds) for seconds in self.answers.ready()],
            "memory": {"resident": self.resident, "own": self.own},
            "rows": self.rows,
            "withstood": not self.faults,
            "faults": self.faults,
            "notes": self.notes,
        }


def milliseconds(seconds):
    return round(seconds * 1000) if math.isfinite(seconds) else None


HEADINGS = ["attack", "the attacker sent", "answered", "p50 ms", "p99 ms", "p99 before", "report s", "MiB at most", "of it own", "rows", ""]


def line(outcome):
    answers = outcome.answers
    shown = lambda seconds: "-" if milliseconds(seconds) is None else str(milliseconds(seconds))
    if answers.all:
        reports = answers.ready()
        longest = "-" if not reports else "never" if math.isinf(max(reports)) else f"{max(reports):.1f}"
        figures = [f"{answers.share():.1%}", shown(answers.quantile(0.5)), shown(answers.quantile(0.99)), shown(outcome.calm.quantile(0.99)), longest]
    else:
        figures = ["-"] * 5
    rows = sum(outcome.rows.values())
    return [outcome.name, outcome.sent, *figures, str(outcome.resident), str(outcome.own), f"{rows:,}", "FAIL" if outcome.faults else "ok"]


def table(outcomes):
    """In the form of Markdown, with what was wrong below."""
    rows = [HEADINGS, ["---"] * len(HEADINGS), *(line(outcome) for outcome in outcomes)]
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in rows)
    below = [f"{outcome.name}: {words}" for outcome in outcomes for words in [*outcome.faults, *outcome.notes]]
    return text + "\n\n" + "\n".join(f"- {words}" for words in below)


def write(outcomes, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([outcome.record() for outcome in outcomes], indent=2))
