"""A person at the console's query editor, in Chromium: from a dataset to a chart, with what the server says of a text while it is written."""

import pytest
from harness import chromium
from harness.waiting import eventually

SECONDS = 30


@pytest.fixture(scope="module")
def signed_in(start, tmp_path_factory):
    if not chromium.is_there():
        pytest.skip("chromium and chromium-driver are not installed")
    folder = tmp_path_factory.mktemp("console")
    with start(folder / "data", "--rows", "60") as demo, chromium.Chromium(folder / "chromium") as browser:
        browser.open(f"{demo.ready['https']}/")
        browser.type("username", demo.ready["username"])
        browser.click("form button")
        eventually(lambda: browser.count("input[name=password]") == 1, SECONDS)
        browser.type("password", demo.ready["password"])
        browser.press("password")
        eventually(lambda: browser.address() == f"{demo.ready['https']}/", SECONDS)
        # The pages of the sign-in have no icon, which browsers ask for nevertheless.
        browser.complaints()
        yield browser, demo


def editor(browser, script):
    """What the script returns of the editor's root."""
    return browser.run(f"const root = document.querySelector('.query-editor').shadowRoot; {script}")


def write(browser, text):
    """The text in the place of what is there, as a person types it."""
    editor(browser, "root.querySelector('.cm-content').focus()")
    browser.keys("\ue009a\ue000\ue003")
    browser.keys(text)


def test_a_query_is_written_with_the_servers_help_and_drawn(signed_in):
    browser, url = signed_in[0], signed_in[1].ready["https"]
    browser.open(f"{url}/console/mpn/datasets?name=OfficeUsage")
    assert browser.count("#rows tbody tr") == 10
    browser.click("main a.button.quiet")
    eventually(lambda: browser.count(".query-editor") == 1, SECONDS)
    assert browser.run("return document.querySelector('#text').value").startswith("SELECT Month, CustomerCount, ")

    # A click in the middle of the box, below its first line, leads to the text.
    browser.run("document.activeElement.blur()")
    browser.click(".query-editor")
    assert "cm-content" in editor(browser, "return root.activeElement?.className ?? ''")

    # What is wrong is marked where it is, and what is right is told in words.
    write(browser, "SELECT Month, CustomerCuont FROM OfficeUsage TIMESPAN LIFETIME\ue00c")
    eventually(lambda: editor(browser, "return root.querySelector('.cm-lintRange-error')?.textContent") == "CustomerCuont", SECONDS)
    assert "did you mean 'CustomerCount'?" in browser.run("return document.querySelector('.query-faults').textContent")
    write(browser, "SELECT WorkloadName, CustomerCount FROM OfficeUsage TIMESPAN LIFETIME\ue00c")
    eventually(lambda: "Groups rows by WorkloadName" in browser.run("return document.querySelector('#meaning').textContent"), SECONDS)
    assert browser.count(".query-faults li") == 0

    # What lacks at the end is told of the place after it, where the mark has no character.
    unfinished = "SELECT CustomerCount FROM OfficeUsage WHERE"
    write(browser, f"{unfinished}\ue00c")
    place = f"Line 1, column {len(unfinished) + 1} "
    eventually(lambda: browser.run("return document.querySelector('.query-faults li')?.textContent ?? ''").startswith(place), SECONDS)

    # Values are those of the dataset.
    write(browser, "SELECT CustomerCount FROM OfficeUsage WHERE WorkloadName = ")
    browser.keys("\ue009 \ue000")
    offered = "return [...root.querySelectorAll('.cm-tooltip-autocomplete li .cm-completionLabel')].map(one => one.textContent)"
    eventually(lambda: "Exchange Online" in editor(browser, offered), SECONDS)
    browser.keys("\ue00c")

    # Control and Enter show the first rows.
    write(browser, "SELECT Month, CustomerCount FROM OfficeUsage ORDER BY Month ASC TIMESPAN LIFETIME\ue00c")
    browser.keys("\ue009\ue007\ue000")
    eventually(lambda: browser.count(".chart canvas") == 1 and browser.count("#rows .sort") == 2, SECONDS)
    for width, scheme in ((1200, "light"), (320, "dark")):
        browser.look(width, 900, scheme)
        eventually(lambda: browser.run("return document.documentElement.scrollWidth") <= width, SECONDS)
    # Reading the charts' pixels back makes the browser give advice.
    assert [one for one in browser.complaints() if "willReadFrequently" not in one] == []


def test_several_groups_are_drawn_by_axis_and_series(signed_in):
    browser, demo = signed_in
    browser.open(f"{demo.ready['https']}/console/mpn/queries")
    eventually(lambda: browser.count(".query-editor") == 1, SECONDS)
    write(browser, "SELECT WorkloadName, Month, CustomerCount FROM OfficeUsage TIMESPAN LAST_6_MONTHS\ue00c")
    browser.keys("\ue009\ue007\ue000")
    eventually(lambda: browser.count(".chart canvas") == 1, SECONDS)
    told = lambda: browser.run("return document.querySelector('figure > p').textContent")
    assert told().startswith("CustomerCount by Month, a line for each WorkloadName")
    browser.run("const axis = document.querySelector('[data-chart-field=axis]'); axis.value = '0'; axis.dispatchEvent(new Event('change'))")
    assert told().startswith("CustomerCount by WorkloadName, a bar for each Month")
    # What is drawn has a name for each workload and a bar for each month of the rows.
    rows = demo.preview("SELECT WorkloadName, Month, CustomerCount FROM OfficeUsage TIMESPAN LAST_6_MONTHS")
    months = sorted({row["Month"] for row in rows})
    legend = browser.run("return [...document.querySelectorAll('.u-legend .u-label')].map(one => one.textContent)")
    assert legend == ["WorkloadName", *months[:8]] and len(rows) > len(months) > 1
    browser.look(320, 900)
    eventually(lambda: browser.run("return document.documentElement.scrollWidth") <= 320, SECONDS)
    browser.look(1200, 900)
    assert [one for one in browser.complaints() if "willReadFrequently" not in one] == []


def test_names_that_need_quotes_are_completed_and_understood(signed_in, tmp_path):
    browser, demo = signed_in
    table = tmp_path / "odd.csv"
    table.write_text("Net price,Order,% off\n1.5,one,10\n2.5,two,20\n")
    added = demo.command("dataset", "add", str(table), "--name", "Odd", "--tenant", demo.ready["tenant_id"], "--data-dir", str(demo.data_dir))
    assert added.returncode == 0, added.stderr
    browser.open(f"{demo.ready['https']}/console/mpn/queries")
    eventually(lambda: browser.count(".query-editor") == 1, SECONDS)
    write(browser, "SELECT ")
    for typed, name, comma in (("Net pr", "Net price", ", "), ("Ord", "Order", ", "), ("%", "% off", "")):
        browser.keys(typed + "\ue009 \ue000")
        one = f"[...root.querySelectorAll('.cm-tooltip-autocomplete li')].find(one => one.querySelector('.cm-completionLabel').textContent === '{name}')"
        eventually(lambda: editor(browser, f"return Boolean({one})"), SECONDS)
        editor(browser, f"{one}.dispatchEvent(new MouseEvent('mousedown', {{ bubbles: true, cancelable: true }}))")
        browser.keys(comma)
    browser.keys(" FROM Odd TIMESPAN LIFETIME\ue00c")
    assert browser.run("return document.querySelector('#text').value") == 'SELECT "Net price", "Order", "% off" FROM Odd TIMESPAN LIFETIME'
    eventually(lambda: "Reads the dataset Odd." in browser.run("return document.querySelector('#meaning').textContent"), SECONDS)
    browser.keys("\ue009\ue007\ue000")
    eventually(lambda: browser.count("#rows tbody tr") == 2, SECONDS)
    # Without a metric there is nothing to draw.
    assert browser.count("figure[data-chart]") == 0
