"""The documented steps of the marketplace's program: by application and user, and by the application alone."""

import csv
import io
import json
import shutil

import jwt
import pytest

QUERY = "SELECT OfferName, CustomerCompanyName, TotalEstimatedRevenueUSD FROM ISVRevenue ORDER BY TotalEstimatedRevenueUSD LIMIT 10 TIMESPAN LAST_6_MONTHS"
NOT_FOR_PARTNERS = "The token is for an application alone; this program needs a token for application and user."


@pytest.fixture(params=["user", "application"])
def caller(demo, request):
    """A client of cmp, and who the answers say that it is."""
    if request.param == "user":
        return demo.within("cmp", demo.sign_in()), demo.ready["username"]
    answer = demo.ask_token(grant_type="client_credentials", username=None, password=None)
    assert answer.status_code == 200, answer.text
    assert "upn" not in jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    return demo.within("cmp", answer.json()["access_token"]), demo.ready["client_id"]


def test_five_steps(caller):
    client, name = caller
    datasets = client.call("GET", "ScheduledDataset").json()
    assert (datasets["statusCode"], datasets["totalCount"], datasets["dataRedacted"]) == (200, 9, False)
    revenue = next(dataset for dataset in datasets["value"] if dataset["datasetName"] == "ISVRevenue")
    assert (revenue["minimumRecurrenceInterval"], revenue["availableMetrics"]) == (4, ["TotalEstimatedRevenueUSD", "TransactionCount"])

    query = client.create_query(QUERY, "best customers")
    assert (query["user"], query["type"]) == (name, "userDefined")
    rows = client.ok("GET", "ScheduledQueries/testQueryResult", params={"queryId": query["queryId"]})
    assert len(rows) == 10 and list(rows[0]) == ["OfferName", "CustomerCompanyName", "TotalEstimatedRevenueUSD"]
    amounts = [row["TotalEstimatedRevenueUSD"] for row in rows]
    assert amounts == sorted(amounts, reverse=True) and amounts[0] > 0

    execution = client.run(query["queryId"], Format="TSV")
    file = client.download(execution["reportAccessSecureLink"])
    assert file.status_code == 200
    table = list(csv.DictReader(io.StringIO(file.content.decode()), delimiter="\t"))
    assert [(row["OfferName"], float(row["TotalEstimatedRevenueUSD"])) for row in table] == [
        (row["OfferName"], row["TotalEstimatedRevenueUSD"]) for row in rows
    ]


def test_both_spellings_of_the_version(caller):
    client, _ = caller
    older = client.ok("GET", "ScheduledDataset")
    client.ready = client.ready | {"api": client.ready["api"].replace("/v1/", "/v1.1/")}
    assert client.ok("GET", "ScheduledDataset") == older


def test_queries_belong_to_whoever_made_them(demo):
    alone = demo.ask_token(grant_type="client_credentials", username=None, password=None).json()["access_token"]
    theirs = demo.within("cmp", alone).create_query("SELECT OfferName FROM ISVOrder", "the application's")["queryId"]
    answer = demo.within("cmp", demo.sign_in()).call("GET", "ScheduledQueries/testQueryResult", params={"queryId": theirs})
    assert (answer.status_code, answer.json()["message"]) == (404, "No item found with given filters")


def test_an_application_alone_is_not_for_mpn(demo):
    token = demo.ask_token(grant_type="client_credentials", username=None, password=None).json()["access_token"]
    for path in ("ScheduledDataset", "ScheduledQueries", "ScheduledReport"):
        answer = demo.call("GET", path, token=token)
        assert (answer.status_code, answer.json()["message"]) == (403, NOT_FOR_PARTNERS)


def test_a_folder_of_an_earlier_version_gets_the_marketplace(start, tmp_path):
    """Its credentials and its note of the sample say nothing of cmp."""
    folder = tmp_path / "data"
    with start(folder, "--rows", "60") as first:
        token, tenant = first.ready["client_secret"], first.ready["tenant_id"]
    for name, fields in (("demo-credentials.json", ["marketplace"]), ("sample.json", ["programs"])):
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({field: value for field, value in content.items() if field not in fields}))
    shutil.rmtree(folder / "data" / "cmp")
    with start(folder, "--rows", "60") as again:
        assert (again.ready["client_secret"], again.ready["tenant_id"]) == (token, tenant)
        assert again.within("cmp").preview("SELECT OfferName FROM ISVCustomer TIMESPAN LIFETIME")
