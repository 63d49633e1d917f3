"""`insightgate export --chart` and `--html`: what a person sees of the rows, in a terminal and in Debian's Chromium."""

import csv
import io
import json
from http.server import SimpleHTTPRequestHandler

import pytest

from harness import chromium
from harness.loopback import Loopback

GROUPS = "SELECT CustomerName, TotalRevenue FROM CustomersAndTenants ORDER BY TotalRevenue TIMESPAN LIFETIME"
MONTHS = "SELECT Month, TotalRevenue FROM CustomersAndTenants ORDER BY Month TIMESPAN LIFETIME"
BOTH = "SELECT Month, Product, TotalRevenue FROM CustomersAndTenants ORDER BY TotalRevenue TIMESPAN LIFETIME"
DOCUMENTED = "SELECT MPNId, MonthlyActiveUsers FROM OfficeUsage TIMESPAN LAST_MONTH"
HOSTILE = "MPNId,Seats\n\"</script><script>document.title='owned'</script>\",5\n\"\x1b[2J\x07<img src=//out.example onerror=alert(1)>\",-7\n=cmd|' /C calc'!A0,9\n"


def test_groups_are_bars_and_months_are_columns(demo, desk):
    rows = list(csv.DictReader(io.StringIO(demo.export(GROUPS).decode())))
    shown = desk.ok("export", GROUPS, "--chart")
    assert shown.stderr == "" and "\x1b" not in shown.stdout
    title, blank, *lines = shown.stdout.splitlines()
    assert (title, blank) == ("TotalRevenue by CustomerName", "")
    assert all(len(line) <= 80 for line in lines)
    assert all(line.startswith(row["CustomerName"][:20]) for line, row in zip(lines, rows)) and len(lines) == len(rows) < 40
    bars = [line.count("█") for line in lines]
    assert bars == sorted(bars, reverse=True) and bars[0] > 30

    columns = desk.ok("export", MONTHS, "--chart=totalrevenue").stdout.splitlines()
    assert columns[0] == "TotalRevenue by Month" and "┤" in columns[2] and columns[-2].lstrip().startswith("0 ┼──")
    assert "2026-" in columns[-1] or "2025-" in columns[-1]
    products = {row["Product"] for row in csv.DictReader(io.StringIO(demo.export(BOTH).decode()))}
    rows = desk.ok("export", BOTH, "--chart").stdout
    assert rows.startswith("TotalRevenue by Month and Product\n") and all(f"\n{product}" in rows for product in products)


def test_the_file_is_what_it_is_without_a_chart(demo, desk):
    whole, chart = demo.export(GROUPS), desk.ok("export", GROUPS, "--chart").stdout
    for name, begins in [("rows.csv", whole), ("rows.tsv", whole.replace(b",", b"\t")[:30]), ("rows.parquet", b"PAR1")]:
        made = desk.ok("export", GROUPS, "--chart", "-o", name)
        assert (desk.folder / name).read_bytes().startswith(begins) and made.stdout == chart
        assert made.stderr.endswith(f" bytes: {name}\n") and made.stderr.count("\n") == 1
    told = desk.ok("export", GROUPS, "--chart", "--json")
    assert told.stdout == chart and json.loads(told.stderr)["file"] is None
    told = desk.json("export", GROUPS, "--html", "rows.html")
    assert told["rows"] == whole.count(b"\n") - 1 and (desk.folder / "rows.html").read_text().startswith("<!DOCTYPE html>")
    kept = [query["name"] for query in demo.ok("GET", "ScheduledQueries")] + [report["reportName"] for report in demo.ok("GET", "ScheduledReport")]
    assert not [name for name in kept if name.startswith("insightgate-export")]


def test_a_terminal_is_filled_and_coloured_unless_it_is_forbidden(desk):
    shown = desk.terminal("export", GROUPS, "--chart")
    assert shown.end() == 0 and "\x1b[36m█" in shown.text
    longest = next(line for line in shown.text.splitlines() if "█████" in line)
    assert 90 < len(longest.replace("\x1b[36m", "").replace("\x1b[0m", "")) < 100
    desk.environment["NO_COLOR"] = "1"
    plain = desk.terminal("export", GROUPS, "--chart")
    assert plain.end() == 0 and "█████" in plain.text and "\x1b[36m" not in plain.text


def test_where_there_is_no_chart_it_is_said_why(demo, desk):
    texts = "SELECT CustomerName, Product FROM CustomersAndTenants TIMESPAN LIFETIME"
    refused = desk.refused(2, "export", texts, "--chart")
    assert "no column holds numbers" in refused and "add one to SELECT" in refused
    refused = desk.refused(2, "export", GROUPS, "--chart=CustomerName")
    assert "'CustomerName' is no column of numbers" in refused and "these do: TotalRevenue" in refused
    nothing = desk.ok("export", GROUPS, "--from", "1990-01-01", "--to", "1990-01-02", "--chart")
    assert nothing.stdout == "" and "note: there are no rows, and so no chart" in nothing.stderr
    assert "stdout together" in desk.refused(2, "export", GROUPS, "--chart", "-o", "-")
    assert "no file to write as parquet" in desk.refused(2, "export", GROUPS, "--chart", "--format", "parquet")
    assert "one file" in desk.refused(2, "export", GROUPS, "--html", "a.html", "-o", "a.html")

    (desk.folder / "there.html").write_text("mine")
    assert "there.html is there already" in desk.refused(2, "export", GROUPS, "--html", "there.html")
    assert (desk.folder / "there.html").read_text() == "mine"
    desk.ok("export", texts, "--html", "there.html", "--force")
    assert "No chart: no column holds numbers." in (desk.folder / "there.html").read_text()
    assert [file.name for file in desk.folder.iterdir()] == ["there.html"]
    desk.ok("export", GROUPS, "--from", "2020-01-01", "--to", "2020-02-01", "--html", "there.html", "--force")
    page = (desk.folder / "there.html").read_text()
    assert "Rows from 2020-01-01T00:00:00Z and before 2020-02-01T00:00:00Z, whatever TIMESPAN says." in page and "No chart: there are no rows." in page

    query = demo.create_query(GROUPS, "for a chart of a report")
    for format in ("tsv", "parquet"):
        report = demo.create_report(query["queryId"], ExecuteNow=True, ReportName=f"Chart of {format}", Format=format)
        demo.settled(report["reportId"])
    assert "TotalRevenue by CustomerName" in desk.ok("export", "--last", "Chart of tsv", "--chart").stdout
    refused = desk.refused(2, "export", "--last", "Chart of parquet", "--chart")
    assert "this report writes parquet" in refused and "--query" in refused


def test_rows_cannot_steer_the_terminal(service, away):
    service.file = HOSTILE.encode()
    shown = away.terminal("export", DOCUMENTED, "--chart")
    assert shown.end() == 0 and "Seats by MPNId" in shown.text and "\x1b[2J\x07" not in shown.text
    chart = away.ok("export", DOCUMENTED, "--chart").stdout
    assert "\x1b" not in chart and "\x07" not in chart and "�[2J" in chart and "-7" in chart
    assert service.left() == []


def test_a_long_file_is_looked_at_in_part(service, away):
    service.file = b"MPNId,Seats\n" + b"".join(b"%d,%d\n" % (row, row % 90) for row in range(12_000))
    shown = away.ok("export", DOCUMENTED, "--chart", "--html", "page.html", "-o", "rows.csv")
    assert (away.folder / "rows.csv").read_bytes() == service.file
    assert "note: the chart is of the first 10000 rows\n" in shown.stderr and "… and 9960 more: ORDER BY and LIMIT choose which are drawn\n" in shown.stdout
    page = (away.folder / "page.html").read_text()
    assert "This page shows the first 10,000 rows;" in page and "more than 10,000 rows" in page and "9940 more groups are in the table alone." in page
    assert page.count("<tr>") == 10_001 and "<td>9999</td>" in page and "<td>10000</td>" not in page


def test_ctrl_c_leaves_no_half_page(service, away):
    service.queued = None
    (away.folder / "page.html").write_text("mine")
    waiting = away.terminal("export", DOCUMENTED, "--chart", "--html", "page.html", "--force").until("the report is queued")
    waiting.press(b"\x03")
    assert waiting.end() == 130 and "error: interrupted" in waiting.text and service.left() == []
    assert [file.name for file in away.folder.iterdir()] == ["page.html"] and (away.folder / "page.html").read_text() == "mine"


# A browser


class Pages(Loopback):
    """Serves a folder, and remembers what was asked of it."""

    def __init__(self, folder):
        asked = self.asked = []

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=str(folder))

            def log_message(self, *_):
                asked.append(self.path)

        super().__init__(Handler)

    def address(self, name):
        return f"{self.url}/{name}"


@pytest.fixture
def browser(tmp_path):
    if not chromium.is_there():
        pytest.skip("chromium and chromium-driver are not installed")
    with chromium.Chromium(tmp_path / "chromium") as browser:
        yield browser


def drawn(browser):
    """How many pixels of each chart are drawn, and in how many colours."""
    return browser.run(
        """return [...document.querySelectorAll("canvas")].map(canvas => {
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height), colours = new Set();
            let pixels = 0;
            for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) { pixels += 1; colours.add(`${data[at]} ${data[at + 1]} ${data[at + 2]}`); }
            return [pixels, [...colours]];
        })"""
    )


def column(browser, number):
    return browser.run("return [...document.querySelectorAll('.table tbody tr')].map(row => row.cells[arguments[0]].textContent)", number)


@pytest.mark.parametrize("query", [GROUPS, MONTHS, BOTH], ids=["groups", "months", "both"])
def test_a_browser_shows_chart_and_table(demo, desk, browser, query):
    desk.ok("export", query, "--html", "page.html", "-o", "rows.csv")
    names, *rows = csv.reader((desk.folder / "rows.csv").open())
    with Pages(desk.folder) as pages:
        seen = {}
        for scheme, colour in (("light", "11 98 196"), ("dark", "108 178 255")):
            for width in (1200, 320):
                browser.look(width, 800, scheme)
                browser.open(pages.address("page.html"))
                [(pixels, colours)] = drawn(browser)
                assert pixels > 300 and colour in colours, f"{scheme} {width}: {pixels} pixels"
                assert browser.run("return document.documentElement.scrollWidth <= innerWidth"), "nothing lies outside of the window"
                seen[scheme, width] = browser.run("return getComputedStyle(document.body).backgroundColor")
        assert seen["light", 1200] == "rgb(255, 255, 255)" and seen["dark", 320] == "rgb(20, 23, 27)"

        # Light and dark change without loading the page anew.
        browser.look(1200, 800, "light")
        browser.run("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert "11 98 196" in drawn(browser)[0][1]

        # What the pointer is at stands below the chart: the place of the axis first, then the value of each line or bar.
        place_of_table = "return document.querySelector('.table').getBoundingClientRect().top"
        before = browser.run(place_of_table)
        browser.point(".u-over")
        browser.run("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        place, *values = browser.run("return [...document.querySelectorAll('.u-legend .u-value')].map(cell => cell.textContent)")
        pointed = [row for row in rows if row[0] in (place, f"{place}-01")]
        assert {f"{float(row[-1]):,.2f}".rstrip("0").rstrip(".") for row in pointed} <= set(values), (place, values)
        assert browser.run(place_of_table) == before, "nothing moves below the pointer"
        assert pointed and len(values) == len(pointed) if query != BOTH else len(values) > 1

        assert [column(browser, at) for at in range(len(names))] == [[row[at] for row in rows] for at in range(len(names))]
        last = len(names) - 1
        numbers = sorted((float(row[last]) for row in rows))
        head = f".table th:nth-child({last + 1})"
        for state, wanted in [("ascending", numbers), ("descending", numbers[::-1]), ("none", [float(row[last]) for row in rows])]:
            browser.click(f"{head} button")
            assert browser.run("return document.querySelector(arguments[0]).getAttribute('aria-sort')", head) == state
            assert [float(cell) for cell in column(browser, last)] == wanted
        browser.click(".table th:first-child button")
        assert column(browser, 0)[0] == min(row[0] for row in rows)
        assert browser.run("return getComputedStyle(document.querySelector('.table td:last-child')).textAlign") == "right"
        assert query in browser.text() and f"{len(rows)} rows" in browser.text()

        assert set(pages.asked) == {"/page.html"}
        assert browser.run("return performance.getEntriesByType('resource').length") == 0
        assert browser.complaints() == []


def test_rows_cannot_run_in_the_browser(service, away, browser):
    service.file = HOSTILE.encode()
    away.ok("export", DOCUMENTED, "--html", "page.html")
    page = (away.folder / "page.html").read_text()
    assert "\x1b" not in page and page.count("<script") == 2
    browser.open((away.folder / "page.html").as_uri())
    assert browser.run("return document.title") == DOCUMENTED and drawn(browser)[0][0] > 300
    assert column(browser, 0) == ["</script><script>document.title='owned'</script>", "�[2J�<img src=//out.example onerror=alert(1)>", "=cmd|' /C calc'!A0"]
    assert browser.run("return document.images.length") == 0 and browser.complaints() == []

    # What the page's policy does not name does not run.
    broken = page.replace("<tbody>", "<tbody><tr><td><script>document.title='owned'</script><img src='http://127.0.0.1:9/x.png'></td></tr>", 1)
    (away.folder / "broken.html").write_text(broken)
    browser.open((away.folder / "broken.html").as_uri())
    assert browser.run("return document.title") == DOCUMENTED
    assert sum("Content Security Policy" in said for said in browser.complaints()) >= 2, "the script and the image"


def test_a_page_works_without_scripts(desk, browser):
    desk.ok("export", GROUPS, "--html", "page.html", "-o", "rows.csv")
    browser.without_scripts()
    browser.open((desk.folder / "page.html").as_uri())
    text = browser.text()
    assert "The charts need JavaScript; the table does not." in text
    assert all(cell in text for row in csv.reader((desk.folder / "rows.csv").open()) for cell in row)
