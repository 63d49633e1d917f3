"""Datasets as their TOML definitions describe them, as far as an answer depends on it."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from . import metric_expression
from .folding import fold

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

SPANS = [
    "TODAY", "YESTERDAY", "LAST_7_DAYS", "LAST_14_DAYS", "LAST_30_DAYS", "LAST_90_DAYS", "LAST_180_DAYS", "LAST_365_DAYS",
    "LAST_MONTH", "LAST_3_MONTHS", "LAST_6_MONTHS", "LAST_1_YEAR", "LIFETIME",
]
MONTH_SPANS = ["LAST_MONTH", "LAST_3_MONTHS", "LAST_6_MONTHS", "LAST_1_YEAR", "LIFETIME"]


@dataclass(frozen=True)
class Kind:
    """string, int64, float64, decimal, date, timestamp or bool."""

    name: str
    precision: int = 0
    scale: int = 0

    @property
    def is_number(self):
        return self.name in ("int64", "float64", "decimal")

    @property
    def is_exact(self):
        return self.name in ("int64", "decimal")


def kind_of(text):
    found = re.fullmatch(r"decimal(?:\(\s*(\d+)\s*,\s*(\d+)\s*\))?", text)
    return Kind("decimal", int(found[1] or 18), int(found[2] or 2)) if found else Kind(text)


@dataclass(frozen=True)
class Field:
    """A column or metric. `index` is its place among its like."""

    index: int
    is_metric: bool
    name: str
    aliases: tuple
    kind: Kind
    sensitive: bool
    selectable: bool = True
    nullable: bool = True
    expression: object = None


@dataclass
class Dataset:
    name: str
    aliases: list
    program: str
    columns: list
    metrics: list
    date: Field | None
    location: Field | None
    spans: list
    tenant_column: str | None
    tenant_key: str
    by_name: dict = field(default_factory=dict)

    def find(self, name):
        """A selectable column or a metric."""
        return self.by_name.get(fold(name))

    @property
    def fields(self):
        return [column for column in self.columns if column.selectable] + self.metrics

    @property
    def has_secrets(self):
        return any(field.sensitive for field in self.columns + self.metrics)


def read(text):
    document = tomllib.loads(text)
    columns = [
        Field(
            index, False, column["name"], tuple(column.get("aliases", ())), kind_of(column["type"]), column.get("sensitive", False),
            column.get("selectable", True), column.get("nullable", True),
        )
        for index, column in enumerate(document["columns"])
    ]
    every = {fold(name): column for column in columns for name in (column.name, *column.aliases)}
    metrics = []
    for index, metric in enumerate(document.get("metrics", [])):
        expression = metric_expression.parse(metric["expression"], lambda name: every[fold(name)])
        kind = Kind(*metric_expression.kind(expression))
        metrics.append(Field(index, True, metric["name"], tuple(metric.get("aliases", ())), kind, metric.get("sensitive", False), expression=expression))
    named = lambda key: every[fold(document[key])] if key in document else None
    date = named("date_column")
    offered = SPANS if document.get("grain", "day") == "day" else MONTH_SPANS
    dataset = Dataset(
        document["name"], document.get("aliases", []), document["program"], columns, metrics, date, named("location_column"),
        document.get("date_ranges") or (offered if date else []), document.get("tenant_column"), document.get("tenant_key", "tenant-id"),
    )
    dataset.by_name = {fold(name): field for field in dataset.fields for name in (field.name, *field.aliases)}
    return dataset


def read_folder(folder):
    """By name, in the order of their files' names."""
    return {dataset.name: dataset for dataset in (read(path.read_text()) for path in sorted(Path(folder).glob("*.toml")))}
