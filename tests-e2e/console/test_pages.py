"""Every page of the console as its visitors see it: a partner, an administrator, an operator, and somebody without rights, in Debian's Chromium.

One server serves all. The pages stand in the lists of `places.py`. Pictures of each are kept in `PICTURES_FOLDER`.
"""

import os
import unicodedata
import uuid
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest

import visitors
from harness.demo import hours, write_time
from places import MORE, PLACES
from visitors import ISSUER, ITS_TENANT, NARROW, OF_COLOURS, TRUSTING, WIDE, Office, Visitor, axe_source, picture_of

if not visitors.is_there():
    pytest.skip("chromium is not installed", allow_module_level=True)

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse 7 battery"
# Markup, marks that turn the direction of writing, and a word as long as a name may be.
ODD = "<b onmouseover=alert(1)>&amp</b> \u202etxt.exe\u202c \u2067שלום\u2069 "
LONG = ODD + "W" * (200 - len(ODD))
# As pages show it: marks of direction are seen, and turn nothing.
SEEN = "".join("\ufffd" if unicodedata.category(one) == "Cf" else one for one in LONG)
MARKETPLACE_QUERY = "SELECT OfferName, TotalEstimatedRevenueUSD FROM ISVRevenue ORDER BY TotalEstimatedRevenueUSD DESC TIMESPAN LAST_6_MONTHS"
QUERY = "SELECT CustomerName, CustomerMarket, TotalRevenue FROM CustomersAndTenants ORDER BY TotalRevenue DESC TIMESPAN LAST_6_MONTHS"


@pytest.fixture(scope="module")
def server(start, tmp_path_factory):
    with start(tmp_path_factory.mktemp("console") / "data", "--no-quotas", "--rows", "300") as running:
        yield running


@pytest.fixture(scope="module")
def prepared(server):
    """Users of each kind, and things whose names are as bad as the API takes them; returns their ids."""
    office, ready = Office(server), server.ready
    office.user("administrator", PASSWORD, "global_admin", "executive_report_viewer", displayName=LONG)
    office.user("newcomer", PASSWORD)
    office.user("manager", PASSWORD, "manager", displayName=LONG)
    application = office.of_tenant("POST", "applications", {"name": LONG, "redirectUris": ["https://" + "w" * 60 + ".example/" + "w" * 1000]})["id"]
    user = office.user("somebody", PASSWORD, displayName=LONG)
    query = server.create_query(QUERY, name=LONG)["queryId"]
    # Far enough away for the quotas' rule of starts.
    begins = write_time(server.now() + hours(24))
    schedule = server.create_report(query, ReportName="Every month", StartTime=begins, RecurrenceInterval=720, RecurrenceCount=3)["reportId"]
    report = server.create_report(query, ReportName=LONG, ExecuteNow=True)["reportId"]
    execution = server.settled(report)[0]["executionId"]
    ids = {"application": application, "user": user, "query": query, "report": report, "execution": execution, "schedule": schedule}
    office.of_tenant("POST", "locations", {"mpnId": "L-1", "name": LONG, "country": LONG})
    marketplace = server.within("cmp")
    ids["cmp_query"] = marketplace.create_query(MARKETPLACE_QUERY, name=LONG)["queryId"]
    ids["cmp_schedule"] = marketplace.create_report(ids["cmp_query"], ReportName="Every month", StartTime=begins, RecurrenceInterval=720, RecurrenceCount=3)["reportId"]
    ids["cmp_report"] = marketplace.create_report(ids["cmp_query"], ReportName=LONG, ExecuteNow=True)["reportId"]
    ids["cmp_execution"] = marketplace.settled(ids["cmp_report"])[0]["executionId"]
    # Everything in a list comes after the one place, and nothing after the other.
    nothing = str(uuid.UUID(int=1))
    ids |= {"location": "L-1", "nothing": nothing, "later": f"{10**14}.{nothing}", "last": f"0.{nothing}", "last_id": str(uuid.UUID(int=2**128 - 1))}
    return ids | {"tenant": ready["tenant_id"], "domain": ready["tenant_domain"], "long": SEEN}


@pytest.fixture(scope="module")
def browser():
    with visitors.chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def visitor(browser, server, prepared):
    """A visitor by name, who has signed in when first asked for."""
    ready, axe, known = server.ready, axe_source(os.environ["AXE_FOLDER"]), {}
    users = {"partner": (ready["username"], ready["password"])}
    users |= {name: (f"{name}@{ready['tenant_domain']}", PASSWORD) for name in ("administrator", "newcomer", "manager")}

    def of(name):
        if name not in known:
            one = known[name] = Visitor(browser, ready, axe=axe)
            if name in users:
                one.sign_in(*users[name])
            elif name == "operator":
                one.sign_in_as_operator()
            one.complaints()
        return known[name]

    return of


@pytest.mark.parametrize("who, path, title", PLACES)
def test_a_page(visitor, prepared, who, path, title):
    one = visitor(who)
    one.look("light", WIDE)
    answer = one.page.goto(path.format(**prepared))
    assert one.page.title() == f"{title.format(**prepared)} – Insightgate"
    headers = answer.headers
    assert "unsafe-inline" not in headers["content-security-policy"] and "frame-ancestors 'none'" in headers["content-security-policy"]
    # The page's script has told times in the zone of the visitor.
    assert one.page.locator("time[data-local]").count() == 0
    assert one.violations() == []
    assert one.faint_borders() == []
    one.picture(picture_of(who, path, "light-wide"))
    one.look("dark", WIDE)
    assert one.violations(OF_COLOURS) == []
    assert one.faint_borders() == []
    one.picture(picture_of(who, path, "dark-wide"))
    one.look("dark", NARROW)
    assert one.beyond() == []
    assert one.broken_ids() == []
    assert one.broken_times() == []
    one.picture(picture_of(who, path, "dark-narrow"))
    one.look("light", NARROW)
    one.picture(picture_of(who, path, "light-narrow"))
    # German and Arabic take more room than English.
    one.lengthen()
    for size in (NARROW, WIDE):
        one.look("light", size)
        assert one.beyond() == []
        assert one.broken_ids() == []
    assert one.complaints() == one.refused_with(answer)


@pytest.mark.parametrize("who, path, title", MORE)
def test_another_look_at_a_page(visitor, prepared, who, path, title):
    one = visitor(who)
    answer = one.page.goto(path.format(**prepared))
    assert one.page.title() == f"{title.format(**prepared)} – Insightgate"
    assert one.faults() == []
    one.picture(picture_of(who, path, "dark-narrow"))
    assert one.complaints() == one.refused_with(answer)


# Where there is nothing too: who may not look is not told what there is.
CLOSED = {path for who, path, title in PLACES + MORE if who in ("partner", "administrator", "operator") and title != "There is no such page"} - {"/"}


@pytest.mark.parametrize("path", sorted(CLOSED))
def test_somebody_without_rights_is_refused(visitor, prepared, path):
    answer = visitor("newcomer").context.request.get(path.format(**prepared))
    assert (answer.status, "That did not work – Insightgate" in answer.text()) == (403, True)
    # Who is not signed in is sent to sign in.
    answer = visitor("stranger").context.request.get(path.format(**prepared), max_redirects=0)
    assert (answer.status, answer.headers["location"].partition("?")[0]) == (303, "/console/sign-in")


def test_ten_thousand_characters_stay_within_the_page(visitor, prepared):
    """Longer than the API takes names, as the cells of a dataset can be."""
    one = visitor("administrator")
    one.page.goto("/console/tenants/{tenant}/applications".format(**prepared))
    assert one.page.locator("main b, main [onmouseover]").count() == 0
    one.page.evaluate("() => document.querySelectorAll('h1, .lead, .visitor, .menu a, td a, td code, label').forEach(one => one.textContent = 'W'.repeat(10000))")
    for size in (NARROW, WIDE):
        one.look("light", size)
        assert one.beyond() == []


def test_control_characters_in_a_name_are_seen_and_steer_nothing(visitor, server, prepared):
    name, seen = "\u0001\u001b[2J\u0007\u009b1m\u007f", "\ufffd\ufffd[2J\ufffd\ufffd1m\ufffd"
    query = server.create_query(QUERY, name=name)["queryId"]
    report = server.create_report(query, ReportName=name, ExecuteNow=True)["reportId"]
    execution = server.settled(report)[0]["executionId"]
    refused = server.call("POST", "ScheduledReport", json={"ReportName": "a\u0000b", "QueryId": query, "ExecuteNow": True})
    assert (refused.status_code, refused.json()["message"]) == (400, "'reportname' holds the character U+0000, which no text may have.")

    one = visitor("partner")
    one.page.goto("/console/mpn/reports")
    one.page.click(f"td a >> text={seen}")
    one.page.wait_for_selector(f"h1 >> text={seen}")
    assert one.faults() == []
    with one.page.expect_download() as waited:
        one.page.click("text=Download csv")
    assert waited.value.suggested_filename == f"__[2J__1m__{execution}.csv"

    profile = str(server.data_dir.parent / f"{server.data_dir.name}-ready.json")
    for arguments in (["report", "list"], ["report", "show", report], ["query", "list"]):
        ran = server.command("--profile", profile, *arguments)
        assert ran.returncode == 0, ran.stderr
        shown = ran.stdout + ran.stderr
        assert seen in shown and not any(unicodedata.category(one) == "Cc" for one in shown if one != "\n"), repr(shown)


def test_identities_of_an_external_issuer(browser, start, tmp_path_factory):
    """An operator binds an issuer's tenant; an administrator binds a user and an application of it, and gives the application a role."""
    folder = tmp_path_factory.mktemp("trusting") / "data"
    with start(folder, "--rows", "60") as demo:
        office = Office(demo)
        office.user("administrator", PASSWORD, "global_admin")
        demo.serve(TRUSTING.format(folder=demo.data_dir, issuer=ISSUER), {})
        axe, tenant, user = axe_source(os.environ["AXE_FOLDER"]), demo.ready["tenant_id"], demo.ready["username"]

        def seen(one, what):
            """The page in every look."""
            for scheme, size in (("light", WIDE), ("dark", WIDE), ("dark", NARROW)):
                one.look(scheme, size)
                assert (one.violations(), one.faint_borders(), one.beyond()) == ([], [], [])
                one.picture(picture_of("external", what, f"{scheme}-{size['width']}"))
            one.lengthen()
            assert one.beyond() == []
            one.page.reload()
            one.look()

        def bind(one, external_id):
            one.page.fill("#external_id", external_id)
            one.page.click("section[aria-labelledby=external] form.card button")
            one.page.wait_for_selector("text=tokens that name it count from now on")
            assert one.page.locator("section[aria-labelledby=external] td code", has_text=external_id).count() == 1

        operator, admin = Visitor(browser, demo.ready, axe=axe).sign_in_as_operator(), Visitor(browser, demo.ready, axe=axe)
        admin.sign_in(f"administrator@{demo.ready['tenant_domain']}", PASSWORD)
        admin.page.goto(f"/console/tenants/{tenant}/people/{user}")
        assert admin.page.locator("text=A tenant of the issuer has to be bound to the organisation first.").count() == 1
        operator.page.goto(f"/console/tenants/{tenant}")
        bind(operator, ITS_TENANT)
        seen(operator, "organisation")
        for page, external_id, what in ((f"people/{user}", "ana-there", "person"), (f"applications/{demo.ready['client_id']}", "app-there", "application")):
            admin.page.goto(f"/console/tenants/{tenant}/{page}")
            bind(admin, external_id)
            seen(admin, what)
        # The application's role, on the same page.
        admin.page.select_option("#role", "developer")
        admin.page.click("section[aria-labelledby=roles] form.card button")
        admin.page.wait_for_selector("section[aria-labelledby=roles] td >> text=Developer")
        bound = office.of_tenant("GET", "externalIdentities")["value"]
        assert {(one["kind"], one["externalId"]) for one in bound} == {("tenant", ITS_TENANT), ("user", "ana-there"), ("application", "app-there")}
        # What cannot be undone is asked first, and the question says what goes along.
        operator.page.click("section[aria-labelledby=external] td button")
        assert "The bindings of its users and applications go with it." in operator.page.text_content("dialog")
        operator.page.click("dialog .go")
        operator.page.wait_for_selector("text=No issuer's tenant is bound")
        assert office.of_tenant("GET", "externalIdentities")["value"] == []
        assert operator.complaints() == admin.complaints() == []
        for one in (operator, admin):
            one.context.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_the_program_is_chosen_on_the_page(browser, server, scripts):
    one = Visitor(browser, server.ready, scripts=scripts)
    one.sign_in(server.ready["username"], server.ready["password"])
    # The partner is a Manager too.
    assert one.page.locator("nav.menu a").all_text_contents() == ["Start", "Datasets", "Queries", "Reports", "People"]
    one.look("light", NARROW)
    one.page.click("nav.menu >> text=Reports")
    one.page.wait_for_url("**/console/mpn/reports")
    tab_to(one, "Commercial marketplace")
    one.page.keyboard.press("Enter")
    one.page.wait_for_url("**/console/cmp/reports")
    # The menu stays in the program that was chosen.
    one.page.click("nav.menu >> text=Datasets")
    one.page.wait_for_url("**/console/cmp/datasets")
    assert one.page.locator("nav.programs a[aria-current]").all_text_contents() == ["Commercial marketplace"]
    one.context.close()


class Clicks:
    """What a person does with the mouse; each click counts, and typing is none."""

    def __init__(self, one):
        self.page, self.count = one.page, 0

    def __call__(self, selector):
        self.count += 1
        self.page.click(selector)


def from_nothing_to_a_workbook(one, ready, shown):
    """The walk of docs/console.md. `shown` takes a picture of a step. Returns the sheet's rows, and how often was clicked."""
    page, click = one.page, Clicks(one)
    page.goto("/")
    page.fill("input[name=username]", ready["username"])
    click("button >> text=Next")
    page.fill("input[name=password]", ready["password"])
    click("button[value=password]")
    page.wait_for_selector("text=Everything is ready")
    shown("start")
    click("nav.menu >> text=Datasets")
    click("td >> text=CustomersAndTenants")
    page.wait_for_selector("h1 >> text=CustomersAndTenants")
    shown("dataset")
    click("a >> text=Use its metrics in a query")
    page.wait_for_selector("text=Reads the dataset CustomersAndTenants")
    shown("query")
    click("button >> text=Show the first rows")
    page.wait_for_selector("h2 >> text=First rows")
    shown("rows")
    click("button >> text=Make the file")
    # With scripts the page tells by itself that the run is over.
    for _ in range(20):
        if page.locator("text=Download xlsx").count():
            break
        if one.scripts:
            page.wait_for_selector("text=Download xlsx")
        else:
            page.reload()
    shown("report")
    with page.expect_download() as waited:
        click("text=Download xlsx")
    assert waited.value.suggested_filename.endswith(".xlsx")
    return list(openpyxl.load_workbook(BytesIO(waited.value.path().read_bytes())).active.values), click.count


def test_from_an_empty_demo_to_a_workbook(browser, server):
    one = Visitor(browser, server.ready)
    # `CONSOLE_WALK=docs/pictures/console` writes the pictures of the document anew.
    folder = Path(os.environ.get("CONSOLE_WALK") or Path(os.environ["PICTURES_FOLDER"]) / "walk")
    one.look("light", {"width": 1024, "height": 640})

    def shown(step):
        folder.mkdir(parents=True, exist_ok=True)
        # A shade of many colours makes pictures large.
        one.page.evaluate("() => { const plain = new CSSStyleSheet(); plain.replaceSync('body { background-image: none; }'); document.adoptedStyleSheets.push(plain); }")
        one.page.screenshot(path=folder / f"{step}.png")

    rows, clicks = from_nothing_to_a_workbook(one, server.ready, shown)
    assert clicks == 8
    assert rows[0][0] == "Month" and len(rows) > 1
    document = (ROOT / "docs/console.md").read_text()
    assert f"{clicks} clicks" in document and all(f"pictures/console/{step.name}" in document for step in (ROOT / "docs/pictures/console").iterdir())
    one.context.close()


def test_the_same_without_scripts(browser, server):
    one = Visitor(browser, server.ready, scripts=False)
    rows, _ = from_nothing_to_a_workbook(one, server.ready, lambda step: None)
    assert rows[0][0] == "Month" and len(rows) > 1
    one.context.close()


def tab_to(one, text, most=60):
    """Presses Tab until the element with the text or name has the focus; each on the way has to show that it has it."""
    for _ in range(most):
        one.page.keyboard.press("Tab")
        found, line = one.focused()
        assert line >= 2, f"nothing shows that {found} has the focus"
        if found == text:
            return
    raise AssertionError(f"Tab does not lead to {text}")


def test_with_the_keyboard_alone(browser, server, prepared):
    one = Visitor(browser, server.ready)
    keyboard = one.page.keyboard
    one.page.goto("/")
    assert one.focused()[0] == "username"
    keyboard.type(f"administrator@{server.ready['tenant_domain']}")
    keyboard.press("Enter")
    one.page.wait_for_selector("input[name=password]")
    if one.focused()[0] != "password":
        tab_to(one, "password")
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    one.page.wait_for_selector("nav.menu")
    # The first thing leads past the menu.
    tab_to(one, "Skip to the content", 1)
    keyboard.press("Enter")
    assert one.page.evaluate("() => document.activeElement.id") == "content"
    one.page.reload()
    tab_to(one, "Applications")
    keyboard.press("Enter")
    one.page.wait_for_url("**/applications")
    tab_to(one, "name")
    keyboard.type("By keyboard")
    keyboard.press("Enter")
    one.page.wait_for_url("**/applications/*")
    one.page.go_back()
    one.page.wait_for_selector("td a >> text=By keyboard")
    one.context.close()
