"""The sandbox's receiver of callbacks, told by the specification's own library which signatures hold, and callbacks of many slots in another order."""

import json
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from harness.demo import hours, write_time
from harness.waiting import eventually

QUERY = "SELECT MPNId FROM Profile TIMESPAN LIFETIME"


@pytest.fixture(scope="module")
def demo(start, tmp_path_factory):
    with start(tmp_path_factory.mktemp("receiver") / "data", "--clock", "manual", "--no-quotas", "--rows", "60") as running:
        yield running


def sandbox(demo, method, path, body=None):
    answer = demo.session.request(method, f"{demo.ready['http']}/sandbox/v1/{path}", json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def received(demo, count):
    eventually(lambda: len(sandbox(demo, "GET", "callbacks")["callbacks"]) >= count)
    return sandbox(demo, "GET", "callbacks")["callbacks"]


def make_secret(demo):
    profile = demo.data_dir.parent / f"{demo.data_dir.name}-ready.json"
    arguments = ["callback", "secret", "make", demo.ready["username"], "--tenant", demo.ready["tenant_domain"], "--json"]
    made = demo.command("--profile", str(profile), *arguments)
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)["secret"]


def holds(secret, body, headers):
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except WebhookVerificationError:
        return "invalid"
    return "valid"


def test_a_signature_holds_where_the_specifications_library_says_so(demo):
    url = f"{demo.ready['http']}/sandbox/v1/receiver/signed"
    demo.run(demo.create_query(QUERY)["queryId"], CallbackUrl=url)
    assert received(demo, 1)[0]["signature"] == "missing"
    secret = make_secret(demo)
    demo.run(demo.create_query(QUERY)["queryId"], CallbackUrl=url)
    own = received(demo, 2)[1]
    assert own["signature"] == "valid"

    identifier, now, body = own["headers"]["webhook-id"], datetime.now(timezone.utc), json.dumps(own["body"])
    other = Webhook("whsec_" + "b3RoZXIgc2VjcmV0IG9mIHRoaXMgdGVzdA==").sign(identifier, now, body)
    signed = Webhook(secret).sign(identifier, now, body)
    headers = lambda signature, **more: {"webhook-id": identifier, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature} | more
    later = {"webhook-timestamp": str(int(now.timestamp()) + 1)}
    cases = [
        ("made with the owner's secret", body, headers(signed), "valid"),
        ("made with another secret", body, headers(other), "invalid"),
        ("one of two holds", body, headers(f"{other} {signed}"), "valid"),
        ("of another body", body + " ", headers(signed), "invalid"),
        ("of another time", body, headers(signed, **later), "invalid"),
        ("of another callback", body, headers(signed, **{"webhook-id": str(uuid.uuid4())}), "invalid"),
        ("of another version", body, headers(signed.replace("v1,", "v2,")), "invalid"),
    ]
    sandbox(demo, "DELETE", "callbacks")
    for _, sent, named, expected in cases:
        assert holds(secret, sent, named) == expected
        assert demo.session.post(url, data=sent, headers=named | {"Content-Type": "application/json"}).status_code == 204
    demo.session.post(url, data=body, headers={"Content-Type": "application/json"})
    came = [one["signature"] for one in received(demo, len(cases) + 1)]
    assert came == [*(expected for *_, expected in cases), "missing"]


@pytest.mark.parametrize("strides", [1, 3])
def test_callbacks_of_many_slots_come_the_newest_first(demo, strides):
    sandbox(demo, "POST", "reset", {})
    demo.sign_in()
    sandbox(demo, "POST", "faults", {"kind": "callbackOutOfOrder", "count": 3})
    first = demo.now() + hours(5)
    fields = {"StartTime": write_time(first), "RecurrenceInterval": 96, "RecurrenceCount": 9, "CallbackUrl": f"{demo.ready['http']}/sandbox/v1/receiver"}
    report = demo.create_report(demo.create_query(QUERY)["queryId"], **fields)["reportId"]
    for _ in range(strides):
        demo.advance(timedelta(days=12) / strides)
        demo.settled(report)
    slots = [write_time(first + timedelta(days=days)) for days in (8, 4, 0)]
    assert [one["body"]["reportGeneratedTime"] for one in received(demo, 3)] == slots


def test_a_request_is_listed_whose_client_gave_up(demo):
    sandbox(demo, "POST", "reset", {})
    demo.sign_in()
    fault = sandbox(demo, "POST", "faults", {"match": {"path": "/insights/"}, "delay": "PT100S", "times": 1})
    with pytest.raises(Exception, match="timed out"):
        demo.call("GET", "ScheduledDataset", timeout=0.5)

    def listed():
        return [one for one in sandbox(demo, "GET", "requests")["requests"] if "scheduleddataset" in one["path"]]

    eventually(listed)
    (gone,) = listed()
    assert (gone["gaveUp"], gone["status"], gone["fault"]) == (True, None, fault["id"])
    assert demo.call("GET", "ScheduledDataset").status_code == 200
    assert [one["gaveUp"] for one in listed()] == [True, False]
