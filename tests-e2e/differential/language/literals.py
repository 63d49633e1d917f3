"""What a literal is among the values of a type, by docs/query-language.md: converted exactly, or not at all."""

import re
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-9]{2})?")
DAY = 86_400
EPOCH = datetime(1970, 1, 1)
TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def number(text):
    return Fraction(text) if NUMBER.fullmatch(text) else None


def day(text):
    """A `yyyy-MM-dd` that exists."""
    found = DATE.fullmatch(text)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def instant(text):
    """Seconds from 1970 on, as exact as they are written."""
    if found := day(text):
        return Fraction((found - EPOCH.date()).days * DAY)
    found = TIME.fullmatch(text)
    if not found or not (on := day(found[1])):
        return None
    hour, minute, second = int(found[2]), int(found[3]), int(found[4])
    if hour > 23 or minute > 59 or second > 59:
        return None
    seconds = Fraction((on - EPOCH.date()).days * DAY + hour * 3600 + minute * 60 + second)
    if found[5]:
        seconds += Fraction(int(found[5]), 10 ** len(found[5]))
    if found[6] and found[6] not in "Zz":
        sign, hours, minutes = found[6][0], int(found[6][1:3]), int(found[6][4:6])
        if hours > 23 or minutes > 59:
            return None
        seconds -= (hours * 3600 + minutes * 60) * (-1 if sign == "-" else 1)
    return seconds


def convert(text, kind):
    """The value: a string, a float, a bool, or for what compares exactly a Fraction (of days for dates, of microseconds for timestamps). None
    when the literal is no such value."""
    if kind.name == "string":
        return text
    text = text.strip()
    match kind.name:
        case "bool":
            return TRUTHS.get(text.lower())
        case "float64":
            return float(text) if number(text) is not None else None
        case "date":
            seconds = instant(text)
            return None if seconds is None else seconds / DAY
        case "timestamp":
            seconds = instant(text)
            return None if seconds is None else seconds * 1_000_000
    return number(text)


def limits(kind):
    """The least and the greatest value of an exact type."""
    if kind.name == "int64":
        return (-(2**63), 2**63 - 1)
    bound = Fraction(10**kind.precision - 1, 10**kind.scale)
    return (-bound, bound)


def is_a_value(value, kind):
    """Whether the converted literal is a value that the type has: if not, the answer says so."""
    if value is None:
        return False
    if kind.name in ("string", "float64", "bool"):
        return True
    if kind.name == "timestamp":
        # Finer than a microsecond is compared as what it is.
        return True
    scale = kind.scale if kind.name == "decimal" else 0
    if (value * 10**scale).denominator != 1:
        return False
    if kind.name == "date":
        return True
    least, greatest = limits(kind)
    return least <= value <= greatest


def lies_between(value, kind):
    """Whether a converted literal that is no value of the type lies between two of them; None where it is just beyond the last."""
    if value is None or kind.name == "date":
        return value is not None
    least, greatest = limits(kind)
    step = Fraction(1, 10**kind.scale)
    if least < value < greatest:
        return True
    return None if least - step < value < greatest + step else False


def timestamp_text(value):
    """`yyyy-MM-ddTHH:mm:ssZ`, with a fraction only where there is one."""
    text = f"{value.year:04d}-{value.month:02d}-{value.day:02d}T{value.hour:02d}:{value.minute:02d}:{value.second:02d}"
    return text + (f".{value.microsecond:06d}".rstrip("0") if value.microsecond else "") + "Z"


def utc(microseconds):
    return EPOCH + timedelta(microseconds=microseconds)


def rfc3339(value):
    """For the engine's requests."""
    return timestamp_text(value.astimezone(timezone.utc) if value.tzinfo else value)
