"""What a query asks, and for whom: the structure between the report language and SQL."""

from dataclasses import dataclass
from datetime import datetime

from .definitions import Dataset, Field


@dataclass(frozen=True)
class Literal:
    """`text` is what it says. Quoted or bare is the same to its meaning."""

    text: str
    is_quoted: bool = True


@dataclass(frozen=True)
class Condition:
    field: Field
    operator: str  # = != < <= > >= LIKE, NOT LIKE, IN, NOT IN
    literals: tuple


@dataclass(frozen=True)
class OrderKey:
    field: Field
    direction: str = ""  # ASC, DESC, or nothing, which is DESC


@dataclass(frozen=True)
class Query:
    dataset: Dataset
    select: tuple
    is_distinct: bool = False
    conditions: tuple = ()
    order: tuple = ()
    limit: int | None = None
    span: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    headings: tuple | None = None  # the name of each selected field that the text writes, in the definition's spelling; None: the first of each

    @property
    def names(self):
        return list(self.headings or [field.name for field in self.select])

    @property
    def is_grouped(self):
        used = [*self.select, *(condition.field for condition in self.conditions), *(key.field for key in self.order)]
        return any(field.is_metric for field in used)

    def refusal(self, scope):
        """Who refuses the query and with which words, or None where it has an answer."""
        if self.span not in (None, "LIFETIME", *self.dataset.spans):
            return "check", "is not available"
        merges = self.is_grouped or self.is_distinct
        if merges and any(not key.field.is_metric and key.field not in self.select for key in self.order):
            return "check", "has no meaning"
        if scope.rows is not None and self.dataset.location is None:
            return "engine", "cannot be limited to locations"
        return None


@dataclass(frozen=True)
class Scope:
    """`rows` and `clear`: the locations whose rows are seen, and whose sensitive columns are shown. None is the whole organisation."""

    tenant: str
    account: str | None
    rows: tuple | None = None
    clear: tuple | None = None
    roles: tuple | None = None  # as the engine is told: (role, locations); None for an operator

    @property
    def is_redacted(self):
        if self.clear is None:
            return False
        return self.rows is None or not set(self.rows) <= set(self.clear)


def scope_of(tenant, account, roles):
    """By docs/roles.md: an Executive report viewer sees everything of its locations, a Report viewer all but what is sensitive."""
    union = lambda parts: None if None in parts else tuple(sorted({location for part in parts for location in part}))
    clear = union([locations for role, locations in roles if role == "executive_report_viewer"])
    return Scope(tenant, account, union([locations for _, locations in roles]), clear, tuple(roles))
