"""The honest caller: a steady ten requests a second of a partner's day, each with its time, in a process of its own.

Requests go out when their time has come, whether or not those before them were answered: a server that stands still is seen by all of them.
"""

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .server import PASSWORD, RESOURCE

A_SECOND = 10
# Whoever waits longer has no answer.
PATIENCE = 5
# A report of three groups that took longer is none to wait for.
REPORT_PATIENCE = 10
POLL_SECONDS = 0.1
QUERY = "SELECT Region, Total FROM Sales TIMESPAN LIFETIME"
DAY = ("preview", "datasets", "token", "preview", "report", "datasets", "preview", "download", "datasets", "preview")
# What needs neither the data nor a worker.
SIGN_INS = ("token", "datasets", "token", "health", "token")
READING = ("preview", "datasets", "token", "preview")
START_SECONDS = 60

# New processes, not copies: a copy would share locks and sockets with the threads of this one.
processes = multiprocessing.get_context("spawn")


@dataclass
class Answer:
    at: float
    kind: str
    seconds: float
    # What was wrong, or nothing.
    fault: str = ""


@dataclass
class Answers:
    """Of a stretch of time."""

    all: list = field(default_factory=list)

    def between(self, start, end):
        return Answers([answer for answer in self.all if start <= answer.at < end])

    def requests(self):
        return [answer for answer in self.all if answer.kind != "ready"]

    def share(self):
        asked = self.requests()
        return sum(not answer.fault for answer in asked) / len(asked) if asked else 0.0

    def quantile(self, share):
        """Of what was answered: what was not is told by `share`."""
        times = sorted(answer.seconds for answer in self.requests() if not answer.fault)
        return times[min(len(times) - 1, int(len(times) * share))] if times else float("inf")

    def ready(self):
        """Seconds from the order of a report to its file, for those that were ordered; infinite where it never came."""
        return [float("inf") if answer.fault else answer.seconds for answer in self.all if answer.kind == "ready"]

    def faults(self):
        """How often each fault was, by kind of request."""
        found = {}
        for answer in self.all:
            if answer.fault:
                key = f"{answer.kind}: {answer.fault}"
                found[key] = found.get(key, 0) + 1
        return found


class Honest:
    """Asks from the start of the `with` block to its end; then `answers` has all of them."""

    def __init__(self, server, mix=DAY, scheme="https", user=0, role="honest", address=None):
        base = server.https if scheme == "https" else server.http
        person = server.people[role]
        self.order = {"base": base, "ca": server.ca, "person": person, "user": person["users"][user], "mix": mix, "address": address}
        self.answers = Answers()

    def __enter__(self):
        self.over, started = processes.Event(), processes.Event()
        self.pipe, other = processes.Pipe(duplex=False)
        self.process = processes.Process(target=ask_on, args=(self.order, started, self.over, other), daemon=True)
        self.process.start()
        other.close()
        assert started.wait(START_SECONDS), "the honest caller was not answered in peace"
        return self

    def __exit__(self, *_):
        self.over.set()
        if self.pipe.poll(REPORT_PATIENCE + 3 * PATIENCE):
            self.answers = Answers(self.pipe.recv())
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()


def ask_on(order, started, over, pipe):
    caller = Caller(**order)
    caller.begin()
    started.set()
    # Enough for all that may be under way at once: each lives for so long at the most.
    with ThreadPoolExecutor(A_SECOND * PATIENCE + REPORT_PATIENCE) as pool:
        begun, count = time.monotonic(), 0
        while not over.wait(max(0, begun + count / A_SECOND - time.monotonic())):
            pool.submit(caller.one, order["mix"][count % len(order["mix"])])
            count += 1
    pipe.send(caller.answers)
    pipe.close()


class Caller:
    def __init__(self, base, ca, person, user, mix, address):
        self.base, self.ca, self.person, self.user, self.mix, self.address = base, ca, person, user, mix, address
        self.answers, self.kept, self.token, self.link, self.query = [], threading.local(), None, None, None

    def session(self, fresh=False):
        """Its thread's own, whose connection is kept, or a new one."""
        import requests
        from requests.adapters import HTTPAdapter

        session = None if fresh else getattr(self.kept, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env, session.verify = False, self.ca
            if self.address:
                session.mount("https://", From(self.address))
                session.mount("http://", From(self.address))
            else:
                session.mount("https://", HTTPAdapter(pool_maxsize=1))
            if not fresh:
                self.kept.session = session
        return session

    def begin(self):
        """What a day has before it starts: a token, a query and, where reports are part of it, a first file. Not measured."""
        deadline = time.monotonic() + START_SECONDS
        while not self.token and time.monotonic() < deadline:
            self.ask_token()
        if "report" in self.mix or "download" in self.mix:
            body = {"Name": "honest", "Description": "d", "Query": QUERY}
            answer = self.send("order", "POST", "ScheduledQueries", json=body)
            self.query = answer.json()["value"][0]["queryId"]
            while not self.link and time.monotonic() < deadline:
                self.report()
        self.answers.clear()

    def one(self, kind):
        try:
            getattr(self, {"token": "ask_token"}.get(kind, kind))()
        except Exception as error:  # Whatever it is, it is told: a thread that ends silently would count as an answer.
            self.answers.append(Answer(time.monotonic(), kind, 0.0, f"caller: {error!r:.100}"))

    def measured(self, kind, method, url, fresh=False, expected=(200,), **more):
        """The answer, or None; either way it is noted."""
        import requests

        start, fault, answer = time.monotonic(), "", None
        session = self.session(fresh)
        try:
            answer = session.request(method, url, timeout=PATIENCE, **more)
            if answer.status_code not in expected:
                fault, answer = f"status {answer.status_code}", None
        except requests.Timeout:
            fault = "no answer"
        except requests.RequestException as error:
            fault = type(error).__name__
        finally:
            if fresh:
                session.close()
        self.answers.append(Answer(start, kind, time.monotonic() - start, fault))
        return answer

    def send(self, kind, method, path, **more):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return self.measured(kind, method, f"{self.base}/insights/v1/mpn/{path}", headers=headers, **more)

    def ask_token(self):
        """Always by a connection of its own, as programs do that run once a day."""
        form = {"grant_type": "password", "resource": RESOURCE, "scope": "openid", "username": self.user, "password": PASSWORD}
        form |= {name: self.person[name] for name in ("client_id", "client_secret")}
        url = f"{self.base}/{self.person['domain']}/oauth2/token"
        if answer := self.measured("token", "POST", url, fresh=True, data=form):
            self.token = answer.json()["access_token"]

    def health(self):
        self.measured("health", "GET", f"{self.base}/healthz")
        self.measured("readyz", "GET", f"{self.base}/readyz")

    def datasets(self):
        self.send("datasets", "GET", "ScheduledDataset")

    def preview(self):
        answer = self.send("preview", "GET", "ScheduledQueries/testQueryResult", params={"exportQuery": QUERY})
        if answer and len(answer.json()["value"]) != 3:
            self.answers.append(Answer(time.monotonic(), "preview", 0.0, "not the right rows"))

    def download(self):
        self.measured("download", "GET", self.link.replace(self.link.split("/artifacts/")[0], self.base))

    def report(self):
        """From the order to the file."""
        start, link = time.monotonic(), None
        body = {"ReportName": "honest", "QueryId": self.query, "ExecuteNow": True}
        if answer := self.send("order", "POST", "ScheduledReport", json=body):
            link = self.wait_for(answer.json()["value"][0]["reportId"], start)
        if link:
            self.link = link
            self.download()
        self.answers.append(Answer(start, "ready", time.monotonic() - start, "" if link else "no file"))

    def wait_for(self, report, start):
        pause = threading.Event()
        while time.monotonic() < start + REPORT_PATIENCE:
            # No run that has ended yet is a 404, as the documents have it.
            answer = self.send("poll", "GET", f"ScheduledReport/execution/{report}", expected=(200, 404))
            if answer is not None and answer.status_code == 200 and answer.json()["value"][0]["reportAccessSecureLink"]:
                return answer.json()["value"][0]["reportAccessSecureLink"]
            pause.wait(POLL_SECONDS)
        return None


def From(address):
    """A transport whose connections come from this address."""
    from requests.adapters import HTTPAdapter

    class Bound(HTTPAdapter):
        def init_poolmanager(self, *arguments, **more):
            super().init_poolmanager(*arguments, source_address=(address, 0), **more)

    return Bound()
