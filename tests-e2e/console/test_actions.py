"""Every action of the console, taken by keyboard alone and without scripts: what a person sees after it, whether it was done or refused.

Each hand walks through the whole console in the order of this file, on a server that all walks share and a part of it that is its own.
"""

import os
from types import SimpleNamespace

import pytest

import visitors
from hands import Keyboard, Mouse, Spoiled, Walker
from harness.receiver import Receiver
from harness.waiting import eventually
from places import ACTIONS
from visitors import ISSUER, ITS_TENANT, TRUSTING, Office, Visitor, axe_source

if not visitors.is_there():
    pytest.skip("chromium is not installed", allow_module_level=True)

PASSWORD = "correct horse 7 battery"
QUERY = "SELECT CustomerName, TotalRevenue FROM CustomersAndTenants ORDER BY TotalRevenue DESC TIMESPAN LAST_6_MONTHS"
PROFILE = {
    "companyLegalName": "Adatum Corporation",
    "addressLine1": "1 Long Street",
    "postalCode": "10115",
    "city": "Berlin",
    "countryRegion": "Germany",
    "primaryContactFirstName": "Ida",
    "primaryContactLastName": "Berg",
}
MEND_TEXT = "The query cannot run yet: its text has to be mended first."
NO_TEXT = "Write a query first, or begin with a documented one."
# Only a script sends it.
OF_SCRIPTS = "/console/{program}/queries/check"


@pytest.fixture(scope="module")
def server(start, tmp_path_factory):
    with start(tmp_path_factory.mktemp("actions") / "data", "--rows", "60") as running:
        running.serve(TRUSTING.format(folder=running.data_dir, issuer=ISSUER), {"INSIGHTGATE_CALLBACKS_ALLOWED_NETWORKS": "127.0.0.0/8"})
        yield running


@pytest.fixture(scope="module")
def world(server):
    """What all walks know of the server, and what an operator and the partner do meanwhile."""
    office = Office(server)
    # Enough for both hands.
    office.of_tenant("PATCH", "limits", {"executeNowReports": 100})
    office.of_tenant("POST", "externalIdentities", {"issuer": ISSUER, "externalTenant": ITS_TENANT, "kind": "tenant"})
    query = server.create_query(QUERY)["queryId"]
    server.run(query)
    tenant, domain = server.ready["tenant_id"], server.ready["tenant_domain"]
    partner = office.of_tenant("GET", f"users/{server.ready['username']}")["id"]
    runs = lambda of, status: office.of_tenant("GET", f"executions?reportId={of}&status={status}")["value"]
    over = lambda report: eventually(lambda: runs(report, "Completed"))[0]["id"]
    with Receiver() as receiver:
        yield SimpleNamespace(
            server=server,
            office=office,
            query=query,
            tenant=tenant,
            domain=domain,
            partner=partner,
            runs=runs,
            over=over,
            receiver=receiver,
            own=f"/console/tenants/{tenant}",
        )


@pytest.fixture(scope="module")
def browser():
    with visitors.chromium() as opened:
        yield opened


@pytest.fixture(scope="module", params=["keyboard", "no-scripts"])
def hand(request, browser, world):
    """Walkers with one kind of hand: an `administrator`, who may read data too, an `operator`, or a `stranger`. Each keeps its session."""
    kind, known = request.param, {}
    axe = axe_source(os.environ["AXE_FOLDER"])
    world.office.user(f"administrator-{kind}", PASSWORD, "global_admin", "executive_report_viewer")

    def of(who):
        if who not in known:
            one = Visitor(browser, world.server.ready, scripts=kind == "keyboard", axe=axe)
            known[who] = Walker(one, f"{kind}-{who}", Keyboard if one.scripts else Mouse)
            if who == "administrator":
                one.sign_in(f"administrator-{kind}@{world.domain}", PASSWORD)
            elif who == "operator":
                one.sign_in_as_operator()
        known[who].one.complaints()
        return known[who]

    return SimpleNamespace(of=of, kind=kind, known=known, walked=[])


def id_in(hand):
    """The id at the end of the address of the page."""
    return hand.page.url.partition("?")[0].rpartition("/")[2]


def signing_in(hand, world):
    one = hand.of("stranger")
    one.open("/console/sign-in")
    one.fails("/console/sign-in", "No organisation here has the domain", username="x@nowhere.example")
    one.fails("/console/sign-in", username=" ")
    one.fails("/console/sign-in", "The page has expired", csrf=Spoiled("another"), username="x", status=403)
    one.open("/console/operator-sign-in")
    operator = world.server.ready["operator"]
    one.fails("/console/operator-sign-in", client_id=operator["client_id"], client_secret="wrong")
    one.fails("/console/operator-sign-in", client_id=" ", client_secret=" ")
    one.does("/console/operator-sign-in", "You are signed in as an operator.", client_id=operator["client_id"], client_secret=operator["client_secret"])
    one.does("/console/sign-out", "Sign in as an operator")
    one.one.sign_in(f"administrator-{hand.kind}@{world.domain}", PASSWORD)
    one.one.complaints()
    one.fails("/console/sign-out", "The page has expired", csrf=Spoiled("another"), status=403)
    one.open("/")
    assert one.send(one.hand, "/console/sign-out-everywhere").ok
    one.open("/")
    assert one.page.url.partition("?")[0].endswith("/console/sign-in")


def queries(hand, world):
    one = hand.of("administrator")
    at, sends = "/console/mpn/queries", "/queries#result"
    one.open(at)
    one.fails(sends, NO_TEXT, step="preview", text="")
    one.fails(sends, MEND_TEXT, step="explain", text="SELECT Custmer FROM CustomersAndTenants")
    if one.one.scripts:
        one.hand.put(one.page.locator("#text"), "SELECT CustomerNme FROM CustomersAndTenants")
        one.page.locator(".query-faults li", has_text="CustomerNme").wait_for()
        one.shows("while-one-types", "did you mean 'CustomerName'?")
    one.does(sends, "The query answers with no row.", step="preview", text="SELECT CustomerName FROM CustomersAndTenants WHERE CustomerName = 'nobody'")
    one.does(sends, "First rows", step="preview", text=QUERY)
    one.does(sends, "What it reads", step="explain")
    one.fails(sends, "Give the query a name", step="save", name=" ")
    one.fails(sends, "Limit Name and Description", step="save", name="Kept", description=Spoiled("W" * 257))
    one.does(sends, "The query was saved.", step="save", name="Kept", description="by hand")
    world.office.of_tenant("PATCH", "limits", {"queries": 1})
    one.fails(sends, "A place is free once a query is deleted.", step="save", name="Another")
    world.office.of_tenant("PATCH", "limits", {"queries": None})
    one.open(at)
    one.follow("Remove")
    one.does("/queries/remove", "The query was removed.")
    one.does(sends, "The report was created.", step="download", text=QUERY, format="csv")


def reports(hand, world):
    one = hand.of("administrator")
    one.open("/console/mpn/reports/new")
    query = "6664daf3-c161-423a-92a1-0ea6db2c0384"
    one.fails("/reports", "Null or missing value", step="create")
    one.fails("/reports", "Invalid character (;)", step="create", query=query, name="one; two")
    one.fails("/reports", "should be a whole number", step="create", name="Daily", when="schedule", interval="1.5")
    one.fails("/reports", "CallbackUrl", step="create", interval="24", callback_url="ftp://nowhere.example")
    one.does("/reports", "The next times", "Nothing is saved yet.", step="preview", callback_url="", count="3")
    one.does("/reports", "The report was created.", step="create")
    one.does("/pause", "nothing runs until it is resumed")
    one.does("/resume", "The report is resumed.")
    one.follow("Change")
    one.fails("/change", "Recurrence Interval must be between", step="change", interval="1")
    one.fails("/change", "Recurrence count has to be a positive integer value", step="preview", interval="48", count="-1")
    one.does("/change", "The next times", step="preview", count="2")
    one.does("/change", "The report was changed.", step="change", name="Every other day")
    one.does("/run", "A report that runs once was made for this run.")
    one.follow("Remove")
    one.does("/remove", "The report and its files were removed.")


def callbacks(hand, world):
    one = hand.of("administrator")
    one.open(f"/console/mpn/reports/new?query={world.query}")
    told = {"query": "6664daf3-c161-423a-92a1-0ea6db2c0384", "name": "Told", "format": "csv", "callback_url": world.receiver.url}
    one.does("/reports", "The report was created.", step="create", **told)
    report = id_in(one)
    execution = world.over(report)
    eventually(lambda: world.office.call("GET", f"callbacks?tenant={world.tenant}&executionId={execution}&state=Delivered")["value"])
    one.open(f"/console/mpn/reports/{report}/executions/{execution}")
    one.shows("callbacks", "delivered")
    one.does("/replay", "The callback is sent again.")
    # What is over can neither be cancelled nor tried again: the page is older than that.
    world.office.of_tenant("POST", "runs/pause", {"reason": "a walk"})
    try:
        one.open(f"/console/mpn/reports/{report}")
        one.does("/run", "Waits for")
        one.follow("Details")
        one.does("/cancel", "The run was cancelled.")
        one.does("/retry", "The run was queued again.")
        world.office.of_tenant("POST", f"executions/{id_in(one)}/cancel")
        one.fails("/cancel", status=409)
    finally:
        world.office.of_tenant("POST", "runs/resume")


def bindings(one, external_id):
    """An identity of the issuer on the page where the hand is, and none again."""
    one.fails("/external-identities", external_id=" ")
    one.does("/external-identities", "tokens that name it count from now on", external_id=external_id)
    one.does("/external-identities/unbind", "tokens that name it open nothing any more")


def callback_secrets(one):
    """A secret for callbacks on the page where the hand is, and none again."""
    one.does("/callback-secrets", "it is shown this once")
    one.follow("I have copied it")
    one.does("/callback-secrets/revoke", "it signs no callback any more")


def applications(hand, world):
    one = hand.of("administrator")
    one.open(f"{world.own}/applications")
    one.fails("/applications", "'name' is missing.", name=" ")
    one.fails("/applications", name="Walk", redirect_uris="nonsense")
    one.does("/applications", "The application is registered.", name=f"Walk {hand.kind}", redirect_uris="https://walk.example/back")
    at = id_in(one)
    one.fails("/secrets", "'days'", days="9999")
    one.fails("/secrets", description=Spoiled("W" * 201), days="3")
    one.does("/secrets", "it is shown this once", description="of a walk", days="3")
    one.follow("I have copied it")
    one.shows("secret-ends-soon", "days left")
    one.does("/secrets/remove", "The secret is removed")
    one.fails("/permissions", permission=Spoiled("nothing"))
    one.does("/permissions", "The permission is added.", permission="user_impersonation")
    one.fails("/consents", permission=Spoiled("nothing"))
    one.does("/consents", "The organisation consents")
    one.does("/consents/revoke", "The consent is taken back")
    one.does("/permissions/remove", "The permission is removed")
    one.fails("/roles", role=Spoiled("nothing"))
    one.does("/roles", "It counts where the application acts alone.", role="developer")
    one.does("/roles/revoke", "The role is taken away")
    bindings(one, f"app-{hand.kind}")
    callback_secrets(one)
    one.fails(f"/applications/{at}", "'name' is missing.", name=" ")
    one.fails(f"/applications/{at}", name="Walk", redirect_uris="http://walk.example")
    one.does(f"/applications/{at}", "The changes are saved.", name="Walked", redirect_uris="https://walk.example/there")
    one.does("/disable", "The application is disabled")
    one.does("/enable", "The application is enabled.")
    one.follow("Remove…")
    one.does("/remove", "The application was removed.", reports=True)
    # Reports were made through it.
    one.follow("Insightgate console")
    one.follow("Remove…")
    one.fails("/remove", status=409)


def people(hand, world):
    one = hand.of("administrator")
    one.open(f"{world.own}/people")
    one.fails("/people", username=" ")
    one.fails("/people", username="x@elsewhere.example", display_name="Somebody")
    one.does("/people", "it is shown this once", username=f"walk-{hand.kind}@{world.domain}", display_name="Somebody")
    one.follow("I have copied it: on to the roles")
    at = id_in(one)
    one.fails("/roles", extent="locations")
    one.fails("/roles", role=Spoiled("nothing"), extent="organisation")
    one.does("/roles", "The role is assigned.", role="executive_report_viewer")
    one.does("/roles/revoke", "The role is taken away")
    bindings(one, f"user-{hand.kind}")
    callback_secrets(one)
    one.fails(f"/people/{at}", "'displayName' takes 200 characters at most.", display_name=Spoiled("W" * 201))
    one.does(f"/people/{at}", "The changes are saved.", display_name="Somebody else")
    one.does("/disable", "The user is disabled")
    one.does("/enable", "The user is enabled")
    one.does(f"/people/{at}/sign-out", "The user is signed out everywhere.")
    one.does("/password", "it is shown this once")
    one.follow("I have copied it")
    one.does("/second-factor", "its key is shown this once")
    one.follow("I have passed it on")
    one.does("/second-factor/reset", "The second factor is taken away")
    world.office.of_tenant("POST", f"users/{at}/totp")
    one.fails("/second-factor", status=409)
    one.follow("Remove…")
    one.does("/remove", "The user was removed.", reports=True)
    # The partner has reports.
    one.open(f"{world.own}/people/{world.partner}/remove")
    one.fails("/remove", status=409)


def organisation(hand, world):
    one = hand.of("administrator")
    one.open(f"{world.own}/organisation")
    one.fails("/organisation", "breaks rules", companyLegalName=" ", primaryContactEmail="nobody")
    one.open(f"{world.own}/organisation")
    one.fails("/organisation", "'name' is missing.", name=" ")
    # It has no profile, and needs none for its name.
    one.does("/organisation", "The changes are kept.", name="Contoso Ltd")
    place = f"W{len(hand.kind)}"
    one.fails("/locations", "'mpnId'", mpnId="1 2", name="Bergen", country="Norway")
    one.fails("/locations", mpnId=" ", name=" ", country=" ")
    one.does("/locations", "The location was added.", mpnId=place, name="Bergen", country="Norway")
    holder = world.office.user(f"holder-{hand.kind}", PASSWORD)
    world.office.of_tenant("POST", "roleAssignments", {"assignee": holder, "role": "executive_report_viewer", "locations": [place]})
    one.open(f"{world.own}/locations/remove?location={place}")
    one.fails("/locations/remove", status=409)
    world.office.of_tenant("DELETE", f"roleAssignments/{holder}/executive_report_viewer")
    one.does("/locations/remove", "The location was removed.")


def enrollments(hand, world):
    one = hand.of("operator")
    one.open("/console/tenants")
    one.follow("Enroll an organisation")
    one.fails("/tenants/new", "'domain'", domain=" ", name=" ")
    one.fails("/tenants/new", "breaks rules", domain=f"{hand.kind}.example", name="Adatum")
    one.does("/tenants/new", "is not shown again", **PROFILE, primaryContactEmail=f"ida@{hand.kind}.example")
    one.follow("Go on to the organisation")
    at = one.page.url.partition("?")[0].split("/")[-2]
    one.fails("/mpn/verify", "The verification code is wrong.", code="000000", status=409)
    one.does("/mpn/send-code", "is not shown again")
    code = one.page.locator(".secret").inner_text()
    one.follow("Go on to the organisation")
    one.does("/mpn/verify", "The contact's address is confirmed.", code=code)
    one.open(f"/console/tenants/{at}")
    one.fails("/mpn/reject", "'reason' is missing.", reason=" ")
    one.does("/mpn/reject", "The enrollment is rejected.", reason="The company is not known.")
    one.does("/mpn/reactivate", "The enrollment is open again, or back in review")
    # Somebody else decides meanwhile.
    world.office.call("POST", f"tenants/{at}/enrollments/mpn/reject", {"reason": "Once more."})
    one.fails("/mpn/activate", status=409)
    one.does("/mpn/reactivate", "The enrollment is open again, or back in review")
    one.does("/mpn/activate", "The enrollment is accepted")
    one.fails("/mpn/suspend", "'reason' is missing.", reason=" ")
    one.does("/mpn/suspend", "The enrollment is suspended", reason="Nobody answers.")
    one.does("/mpn/reactivate", "The enrollment is open again")
    one.follow("Profile and locations")
    one.does("/enrollments", "is not shown again")
    one.open(f"/console/tenants/{at}")
    bindings(one, f"of-{hand.kind}")
    one.fails("/runs/pause", "'reason' is missing.", reason=" ")
    one.does("/runs/pause", "The runs are paused.", reason="A walk.")
    one.does("/runs/resume", "The runs begin again.")
    one.fails("/limits", "'queries' should be from 0 to 1000000.", queries="1000001")
    one.does("/limits", "The limits are kept.", queries="7", activeReports="", executeNowReports="3")
    one.does("/mpn/suspend", "The enrollment is suspended", reason="It goes.")
    one.follow("Delete the organisation…")
    one.fails("/delete", "to say that this organisation is meant", domain="another.example")
    one.does("/delete", "The organisation was deleted.", domain=f"{hand.kind}.example")


def runs(hand, world):
    one = hand.of("operator")
    waiting = f"/console/runs?status=Pending&tenant={world.domain}"
    world.office.of_tenant("POST", "runs/pause", {"reason": "a walk"})
    try:
        report = world.server.create_report(world.query, ReportName=f"Of {hand.kind}", ExecuteNow=True)["reportId"]
        one.open(waiting)
        one.shows("waiting", "Waits for")
        one.does("/cancel", "The run was cancelled.")
        one.open(f"/console/runs?status=Cancelled&reportId={report}")
        one.shows("cancelled")
        one.does("/retry", "The run is queued again.")
        one.open(waiting)
        world.office.of_tenant("POST", f"executions/{world.runs(report, 'Pending')[0]['id']}/cancel")
        one.fails("/cancel", status=409)
    finally:
        world.office.of_tenant("POST", "runs/resume")
    one.open("/console/server")
    one.does("/rotate-key", "A new key was made.")


WALKS = [signing_in, queries, reports, callbacks, applications, people, organisation, enrollments, runs]


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.__name__)
def test_a_walk(hand, world, walk):
    hand.walked.append(walk)
    walk(hand, world)


def action_at(path):
    """The action whose form was sent to the path: of several that fit, the one with the fewest variable parts."""
    fits = lambda action: all(known == sent or known.startswith("{") for known, sent in zip(action.split("/"), path.split("/")))
    fitting = [action for action in ACTIONS if action.count("/") == path.count("/") and fits(action)]
    return min(fitting, key=lambda action: action.count("{"))


def test_every_action_was_taken(hand):
    if hand.walked != WALKS:
        pytest.skip("only a part of the walks was asked for")
    sent = {action_at(f"/{path}") for one in hand.known.values() for path in one.sent if path.startswith("console")}
    assert sent == set(ACTIONS) - (set() if hand.kind == "keyboard" else {OF_SCRIPTS})
