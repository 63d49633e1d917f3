"""Scheduled runs happen when the clock passes their time, once per interval, until the count is reached."""

import pytest

from harness.demo import hours, write_time


@pytest.fixture
def demo(start, tmp_path):
    with start(tmp_path / "data", "--clock", "manual", "--no-quotas", "--rows", "60") as running:
        yield running


def schedule(demo, count):
    interval = max(4, demo.ok("GET", "ScheduledDataset", params={"datasetName": "OfficeUsage"})[0]["minimumRecurrenceInterval"])
    query = demo.create_query("SELECT CustomerTenantId, PaidAvailableUnits FROM OfficeUsage TIMESPAN LAST_6_MONTHS")
    begin = demo.now() + hours(4.5)
    fields = {"StartTime": write_time(begin), "RecurrenceInterval": interval, "RecurrenceCount": count, "Format": "csv"}
    report = demo.create_report(query["queryId"], **fields)
    assert (report["reportStatus"], report["startTime"]) == ("Active", write_time(begin))
    return report["reportId"], interval


def status(demo, report_id):
    return demo.ok("GET", "ScheduledReport", params={"reportId": report_id})[0]["reportStatus"]


def completed(demo, report_id):
    found = demo.settled(report_id)
    assert all(execution["executionStatus"] == "Completed" for execution in found), found
    return len({execution["executionId"] for execution in found})


def test_once_per_interval_until_the_count(demo):
    report_id, interval = schedule(demo, 3)
    before = demo.now()
    demo.advance(hours(4.25))
    assert completed(demo, report_id) == 0
    demo.advance(hours(0.5))
    assert completed(demo, report_id) == 1
    demo.advance(hours(interval / 2))
    assert completed(demo, report_id) == 1
    demo.advance(hours(interval / 2))
    assert completed(demo, report_id) == 2
    assert status(demo, report_id) == "Active"
    demo.advance(hours(interval))
    assert completed(demo, report_id) == 3
    assert status(demo, report_id) == "Inactive"
    demo.advance(hours(3 * interval))
    assert completed(demo, report_id) == 3
    assert demo.now() == before + hours(4.25 + 0.5 + 5 * interval)


def test_paused_reports_do_not_run(demo):
    report_id, interval = schedule(demo, 2)
    assert demo.ok("PUT", f"ScheduledReport/pause/{report_id}")[0]["reportStatus"] == "Paused"
    demo.advance(hours(5))
    assert completed(demo, report_id) == 0
    assert demo.ok("PUT", f"ScheduledReport/resume/{report_id}")[0]["reportStatus"] == "Active"
    demo.advance(hours(interval))
    assert completed(demo, report_id) == 1


def test_tokens_and_links_expire(demo):
    token = demo.sign_in()
    execution = demo.run(demo.create_query("SELECT MPNId FROM Profile TIMESPAN LIFETIME")["queryId"])
    link = execution["reportAccessSecureLink"]
    assert demo.download(link).status_code == 200
    demo.advance(hours(2))
    refused = demo.call("GET", "ScheduledDataset", token=token)
    assert (refused.status_code, refused.json()["message"]) == (401, "Unauthorized")
    demo.advance(hours(24 * 60))
    gone = demo.download(link)
    assert gone.status_code == 403 and "expired" in gone.text
    # A status call mints another one, unless the file itself is past its time.
    again = demo.call("GET", f"ScheduledReport/execution/{execution['reportId']}")
    assert again.status_code in (200, 404), again.text


def test_the_next_run_begins_under_the_id_that_was_shown_before_a_restart(start, tmp_path):
    flags = ("--clock", "manual", "--no-quotas", "--rows", "60")
    with start(tmp_path / "data", *flags) as demo:
        report_id, interval = schedule(demo, 2)
        pending = {"executionStatus": "Pending"}
        (waiting,) = demo.ok("GET", f"ScheduledReport/execution/{report_id}", params=pending)
        assert (waiting["executionStatus"], waiting["reportLocation"], waiting["attempts"]) == ("Pending", None, 0)
    with start(tmp_path / "data", *flags) as demo:
        assert demo.ok("GET", f"ScheduledReport/execution/{report_id}", params=pending) == [waiting]
        assert demo.ok("GET", f"ScheduledReport/execution/{waiting['executionId']}") == [waiting]
        demo.advance(hours(4.75))
        (run,) = demo.settled(report_id)
        assert (run["executionId"], run["executionStatus"]) == (waiting["executionId"], "Completed")
        (after,) = demo.ok("GET", f"ScheduledReport/execution/{report_id}", params=pending)
        assert after["executionId"] != waiting["executionId"]
