"""Several `insightgate serve` on one Postgres, each in a folder of its own, and a client of them that is not the project's own."""

import json
import os
import secrets
import subprocess
import time

import requests

from .demo import lives_on
from .ports import free_port

DOMAIN = "contoso.example"
USER = f"analyst@{DOMAIN}"
PASSWORD = "correct horse 7 battery"
LEGAL = {
    "companyLegalName": "Contoso Ltd",
    "addressLine1": "Karl Johans gate 1",
    "city": "Oslo",
    "postalCode": "0154",
    "countryRegion": "Norway",
    "primaryContactFirstName": "First",
    "primaryContactLastName": "Last",
    "primaryContactEmail": USER,
}
RESOURCE = "https://api.partnercenter.microsoft.com"
SECONDS = 120


class Process:
    """One server. It can be killed and started again."""

    def __init__(self, binary, folder, environment, *flags):
        self.binary, self.folder, self.flags = str(binary.resolve()), folder, flags
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        outer = {name: value for name, value in os.environ.items() if not name.startswith("INSIGHTGATE_")}
        self.environment = outer | environment | {"HOME": str(folder), "INSIGHTGATE_SERVER_HTTP": f"127.0.0.1:{self.port}"}
        self.log, self.process = folder / "log", None

    def start(self, wait=True):
        if not (self.folder / "insightgate.toml").exists():
            (self.folder / "insightgate.toml").write_text("")
        command = [self.binary, "serve", "--config", "insightgate.toml", *self.flags]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        if wait:
            self.wait()
        return self

    def wait(self):
        """Until it serves, or works if it serves nothing."""
        deadline = time.monotonic() + SECONDS
        while not self.is_up():
            assert lives_on(self.process, 0.02) and time.monotonic() < deadline, self.log.read_text()[-4000:]

    def is_up(self):
        if "--roles" in self.flags and "api" not in self.flags[-1]:
            return "working" in self.log.read_text()
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait(30)

    def stop(self, seconds=60):
        """Asked to end; its exit code."""
        self.process.terminate()
        return self.process.wait(seconds)


class Deployment:
    """Ends with the `with` block. The first process serves the operator's commands and is where links lead."""

    def __init__(self, binary, folder, database_url, count, *, roles=None, **settings):
        self.binary, self.folder = binary, folder
        self.rows = folder / "rows"
        self.environment = {
            "INSIGHTGATE_ENCRYPTION_KEY": secrets.token_hex(32),
            "INSIGHTGATE_DATA_DATABASE_URL": database_url,
            "INSIGHTGATE_DATA_FOLDER": "data",
            "INSIGHTGATE_DATA_ROOT": str(self.rows),
            "INSIGHTGATE_ARTIFACTS_ROOT": str(folder / "artifacts"),
            "INSIGHTGATE_SERVER_HTTPS": "",
            "INSIGHTGATE_REPORTS_QUOTAS": "false",
            "INSIGHTGATE_REPORTS_START_LEAD_HOURS": "0",
            "INSIGHTGATE_ENGINE_THREADS": "2",
        } | {name: str(value) for name, value in settings.items()}
        roles = roles or [None] * count
        flags = [("--roles", role) if role else () for role in roles]
        self.processes = [Process(binary, folder / f"process-{place}", self.environment, *flags[place]) for place in range(count)]
        self.first = self.processes[0]
        for process in self.processes:
            process.environment["INSIGHTGATE_SERVER_PUBLIC_URL"] = self.first.url
        self.session = requests.Session()
        self.session.trust_env = False

    def start(self):
        self.rows.mkdir(parents=True, exist_ok=True)
        self.command("init", "--operator-file", "operator.json")
        # All at once: one of them makes the tables and keys that the others use.
        for process in self.processes:
            process.start(wait=False)
        for process in self.processes:
            process.wait()
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        for process in self.processes:
            if process.process and process.process.poll() is None:
                process.kill()

    def command(self, *arguments, stdin=""):
        command = [self.first.binary, *arguments]
        environment = self.first.environment | {"INSIGHTGATE_PROFILE": "" if arguments[0] == "init" else "operator.json"}
        ran = subprocess.run(command, cwd=self.first.folder, env=environment, input=stdin, capture_output=True, text=True, timeout=SECONDS)
        assert ran.returncode == 0, f"{arguments}: {ran.stderr}"
        return ran.stdout

    def json(self, *arguments, **more):
        return json.loads(self.command(*arguments, "--json", **more))

    def partner(self):
        """An organisation with all that its analyst needs."""
        (self.first.folder / "contoso.json").write_text(json.dumps(LEGAL))
        enrolled = self.json("tenant", "enroll", DOMAIN, "--profile-file", "contoso.json", "--global-account-id", "1001234")
        self.take_in(enrolled["verificationCode"])
        self.tenant = enrolled["id"]
        return self.tenant

    def take_in(self, code):
        """Accepts the enrolled organisation by its contact's code, and gives it an analyst and an application."""
        within = ("--tenant", DOMAIN)
        self.command("tenant", "verify", DOMAIN, "--code", code)
        self.command("tenant", "activate", DOMAIN)
        self.command("user", "add", USER, "--display-name", "Report analyst", "--password-stdin", *within, stdin=f"{PASSWORD}\n")
        application = self.json("app", "register", "Reports", *within)
        secret = self.json("app", "secret", "add", "Reports", "--description", "x", *within)
        self.command("app", "permission", "add", "Reports", "user_impersonation", *within)
        self.command("app", "consent", "grant", "Reports", "user_impersonation", *within)
        self.command("role", "assign", USER, "executive_report_viewer", *within)
        self.form = {"client_id": application["id"], "client_secret": secret["secret"], "username": USER, "password": PASSWORD}

    def token(self, process=None):
        form = {"grant_type": "password", "resource": RESOURCE, "scope": "openid"} | self.form
        answer = self.session.post(f"{(process or self.first).url}/{DOMAIN}/oauth2/token", data=form, timeout=SECONDS)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def call(self, method, path, token, process=None, **more):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        url = f"{(process or self.first).url}/insights/v1/mpn/{path}"
        return self.session.request(method, url, headers=headers, timeout=SECONDS, **more)

    def ok(self, method, path, token, process=None, **more):
        answer = self.call(method, path, token, process, **more)
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()["value"]
