"""Queries as attackers: at every limit of the language, previews that only stream, groups without an end, and a report as large as the disk."""

import re
import threading
import time

import requests

from .. import rows
from ..attackers import Attackers, in_threads
from ..honest import DAY
from ..outcome import Outcome
from ..server import PASSWORD, RESOURCE

# The limits of docs/query-language.md.
TEXT_BYTES, NAMES, CONDITIONS, VALUES, ORDERED, PATTERN = 64 << 10, 1000, 256, 10_000, 64, 1000
# A process that dies is started again so often.
DEATHS = 3


def token_of(server, role="attacker", user=0):
    person = server.people[role]
    form = {"grant_type": "password", "resource": RESOURCE, "scope": "openid", "username": person["users"][user], "password": PASSWORD}
    form |= {name: person[name] for name in ("client_id", "client_secret")}
    answer = requests.post(f"{server.http}/{person['domain']}/oauth2/token", data=form, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def call(base, token, method, path, **more):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return requests.request(method, f"{base}/insights/v1/mpn/{path}", headers=headers, **({"timeout": 30} | more))


def saved(server, token, text):
    """The id of a query."""
    query = call(server.http, token, "POST", "ScheduledQueries", json={"Name": "q", "Description": "d", "Query": text})
    assert query.status_code == 200, query.text[:500]
    return query.json()["value"][0]["queryId"]


def order(server, token, text):
    """A report that runs at once; its id."""
    body = {"ReportName": "r", "QueryId": saved(server, token, text), "ExecuteNow": True}
    report = call(server.http, token, "POST", "ScheduledReport", json=body)
    assert report.status_code == 200, report.text
    return report.json()["value"][0]["reportId"]


EVERY_STATUS = {"getLatestExecution": "false", "executionStatus": "Pending;Running;Completed;Failed"}


def execution(server, token, report):
    answer = call(server.http, token, "GET", f"ScheduledReport/execution/{report}", params=EVERY_STATUS)
    return answer.json()["value"][0] if answer.status_code == 200 else None


# 1: every limit


def limits():
    """Texts by name. Each is one that the language takes."""
    numbers = lambda count: ", ".join(str(number % 10) for number in range(count))
    select = lambda names, where, more="": f"SELECT {names} FROM Sales WHERE {where}{more} TIMESPAN LIFETIME"
    joined = lambda condition, count=CONDITIONS: " AND ".join(condition.format(number % 10) for number in range(count))
    texts = {
        "256 conditions": select("Id, Region", joined("Id >= {}")),
        "256 patterns": select("Id", joined("One LIKE '%{}%'")),
        "256 conditions on a metric": select("Region, Total", joined("Total >= {}")),
        "1,000 names": select(", ".join(["Id"] * NAMES), "Id >= 0"),
        "a list of 10,000 values": select("Id, Region", f"Id IN ({numbers(VALUES)})"),
    }
    whole = lambda filler: select(
        ", ".join(["Id"] * NAMES), f"{joined('Id >= {}', CONDITIONS - 2)} AND Id IN ({numbers(VALUES)}) AND One LIKE '%{filler}%'", " ORDER BY Id ASC"
    )
    # A pattern may not be longer: the rest of the 64 KiB are blanks.
    text = whole("a" * (PATTERN - 2))
    texts["all of them in 64 KiB"] = text.replace(" TIMESPAN", " " * (TEXT_BYTES - len(text.encode())) + " TIMESPAN")
    return texts


def every_limit(siege):
    server = siege.server("limits")
    rows.sales(server, "honest")
    rows.sales(server, "attacker")
    texts, deaths, asked, statuses = limits(), [], 0, {}
    with server.start():
        token = token_of(server)
        with siege.under_attack("limits", server) as outcome:
            end = time.monotonic() + siege.seconds * 3
            for name, text in texts.items():
                for way in ("preview", "explain", "report"):
                    if len(deaths) >= DEATHS or time.monotonic() > end:
                        continue
                    asked += 1
                    status = one_limit(server, token, way, text)
                    statuses[status] = statuses.get(status, 0) + 1
                    if not server.is_alive():
                        deaths.append(f"{way} of {name}")
                        server.start()
            outcome.sent = f"{asked} of {len(texts) * 3} queries at the limits"
            outcome.expect(not deaths, f"the process died of: {', '.join(deaths)}")
            outcome.expect(asked == len(texts) * 3 or deaths, "not all of them were asked in time")
            outcome.expect(set(statuses) <= {"200", "Completed"}, f"answers: {statuses}")
    return outcome


def one_limit(server, token, way, text):
    """What came of it, once it is over."""
    try:
        if way == "report":
            return one_report(server, token, text)
        path = {"preview": "testQueryResult", "explain": "explainQuery"}[way]
        # The longest texts fit into no address.
        asked = {"exportQuery": text} if len(text) < 10_000 else {"queryId": saved(server, token, text)}
        return str(call(server.http, token, "GET", f"ScheduledQueries/{path}", params=asked).status_code)
    except requests.RequestException as error:
        # A process that is dying takes a moment.
        server.memory.over.wait(0.5)
        return type(error).__name__


def one_report(server, token, text):
    report = order(server, token, text)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = execution(server, token, report)
        if found and found["executionStatus"] in ("Completed", "Failed"):
            return found["executionStatus"] if found["executionStatus"] == "Completed" else f"Failed: {found['failureReason']}"
        server.memory.over.wait(0.1)
    return "not over"


def poisoned(siege):
    """A run whose process dies each time, which the test sees to itself: it is not claimed again and again at once."""
    outcome, server = Outcome("poisoned", ""), siege.server("poisoned")
    count = 100_000 if siege.short else 400_000
    rows.big(siege.site, server, count)
    claims, seconds = [], 8 if siege.short else 60
    with server.start():
        token = token_of(server)
        begun = time.monotonic()
        report = order(server, token, "SELECT Id, One, Two, Three FROM Big ORDER BY Three ASC TIMESPAN LIFETIME")
        epoch = lambda: server.select("SELECT epoch, status FROM executions WHERE report_id = ?", report)[0]
        last, status = 0, "Pending"
        while time.monotonic() < begun + seconds and status in ("Pending", "Running"):
            now, status = epoch()
            if now > last and status == "Running":
                claims.append(round(time.monotonic() - begun, 1))
                last = now
                server.kill()
                server.start()
            server.memory.over.wait(0.05)
        outcome.sent = f"a run that takes its process with it, for {seconds:.0f} s"
        outcome.notes.append(f"claimed at {claims} s")
        waits = [later - earlier for earlier, later in zip(claims, claims[1:])]
        # The first claim again may come at once; from then on each wait is longer, so that few fit.
        outcome.expect(len(claims) <= (6 if siege.short else 10), f"claimed {len(claims)} times")
        outcome.expect(len(claims) >= 2 or siege.short, "never claimed again")
        outcome.expect(all(later >= earlier for earlier, later in zip(waits, waits[1:])), f"the waits do not grow: {waits}")
        siege.close(outcome, server)
    return outcome


# 2 and 3: previews


def ask_previews(until, counts, number, base, token, threads, text, path="testQueryResult"):
    """So many at once, each anew when it was answered."""

    def ask_on(_):
        while time.monotonic() < until:
            try:
                left = max(0.5, until - time.monotonic())
                answer = call(base, token, "GET", f"ScheduledQueries/{path}", params={"exportQuery": text}, timeout=left)
                counts[f"status {answer.status_code}"] += 1
                if answer.status_code in (429, 503):
                    counts["told to wait"] += "retry-after" in answer.headers
                    # As a client that does not listen to how long.
                    time.sleep(0.05)
            except requests.RequestException as error:
                counts[type(error).__name__] += 1

    in_threads(ask_on, threads, until)


def told(counts):
    return ", ".join(f"{count:,} x {name}" for name, count in sorted(counts.items())) or "nothing came back"


# Reads every row and gives none.
STREAMING = "SELECT Id, One, Two, Three FROM Big WHERE One LIKE 'never%' TIMESPAN LIFETIME"
GROUPS = "SELECT One, Two, Total FROM Big TIMESPAN LIFETIME"
# All that a server of default settings may take for everything: one container of half a gibibyte.
MOST_MEMORY = 512


def streaming(siege):
    """Previews that only stream, over row groups of a million rows."""
    return over_a_big_file(siege, "streaming", "previews")


def explanations(siege):
    """The same as explanations, which read too."""
    return over_a_big_file(siege, "explanations", "explanations", "explainQuery")


def over_a_big_file(siege, name, what, *endpoint):
    server, at_once = siege.server(name), 30 if siege.short else 60
    size = rows.big(siege.site, server, 200_000 if siege.short else 1_000_000)
    rows.sales(server, "honest")
    with server.start():
        token = token_of(server)
        with siege.under_attack(name, server) as outcome:
            attackers = Attackers(ask_previews, 1, siege.seconds, server.http, token, at_once, STREAMING, *endpoint)
            counts = siege.wait_out(attackers, server)
            outcome.sent = f"{at_once} {what} at once over {size >> 20} MiB"
            outcome.notes.append(told(counts))
        outcome.expect(outcome.resident < MOST_MEMORY, f"{outcome.resident} MiB")
    return outcome


def grouped(siege):
    """One viewer's groups, each of them a row, beside another tenant's three."""
    server, at_once = siege.server("grouped"), 40
    rows.big(siege.site, server, 200_000 if siege.short else 1_000_000)
    rows.sales(server, "honest")
    with server.start():
        token = token_of(server)
        with siege.under_attack("grouped", server) as outcome:
            attackers = Attackers(ask_previews, 1, siege.seconds, server.http, token, at_once, GROUPS)
            counts = siege.wait_out(attackers, server)
            outcome.sent = f"{at_once} grouped previews at once"
            outcome.notes.append(told(counts))
    return outcome


# 8: a report as large as the disk


def order_large(until, counts, number, base, token, text):
    class There:
        http = base

    report = order(There, token, text)
    counts["reports"] += 1
    while time.monotonic() < until:
        found = execution(There, token, report)
        if found and found["executionStatus"] in ("Completed", "Failed"):
            counts[f"{found['executionStatus']}: {found['failureReason']}"] += 1
            return
        time.sleep(0.2)


# The bound of one file in this attack.
FILE_MIB = 16


def bound_of_a_file(server):
    """Sets it, whatever the setting's name is; None where there is none."""
    section = server.command("init", "--config", "-").partition("[artifacts]")[2].partition("\n[")[0]
    found = re.search(r"^(?:# )?(\w*(?:largest|file|report)\w*_mib) = ", section, re.M)
    if found:
        server.environment[f"INSIGHTGATE_ARTIFACTS_{found[1].upper()}"] = str(FILE_MIB)
    return found


def large_report(siege):
    """One column a thousand times: some gigabytes of a few megabytes."""
    server = siege.server("large")
    bounded = bound_of_a_file(server)
    rows.big(siege.site, server, 20_000)
    rows.sales(server, "honest")
    text = f"SELECT {', '.join(['One'] * NAMES)} FROM Big TIMESPAN LIFETIME"
    most, over = [0], threading.Event()

    def look():
        while not over.wait(0.1):
            most[0] = max(most[0], server.artifact_bytes())

    with server.start():
        token = token_of(server)
        with siege.under_attack("large report", server, (*DAY[:-1], "download")) as outcome:
            looking = threading.Thread(target=look, daemon=True)
            looking.start()
            attackers = Attackers(order_large, 2, siege.seconds * 2, server.http, token, text)
            counts = attackers.end()
            over.set()
            looking.join()
            outcome.sent = f"2 reports of a column named {NAMES:,} times"
            outcome.expect(bounded, "there is no setting for the size of a file")
            outcome.notes.append(f"{told(counts)}; {most[0] >> 20} MiB of files at the most")
            ended = [words for words in counts if words.startswith("Failed")]
            outcome.expect(sum(counts[words] for words in ended) == 2, "the reports did not end with an error")
            outcome.expect(all("MiB" in words or "limit" in words for words in ended), "the error names no limit")
            outcome.expect(most[0] < 3 * (FILE_MIB << 20), f"{most[0] >> 20} MiB of files")
    return outcome
