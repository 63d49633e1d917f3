"""Several servers on one Postgres: each role on its own, what one changes the others see, and what one gives back another takes up."""

import subprocess
import time
from datetime import datetime, timedelta, timezone

import duckdb
import pytest

from harness.demo import write_time
from harness.deployment import DOMAIN, USER, Deployment
from harness.postgres import Postgres
from harness.waiting import eventually
from test_crash import DEFINITION

ALL = "SELECT Id, Region, Customer, Amount, Day FROM Sales ORDER BY Customer ASC, Id ASC TIMESPAN LIFETIME"
FEW = "SELECT Id, Amount FROM Sales LIMIT 10 TIMESPAN LIFETIME"
# Takes an unoptimised build some seconds.
ROWS = 600_000


@pytest.fixture(scope="module")
def postgres():
    with Postgres("fsync=off") as server:
        yield server


@pytest.fixture
def deployment(binary, postgres, tmp_path, request):
    """API and scheduler apart, one that also works, and a second API and worker."""
    roles = ["api", "scheduler", "api,worker", "api", "worker"]
    running = Deployment(
        binary, tmp_path, postgres.make(request.node.name.lower()), len(roles), roles=roles, INSIGHTGATE_SERVER_DRAIN_SECONDS="0",
        INSIGHTGATE_ENGINE_THREADS="1",
    )
    running.sql = lambda text: postgres.sql(text, request.node.name.lower())
    for process in running.processes:
        definitions = process.folder / "data" / "datasets" / "mpn"
        definitions.mkdir(parents=True)
        (definitions / "Sales.toml").write_text(DEFINITION)
    with running:
        rows = running.rows / "mpn" / "Sales" / f"tenant={running.partner()}"
        rows.mkdir(parents=True)
        with duckdb.connect() as connection:
            connection.execute(
                f"""COPY (SELECT i AS Id, 'North' AS Region, 'customer ' || hash(i) AS Customer, (i % 9999)::DECIMAL(18,2) AS Amount,
                    (DATE '2025-01-01' + (i % 300)::INT)::DATE AS Day FROM range({ROWS}) t(i)) TO '{rows}/rows.parquet' (FORMAT parquet)"""
            )
        yield running


def create(deployment, text, token, process=None, **fields):
    query = deployment.ok("POST", "ScheduledQueries", token, process, json={"Name": "q", "Query": text})[0]["queryId"]
    body = {"ReportName": "r", "QueryId": query} | (fields or {"ExecuteNow": True})
    return deployment.ok("POST", "ScheduledReport", token, process, json=body)[0]["reportId"]


def executions(deployment, report, token, process=None):
    filters = {"getLatestExecution": "false", "executionStatus": "Pending;Running;Completed;Failed"}
    answer = deployment.call("GET", f"ScheduledReport/execution/{report}", token, process, params=filters)
    return answer.json()["value"]


def test_what_one_does_the_others_know(deployment):
    first, other = deployment.processes[0], deployment.processes[3]
    token = deployment.token(other)
    start = datetime.now(timezone.utc) + timedelta(seconds=2)
    report = create(deployment, FEW, token, other, StartTime=write_time(start), RecurrenceInterval=4, RecurrenceCount=1)
    (execution,) = eventually(lambda: [one for one in executions(deployment, report, token, first) if one["executionStatus"] == "Completed"], 60)
    # A link that one signed, opened at the other.
    link = execution["reportAccessSecureLink"]
    for process in (first, other):
        answer = deployment.session.get(link.replace(first.url, process.url))
        assert answer.status_code == 200 and len(answer.text.splitlines()) == 11

    # A poll at a process that runs nothing is held until the run is over elsewhere.
    report = create(deployment, FEW, token, first)
    assert deployment.ok("GET", f"ScheduledReport/execution/{report}", token, other)[0]["executionStatus"] == "Completed"

    # What is taken away at one is gone at the other with the next request.
    assert deployment.call("GET", "ScheduledReport", token, other).status_code == 200
    deployment.command("role", "revoke", USER, "executive_report_viewer", "--tenant", DOMAIN)
    assert deployment.call("GET", "ScheduledReport", token, other).status_code == 403
    assert deployment.session.get(link.replace(first.url, other.url)).status_code == 403


def running(deployment, report):
    rows = deployment.sql(f"SELECT epoch FROM executions WHERE report_id = '{report}' AND status = 'Running'")
    return int(rows[0]) if rows else 0


def test_a_worker_that_is_asked_to_end_gives_its_run_back(deployment):
    workers = [deployment.processes[2], deployment.processes[4]]
    token = deployment.token()
    workers[1].stop()
    report = create(deployment, ALL, token)
    eventually(lambda: running(deployment, report), 60)
    assert workers[0].stop() == 0, "it ends at once"
    assert deployment.sql(f"SELECT status, attempts, lease_until FROM executions WHERE report_id = '{report}'") == ["Pending|0|0"]
    # Taken up without waiting for a lease to lapse, and the attempt that was given back does not count.
    workers[1].start()
    eventually(lambda: running(deployment, report) == 2, 10)
    (execution,) = eventually(lambda: [one for one in executions(deployment, report, token) if one["executionStatus"] == "Completed"], 120)
    assert (execution["attempts"], execution["rowCount"]) == (1, ROWS)
    assert sum(1 for path in (deployment.folder / "artifacts").rglob("*") if path.is_file()) == 1


def test_a_report_that_is_deleted_while_it_runs_is_cancelled(deployment):
    """At once where it runs; another process hears of it with its next heartbeat, or when it wants to publish the file."""
    worker = deployment.processes[2]
    deployment.processes[4].stop()
    token = deployment.token()
    for place, process in enumerate([worker, deployment.first]):
        report = create(deployment, ALL, token)
        eventually(lambda: running(deployment, report), 60)
        assert deployment.call("DELETE", f"ScheduledReport/{report}", token, process).status_code == 200
        assert executions(deployment, report, token) == []
        if place == 0:
            eventually(lambda: "an execution was cancelled" in worker.log.read_text(), 5)
    # The one worker is free for the next.
    after = create(deployment, FEW, token)
    eventually(lambda: [one for one in executions(deployment, after, token) if one["executionStatus"] == "Completed"], 60)
    files = [path for path in (deployment.folder / "artifacts").rglob("*") if path.is_file()]
    assert [path.parent.name for path in files] == [after]


def test_a_backup_of_postgres_is_its_own_tools(deployment):
    command = [deployment.first.binary, "backup", "--config", "insightgate.toml", "-o", "copy.db"]
    ran = subprocess.run(command, cwd=deployment.first.folder, env=deployment.first.environment, capture_output=True, text=True)
    assert ran.returncode == 2 and "pg_dump" in ran.stderr
    assert not (deployment.first.folder / "copy.db").exists()
