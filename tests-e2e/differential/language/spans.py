"""TIMESPAN by docs/query-language.md: in UTC, the start included and the end not."""

from datetime import datetime, timedelta

MONTHS = {"LAST_MONTH": 1, "LAST_3_MONTHS": 3, "LAST_6_MONTHS": 6, "LAST_1_YEAR": 12}


def window(query, anchor):
    """(start, end), where a start of None is the beginning; or None for all rows, those without a date too."""
    if query.dataset.date is None:
        return None
    if query.start or query.end:
        return (query.start, query.end or anchor)
    return of_span(query.span or "LAST_6_MONTHS", anchor)


def of_span(span, anchor):
    today = datetime(anchor.year, anchor.month, anchor.day)
    if span == "LIFETIME":
        return None
    if span == "TODAY":
        return (today, anchor)
    if span == "YESTERDAY":
        return (today - timedelta(days=1), today)
    if span in MONTHS:
        months = today.year * 12 + today.month - 1 - MONTHS[span]
        return (datetime(months // 12, months % 12 + 1, 1), today.replace(day=1))
    return (today - timedelta(days=int(span.split("_")[1])), today)
