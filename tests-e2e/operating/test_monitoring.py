"""What operators look at: the listener of telemetry in every role, lines of the log for machines, traces, and the files for Prometheus and Grafana."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import requests

from harness.deployment import Process
from harness.ports import free_port
from harness.receiver import Receiver
from harness.waiting import eventually

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
CORRELATION = "a-request-to-follow"
CALLERS_TRACE = "0af7651916cd43dd8448eb211c80319c"
NAME = re.compile(r"\b(?:insightgate|process)_[a-z_]+\b")
# What Prometheus makes of one histogram.
PARTS = re.compile(r"_(bucket|sum|count)$")


def process(binary, folder, *flags, **settings):
    """A server with a listener for operators, at `watched`."""
    address = f"127.0.0.1:{free_port()}"
    environment = {"INSIGHTGATE_SERVER_HTTPS": "", "INSIGHTGATE_TELEMETRY_ADDRESS": address} | settings
    server = Process(binary, folder, environment, *flags)
    server.watched = f"http://{address}"
    return server


@pytest.fixture(scope="module")
def watched(binary, tmp_path_factory):
    """A server after a few requests, with what its collector got."""
    with Receiver(status=200) as collector:
        settings = {"INSIGHTGATE_LOG_FORMAT": "json", "INSIGHTGATE_TELEMETRY_TRACES_URL": f"{collector.url}/v1/traces"}
        server = process(binary, tmp_path_factory.mktemp("watched"), **settings).start()
        server.collector = collector
        headers = {"ms-correlationid": CORRELATION, "traceparent": f"00-{CALLERS_TRACE}-b7ad6b7169203331-01"}
        form = {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "not-to-be-seen"}
        assert requests.post(f"{server.url}/contoso.example/oauth2/token?key=not-to-be-seen", data=form, headers=headers).status_code == 400
        yield server
        if server.process.poll() is None:
            server.stop()


def names(text):
    """The names of a text in Prometheus's format, those of histograms without their parts."""
    return {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}


def test_each_name_of_the_files_and_of_the_page_is_one_of_the_servers(watched):
    answer = requests.get(f"{watched.watched}/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    served = names(answer.text)
    dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text())
    drawn = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    rules = (MONITORING / "insightgate.rules.yml").read_text()
    assert len(drawn) > 25 and rules.count("- alert: ") > 10
    for text in [*drawn, rules]:
        for name in NAME.findall(text):
            assert PARTS.sub("", name) in served or name in served, f"{name} in {text}"
    # The page describes each, in a table, and no other but those that a setting adds.
    page = (ROOT / "docs" / "monitoring.md").read_text()
    described = set(re.findall(r"^\| `((?:insightgate|process)_[a-z_]+)`", page, re.MULTILINE))
    assert described - served == {
        "insightgate_tenant_requests_total",
        "insightgate_tenant_executions_total",
        "insightgate_tenant_execution_bytes_total",
    }
    assert served - described == set()
    alerts = set(re.findall(r"- alert: (\w+)", rules))
    assert alerts == set(re.findall(r"^\| `(Insightgate\w+)`", page, re.MULTILINE))


@pytest.mark.skipif("PROMTOOL" not in os.environ, reason="Debian's prometheus is not to be had")
def test_prometheus_takes_the_rules_and_the_metrics(watched):
    for checks, given in ((["rules", MONITORING / "insightgate.rules.yml"], b""), (["metrics"], requests.get(f"{watched.watched}/metrics").content)):
        ran = subprocess.run([os.environ["PROMTOOL"], "check", *checks], input=given, capture_output=True, timeout=60)
        assert (ran.returncode, ran.stderr) == (0, b""), ran.stdout + ran.stderr


def test_a_machine_reads_each_line_and_no_secret_is_in_one(watched):
    def of_request():
        lines = [json.loads(line) for line in watched.log.read_text().rpartition("\n")[0].splitlines()]
        return [line for line in lines if line.get("correlation") == CORRELATION]

    (line,) = eventually(of_request)
    assert line["message"] == "answered" and line["level"] == "INFO" and line["target"].startswith("insightgate_api")
    assert (line["method"], line["status"], line["route"]) == ("POST", 400, "/{tenant}/oauth2/token")
    assert line["path"] == "/contoso.example/oauth2/token" and line["client"] == "127.0.0.1"
    assert line["milliseconds"] > 0 and line["bytes"] > 0
    assert "not-to-be-seen" not in watched.log.read_text()


def test_a_collector_gets_the_spans_of_a_request_with_its_correlation_id(watched):
    def spans():
        for received in watched.collector.received:
            assert received["line"] == "POST /v1/traces"
            headers = {name.lower(): value for name, value in received["headers"].items()}
            assert headers["content-type"] == "application/json"
            for resource in json.loads(received["body"])["resourceSpans"]:
                yield from (span for scope in resource["scopeSpans"] for span in scope["spans"])

    def of_request():
        def correlated(span):
            return {"key": "correlation", "value": {"stringValue": CORRELATION}} in span["attributes"]

        return [span for span in spans() if correlated(span)]

    (span,) = eventually(of_request)
    assert (span["name"], span["traceId"], span["parentSpanId"]) == ("POST /{tenant}/oauth2/token", CALLERS_TRACE, "b7ad6b7169203331")
    assert int(span["startTimeUnixNano"]) < int(span["endTimeUnixNano"])
    within = [other for other in spans() if other["parentSpanId"] == span["spanId"]]
    assert {"database"} <= {other["name"] for other in within}, within
    assert all(int(span["startTimeUnixNano"]) <= int(other["startTimeUnixNano"]) for other in within)
    assert "not-to-be-seen" not in "".join(received["body"].decode() for received in watched.collector.received)


def test_beside_the_api_the_metrics_are_shown_nowhere_if_they_have_a_listener(watched):
    assert requests.get(f"{watched.url}/metrics").status_code == 403
    assert requests.get(f"{watched.url}/readyz").json() == requests.get(f"{watched.watched}/readyz").json()


def test_a_worker_says_whether_it_can_work(binary, tmp_path):
    worker = process(binary, tmp_path, "--roles", "worker").start()
    try:
        assert requests.get(f"{worker.watched}/healthz").text == "ok"
        ready = requests.get(f"{worker.watched}/readyz")
        checks = {check["name"]: check["ok"] for check in ready.json()["checks"]}
        assert ready.status_code == 200 and all(checks.values()), ready.text
        assert {"database", "databaseWrites", "keys", "artifacts", "data"} <= set(checks)
        text = requests.get(f"{worker.watched}/metrics").text
        assert 'insightgate_background_turns_total{loop="executions"}' in text and 'loop="schedules"' not in text
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{worker.url}/healthz")
        # The folder of the artifacts is gone.
        folder = tmp_path / "insightgate-data" / "artifacts"
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
        folder.write_text("")
        # An answer that is a refusal is not true.
        (answer,) = eventually(lambda: [answer for answer in [requests.get(f"{worker.watched}/readyz")] if answer.status_code == 503])
        assert int(answer.headers["Retry-After"]) > 0
        assert [check["name"] for check in answer.json()["checks"] if not check["ok"]] == ["artifacts"], answer.text
    finally:
        assert worker.stop() == 0
