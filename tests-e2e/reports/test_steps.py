"""The documented steps, over HTTPS with verification on, by a client that is not the project's own."""

import csv
import io

import requests

QUERY = "SELECT CustomerName, CustomerTpid, Product, AvailableSeats FROM CustomersAndTenants ORDER BY AvailableSeats DESC LIMIT 10 TIMESPAN LAST_MONTH"


def test_five_steps(demo):
    assert demo.ready["token_url"].startswith("https://") and demo.ready["api"].startswith("https://")
    token = demo.ask_token()
    assert token.status_code == 200, token.text
    assert token.json()["token_type"] == "Bearer"
    assert 3500 < int(token.json()["expires_in"]) <= 3600
    assert token.json()["resource"] == demo.ready["resource"]

    datasets = demo.call("GET", "ScheduledDataset", token=token.json()["access_token"])
    assert datasets.headers["MS-RequestId"] and datasets.headers["MS-CorrelationId"]
    body = datasets.json()
    assert list(body) == ["value", "nextLink", "totalCount", "message", "statusCode", "dataRedacted"]
    assert body["message"] == "Dataset fetched successfully" and body["statusCode"] == 200
    assert body["totalCount"] == len(body["value"]) >= 26
    customers = next(dataset for dataset in body["value"] if dataset["datasetName"] == "CustomersAndTenants")
    assert {"CustomerName", "AvailableSeats"} <= set(customers["selectableColumns"])

    query = demo.create_query(QUERY, "largest customers")
    assert (query["name"], query["query"], query["type"]) == ("largest customers", QUERY, "userDefined")
    rows = demo.ok("GET", "ScheduledQueries/testQueryResult", params={"queryId": query["queryId"]})
    assert len(rows) == 10 and list(rows[0]) == ["CustomerName", "CustomerTpid", "Product", "AvailableSeats"]
    seats = [row["AvailableSeats"] for row in rows]
    assert seats == sorted(seats, reverse=True)

    execution = demo.run(query["queryId"], Format="CSV")
    assert execution["reportLocation"] and execution["reportGeneratedTime"]
    link = execution["reportAccessSecureLink"]
    assert link.startswith("https://") and demo.download(execution["reportLocation"]).status_code == 403
    file = demo.download(link)
    assert file.status_code == 200 and "Authorization" not in file.request.headers
    table = list(csv.DictReader(io.StringIO(file.content.decode())))
    assert [row["CustomerTpid"] for row in table] == [row["CustomerTpid"] for row in rows]


def test_https_is_verified(demo):
    with requests.Session() as stranger:
        stranger.trust_env = False
        try:
            stranger.get(demo.ready["api"] + "/ScheduledDataset")
        except requests.exceptions.SSLError:
            return
    raise AssertionError("a client that does not know the authority was answered")


def test_refresh_token(demo):
    first = demo.ask_token().json()
    answer = demo.ask_token(grant_type="refresh_token", refresh_token=first["refresh_token"], username=None, password=None)
    assert answer.status_code == 200, answer.text
    assert demo.call("GET", "ScheduledDataset", token=answer.json()["access_token"]).status_code == 200


def test_tsv(demo):
    text = demo.export("SELECT MPNId, PartnerName FROM Profile TIMESPAN LIFETIME", Format="TSV").decode()
    assert text.startswith("MPNId\tPartnerName\n") and text.endswith("\n") and "\r" not in text
