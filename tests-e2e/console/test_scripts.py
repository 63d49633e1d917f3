"""The scripts of the console in Chromium, on a page of their own under the console's policy: what they add, and that the policy has nothing to complain of."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from harness import chromium
from harness.waiting import eventually

BUNDLES = Path(__file__).resolve().parents[2] / "crates/api/assets/console"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
KINDS = {".js": "text/javascript", ".css": "text/css"}
SECONDS = 20

TEMPLATES = Path(__file__).resolve().parents[2] / "crates/api/templates"
STYLE = (TEMPLATES / "colours.css").read_bytes() + (TEMPLATES / "page.css").read_bytes()

NAMES = {
    "datasets": [
        {
            "name": "Orders",
            "description": "What was ordered",
            "columns": [
                {"name": "Customer", "type": "string", "aliases": ["Client"], "values": ["Contoso", "O'Neil"]},
                {"name": "Product", "type": "string"},
                {"name": "Seats", "type": "int64", "values": [10, 25]},
                {"name": "Net price", "type": "decimal(10,2)"},
                {"name": "Renews", "type": "bool"},
                {"name": "Order", "type": "string"},
                {"name": "% off", "type": "float64"},
                {"name": "Tax(USD)", "type": "float64"},
                {"name": 'The "best"]', "type": "string"},
            ],
            "metrics": [{"name": "Revenue", "expression": "SUM(Price)"}],
            "spans": ["LAST_MONTH", "LIFETIME"],
        },
        {"name": "Customers", "columns": [{"name": "Country", "type": "string"}]},
        {"name": "Old orders", "columns": [{"name": "Reason", "type": "string"}]},
    ],
    "spans": ["TODAY", "LIFETIME"],
    # As the server says that they are written.
    "written": {name: '"' + name.replace('"', '""') + '"' for name in ("Net price", "Order", "% off", 'The "best"]', "Old orders")},
}

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Scripts</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/own.css"><link rel="stylesheet" href="/page.css"><link rel="stylesheet" href="/chart.css">
<script src="/page.js" defer></script><script src="/editor.js" defer></script><script src="/chart.js" defer></script></head><body><main>
<h1>Scripts</h1>
<p>Runs next at <time id="next" datetime="2026-03-15T12:00:00Z" data-local>2026-03-15 12:00 UTC</time>.</p>
<p><code id="snippet">curl --fail</code> <button type="button" id="copy" data-copy="#snippet" hidden>Copy</button></p>
<form id="remove" method="post" action="/removed" data-confirm="Remove &lt;b&gt;Contoso&lt;/b&gt;?" data-confirm-detail="Its secrets end." data-confirm-action="Remove">
<button id="ask">Remove</button></form>
<div id="part" hx-get="/part" hx-trigger="click" hx-target="#part">Load</div>
<form id="query" method="post" action="/saved"><input type="hidden" name="csrf" value="proof">
<label for="text">Query</label><textarea id="text" name="query" rows="4" required data-editor data-names="/names?program=mpn" data-values="/values" data-check="/check" data-explanation="#words"></textarea>
<div id="words"></div><button id="save">Save</button></form>
<figure data-chart><table data-sortable id="table"><thead><tr><th>Month</th><th data-kind="number">Revenue</th><th data-kind="number">Orders</th></tr></thead>
<tbody><tr><td>2026-01</td><td data-value="9">9.00</td><td>3</td></tr><tr><td>2026-02</td><td data-value="1000">1,000.00</td><td>2</td></tr>
<tr><td>2026-03</td><td></td><td>1</td></tr></tbody></table></figure>
<figure data-chart="each"><table><thead><tr><th>Product</th><th>Revenue</th></tr></thead><tbody><tr><td>Azure</td><td>5</td></tr><tr><td>Teams</td><td>-2</td></tr></tbody></table></figure>
<figure id="groups" data-chart="each" data-cut><table><thead><tr><th data-group>Workload</th><th data-group>Month</th><th data-kind="number">Seats</th></tr></thead><tbody>{groups}</tbody></table></figure>
<figure id="three" data-chart="each"><table><thead><tr><th data-group>Product</th><th data-group>Country</th><th data-kind="number">Seats</th><th data-group data-kind="number">Year</th></tr></thead>
<tbody><tr><td>Azure</td><td>Norway</td><td>1</td><td data-value="2025">2,025</td></tr><tr><td>Azure</td><td>Peru</td><td>2</td><td data-value="2025">2,025</td></tr>
<tr><td>Azure</td><td>Norway</td><td>4</td><td data-value="2026">2,026</td></tr><tr><td>Teams</td><td>Peru</td><td>-8</td><td data-value="2026">2,026</td></tr></tbody></table></figure>
<figure id="metrics" data-chart="each"><div><table><thead><tr><th data-group>Month</th><th data-kind="number">Seats</th><th data-kind="number">Orders</th><th data-kind="number">Price</th></tr></thead>
<tbody><tr><td>2026-01</td><td>1</td><td>2</td><td>3</td></tr><tr><td>2026-02</td><td>4</td><td>5</td><td>6</td></tr></tbody></table></div></figure>
</main></body></html>"""

# Ten workloads in two months; the last two have the smallest values.
GROUPS = "".join(
    f"<tr><td>{name}</td><td>{month}</td><td>{100 - 10 * at + of}</td></tr>" for of, month in enumerate(("2026-02", "2026-01")) for at, name in enumerate("ABCDEFGHIJ")
)


class Console(ThreadingHTTPServer):
    """Serves the page, and remembers what is posted."""

    def __init__(self):
        self.posted, posted = [], lambda *one: self.posted.append(one)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.split("?")[0]
                bundle = BUNDLES / f"{path[1:]}.gz"
                if bundle.is_file():
                    return self.answer(bundle.read_bytes(), KINDS[Path(path).suffix], ("Content-Encoding", "gzip"))
                texts = {
                    "/": (PAGE.replace("{groups}", GROUPS).encode(), "text/html"),
                    "/own.css": (STYLE, "text/css"),
                    "/names": (json.dumps(NAMES).encode(), "application/json"),
                    "/values": (json.dumps({"values": ["Azure", "Teams"]}).encode(), "application/json"),
                    "/part": (b'<time datetime="2026-03-15T12:00:00Z" data-local>12:00 UTC</time>', "text/html"),
                }
                self.answer(*texts.get(path, (b"", "text/plain")))

            def do_POST(self):
                fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode(), keep_blank_values=True)
                posted(self.path, {name: values[0] for name, values in fields.items()})
                if self.path != "/check":
                    return self.answer(b"<!doctype html><html lang=en><title>Done</title><h1>Done</h1>", "text/html")
                text = fields["query"][0]
                at = text.find("Custmer")
                fault = {"from": at, "to": at + 7, "message": "'Custmer' is no column", "hint": "did you mean <i>Customer</i>?"}
                answer = {"diagnostics": [fault] if at >= 0 else [], "explanation": [] if at >= 0 else ["Reads the dataset Orders."]}
                self.answer(json.dumps(answer).encode(), "application/json")

            def answer(self, content, kind, *headers):
                self.send_response(200)
                for name, value in (("Content-Type", f"{kind}; charset=utf-8"), ("Content-Length", len(content)), ("Content-Security-Policy", POLICY), *headers):
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    if not chromium.is_there():
        pytest.skip("chromium and chromium-driver are not installed")
    with chromium.Chromium(tmp_path_factory.mktemp("chromium")) as browser, Console() as console:
        browser.in_zone("Europe/Berlin")
        yield browser, console


@pytest.fixture
def page(opened):
    """The page anew; at the end nothing may have been forbidden, and nothing have failed."""
    browser, console = opened
    console.posted.clear()
    browser.open(console.url)
    browser.complaints()
    yield browser, console
    # Reading the charts' pixels back makes the browser give advice.
    assert [one for one in browser.complaints() if "willReadFrequently" not in one] == []


def editor(browser, script, *arguments):
    """What the script returns of the editor's root."""
    return browser.run(f"const root = document.querySelector('.query-editor').shadowRoot; {script}", *arguments)


def offered(browser):
    return editor(browser, "return [...root.querySelectorAll('.cm-tooltip-autocomplete li .cm-completionLabel')].map(one => one.textContent)")


def write(browser, text):
    """The text anew, as a person types it."""
    editor(browser, "root.querySelector('.cm-content').focus()")
    browser.keys("\ue009a\ue000\ue003")
    browser.keys(text)


def test_a_page_is_made_comfortable(page):
    browser, console = page
    assert browser.run("return document.querySelector('#next').innerText").replace("\xa0", " ") == "2026-03-15 13:00 GMT+1 2026-03-15 12:00 UTC"
    browser.click("#part")
    eventually(lambda: "13:00" in browser.run("return document.querySelector('#part').innerText"), SECONDS)

    browser.click("#copy")
    eventually(lambda: browser.run("return document.querySelector('[role=status].heard')?.textContent") == "Copied", SECONDS)

    browser.click("#ask")
    assert browser.run("return document.querySelector('dialog h2').textContent") == "Remove <b>Contoso</b>?"
    assert browser.run("return document.activeElement.textContent") == "Cancel"
    browser.keys("\ue00c")
    eventually(lambda: browser.count("dialog") == 0, SECONDS)
    assert console.posted == []
    browser.click("#ask")
    browser.click("dialog .go")
    eventually(lambda: console.posted == [("/removed", {})], SECONDS)


def test_a_table_is_sorted_and_its_columns_sized(page):
    browser, _ = page
    first = lambda: browser.run("return [...document.querySelectorAll('#table tbody tr')].map(row => row.cells[0].textContent)")
    sort = "#table th:nth-child(2) .sort"
    for order, rows in (
        ("ascending", ["2026-01", "2026-02", "2026-03"]),
        ("descending", ["2026-02", "2026-01", "2026-03"]),
        ("none", ["2026-01", "2026-02", "2026-03"]),
    ):
        browser.click(sort)
        assert first() == rows
        assert browser.run("return document.querySelector('#table th:nth-child(2)').ariaSort") == order
    width = lambda: browser.run("return document.querySelector('#table th').getBoundingClientRect().width")
    before = width()
    browser.run("document.querySelector('#table th .width').focus()")
    browser.keys("\ue014\ue014")
    assert abs(width() - before - 32) <= 1


def drawn(browser):
    """The colours of each chart."""
    return browser.run(
        """return [...document.querySelectorAll("canvas")].map(canvas => {
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height), colours = new Set();
            for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) colours.add(`${data[at]} ${data[at + 1]} ${data[at + 2]}`);
            return [...colours];
        })"""
    )


def test_charts_are_drawn_of_tables(page):
    browser, _ = page
    assert browser.count("figure[data-chart] .chart canvas") == 7
    for scheme in ("light", "dark"):
        for width in (1200, 320):
            browser.look(width, 900, scheme)
            wanted = "11 98 196" if scheme == "light" else "108 178 255"
            eventually(lambda: all(wanted in colours for colours in drawn(browser)), SECONDS)
            eventually(lambda: browser.run("return document.documentElement.scrollWidth") <= width, SECONDS)
    browser.look(1200, 900)
    # The table is still what is read out.
    assert browser.run("return document.querySelector('.chart').ariaHidden") == "true" and browser.count("figure > table") == 4
    # With one group there is nothing to choose, and it is said what is drawn.
    assert told(browser, "figure:not([id])") == ["Revenue and Orders by Month"]
    assert browser.count("figure:not([id]) select") == 0


def test_each_chart_stands_below_the_sentence_that_says_what_it_draws(page):
    browser, _ = page
    # Each with the name of its line, as the legend has it; the table comes last.
    order = """return [...document.querySelector("#metrics").children].map(one =>
        one.matches(".chart") ? `chart of ${one.querySelectorAll(".u-legend .u-label")[1].textContent}` : one.localName === "p" ? one.textContent : one.localName)"""
    wanted = [text for name in ("Seats", "Orders", "Price") for text in (f"{name} by Month", f"chart of {name}")] + ["div"]
    for width in (1200, 320, 1200):
        # Charts are drawn anew for another width.
        browser.look(width, 900)
        eventually(lambda: browser.run("return document.querySelector('#metrics canvas').clientWidth") <= width, SECONDS)
        assert browser.run(order) == wanted, width


def told(browser, figure):
    return browser.run("return [...document.querySelector(arguments[0]).querySelectorAll(':scope > p')].map(one => one.textContent)", figure)


def choose(browser, figure, field, label):
    """Chooses in the field with this name above the charts of a figure."""
    browser.run(
        """const [figure, name, wanted] = arguments;
        const field = [...document.querySelectorAll(`${figure} .chart-fields label`)].find(label => label.firstChild.textContent === name).querySelector("select");
        field.focus();
        field.value = [...field.options].find(option => option.label === wanted).value;
        field.dispatchEvent(new Event("change", { bubbles: true }));""",
        figure,
        field,
        label,
    )


def fields(browser, figure):
    """The fields above the charts, each with what is chosen."""
    return browser.run(
        "return [...document.querySelectorAll(`${arguments[0]} .chart-fields label`)].map(label => [label.firstChild.textContent, label.querySelector('select').selectedOptions[0].label])",
        figure,
    )


def legend(browser, figure):
    return browser.run("return [...document.querySelectorAll(`${arguments[0]} .u-legend .u-label`)].map(one => one.textContent)", figure)


def test_several_groups_are_an_axis_and_a_series_that_can_be_chosen(page):
    browser, _ = page
    # Times go along the axis, wherever their column stands.
    assert fields(browser, "#groups") == [["Axis", "Month"], ["Series", "Workload"]]
    assert told(browser, "#groups") == ["Seats by Month, a line for each Workload (the 8 of 10 with the largest values), of the first rows only"]
    assert legend(browser, "#groups") == ["Month", *"ABCDEFGH"]
    choose(browser, "#groups", "Axis", "Workload")
    assert fields(browser, "#groups") == [["Axis", "Workload"], ["Series", "Month"]]
    assert told(browser, "#groups") == ["Seats by Workload, a bar for each Month, of the first rows only"]
    assert legend(browser, "#groups") == ["Workload", "2026-01", "2026-02"]
    # The field that was used keeps the focus.
    assert browser.run("return document.activeElement.dataset.chartField") == "axis"
    assert len({tuple(colours) for colours in drawn(browser)}) > 1
    # Without a series a place of the chart would stand for several rows: one month is drawn.
    choose(browser, "#groups", "Series", "(none)")
    assert fields(browser, "#groups") == [["Axis", "Workload"], ["Series", "(none)"], ["Month", "2026-02"]]
    choose(browser, "#groups", "Month", "2026-01")
    assert told(browser, "#groups") == ["Seats by Workload, where Month is 2026-01, of the first rows only"]
    assert browser.count("#groups .chart canvas") == 1

    # A group of numbers is no metric, and a third group is held at one value as long as rows would stand in one place.
    assert fields(browser, "#three") == [["Axis", "Product"], ["Series", "Country"], ["Year", "2,025"]]
    choose(browser, "#three", "Series", "Year")
    assert fields(browser, "#three") == [["Axis", "Product"], ["Series", "Year"], ["Country", "Norway"]]
    choose(browser, "#three", "Country", "Peru")
    assert told(browser, "#three") == ["Seats by Product, a bar for each Year, where Country is Peru"]
    browser.look(320, 900)
    eventually(lambda: browser.run("return document.documentElement.scrollWidth") <= 320, SECONDS)
    assert told(browser, "#three") == ["Seats by Product, a bar for each Year, where Country is Peru"], "what was chosen stays"
    browser.look(1200, 900)


@pytest.mark.parametrize(
    "text, some, none",
    [
        ("", ["SELECT"], ["FROM"]),
        ("SELECT Rev", ["Revenue"], ["Orders"]),
        ("SELECT Product FROM ", ["Orders", "Customers"], ["Product"]),
        ("SELECT Product FROM Orders ", ["WHERE", "ORDER BY", "TIMESPAN"], ["Product"]),
        ("SELECT Product FROM Orders WHERE ", ["Customer", "Client", "Net price", "Revenue"], ["Country"]),
        ("SELECT Product FROM Orders WHERE Seats ", ["=", "NOT IN", "LIKE"], ["Seats"]),
        ("SELECT Product FROM Orders WHERE Client = ", ["Contoso", "O'Neil"], ["Seats"]),
        ("SELECT Product FROM Orders WHERE Product IN ('Azure', ", ["Azure", "Teams"], ["Seats"]),
        ("SELECT Product FROM Orders WHERE Renews = TRUE ", ["AND", "ORDER BY"], ["Seats"]),
        ("SELECT Product FROM Orders ORDER BY Product ", ["ASC", "DESC", "LIMIT"], ["WHERE"]),
        ("SELECT Product FROM Orders TIMESPAN ", ["LAST_MONTH", "LIFETIME"], ["TODAY"]),
        ('SELECT "Net', ["Net price"], ["DISTINCT", "FROM"]),
    ],
)
def test_what_can_stand_at_a_place_is_offered(page, text, some, none):
    browser, _ = page
    write(browser, text)
    browser.keys("\ue009 \ue000")
    eventually(lambda: set(some) <= set(offered(browser)), SECONDS)
    assert not set(none) & set(offered(browser))


@pytest.mark.parametrize(
    "text, label, becomes",
    [
        # What is typed without its quotes, from its first word on.
        ("SELECT Net pr", "Net price", 'SELECT "Net price"'),
        ("SELECT Product, net ", "Net price", 'SELECT Product, "Net price"'),
        ("SELECT Product FROM Orders WHERE Net p", "Net price", 'SELECT Product FROM Orders WHERE "Net price"'),
        ("SELECT Product FROM Old or", "Old orders", 'SELECT Product FROM "Old orders"'),
        # A keyword, a sign, a unit.
        ("SELECT Ord", "Order", 'SELECT "Order"'),
        ("SELECT %", "% off", 'SELECT "% off"'),
        ("SELECT Tax(U", "Tax(USD)", "SELECT Tax(USD)"),
        # With the quotes, of either kind, and with one that is in the name.
        ('SELECT "Net', "Net price", 'SELECT "Net price"'),
        ("SELECT [Net p", "Net price", "SELECT [Net price]"),
        ('SELECT "The ""b', 'The "best"]', 'SELECT "The ""best""]"'),
        ("SELECT [The ", 'The "best"]', 'SELECT [The "best"]]]'),
        # Where a name stands bare, it stays so.
        ("SELECT Pro", "Product", "SELECT Product"),
    ],
)
def test_a_name_is_completed_with_the_quotes_that_it_needs(page, text, label, becomes):
    browser, _ = page
    write(browser, text)
    browser.keys("\ue009 \ue000")
    # The list shows names without their quotes.
    eventually(lambda: label in offered(browser), SECONDS)
    pick = "[...root.querySelectorAll('.cm-tooltip-autocomplete li')].find(one => one.querySelector('.cm-completionLabel').textContent === arguments[0])"
    editor(browser, f"{pick}.dispatchEvent(new MouseEvent('mousedown', {{ bubbles: true, cancelable: true }}))", label)
    assert browser.run("return document.querySelector('#text').value") == becomes


def test_a_quote_that_is_open_hides_no_dataset(page):
    browser, _ = page
    write(browser, "SELECT  FROM Customers\ue00c")
    browser.keys("\ue011" + "\ue014" * 7 + '"')
    eventually(lambda: "Country" in offered(browser), SECONDS)
    assert "Product" not in offered(browser)


def test_faults_are_marked_while_one_types(page):
    browser, console = page
    # A label leads to the editor, Tab out of it, and the field is what is sent.
    browser.click("label[for=text]")
    assert editor(browser, "return root.activeElement.getAttribute('aria-label')") == "Query"
    browser.keys("SELECT Custmer FROM Orders\ue00c")
    eventually(lambda: editor(browser, "return root.querySelector('.cm-lintRange-error')?.textContent") == "Custmer", SECONDS)
    assert console.posted[-1] == ("/check", {"csrf": "proof", "query": "SELECT Custmer FROM Orders"})
    assert browser.run("return document.querySelector('.query-faults li').innerText").split("\n") == [
        "Line 1, column 8 'Custmer' is no column",
        "did you mean <i>Customer</i>?",
    ]
    style = lambda what: editor(browser, "return getComputedStyle(root.querySelector('.cm-lintRange-error'))[arguments[0]]", what)
    assert (style("backgroundImage"), style("textDecorationStyle")) == ("none", "wavy")
    # Its own style sheets are in force.
    assert editor(browser, "return getComputedStyle(root.querySelector('.cm-content')).whiteSpace") in ("break-spaces", "pre-wrap")
    browser.keys("\ue00c\ue004")
    assert browser.run("return document.activeElement.closest('.query-faults') !== null || document.activeElement.id") in (True, "save")

    write(browser, "SELECT Customer FROM Orders")
    eventually(lambda: browser.run("return document.querySelector('#words').textContent") == "Reads the dataset Orders.", SECONDS)
    assert browser.count(".query-faults li") == 0
    browser.keys("\ue00c")
    browser.click("#save")
    eventually(lambda: console.posted[-1] == ("/saved", {"csrf": "proof", "query": "SELECT Customer FROM Orders"}), SECONDS)
