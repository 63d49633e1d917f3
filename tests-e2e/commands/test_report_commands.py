"""`insightgate report` and `dataset list | show` of a server: the life of a report, what people see, and how it fails."""

import pytest

from harness.demo import hours, write_time
from harness.desk import Desk
from harness.imitation import FILE
from harness.waiting import eventually

QUERY = "SELECT CustomerName, TotalRevenue FROM CustomersAndTenants ORDER BY CustomerName TIMESPAN LIFETIME"
DOCUMENTED = "SELECT MPNId, MonthlyActiveUsers FROM OfficeUsage TIMESPAN LAST_MONTH"


@pytest.fixture(scope="module")
def timed(start, tmp_path_factory):
    """A demo whose clock stands still until it is moved."""
    with start(tmp_path_factory.mktemp("report") / "data", "--no-quotas", "--rows", "60", "--clock", "manual") as demo:
        # The demo's own walk goes on beside its ready file.
        report = eventually(lambda: demo.call("GET", "ScheduledReport").json()["value"])[0]
        demo.settled(report["reportId"])
        yield demo


@pytest.fixture
def desk(timed, binary, tmp_path):
    (tmp_path / "home").mkdir()
    return Desk(binary, {"INSIGHTGATE_PROFILE": str(timed.data_dir.parent / "data-ready.json")}, tmp_path / "home")


def test_life_of_a_report(timed, desk):
    saved = timed.create_query(QUERY, "Revenue of all")
    start = write_time(timed.now() + hours(5))
    made = desk.json("report", "create", "--name", "Weekly", "--query", "revenue OF all", "--start", start, "--every", "7d", "--times", "3")
    assert (made["reportName"], made["queryId"], made["recurrenceInterval"], made["recurrenceCount"], made["startTime"]) == (
        "Weekly",
        saved["queryId"],
        168,
        3,
        start,
    )
    shown = desk.ok("report", "show", "weekly").stdout
    assert "name      Weekly\n" in shown and "every     7d\n" in shown and shown.endswith(f"\n\n{QUERY}\n")
    lines = desk.ok("report", "list", "--query", "Revenue of all").stdout.splitlines()
    assert lines[0].split()[:4] == ["ID", "NAME", "STATUS", "EVERY"] and lines[1].split() == [made["reportId"], "Weekly", "Active", "7d", start, "csv"]
    assert desk.json("report", "list", "--name", "Weekly")["value"][0]["reportId"] == made["reportId"]

    assert desk.json("report", "update", "Weekly", "--every", "24", "--format", "tsv", "--name", "Daily")["recurrenceInterval"] == 24
    assert "required" in desk.command("report", "update", "Daily").stderr
    assert desk.ok("report", "pause", "Daily").stderr == f"Daily ({made['reportId']}) is Paused\n"
    paused = desk.refused(1, "report", "watch", "Daily")
    assert "is paused" in paused and "`insightgate report resume`" in paused
    assert desk.json("report", "resume", made["reportId"])["reportStatus"] == "Active"

    assert "has no file yet" in desk.refused(4, "report", "download", "Daily")
    timed.advance(hours(5))
    ended = timed.settled(made["reportId"])[0]
    rows = ended["rowCount"]
    assert rows > 2
    listed = desk.ok("report", "executions", "Daily").stdout
    assert listed.splitlines()[0].split()[:4] == ["ID", "STATUS", "GENERATED", "ROWS"] and f"{ended['executionId']}  Completed" in listed
    assert desk.json("report", "executions", "Daily", "--status", "Completed")["value"][0]["rowCount"] == rows
    followed = desk.ok("report", "executions", "Daily", "--follow").stdout
    assert f"{ended['executionId']}  Completed" in followed

    watching = desk.terminal("report", "watch", "Daily").until("the report waits for its next run")
    timed.advance(hours(24))
    assert watching.end() == 0 and "Completed" in watching.text and ended["executionId"] not in watching.text, watching.text

    done = desk.ok("report", "download", "Daily", "-o", "daily.tsv")
    table = (desk.folder / "daily.tsv").read_bytes()
    assert done.stderr == f"{rows} rows, {len(table)} bytes: daily.tsv\n" and table.startswith(b"CustomerName\tTotalRevenue\n")
    assert "is there already" in desk.refused(2, "report", "download", "Daily", "-o", "daily.tsv")
    one = desk.ok("report", "download", "Daily", "--execution", ended["executionId"], text=False, stdin=b"").stdout
    assert one == table
    assert "no file of an execution nothing" in desk.refused(4, "report", "download", "Daily", "--execution", "nothing")

    ran = desk.json("report", "run", "Daily", "--watch")
    assert (ran["executionStatus"], ran["rowCount"]) == ("Completed", rows) and ran["reportId"] != made["reportId"]
    assert desk.json("report", "show", "Daily")["reportId"] == made["reportId"]
    assert desk.ok("report", "download", "Daily-run", text=False, stdin=b"").stdout == table
    # The next one takes its place, and a report of a person's own under that name stays.
    assert desk.json("report", "run", "Daily-run", "--watch")["rowCount"] == rows
    next_run = desk.json("report", "show", "Daily-run")
    assert next_run["reportId"] != ran["reportId"] and made["reportId"] in next_run["description"]
    own = desk.json("report", "create", "--name", "Daily-run", "--now", "--query", "Revenue of all")
    desk.ok("report", "watch", own["reportId"])
    last = desk.json("report", "run", "Daily")
    named = {report["reportId"] for report in desk.json("report", "list", "--name", "Daily-run")["value"]}
    assert named == {own["reportId"], last["reportId"]}
    for report in named:
        desk.ok("report", "delete", report, "--yes")
    # The query is gone, and the report has its text.
    timed.ok("DELETE", f"ScheduledQueries/{saved['queryId']}")
    again = desk.json("report", "run", "Daily")
    assert again["query"] == QUERY and "status    Completed" not in desk.ok("report", "watch", again["reportId"]).stderr
    desk.ok("report", "delete", again["reportId"], "--yes")
    desk.ok("query", "delete", "Daily", "--yes")
    assert "--yes" in desk.refused(2, "report", "delete", "Daily")
    assert desk.ok("report", "delete", "Daily", "--yes").stderr == f"deleted Daily ({made['reportId']})\n"
    assert "there is no report 'Daily'" in desk.refused(4, "report", "show", "Daily")


def test_a_report_of_a_text_saves_it_once(timed, desk):
    text = f"{QUERY.removesuffix(' TIMESPAN LIFETIME')} LIMIT 3 TIMESPAN LIFETIME"
    first = desk.json("report", "create", "--name", "Once", "--now", text, "--from", "2020-01-01", "--to", "2030-01-01")
    second = desk.json("report", "create", "--name", "Twice", "--now", f"{text};")
    assert first["queryId"] == second["queryId"] and first["executeNow"] and first["queryStartTime"] == "2020-01-01T00:00:00Z"
    assert "Completed" in desk.ok("report", "watch", "Twice").stdout
    for name in ("Once", "Twice"):
        desk.ok("report", "delete", name, "--yes")
    desk.ok("query", "delete", "Once", "--yes")


def test_a_report_that_is_paused_or_deleted_while_it_is_watched(timed, desk):
    timed.create_query(QUERY, "Watched")
    start = write_time(timed.now() + hours(5))
    scheduled = ("--start", start, "--every", "1d", "--query", "Watched")
    desk.ok("report", "create", "--name", "Resting", *scheduled)
    watching = desk.terminal("report", "watch", "Resting").until("the report waits for its next run")
    desk.ok("report", "pause", "Resting")
    assert watching.end() == 1 and "error: the report Resting is paused: nothing runs" in watching.text, watching.text
    followed = desk.ok("report", "executions", "Resting", "--follow")
    assert "note: the report Resting is paused" in followed.stderr and followed.stderr.count("\n") == 1

    desk.ok("report", "resume", "Resting")
    watching = desk.terminal("report", "watch", "Resting").until("the report waits for its next run")
    desk.ok("report", "delete", "Resting", "--yes")
    assert watching.end() == 4 and "it was deleted" in watching.text, watching.text

    # One that is held, so that it is followed until it is taken away.
    desk.ok("sandbox", "fault", "add", "--kind", "executionPending", "--for", "9h")
    try:
        desk.ok("report", "create", "--name", "Held", "--now", "--query", "Watched")
        following = desk.terminal("report", "executions", "Held", "--follow").until("Pending")
        desk.ok("report", "delete", "Held", "--yes")
        assert following.end() == 4 and "it was deleted" in following.text, following.text
    finally:
        desk.ok("sandbox", "fault", "clear")
    desk.ok("query", "delete", "Watched", "--yes")


def test_a_server_that_is_gone_ends_a_watch(start, binary, tmp_path):
    with start(tmp_path / "data", "--no-quotas", "--rows", "60", "--clock", "manual") as demo:
        (tmp_path / "home").mkdir()
        desk = Desk(binary, {"INSIGHTGATE_PROFILE": str(tmp_path / "data-ready.json")}, tmp_path / "home")
        demo.create_query(QUERY, "Watched")
        desk.ok("report", "create", "--name", "Weekly", "--start", write_time(demo.now() + hours(5)), "--every", "7d", "--query", "Watched")
        watching = desk.terminal("report", "watch", "Weekly", "--retries", "1").until("the report waits for its next run")
    assert watching.end() == 5 and "error: cannot reach" in watching.text and "is the server running" in watching.text, watching.text


def test_failures(timed, desk):
    for code, said, arguments in [
        (2, "did you mean", ["report", "create", "--name", "n", "--now", QUERY.replace("TotalRevenue", "TotalRevenu")]),
        (2, "which query? There is no text", ["report", "create", "--name", "n", "--now"]),
        (2, "required", ["report", "create", "--name", "n", QUERY]),
        (2, "write it in hours or days", ["report", "create", "--name", "n", "--start", "2030-01-01", "--every", "90m", QUERY]),
        (1, "4 hours", ["report", "create", "--name", "n", "--start", "2020-01-01", "--every", "1d", QUERY]),
        (4, "there is no report 'Nothing'", ["report", "watch", "Nothing"]),
        (4, "there is no query 'Nothing'", ["report", "create", "--name", "n", "--query", "Nothing", "--now"]),
    ]:
        ran = desk.command(*arguments)
        assert ran.returncode == code and said in ran.stderr, (arguments, ran.stderr)
    for query in timed.ok("GET", "ScheduledQueries"):
        if query["name"] == "n":
            timed.ok("DELETE", f"ScheduledQueries/{query['queryId']}")


def test_watching_a_report_at_the_service(service, away):
    made = None

    def once():
        nonlocal made
        made = away.json("report", "create", "--name", "Users", "--now", DOCUMENTED)

    service.queued = None
    once()
    assert "did not finish within 1 second" in away.refused(5, "report", "watch", "Users", "--timeout", "1s")
    service.lose_reports_after(3)
    deleted = away.refused(4, "report", "watch", "Users")
    assert "it was deleted" in deleted and "`insightgate report list`" in deleted

    service.watch = lambda call: None
    service.unseen = service.queued = service.unlinked = 1
    once()
    seen = away.ok("report", "executions", "Users", "--follow").stdout.split()
    assert "Pending" in seen and "Running" in seen
    assert "Completed" in away.ok("report", "watch", "Users").stdout
    assert away.ok("report", "download", "Users").stdout == FILE
    shown = away.terminal("report", "watch", made["reportId"])
    assert shown.end() == 0 and "Completed" in shown.text


def test_datasets_of_a_server(timed, desk, away):
    lines = desk.ok("dataset", "list").stdout.splitlines()
    offered = timed.datasets()
    assert lines[0].split() == ["NAME", "COLUMNS", "METRICS", "HOURS", "SPANS"]
    assert [line.split()[0] for line in lines[1:]] == [dataset["datasetName"] for dataset in offered]
    assert desk.json("dataset", "list")["value"] == offered
    names = {dataset["datasetName"] for dataset in desk.json("dataset", "list", "--program", "cmp")["value"]}
    assert "ISVUsage" in names and "CustomersAndTenants" not in names
    shown = desk.ok("dataset", "show", "customersandtenants").stdout
    assert shown.startswith("name                CustomersAndTenants\n") and "\nCOLUMN\n" in shown and "\nTotalRevenue\n" in shown
    assert "offers no dataset 'Nothing'" in desk.refused(4, "dataset", "show", "Nothing")
    # A folder that is named goes before the profile.
    local = desk.json("dataset", "show", "CustomersAndTenants", "--data-dir", str(timed.data_dir))
    assert local["origin"] == "built-in" and local["columns"][0]["type"]
    assert away.ok("dataset", "list").stdout.splitlines()[1].split() == ["OfficeUsage", "5", "1", "24", "5"]
    assert "MonthlyActiveUsers" in away.ok("dataset", "show", "OfficeUsage").stdout
