"""Every system query and every sample query of the documents, sent to the demo as a client would: rows, or the documented refusal."""

from pathlib import Path

import pytest

try:
    import tomllib
except ModuleNotFoundError:
    import tomli as tomllib

QUERIES = Path(__file__).parents[2] / "crates" / "query" / "tests-data"
SAMPLES = tomllib.loads((QUERIES / "sample-queries.toml").read_text())["queries"]
DATASETS = tomllib.loads((QUERIES / "documented-datasets.toml").read_text())["datasets"]
JULY_2021 = tomllib.loads((QUERIES / "queries-of-july-2021.toml").read_text())["queries"]
# Where the refusal of a sample that is invalid as printed points, and how it begins.
REFUSALS = {
    "MPNId=6096xxx": "'6096xxx' at line 1, column 128",
    "CustomerId NOT IN (1000, 1001, 1002)": "Incorrect column name: 'CustomerId' at line 1, column 40",
    "OrderQuantity=100": "Incorrect column name: 'OrderQuantity' at line 1, column 40",
    "OfferName = Contoso test Services'": "'Contoso' at line 1, column 112",
    "TrialDeployment EstimatedRevenueUSD": "',' is missing before 'EstimatedRevenueUSD' at line 1, column 63",
    "EstimatedExtendedCharge(CC)": "Incorrect column name: 'EstimatedExtendedCharge(CC)' at line 1, column 85",
}


@pytest.fixture(scope="module", params=[60, 600])
def small_and_usual(request, start, tmp_path_factory):
    """From 60 rows on, every value that the documents ask for occurs."""
    folder = tmp_path_factory.mktemp(f"rows-{request.param}")
    with start(folder / "data", "--no-quotas", "--rows", str(request.param)) as running:
        running.sign_in()
        yield running


@pytest.mark.parametrize(("program", "count"), [("mpn", 21), ("cmp", 10)])
def test_every_system_query_has_rows(small_and_usual, program, count):
    demo = small_and_usual.within(program)
    listed = demo.ok("GET", "ScheduledQueries", params={"includeSystemQueries": "true"})
    queries = [query for query in listed if query["type"] == "system"]
    assert len(queries) == count
    for query in queries:
        by_id = demo.call("GET", "ScheduledQueries/testQueryResult", params={"queryId": query["queryId"]})
        body = by_id.json()
        assert (by_id.status_code, body["message"]) == (200, None), f"{query['name']}: {by_id.text[:500]}"
        assert body["totalCount"] == len(body["value"]) > 0, query["name"]
        assert demo.preview(query["query"]) == body["value"], query["name"]


def test_the_archived_ones_are_still_answered(demo):
    found = demo.ok("GET", "ScheduledQueries", params={"queryId": "fddab2aa-523d-47f6-90fe-588557306db4"})
    assert [query["name"] for query in found] == ["Competency summary history"]


@pytest.mark.parametrize("query", JULY_2021, ids=lambda query: query["text"].rpartition(" ")[2])
def test_a_query_of_july_2021_runs_as_printed(small_and_usual, query):
    demo = small_and_usual.within("mpn")
    rows = demo.preview(query["text"])
    written = query["text"].removeprefix("SELECT ").partition(" FROM ")[0].split(", ")
    assert rows and [name.lower() for name in rows[0]] == [name.lower() for name in written]


def test_every_spelling_heads_its_column(small_and_usual):
    """Each name and each alias of all datasets, selected side by side: a column under two names has one value."""
    aliases = 0
    for dataset in DATASETS:
        demo = small_and_usual.within(dataset["program"])
        columns = [column for column in dataset["columns"] if column.get("selectable", True)]
        spellings = [[column["name"], *column.get("aliases", [])] for column in columns]
        names = [name for every in spellings for name in every]
        quoted = ", ".join(f'"{name}"' for name in names)
        query = demo.create_query(f"SELECT {quoted} FROM {dataset['name']} LIMIT 3 TIMESPAN LIFETIME", f"names of {dataset['name']}")
        rows = demo.ok("GET", "ScheduledQueries/testQueryResult", params={"queryId": query["queryId"]})
        assert rows, dataset["name"]
        for row in rows:
            assert list(row) == names, dataset["name"]
            for name, *others in spellings:
                assert all(row[other] == row[name] for other in others), f"{dataset['name']}.{name}"
        aliases += len(names) - len(spellings)
    assert aliases > 150


def test_every_valid_sample_has_rows(small_and_usual):
    asked, empty = 0, 0
    for sample in SAMPLES:
        if "refused" in sample:
            continue
        demo = small_and_usual.within(sample["program"])
        answer = demo.call("GET", "ScheduledQueries/testQueryResult", params={"exportQuery": sample["text"]})
        assert answer.status_code == 200, f"{sample['text']}: {answer.text}"
        body = answer.json()
        assert (body["message"] or "").startswith(sample.get("note", "")), sample["text"]
        assert bool(body["value"]) == ("empty" not in sample), f"{sample['text']}: {body['value'][:1]}"
        asked, empty = asked + 1, empty + ("empty" in sample)
    assert (asked, empty) == (71, 9)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("'Paided'", "'Paided' occurs nowhere in SKUBillingType; did you mean 'Paid'?"),
        ("'Cancelled'", "'Cancelled' occurs nowhere in OrderStatus; did you mean 'Canceled'?"),
        ("'1051xxx'", "'1051xxx' occurs nowhere in ResellerMpnId"),
    ],
)
def test_an_answer_without_rows_says_which_value_is_not_there(demo, part, message):
    (sample,) = [sample for sample in SAMPLES if part in sample["text"]]
    body = demo.within(sample["program"]).call("GET", "ScheduledQueries/testQueryResult", params={"exportQuery": sample["text"]}).json()
    assert (body["statusCode"], body["value"], body["message"]) == (200, [], message)


def test_an_answer_without_rows_says_which_time_was_read(demo):
    (sample,) = [sample for sample in SAMPLES if "'2020-06-30'" in sample["text"]]
    body = demo.within(sample["program"]).call("GET", "ScheduledQueries/testQueryResult", params={"exportQuery": sample["text"]}).json()
    assert (body["statusCode"], body["value"]) == (200, []) and "notes" not in body
    assert body["message"].startswith("without TIMESPAN a query reads LAST_6_MONTHS, here DateAcquired from ")
    assert body["message"].endswith(" are left out; TIMESPAN LIFETIME reads all")


def test_what_the_printed_samples_miss_is_there(small_and_usual):
    """The samples without rows have them once what is wrong in print is put right."""
    demo = small_and_usual.within("cmp")
    early = "SELECT DateAcquired,CustomerCompanyName,CustomerId FROM ISVCustomer WHERE DateAcquired <= '2020-06-30' AND CustomerCountryRegion = 'United States'"
    assert demo.preview(early + " TIMESPAN LIFETIME") == demo.preview(early, startTime="2015-01-01T00:00:00Z", endTime="2021-01-01T00:00:00Z") != []
    assert demo.preview("SELECT AssetId FROM ISVOrder WHERE OrderStatus = 'canceled' TIMESPAN LAST_6_MONTHS")
    assert demo.preview("SELECT UsageDate FROM ISVUsage WHERE CustomerName LIKE '%contoso%'")
    northwind = "MarketplaceSubscriptionId='7b487ac0-ce12-b732-dcd6-91a1e4e74a50' AND CustomerId='0f8b7fa0-eb83-a183-1225-ca153ef807aa'"
    assert demo.preview(f"SELECT MarketplaceSubscriptionId FROM ISVUsage WHERE {northwind}")
    subscriptions = "SELECT BillingAccountId, TrialDeployment FROM ISVRevenue WHERE TrialDeployment='False' and BillingModel='SubscriptionBased'"
    assert demo.preview(subscriptions)
    assert demo.preview("SELECT AssetId FROM ISVOrder WHERE OfferName = 'Contoso test Services' TIMESPAN LAST_6_MONTHS")


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if "refused" in sample], ids=lambda sample: sample["text"][-40:])
def test_every_invalid_sample_is_refused(demo, sample):
    (expected,) = [message for part, message in REFUSALS.items() if part in sample["text"]]
    demo = demo.within(sample["program"])
    tried = demo.call("GET", "ScheduledQueries/testQueryResult", params={"exportQuery": sample["text"]})
    created = demo.call("POST", "ScheduledQueries", json={"Name": "refused", "Query": sample["text"]})
    for answer in (tried, created):
        body = answer.json()
        assert (answer.status_code, body["statusCode"], body["value"]) == (400, 400, [])
        assert body["message"].startswith(expected), body["message"]
