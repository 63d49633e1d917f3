"""The documented steps, over HTTPS with verification on, by a client that is not the project's own."""

import csv
import io

import msal
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


class ThroughPort(requests.Session):
    """The library asks for user realms at the authority's host without its port; this adds the port."""

    def __init__(self, authority, certificate):
        super().__init__()
        self.trust_env, self.verify = False, certificate
        host = requests.utils.urlparse(authority)
        self.bare, self.full = f"https://{host.hostname}/", f"https://{host.netloc}/"

    def request(self, method, url, **more):
        return super().request(method, url.replace(self.bare, self.full, 1) if url.startswith(self.bare) else url, **more)


def test_microsofts_own_library(demo):
    ready = demo.ready
    client = msal.ConfidentialClientApplication(
        ready["client_id"],
        client_credential=ready["client_secret"],
        authority=ready["authority"],
        instance_discovery=False,
        http_client=ThroughPort(ready["authority"], ready["ca_certificate"]),
    )
    answer = client.acquire_token_by_username_password(ready["username"], ready["password"], [f"{ready['resource']}/.default"])
    assert "access_token" in answer, answer
    assert answer["id_token_claims"]["tid"] == ready["tenant_id"]
    assert demo.call("GET", "ScheduledDataset", token=answer["access_token"]).status_code == 200
    wrong = client.acquire_token_by_username_password(ready["username"], "wrong", [f"{ready['resource']}/.default"])
    assert wrong["error"] == "invalid_grant" and wrong["error_codes"] == [50126]
