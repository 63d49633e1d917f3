"""What the engine answered beside what it should have: None when they are the same, else what differs first."""

import json

from .data.rows import MARK

PREVIEW_ROWS = 100


def unlike_refusal(answer, refusal):
    """`refusal`: who must refuse, and words of the message."""
    by, words = refusal
    if answer.get("refused_by") == by and words in answer["message"]:
        return None
    return f"{answer.get('message', 'answered')}, where {by} had to say: {words}"


def difference(query, answer, expected, is_out_of_range, must_note, marks):
    """`expected`: rows of spelled values. `marks`: those that the answer may hold."""
    if "message" in answer:
        if is_out_of_range() and answer["refused_by"] == "engine" and answer["message"].startswith("A number is out of the range of its type."):
            return None
        return f"refused by {answer['refused_by']}: {answer['message']}"
    raw = answer["csv"] if "csv" in answer else "\n".join(answer["rows"])
    foreign = {(sort, int(tenant), int(location)) for sort, tenant, location in MARK.findall(raw)} - marks
    if foreign:
        return f"marks of foreign rows: {sorted(foreign)}"
    if must_note is not None and bool(answer["notes"]) != must_note:
        return f"notes: {answer['notes']}, where {'some' if must_note else 'none'} should be"
    names = query.names
    if "csv" in answer:
        header, *rows = parse_csv(answer["csv"])
        if list(header) != names:
            return f"header {header} instead of {names}"
        return first_difference(rows, expected)
    kinds = [field.kind.name for field in query.select]
    rows = [preview_row(text, names) for text in answer["rows"]]
    expected = [tuple(json_token(value, kind) for value, kind in zip(row, kinds)) for row in expected]
    return first_difference(rows, expected)


def first_difference(rows, expected):
    for number, (row, wanted) in enumerate(zip(rows, expected), 1):
        if row != wanted:
            return f"row {number} of {len(rows)}:\n  engine {row}\n  DuckDB {wanted} (of {len(expected)})"
    if len(rows) != len(expected):
        extra = ("engine", rows) if len(rows) > len(expected) else ("DuckDB", expected)
        return f"{len(rows)} rows instead of {len(expected)}; the first that only {extra[0]} has: {extra[1][min(len(rows), len(expected))]}"
    return None


def parse_csv(text):
    """Rows of values as they are spelled: None where nothing stands, an empty text where `""` does. Quotes may stand only where they must."""
    rows, row, at = [], [], 0
    while at < len(text):
        if text[at] == '"':
            value, at = "", at + 1
            while True:
                end = text.index('"', at)
                value, at = value + text[at:end], end + 1
                if text[at : at + 1] != '"':
                    break
                value, at = value + '"', at + 1
            assert not value or any(character in value for character in ',"\n\r'), f"quoted without need: {value!r}"
        else:
            end = min(found for found in (text.find(",", at), text.find("\n", at)) if found >= 0)
            value, at = text[at:end] or None, end
            assert not value or '"' not in value and "\r" not in value, f"not quoted: {value!r}"
        row.append(value)
        assert text[at] in ",\n", f"behind a value stands {text[at]!r}"
        if text[at] == "\n":
            rows.append(tuple(row))
            row = []
        at += 1
        if text[at - 1] == "," and at == len(text):
            raise AssertionError("the last line is not ended")
    return rows


class Number(str):
    """A number's own digits, told apart from a text of the same ones."""

    def __eq__(self, other):
        return isinstance(other, Number) and str.__eq__(self, other)

    __hash__ = str.__hash__

    def __repr__(self):
        return f"number {str(self)}"


def preview_row(text, names):
    """The values in SELECT's order. A field that was selected twice stands once."""
    found = json.loads(text, parse_int=Number, parse_float=Number, parse_constant=Number)
    assert list(found) == list(dict.fromkeys(names)), f"keys {list(found)} instead of {names}"
    return tuple(found[name] for name in names)


def json_token(value, kind):
    if value is None or kind == "bool":
        return None if value is None else value == "true"
    if kind in ("int64", "float64", "decimal"):
        return Number(value)
    return value
