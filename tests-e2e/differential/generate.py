"""Queries at random, of all clauses and for all kinds of callers. The same seed gives the same query."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from .data.rows import LOCATIONS
from .data.values import ANCHORS, EXACT, EXTREMES, FLOATS, INSTANTS, NUMBERS, TEXTS, some_day, some_instant
from .language.definitions import SPANS
from .language.query import Condition, Literal, OrderKey, Query, Scope, scope_of
from .language.text import scrambled
from .spelling import spelled

# Whether LIKE works on every type.
LIKES_EVERY_TYPE = False
# How often each dataset is asked.
SHARES = {"Everything": 50, "Ledger": 22, "Odd": 12, "Monthly": 12, "Nothing": 2}

OPERATORS = ["=", "=", "!=", "<", "<=", ">", ">=", "IN", "NOT IN", "LIKE", "NOT LIKE"]
# Of other types, or of none.
STRANGE = ["", " ", "abc", "NaN", "inf", "1e5", "+5", ".5", "5.", "0x10", "1,000", "--1", "- 1", "2026-02-30", "31.01.2026", "2024-1-5", "yes", "٣", "Ⅳ", "12:00:00", "2024-02-29T25:00:00Z", "2024-02-29 12:00"]


@dataclass
class Case:
    query: Query
    scope: Scope
    anchor: datetime
    mode: str


class Generator:
    def __init__(self, world, rng):
        self.world, self.rng = world, rng

    def case(self):
        rng = self.rng
        dataset = rng.choices(list(self.world.datasets.values()), [SHARES[name] for name in self.world.datasets])[0]
        scope = self.scope(dataset)
        self.rows = self.world.rows[dataset.name, scope.tenant] or [None]
        return Case(self.query(dataset), scope, rng.choice(ANCHORS), rng.choice(["export", "export", "preview"]))

    # Who asks

    def scope(self, dataset):
        rng = self.rng
        with_rows = [tenant for tenant in self.world.tenants if self.world.rows[dataset.name, tenant.id]]
        tenant = rng.choice(with_rows if with_rows and rng.random() < 0.95 else self.world.tenants)
        chance = rng.random()
        if chance < 0.3:
            return Scope(tenant.id, tenant.account)
        some = lambda: tuple(rng.sample([location or "nowhere" for location in LOCATIONS], rng.randint(1, 3)))
        executive, viewer = "executive_report_viewer", "report_viewer"
        shapes = [[(executive, None)], [(viewer, None)], [(viewer, None), (executive, some())]]
        if dataset.location is not None or rng.random() < 0.05:
            shapes += [[(executive, some())], [(executive, some())], [(viewer, some())], [(viewer, some()), (executive, some())], [(executive, some()), (executive, some())]]
        return scope_of(tenant.id, tenant.account, rng.choice(shapes))

    # What is asked

    def query(self, dataset):
        rng = self.rng
        columns = [field for field in dataset.fields if not field.is_metric]
        wants_metrics = rng.random() < 0.45
        some = lambda fields, counts: rng.sample(fields, min(rng.choice(counts), len(fields)))
        select = some(columns, [1, 1, 2, 3, 4, 6])
        if wants_metrics:
            select = some(columns, [0, 1, 1, 2, 3]) + some(dataset.metrics, [0, 1, 1, 2, 3])
            rng.shuffle(select)
        select = select or [rng.choice(dataset.metrics)]
        if rng.random() < 0.03:
            select.append(rng.choice(select))
        is_distinct = rng.random() < 0.25
        fields = columns + (dataset.metrics if wants_metrics else [])
        conditions = [self.condition(rng.choice(fields)) for _ in range(rng.choice([0, 0, 0, 1, 1, 1, 1, 2, 2, 3]))]
        query = Query(dataset, tuple(select), is_distinct, tuple(conditions))
        orderable = columns
        if query.is_grouped:
            orderable = [field for field in select if not field.is_metric] + dataset.metrics
        elif is_distinct:
            orderable = select
        if rng.random() < 0.01:
            orderable = dataset.fields
        keys = [OrderKey(rng.choice(orderable), rng.choice(["", "ASC", "DESC"])) for _ in range(rng.choice([0, 0, 1, 1, 2, 3]))]
        limit = rng.choice([None, None, None, 1, 2, 5, 10, 99, 100, 101, 1000, 2**63 - 1])
        start, end = self.bounds()
        headings = tuple(rng.choice([field.name, *field.aliases]) for field in select)
        return Query(dataset, tuple(select), is_distinct, tuple(conditions), tuple(keys), limit, self.span(dataset), start, end, headings)

    def span(self, dataset):
        """Nearly always what the dataset offers; LIFETIME is taken everywhere, and most often, since it has the most rows."""
        if self.rng.random() < 0.55:
            return "LIFETIME"
        if self.rng.random() < 0.02:
            return self.rng.choice(SPANS)
        return self.rng.choice([None, *(span for span in SPANS if span in dataset.spans)])

    def bounds(self):
        rng = self.rng
        some = lambda: max(min(some_instant(rng), datetime(9000, 1, 1)), datetime(1000, 1, 1))
        start, end = (some() if rng.random() < 0.07 else None for _ in range(2))
        if rng.random() < 0.05:
            start = some()
            end = start + timedelta(days=rng.randrange(-1, 300))
        return start, end

    def condition(self, field):
        rng = self.rng
        operator = rng.choice(OPERATORS)
        if operator in ("LIKE", "NOT LIKE"):
            if field.kind.name != "string" and not LIKES_EVERY_TYPE:
                return self.condition(field)
            return Condition(field, operator, (self.pattern(field),))
        count = rng.choice([1, 2, 3, 3, 8]) if "IN" in operator else 1
        return Condition(field, operator, tuple(self.literal(field) for _ in range(count)))

    def present(self, field):
        """A value of the column somewhere in the tenant's rows, spelled; for metrics something near."""
        rng = self.rng
        row = rng.choice(self.rows)
        if field.is_metric or row is None:
            return None
        return spelled(row[field.name])

    def literal(self, field):
        rng = self.rng
        chance = rng.random()
        text = self.present(field) if chance < 0.6 else None
        if text is None:
            text = self.near(field) if chance < 0.93 else rng.choice(STRANGE)
        match field.kind.name:
            case "string":
                if rng.random() < 0.5:
                    text = scrambled(rng, text)
            case "int64" | "float64" | "decimal":
                text = self.number(text)
            case "bool":
                text = rng.choice([text, text.upper(), {"true": "1", "false": "0"}.get(text, text)])
            case "timestamp":
                text = self.time(text)
            case "date" if rng.random() < 0.15:
                text += rng.choice(["T00:00:00Z", " 00:00:00", "T12:00:00Z", "T00:00:00.000001Z", "T02:00:00+02:00", "T23:30:00-01:00"])
        if field.kind.name != "string" and rng.random() < 0.06:
            text = f" {text} "
        return self.quoted_or_bare(text)

    def quoted_or_bare(self, text):
        rng = self.rng
        digits = text.removeprefix("-")
        is_number = digits.replace(".", "", 1).isdigit() and digits.isascii() and digits[0] != "." and digits[-1] != "."
        if is_number and sum(map(str.isdigit, digits)) <= 38 and rng.random() < 0.7:
            return Literal(text, False)
        if text.lower() in ("true", "false") and rng.random() < 0.7:
            return Literal(text.lower(), False)
        return Literal(text)

    def near(self, field):
        rng = self.rng
        match field.kind.name:
            case "string":
                return rng.choice([rng.choice(TEXTS), rng.choice(TEXTS), "Contoso", "mk1x1x", "sk2x3x5", rng.choice(STRANGE)])
            case "int64":
                return str(rng.choice([rng.choice(NUMBERS), rng.choice(EXTREMES), rng.randrange(0, 60), 2**63, -(2**63) - 1, 10**37, rng.randrange(0, 5_000_000)]))
            case "float64":
                return format(Decimal(rng.choice([rng.choice([f for f in FLOATS if 1e-20 < abs(f) < 1e20]), rng.randrange(-800, 800) / 8])), "f")[:38].rstrip(".")
            case "decimal":
                scale = field.kind.scale
                return format(rng.choice([Decimal(rng.randrange(-(10**9), 10**9)).scaleb(-scale, EXACT), Decimal(rng.choice(NUMBERS)), Decimal(10) ** 27, Decimal(10**37)]), "f")
            case "bool":
                return rng.choice(["true", "false"])
            case "date":
                return str(some_day(rng))
            case "timestamp":
                return spelled(rng.choice([some_instant(rng), rng.choice(INSTANTS)]))

    def number(self, text):
        """The same number, or one beside it, in another spelling."""
        rng = self.rng
        if "e+" in text or "e-" in text:
            text = format(Decimal(text), "f")
        if not text.removeprefix("-").replace(".", "", 1).isdigit():
            return text
        match rng.random():
            case chance if chance < 0.1:
                text += "0" if "." in text else ".0"
            case chance if chance < 0.15:
                text = "-00" + text[1:] if text.startswith("-") else "00" + text
            case chance if chance < 0.25:
                text += "5" if "." in text else ".5"
            case chance if chance < 0.3:
                text = text[1:] if text.startswith("-") else "-" + text
        return text if sum(map(str.isdigit, text)) <= 38 else text[:38].rstrip(".")

    def time(self, text):
        rng = self.rng
        if "T" not in text or len(text) < 20:
            return text
        match rng.random():
            case chance if chance < 0.15:
                text = text.replace("T", " ")
            case chance if chance < 0.25:
                text = text.removesuffix("Z")
            case chance if chance < 0.35:
                text = text.removesuffix("Z") + rng.choice(["+00:00", "+02:00", "-07:30", "z"])
            case chance if chance < 0.45:
                text = text[:10]
            case chance if chance < 0.5:
                text = text.removesuffix("Z") + ("5Z" if "." in text else ".0000005Z")
        return text.lower() if rng.random() < 0.05 else text

    def pattern(self, field):
        rng = self.rng
        text = self.present(field) or self.near(field)
        if rng.random() < 0.05:
            return Literal(rng.choice(["%", "_", "", "%%", "__", "\\%", "%\\\\%", "%\\_%", "\\a%", "_%_", "%_"]))
        characters = list(text[:40])
        pieces = []
        for character in characters:
            escaped = "\\" + character if character in "%_\\" and rng.random() < 0.8 else character
            if escaped == "\\":
                escaped = "\\\\"
            pieces.append(rng.choice(["_", "%"]) if rng.random() < 0.15 else escaped if character in "%_\\" or rng.random() < 0.95 else "\\" + character)
        match rng.random():
            case chance if chance < 0.2:
                pieces = pieces[: len(pieces) // 2] + ["%"]
            case chance if chance < 0.4:
                pieces = ["%", *pieces[len(pieces) // 2 :]]
            case chance if chance < 0.6:
                pieces = ["%", *pieces[len(pieces) // 3 : 2 * len(pieces) // 3 + 1], "%"]
        return self.quoted_or_bare("".join(piece if len(piece) > 1 else scrambled(rng, piece) for piece in pieces))
