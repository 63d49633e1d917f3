"""The server under attack: `insightgate serve` with two organisations, its memory, and the rows of its database."""

import json
import os
import shutil
import sqlite3
import subprocess
import threading
import time

import requests

from harness.demo import lives_on
from harness.deployment import LEGAL
from harness.ports import free_port

START_SECONDS = 120
COMMAND_SECONDS = 120
RESOURCE = "https://api.partnercenter.microsoft.com"
PASSWORD = "correct horse 7 battery"
# By the names that the attacks give them: who must be answered, and who is at fault or not known at all.
DOMAINS = {"honest": "contoso.example", "attacker": "fabrikam.example"}
USERS = ["analyst", "neighbour", "colleague"]
DEFINITION = """
name = "{name}"
program = "mpn"
date_column = "Day"
columns = [
  {{ name = "Id", type = "int64" }},
  {{ name = "Region", type = "string" }},
  {{ name = "One", type = "string" }},
  {{ name = "Two", type = "string" }},
  {{ name = "Three", type = "string" }},
  {{ name = "Amount", type = "decimal(18,2)" }},
  {{ name = "Day", type = "date" }},
]
metrics = [{{ name = "Total", expression = "SUM(Amount)" }}]
"""
# How often the memory of the server is looked at.
MEMORY_SECONDS = 0.1


class Server:
    """Ends with the `with` block. `people` says who may sign in, once `take_in` or `people.json` of a copied folder has told."""

    def __init__(self, binary, folder, environment=(), **settings):
        self.binary, self.folder = str(binary.resolve()), folder
        folder.mkdir(parents=True, exist_ok=True)
        self.http, self.https = (f"{scheme}://127.0.0.1:{free_port()}" for scheme in ("http", "https"))
        outer = {name: value for name, value in os.environ.items() if not name.startswith("INSIGHTGATE_")}
        self.environment = outer | dict(environment) | {
            "HOME": str(folder),
            "INSIGHTGATE_SERVER_HTTP": self.http.split("://")[1],
            "INSIGHTGATE_SERVER_HTTPS": self.https.split("://")[1],
            "INSIGHTGATE_SERVER_PUBLIC_URL": self.https,
            "INSIGHTGATE_REPORTS_QUOTAS": "false",
            "INSIGHTGATE_REPORTS_START_LEAD_HOURS": "0",
            # A poll that is held would look like a slow one.
            "INSIGHTGATE_REPORTS_HOLD_POLL_SECONDS": "0",
            "INSIGHTGATE_LOG": "info",
        } | {f"INSIGHTGATE_{name.upper()}": str(value) for name, value in settings.items()}
        self.data = folder / "insightgate-data"
        self.ca = str(self.data / "tls" / "ca.pem")
        self.log, self.process, self.memory = folder / "log", None, Memory()
        people = folder / "people.json"
        self.people = json.loads(people.read_text()) if people.exists() else {}

    # Its life

    def start(self, wait=True):
        with open(self.log, "ab") as log:
            command = [self.binary, "serve", "--config", "insightgate.toml"]
            self.process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        if wait:
            self.wait()
        self.memory.watch(self.process.pid)
        return self

    def wait(self):
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            assert lives_on(self.process, 0.02) and time.monotonic() < deadline, self.last_words()

    def is_ready(self):
        try:
            return requests.get(f"{self.http}/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def is_alive(self):
        return self.process.poll() is None

    def last_words(self):
        return self.log.read_text(errors="replace")[-3000:]

    def kill(self):
        self.process.kill()
        self.process.wait(30)

    def stop(self):
        self.memory.end()
        if self.process and self.is_alive():
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.memory.end()
        if self.process and self.is_alive():
            # What lasts longer than the attack is of no interest.
            self.kill()

    # Its people

    def command(self, *arguments, stdin=""):
        environment = self.environment | {"INSIGHTGATE_PROFILE": "" if arguments[0] == "init" else "operator.json"}
        ran = subprocess.run(
            [self.binary, *arguments], cwd=self.folder, env=environment, input=stdin, capture_output=True, text=True, timeout=COMMAND_SECONDS
        )
        assert ran.returncode == 0, f"{arguments}: {ran.stderr[-2000:]}"
        return ran.stdout

    def json(self, *arguments, **more):
        return json.loads(self.command(*arguments, "--json", **more))

    def prepare(self):
        """Everything before the first start."""
        # Every setting comes by the environment.
        (self.folder / "insightgate.toml").write_text("")
        self.command("init", "--operator-file", "operator.json")
        definitions = self.data / "datasets" / "mpn"
        definitions.mkdir(parents=True, exist_ok=True)
        for name in ("Sales", "Big"):
            (definitions / f"{name}.toml").write_text(DEFINITION.format(name=name))

    def take_in(self):
        """Both organisations, each with three users, an application that proves itself and one that cannot."""
        people = {role: self._organisation(number, domain) for number, (role, domain) in enumerate(DOMAINS.items())}
        operator = json.loads((self.folder / "operator.json").read_text())
        self.people = people | {"operator": operator}
        (self.folder / "people.json").write_text(json.dumps(self.people))

    def _organisation(self, number, domain):
        profile = LEGAL | {"primaryContactEmail": f"analyst@{domain}"}
        (self.folder / "profile.json").write_text(json.dumps(profile))
        enrolled = self.json("tenant", "enroll", domain, "--profile-file", "profile.json", "--global-account-id", f"100123{number}")
        within = ("--tenant", domain)
        self.command("tenant", "verify", domain, "--code", enrolled["verificationCode"])
        self.command("tenant", "activate", domain)
        for name in USERS:
            user = f"{name}@{domain}"
            self.command("user", "add", user, "--display-name", name, "--password-stdin", *within, stdin=f"{PASSWORD}\n")
            self.command("role", "assign", user, "executive_report_viewer", *within)
        application = self.json("app", "register", "Reports", *within)
        secret = self.json("app", "secret", "add", "Reports", "--description", "x", *within)
        public = self.json("app", "register", "Desktop", "--public", "--redirect-uri", "http://localhost:8400", *within)
        for name in ("Reports", "Desktop"):
            self.command("app", "permission", "add", name, "user_impersonation", *within)
            self.command("app", "consent", "grant", name, "user_impersonation", *within)
        return {
            "tenant": enrolled["id"],
            "domain": domain,
            "client_id": application["id"],
            "client_secret": secret["secret"],
            "public_client_id": public["id"],
            "users": [f"{name}@{domain}" for name in USERS],
        }

    # Its inside

    def rows(self):
        """How many rows each table has: the file is opened for reading only, beside the server."""
        with sqlite3.connect(f"file:{self.data / 'insightgate.db'}?mode=ro", uri=True, timeout=30) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            counted = {name: database.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0] for name in names}
        database.close()
        return counted

    def select(self, statement, *values):
        """An answer of the database, read beside the server."""
        database = sqlite3.connect(f"file:{self.data / 'insightgate.db'}?mode=ro", uri=True, timeout=30)
        try:
            return database.execute(statement, values).fetchall()
        finally:
            database.close()

    def artifact_bytes(self):
        """On the disk at this moment, unfinished files included."""
        total = 0
        for folder, _, files in os.walk(self.data / "artifacts"):
            for file in files:
                try:
                    total += os.lstat(os.path.join(folder, file)).st_size
                except FileNotFoundError:
                    pass  # It went away meanwhile.
        return total

    def file_of(self, execution):
        """Where a finished run's file lies, in a folder."""
        (found,) = [path for path in (self.data / "artifacts").rglob("*") if path.is_file() and execution in path.name]
        return found


def written(before, after):
    """Rows that came, by table; what went is not counted against it."""
    grown = {name: after[name] - before.get(name, 0) for name in after}
    return {name: count for name, count in grown.items() if count > 0}


class Memory:
    """The most that a process held, in MiB, over all its starts: resident at any moment (VmHWM), and of that its own (RssAnon)."""

    def __init__(self):
        self.resident, self.own, self.pid, self.over = 0, 0, None, threading.Event()
        self.thread = None

    def watch(self, pid):
        self.pid = pid
        if not self.thread:
            self.thread = threading.Thread(target=self._look, daemon=True)
            self.thread.start()

    def _look(self):
        while not self.over.wait(MEMORY_SECONDS):
            self.look()

    def look(self):
        try:
            with open(f"/proc/{self.pid}/status") as status:
                fields = dict(line.split(":", 1) for line in status)
        except (OSError, ValueError):
            return
        mebibytes = lambda name: int(fields.get(name, "0 kB").split()[0]) >> 10
        self.resident, self.own = max(self.resident, mebibytes("VmHWM")), max(self.own, mebibytes("RssAnon"))

    def end(self):
        if self.pid:
            self.look()
        self.over.set()
        if self.thread:
            self.thread.join(10)


class Site:
    """A prepared folder. Each attack starts from a copy, so that none meets what another left behind."""

    def __init__(self, binary, folder):
        self.binary, self.folder, self.count = binary, folder, 0
        with Server(binary, folder / "prepared") as server:
            server.prepare()
            server.start()
            server.take_in()
            server.stop()
            self.people = server.people

    def server(self, name, **settings):
        """Not started. A copied folder keeps its certificate, its people and its keys."""
        self.count += 1
        folder = self.folder / f"{name}-{self.count}"
        shutil.copytree(self.folder / "prepared", folder)
        (folder / "log").unlink(missing_ok=True)
        return Server(self.binary, folder, **settings)
