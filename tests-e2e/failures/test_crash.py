"""Servers that are killed at random, a database that is restarted, an object store that fails: every slot that is due has one file, and it is right.

CRASH_REPORTS says how many reports there are; `cargo xtask crash` runs a thousand.
"""

import hashlib
import os
import random
import subprocess
import threading
import time
from datetime import datetime, timedelta, timezone

import duckdb
import pytest
import requests

from harness.demo import lives_on, write_time
from harness.deployment import Deployment
from harness.emulators import BUCKET, S3
from harness.postgres import Postgres

REPORTS = int(os.environ.get("CRASH_REPORTS", "120"))
SEED = int(os.environ.get("CRASH_SEED", "1"))
CHAOS_SECONDS = 300
SETTLE_SECONDS = 600
DEFINITION = """
name = "Sales"
program = "mpn"
date_column = "Day"
columns = [
  { name = "Id", type = "int64" },
  { name = "Region", type = "string" },
  { name = "Customer", type = "string" },
  { name = "Amount", type = "decimal(18,2)" },
  { name = "Day", type = "date" },
]
metrics = [{ name = "Total", expression = "SUM(Amount)" }]
"""
QUERIES = [
    "SELECT Id, Region, Customer, Amount, Day FROM Sales TIMESPAN LIFETIME",
    "SELECT Id, Customer FROM Sales ORDER BY Customer ASC, Id ASC TIMESPAN LIFETIME",
    "SELECT Region, Customer, Total FROM Sales TIMESPAN LIFETIME",
    "SELECT Id, Amount FROM Sales WHERE Region = 'East' ORDER BY Amount DESC LIMIT 5000 TIMESPAN LIFETIME",
]


@pytest.fixture(scope="module")
def postgres():
    with Postgres("max_connections=100") as server:
        yield server


@pytest.fixture(scope="module")
def store():
    emulator = S3()
    yield emulator
    emulator.close()


def make_rows(folder, tenant):
    rows = folder / "mpn" / "Sales" / f"tenant={tenant}"
    rows.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(
            f"""COPY (SELECT i AS Id, ['North', 'East', 'South'][1 + i % 3] AS Region, 'customer ' || (i * 7919 % 5000) AS Customer,
                (i % 9999)::DECIMAL(18,2) AS Amount, (DATE '2025-01-01' + (i % 300)::INT)::DATE AS Day
                FROM range(60000) t(i)) TO '{rows}/rows.parquet' (FORMAT parquet)"""
        )


def expected(deployment, text, output):
    """The sum of the bytes that the query gives in peace."""
    command = [deployment.first.binary, "run", text, "--data-dir", "data", "--data-root", str(deployment.rows)]
    command += ["--tenant", deployment.tenant, "-o", str(output)]
    subprocess.run(command, cwd=deployment.first.folder, env=deployment.first.environment, check=True, capture_output=True, timeout=120)
    return hashlib.sha256(output.read_bytes()).hexdigest()


class Chaos:
    """Kills one process or the database, and starts it again, until it is told to stop."""

    def __init__(self, deployment, postgres, dice):
        self.deployment, self.postgres, self.dice = deployment, postgres, dice
        self.kills, self.restarts, self.over = 0, 0, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        """In each round a process is killed; in every eighth the database is."""
        while not self.over.wait(self.dice.uniform(0.1, 1.5)):
            if self.kills % 8 == 3:
                self.postgres.kill()
                self.postgres.start()
                self.restarts += 1
            # The first one takes the orders of the test.
            process = self.dice.choice(self.deployment.processes[1:])
            process.kill()
            process.start(wait=self.dice.random() < 0.5)
            self.kills += 1

    def end(self):
        self.over.set()
        self.thread.join(SETTLE_SECONDS)
        assert not self.thread.is_alive()


def patient(attempt, process):
    """Until it works: the database may be away for a moment."""
    deadline = time.monotonic() + 60
    while lives_on(process, 0.01):
        try:
            answer = attempt()
            if answer.status_code < 500:
                return answer
        except requests.ConnectionError:
            pass
        assert time.monotonic() < deadline
    raise AssertionError("the server is gone")


def test_every_slot_has_one_file_whatever_dies(binary, postgres, store, tmp_path):
    dice = random.Random(SEED)
    settings = store.environment | {"INSIGHTGATE_ARTIFACTS_ROOT": f"s3://{BUCKET}/artifacts", "INSIGHTGATE_REPORTS_CATCH_UP": "all"}
    deployment = Deployment(binary, tmp_path, postgres.make("crash"), 4, **settings)
    for process in deployment.processes:
        definitions = process.folder / "data" / "datasets" / "mpn"
        definitions.mkdir(parents=True)
        (definitions / "Sales.toml").write_text(DEFINITION)
    with deployment:
        tenant = deployment.partner()
        make_rows(deployment.rows, tenant)
        token = deployment.token()
        sums = [expected(deployment, text, tmp_path / "expected.csv") for text in QUERIES]
        queries = [deployment.ok("POST", "ScheduledQueries", token, json={"Name": "q", "Query": text})[0]["queryId"] for text in QUERIES]
        store.failing = 20
        chaos = Chaos(deployment, postgres, dice)
        reports = []
        for number in range(REPORTS):
            def order(body={"ReportName": f"report {number}", "QueryId": queries[number % len(queries)]}):
                timing = {"ExecuteNow": True}
                if number % 2:
                    start = datetime.now(timezone.utc) + timedelta(seconds=dice.uniform(10, 40))
                    timing = {"StartTime": write_time(start), "RecurrenceInterval": 4, "RecurrenceCount": 1}
                return deployment.call("POST", "ScheduledReport", token, json=body | timing)

            answer = patient(order, deployment.first.process)
            assert answer.status_code == 200, answer.text
            reports.append(answer.json()["value"][0]["reportId"])
        # Until all but a few are done, or it has lasted long enough.
        end = time.monotonic() + CHAOS_SECONDS
        done = lambda: int((postgres.sql("SELECT COUNT(*) FROM executions WHERE status = 'Completed'", "crash", check=False) or ["0"])[0] or 0)
        while done() < REPORTS * 0.95 and time.monotonic() < end:
            assert lives_on(deployment.first.process, 0.2)
        chaos.end()
        for process in deployment.processes:
            # A start that meets no database ends and says so; whoever runs servers starts them again. Nothing else may have ended one.
            if process.process.poll() is not None and "look whether the database runs" in process.log.read_text()[-400:]:
                process.start(wait=False)
            process.wait()
        settle(postgres, deployment.first.process)
        store.failing = 0

        # One published file for each, and it is right.
        bodies = {}
        for number, report in enumerate(reports):
            found = deployment.ok("GET", f"ScheduledReport/execution/{report}", token, params={"getLatestExecution": "false"})
            assert [one["executionStatus"] for one in found] == ["Completed"], (number, found)
            content = deployment.session.get(found[0]["reportAccessSecureLink"], timeout=120).content
            assert hashlib.sha256(content).hexdigest() == found[0]["sha256"] == sums[number % len(sums)], number
            bodies[found[0]["executionId"]] = found[0]["attempts"]
        attempts = sum(bodies.values())

        # Reports that a lost answer made twice are whole too: nobody knows of them, but they ran once each.
        sql = lambda text: postgres.sql(text, "crash")
        assert sql("SELECT COUNT(*) FROM executions WHERE status <> 'Completed'") == ["0"]
        assert sql("SELECT COUNT(*) FROM scheduled_reports WHERE status <> 'Inactive'") == ["0"]
        assert sql("SELECT COUNT(*) FROM (SELECT report_id FROM executions GROUP BY report_id HAVING COUNT(*) <> 1) AS doubled") == ["0"]

        # Nothing is left of the dead: a start looks through all files.
        deployment.processes[1].kill()
        deployment.processes[1].start()
        published = set(sql("SELECT report_id || '/' || id || '-' || artifact_epoch FROM executions"))
        # Beside the files lies the one byte by which a server sees that the store takes writes.
        files = lambda: (key.split("/", 2) for key in store.keys("artifacts/"))
        # The access log lies beside the files of reports.
        keys = lambda: {parts[2].removesuffix(".csv") for parts in files() if len(parts) == 3 and parts[1] != "access-log"}
        deadline = time.monotonic() + 60
        while keys() != published:
            assert lives_on(deployment.processes[1].process, 0.2) and time.monotonic() < deadline, keys() ^ published
        print(f"{len(published)} runs in {attempts} attempts, {chaos.kills} kills, {chaos.restarts} restarts of the database, {store.failed} failed requests of the store")
        assert chaos.kills >= 8 and chaos.restarts >= 1 and store.failed > 0
        assert attempts > len(reports), "nothing was ever in the way"


def settle(postgres, process):
    """Until nothing waits or runs."""
    deadline = time.monotonic() + SETTLE_SECONDS
    open_runs = "SELECT COUNT(*) FROM executions WHERE status IN ('Pending', 'Running', 'Paused')"
    open_slots = "SELECT COUNT(*) FROM scheduled_reports WHERE status = 'Active' AND next_slot IS NOT NULL"
    while postgres.sql(f"SELECT ({open_runs}) + ({open_slots})", "crash") != ["0"]:
        assert lives_on(process, 0.2) and time.monotonic() < deadline, postgres.sql("SELECT status, attempts, failure FROM executions WHERE status <> 'Completed'", "crash")
