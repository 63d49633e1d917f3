"""One world and a stretch of queries on it: asked of the engine all at once, of DuckDB one by one, and compared."""

import random
import tempfile
from collections import Counter
from dataclasses import dataclass, field

from . import compare
from .data import world
from .engine import Engine, request
from .generate import Generator
from .language.text import written
from .oracle import Oracle
from .shrink import smallest
from .translate import has_notes

# Of failures that are shrunk and told; more of them would say the same.
MOST_FAILURES = 5


@dataclass
class Result:
    queries: int = 0
    failures: list = field(default_factory=list)
    # How many answers had rows, were refused, and so on: a test that compares nothing but nothing would pass.
    kinds: Counter = field(default_factory=Counter)


class Chunk:
    def __init__(self, seed, number, folder):
        self.seed, self.number = seed, number
        self.world = world.build(folder, f"{seed} {number}")
        self.oracle = Oracle(self.world)

    def case(self, index):
        rng = random.Random(f"query {self.seed} {self.number} {index}")
        case = Generator(self.world, rng).case()
        return case, written(case.query, rng)

    def request(self, index, case, text):
        return request(index, text, case.scope, case.anchor, case.mode, case.query.start, case.query.end)

    def difference(self, case, answer):
        """What differs, and the rows that should be there."""
        if refusal := case.query.refusal(case.scope):
            return compare.unlike_refusal(answer, refusal), []
        most = compare.PREVIEW_ROWS if case.mode == "preview" else None
        expected = self.oracle.answer(case.query, case.scope, case.anchor, most)
        out_of_range = lambda: self.oracle.is_out_of_range(case.query, case.scope, case.anchor)
        marks = world.marks_of(case.scope, self.world.tenants)
        found = compare.difference(case.query, answer, expected, out_of_range, has_notes(case.query), marks)
        return found, expected

    def failure(self, child, index, case, found):
        """What a person needs to see it happen again."""
        rng = random.Random(0)

        def differs(candidate):
            return self.difference(candidate, child.answer(self.request(0, candidate, written(candidate.query, rng))))[0]

        text = self.case(index)[1]
        least = smallest(case, differs)
        while True:
            plain = written(least.query, rng)
            if "\u3000" not in plain and "\u00a0" not in plain and "\t" not in plain:
                break
        left = self.difference(least, child.answer(self.request(0, least, plain)))[0]
        scope = least.scope
        return "\n".join([
            f"query {index} of chunk {self.number}, seed {self.seed}:",
            f"  {text!r}",
            f"  {found}",
            f"the least that differs ({least.mode}, at {least.anchor}, start {least.query.start}, end {least.query.end}):",
            f"  {plain}",
            f"  tenant {scope.tenant}, roles {scope.roles}",
            f"  {self.oracle.sql(least.query, scope, least.anchor)}",
            f"  {left or 'written so, the answers are the same: it is the text'}",
        ])


def run(binary, seed, number, count, batch=250):
    """`count` queries on a world of their own."""
    result = Result()
    with tempfile.TemporaryDirectory(prefix="differential-") as folder:
        chunk = Chunk(seed, number, folder)
        with Engine(binary, chunk.world.data, chunk.world.root / "scratch", world.PROGRAM, world.DATASETS) as child:
            for first in range(0, count, batch):
                indexes = range(first, min(first + batch, count))
                cases = {index: chunk.case(index) for index in indexes}
                for answer in child.answers(chunk.request(index, *cases[index]) for index in indexes):
                    case, _ = cases[answer["id"]]
                    found, expected = chunk.difference(case, answer)
                    result.queries += 1
                    result.kinds.update(kinds(case, answer, expected))
                    if found:
                        result.failures.append((answer["id"], case, found))
            result.failures = [chunk.failure(child, *failed) for failed in result.failures[:MOST_FAILURES]] + [
                f"query {index} of chunk {number}, seed {seed}: {found}" for index, _, found in result.failures[MOST_FAILURES : 4 * MOST_FAILURES]
            ]
        chunk.oracle.connection.close()
    return result


def kinds(case, answer, expected):
    query = case.query
    found = {"with rows": bool(expected), "with many rows": len(expected) > 5, "refused": "message" in answer, "grouped": query.is_grouped, "redacted": case.scope.is_redacted}
    found |= {"of locations": case.scope.rows is not None, "with notes": bool(answer.get("notes")), case.mode: True}
    return [name for name, holds in found.items() if holds]
