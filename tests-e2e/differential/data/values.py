"""Values that are hard on purpose: letters that fold unlike they look, ends of ranges, edges of time spans."""

from datetime import date, datetime, timedelta
from decimal import Context, Decimal

from ..language.definitions import SPANS
from ..language.spans import of_span

EXACT = Context(prec=80)

# What spans are relative to: a leap day, the first instant of a month, the last second of a year's first month.
ANCHORS = [datetime(2024, 2, 29, 12, 34, 56, 789000), datetime(2024, 3, 1), datetime(2025, 1, 31, 23, 59, 59), datetime(2023, 12, 31, 0, 0, 1)]

TEXTS = [
    "Straße", "STRASSE", "strasse", "straẞe", "Istanbul", "istanbul", "İstanbul", "ıstanbul", "ISTANBUL", "Kelvin", "\u212aelvin", "\u017fimple",
    "Simple", "ΣΊΣΥΦΟΣ", "σίσυφος", "ςίσυφος", "\u00e9t\u00e9", "e\u0301te\u0301", "ÉTÉ", "😀 ok", "👩‍👩‍👧", "漢字", "かな", "한국어", "مرحبا", "%", "_", "100%",
    "a_b", "axb", "a%b", "a\\b", "a\\", "\\%", "", " ", "  x ", "x,y", 'say "hi"', '"', "it's", "''", "line\nbreak", "cr\rhere", "two\r\nlines", "tab\tx",
    "null", "NULL", "true", "TRUE", "007", "7", "-1.50", "2024-02-29", "\ufb05", "\ufb06", "\u0390", "\u1fd3", "\u1fb3", "\u1fbc", "Ǆ", "ǅ", "ǆ", "µ", "μ",
    "\u212b", "å", "Å", "\uab70", "\u13a0", "Ω", "\u2126", "ω", "ﬁ", "fi", "DŽ", "\ufeffbom", "a\u200db", "𐐀", "𐐨", "𝕏", "\U0001f600\uffff", "z" * 300,
]
NUMBERS = [0, 1, -1, 2, 7, 12, 100, 255, -128, 32767, 2**31 - 1, -(2**31), 2**53 + 1, -(2**53) - 1]
EXTREMES = [2**63 - 1, -(2**63), 2**63 - 2, 2**62]
FLOATS = [
    0.0, 1.0, -1.0, 0.1, 1 / 3, 1e15, 1e16, 1e17, 123456789.125, 1e-4, 1e-5, 1.5e-7, 1e300, -1e300, 5e-324, 1.7976931348623157e308, 2.0**53, 0.5, -2.25,
    100.0, 9007199254740993.0,
]


def days():
    """Edges of every span for every anchor, with their neighbours."""
    found = {date(1, 1, 1), date(9999, 12, 31), date(1969, 12, 31), date(1970, 1, 1), date(2000, 2, 29)}
    for anchor in ANCHORS:
        edges = [anchor, *(edge for span in SPANS if span != "LIFETIME" for edge in of_span(span, anchor))]
        found |= {edge.date() + timedelta(days=offset) for edge in edges for offset in (-1, 0, 1)}
    return sorted(found)


def instants():
    found = {datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999), datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(1970, 1, 1)}
    for anchor in ANCHORS:
        edges = [anchor, *(edge for span in SPANS if span != "LIFETIME" for edge in of_span(span, anchor))]
        steps = [timedelta(microseconds=-1), timedelta(0), timedelta(microseconds=1), timedelta(seconds=1), timedelta(milliseconds=-500)]
        found |= {edge + step for edge in edges for step in steps}
    return sorted(found)


DAYS, INSTANTS = days(), instants()


def some_day(rng):
    return rng.choice(DAYS) if rng.random() < 0.5 else rng.choice(ANCHORS).date() - timedelta(days=rng.randrange(-3, 420))


def some_instant(rng):
    if rng.random() < 0.5:
        return rng.choice(INSTANTS)
    fraction = rng.choice([timedelta(0), timedelta(0), timedelta(milliseconds=rng.randrange(1000)), timedelta(microseconds=rng.randrange(1_000_000))])
    return rng.choice(ANCHORS).replace(microsecond=0) - timedelta(seconds=rng.randrange(-90_000, 420 * 86_400)) + fraction


def some_decimal(rng, digits, scale, share_of_extremes=0.02):
    """Up to so many digits, most of them few."""
    if rng.random() < share_of_extremes:
        unscaled = rng.choice([10**digits - 1, 1 - 10**digits])
    else:
        unscaled = rng.randrange(-(10 ** rng.randint(1, digits)), 10 ** rng.randint(1, digits))
    if scale and rng.random() < 0.3:
        unscaled -= unscaled % 10**scale
    bound = 10**digits - 1
    return Decimal(max(-bound, min(bound, unscaled))).scaleb(-scale, EXACT)


def some_text(rng):
    return rng.choice(TEXTS)
