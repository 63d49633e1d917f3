"""The expressions of metrics: read by docs/datasets.md, with their types, and written as SQL.

A node is a tuple whose first item names it. Types are (name, precision, scale); what a number is computed in is wider than what it is.
"""

import re

TOKEN = re.compile(r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<string>'(?:[^']|'')*')|(?P<quoted>"(?:[^"]|"")*"|\[(?:[^\]]|\]\])*\])|(?P<word>\w+)|(?P<symbol>\|\||[-+*/(),]))""")
AGGREGATES = ("COUNT", "SUM", "AVG", "MIN", "MAX")
WIDEST = 38


def parse(text, column):
    """`column` gives the column of a name."""
    tokens = []
    at = 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        assert found, f"{text!r} at {at}"
        tokens.append((found.lastgroup, found[found.lastgroup]))
        at = found.end()
    tokens.append(("end", ""))
    reader = Reader(tokens, column)
    node = reader.sum()
    assert reader.peek() == ("end", ""), text
    return node


class Reader:
    def __init__(self, tokens, column):
        self.tokens, self.column = tokens, column

    def peek(self):
        return self.tokens[0]

    def take(self, *wanted):
        if not wanted or self.tokens[0][1] in wanted:
            return self.tokens.pop(0)[1]
        return None

    def sum(self):
        left = self.product()
        while operator := self.take("+", "-", "||"):
            left = ("join", left, self.product()) if operator == "||" else (operator, left, self.product())
        return left

    def product(self):
        left = self.factor()
        while operator := self.take("*", "/"):
            left = (operator, left, self.factor())
        return left

    def factor(self):
        sort, text = self.peek()
        self.take()
        match sort:
            case "number":
                return ("number", text)
            case "string":
                return ("string", text[1:-1].replace("''", "'"))
            case "quoted":
                return ("column", self.column(text[1:-1].replace(text[-1] * 2, text[-1])))
            case "symbol" if text == "-":
                return ("number", "-" + self.take())
            case "symbol":
                assert text == "(", text
                inner = self.sum()
                assert self.take(")")
                return inner
        if not self.take("("):
            return ("column", self.column(text))
        name = text.upper()
        if name == "COALESCE":
            parts = [self.sum()]
            while self.take(","):
                parts.append(self.sum())
            node = ("coalesce", *parts)
        elif name == "COUNT" and self.take("*"):
            node = ("rows",)
        else:
            assert name in AGGREGATES, text
            distinct = self.peek()[1].upper() == "DISTINCT" and bool(self.take())
            node = ("COUNT DISTINCT" if distinct else name, self.sum())
        assert self.take(")")
        return node


def kind(node):
    """Its type, as a (name, precision, scale)."""
    match node:
        case ("column", column):
            return (column.kind.name, column.kind.precision, column.kind.scale)
        case ("number", digits):
            fraction = digits.partition(".")[2].rstrip("0")
            return ("decimal", WIDEST, len(fraction)) if fraction else ("int64", 0, 0)
        case ("string", _) | ("join", _, _):
            return ("string", 0, 0)
        case ("rows",) | ("COUNT", _) | ("COUNT DISTINCT", _):
            return ("int64", 0, 0)
        case ("SUM", of):
            name, _, scale = kind(of)
            return (name, WIDEST, scale) if name == "decimal" else (name, 0, 0)
        case ("AVG", _) | ("/", _, _):
            return ("float64", 0, 0)
        case ("MIN" | "MAX", of):
            return kind(of)
        case ("coalesce", *parts):
            return common([kind(part) for part in parts])
        case ("*", left, right):
            name, precision, _ = common([kind(left), kind(right)])
            return (name, precision, kind(left)[2] + kind(right)[2]) if name == "decimal" else (name, 0, 0)
        case (_, left, right):
            return common([kind(left), kind(right)])


def common(kinds):
    """The type that holds the values of all."""
    names = {name for name, _, _ in kinds}
    if "float64" in names and names <= {"float64", "int64", "decimal"}:
        return ("float64", 0, 0)
    if "decimal" in names and names <= {"int64", "decimal"}:
        return ("decimal", WIDEST, max(scale for _, _, scale in kinds))
    assert len(names) == 1, kinds
    return kinds[0]


def sql(node, columns, is_secret=False):
    """`columns(column, counted)` is the SQL of a column, as a distinct count reads it or as everything else does.

    A secret metric reads only rows that are `clear`.
    """
    inner = lambda part: sql(part, columns, is_secret)
    guarded = lambda text: f"CASE WHEN clear THEN {text} END" if is_secret else text
    match node:
        case ("column", column):
            return columns(column, False)
        case ("number", digits):
            return f"CAST('{digits}' AS {storage(kind(node))})"
        case ("string", text):
            return "'" + text.replace("'", "''") + "'"
        case ("join", left, right):
            return f"({inner(left)} || {inner(right)})"
        case ("coalesce", *parts):
            return f"COALESCE({', '.join(cast(inner(part), kind(part), kind(node)) for part in parts)})"
        case ("rows",):
            return "COUNT(CASE WHEN clear THEN 1 END)" if is_secret else "COUNT(*)"
        case ("COUNT", of):
            return f"COUNT({guarded(inner(of))})"
        case ("COUNT DISTINCT", ("column", column)) if not is_secret:
            return f"COUNT(DISTINCT {columns(column, True)})"
        case ("COUNT DISTINCT", of):
            return f"COUNT(DISTINCT {guarded(inner(of))})"
        case ("SUM", of):
            return f"SUM({guarded(cast(inner(of), kind(of), kind(node)))})"
        case ("AVG", of):
            total = f"SUM({guarded(cast(inner(of), kind(of), kind(('SUM', of))))})"
            return f"({double(total, kind(('SUM', of)))} / COUNT({guarded(inner(of))}))"
        case ("MIN" | "MAX", of):
            return f"{node[0]}({guarded(inner(of))})"
        case ("/", left, right):
            return f"({double(inner(left), kind(left))} / NULLIF({double(inner(right), kind(right))}, 0))"
        case ("*", left, right):
            operands = [double(inner(side), kind(side)) if kind(node)[0] == "float64" else widened(inner(side), kind(side)) for side in (left, right)]
            return f"({operands[0]} * {operands[1]})"
        case (operator, left, right):
            return f"({cast(inner(left), kind(left), kind(node))} {operator} {cast(inner(right), kind(right), kind(node))})"


def storage(kind_):
    """What DuckDB computes a type in: wide enough that nothing overflows on the way."""
    name, _, scale = kind_
    return {"int64": "HUGEINT", "float64": "DOUBLE", "decimal": f"DECIMAL({WIDEST},{scale})"}[name]


def cast(text, of, to):
    if of[0] in ("int64", "float64", "decimal"):
        return double(text, of) if to[0] == "float64" else f"CAST({text} AS {storage(to)})"
    return text


def widened(text, of):
    """A factor, left as narrow as it is: the product of two decimals has the digits of both."""
    return f"CAST({text} AS HUGEINT)" if of[0] == "int64" else text


def double(text, of):
    """The nearest float. Through its digits, since DuckDB rounds twice when it casts a decimal."""
    return text if of[0] == "float64" else f"CAST(CAST({text} AS VARCHAR) AS DOUBLE)"
