"""A running `insightgate demo` and an HTTP client of it that is not the project's own.

The tests and the benchmark start the real binary through this. Nothing here waits for a time that should be enough: it waits for lines of
the child, or asks until an answer comes.
"""

import copy
import json
import os
import re
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import requests

from harness.waiting import LOOK_SECONDS, heard

START_SECONDS = 120
RUN_SECONDS = 120


class Demo:
    """Ends with the `with` block. `ready` is the ready file."""

    def __init__(self, binary, data_dir, *flags, http="127.0.0.1:0", https="127.0.0.1:0"):
        self.binary, self.data_dir = str(binary), Path(data_dir)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        ready_file = self.data_dir.parent / f"{self.data_dir.name}-ready.json"
        ready_file.unlink(missing_ok=True)
        command = [self.binary, "demo", "--http", http, "--https", https, "--data-dir", str(self.data_dir)]
        command += ["--ready-file", str(ready_file), *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.lines = []
        heard(self.process, self.lines, "ready:", START_SECONDS)
        if not ready_file.exists():
            self.kill()
            raise AssertionError("the demo did not start:\n" + "".join(self.lines))
        self.ready = json.loads(ready_file.read_text())
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = self.ready["ca_certificate"]
        self.token = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def kill(self):
        self.process.kill()
        self.process.wait(30)

    def serve(self, configuration, environment):
        """Stops the demo and runs `insightgate serve` over the same folder, at the same addresses. `configuration` is TOML."""
        self.stop()
        file = self.data_dir.parent / f"{self.data_dir.name}.toml"
        file.write_text(configuration)
        addresses = {f"INSIGHTGATE_SERVER_{scheme.upper()}": self.ready[scheme].split("://")[1] for scheme in ("http", "https")}
        environment = dict(os.environ) | environment | addresses
        self.process = subprocess.Popen([self.binary, "serve", "--config", str(file)], env=environment, stderr=subprocess.PIPE, text=True)
        self.lines = []
        heard(self.process, self.lines, "serving https", START_SECONDS)
        assert self.process.poll() is None, "".join(self.lines)
        self.token = None

    # Identity

    def ask_token(self, url=None, **changes):
        """The answer of the token endpoint to the documented form. A field given as None is left out."""
        form = {name: self.ready[name] for name in ("resource", "client_id", "client_secret", "username", "password")}
        form |= {"grant_type": "password", "scope": "openid"} | changes
        form = {name: value for name, value in form.items() if value is not None}
        return self.session.post(url or self.ready["token_url"], data=form)

    def sign_in(self):
        answer = self.ask_token()
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]
        return self.token

    def within(self, program, token=None):
        """The same server, asked for another program, or by another caller."""
        other = copy.copy(self)
        other.ready = self.ready | {"api": self.ready["api"].rpartition("/")[0] + f"/{program}"}
        other.token = token or self.token
        return other

    # API

    def call(self, method, path, *, token=None, **more):
        if token is None:
            token = self.token or self.sign_in()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} | more.pop("headers", {})
        return self.session.request(method, f"{self.ready['api']}/{path}", headers=headers, **more)

    def ok(self, method, path, **more):
        """The value of a successful answer."""
        answer = self.call(method, path, **more)
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()["value"]

    def datasets(self):
        return self.ok("GET", "ScheduledDataset")

    def create_query(self, text, name="a query"):
        return self.ok("POST", "ScheduledQueries", json={"Name": name, "Description": "end to end", "Query": text})[0]

    def preview(self, text, **more):
        return self.ok("GET", "ScheduledQueries/testQueryResult", params={"exportQuery": text, **more})

    def create_report(self, query_id, **fields):
        return self.ok("POST", "ScheduledReport", json={"ReportName": "a report", "QueryId": query_id, **fields})[0]

    def settled(self, report_id):
        """All executions of a report that have begun, once they are over. The one that waits for the next slot is not among them."""
        deadline = time.monotonic() + RUN_SECONDS
        filters = {"getLatestExecution": "false", "executionStatus": "Pending;Running;Completed;Failed"}
        while True:
            answer = self.call("GET", f"ScheduledReport/execution/{report_id}", params=filters)
            if answer.status_code == 404:
                return []
            assert answer.status_code == 200, answer.text
            found = [one for one in answer.json()["value"] if not (one["message"] or "").startswith("The run waits")]
            if not any(execution["executionStatus"] in ("Pending", "Running") for execution in found):
                return found
            assert lives_on(self.process, LOOK_SECONDS) and time.monotonic() < deadline, f"not finished: {found}"

    def run(self, query_id, **fields):
        """The completed execution of a report that runs at once."""
        report = self.create_report(query_id, ExecuteNow=True, **fields)
        found = self.settled(report["reportId"])
        assert [execution["executionStatus"] for execution in found] == ["Completed"], found
        return found[0]

    def download(self, link, **more):
        """Without a token: a link carries its own permission."""
        return self.session.get(link, **more)

    def export(self, text, **fields):
        """The bytes of a query's file."""
        execution = self.run(self.create_query(text)["queryId"], **fields)
        answer = self.download(execution["reportAccessSecureLink"])
        assert answer.status_code == 200, answer.text
        return answer.content

    # The sandbox's clock

    def now(self):
        return read_time(self.session.get(f"{self.ready['http']}/sandbox/v1/clock").json()["now"])

    def advance(self, duration):
        """Moves the clock and signs in again, since tokens live an hour."""
        seconds = int(duration.total_seconds())
        answer = self.session.post(f"{self.ready['http']}/sandbox/v1/clock", json={"advance": f"PT{seconds}S"})
        assert answer.status_code == 200, answer.text
        self.sign_in()
        return read_time(answer.json()["now"])

    # The machine's side

    def files(self, dataset, tenant=None):
        """A glob over the Parquet of one tenant, the demo's own unless said otherwise."""
        program = self.ready["api"].rpartition("/")[2]
        return str(self.data_dir / "data" / program / dataset / f"tenant={tenant or self.ready['tenant_id']}" / "**" / "*.parquet")

    def command(self, *arguments):
        return subprocess.run([self.binary, *arguments], capture_output=True, text=True, timeout=RUN_SECONDS)


def lives_on(process, seconds):
    """Whether the process has not ended within so long: what a loop waits for that asks whether it is ready, or how large it is."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def peak_kib(pid):
    """The most that the process has held so far; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def peak_kib_of(process, look):
    """The most that the process held until its end, looked at every so many seconds. Not what wait says: that counts the memory of this very program,
    which was there before the other took its place."""
    peak = 0
    while lives_on(process, look):
        peak = max(peak, peak_kib(process.pid))
    return peak


def read_time(text):
    return datetime.strptime(re.sub(r"\.\d+", "", text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def write_time(time_):
    return time_.strftime("%Y-%m-%dT%H:%M:%SZ")


def hours(count):
    return timedelta(hours=count)
