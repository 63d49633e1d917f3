"""What `cargo xtask bench queries` asks, written once for each of the three: the report query language, SQL, and Polars expressions."""

import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import date

from query_data import COLUMNS, MEASURED

# Of a subscription that has rows.
SUBSCRIPTION = str(uuid.UUID(hashlib.md5(b"subscription 7").hexdigest()))

SPANS = {"LIFETIME": None, "LAST_MONTH": (date(2025, 11, 1), date(2025, 12, 1)), "LAST_6_MONTHS": (date(2025, 6, 1), date(2025, 12, 1))}
METRICS = {
    "TotalRevenue": "sum(Revenue)",
    "TotalSeats": "sum(Seats)",
    "Subscriptions": "count(DISTINCT SubscriptionId)",
    "Rows": "count(*)",
}
FACTS = ["Day", "Customer", "Market", "Seats", "Revenue"]
TEXTS = ["Day", "SubscriptionId", "ResourceName", "Revenue"]


@dataclass
class Case:
    name: str
    select: list
    where: tuple = ()  # (column, operator, value)
    order: str = ""
    limit: int = 0
    span: str = "LIFETIME"
    distinct: bool = False
    dataset: str = "Bench"

    @property
    def keys(self):
        return [name for name in self.select if name not in METRICS]

    @property
    def grouped(self):
        return any(name in METRICS for name in self.select)

    def text(self):
        """In the report query language."""
        conditions = [f"{column} {operator} {quoted(value)}" for column, operator, value in self.where]
        return " ".join(
            part
            for part in (
                f"SELECT {'DISTINCT ' if self.distinct else ''}{', '.join(self.select)} FROM {self.dataset}",
                f"WHERE {' AND '.join(conditions)}" if conditions else "",
                f"ORDER BY {self.order} DESC" if self.order else "",
                f"LIMIT {self.limit}" if self.limit else "",
                f"TIMESPAN {self.span}",
            )
            if part
        )

    def sql(self, spelling):
        """Over `{files}`. The first spelling folds with lower(), the other compares with ILIKE."""
        conditions = [sql_condition(spelling, *condition) for condition in self.where]
        if SPANS[self.span]:
            start, end = SPANS[self.span]
            conditions.append(f"Day >= DATE '{start}' AND Day < DATE '{end}'")
        if self.dataset == "Mixed":
            conditions.append(f"Owner = '{MEASURED}'")
        outputs = ", ".join(f"{METRICS[name]} AS {name}" if name in METRICS else name for name in self.select)
        return " ".join(
            part
            for part in (
                f"SELECT {'DISTINCT ' if self.distinct else ''}{outputs} FROM read_parquet({{files}})",
                f"WHERE {' AND '.join(conditions)}" if conditions else "",
                f"GROUP BY {', '.join(self.keys)}" if self.grouped and self.keys else "",
                f"ORDER BY {self.order} DESC NULLS LAST" if self.order else "",
                f"LIMIT {self.limit}" if self.limit else "",
            )
            if part
        )

    def frame(self, pl, rows, spelling):
        """Of a lazy frame. The first spelling folds with to_lowercase, the other has a regular expression fold."""
        conditions = [polars_condition(pl, spelling, *condition) for condition in self.where]
        if SPANS[self.span]:
            start, end = SPANS[self.span]
            conditions += [pl.col("Day") >= start, pl.col("Day") < end]
        if self.dataset == "Mixed":
            conditions.append(pl.col("Owner") == MEASURED)
        if conditions:
            rows = rows.filter(*conditions)
        metrics = {
            "TotalRevenue": pl.col("Revenue").sum(),
            "TotalSeats": pl.col("Seats").sum(),
            "Subscriptions": pl.col("SubscriptionId").n_unique(),
            "Rows": pl.len(),
        }
        chosen = [metrics[name].alias(name) for name in self.select if name in METRICS]
        if self.grouped and self.keys:
            rows = rows.group_by(self.keys).agg(chosen)
        rows = rows.select(chosen if self.grouped and not self.keys else self.select)
        if self.distinct:
            rows = rows.unique()
        if self.order and self.limit:
            return rows.top_k(self.limit, by=self.order).sort(self.order, descending=True)
        if self.order:
            rows = rows.sort(self.order, descending=True, nulls_last=True)
        return rows.limit(self.limit) if self.limit else rows


def quoted(value):
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def sql_condition(spelling, column, operator, value):
    if isinstance(value, int):
        return f"{column} {operator} {value}"
    if spelling == 0:
        return f"lower({column}) {operator} {quoted(value.lower())}"
    return f"{column} ILIKE {quoted(value)}"


def polars_condition(pl, spelling, column, operator, value):
    column = pl.col(column)
    if isinstance(value, int):
        return {"=": column == value, ">": column > value}[operator]
    bare, anywhere = value.strip("%"), value.startswith("%")
    if spelling == 0:
        folded = column.str.to_lowercase()
        if operator == "=":
            return folded == value.lower()
        return folded.str.contains(bare.lower(), literal=True) if anywhere else folded.str.starts_with(bare.lower())
    end = "$" if operator == "=" else ""
    return column.str.contains(f"(?i){'' if anywhere else '^'}{re.escape(bare)}{end}")


CASES = [
    Case("scan-limit", FACTS, (("Product", "=", "power BI"), ("Seats", ">", 4900)), limit=1000),
    Case("scan-limit-rare", FACTS, (("Product", "=", "power BI"), ("Seats", "=", 4999), ("Market", "=", "fiji")), limit=1000),
    Case("one-month", COLUMNS, span="LAST_MONTH"),
    Case("one-month-filtered", COLUMNS, (("Product", "=", "power BI"), ("Market", "=", "germany")), span="LAST_MONTH"),
    Case("metric-total", ["TotalRevenue", "TotalSeats", "Rows"]),
    Case("metric-by-group", ["Product", "Market", "TotalRevenue", "TotalSeats", "Rows"]),
    Case("metric-by-customer", ["Customer", "TotalRevenue", "Rows"]),
    Case("metric-distinct-count", ["Product", "Subscriptions"]),
    Case("top-10", ["Customer", "TotalRevenue"], order="TotalRevenue", limit=10),
    Case("top-10-subscriptions", ["SubscriptionId", "TotalRevenue"], order="TotalRevenue", limit=10),
    Case("distinct-low", ["Product", "Market"], distinct=True),
    Case("distinct-customers", ["Customer"], distinct=True),
    Case("distinct-subscriptions", ["SubscriptionId"], distinct=True),
    Case("equal-low", FACTS, (("Market", "=", "united KINGDOM"),)),
    Case("equal-high", TEXTS, (("SubscriptionId", "=", SUBSCRIPTION.upper()),)),
    Case("equal-low-nowhere", FACTS, (("Market", "=", "Atlantis"),)),
    Case("equal-high-nowhere", TEXTS, (("ResourceName", "=", "Nothing of the kind"),)),
    Case("like-low", FACTS, (("Market", "LIKE", "%LAND%"),)),
    Case("like-high", TEXTS, (("ResourceName", "LIKE", "%Gateway-7F%"),)),
    Case("like-high-prefix", TEXTS, (("ResourceName", "LIKE", "contoso gateway-7%"),)),
    Case("like-low-nowhere", FACTS, (("Market", "LIKE", "%atlantis%"),)),
    Case("like-high-nowhere", TEXTS, (("ResourceName", "LIKE", "%insightgate%"),)),
    Case("like-high-count", ["Rows", "TotalRevenue"], (("ResourceName", "LIKE", "%gateway%"),)),
    Case("mixed-one-month", COLUMNS, span="LAST_MONTH", dataset="Mixed"),
    Case("mixed-metric-by-group", ["Product", "Market", "TotalRevenue", "Rows"], dataset="Mixed"),
    Case("mixed-equal-high", TEXTS, (("SubscriptionId", "=", SUBSCRIPTION.upper()),), dataset="Mixed"),
]
