"""Killed in the middle of work, again and again: every run is done, each has one file, and every file is whole."""

import hashlib
import sqlite3
import subprocess
import time

import pytest

REPORTS = 40
KILLS = 4
QUERY = "SELECT CustomerName, Product, SKU, Month, BilledRevenueUSD FROM CustomersAndTenants ORDER BY BilledRevenueUSD TIMESPAN LIFETIME"


def rows(database, table):
    """How many the database has so far; none while it is being made."""
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            return connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


@pytest.mark.parametrize("table", ["keys", "tenants", "locations", "applications", "permissions", "users"])
def test_a_first_start_that_is_killed_goes_on_at_the_next(binary, start, tmp_path, table):
    data_dir = tmp_path / "data"
    command = [binary, "demo", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--data-dir", data_dir, "--rows", "60"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not rows(data_dir / "insightgate.db", table):
        assert time.monotonic() < deadline
    first.kill()
    first.wait(30)
    with start(data_dir, "--rows", "60") as demo:
        assert demo.preview("SELECT MPNId, PartnerName FROM Profile")


def statuses(demo, report_ids):
    filters = {"getLatestExecution": "false", "executionStatus": "Pending;Running;Completed;Failed"}
    return demo.ok("GET", f"ScheduledReport/execution/{';'.join(report_ids)}", params=filters)


def test_no_run_is_lost_or_doubled(start, tmp_path):
    data_dir, flags = tmp_path / "data", ("--no-quotas", "--rows", "3000")
    with start(data_dir, *flags) as demo:
        query_id = demo.create_query(QUERY)["queryId"]
        whole = demo.export(QUERY)
        reports = [demo.create_report(query_id, ExecuteNow=True)["reportId"] for _ in range(REPORTS)]
        demo.kill()
    for kill in range(1, KILLS + 1):
        with start(data_dir, *flags) as demo:
            # Killed when some more runs are over, and others are on their way.
            wanted = REPORTS * kill // (KILLS + 2)
            while sum(one["executionStatus"] == "Completed" for one in statuses(demo, reports)) < wanted:
                pass
            demo.kill()
    with start(data_dir, *flags) as demo:
        for report_id in reports:
            (execution,) = demo.settled(report_id)
            assert execution["executionStatus"] == "Completed", execution
            content = demo.download(execution["reportAccessSecureLink"]).content
            assert content == whole
            assert execution["sha256"] == hashlib.sha256(content).hexdigest()
        files = [path for path in (data_dir / "artifacts").rglob("*") if path.is_file()]
        # The demo's own reports, one at each start, are among them.
        assert len({path.name.rsplit("-", 1)[0] for path in files}) == len(files), "a run has two files"
        assert not [path for path in files if "#" in path.name], "a half-written file stayed"
