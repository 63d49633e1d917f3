"""Sign-ins as attackers: floods of wrong passwords, refused requests without credentials, and what shuts a user out."""

import threading
import time
import urllib.parse
import uuid

import requests

from .. import rows
from ..attackers import LONGER_SECONDS, Attackers, connect, goes_on, in_threads, port_of, read_answer, strangers
from ..honest import READING, SIGN_INS, Answer, Answers, From
from ..outcome import Outcome
from ..server import PASSWORD, RESOURCE, written
from .queries import told

THREADS = 16
# What each process sends at least, for the attack to be one.
LEAST_GUESSES, LEAST_REFUSED, LEAST_DEVICE_CODES = 75, 1000, 600


def form(person, user, password, **more):
    fields = {"grant_type": "password", "resource": RESOURCE, "scope": "openid", "username": user, "password": password} | more
    if "client_id" not in fields:
        fields |= {name: person[name] for name in ("client_id", "client_secret")}
    return fields


def request(path, fields):
    body = urllib.parse.urlencode(fields).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


# 6: a flood of wrong sign-ins


def guess_on(until, counts, number, port, person):
    """Each guess from an address of its own, at a name that somebody may have."""
    path, lock = f"/{person['domain']}/oauth2/token", threading.Lock()

    def ask_on(thread):
        for source in strangers(number * 1000 + thread):
            if not goes_on(until, sum(counts.values()), LEAST_GUESSES):
                return
            user = f"user{uuid.uuid4().hex[:6]}@{person['domain']}"
            fields = form(person, user, "a wrong one", client_id=person["public_client_id"])
            kind = ""
            try:
                with connect(port, source) as connection:
                    connection.settimeout(max(2.0, until - time.monotonic()))
                    connection.sendall(request(path, fields))
                    kind = f"status {read_answer(connection)[0]}"
            except OSError as error:
                kind = type(error).__name__
            with lock:
                counts[kind] += 1

    in_threads(ask_on, THREADS, until, LONGER_SECONDS)


def sign_in_flood(siege):
    server = siege.server("flood")
    rows.sales(server, "honest")
    with server.start():
        with siege.under_attack("sign-in flood", server, SIGN_INS) as outcome:
            attackers = Attackers(guess_on, 4, siege.seconds, port_of(server.http), server.people["honest"])
            counts = siege.wait_out(attackers, server)
            strong(outcome, counts, 4 * LEAST_GUESSES)
            outcome.sent = f"{sum(counts.values()):,} wrong sign-ins, each from another address"
            outcome.notes.append(told(counts))
        tokens = Answers([answer for answer in outcome.answers.all if answer.kind == "token"])
        outcome.notes.append(f"{sum(not answer.fault for answer in tokens.all)} of {len(tokens.all)} tokens")
        outcome.expect(len(tokens.all) >= 20 and tokens.share() >= 0.95, f"{tokens.share():.0%} of {len(tokens.all)} tokens: {tokens.faults()}")
    return outcome


# 9: refused requests


def without_credentials(person):
    """Requests that prove nothing, as bytes."""
    get = lambda path, header="": f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n".encode()
    post = lambda fields: request(f"/{person['domain']}/oauth2/token", fields).replace(b"Connection: close\r\n", b"")
    unknown = form(person, "nobody@" + person["domain"], "x", client_id=str(uuid.uuid4()))
    return {
        "no token": get("/insights/v1/mpn/ScheduledDataset"),
        "a made-up token": get("/insights/v1/mpn/ScheduledDataset", "Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.e30.AAAA\r\n"),
        "an unknown application": post(unknown),
        "no grant": post({"grant_type": "none"}),
        "a wrong secret": post(form(person, "x", "y", client_id=person["client_id"], client_secret="wrong")),
        "a refresh token that is none": post(
            {"grant_type": "refresh_token", "client_id": person["public_client_id"], "refresh_token": "A" * 43}
        ),
        "a link without a signature": get("/artifacts/00000000-0000-0000-0000-000000000000/report.csv?sv=1"),
        "the management API": get("/manage/v1/tenants"),
    }


def refused_on(until, counts, number, port, person):
    """As fast as one connection gives answers: 50 requests in one go."""
    kinds = list(without_credentials(person).items())
    address, place = strangers(number), number
    while goes_on(until, sum(counts.values()), LEAST_REFUSED):
        try:
            with connect(port, next(address)) as connection:
                for _ in range(10):
                    kind, words = kinds[place % len(kinds)]
                    place += 1
                    connection.sendall(words * 50)
                    rest = b""
                    for _ in range(50):
                        status, rest = read_answer(connection, rest)
                        counts[f"{status} for {kind}"] += 1
                    if not goes_on(until, sum(counts.values()), LEAST_REFUSED):
                        return
        except OSError as error:
            counts[type(error).__name__] += 1


# Beside what the honest caller's own requests write: a line a minute for each reason, tenant and address.
FEW_ROWS = 300


def strong(outcome, counts, least):
    sent = sum(counts.values())
    outcome.expect(sent >= least, f"the attack was none: {sent:,} requests, of {least:,} that prove something")


def own_rows(outcome):
    """What the honest caller's requests write: a token is a refresh token and an event, those of its start included, and a preview an event of the access log,
    whose day is a row too."""
    kinds = [answer.kind for answer in outcome.calm.all + outcome.answers.all]
    return 2 * (1 + kinds.count("token")) + 1 + kinds.count("preview")


def refused_requests(siege):
    server = siege.server("refused")
    rows.sales(server, "honest")
    with server.start():
        with siege.under_attack("refused requests", server, READING) as outcome:
            attackers = Attackers(refused_on, 2, siege.seconds, port_of(server.http), server.people["honest"])
            counts = siege.wait_out(attackers, server)
            strong(outcome, counts, 2 * LEAST_REFUSED)
            outcome.sent = f"{sum(counts.values()):,} refused requests"
            outcome.notes.append(told(counts))
        count = sum(outcome.rows.values()) - own_rows(outcome)
        outcome.expect(count <= FEW_ROWS, f"{count:,} rows written: {outcome.rows}")
    return outcome


def start_on(until, counts, number, port, person):
    """Device codes, as many as there are, from one address."""
    path = f"/{person['domain']}/oauth2/v2.0/devicecode"
    words = request(path, {"client_id": person["public_client_id"], "scope": f"{RESOURCE}/.default"}).replace(b"Connection: close\r\n", b"")
    while goes_on(until, sum(counts.values()), LEAST_DEVICE_CODES):
        try:
            with connect(port, f"127.0.{number + 2}.2") as connection:
                for _ in range(100):
                    connection.sendall(words)
                    status, _ = read_answer(connection)
                    counts[f"status {status}"] += 1
                    if not goes_on(until, sum(counts.values()), LEAST_DEVICE_CODES):
                        return
        except OSError as error:
            counts[type(error).__name__] += 1


# Under way at once, of one application from two addresses.
FEW_DEVICE_CODES = 500


def device_codes(siege):
    server = siege.server("devices")
    rows.sales(server, "honest")
    with server.start():
        with siege.under_attack("device codes", server, READING) as outcome:
            attackers = Attackers(start_on, 2, siege.seconds, port_of(server.http), server.people["honest"])
            counts = siege.wait_out(attackers, server)
            strong(outcome, counts, 2 * LEAST_DEVICE_CODES)
            outcome.sent = f"{sum(counts.values()):,} device codes asked for"
            outcome.notes.append(told(counts))
        begun = outcome.rows.get("device_codes", 0)
        outcome.expect(begun <= FEW_DEVICE_CODES, f"{begun:,} device codes under way")
        others = sum(outcome.rows.values()) - begun - own_rows(outcome)
        outcome.expect(others <= FEW_ROWS, f"{others:,} further rows written: {outcome.rows}")
    return outcome


# 10: who can still sign in

GUESSES = 45
ADDRESS_FAILURES = 60


class Door:
    """Asks for tokens as anybody, from any address."""

    def __init__(self, server):
        self.server, self.person = server, server.people["honest"]
        self.url = f"{server.http}/{self.person['domain']}/oauth2/token"

    def ask(self, user, password, source, public=False):
        with requests.Session() as session:
            session.trust_env = False
            session.mount("http://", From(source))
            more = {"client_id": self.person["public_client_id"]} if public else {}
            start = time.monotonic()
            answer = session.post(self.url, data=form(self.person, user, password, **more), timeout=30)
            return answer.status_code, time.monotonic() - start

    def measured(self, user, source, outcome, kind="token"):
        """The right password. Whether it opened."""
        start = time.monotonic()
        status, seconds = self.ask(user, PASSWORD, source)
        outcome.answers.all.append(Answer(start, kind, seconds, "" if status == 200 else f"status {status}"))
        return status == 200


def shut_out(siege):
    outcome, server = Outcome("shut out", ""), siege.server("doors")
    with server.start():
        before = server.rows()
        door = Door(server)
        analyst, neighbour, colleague = door.person["users"]
        own = "127.0.0.1"
        for user in (analyst, neighbour):
            outcome.expect(door.measured(user, own, outcome), f"{user} cannot sign in in peace")

        # Guesses at one name, from anywhere: its own address still opens.
        anywhere = strangers(7)
        for number in range(GUESSES):
            door.ask(neighbour, f"guess {number}", next(anywhere), public=True)
        outcome.expect(door.measured(neighbour, own, outcome, "after guesses from anywhere"), f"{GUESSES} guesses from anywhere shut a user out of the own address")

        # One address fails again and again, at names that nobody has; others are behind it too.
        shared = "127.0.0.77"
        outcome.expect(door.measured(colleague, shared, outcome), "the colleague cannot sign in in peace")
        for number in range(ADDRESS_FAILURES):
            door.ask(f"nobody{number}@{door.person['domain']}", "x", shared, public=True)
        outcome.expect(door.measured(colleague, shared, outcome, "behind a failing address"), f"{ADDRESS_FAILURES} failures shut an address for a user who never failed")

        # A program goes on with last month's password, beside its user.
        opened = 0
        for number in range(30):
            door.ask(analyst, "last month's password", own)
            if number % 5 == 4:
                opened += door.measured(analyst, own, outcome, "beside an old password")
        outcome.expect(opened == 6, f"one job with an old password: its user signed in {opened} of 6 times")
        # And from elsewhere, as a job on another machine does.
        for number in range(30):
            door.ask(analyst, "last month's password", "127.0.0.78")
        outcome.expect(door.measured(analyst, own, outcome, "beside an old password elsewhere"), "a job elsewhere with an old password shuts its user out")
        outcome.sent = f"{GUESSES} guesses at a name, {ADDRESS_FAILURES} failures of an address, 60 times an old password"
        faults = outcome.answers.faults()
        outcome.notes.append("who still signs in: all" if not faults else f"who does not sign in: {', '.join(faults)}")
        outcome.rows = written(before, server.rows())
        siege.close(outcome, server)
    return outcome


def guessing_is_hopeless(siege):
    """The other side of it: from one address no more than a few guesses at a name are judged, and few at all names together."""
    outcome, server, guesses = Outcome("guessing", ""), siege.server("guessing"), 100 if siege.short else 500
    with server.start():
        door = Door(server)
        _, neighbour, colleague = door.person["users"]
        # The right password comes after so many wrong ones: whoever guesses it then must not know.
        for number in range(guesses):
            door.ask(neighbour, f"guess {number}", "127.0.0.90", public=True)
        status, _ = door.ask(neighbour, PASSWORD, "127.0.0.90", public=True)
        outcome.expect(status != 200, f"{guesses} guesses from one address, and the next one was judged")
        anywhere = strangers(11)
        for number in range(guesses):
            door.ask(colleague, f"guess {number}", next(anywhere), public=True)
        status, _ = door.ask(colleague, PASSWORD, next(anywhere), public=True)
        outcome.expect(status != 200, f"{guesses} guesses at one name from anywhere, and the next one was judged")
        outcome.sent = f"{guesses} guesses at a name from one address, {guesses} from anywhere"
        siege.close(outcome, server)
    return outcome
