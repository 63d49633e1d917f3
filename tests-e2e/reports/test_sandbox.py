"""Every failure that a sandbox can be told to make, met by clients that are not the project's own."""

import time
from datetime import timedelta

import msal
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from harness.browser import ThroughPort
from harness.demo import hours, write_time
from harness.waiting import eventually

QUERY = "SELECT MPNId FROM Profile TIMESPAN LIFETIME"
# The documented table of the token endpoint.
NUMBERS = [
    900144, 900561, 70003, 90014, 90013, 900023, 90002, 90019, 50059, 50128, 700016, 7000215, 7000218, 7000222, 700025, 70002,
    70001, 7000112, 700011, 700005, 500011, 50001, 650057, 650052, 901002, 70011, 1002012, 50105, 50126, 50034, 50053, 50055,
    50056, 50057, 50076, 50079, 50074, 50072, 53003, 65001, 65004, 90094, 9001023, 70000, 70008, 700082, 700084, 70043, 50173,
    50089, 9002313, 54005, 500112, 50011, 501481, 70016, 70018, 70019, 70020, 90120, 90119, 50196, 90033, 90055,
]
# Those that a library which signs in with a password may meet.
OF_PASSWORDS = [50034, 50053, 50055, 50057, 50076, 50079, 50105, 50126, 50196, 53003, 65001, 90002, 500011, 700016, 7000215, 7000222]


@pytest.fixture(scope="module")
def started(start, tmp_path_factory):
    with start(tmp_path_factory.mktemp("sandbox") / "data", "--clock", "manual", "--no-quotas", "--rows", "60") as running:
        yield running


@pytest.fixture
def demo(started):
    yield started
    sandbox(started, "DELETE", "faults")
    sandbox(started, "DELETE", "callbacks")


def sandbox(demo, method, path, body=None, status=None):
    answer = demo.session.request(method, f"{demo.ready['http']}/sandbox/v1/{path}", json=body)
    assert answer.status_code in ([status] if status else [200, 201]), answer.text
    return answer.json()


def order(demo, **fault):
    return sandbox(demo, "POST", "faults", fault)


def scheduled(demo, count=3, **fields):
    begin = demo.now() + hours(4.5)
    query = demo.create_query(QUERY)["queryId"]
    return demo.create_report(query, StartTime=write_time(begin), RecurrenceInterval=4, RecurrenceCount=count, **fields)["reportId"]


def statuses(demo, report):
    filters = {"getLatestExecution": "false", "executionStatus": "Pending;Running;Completed;Failed"}
    found = demo.ok("GET", f"ScheduledReport/execution/{report}", params=filters)
    begun = [one for one in found if not (one["message"] or "").startswith("The run waits")]
    return [one["executionStatus"] for one in sorted(begun, key=lambda one: one["executionId"])]


def received(demo):
    return sandbox(demo, "GET", "callbacks")["callbacks"]


# Requests


def test_a_client_that_retries_gets_through_an_outage(demo):
    order(demo, match={"method": "GET", "path": "/insights/"}, times=2, status=503, retryAfter=0)
    session = requests.Session()
    session.verify, session.trust_env = demo.ready["ca_certificate"], False
    session.mount("https://", HTTPAdapter(max_retries=Retry(total=3, status_forcelist=[503], respect_retry_after_header=True)))
    answer = session.get(f"{demo.ready['api']}/ScheduledDataset", headers={"Authorization": f"Bearer {demo.token or demo.sign_in()}"})
    assert answer.status_code == 200
    assert sandbox(demo, "GET", "faults")["faults"][0]["happened"] == 2


def test_throttled(demo):
    order(demo, kind="throttled", retryAfter=7, times=1)
    answer = demo.call("GET", "ScheduledDataset", token=demo.token or "none")
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["statusCode"]) == (429, "7", 429)


def test_a_token_that_has_ended(demo):
    demo.sign_in()
    order(demo, kind="expiredToken", times=1)
    answer = demo.call("GET", "ScheduledDataset")
    assert answer.status_code == 401 and 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert demo.call("GET", "ScheduledDataset").status_code == 200


def test_a_delay_that_a_client_gives_up_on(demo):
    demo.sign_in()
    order(demo, match={"path": "/insights/"}, delay="PT5S", times=1)
    with pytest.raises(requests.exceptions.ReadTimeout):
        demo.call("GET", "ScheduledDataset", timeout=0.5)
    begun = time.monotonic()
    order(demo, match={"path": "/insights/"}, delay="PT0.4S", times=1)
    assert demo.call("GET", "ScheduledDataset").status_code == 200
    assert time.monotonic() - begun >= 0.4


def test_a_page_in_front_of_the_server(demo):
    order(demo, status=200, body="<html>Sign in to the network</html>", times=1)
    answer = demo.call("GET", "ScheduledDataset", token="none")
    assert answer.headers["Content-Type"].startswith("text/html")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_a_download_that_breaks_off_goes_on_with_a_range(demo):
    link = demo.run(demo.create_query("SELECT CustomerTenantId, PaidAvailableUnits FROM OfficeUsage TIMESPAN LIFETIME")["queryId"])["reportAccessSecureLink"]
    whole = demo.download(link, headers={"Accept-Encoding": "identity"}).content
    assert len(whole) > 1000
    order(demo, kind="cut", match={"path": "/artifacts/"}, cutAfter=700, times=1)
    came = b""
    answer = demo.download(link, headers={"Accept-Encoding": "identity"}, stream=True)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        for piece in answer.iter_content(64):
            came += piece
    assert came == whole[: len(came)] and len(came) <= 700
    rest = demo.download(link, headers={"Accept-Encoding": "identity", "Range": f"bytes={len(came)}-", "If-Range": answer.headers["ETag"]})
    assert rest.status_code == 206 and came + rest.content == whole


def test_a_link_that_has_ended(demo):
    execution = demo.run(demo.create_query(QUERY)["queryId"])
    order(demo, kind="expiredLink", times=1)
    refused = demo.download(execution["reportAccessSecureLink"])
    assert refused.status_code == 403 and "The link has expired" in refused.json()["message"]
    again = demo.ok("GET", f"ScheduledReport/execution/{execution['reportId']}")[0]
    assert demo.download(again["reportAccessSecureLink"]).status_code == 200


def test_the_token_endpoint_answers_each_documented_number(demo):
    for number in NUMBERS:
        order(demo, kind="authority", error=number, times=1)
        answer = demo.ask_token()
        body = answer.json()
        assert answer.status_code >= 400 and body["error_codes"] == [number], body
        assert body["error_description"].startswith(f"AADSTS{number}: ") and body["error"] and body["trace_id"] and body["error_uri"]
    assert demo.ask_token().status_code == 200


def sign_in_with_msal(demo):
    """By a new client: one that was refused repeats the refusal for a minute without asking."""
    application = msal.ConfidentialClientApplication(
        demo.ready["client_id"],
        client_credential=demo.ready["client_secret"],
        authority=demo.ready["authority"],
        instance_discovery=False,
        http_client=ThroughPort(demo.ready["authority"], demo.ready["ca_certificate"]),
    )
    scopes = [f"{demo.ready['resource']}/.default"]
    return application.acquire_token_by_username_password(demo.ready["username"], demo.ready["password"], scopes=scopes)


@pytest.mark.parametrize("number", OF_PASSWORDS)
def test_msal_hears_each_number_of_the_token_endpoint(demo, number):
    order(demo, kind="authority", error=number, times=1)
    answer = sign_in_with_msal(demo)
    assert number in answer["error_codes"] and f"AADSTS{number}: " in answer["error_description"]
    assert "access_token" in sign_in_with_msal(demo)


# Executions


def test_an_execution_fails_for_a_reason(demo):
    order(demo, kind="executionFailed", reason="The dataset is being rebuilt.", match={"dataset": "Profile"}, times=1)
    report = demo.create_report(demo.create_query(QUERY)["queryId"], ExecuteNow=True)["reportId"]
    (execution,) = demo.settled(report)
    assert execution["executionStatus"] == "Failed" and "The dataset is being rebuilt." in str(execution)


def test_an_execution_stays_pending_and_then_running(demo):
    order(demo, kind="executionPending", **{"for": "PT2H"}, times=1)
    order(demo, kind="executionRunning", **{"for": "PT1H"}, times=1)
    report = demo.create_report(demo.create_query(QUERY)["queryId"], ExecuteNow=True)["reportId"]
    begun = demo.now()
    assert statuses(demo, report) == ["Pending"]
    demo.advance(timedelta(hours=1, minutes=59))
    assert statuses(demo, report) == ["Pending"]
    demo.advance(timedelta(minutes=1))
    eventually(lambda: statuses(demo, report) == ["Running"])
    demo.advance(timedelta(minutes=59))
    assert statuses(demo, report) == ["Running"]
    demo.advance(timedelta(minutes=1))
    (execution,) = demo.settled(report)
    assert (execution["executionStatus"], execution["reportGeneratedTime"]) == ("Completed", write_time(begun + timedelta(hours=3)))


def test_an_execution_is_slow(demo):
    order(demo, kind="executionSlow", delay="PT1S", times=1)
    begun = time.monotonic()
    demo.run(demo.create_query(QUERY)["queryId"])
    assert time.monotonic() - begun >= 1


# Callbacks


def told(demo, count):
    eventually(lambda: len(received(demo)) >= count)
    return [one["body"]["reportName"] for one in received(demo)]


def happened(demo):
    return sum(fault["happened"] for fault in sandbox(demo, "GET", "faults")["faults"])


def ran(demo, name, faults=0):
    """A finished execution with a callback to the built-in receiver. `faults`: how many have happened once it is dealt with."""
    demo.run(demo.create_query(QUERY)["queryId"], ReportName=name, CallbackUrl=f"{demo.ready['http']}/sandbox/v1/receiver/{name}")
    eventually(lambda: happened(demo) >= faults)


def test_a_callback_is_dropped_another_doubled(demo):
    order(demo, kind="callbackDropped", times=1)
    order(demo, kind="callbackDoubled", times=1)
    ran(demo, "lost", 1)
    ran(demo, "twice", 2)
    ran(demo, "once")
    assert sorted(told(demo, 3)) == ["once", "twice", "twice"]
    ids = {one["headers"]["webhook-id"] for one in received(demo)}
    assert len(ids) == 2


def test_a_callback_is_late(demo):
    order(demo, kind="callbackDelayed", **{"for": "PT6H"}, times=1)
    ran(demo, "late", 1)
    ran(demo, "soon")
    assert told(demo, 1) == ["soon"]
    demo.advance(hours(6))
    assert told(demo, 2) == ["soon", "late"]


def test_callbacks_come_out_of_order(demo):
    order(demo, kind="callbackOutOfOrder", count=3)
    for number, name in enumerate(("first", "second", "third"), 1):
        ran(demo, name, number)
    assert told(demo, 3) == ["third", "second", "first"]


def test_a_receiver_that_fails_is_asked_again(demo):
    order(demo, match={"path": "/sandbox/v1/receiver"}, status=500, times=1)
    ran(demo, "again", 1)
    demo.advance(timedelta(seconds=10))
    assert told(demo, 1) == ["again"]
    assert received(demo)[0]["signature"] == "missing"


# Time


@pytest.mark.parametrize("strides", [1, 3, 24])
def test_each_slot_runs_at_its_own_time_whatever_the_strides(demo, strides):
    begin = demo.now() + hours(5)
    query = demo.create_query(QUERY)["queryId"]
    fields = {"StartTime": write_time(begin), "RecurrenceInterval": 24, "RecurrenceCount": 9, "CallbackUrl": f"{demo.ready['http']}/sandbox/v1/receiver"}
    reports = [demo.create_report(query, **fields)["reportId"] for _ in range(2)]
    for _ in range(strides):
        demo.advance(timedelta(days=3) / strides)
    slots = [write_time(begin + timedelta(days=day)) for day in range(3)]
    for report in reports:
        assert sorted(execution["reportGeneratedTime"] for execution in demo.settled(report)) == slots
    eventually(lambda: len(received(demo)) == 6)
    assert sorted(one["body"]["reportGeneratedTime"] for one in received(demo)) == sorted(slots * 2)
    for report in reports:
        demo.ok("DELETE", f"ScheduledReport/{report}")


# What is kept, and back to the beginning


def test_requests_are_kept_without_their_secrets(demo):
    sandbox(demo, "DELETE", "requests")
    demo.sign_in()
    demo.ok("GET", "ScheduledDataset")
    kept = sandbox(demo, "GET", "requests")
    assert [one["path"].rsplit("/", 1)[-1] for one in kept["requests"]] == ["token", "scheduleddataset"]
    assert all(secret not in str(kept) for secret in (demo.ready["client_secret"], demo.ready["password"], demo.token))


def test_the_first_state_comes_back(demo):
    for number in range(10):
        demo.create_report(demo.create_query(QUERY, f"query {number}")["queryId"], ExecuteNow=True)
    report = scheduled(demo)
    token = demo.token
    sandbox(demo, "POST", "reset", {})
    # The token and everybody it stands for are there; what was made since is not.
    assert demo.call("GET", f"ScheduledReport/execution/{report}", token=token).status_code == 404
    assert [one for one in demo.ok("GET", "ScheduledQueries") if one["type"] == "userDefined"] == []
    assert demo.sign_in()
    assert demo.export(QUERY)


def test_a_first_reset_and_fault_wait_for_the_demos_own_walk(start, tmp_path):
    with start(tmp_path / "data", "--no-quotas", "--rows", "60") as fresh:
        sandbox(fresh, "POST", "reset", {})
        fresh.sign_in()
        order(fresh, kind="throttled", retryAfter=0, times=1)
        assert [fresh.call("GET", "ScheduledDataset").status_code for _ in range(2)] == [429, 200]
        kept = [one["status"] for one in sandbox(fresh, "GET", "requests")["requests"] if "scheduleddataset" in one["path"]]
        assert kept == [429, 200]
        assert fresh.call("GET", "ScheduledReport").json()["value"] == []


# The commands


def test_the_commands_order_and_show_it(demo):
    profile = demo.data_dir.parent / f"{demo.data_dir.name}-ready.json"

    def command(*arguments, code=0):
        ran = demo.command("--profile", str(profile), "sandbox", *arguments)
        assert ran.returncode == code, ran.stderr
        return ran

    identifier = command("fault", "add", "--path", "/insights/", "--status", "503", "--retry-after", "5", "--times", "1").stdout.strip()
    assert demo.call("GET", "ScheduledDataset", token="none").status_code == 503
    table = command("fault", "list").stdout
    assert identifier in table and "status=503" in table and " 1 time " in table
    assert "KIND" in table.splitlines()[0]
    refused = command("fault", "add", "--kind", "authority", code=2)
    assert "'error' should be a number" in refused.stderr
    command("fault", "clear", identifier)
    command("fault", "clear", identifier, code=4)
    before = demo.now()
    assert command("clock", "advance", "90m").stdout.strip() == write_time(before + timedelta(minutes=90))
    assert command("clock", "show", "--json").stdout.count(write_time(demo.now())) == 1
    assert "never moves back" in command("clock", "set", "2020-01-01T00:00:00Z", code=2).stderr
    assert "scheduleddataset" in command("requests").stdout
    assert command("callbacks", "--json").stdout.strip().startswith("{")
    command("reset")
    away = demo.command("sandbox", "--url", "http://127.0.0.1:9", "clock", "show")
    assert away.returncode == 5 and "insightgate demo" in away.stderr


# The access log


def test_an_operator_asks_who_downloaded_what(demo):
    # The token of a test before may have ended, since those move the clock.
    demo.sign_in()
    demo.export(QUERY)
    answer = demo.ask_token(grant_type="client_credentials", username=None, password=None, **demo.ready["operator"])
    assert answer.status_code == 200, answer.text
    log = demo.within("cmp", answer.json()["access_token"])
    assert [dataset["datasetName"] for dataset in log.datasets()] == ["AccessLog"]
    asked = "SELECT TenantId, User, Dataset, Address, Status FROM AccessLog WHERE Event = 'Download' ORDER BY Time ASC TIMESPAN LIFETIME"

    def seen():
        # Files are written when the clock moves, and every half minute.
        sandbox(demo, "POST", "clock", {"advance": "PT1S"})
        return log.preview(asked)

    expected = {"TenantId": demo.ready["tenant_id"], "User": demo.ready["username"], "Dataset": "Profile", "Address": "127.0.0.1"}
    assert eventually(seen)[-1] == expected | {"Status": "Succeeded"}
