"""Values as a file of an answer spells them: what CSV holds, what LIKE compares with, and what a preview's JSON is made of."""

import math
from datetime import date, datetime
from decimal import Decimal

from .language.literals import timestamp_text


def spelled(value):
    """None stays None: it is no text."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return float_text(value)
        case Decimal():
            return format(value, "f")
        case datetime():
            return timestamp_text(value)
        case date():
            return value.isoformat()
    raise TypeError(f"{value!r}")


def float_text(value):
    """The shortest digits that read back as the same number, with an exponent from 1e16 on and below 1e-5."""
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if math.isnan(value):
        return "NaN"
    if 1e-5 <= abs(value) < 1e-4:
        return format(Decimal(repr(value)), "f")
    digits, mark, exponent = repr(value).partition("e")
    return f"{digits}e{exponent[0]}{exponent[1:].lstrip('0')}" if mark else digits
