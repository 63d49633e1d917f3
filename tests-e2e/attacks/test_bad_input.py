"""Bad input: the documented status and message, never a 5xx, and the server goes on answering."""

import base64
import http.client
import json
import socket
import subprocess
from datetime import datetime, timezone
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from harness.demo import hours, write_time

NOWHERE = "00000000-0000-4000-8000-000000000000"
CREATION = "Invalid report parameters for creation - "


@pytest.fixture(autouse=True)
def still_answers(demo):
    yield
    assert demo.call("GET", "ScheduledDataset").status_code == 200


def refused(answer, status, message):
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:500]}"
    body = answer.json()
    assert (body["statusCode"], body["value"], body["totalCount"]) == (status, [], 0)
    assert body["message"] and message.lower() in body["message"].lower(), body["message"]


def query(text="SELECT MPNId FROM Profile", **changes):
    return {"Name": "n", "Description": "d", "Query": text} | changes


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", ""),
        ("", ""),
        ("[]", ""),
        ('"text"', ""),
        (b"\xff\xfe", ""),
        (query(Name=5), "Name"),
        (query(Query=["SELECT"]), "Query"),
        (query(Name=None), "Null or missing value"),
        (query(Query=""), "Null or missing value"),
        ({"Name": "n"}, "Null or missing value"),
        (query("SELECT MPNId FROM Nowhere"), "Invalid table name"),
        (query("SELECT Nothing FROM Profile"), "Incorrect column name"),
        (query("SELECT MPNId FROM Profile WHERE Nothing = 1"), "Incorrect column name"),
        (query("SELECT"), ""),
        (query("SELECT * FROM Profile"), ""),
        (query("DROP TABLE Profile"), ""),
        (query("SELECT MPNId FROM Profile WHERE MPNId = 'a' OR 1 = 1"), "OR"),
        (query("SELECT MPNId FROM Profile LIMIT 0"), "LIMIT"),
        (query("SELECT MPNId FROM OfficeUsage TIMESPAN TODAY"), "TODAY"),
        (query("SELECT MPNId FROM Profile TIMESPAN LAST_MONTH"), "LAST_MONTH"),
    ],
)
def test_queries(demo, body, message):
    content = body if isinstance(body, (str, bytes)) else json.dumps(body)
    refused(demo.call("POST", "ScheduledQueries", data=content), 400, message)


def test_an_answer_that_needs_no_body_keeps_the_connection(demo):
    """The body comes in a packet of its own, after the answer could have gone: the next request on the connection is answered too."""
    token = demo.token or demo.sign_in()
    address = urlsplit(demo.ready["http"])
    for method, path, bearer, status in (
        ("POST", "/nosuch", "", 404),
        ("DELETE", "/insights/v1/mpn/ScheduledReport/x", token, 404),
        ("PUT", "/insights/v1/mpn/ScheduledReport/pause/x", token, 404),
        ("POST", "/insights/v1/mpn/ScheduledQueries", "nonsense", 401),
        ("POST", "/insights/v1/mpn/ScheduledDataset", token, 405),
    ):
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        for _ in range(3):
            connection.putrequest(method, path)
            connection.putheader("Authorization", f"Bearer {bearer}")
            connection.putheader("Content-Length", "19")
            connection.endheaders()
            # The server has the head, and answers others meanwhile.
            assert demo.session.get(f"{demo.ready['http']}/healthz").status_code == 200
            connection.send(b'{"Name": "the bod"}')
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status and answer.getheader("Connection", "") != "close", f"{method} {path}: {answer.status}"
        connection.close()


def test_a_megabyte(demo):
    text = "SELECT MPNId FROM Profile WHERE Country IN (" + ",".join(["'United States'"] * 70_000) + ")"
    # A query that is too long, and a body that is.
    for part, limit in ((text[:400_000], "65536"), (text, "512 KiB")):
        answer = demo.call("POST", "ScheduledQueries", json=query(part))
        assert answer.status_code in (400, 413), answer.text[:500]
        assert limit in answer.json()["message"].replace(",", ""), "the limit is named"
    # In an address, a megabyte is refused before all of it has arrived: a client that is still sending may see the answer or the closed connection.
    try:
        assert demo.call("GET", "ScheduledQueries/testQueryResult", params={"exportQuery": text}).status_code in (414, 431)
    except requests.exceptions.ConnectionError:
        pass


def scheduled(**changes):
    start = write_time(datetime.now(timezone.utc) + hours(5))
    return {"ReportName": "r", "StartTime": start, "RecurrenceInterval": 48, "RecurrenceCount": 2, "Format": "csv"} | changes


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (scheduled(QueryId=NOWHERE), "Invalid QueryId"),
        (scheduled(QueryId="x' OR '1'='1"), "Invalid QueryId"),
        (scheduled(QueryId=None), "Null or missing value"),
        (scheduled(ReportName=None), "Null or missing value"),
        (scheduled(ReportName="a;b"), CREATION + "Invalid character (;) in ReportName"),
        (scheduled(ReportName="n" * 257), CREATION + "Limit ReportName and Description length to 256 characters or less"),
        (scheduled(Description="n" * 257), CREATION + "Limit ReportName and Description length to 256 characters or less"),
        (scheduled(StartTime="2020-01-01T00:00:00Z"), CREATION + "Start time of report should at least be 4 hours from current UTC time"),
        (scheduled(StartTime="tomorrow"), CREATION + "StartTime should follow format: yyyy-MM-ddTHH:mm:ssZ"),
        (scheduled(StartTime="2026-02-30T00:00:00Z"), CREATION + "StartTime should follow format: yyyy-MM-ddTHH:mm:ssZ"),
        (scheduled(StartTime=None), "Null or missing value"),
        (scheduled(RecurrenceInterval=3), "Recurrence Interval must be between 4 and 2160"),
        (scheduled(RecurrenceInterval=2161), "Recurrence Interval must be between 4 and 2160"),
        (scheduled(RecurrenceInterval="often"), "RecurrenceInterval"),
        (scheduled(RecurrenceCount=0), CREATION + "Recurrence count has to be a positive integer value"),
        (scheduled(Format="xls"), "Report format should be csv/tsv"),
        (scheduled(CallbackMethod="PUT", CallbackUrl="https://example.com/x"), "CallbackMethod can only be GET or POST"),
        (scheduled(ExecuteNow=True, QueryStartTime="yesterday", QueryEndTime="2026-01-01T00:00:00Z"), "should follow format: yyyy-MM-ddTHH:mm:ssZ"),
        (
            scheduled(ExecuteNow=True, QueryStartTime="2026-02-01T00:00:00Z", QueryEndTime="2026-01-01T00:00:00Z"),
            CREATION + "EndTime should be greater than StartTime",
        ),
        (scheduled(ExecuteNow="perhaps"), "ExecuteNow"),
    ],
)
def test_reports(demo, body, message):
    if "QueryId" not in body:
        body = body | {"QueryId": demo.create_query("SELECT CustomerTenantId FROM OfficeUsage")["queryId"]}
    refused(demo.call("POST", "ScheduledReport", json=body), 400, message)


@pytest.mark.parametrize(
    ("method", "path", "parameters", "status", "message"),
    [
        ("GET", "ScheduledQueries/testQueryResult", {}, 400, ""),
        ("GET", "ScheduledQueries/testQueryResult", {"exportQuery": "SELECT MPNId FROM Profile", "queryId": NOWHERE}, 400, ""),
        ("GET", "ScheduledQueries/testQueryResult", {"exportQuery": "SELECT MPNId FROM Nowhere"}, 400, "Invalid table name"),
        ("GET", "ScheduledQueries/testQueryResult", {"exportQuery": "SELECT Month FROM OfficeUsage", "startTime": "soon"}, 400, "startTime"),
        ("GET", "ScheduledQueries/testQueryResult", {"queryId": NOWHERE}, 404, "No item found with given filters."),
        ("GET", "ScheduledQueries", {"queryId": NOWHERE}, 404, "No item found with given filters."),
        ("GET", "ScheduledQueries", {"includeSystemQueries": "perhaps"}, 400, "includeSystemQueries"),
        ("GET", "ScheduledReport", {"reportId": NOWHERE}, 404, "No item found with given filters."),
        ("GET", f"ScheduledReport/execution/{NOWHERE}", {}, 404, "No item found with given filters."),
        ("GET", "ScheduledReport/execution/%00", {}, 404, ""),
        ("GET", "ScheduledDataset", {"datasetName": "Nowhere"}, 404, ""),
        ("DELETE", f"ScheduledQueries/{NOWHERE}", {}, 404, "No item found with given filters."),
        ("DELETE", f"ScheduledReport/{NOWHERE}", {}, 404, "No item found with given filters."),
        ("PUT", f"ScheduledReport/pause/{NOWHERE}", {}, 404, "No item found with given filters."),
        ("PUT", f"ScheduledReport/resume/{NOWHERE}", {}, 404, "No item found with given filters."),
    ],
)
def test_lookups(demo, method, path, parameters, status, message):
    refused(demo.call(method, path, params=parameters), status, message)


def test_system_queries_stay(demo):
    system = demo.ok("GET", "ScheduledQueries", params={"includeOnlySystemQueries": "true"})[0]
    refused(demo.call("DELETE", f"ScheduledQueries/{system['queryId']}"), 400, "")


def unsigned(claims):
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


def test_tokens(demo):
    token = demo.sign_in()
    header, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    head, body, signature = token.split(".")
    forged = {
        "no token": " ",
        "no JWT": "abc",
        "another's key": jwt.encode(claims, key, "RS256", headers={"kid": header["kid"]}),
        "an unknown key": jwt.encode(claims, key, "RS256", headers={"kid": "other"}),
        "no signature": unsigned(claims),
        "cut": f"{head}.{body}.",
        "a changed claim": f"{head}.{base64.urlsafe_b64encode(json.dumps(claims | {'tid': NOWHERE}).encode()).rstrip(b'=').decode()}.{signature}",
        "a shared secret": jwt.encode(claims, "a" * 32, "HS256", headers={"kid": header["kid"]}),
        "a refresh token": demo.ask_token().json()["refresh_token"],
    }
    for what, value in forged.items():
        answer = demo.call("GET", "ScheduledDataset", token=value)
        assert (answer.status_code, answer.json()["message"]) == (401, "Unauthorized"), f"{what}: {answer.text}"
    missing = demo.session.get(f"{demo.ready['api']}/ScheduledDataset")
    assert (missing.status_code, missing.json()["message"]) == (401, "Unauthorized")


def test_an_application_alone(demo):
    alone = demo.ask_token(grant_type="client_credentials", username=None, password=None)
    if alone.status_code == 200:
        answer = demo.call("GET", "ScheduledDataset", token=alone.json()["access_token"])
        assert answer.status_code in (401, 403) and answer.json()["message"]
    else:
        assert alone.status_code in (400, 401) and alone.json()["error_codes"]


@pytest.mark.parametrize(
    ("changes", "status", "error", "code"),
    [
        ({"password": "wrong"}, 400, "invalid_grant", 50126),
        ({"username": "nobody@example.com"}, 400, "invalid_grant", 50126),
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": None}, 401, "invalid_client", 7000218),
        ({"client_id": NOWHERE}, 400, "unauthorized_client", 700016),
        ({"grant_type": "magic"}, 400, "unsupported_grant_type", 70003),
        ({"grant_type": None}, 400, "invalid_request", 900144),
        ({"username": None}, 400, "invalid_request", 900144),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant", 9002313),
    ],
)
def test_token_endpoint(demo, changes, status, error, code):
    answer = demo.ask_token(**changes)
    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [code]), body
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert body["timestamp"] and body["trace_id"] and body["correlation_id"]
    assert demo.ready["password"] not in answer.text and demo.ready["client_secret"] not in answer.text


def test_unknown_tenants(demo):
    for tenant, code in ((NOWHERE, 90002), ("common", 9001023)):
        answer = demo.ask_token(demo.ready["token_url"].replace(demo.ready["tenant_id"], tenant))
        assert (answer.status_code, answer.json()["error_codes"]) == (400, [code]), answer.text


def test_tampered_links(demo):
    execution = demo.run(demo.create_query("SELECT MPNId FROM Profile")["queryId"])
    link = urlsplit(execution["reportAccessSecureLink"])
    other = urlsplit(demo.run(demo.create_query("SELECT Country FROM Profile")["queryId"])["reportAccessSecureLink"])
    fields = dict(parse_qsl(link.query))
    assert {"se", "sp", "sv", "sig"} <= set(fields)
    again = lambda path=link.path, query=fields: urlunsplit((link.scheme, link.netloc, path, urlencode(query), ""))
    assert demo.download(again()).status_code == 200
    bent = {f"{name} changed": again(query=fields | {name: turned(value)}) for name, value in fields.items()}
    bent |= {f"{name} missing": again(query={key: value for key, value in fields.items() if key != name}) for name in fields}
    bent |= {"no query": again(query={}), "another's path": again(path=other.path), "a longer path": again(path=link.path + "/x")}
    bent |= {"a longer time": again(query=fields | {"se": "2099-01-01T00:00:00Z"})}
    for what, url in bent.items():
        answer = demo.download(url)
        expected = (403, 404) if "path" in what else (403,)
        assert answer.status_code in expected, f"{what}: {answer.status_code}"
        assert "MPNId" not in answer.text and answer.text, what


def turned(value):
    """Another character in the middle, of the same kind."""
    middle = len(value) // 2
    swap = {"1": "2", "r": "w", "A": "B"}.get(value[middle], "1" if value[middle].isdigit() else "A")
    return value[:middle] + swap + value[middle + 1 :]


def test_a_port_in_use(binary, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [binary, "demo", "--http", f"127.0.0.1:{port}", "--https", "127.0.0.1:0", "--rows", "20", "--data-dir", tmp_path / "data"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert str(port) in ended.stderr and "in use" in ended.stderr.lower() and "panicked" not in ended.stderr
