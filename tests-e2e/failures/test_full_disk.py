"""The disk is full: requests are refused plainly, runs say why and are tried again, nothing that was there is lost, and freed space is used."""

import errno
import functools
import os
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from conftest import BINARY
from harness.desk import Desk
from harness.imitation import FILE, Imitation
from harness.waiting import eventually

QUERY = "SELECT CustomerName, CustomerTpid, Product, AvailableSeats FROM CustomersAndTenants ORDER BY CustomerTpid, Product TIMESPAN LIFETIME"
NO_STORAGE = "The server has no storage left."
EVERY_STATUS = {"getLatestExecution": "false", "executionStatus": "Pending;Running;Completed;Failed"}
DOCUMENTED = {500: "Service unavailable", 503: "Service unavailable"}


def where_mounting_is_allowed(test):
    """Only an administrator may mount: others run the test in a user namespace of its own, in which they are one."""

    @functools.wraps(test)
    def run(*arguments, **fixtures):
        if os.geteuid() == 0:
            return test(*arguments, **fixtures)
        separate = ["unshare", "--user", "--map-root-user", "--mount"]
        allowed = subprocess.run([*separate, "mount", "-t", "tmpfs", "tmpfs", "/tmp"], capture_output=True, text=True)
        if allowed.returncode != 0:
            pytest.skip(f"needs an administrator, or user namespaces: {allowed.stderr.strip()}")
        nested = [*separate, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"{__file__}::{test.__name__}"]
        outcome = subprocess.run(nested, env=os.environ | {"INSIGHTGATE_BIN": BINARY}, capture_output=True, text=True)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr

    return run


@pytest.fixture
def small_disk():
    """Mounts a file system in memory at a folder."""
    folders = []

    def mount(folder, size):
        folder.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", str(folder)], check=True)


def fill(path):
    """Takes all that is left, to the last byte."""
    with open(path, "ab", buffering=0) as file:
        for block in (1 << 20, 4096, 1):
            try:
                while file.write(b"\0" * block) == block:
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC, error
    assert os.statvfs(path).f_bavail == 0


def own_report_over(demo):
    """The demo makes one report itself, and ends when it cannot: the disk is filled after that."""

    def is_over():
        found = demo.call("GET", "ScheduledReport", params={"reportName": "First report"})
        if found.status_code != 200:
            return False
        executions = demo.settled(found.json()["value"][0]["reportId"])
        file = demo.data_dir / "first-report.csv"
        return executions and file.exists() and file.stat().st_size == executions[0]["byteCount"]

    eventually(is_over)


def refused_plainly(answer):
    body = answer.json()
    assert body["statusCode"] == answer.status_code and body["value"] == [], body
    message = body["message"]
    assert message == DOCUMENTED.get(answer.status_code) or message.startswith("Internal error encountered while creating report"), body


@where_mounting_is_allowed
def test_a_full_disk(start, small_disk, tmp_path):
    disk = small_disk(tmp_path / "disk", "48m")
    ballast = disk / "ballast"
    with start(disk / "data", "--no-quotas", "--rows", "200") as demo:
        own_report_over(demo)
        query_id = demo.create_query(QUERY)["queryId"]
        before = demo.run(query_id)
        file = demo.download(before["reportAccessSecureLink"]).content
        reports = [report["reportId"] for report in demo.ok("GET", "ScheduledReport")]
        # Together more than the database may have left in its own files.
        padding = "x" * 200
        fill(ballast)

        accepted, refused = [], 0
        for number in range(60):
            body = {"ReportName": f"{number} {padding}", "Description": padding, "QueryId": query_id, "ExecuteNow": True}
            answer = demo.call("POST", "ScheduledReport", json=body)
            if answer.status_code == 200:
                accepted.append(answer.json()["value"][0]["reportId"])
            else:
                refused_plainly(answer)
                refused += 1
        queries = [demo.call("POST", "ScheduledQueries", json={"Name": padding, "Query": QUERY}) for _ in range(10)]
        for answer in queries:
            if answer.status_code != 200:
                refused_plainly(answer)
                refused += 1
        assert refused > 0, "the disk was not full"

        # It answers, and everything that was there is there.
        assert demo.session.get(demo.ready["http"] + "/healthz").status_code == 200
        assert len(demo.preview(QUERY)) == 100
        assert demo.download(before["reportAccessSecureLink"]).content == file
        assert set(reports) <= {report["reportId"] for report in demo.ok("GET", "ScheduledReport")}

        # What was accepted waits for another attempt, or ended saying why.
        for report_id in accepted:
            for execution in demo.ok("GET", f"ScheduledReport/execution/{report_id}", params=EVERY_STATUS):
                reason = execution["failureReason"]
                assert reason is None or reason == NO_STORAGE, execution
                assert execution["executionStatus"] != "Failed" or reason, execution

        ballast.unlink()
        eventually(lambda: demo.call("POST", "ScheduledQueries", json={"Name": "after", "Query": QUERY}).status_code == 200)
        after = demo.run(query_id, ReportName="after")
        assert demo.download(after["reportAccessSecureLink"]).content == file
        for report_id in accepted:
            for execution in demo.settled(report_id):
                assert execution["executionStatus"] == "Completed" or execution["failureReason"] == NO_STORAGE, execution

    # The database took no harm: the next start finds all of it.
    with start(disk / "data", "--no-quotas", "--rows", "200") as demo:
        assert {*reports, *accepted} <= {report["reportId"] for report in demo.ok("GET", "ScheduledReport")}
        assert demo.export(QUERY) == file


@where_mounting_is_allowed
def test_a_run_without_room_for_its_file_says_why(start, small_disk, tmp_path):
    """The database has room, the files of runs have none: a run is tried again, and completes once there is space."""
    artifacts = small_disk(tmp_path / "data" / "artifacts", "1m")
    with start(tmp_path / "data", "--no-quotas", "--rows", "200") as demo:
        own_report_over(demo)
        query_id = demo.create_query(QUERY)["queryId"]
        whole = demo.export(QUERY)
        ballast = artifacts / "ballast"
        fill(ballast)
        report_id = demo.create_report(query_id, ExecuteNow=True)["reportId"]

        def waiting():
            (execution,) = demo.ok("GET", f"ScheduledReport/execution/{report_id}", params=EVERY_STATUS)
            return execution if execution["failureReason"] else None

        execution = eventually(waiting)
        assert execution["failureReason"] == NO_STORAGE
        assert execution["executionStatus"] in ("Pending", "Running") and execution["reportAccessSecureLink"] is None, execution
        ballast.unlink()
        (execution,) = demo.settled(report_id)
        assert execution["executionStatus"] == "Completed" and execution["attempts"] > 1, execution
        assert execution["failureReason"] is None
        assert demo.download(execution["reportAccessSecureLink"]).content == whole
        # Attempts that failed left nothing behind.
        assert not [path for path in artifacts.rglob("*") if "#" in path.name]


@pytest.mark.alone
@where_mounting_is_allowed
def test_reading_goes_on_and_the_log_stays_short(start, small_disk, tmp_path):
    disk = small_disk(tmp_path / "disk", "48m")
    with start(disk / "data", "--no-quotas", "--rows", "200") as demo:
        own_report_over(demo)
        query_id = demo.create_query(QUERY)["queryId"]
        token, url = demo.token, demo.ready["http"]
        fill(disk / "ballast")
        over, statuses = threading.Event(), Counter()

        def write():
            body = {"ReportName": "x" * 200, "Description": "x" * 200, "QueryId": query_id, "ExecuteNow": True}
            while not over.is_set():
                statuses[demo.call("POST", "ScheduledReport", token=token, json=body).status_code] += 1

        writers = [threading.Thread(target=write) for _ in range(8)]
        for writer in writers:
            writer.start()
        slowest = Counter()
        try:
            deadline = time.monotonic() + 60
            while statuses[503] < 100:
                assert time.monotonic() < deadline, statuses
                for name, ask, expected in [
                    ("list", lambda: demo.call("GET", "ScheduledQueries", token=token), {200}),
                    ("preview", lambda: demo.call("GET", "ScheduledQueries/testQueryResult", token=token, params={"exportQuery": QUERY}), {200}),
                    ("token", demo.ask_token, {200, 503}),
                    ("readiness", lambda: demo.session.get(f"{url}/readyz"), {200, 503}),
                ]:
                    begun = time.monotonic()
                    assert ask().status_code in expected, name
                    slowest[name] = max(slowest[name], time.monotonic() - begun)
        finally:
            over.set()
            for writer in writers:
                writer.join()
        assert all(seconds < 5 for seconds in slowest.values()), slowest
        details = {check["name"]: check["detail"] for check in demo.session.get(f"{url}/readyz").json()["checks"]}
        assert details["database"] is None and "full" in details["databaseWrites"], details
        told = Counter(line.split("correlation")[0].split("ERROR")[1] for line in demo.lines if "ERROR" in line)
        assert told and max(told.values()) <= 3, told.most_common(5)
        print(statuses, slowest)

        # A start there says what is full.
        begun = [demo.binary, "demo", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--data-dir", str(disk / "other")]
        ran = subprocess.run(begun, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 1 and f"the disk of {disk / 'other'}" in ran.stderr and "0 bytes are free" in ran.stderr, ran.stderr


@where_mounting_is_allowed
def test_an_export_onto_a_full_disk_or_a_read_only_one(binary, small_disk, tmp_path):
    folder = small_disk(tmp_path / "small", "256k")
    with Imitation() as service:
        service.file = FILE.encode() * 100
        desk = Desk(binary, service.environment, folder)
        refused = desk.refused(1, "export", "SELECT MPNId FROM OfficeUsage", "-o", "rows.csv")
        assert "rows.csv: No space left" in refused and "is full" in refused and "free some space" in refused
        assert list(folder.iterdir()) == [] and service.left() == []

        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        before = len(service.calls)
        assert "rows.csv: Read-only file system" in desk.refused(1, "export", "SELECT MPNId FROM OfficeUsage", "-o", "rows.csv")
        assert len(service.calls) == before, "nothing is asked of the server for a file that cannot be written"
