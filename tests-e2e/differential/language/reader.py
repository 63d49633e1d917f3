"""Reads texts of the report language that are right: for the documented queries, which nobody generated."""

import re

from .folding import fold
from .query import Condition, Literal, OrderKey, Query

TOKEN = re.compile(
    r"""\s*(?:'(?P<string>(?:[^']|'')*)'|"(?P<quoted>(?:[^"]|"")*)"|\[(?P<bracketed>(?:[^\]]|\]\])*)\]|(?P<number>-?\d+(?:\.\d+)?)(?!\w)|(?P<word>\w+)|(?P<symbol>!=|<=|>=|[=<>(),;]))"""
)


def tokens(text):
    at, text = 0, text.strip()
    while at < len(text):
        found = TOKEN.match(text, at)
        assert found, f"{text!r} at {at}"
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()
    yield "end", ""


def read(text, datasets):
    """The query. `datasets`: by name."""
    return Reader(text, datasets).query()


class Reader:
    def __init__(self, text, datasets):
        self.tokens, self.datasets = list(tokens(text)), datasets

    def take(self, *words):
        """Passes over the words, if all of them stand next."""
        here = [text.upper() if sort in ("word", "symbol") else None for sort, text in self.tokens[: len(words)]]
        if here != list(words):
            return False
        del self.tokens[: len(words)]
        return True

    def expect(self, *words):
        assert self.take(*words), f"{words} instead of {self.tokens[:3]}"

    def name(self):
        sort, text = self.tokens.pop(0)
        assert sort in ("word", "quoted", "bracketed"), (sort, text)
        return {"quoted": text.replace('""', '"'), "bracketed": text.replace("]]", "]")}.get(sort, text)

    def field(self):
        return self.named()[0]

    def named(self):
        """The field, and its name as the definition spells it."""
        name = self.name()
        found = self.dataset.find(name)
        assert found, f"{self.dataset.name} has no {name}"
        return found, next(known for known in (found.name, *found.aliases) if fold(known) == fold(name))

    def several(self, one):
        items = [one()]
        while self.take(","):
            items.append(one())
        return tuple(items)

    def literal(self):
        sort, text = self.tokens.pop(0)
        if sort == "string":
            return Literal(text.replace("''", "'"))
        assert sort == "number" or text.upper() in ("TRUE", "FALSE"), (sort, text)
        return Literal(text.lower(), False)

    def condition(self):
        field = self.field()
        for operator in ("IN", "NOT IN"):
            if self.take(*operator.split(), "("):
                literals = self.several(self.literal)
                self.expect(")")
                return Condition(field, operator, literals)
        for operator in ("LIKE", "NOT LIKE", "=", "!=", "<", "<=", ">", ">="):
            if self.take(*operator.split()):
                return Condition(field, operator, (self.literal(),))
        raise AssertionError(f"no operator: {self.tokens[:3]}")

    def key(self):
        field = self.field()
        return OrderKey(field, "ASC" if self.take("ASC") else "DESC" if self.take("DESC") else "")

    def query(self):
        self.expect("SELECT")
        is_distinct = self.take("DISTINCT")
        # Whose names these are is said only behind them.
        dataset = next(name for (_, word), (_, name) in zip(self.tokens, self.tokens[1:]) if word.upper() == "FROM")
        self.dataset = next(known for known in self.datasets.values() if dataset.lower() in map(str.lower, [known.name, *known.aliases]))
        select, headings = zip(*self.several(self.named))
        self.expect("FROM")
        self.name()
        conditions = []
        if self.take("WHERE"):
            conditions.append(self.condition())
            while self.take("AND"):
                conditions.append(self.condition())
        order = self.several(self.key) if self.take("ORDER", "BY") else ()
        limit = int(self.tokens.pop(0)[1]) if self.take("LIMIT") else None
        span = self.name().upper() if self.take("TIMESPAN") else None
        self.take(";")
        assert self.tokens == [("end", "")], self.tokens
        return Query(self.dataset, select, is_distinct, tuple(conditions), order, limit, span, headings=headings)
