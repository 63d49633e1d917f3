"""The recorder between a server and clients that are not the project's own, and what a second server answers otherwise."""

import http.client
import json
import signal
import stat
import subprocess
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

import msal
import pytest
import requests

from harness.browser import ThroughPort
from harness.demo import write_time
from harness.desk import Desk
from harness.loopback import Loopback
from harness.waiting import eventually
from recorder import recording

PREVIEW = "SELECT CustomerName, TotalRevenue FROM CustomersAndTenants TIMESPAN LIFETIME"
PATIENCE = 30


@pytest.fixture(scope="module")
def first(start, tmp_path_factory):
    with start(tmp_path_factory.mktemp("first") / "data", "--no-quotas", "--rows", "60") as running:
        yield running


@pytest.fixture(scope="module")
def second(start, tmp_path_factory):
    flags = ["--no-quotas", "--rows", "90", "--seed", "7"]
    with start(tmp_path_factory.mktemp("second") / "data", *flags) as running:
        yield running


def token_of(recorder, ready, **changes):
    form = {name: ready[name] for name in ("resource", "client_id", "client_secret", "username", "password")}
    form |= {"grant_type": "password", "scope": "openid"} | changes
    return recorder.session.post(f"{recorder.http}/{ready['tenant_id']}/oauth2/token", data=form)


class Walk:
    """A client's day: everything that the documents show, by requests."""

    def __init__(self, recorder, ready, now):
        self.recorder, self.ready, self.now = recorder, ready, now
        self.base = f"{recorder.http}/insights/v1/mpn"
        self.secrets = [ready["client_secret"], ready["password"], ready["username"]]

    def call(self, method, path, status=200, **more):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        answer = self.recorder.session.request(method, f"{self.base}/{path}", headers=headers, **more)
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
        return answer.json()["value"]

    def run(self):
        granted = token_of(self.recorder, self.ready).json()
        self.token = granted["access_token"]
        self.secrets += [granted[name] for name in ("access_token", "refresh_token", "id_token") if name in granted]
        wrong = token_of(self.recorder, self.ready, password="a-wrong-password")
        assert wrong.status_code == 400
        self.secrets.append("a-wrong-password")
        self.call("GET", "ScheduledDataset")
        query = self.call("POST", "ScheduledQueries", json={"Name": "recorded", "Description": "d", "Query": PREVIEW})[0]["queryId"]
        self.call("GET", "ScheduledQueries", params={"queryId": query})
        self.rows = self.call("GET", "ScheduledQueries/testQueryResult", params={"exportQuery": PREVIEW})
        self.call("POST", "ScheduledQueries", 400, json={"Name": "broken", "Query": "SELECT Nothing FROM Nowhere"})
        report = self.call("POST", "ScheduledReport", json={"ReportName": "now", "QueryId": query, "ExecuteNow": True})[0]["reportId"]
        begin = {"StartTime": write_time(self.now + timedelta(hours=5)), "RecurrenceInterval": 4, "RecurrenceCount": 2}
        later = self.call("POST", "ScheduledReport", json={"ReportName": "later", "QueryId": query, **begin})[0]["reportId"]
        self.call("PUT", f"ScheduledReport/{later}", json={"ReportName": "later still", **begin})
        self.call("GET", "ScheduledReport", params={"reportId": later})
        link = eventually(lambda: self.link(report))
        self.secrets.append(dict(pair.split("=", 1) for pair in urlsplit(link).query.split("&"))["sig"])
        assert link.startswith(f"{self.recorder.http}/artifacts/")
        self.file = self.recorder.session.get(link).content
        assert len(self.file.splitlines()) > 1
        part = self.recorder.session.get(link, headers={"Range": "bytes=0-9", "Accept-Encoding": "identity"})
        assert part.status_code == 206 and part.content == self.file[:10]
        self.call("DELETE", f"ScheduledReport/{later}")
        self.call("DELETE", f"ScheduledReport/{report}")
        self.call("GET", f"ScheduledReport/execution/{report}", 404)
        self.call("DELETE", f"ScheduledQueries/{query}")
        assert self.recorder.session.get(f"{self.base}/ScheduledDataset").status_code == 401
        return self

    def link(self, report):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        answer = self.recorder.session.get(f"{self.base}/ScheduledReport/execution/{report}", headers=headers)
        return answer.status_code == 200 and answer.json()["value"][0]["reportAccessSecureLink"]


@pytest.fixture(scope="module")
def walked(binary, first, tmp_path_factory):
    """The recording of a day at the first server, and what was secret in it."""
    file = tmp_path_factory.mktemp("recorded") / "day.jsonl"
    with recording(binary, file, first.ready["http"]) as recorder:
        walk = Walk(recorder, first.ready, first.now()).run()
        assert recorder.end().splitlines()[-1].endswith(f"exchanges are in {file}")
        assert recorder.process.returncode == 0
    return file, walk


@pytest.fixture
def desk(binary, second, tmp_path):
    return desk_at(binary, second.ready, second.ready["http"], tmp_path)


def desk_at(binary, ready, endpoint, folder):
    """A desk whose API is at `endpoint`."""
    environment = {f"INSIGHTGATE_{name.upper()}": ready[name] for name in ("client_id", "client_secret", "username", "password")}
    environment |= {"INSIGHTGATE_AUTHORITY": f"{ready['http']}/{ready['tenant_id']}", "INSIGHTGATE_ENDPOINT": endpoint}
    return Desk(binary, environment, folder)


def left(demo):
    """What of a replay is still there."""
    names = [query["name"] for query in demo.ok("GET", "ScheduledQueries")]
    reports = demo.call("GET", "ScheduledReport")
    names += [report["reportName"] for report in (reports.json()["value"] if reports.status_code == 200 else [])]
    return [name for name in names if name in ("recorded", "now", "later", "later still")]


def test_a_recording_holds_every_exchange_and_no_secret(walked):
    file, walk = walked
    text = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for secret in walk.secrets:
        assert len(secret) > 5 and secret not in text
    exchanges = [json.loads(line) for line in text.splitlines()[1:]]
    assert [exchange["number"] for exchange in exchanges] == list(range(1, len(exchanges) + 1))
    kinds = [exchange["kind"] for exchange in exchanges]
    assert kinds.count("authority") == 2 and kinds.count("link") == 2 and kinds.count("api") >= 14
    granted = exchanges[0]
    assert "client_secret=***" in granted["request"]["body"]["form"] and "user-1" in granted["request"]["body"]["form"]
    assert granted["answer"]["body"]["json"]["access_token"] == "***" and granted["answer"]["body"]["json"]["token_type"] == "Bearer"
    # Rows by their shape.
    names = [row["CustomerName"] for row in walk.rows]
    assert names and not any(name in text for name in names)
    table = next(exchange for exchange in exchanges if exchange["kind"] == "link")["answer"]["body"]["file"]
    assert [column["name"] for column in table["columns"]] == ["CustomerName", "TotalRevenue"] and table["columns"][1]["kinds"] == ["number"]


def test_the_same_server_and_another_of_its_kind_do_not_differ(walked, binary, first, second, desk, tmp_path):
    for demo, at in ((second, desk), (first, desk_at(binary, first.ready, first.ready["http"], tmp_path))):
        ran = at.command("sandbox", "compare", str(walked[0]))
        assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout + ran.stderr
        assert "no difference" in ran.stderr and "2 of the authority are not replayed" in ran.stderr
        assert left(demo) == []
    answer = desk.json("sandbox", "compare", str(walked[0]))
    assert answer["compared"] >= 15 and answer["differences"] == [] and not answer["cut"], answer


class Changing(Loopback):
    """A reverse proxy that is not ours, and answers a little differently than what is behind it. `change` gets the path, the status, the headers and the
    body as JSON (or None), and gives back the last three."""

    def __init__(self, upstream, change):
        self.upstream, self.change, self.calls = urlsplit(upstream), change, []
        changing = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do(self):
                changing.calls.append((self.command, self.path))
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                connection = http.client.HTTPConnection(changing.upstream.netloc)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content, headers = answer.read(), dict(answer.getheaders())
                value = json.loads(content) if "json" in headers.get("content-type", "") else None
                status, headers, changed = changing.change(self.command + " " + urlsplit(self.path).path.lower(), answer.status, headers, value)
                content = content if changed is None else json.dumps(changed).encode()
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = do

        super().__init__(Handler)


def planted(call, status, headers, value):
    """One difference of each kind."""
    if call.endswith("mpn/scheduleddataset") and status == 200:
        value["value"].reverse()
    elif call.endswith("testqueryresult"):
        value["value"] = [{"CustomerName": 7, "Revenue": row["TotalRevenue"]} for row in value["value"]]
    elif call == "POST /insights/v1/mpn/scheduledqueries" and status == 400:
        status = 422
    elif call == "POST /insights/v1/mpn/scheduledqueries":
        value["value"][0]["extra"] = "new"
    elif call == "POST /insights/v1/mpn/scheduledreport":
        del value["value"][0]["format"]
        value["value"][0]["recurrenceCount"] = str(value["value"][0]["recurrenceCount"])
    elif call.startswith("PUT /insights/"):
        headers["content-type"] = "text/json"
    elif call.startswith("DELETE /insights/v1/mpn/scheduledqueries/"):
        value["message"] = "gone"
    return status, headers, value


def test_each_planted_difference_is_named_by_exchange_and_field(walked, binary, second, tmp_path):
    with Changing(second.ready["http"], planted) as changed:
        desk = desk_at(binary, second.ready, changed.url, tmp_path)
        ran = desk.command("sandbox", "compare", str(walked[0]), "--json")
        assert ran.returncode == 1 and "differences in" in ran.stderr, ran.stderr
        differences = json.loads(ran.stdout)["differences"]
        found = {(one["method"], one["path"].split("/mpn/")[1].split("/")[0], one["field"], one["kind"]) for one in differences}
        assert found == {
            ("GET", "ScheduledDataset", "value", "order"),
            ("GET", "ScheduledQueries", "value[].CustomerName", "type"),
            ("GET", "ScheduledQueries", "value[].TotalRevenue", "missing"),
            ("GET", "ScheduledQueries", "value[].Revenue", "added"),
            ("POST", "ScheduledQueries", "status", "value"),
            ("POST", "ScheduledQueries", "value[0].extra", "added"),
            ("POST", "ScheduledReport", "value[0].format", "missing"),
            ("POST", "ScheduledReport", "value[0].recurrenceCount", "type"),
            ("PUT", "ScheduledReport", "headers.content-type", "value"),
            ("DELETE", "ScheduledQueries", "message", "value"),
        }
        status = next(one for one in differences if one["field"] == "status")
        assert (status["recorded"], status["here"]) == (400, 422)
        recorded = {json.loads(line).get("number"): json.loads(line) for line in walked[0].read_text().splitlines()}
        for one in differences:
            assert recorded[one["exchange"]]["path"] == one["path"]
        # For a person, and without what is ignored.
        ran = desk.command("sandbox", "compare", str(walked[0]), "--no-added", "--ignore", "value[].format", "value[].recurrenceCount", "headers")
        lines = ran.stdout.splitlines()
        assert "  status: recorded 400, here 422" in lines and any(line.endswith("POST /insights/v1/mpn/ScheduledQueries") for line in lines)
        assert ran.returncode == 1 and not any(word in ran.stdout for word in ("extra", "format", "recurrenceCount", "headers"))
    assert left(second) == []


def test_a_slower_server_is_waited_for(walked, binary, second, tmp_path):
    polls = []

    def slow(call, status, headers, value):
        if "/execution/" in call and status == 200 and len(polls) < 3:
            polls.append(call)
            return 404, headers, value | {"value": [], "totalCount": 0, "message": "No executions found", "statusCode": 404}
        return status, headers, value

    with Changing(second.ready["http"], slow) as changed:
        ran = desk_at(binary, second.ready, changed.url, tmp_path).command("sandbox", "compare", str(walked[0]))
        assert ran.returncode == 0 and len(polls) == 3, ran.stdout + ran.stderr


def test_ctrl_c_takes_away_what_the_replay_made(walked, binary, second, tmp_path):
    polled = threading.Event()

    def never(call, status, headers, value):
        if "/execution/" in call:
            polled.set()
            return 404, headers, {"value": [], "totalCount": 0, "message": "No executions found", "statusCode": 404}
        return status, headers, value

    with Changing(second.ready["http"], never) as changed:
        desk = desk_at(binary, second.ready, changed.url, tmp_path)
        command = [desk.binary, "sandbox", "compare", str(walked[0])]
        replay = subprocess.Popen(command, env=desk.environment, stderr=subprocess.PIPE, text=True)
        assert polled.wait(PATIENCE) and sorted(left(second)) == ["later still", "now", "recorded"]
        replay.send_signal(signal.SIGINT)
        said = replay.communicate(timeout=60)[1]
        assert replay.returncode == 130 and "error: interrupted" in said, said
    assert left(second) == []


def test_values_of_rows_are_compared_where_they_were_recorded(binary, first, second, tmp_path):
    file = tmp_path / "values.jsonl"
    with recording(binary, file, first.ready["http"], "--values") as recorder:
        walk = Walk(recorder, first.ready, first.now()).run()
    text = file.read_text()
    assert walk.rows[0]["CustomerName"] in text and not any(secret in text for secret in walk.secrets)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    same = desk_at(binary, first.ready, first.ready["http"], tmp_path / "a").command("sandbox", "compare", str(file), "--values")
    assert same.returncode == 0, same.stdout
    other = desk_at(binary, second.ready, second.ready["http"], tmp_path / "b").command("sandbox", "compare", str(file), "--values")
    assert other.returncode == 1 and "  rows: recorded" in other.stdout and "  value[0].TotalRevenue: recorded" in other.stdout, other.stdout


def test_a_strangers_recording_asks_nothing_but_the_documented_api(walked, binary, second, tmp_path):
    kept = second.create_query(PREVIEW, "of mine")["queryId"]
    heading, lines = walked[0].read_text().splitlines()[0], []
    base = {"at": 0, "kind": "api", "request": {"headers": {"authorization": "Bearer ***"}}, "status": 200, "answer": {}, "milliseconds": 1}
    for number, (method, path) in enumerate(
        [
            ("DELETE", f"/insights/v1/mpn/ScheduledQueries/{kept}"),
            ("GET", "//elsewhere.example/insights/v1/mpn/ScheduledDataset"),
            ("GET", "@elsewhere.example/insights/v1/mpn/ScheduledDataset"),
            ("GET", "/insights/v1/mpn/../../../sandbox/v1/requests"),
            ("POST", "/sandbox/v1/reset"),
            ("GET", "/manage/v1/tenants"),
            ("GET", "/insights/v1/mpn/ScheduledDataset"),
        ]
    ):
        lines.append(json.dumps(base | {"number": number, "method": method, "path": path}))
    lines.append(json.dumps(base | {"number": 90, "kind": "link", "method": "GET", "path": "http://elsewhere.example/file"}))
    file = tmp_path / "strange.jsonl"
    file.write_text("\n".join([heading, *lines]) + "\n")
    with Changing(second.ready["http"], lambda _, *answer: answer) as watched:
        desk = desk_at(binary, second.ready, watched.url, tmp_path)
        ran = desk.command("sandbox", "compare", str(file), "--json")
        answer = json.loads(ran.stdout)
        assert answer["compared"] == 1 and len(answer["notCompared"]) == 7, answer
        assert watched.calls == [("GET", "/insights/v1/mpn/ScheduledDataset")]
    second.ok("DELETE", f"ScheduledQueries/{kept}")


def test_files_that_are_no_recordings(walked, desk, tmp_path):
    lines = walked[0].read_text().splitlines(keepends=True)
    cut = tmp_path / "cut.jsonl"
    cut.write_text("".join(lines[:4]) + lines[4][:50])
    ran = desk.command("sandbox", "compare", str(cut))
    assert ran.returncode == 0 and "ends within its last line" in ran.stderr, ran.stderr
    garbage = tmp_path / "garbage.jsonl"
    garbage.write_text("what?\n")
    assert "sandbox record" in desk.refused(2, "sandbox", "compare", str(garbage))
    garbage.write_text(lines[0].replace('"insightgateRecording":1', '"insightgateRecording":2'))
    assert "form 2" in desk.refused(2, "sandbox", "compare", str(garbage))
    assert "no recording at" in desk.refused(4, "sandbox", "compare", str(tmp_path / "none.jsonl"))
    assert "--values" in desk.refused(2, "sandbox", "compare", "--values", str(cut))


def test_a_file_that_is_there_stays_and_other_machines_are_kept_out(desk, first, tmp_path):
    there = tmp_path / "there.jsonl"
    there.write_text("mine")
    said = desk.refused(1, "sandbox", "record", "--upstream", first.ready["http"], "-o", str(there))
    assert "--force" in said and there.read_text() == "mine"
    said = desk.refused(2, "sandbox", "record", "--upstream", first.ready["http"], "-o", str(tmp_path / "x"), "--listen", "0.0.0.0:0")
    assert "--allow-remote" in said and not (tmp_path / "x").exists()
    ran = desk.command("sandbox", "record", "--upstream", first.ready["http"] + "/path", "-o", str(tmp_path / "x"))
    assert ran.returncode == 2 and "without a path" in ran.stderr


def test_the_command_line_is_recorded_at_the_real_services_answers(service, binary, second, tmp_path):
    """The imitation answers as the documents show, and this server as it does."""
    service.mark = True
    file = tmp_path / "imitated.jsonl"
    with recording(binary, file, service.address) as recorder:
        (tmp_path / "away").mkdir()
        away = Desk(binary, service.environment | {"INSIGHTGATE_AUTHORITY": f"{recorder.http}/contoso.example"}, tmp_path / "away")
        away.ok("export", "SELECT MPNId, MonthlyActiveUsers FROM OfficeUsage TIMESPAN LAST_MONTH", "-o", "usage.csv")
        assert (tmp_path / "away" / "usage.csv").read_bytes() == service.file
    text = file.read_text()
    secrets = [service.environment[f"INSIGHTGATE_{name}"] for name in ("CLIENT_SECRET", "USERNAME", "PASSWORD")]
    assert service.signatures and service.tokens
    assert not any(secret in text for secret in [*secrets, *service.signatures, *service.tokens])
    ran = desk_at(binary, second.ready, second.ready["http"], tmp_path).command("sandbox", "compare", str(file), "--json", "--no-added")
    found = {(one["path"].split("/")[1], one["field"], one["kind"]) for one in json.loads(ran.stdout)["differences"]}
    assert ran.returncode == 1 and not any(kind == "added" for _, _, kind in found)
    assert {("artifacts", "headers.content-type", "value"), ("insights", "value[0].reportStatus", "value")} <= found, found


def test_force_replaces_a_file_that_others_could_read(binary, first, tmp_path):
    file = tmp_path / "there.jsonl"
    file.write_text("theirs")
    file.chmod(0o644)
    with recording(binary, file, first.ready["http"], "--force"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600 and json.loads(file.read_text())["insightgateRecording"] == 1


def test_msal_signs_in_through_the_recorder(binary, first, tmp_path):
    """Unchanged, over HTTPS by the demo's own certificate; authority and API are at two addresses, the first of which is HTTPS."""
    ready = first.ready
    certificate = ready["ca_certificate"]
    file = tmp_path / "msal.jsonl"
    two = ["--authority", ready["https"]]
    with recording(binary, file, ready["http"], *two, certificate=certificate, https=first.data_dir) as recorder:
        authority = f"{recorder.https}/{ready['tenant_id']}"
        client = msal.ConfidentialClientApplication(
            ready["client_id"],
            client_credential=ready["client_secret"],
            authority=authority,
            instance_discovery=False,
            http_client=ThroughPort(authority, certificate),
        )
        scope = f"{ready['resource']}/.default"
        answer = client.acquire_token_by_username_password(ready["username"], ready["password"], [scope])
        token = answer["access_token"]
        (account,) = client.get_accounts()
        assert client.acquire_token_silent([scope], account)["token_source"] == "cache"
        assert client.acquire_token_silent([scope], account, force_refresh=True)["token_source"] == "identity_provider"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        listed = requests.get(f"{recorder.https}/insights/v1/mpn/ScheduledDataset", headers=headers, verify=certificate)
        assert listed.status_code == 200
        written = recorder.written()
    assert {exchange["kind"] for exchange in written} == {"authority", "api"}
    discovery = next(exchange for exchange in written if exchange["path"].endswith("openid-configuration"))
    assert discovery["answer"]["body"]["json"]["token_endpoint"].startswith(f"/{ready['tenant_id']}/oauth2/")
    text = file.read_text()
    secrets = [ready["client_secret"], ready["password"], ready["username"], token, answer["refresh_token"], answer.get("id_token", token)]
    assert not any(secret in text for secret in secrets)


def test_a_server_that_says_to_wait_for_ages_is_not_waited_for(walked, binary, second, tmp_path):
    lines = walked[0].read_text().splitlines(keepends=True)
    file = tmp_path / "short.jsonl"
    file.write_text(lines[0] + next(line for line in lines if "ScheduledDataset" in line))

    def busy(call, status, headers, value):
        return 429, headers | {"Retry-After": str(2**64 - 1)}, value

    with Changing(second.ready["http"], busy) as changed:
        ran = desk_at(binary, second.ready, changed.url, tmp_path).command("sandbox", "compare", str(file), "--timeout", "1d")
        assert ran.returncode == 1 and "status: recorded 200, here 429" in ran.stdout, ran.stdout + ran.stderr
