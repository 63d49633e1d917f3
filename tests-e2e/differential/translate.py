"""A query as SQL over the rows of one tenant, by docs/query-language.md, docs/datasets.md and docs/roles.md.

The table of a dataset has the columns c0, c1, … of its definition; f0, … where a text is folded; t0, … where a value of another type is spelled as
CSV spells it, in lower case; and `ordinal`, the place of a row in the order of the files.
"""

from math import floor

from .language import metric_expression
from .language.folding import fold
from .language.literals import convert, is_a_value, lies_between, utc
from .language.spans import window

SIGNS = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def sql(query, scope, anchor, table, fold_sql, most=None):
    """One row of SQL for each row of the answer, in its order."""
    return Translation(query, scope, anchor, table, fold_sql).whole(most)


def text(value):
    return "'" + value.replace("'", "''") + "'"


class Translation:
    def __init__(self, query, scope, anchor, table, fold_sql):
        self.query, self.dataset, self.scope, self.table, self.fold_sql = query, query.dataset, scope, table, fold_sql
        self.window = window(query, anchor)
        self.used = {}

    # The rows of the scope

    def column(self, field, sort="c"):
        """A column of `seen`. `sort`: c for the value, f for the folded text, t for the spelling, o for the value that distinct counts read."""
        name = f"{sort}{field.index}"
        stored = f"t.c{field.index}" if sort == "o" else f"t.{name}"
        hidden = field.sensitive and sort != "o" and self.scope.is_redacted
        self.used[name] = f"CASE WHEN {self.clear()} THEN {stored} END AS {name}" if hidden else f"{stored} AS {name}"
        return name

    def clear(self):
        """Rows without a location are clear only to who sees the whole organisation clearly."""
        if self.scope.clear is None:
            return "TRUE"
        if not self.scope.clear or self.dataset.location is None:
            return "FALSE"
        return f"COALESCE({self.within(self.scope.clear)}, FALSE)"

    def within(self, locations):
        return f"t.c{self.dataset.location.index} IN ({', '.join(map(text, locations))})" if locations else "FALSE"

    def seen(self):
        where = "" if self.scope.rows is None else f" WHERE {self.within(self.scope.rows)}"
        return f"SELECT ordinal, {', '.join([*self.used.values(), f'{self.clear()} AS clear'])} FROM {self.table} AS t{where}"

    # Conditions

    def in_window(self):
        if self.window is None:
            return []
        date = f"CAST({self.column(self.dataset.date)} AS TIMESTAMP)"
        start, end = self.window
        return ([f"{date} >= TIMESTAMP '{start}'"] if start else []) + [f"{date} < TIMESTAMP '{end}'"]

    def condition(self, condition):
        """Three-valued: a null meets no condition."""
        field, operator = condition.field, condition.operator
        if operator in ("LIKE", "NOT LIKE"):
            return f"{self.subject_of_like(field)} {operator} {text(pattern(condition.literals[0].text))} ESCAPE '\\'"
        subject = self.subject(field)
        if operator in ("IN", "NOT IN"):
            equal = [self.compare(subject, field.kind, "=", literal) for literal in condition.literals]
            found = f"({' OR '.join(equal)})"
            return found if operator == "IN" else f"({subject} IS NOT NULL AND NOT {found})"
        return self.compare(subject, field.kind, operator, condition.literals[0])

    def subject(self, field):
        if not field.is_metric:
            return self.column(field, "f" if field.kind.name == "string" else "c")
        return self.fold_sql(f"m{field.index}") if field.kind.name == "string" else f"m{field.index}"

    def subject_of_like(self, field):
        if field.kind.name == "string":
            return self.subject(field)
        return spelled_sql(f"m{field.index}", field.kind) if field.is_metric else self.column(field, "t")

    def compare(self, subject, kind, operator, literal):
        value = convert(literal.text, kind)
        if value is None:
            return f"({subject} IS NOT NULL)" if operator == "!=" else "FALSE"
        sign = SIGNS[operator]
        match kind.name:
            case "string":
                return f"{subject} {sign} {text(fold(value))}"
            case "float64":
                return f"{subject} {sign} CAST('{value!r}' AS DOUBLE)"
            case "bool":
                return f"{subject} {sign} {value}"
        # Brought to whole steps of the type, between two of which a literal may lie.
        steps = value * 10**kind.scale
        below = floor(steps)
        if below == steps:
            stored = step(below, kind)
            if stored is not None:
                return f"{subject} {sign} {stored}"
        elif operator in ("=", "!="):
            return "FALSE" if operator == "=" else f"({subject} IS NOT NULL)"
        elif (stored := step(below, kind)) is not None:
            return f"{subject} {'<=' if operator in ('<', '<=') else '>'} {stored}"
        # Beyond what SQL can spell, and so beyond every value.
        holds = operator == "!=" or (operator in ("<", "<=")) == (value > 0) and operator != "="
        return f"({subject} IS NOT NULL)" if holds else "FALSE"

    # The answer

    def whole(self, most):
        query = self.query
        groups = [condition for condition in query.conditions if condition.field.is_metric]
        rows = self.in_window() + [self.condition(condition) for condition in query.conditions if not condition.field.is_metric]
        keys = list(dict.fromkeys(field for field in query.select if not field.is_metric))
        order = [f"{self.value(key.field)} {key.direction or 'DESC'} NULLS LAST" for key in query.order]
        output = ", ".join(self.value(field) for field in query.select)
        where = f" WHERE {' AND '.join(rows)}" if rows else ""
        if query.is_grouped:
            source = f"({self.groups(keys, where)})"
            having = [self.condition(condition) for condition in groups]
            order += [f"{self.column(key)} ASC NULLS LAST" for key in keys]
            body = f"SELECT {output} FROM {source}" + (f" WHERE {' AND '.join(having)}" if having else "")
        elif query.is_distinct:
            body = f"SELECT {output} FROM rows{where} GROUP BY {', '.join(self.column(key) for key in keys)}"
            order.append("MIN(ordinal)")
        else:
            body = f"SELECT {output} FROM rows{where}"
            order.append("ordinal")
        limits = [limit for limit in (query.limit, most) if limit is not None]
        limit = f" LIMIT {min(limits)}" if limits else ""
        order = f" ORDER BY {', '.join(order)}" if order else ""
        return f"WITH rows AS ({self.seen()}) {body}{order}{limit}"

    def groups(self, keys, where):
        columns = [self.column(key) for key in keys]
        values = columns + [f"{self.aggregate(metric)} AS m{metric.index}" for metric in self.metrics()]
        return f"SELECT {', '.join(values)} FROM rows{where}" + (f" GROUP BY {', '.join(columns)}" if columns else "")

    def metrics(self):
        query = self.query
        used = [*query.select, *(condition.field for condition in query.conditions), *(key.field for key in query.order)]
        return dict.fromkeys(field for field in used if field.is_metric)

    def aggregate(self, metric):
        column = lambda field, counted: self.column(field, "o" if counted else "c")
        return metric_expression.sql(metric.expression, column, metric.sensitive and self.scope.is_redacted)

    def value(self, field):
        return f"m{field.index}" if field.is_metric else self.column(field)

    def out_of_range(self):
        """Whether an integer metric of some group has a value that its type cannot hold: then a query may be refused."""
        metrics = [metric for metric in self.metrics() if metric.kind.name == "int64"]
        if not metrics:
            return None
        rows = self.in_window() + [self.condition(condition) for condition in self.query.conditions if not condition.field.is_metric]
        keys = list(dict.fromkeys(field for field in self.query.select if not field.is_metric))
        groups = self.groups(keys, f" WHERE {' AND '.join(rows)}" if rows else "")
        beyond = " OR ".join(f"m{metric.index} NOT BETWEEN {-(2**63)} AND {2**63 - 1}" for metric in metrics)
        return f"WITH rows AS ({self.seen()}) SELECT COUNT(*) FROM ({groups}) WHERE {beyond}"


def pattern(written):
    """LIKE's pattern, folded. What it means is the same in SQL; only a `\\` before a plain character is none there."""
    folded, escaped = "", False
    for character in written:
        if escaped:
            folded += ("\\" if character in "%_\\" else "") + fold(character)
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            folded += fold(character)
    return folded


def step(count, kind):
    """So many steps of an exact type, as SQL; None where no value of the type could be so great."""
    match kind.name:
        case "date":
            day = count * 86_400_000_000
            return f"DATE '{utc(day).date()}'" if within_years(day) else None
        case "timestamp":
            return f"TIMESTAMP '{utc(count)}'" if within_years(count) else None
    if abs(count) >= 10**38:
        return None
    if kind.name == "int64":
        return f"CAST('{count}' AS HUGEINT)"
    digits = f"{abs(count):0{kind.scale + 1}d}"
    spelled = digits[: len(digits) - kind.scale] + ("." + digits[len(digits) - kind.scale :] if kind.scale else "")
    return f"CAST('{'-' if count < 0 else ''}{spelled}' AS DECIMAL(38,{kind.scale}))"


def within_years(microseconds):
    try:
        utc(microseconds)
        return True
    except OverflowError:
        return False


def spelled_sql(subject, kind):
    """A metric's value as CSV spells it, in lower case."""
    plain = f"CAST({subject} AS VARCHAR)"
    match kind.name:
        case "timestamp":
            return f"(replace({plain}, ' ', 't') || 'z')"
        case "float64":
            exponent = f"lower(regexp_replace({plain}, 'e([+-])0', 'e\\1'))"
            return f"CASE abs({subject}) WHEN 1e-5 THEN replace({exponent}, '1e-5', '0.00001') ELSE {exponent} END"
    return plain


def has_notes(query):
    """Whether a literal decides a condition without being compared with any value, which the answer says. None where either is right."""
    found = {
        is_noted(condition.operator, literal, condition.field)
        for condition in query.conditions
        if condition.operator not in ("LIKE", "NOT LIKE")
        for literal in condition.literals
    }
    return True if True in found else None if None in found else False


def is_noted(operator, literal, field):
    kind = field.kind
    value = convert(literal.text, kind)
    if field.is_metric and kind.name == "int64" and value is not None and not -(2**63) <= floor(value) < 2**63:
        # The metric is compared before it is brought to its type.
        return False
    if is_a_value(value, kind):
        return False
    if operator not in ("<", "<=", ">", ">="):
        return True
    between = lies_between(value, kind)
    return None if between is None else not between
