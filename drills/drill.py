"""What all drills have: a folder that goes again, the program, a server on the loopback, and words for whoever watches. Python's own library is enough.

A drill tells each thing that it does and what it saw, as `$` for a command and `>` for a request. It ends with 1 at the first thing that does not hold.
"""

import http.client
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCES / "tests-e2e"))
from harness.ports import free_port  # noqa: E402
from harness.waiting import eventually  # noqa: E402

# A guard against hanging, and no measure of anything.
PATIENCE = 60
RESOURCE = "https://api.partnercenter.microsoft.com"
QUERY = "SELECT CustomerName, TotalRevenue FROM CustomersAndTenants TIMESPAN LIFETIME"
# Of a second partner.
PROFILE = {
    "companyLegalName": "Fabrikam Ltd",
    "addressLine1": "Karl Johans gate 1",
    "city": "Oslo",
    "postalCode": "0154",
    "countryRegion": "Norway",
    "primaryContactFirstName": "Ana",
    "primaryContactLastName": "Lind",
    "primaryContactEmail": "ana@fabrikam.example",
}


class Failed(Exception):
    """What should hold, and does not."""


class Answer:
    """Of a request, whatever its status."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def value(self):
        return self.json["value"]


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirects)


class Drill:
    """`with Drill("what is tried") as drill:`. At the end every process is over, and the folder is gone."""

    def __init__(self, about):
        self.about, self.processes, self.count, self.ready = about, [], 0, None
        program = os.environ.get("INSIGHTGATE_BIN") or shutil.which("insightgate")
        if not program:
            sys.exit("INSIGHTGATE_BIN names the program that is tried, or it lies on the path")
        self.program = str(Path(program).resolve())

    def __enter__(self):
        print(f"{self.about}\n", flush=True)
        self.begun = time.monotonic()
        self.folder = Path(tempfile.mkdtemp(prefix="insightgate-drill-"))
        # Nothing of whoever runs this comes in, and nothing of the drill goes to them.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("INSIGHTGATE_", "AWS_", "AZURE_", "GOOGLE_"))}
        home = {"HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder / "config"), "XDG_CACHE_HOME": str(self.folder / "cache")}
        self.environment = kept | home
        return self

    def __exit__(self, kind, failure, _):
        for process in self.processes:
            self.end(process)
        said = self.last_words() if kind else ""
        shutil.rmtree(self.folder, ignore_errors=True)
        if kind is Failed:
            print(f"   FAILED: {failure}\n{said}", flush=True)
            sys.exit(1)
        if kind is None:
            print(f"\nall of it held, in {time.monotonic() - self.begun:.1f} s", flush=True)

    # What whoever watches reads

    def step(self, what):
        self.count += 1
        print(f"{self.count}. {what}", flush=True)

    def saw(self, *words):
        """What came back, in at most two lines a text."""
        for text in words:
            for line in str(text).strip().splitlines()[:2]:
                print(f"     {line[:180]}", flush=True)

    def expect(self, holds, what):
        if not holds:
            raise Failed(f"{what}: this does not hold")
        print(f"   ok: {what}", flush=True)

    def until(self, question, what):
        """Asks until the answer is true, and gives it."""
        try:
            answer = eventually(question, PATIENCE)
        except AssertionError:
            raise Failed(f"{what}: this did not come true within {PATIENCE} s") from None
        print(f"   ok: {what}", flush=True)
        return answer

    # The program

    def run(self, *arguments, ends_with=0, quiet=False, stdin="", **environment):
        """Its output and what it says on stderr, once its exit code is the expected one."""
        if not quiet:
            print(f"   $ insightgate {shlex.join(map(str, arguments))}", flush=True)
        command = [self.program, *map(str, arguments)]
        settings = self.environment | {name: str(value) for name, value in environment.items()}
        ran = subprocess.run(command, cwd=self.folder, env=settings, input=stdin, capture_output=True, text=True, timeout=PATIENCE)
        if ran.returncode != ends_with:
            raise Failed(f"it ended with {ran.returncode}, not with {ends_with}:\n{ran.stdout[-1000:]}{ran.stderr[-1000:]}")
        return ran

    def json(self, *arguments, **more):
        return json.loads(self.run(*arguments, "--json", **more).stdout)

    def start(self, *arguments, log="log", **environment):
        """A process that goes on; what it says is in a file of the folder."""
        print(f"   $ insightgate {shlex.join(map(str, arguments))} &", flush=True)
        settings = self.environment | {name: str(value) for name, value in environment.items()}
        with open(self.folder / log, "ab") as said:
            process = subprocess.Popen([self.program, *map(str, arguments)], cwd=self.folder, env=settings, stdout=said, stderr=said)
        self.processes.append(process)
        return process

    def end(self, process):
        """Asks it to end, as a service manager does, and gives its exit code."""
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return process.returncode

    def last_words(self):
        said = [path.read_text(errors="replace")[-1500:] for path in self.folder.glob("log*")]
        return "\n".join(said)

    def log(self, name="log"):
        return (self.folder / name).read_text(errors="replace")

    def answers(self, process, url):
        if process.poll() is not None:
            raise Failed(f"it ended with {process.returncode}")
        return self.get(url, quiet=True).status == 200

    def demo(self, *flags):
        """A partner with an analyst, an application, rows, and a server of its own. `ready` says how to reach it."""
        ready = self.folder / "ready.json"
        flags = ("--rows", "60", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--data-dir", "data", "--ready-file", "ready.json", *flags)
        process = self.start("demo", *flags)
        self.until(lambda: ready.exists() or process.poll() is not None, "it answers")
        self.ready = json.loads(ready.read_text())
        self.url, self.environment["INSIGHTGATE_PROFILE"] = self.ready["http"], "ready.json"
        return process

    def serve(self, configuration="", *flags, **settings):
        """A service, as a configuration file describes it: over the data of the demo before it and at its addresses, if there was one. Settings are variables."""
        addresses = [self.ready[scheme].partition("://")[2] for scheme in ("http", "https")] if self.ready else [f"127.0.0.1:{free_port()}", ""]
        self.url = f"http://{addresses[0]}"
        (self.folder / "insightgate.toml").write_text(configuration)
        own = {"INSIGHTGATE_DATA_FOLDER": "data", "INSIGHTGATE_SERVER_HTTP": addresses[0], "INSIGHTGATE_SERVER_HTTPS": addresses[1]}
        own |= {f"INSIGHTGATE_{name.upper()}": value for name, value in settings.items()}
        process = self.start("serve", "--config", "insightgate.toml", *flags, **own)
        looked_at = f"http://{settings['telemetry_address']}" if flags and "telemetry_address" in settings else self.url
        self.until(lambda: self.answers(process, f"{looked_at}/readyz"), "it is ready")
        return process

    # Requests

    def request(self, method, url, body=None, headers=(), quiet=False):
        url = url if url.startswith("http") else f"{self.url}{url}"
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        headers = ({"Content-Type": "application/json"} if isinstance(body, (dict, list)) else {}) | dict(headers)
        asked = urllib.request.Request(url, data=data, method=method, headers=headers)
        try:
            with OPENER.open(asked, timeout=PATIENCE) as answer:
                got = Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            got = Answer(error.code, error.headers, error.read())
        except (OSError, http.client.HTTPException) as error:
            got = Answer(0, {}, str(error).encode())
        if not quiet:
            # What is after a question mark may be a secret.
            print(f"   > {method} {urllib.parse.urlsplit(url).path} -> {got.status or 'no answer'}", flush=True)
        return got

    def get(self, url, **more):
        return self.request("GET", url, **more)

    def ask_token(self, **changes):
        form = {name: self.ready[name] for name in ("client_id", "client_secret", "username", "password")}
        form |= {"grant_type": "password", "resource": RESOURCE, "scope": "openid"} | changes
        data = urllib.parse.urlencode({name: value for name, value in form.items() if value is not None}).encode()
        return self.request("POST", f"/{self.ready['tenant_id']}/oauth2/token", body=data)

    def token(self, **changes):
        answer = self.ask_token(**changes)
        if answer.status != 200:
            raise Failed(f"there is no token: {answer.text}")
        return answer.json["access_token"]

    def call(self, method, path, body=None, token=None, headers=(), quiet=False):
        """A call of the Insights API by the analyst."""
        if token is None:
            token = self.kept = getattr(self, "kept", None) or self.token()
        asked = {"Authorization": f"Bearer {token}"} | dict(headers)
        return self.request(method, f"/insights/v1/mpn/{path}", body, asked, quiet)

    def order(self, query=QUERY, **fields):
        """A report that runs at once; its id."""
        saved = self.call("POST", "ScheduledQueries", {"Name": "drill", "Description": "d", "Query": query})
        if saved.status != 200:
            raise Failed(f"the query was not accepted: {saved.text}")
        body = {"ReportName": "drill", "QueryId": saved.value[0]["queryId"], "ExecuteNow": True} | fields
        answer = self.call("POST", "ScheduledReport", body)
        if answer.status != 200:
            raise Failed(f"the report was not accepted: {answer.text}")
        return answer.value[0]["reportId"]

    def finished(self, report):
        """The execution of a report, once its file is there."""

        def look():
            answer = self.call("GET", f"ScheduledReport/execution/{report}", quiet=True)
            return answer.status == 200 and answer.value[0]["executionStatus"] == "Completed" and answer.value[0]

        return self.until(look, "the report is completed")

    def link(self, execution):
        """The address of a file, at the server's plain listener: it is the drill's own machine."""
        parts = urllib.parse.urlsplit(execution["reportAccessSecureLink"])
        return f"{self.url}{parts.path}?{parts.query}"
