"""No answer, preview, metric or file ever contains the second tenant's rows."""

import csv
import io
import math
from pathlib import Path

import pytest

try:
    import tomllib
except ModuleNotFoundError:
    import tomli as tomllib

# What the second tenant's names and identifiers begin with.
MARKS = ("Foreign", "f0f0f0f0")
DEFINITIONS = Path(__file__).parents[2] / "crates" / "query" / "datasets"
DATASETS = sorted((path.parent.name, path.stem) for path in DEFINITIONS.glob("*/*.toml"))


def assert_own(text):
    assert not any(mark in text for mark in MARKS), text[:2000]


@pytest.mark.parametrize(("program", "dataset"), [("mpn", "CustomersAndTenants"), ("cmp", "ISVCustomer"), ("cmp", "ISVOrder")])
def test_there_is_a_second_tenant(demo, sql, program, dataset):
    """Without which the other tests could not fail."""
    tenants = {path.name for path in (demo.data_dir / "data" / program / dataset).glob("tenant=*")}
    others = tenants - {f"tenant={demo.ready['tenant_id']}"}
    assert len(others) == 1
    foreign = demo.within(program).files(dataset, others.pop().removeprefix("tenant="))
    if program == "cmp":
        rows = sql("SELECT count(*), count(*) FILTER (OfferName LIKE 'Foreign%' AND CustomerId LIKE 'f0f0f0f0%') FROM read_parquet(?)", foreign)
        assert rows[0][0] == rows[0][1] > 100
        return
    rows = sql("SELECT count(*), count(*) FILTER (CustomerName LIKE 'Foreign%') FROM read_parquet(?)", foreign)
    assert rows[0][0] == rows[0][1] > 100


def test_every_dataset_is_offered(demo):
    assert len(DATASETS) == 35
    for program in ("mpn", "cmp"):
        offered = {dataset["datasetName"] for dataset in demo.within(program).datasets()}
        assert offered >= {name for of, name in DATASETS if of == program}


@pytest.mark.parametrize(("program", "name"), DATASETS)
def test_rows_and_metrics(demo, sql, program, name):
    demo = demo.within(program)
    dataset = demo.ok("GET", "ScheduledDataset", params={"datasetName": name})[0]
    everything = f"SELECT {', '.join(dataset['selectableColumns'])} FROM {name} TIMESPAN LIFETIME"
    rows = demo.preview(everything)
    assert 0 < len(rows) <= 100
    assert_own(str(rows))
    text = demo.export(everything).decode()
    assert_own(text)
    own = demo.files(name)
    assert sum(1 for _ in csv.reader(io.StringIO(text))) - 1 == sql("SELECT count(*) FROM read_parquet(?)", own)[0][0]

    metrics = tomllib.loads((DEFINITIONS / program / f"{name}.toml").read_text()).get("metrics", [])
    assert [metric["name"] for metric in metrics] == dataset["availableMetrics"]
    if metrics:
        (row,) = demo.preview(f"SELECT {', '.join(dataset['availableMetrics'])} FROM {name} TIMESPAN LIFETIME")
        expected = sql(f"SELECT {', '.join(metric['expression'] for metric in metrics)} FROM read_parquet(?)", own)[0]
        for metric, value in zip(metrics, expected):
            found = float(row[metric["name"]])
            assert math.isclose(found, float(value), rel_tol=1e-9), f"{metric['name']}: {found}, not {value}"


@pytest.mark.parametrize(("program", "count"), [("mpn", 21), ("cmp", 10)])
def test_system_queries(demo, program, count):
    demo = demo.within(program)
    queries = demo.ok("GET", "ScheduledQueries", params={"includeOnlySystemQueries": "true"})
    assert len(queries) == count and all(query["type"] == "system" for query in queries)
    for query in queries:
        rows = demo.ok("GET", "ScheduledQueries/testQueryResult", params={"queryId": query["queryId"]})
        assert rows, query["name"]
        assert_own(str(rows))
        text = demo.download(demo.run(query["queryId"])["reportAccessSecureLink"]).text
        assert text.count("\n") > 1, query["name"]
        assert_own(text)


def test_values_cannot_be_asked_for(demo):
    """Conditions see the caller's own rows only."""
    assert demo.preview("SELECT CustomerName FROM CustomersAndTenants WHERE CustomerName LIKE 'Foreign%' TIMESPAN LIFETIME") == []
    (row,) = demo.preview("SELECT CustomerCount FROM CustomersAndTenants WHERE CustomerTpid LIKE 'f0f0f0f0%' TIMESPAN LIFETIME") or [{"CustomerCount": 0}]
    assert row["CustomerCount"] == 0
