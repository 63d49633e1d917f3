"""Rows in an object store: the same bytes as from a folder, and errors that say what is wrong and nothing that is secret."""

import os
import subprocess

import pytest

from demo import RUN_SECONDS
from emulators import S3

TENANT = "3f1c0000-0000-4000-8000-000000000000"
OTHER = "3f1c0000-0000-4000-8000-000000000001"
ALL = "SELECT Id, Region, Customer, Amount, Day FROM Sales ORDER BY Id ASC TIMESPAN LIFETIME"
GROUPED = "SELECT Region, Total, Customers FROM Sales TIMESPAN LIFETIME"
DEFINITION = """
name = "Sales"
program = "mpn"
date_column = "Day"

[[columns]]
name = "Id"
type = "int64"
[[columns]]
name = "Region"
type = "string"
[[columns]]
name = "Month"
type = "date"
[[columns]]
name = "Day"
type = "date"
[[columns]]
name = "Customer"
type = "string"
[[columns]]
name = "Amount"
type = "decimal(18,2)"

[[metrics]]
name = "Total"
expression = "SUM(Amount)"
[[metrics]]
name = "Customers"
expression = "COUNT(DISTINCT Customer)"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, binary):
    """A data folder with two tenants' rows in hive partitions, 12 months and two regions, one of them with a name to be encoded."""
    import duckdb

    folder = tmp_path_factory.mktemp("stores") / "data"
    definitions = folder / "datasets" / "mpn"
    definitions.mkdir(parents=True)
    (definitions / "Sales.toml").write_text(DEFINITION)
    rows = folder / "data" / "mpn" / "Sales"
    rows.mkdir(parents=True)
    with duckdb.connect() as connection:
        for tenant, start in ((TENANT, 0), (OTHER, 10_000_000)):
            connection.execute(
                f"""COPY (SELECT {start} + i AS Id, ['Nord/See & Süd', 'East'][(1 + i // 12 % 2)::INT] AS Region, CASE WHEN i % 11 > 0 THEN 'customer ' || hash(i) END AS Customer,
                    (i % 9999)::DECIMAL(18,2) AS Amount, date_trunc('month', DATE '2025-11-01' + INTERVAL (i % 12) MONTH)::DATE AS Month,
                    (date_trunc('month', DATE '2025-11-01' + INTERVAL (i % 12) MONTH) + INTERVAL (i % 28) DAY)::DATE AS Day
                    FROM range(240000) t(i)) TO '{rows}/tenant={tenant}' (FORMAT parquet, PARTITION_BY (Region, Month))"""
            )
    return folder


@pytest.fixture(scope="module")
def store(folder):
    """With everything that lies in the folder."""
    store = S3()
    rows = folder / "data"
    for file in sorted(rows.rglob("*.parquet")):
        store.put(str(file.relative_to(rows)), file.read_bytes())
    yield store
    store.close()


@pytest.fixture
def run(binary, folder, tmp_path):
    """`insightgate run`, from the folder or from a store."""

    def run(text, store=None, *more, **changes):
        out = tmp_path / "out.csv"
        out.unlink(missing_ok=True)
        command = [str(binary), "run", text, "--data-dir", str(folder), "--tenant", TENANT, "--at", "2026-11-10T00:00:00Z", "-o", str(out)]
        environment = dict(os.environ) | {"INSIGHTGATE_LOG": "trace,h2=info"}
        if store:
            command += ["--data-root", store.url]
            environment |= store.environment | changes
        ran = subprocess.run([*command, *more], env=environment, capture_output=True, text=True, timeout=RUN_SECONDS)
        if store:
            assert store.secret not in ran.stdout + ran.stderr
        said = "\n".join(line for line in ran.stderr.splitlines() if line.startswith(("error: ", "hint: ")))
        return ran.returncode, out.read_bytes() if out.exists() else None, said

    return run


@pytest.mark.parametrize("text", [ALL, GROUPED, "SELECT Customer FROM Sales WHERE Region = 'nord/see & SÜD' LIMIT 50 TIMESPAN LIFETIME"])
def test_the_same_bytes_as_from_the_folder(store, run, text):
    code, here, said = run(text)
    assert code == 0 and len(here) > 50, said
    code, there, said = run(text, store)
    assert code == 0, said
    assert there == here


def test_what_is_not_needed_is_not_read(store, run):
    """Counted where the bytes leave the store."""
    with store.proxy.counting() as whole:
        assert run(ALL, store)[0] == 0
    assert whole[0] > 4_000_000
    # One of twelve months, and its footers and those of the others.
    with store.proxy.counting() as month:
        code, rows, _ = run("SELECT Id, Region, Customer, Amount, Day FROM Sales TIMESPAN LAST_MONTH", store)
    assert code == 0 and rows.count(b"\n") == 20_001
    assert month[0] < whole[0] / 3, (month, whole)
    with store.proxy.counting() as few:
        code, rows, _ = run("SELECT Id, Customer FROM Sales LIMIT 10 TIMESPAN LIFETIME", store)
    assert code == 0 and rows.count(b"\n") == 11
    assert few[0] < whole[0] / 3, (few, whole)


def test_an_unreachable_store_is_said(store, run):
    endpoint = next(name for name in store.environment if "ENDPOINT" in name)
    code, rows, said = run(ALL, store, **{endpoint: "http://127.0.0.1:9/devstoreaccount1"})
    assert code == 1 and rows is None
    assert "the object store at http://127.0.0.1:9 cannot be reached" in said and "refused" in said, said


def test_an_address_with_a_secret_in_it_is_refused_and_not_repeated(run, folder, binary):
    ran = subprocess.run(
        [str(binary), "run", ALL, "--data-dir", str(folder), "--data-root", "https://a.blob.core.windows.net/c?sig=s3cr3t", "--tenant", TENANT, "-o", "-"],
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
    )
    assert ran.returncode == 2 and "credentials come from the environment" in ran.stderr and "s3cr3t" not in ran.stderr
