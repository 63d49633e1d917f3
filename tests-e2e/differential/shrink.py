"""The smallest query that still differs: clause by clause is left out for as long as the answers are not the same."""

from dataclasses import replace

from .language.query import Scope


def smaller(case):
    """Cases with one part less, the greater parts first."""
    query, scope = case.query, case.scope
    fewer = lambda items: [items[:at] + items[at + 1 :] for at in range(len(items))]
    queries = []
    if query.start or query.end:
        queries.append(replace(query, start=None, end=None))
    if query.span != "LIFETIME" and query.dataset.date is not None:
        queries.append(replace(query, span="LIFETIME"))
    if query.limit is not None:
        queries.append(replace(query, limit=None))
    if query.is_distinct:
        queries.append(replace(query, is_distinct=False))
    queries += [replace(query, order=order) for order in fewer(query.order)]
    queries += [replace(query, conditions=conditions) for conditions in fewer(query.conditions)]
    for at, condition in enumerate(query.conditions):
        if "IN" in condition.operator and len(condition.literals) > 1:
            lists = [replace(condition, literals=literals) for literals in fewer(condition.literals)]
            queries += [replace(query, conditions=query.conditions[:at] + (shorter,) + query.conditions[at + 1 :]) for shorter in lists]
    if len(query.select) > 1:
        queries += [replace(query, select=select, headings=names) for select, names in zip(fewer(query.select), fewer(tuple(query.names)))]
    cases = [replace(case, query=query) for query in queries if not query.refusal(scope)]
    if scope.roles is not None:
        cases.append(replace(case, scope=Scope(scope.tenant, scope.account)))
    if case.mode == "preview":
        cases.append(replace(case, mode="export"))
    return cases


def smallest(case, differs, most=300):
    """`differs(case)` says whether the answers differ."""
    for _ in range(most):
        case, before = next((candidate for candidate in smaller(case) if differs(candidate)), case), case
        if case is before:
            break
    return case
