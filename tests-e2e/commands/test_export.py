"""`insightgate export` on a running demo, and on a strict imitation of the real service in which everything goes wrong that can."""

import json
import os
import re
import signal
import stat
import subprocess
import threading

import openpyxl

from harness.demo import RUN_SECONDS
from harness.desk import Desk
from harness.imitation import ANSWERS, FILE
from harness.waiting import eventually

QUERY = "SELECT CustomerName, Product, TotalRevenue FROM CustomersAndTenants ORDER BY CustomerName, Product TIMESPAN LIFETIME"
DOCUMENTED = "SELECT MPNId, MonthlyActiveUsers FROM OfficeUsage TIMESPAN LAST_MONTH"


def names(demo):
    """What exports have left on the server."""
    queries = demo.ok("GET", "ScheduledQueries", params={"includeSystemQueries": "true"})
    reports = demo.call("GET", "ScheduledReport").json()["value"]
    found = [query["name"] for query in queries] + [report["reportName"] for report in reports]
    return [name for name in found if name.startswith("insightgate-export")]


def test_rows_of_a_query_come_into_a_file_and_nothing_stays(demo, desk):
    whole = demo.export(QUERY)
    rows = whole.count(b"\n") - 1
    assert rows > 20
    made = desk.ok("export", QUERY, "-o", "rows.csv")
    file = desk.folder / "rows.csv"
    assert file.read_bytes() == whole and made.stdout == ""
    assert made.stderr == f"{rows} rows, {len(whole)} bytes: rows.csv\n"
    assert names(demo) == []

    # Without a file, to stdout; from a file, from stdin, as a saved query.
    assert desk.ok("export", QUERY, text=False, stdin=b"").stdout == whole
    (desk.folder / "q.sql").write_text(QUERY)
    assert desk.ok("export", "--file", "q.sql", "-o", "-", text=False, stdin=b"").stdout == whole
    assert desk.ok("export", "-", "-o", "/dev/stdout", text=False, stdin=QUERY.encode()).stdout == whole
    saved = demo.create_query(QUERY, "All that was billed")
    assert desk.ok("export", "--query", "all that was billed", text=False, stdin=b"").stdout == whole
    assert desk.ok("export", "--query", saved["queryId"].upper(), text=False, stdin=b"").stdout == whole
    assert demo.call("GET", "ScheduledQueries", params={"queryId": saved["queryId"]}).status_code == 200, "it was there before"

    told = desk.json("export", QUERY, "-o", "rows.tsv")
    table = (desk.folder / "rows.tsv").read_bytes()
    assert table.startswith(b"CustomerName\tProduct\tTotalRevenue\n") and told["bytes"] == len(table) and told["file"] == "rows.tsv"
    assert told["rows"] == rows and len(told["sha256"]) == 64
    on_stdout = desk.ok("export", QUERY, "--json")
    assert on_stdout.stdout.encode() == whole and json.loads(on_stdout.stderr)["rows"] == told["rows"]
    desk.ok("export", QUERY, "-o", "rows.parquet")
    assert (desk.folder / "rows.parquet").read_bytes()[:4] == b"PAR1"
    none = desk.ok("export", QUERY, "--from", "1990-01-01", "--to", "1990-01-02").stdout
    assert none == "CustomerName,Product,TotalRevenue\n"
    assert names(demo) == []


def test_a_file_for_excel(demo, desk):
    """A workbook by the file's name, and CSV for Excel by the format that is said."""
    for file, more in (("rows.csv", ()), ("rows.xlsx", ()), ("excel.csv", ("--format", "csv-excel"))):
        desk.ok("export", QUERY, "-o", file, *more)
    header, *rows = openpyxl.load_workbook(desk.folder / "rows.xlsx")["Data"].iter_rows(values_only=True)
    plain = (desk.folder / "rows.csv").read_bytes().decode()
    assert (desk.folder / "excel.csv").read_bytes().decode() == "\ufeff" + plain.replace("\n", "\r\n")
    assert ",".join(header) == plain.splitlines()[0] and len(rows) == len(plain.splitlines()) - 1 > 10
    assert names(demo) == []


def test_an_identical_query_is_used_and_not_made_anew(service, away):
    service.queries.append({"queryId": "q-1", "name": "Mine", "description": None, "query": DOCUMENTED, "type": "userDefined", "user": "u", "createdTime": None})
    away.ok("export", f"{DOCUMENTED.replace(' FROM', chr(10) + '  FROM')};", "-o", "rows.csv")
    assert service.count("POST /insights/v1/mpn/ScheduledQueries") == 0 and service.left() == ["Mine"]
    away.ok("export", f"{DOCUMENTED} ", "-o", "-")
    assert service.left() == ["Mine"]


def test_a_reports_newest_file(demo, desk):
    query = demo.create_query(QUERY, "for the newest file")
    report = demo.create_report(query["queryId"], ExecuteNow=True, ReportName="Newest file")
    demo.settled(report["reportId"])
    before = len(demo.ok("GET", "ScheduledReport"))
    whole = demo.export(QUERY)
    assert desk.ok("export", "--last", "newest FILE", text=False, stdin=b"").stdout == whole
    assert desk.ok("export", "--last", report["reportId"], text=False, stdin=b"").stdout == whole
    assert len(demo.ok("GET", "ScheduledReport")) == before + 1, "nothing was made but the one of this test"
    # It is as it is, whatever the name says.
    for command in (["export", "--last", "newest file"], ["report", "download", "newest file"]):
        refused = desk.refused(2, *command, "-o", "rows.parquet")
        assert "the report's file is csv, and rows.parquet says parquet" in refused and "--format csv" in refused
        assert "is csv, and not parquet" in desk.refused(2, *command, "-o", "rows.parquet", "--format", "parquet")
        assert list(desk.folder.iterdir()) == []
        desk.ok(*command, "-o", "rows.parquet", "--format", "csv")
        assert (desk.folder / "rows.parquet").read_bytes() == whole
        (desk.folder / "rows.parquet").unlink()
    missing = desk.refused(4, "export", "--last", "Nothing")
    assert "there is no report 'Nothing'" in missing and "`insightgate report list`" in missing
    assert "cannot be used with" in desk.command("export", QUERY, "--last", "Newest file").stderr


def test_where_the_rows_go(demo, desk, tmp_path):
    whole = demo.export(QUERY)
    (desk.folder / "there.csv").write_text("mine")
    refused = desk.refused(2, "export", QUERY, "-o", "there.csv")
    assert "there.csv is there already" in refused and "--force" in refused
    assert (desk.folder / "there.csv").read_text() == "mine"
    link = desk.folder / "link.csv"
    link.symlink_to("there.csv")
    assert "is there already" in desk.refused(2, "export", QUERY, "-o", "link.csv")
    desk.ok("export", QUERY, "-o", "link.csv", "--force")
    assert link.is_symlink() and (desk.folder / "there.csv").read_bytes() == whole

    desk.ok("export", QUERY, "-o", "/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    pipe, got = desk.folder / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    desk.ok("export", QUERY, "-o", "pipe")
    reader.join(RUN_SECONDS)
    assert got == [whole] and stat.S_ISFIFO(os.lstat(pipe).st_mode)

    # A reader that has enough is no failure.
    head = subprocess.run(
        f"'{desk.binary}' export \"{QUERY}\" | head -n 1", shell=True, env=desk.environment, capture_output=True, text=True, timeout=RUN_SECONDS
    )
    assert head.stdout == "CustomerName,Product,TotalRevenue\n" and "error" not in head.stderr

    # What cannot be written is known before anything is made.
    for place, said in [("nowhere/rows.csv", "No such file"), (".", "is a directory"), ("/proc/rows.csv", "/proc/rows.csv"), ("rows.doc", "'doc' is not a format")]:
        refused = desk.command("export", QUERY, "-o", place, INSIGHTGATE_ENDPOINT="https://127.0.0.1:9")
        assert refused.returncode in (1, 2) and said in refused.stderr and "cannot reach" not in refused.stderr, refused.stderr
    assert names(demo) == []
    assert sorted(file.name for file in desk.folder.iterdir()) == ["link.csv", "pipe", "there.csv"]


def test_what_is_wrong_is_said_in_one_line(demo, desk, tmp_path):
    wrong = desk.command("export", QUERY.replace("Product", "Produkt"), "-o", "rows.csv")
    assert wrong.returncode == 2 and "did you mean 'Product'?" in wrong.stderr
    assert "which query? There is no text" in desk.refused(2, "export")
    assert "there is no query 'Nothing'" in desk.refused(4, "export", "--query", "Nothing")
    assert "AADSTS50126" in desk.refused(3, "export", QUERY, INSIGHTGATE_PASSWORD="wrong")
    for address, hint in [("https://127.0.0.1:9", "listens"), ("https://nowhere.invalid", "check the address")]:
        refused = desk.refused(5, "export", QUERY, "-o", "rows.csv", INSIGHTGATE_ENDPOINT=address)
        assert "cannot reach" in refused and hint in refused
    other = tmp_path / "other.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other", "-keyout", "/dev/null", "-out", other],
        check=True,
        capture_output=True,
    )
    untrusted = desk.refused(5, "export", QUERY, INSIGHTGATE_CA_CERTIFICATE=str(other))
    assert "certificate" in untrusted and "INSIGHTGATE_CA_CERTIFICATE" in untrusted
    assert list(desk.folder.iterdir()) == [] and names(demo) == []


def test_a_used_up_quota_says_when_a_place_is_free(start, binary, tmp_path):
    with start(tmp_path / "data", "--rows", "60", "--clock", "manual") as demo:
        eventually(lambda: demo.call("GET", "ScheduledReport").json()["value"])
        (tmp_path / "home").mkdir()
        desk = Desk(binary, {"INSIGHTGATE_PROFILE": str(tmp_path / "data-ready.json")}, tmp_path / "home")
        # The demo's own walk has had the first of five.
        for _ in range(4):
            desk.ok("export", QUERY, "-o", "/dev/null")
        refused = desk.refused(1, "export", QUERY, "-o", "rows.csv")
        assert "ExecuteNow report creation quota" in refused
        assert "hint: a place is free in 1 hour, at " in refused and "--wait" in refused
        assert names(demo) == [] and list(desk.folder.iterdir()) == []


# The imitation


def test_the_documented_calls_alone_are_enough(service, away):
    service.unseen, service.queued, service.unlinked = 1, 1, 1
    for service.capitals, service.mark, service.zipped in [(False, False, False), (True, True, True)]:
        done = away.ok("export", DOCUMENTED, "-o", "rows.csv", "--force")
        assert (away.folder / "rows.csv").read_text() == FILE
        assert done.stderr == f"{len(FILE)} bytes: rows.csv\n" and service.left() == []
    service.unseen = service.queued = service.unlinked = 0
    told = away.json("export", DOCUMENTED, "-o", "rows.tsv")
    assert (told["rows"], told["sha256"], told["bytes"]) == (None, None, len(FILE))
    service.file = b"\xef\xbb\xbf" + FILE.encode()
    assert away.ok("export", DOCUMENTED, text=False, stdin=b"").stdout == service.file, "a mark in the file is the file's"


def test_a_token_that_ends_is_replaced(service, away):
    service.calls_of_a_token = 3
    away.ok("export", DOCUMENTED, "-o", "rows.csv")
    assert service.count("POST /contoso.example/oauth2/token") > 3 and service.left() == []


def test_a_busy_server_is_waited_for(service, away):
    busy = {"Retry-After": "1"}
    service.instead = [
        ("POST /contoso.example/oauth2/token", 503, busy, b""),
        ("POST /insights/v1/mpn/ScheduledQueries", 429, busy, b"{}"),
        ("POST /insights/v1/mpn/ScheduledReport", 429, busy, b"{}"),
        ("GET /insights/v1/mpn/ScheduledReport/execution", 503, busy, b"<html>gateway</html>"),
        ("GET /insights/v1/mpn/ScheduledReport/execution", None, {}, b""),
        ("GET /artifacts", 503, busy, b""),
        ("DELETE /insights/v1/mpn/ScheduledReport", None, {}, b""),
        ("DELETE /insights/v1/mpn/ScheduledQueries", 503, busy, b""),
    ]
    away.ok("export", DOCUMENTED, "-o", "rows.csv")
    assert (away.folder / "rows.csv").read_text() == FILE and service.left() == [] and service.instead == []
    # Longer than anybody waits.
    service.instead = [("GET /insights/v1/mpn/ScheduledQueries", 429, {"Retry-After": "7200"}, b"{}")]
    assert "try again" in away.refused(1, "export", DOCUMENTED)


def test_what_came_of_a_lost_answer_is_found_and_taken_away(service, away):
    """The server makes the report, and the connection ends before its answer."""
    answers = []
    real = service.envelope

    def lose(call):
        service.envelope = real
        if call.startswith("POST /insights") and call not in answers:
            answers.append(call)
            service.envelope = lambda *_: (None, None)

    service.watch = lose
    away.ok("export", DOCUMENTED, "-o", "rows.csv")
    assert len(answers) == 2 and service.left() == []
    assert service.count("POST /insights/v1/mpn/ScheduledReport") == 1, "it was not made twice"


def test_a_download_that_breaks_off_goes_on(service, away):
    for service.zipped in (False, True):
        service.cuts = [1000, 1, 0, 2500]
        away.ok("export", DOCUMENTED, "-o", "rows.csv", "--force")
        assert (away.folder / "rows.csv").read_text() == FILE and service.cuts == []
        ranges = [headers.get("range") for headers in service.headers if "authorization" not in headers]
        assert "bytes=1000-" in ranges and "bytes=1001-" in ranges and "bytes=3501-" in ranges, ranges
    # Straight into a pipe, too.
    service.zipped, service.cuts = False, [5000]
    assert away.ok("export", DOCUMENTED).stdout == FILE
    # A link that ends meanwhile is replaced.
    service.cuts, service.links_end = [4000], True
    away.ok("export", DOCUMENTED, "-o", "rows.csv", "--force")
    assert (away.folder / "rows.csv").read_text() == FILE
    # And one that nothing replaces is a failure that leaves what was there.
    service.cuts = [4000]
    service.watch = lambda call: call.startswith("GET /artifacts") and service.executions.clear() is None and service.reports.clear()
    refused = away.refused(4, "export", DOCUMENTED, "-o", "rows.csv", "--force")
    assert "No item found" in refused and (away.folder / "rows.csv").read_text() == FILE


def test_a_networks_sign_in_page_is_told_from_the_service(service, away):
    page = (ANSWERS / "portal.html").read_bytes()
    html = {"Content-Type": "text/html; charset=utf-8"}
    leads_on = {"Location": "http://portal.guest.example/login?next=secret"}
    for call in ("POST /contoso.example", "GET /insights/v1/mpn/ScheduledQueries", "POST /insights/v1/mpn/ScheduledReport", "GET /artifacts"):
        service.instead = [(call, 200, html, page)]
        refused = away.refused(1, "export", DOCUMENTED, "-o", "rows.csv")
        assert "it is a web page, which this API never sends" in refused and "sign-in page of a network" in refused and "Welcome" not in refused
        service.instead = [(call, 302, leads_on, b"")]
        assert "it leads on to portal.guest.example" in away.refused(1, "export", DOCUMENTED, "-o", "rows.csv")
    assert list(away.folder.iterdir()) == [] and service.left() == []


def test_quotas_without_a_time(service, away):
    used_up = {"value": [], "totalCount": 0, "message": "User has exceeded its ExecuteNow report creation quota of 5 reports/60 mins", "statusCode": 400}
    body = json.dumps(used_up).encode()
    service.instead = [("POST /insights/v1/mpn/ScheduledReport", 400, {}, body)]
    refused = away.refused(1, "export", DOCUMENTED, "-o", "rows.csv")
    assert "an hour old; --wait waits for it" in refused and service.left() == []
    service.instead = [("POST /insights/v1/mpn/ScheduledReport", 400, {"Retry-After": "1"}, body)] * 2
    away.ok("export", DOCUMENTED, "-o", "rows.csv", "--wait")
    assert (away.folder / "rows.csv").read_text() == FILE and service.left() == []


def test_a_report_that_takes_too_long_or_vanishes(service, away):
    service.queued = None
    refused = away.refused(5, "export", DOCUMENTED, "-o", "rows.csv", "--timeout", "2s")
    assert "did not finish within 2 s" in refused and "--timeout" in refused and service.left() == []
    service.lose_reports_after(3)
    assert "it was deleted" in away.refused(4, "export", DOCUMENTED, "-o", "rows.csv")
    assert list(away.folder.iterdir()) == [] and service.left() == []


def test_a_terminal_shows_how_far_it_is(service, away):
    # The line stands for as long as the broken connection is waited for.
    service.file, service.cuts = FILE.encode() * 50, [500_000]
    service.queued = 2
    shown = away.terminal("export", DOCUMENTED, "-o", "rows.csv")
    shown.until("the report is queued").until("the report is running").until("downloading")
    assert shown.end() == 0 and shown.text.rstrip().endswith(f"{len(service.file)} bytes: rows.csv"), shown.text
    assert (away.folder / "rows.csv").read_bytes() == service.file
    # In a pipe nothing of it is seen.
    assert away.ok("export", DOCUMENTED, "-o", "again.csv").stderr == f"{len(service.file)} bytes: again.csv\n"
    assert not re.search(r"\x1b\[[\d;]+m", shown.text), "no colours"


def test_ctrl_c_leaves_nothing_behind(service, away):
    service.queued = None
    (away.folder / "there.csv").write_text("mine")
    waiting = away.terminal("export", DOCUMENTED, "-o", "there.csv", "--force").until("the report is queued")
    assert len(service.left()) == 2
    waiting.press(b"\x03")
    assert waiting.end() == 130 and "error: interrupted" in waiting.text, waiting.text
    assert service.left() == [] and [file.name for file in away.folder.iterdir()] == ["there.csv"]
    assert (away.folder / "there.csv").read_text() == "mine"

    # In the middle of a download into a pipe that nobody reads.
    service.queued = 0
    service.file = FILE.encode() * 500
    os.mkfifo(away.folder / "pipe")
    reader = os.open(away.folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    into_pipe = away.terminal("export", DOCUMENTED, "-o", "pipe").until("downloading")
    into_pipe.press(b"\x03")
    assert into_pipe.end() == 130 and service.left() == []
    os.close(reader)
    assert sorted(file.name for file in away.folder.iterdir()) == ["pipe", "there.csv"]


def test_being_told_to_end_leaves_nothing_behind(service, away):
    service.queued = None
    process = subprocess.Popen([away.binary, "export", DOCUMENTED, "-o", "rows.csv"], env=away.environment, cwd=away.folder, stderr=subprocess.PIPE, text=True)
    eventually(lambda: len(service.left()) == 2)
    process.terminate()
    assert process.communicate(timeout=RUN_SECONDS)[1] == "error: interrupted\n" and process.returncode == 128 + signal.SIGTERM
    assert service.left() == [] and list(away.folder.iterdir()) == []
