"""Callbacks as an integrator meets them: a receiver on the same machine, the specification's own library, and the clock that is moved."""

import json
from datetime import timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from harness.demo import hours, read_time
from harness.receiver import Receiver
from harness.waiting import eventually

QUERY = "SELECT MPNId FROM Profile TIMESPAN LIFETIME"


@pytest.fixture(scope="module")
def demo(start, tmp_path_factory):
    with start(tmp_path_factory.mktemp("callbacks") / "data", "--clock", "manual", "--no-quotas", "--rows", "60") as running:
        yield running


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


def command(demo, *arguments, code=0):
    profile = demo.data_dir.parent / f"{demo.data_dir.name}-ready.json"
    ran = demo.command("--profile", str(profile), "callback", *arguments)
    assert ran.returncode == code, ran.stderr
    return ran.stdout if code == 0 else ran.stderr


def run(demo, url, **fields):
    """A run that is over, of a report with this callback."""
    return demo.run(demo.create_query(QUERY)["queryId"], CallbackUrl=url, **fields)


def told(receiver, count=1):
    eventually(lambda: len(receiver.received) >= count)
    return receiver.received[count - 1]


def callback_of(demo, execution):
    (only,) = json.loads(command(demo, "list", "--execution", execution["executionId"], "--json"))["value"]
    return json.loads(command(demo, "show", only["id"], "--json"))


def in_state(demo, execution, state, seconds=60):
    def reached():
        callback = callback_of(demo, execution)
        return callback if callback["state"] == state else None

    return eventually(reached, seconds)


def test_post_and_get_as_documented(demo, receiver):
    execution = run(demo, f"{receiver.url}/done?code=key")
    request = told(receiver)
    assert request["line"] == f"POST /done/{execution['reportId']}?code=key"
    said = json.loads(request["body"])
    assert said["executionStatus"] == "Completed" and said["reportName"] == "a report"
    for name in ("reportId", "executionId", "rowCount", "byteCount", "sha256", "reportGeneratedTime"):
        assert said[name] == execution[name], name
    execution = run(demo, f"{receiver.url}/done?", callbackMethod="POST")
    assert told(receiver, 2)["line"] == f"POST /done?/{execution['reportId']}"
    execution = run(demo, f"{receiver.url}/done", callbackMethod="GET")
    request = told(receiver, 3)
    assert (request["line"], request["body"]) == (f"GET /done?reportId={execution['reportId']}", b"")
    shown = in_state(demo, execution, "delivered")
    assert [attempt["httpStatus"] for attempt in shown["attempts"]] == [204]
    assert "code=key" not in command(demo, "list") + command(demo, "list", "--json")


def test_signatures_hold_for_the_specifications_library(demo, receiver):
    secret = lambda *arguments: command(demo, "secret", *arguments, "--tenant", demo.ready["tenant_domain"])
    first = json.loads(secret("make", demo.ready["username"], "--json"))
    run(demo, f"{receiver.url}/signed")
    request = told(receiver)
    verified = Webhook(first["secret"]).verify(request["body"], {name.lower(): value for name, value in request["headers"].items()})
    assert verified["executionStatus"] == "Completed"
    second = json.loads(secret("make", demo.ready["username"], "--json"))
    # The real time goes with the signature, however far the sandbox's clock was moved.
    demo.advance(hours(23))
    run(demo, f"{receiver.url}/signed")
    request = told(receiver, 2)
    headers = {name.lower(): value for name, value in request["headers"].items()}
    for one in (first, second):
        Webhook(one["secret"]).verify(request["body"], headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(second["secret"]).verify(request["body"] + b" ", headers)
    demo.advance(hours(2))
    run(demo, f"{receiver.url}/signed")
    headers = {name.lower(): value for name, value in told(receiver, 3)["headers"].items()}
    with pytest.raises(WebhookVerificationError):
        Webhook(first["secret"]).verify(receiver.received[2]["body"], headers)
    run(demo, f"{receiver.url}/signed", callbackMethod="GET")
    headers = {name.lower(): value for name, value in told(receiver, 4)["headers"].items()}
    Webhook(second["secret"]).verify("", headers, json_parse=False)
    assert first["secret"] not in secret("list", demo.ready["username"], "--json")
    secret("revoke", demo.ready["username"], second["id"], "--yes")
    run(demo, f"{receiver.url}/unsigned")
    assert "webhook-signature" not in {name.lower() for name in told(receiver, 5)["headers"]}


def test_a_failure_is_tried_again_when_the_clock_moves(demo, receiver):
    receiver.status = 500
    execution = run(demo, receiver.url)
    told(receiver)
    first = eventually(lambda: (callback := callback_of(demo, execution))["attempts"] and callback)
    assert (first["state"], first["attempts"][0]["httpStatus"]) == ("pending", 500)
    receiver.status = 200
    demo.advance(timedelta(seconds=5))
    shown = in_state(demo, execution, "delivered")
    assert [attempt["httpStatus"] for attempt in shown["attempts"]] == [500, 200]
    ids = {request["headers"]["webhook-id"] for request in receiver.received}
    assert ids == {shown["id"]}
    command(demo, "replay", shown["id"])
    told(receiver, 3)
    assert in_state(demo, execution, "delivered")["attemptCount"] == 3
    assert "HTTP" not in command(demo, "show", "00000000-0000-4000-8000-000000000000", code=4)


def test_a_redirect_is_not_followed(demo, receiver):
    with Receiver(307, {"Location": f"{receiver.url}/elsewhere"}) as redirecting:
        execution = run(demo, redirecting.url)
        told(redirecting)
        shown = eventually(lambda: (callback := callback_of(demo, execution))["attempts"] and callback)
        assert (shown["state"], shown["attempts"][0]["httpStatus"], receiver.received) == ("pending", 307, [])


def test_three_days_are_the_end(demo, receiver):
    receiver.status = 500
    execution = run(demo, receiver.url)
    told(receiver)
    eventually(lambda: callback_of(demo, execution)["attempts"])
    demo.advance(hours(73))
    shown = in_state(demo, execution, "failed")
    # Each at its own time, as if the clock had run, however far it was moved at once.
    at = [read_time(attempt["at"]) for attempt in shown["attempts"]]
    waits = [int((later - earlier).total_seconds()) for earlier, later in zip(at, at[1:])]
    assert waits == [5, 30, 120, 600, 1800, 3600, 7200, 14400] + [28800] * 8
    assert shown["attemptCount"] == len(at) and at[-1] - at[0] <= hours(72)


def test_a_receiver_that_hangs_holds_up_nobody(demo, receiver):
    with Receiver(None) as silent:
        hanging = [run(demo, silent.url) for _ in range(3)]
        told(silent)
        execution = run(demo, receiver.url)
        in_state(demo, execution, "delivered", seconds=10)
        assert len(silent.received) <= 2
        shown = eventually(lambda: (callback := callback_of(demo, hanging[0]))["attempts"] and callback, 30)
        assert shown["state"] == "pending" and "within 15s" in shown["attempts"][0]["error"]
        assert 14_000 < shown["attempts"][0]["milliseconds"] < 20_000


def test_deleting_the_report_cancels(demo, receiver):
    receiver.status = 500
    execution = run(demo, receiver.url)
    told(receiver)
    demo.ok("DELETE", f"ScheduledReport/{execution['reportId']}")
    assert in_state(demo, execution, "cancelled")
    demo.advance(hours(1))
    assert "deleted" in command(demo, "replay", callback_of(demo, execution)["id"], code=1)
    assert len(receiver.received) == 1


def test_other_networks_are_refused(demo):
    query = demo.create_query(QUERY)["queryId"]
    for url in ("http://10.0.0.1/cb", "http://0xa9fea9fe/latest/meta-data", "http://[fd00:ec2::254]/", "http://me:secret@127.0.0.1/"):
        answer = demo.call("POST", "ScheduledReport", json={"ReportName": "r", "QueryId": query, "ExecuteNow": True, "CallbackUrl": url})
        assert answer.status_code == 400 and "CallbackUrl" in answer.json()["message"], answer.text
        assert "secret" not in answer.text and "meta-data" not in answer.text
