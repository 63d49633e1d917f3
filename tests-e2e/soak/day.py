"""`insightgate serve` in real time, with everybody who comes on a day: callers, schedules, callbacks, programs, those who break off, and the operator."""

import json
import re
import signal
import subprocess
from collections import Counter
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone

import requests

from harness.demo import read_time, write_time
from harness.ports import free_port
from harness.receiver import Receiver
from harness.waiting import eventually
from siege import rows
from siege.attackers import connect, port_of
from siege.honest import DAY, PASSWORD, PATIENCE, QUERY, START_SECONDS, Caller, Honest
from siege.outcome import LEAST_SHARE, milliseconds
from siege.server import COMMAND_SECONDS, Server

from .samples import Samples

ROLES = ("honest", "attacker")
# From the request for a scheduled report to its first slot, and how long it may then take until its receiver knows.
AHEAD_SECONDS, CALLBACK_SECONDS = 3, 30
# Reports are deleted when they are so old.
KEPT_SECONDS = 60
BAD_ANSWERS = re.compile(r'^insightgate_http_requests_total\{.*status="5\d\d".*\} (\d+)', re.MULTILINE)


class Day:
    """Ends with the `with` block. `name`, `samples`, `faults()` and `notes()` are what is asked of it; the latter two once it has ended."""

    name = "serve, in real time"

    def __init__(self, binary, folder, chores):
        self.chores, self.asked, self.hsts, self.honest = chores, [], 0, []
        address = f"127.0.0.1:{free_port()}"
        self.watched = f"http://{address}"
        self.server = Server(binary, folder, telemetry_address=address, callbacks_allowed_networks="127.0.0.0/8", log_format="json")

    def __enter__(self):
        with ExitStack() as stack:
            server = stack.enter_context(self.server)
            server.prepare()
            server.start()
            server.take_in()
            for role in ROLES:
                rows.sales(server, role)
            self.samples = Samples(server.process.pid, server.data)
            self.receiver = stack.enter_context(Receiver())
            # The first users ask as the honest caller does; here are the second ones, who schedule, and the first again, who tidy up.
            self.asking = stack.enter_context(ExitStack())
            self.honest = [self.asking.enter_context(Honest(server, DAY, role=role)) for role in ROLES]
            self.schedulers = [self.caller(role, 1) for role in ROLES]
            self.everybody = [*self.schedulers, *(self.caller(role, 0) for role in ROLES)]
            self.stack = stack.pop_all()
        every = self.chores.every
        every(5, "schedules", self.schedule)
        every(10, "deletions", self.delete_old)
        every(2, "clients that break off", self.break_off)
        every(10, "scrapes", self.scrape)
        every(15, "reloads", self.reload)
        every(30, "exports", self.export)
        every(120, "key rotations", lambda: self.server.command("keys", "rotate"))
        every(600, "renewed tokens", lambda: [caller.ask_token() for caller in self.everybody])
        return self

    def caller(self, role, user):
        """Signed in, with a query to schedule and a link to a file, however long that takes on a busy machine."""
        person = self.server.people[role]
        caller = Caller(self.server.https, self.server.ca, person, person["users"][user], DAY, None)

        def begun():
            try:
                caller.begin()
            except AttributeError:
                # There was no answer in time.
                return False
            return caller.link is not None

        eventually(begun, START_SECONDS)
        return caller

    def __exit__(self, *_):
        self.stack.close()

    def last_words(self):
        return self.server.last_words()

    def quiet(self):
        """The callers go home, the last callbacks arrive, and the server ends as it does when it is asked to."""
        self.asking.close()
        self.missing = []
        told = lambda: {request["line"].rpartition("/")[2] for request in self.receiver.received}
        due = set(self.asked)
        try:
            eventually(lambda: due <= told(), AHEAD_SECONDS + CALLBACK_SECONDS)
        except AssertionError:
            self.missing = sorted(due - told())
        for caller in self.everybody:
            caller.kept = None
        self.counts = requests.get(f"{self.watched}/metrics", timeout=PATIENCE).text
        self.samples.rest()
        self.server.stop()

    # What is done again and again

    def schedule(self):
        """A report whose first slot is in a moment, and whose receiver is told."""
        caller = self.schedulers[len(self.asked) % len(ROLES)]
        start = datetime.now(timezone.utc) + timedelta(seconds=AHEAD_SECONDS)
        body = {"ReportName": "scheduled", "QueryId": caller.query, "StartTime": write_time(start), "RecurrenceInterval": 4}
        answer = caller.send("schedule", "POST", "ScheduledReport", json=body | {"CallbackUrl": f"{self.receiver.url}/done"})
        assert answer, caller.answers[-1]
        self.asked.append(answer.json()["value"][0]["reportId"])

    def delete_old(self):
        old = datetime.now(timezone.utc) - timedelta(seconds=KEPT_SECONDS)
        for caller in self.everybody:
            answer = caller.send("list", "GET", "ScheduledReport", expected=(200, 404))
            assert answer is not None, caller.answers[-1]
            for report in answer.json()["value"] if answer.status_code == 200 else []:
                if read_time(report["createdTime"]) < old:
                    deleted = caller.send("delete", "DELETE", f"ScheduledReport/{report['reportId']}")
                    assert deleted, caller.answers[-1]

    def break_off(self):
        """A refused token, a wrong secret, a download that is left in its middle, and a request that ends within its head."""
        caller, base = self.schedulers[0], self.server.https
        refused = {"headers": {"Authorization": "Bearer nothing"}, "verify": self.server.ca, "timeout": PATIENCE}
        assert requests.get(f"{base}/insights/v1/mpn/ScheduledDataset", **refused).status_code == 401
        form = {"grant_type": "client_credentials", "client_id": caller.person["client_id"], "client_secret": "wrong"}
        wrong = requests.post(f"{base}/{caller.person['domain']}/oauth2/token", data=form, verify=self.server.ca, timeout=PATIENCE)
        assert wrong.status_code in (400, 401), wrong.text
        with requests.get(caller.link, stream=True, verify=self.server.ca, timeout=PATIENCE) as left:
            # The file may have been deleted with its report.
            assert left.status_code in (200, 404), left.text
            next(left.iter_content(10))
        with connect(port_of(self.server.http), "127.0.0.1") as plain:
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: loc")

    def scrape(self):
        text = requests.get(f"{self.watched}/metrics", timeout=PATIENCE).text
        assert "insightgate_background_stuck" in text
        assert requests.get(f"{self.watched}/readyz", timeout=PATIENCE).status_code == 200

    def reload(self):
        self.hsts = 60 if self.hsts == 0 else 0
        (self.server.folder / "insightgate.toml").write_text(f"[server]\nhsts_seconds = {self.hsts}\n")
        self.server.process.send_signal(signal.SIGHUP)
        held = lambda: requests.get(f"{self.server.https}/healthz", verify=self.server.ca, timeout=PATIENCE).headers.get("Strict-Transport-Security")
        eventually(lambda: (held() is not None) == (self.hsts > 0))

    def export(self):
        """A program that comes, signs in, exports and goes."""
        person = self.server.people["honest"]
        own = {"ENDPOINT": self.server.https, "AUTHORITY": f"{self.server.https}/{person['domain']}", "CA_CERTIFICATE": self.server.ca}
        own |= {"USERNAME": person["users"][2], "PASSWORD": PASSWORD, "CLIENT_ID": person["client_id"], "CLIENT_SECRET": person["client_secret"]}
        environment = self.server.environment | {f"INSIGHTGATE_{name}": value for name, value in own.items()}
        command = [self.server.binary, "export", QUERY, "-o", "exported.csv", "--force"]
        ran = subprocess.run(command, cwd=self.server.folder, env=environment, capture_output=True, text=True, timeout=COMMAND_SECONDS)
        assert ran.returncode == 0, ran.stderr[-500:]
        assert len((self.server.folder / "exported.csv").read_text().splitlines()) == 4

    # What came of it

    def faults(self):
        found = []
        for role, honest in zip(ROLES, self.honest):
            if honest.answers.share() < LEAST_SHARE:
                found.append(f"{honest.answers.share():.1%} of the requests of {role} were answered: {honest.answers.faults()}")
        if self.missing:
            found.append(f"{len(self.missing)} of {len(self.asked)} schedules made no callback")
        if bad := sum(int(count) for count in BAD_ANSWERS.findall(self.counts)):
            found.append(f"{bad} answers of 5xx")
        if self.server.process.returncode != 0:
            found.append(f"the server ended with {self.server.process.returncode}")
        levels, errors = self.log()
        found += [f"the log: {line:.600}" for line in errors[:10]]
        return found

    def log(self):
        """How many lines there are of each level, and those that tell of errors."""
        levels, errors = Counter(), []
        for line in self.server.log.read_text(errors="replace").splitlines():
            level = json.loads(line)["level"] if line.startswith("{") else "other"
            levels[level] += 1
            if level == "ERROR" or "panicked" in line:
                errors.append(line)
        return levels, errors

    def notes(self):
        levels, _ = self.log()
        told = [f"lines of the log: {dict(levels)}", f"{len(self.asked)} schedules, {len(self.receiver.received)} callbacks"]
        for role, honest in zip(ROLES, self.honest):
            answers = honest.answers
            times = ", ".join(f"p{share} {milliseconds(answers.quantile(share / 100))} ms" for share in (50, 99))
            told.append(f"{len(answers.requests()):,} requests of {role}, {answers.share():.2%} answered, {times}, {answers.faults()}")
        return told
