"""Rows in an object store: the same bytes as from a folder, and errors that say what is wrong and nothing that is secret."""

import json
import os
import subprocess

import pytest

from harness.demo import RUN_SECONDS
from harness.emulators import S3, Azure
from harness.waiting import eventually

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


@pytest.fixture(scope="module", params=["s3", "azure"])
def store(request, folder, tmp_path_factory):
    """With everything that lies in the folder."""
    store = S3() if request.param == "s3" else Azure(tmp_path_factory.mktemp("azurite"))
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


def test_wrong_credentials_are_said_and_not_shown(store, run):
    with store.judging():
        code, rows, said = run(ALL, store, **store.wrong)
    assert code == 1 and rows is None
    assert "does not take the credentials" in said and "403" in said, said
    assert not [value for value in store.wrong.values() if value in said]


def test_an_unreachable_store_is_said(store, run):
    endpoint = next(name for name in store.environment if "ENDPOINT" in name)
    code, rows, said = run(ALL, store, **{endpoint: "http://127.0.0.1:9/devstoreaccount1"})
    assert code == 1 and rows is None
    assert "the object store at http://127.0.0.1:9 cannot be reached" in said and "refused" in said, said


def test_a_bucket_that_is_not_there_is_said(store, run):
    elsewhere = type("Elsewhere", (), {"url": store.url.replace("reports", "nowhere"), "environment": store.environment, "secret": store.secret})
    code, rows, said = run(ALL, elsewhere)
    assert code == 1 and rows is None and "has no such place" in said, said


def test_an_address_with_a_secret_in_it_is_refused_and_not_repeated(run, folder, binary):
    ran = subprocess.run(
        [str(binary), "run", ALL, "--data-dir", str(folder), "--data-root", "https://a.blob.core.windows.net/c?sig=s3cr3t", "--tenant", TENANT, "-o", "-"],
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
    )
    assert ran.returncode == 2 and "credentials come from the environment" in ran.stderr and "s3cr3t" not in ran.stderr


@pytest.fixture(scope="module")
def served(start, binary, store, folder, tmp_path_factory):
    """The demo's identities, served over the rows of the store."""
    place = tmp_path_factory.mktemp("served")
    with start(place / "data", "--no-quotas", "--rows", "60") as demo:
        tenant = demo.ready["tenant_id"]
        for file in sorted((folder / "data" / "mpn" / "Sales" / f"tenant={TENANT}").rglob("*.parquet")):
            store.put(f"mpn/Sales/tenant={tenant}/{file.relative_to(folder / 'data/mpn/Sales' / f'tenant={TENANT}')}", file.read_bytes())
        definitions = demo.data_dir / "datasets" / "mpn"
        definitions.mkdir(parents=True, exist_ok=True)
        (definitions / "Sales.toml").write_text(DEFINITION)
        demo.serve(f'[data]\nfolder = "{demo.data_dir}"\nroot = "{store.url}"\n[log]\nlevel = "info"\n', store.environment)
        yield demo
        assert store.secret not in "".join(demo.lines)


def test_a_server_reads_from_the_store(served, store, run):
    exported = served.export(GROUPED)
    assert exported == run(GROUPED)[1], "the tenants hold the same rows"
    rows = served.preview("SELECT Id, Day FROM Sales ORDER BY Id DESC LIMIT 3 TIMESPAN LIFETIME")
    assert [row["Id"] for row in rows] == [239_999, 239_998, 239_997]


def test_a_replaced_object_is_read_anew(served, store):
    """The ETag tells, within the second that stores count in."""
    import io

    import pyarrow
    import pyarrow.parquet

    def put(values):
        out = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.table({"Amount": values}), out)
        store.put(f"mpn/Small/tenant={served.ready['tenant_id']}/a.parquet", out.getvalue())
        return len(out.getvalue())

    definition = 'name = "Small"\nprogram = "mpn"\n[[columns]]\nname = "Amount"\ntype = "int64"\n'
    (served.data_dir / "datasets" / "mpn" / "Small.toml").write_text(definition)
    sizes = {put([1, 2])}
    eventually(lambda: "Small" in {dataset["datasetName"] for dataset in served.datasets()})
    assert [row["Amount"] for row in served.preview("SELECT Amount FROM Small")] == [1, 2]
    sizes.add(put([3, 4]))
    assert len(sizes) == 1
    assert [row["Amount"] for row in served.preview("SELECT Amount FROM Small")] == [3, 4]


def test_a_store_that_is_away_is_said_and_comes_back(served, store):
    """The run is made again until the store is there; others see what is wrong."""
    query = served.create_query(GROUPED)["queryId"]
    with store.proxy.away():
        answer = served.call("GET", "ScheduledQueries/testQueryResult", params={"exportQuery": ALL})
        assert answer.status_code == 503 and answer.json()["message"] == "The storage cannot be reached. Try again shortly.", answer.text[:500]
        assert int(answer.headers["Retry-After"]) > 0
        # Whichever of the two found it out first.
        said = ("the data store does not answer", "the object store at http://")
        eventually(lambda: any(words in line for line in served.lines for words in said))
        report = served.create_report(query, ExecuteNow=True)["reportId"]
        filters = {"getLatestExecution": "false", "executionStatus": "Pending;Running;Completed;Failed"}
        executions = lambda: served.ok("GET", f"ScheduledReport/execution/{report}", params=filters)
        eventually(lambda: any(execution.get("attempts", 0) >= 1 and execution.get("failureReason") for execution in executions()), 60)
        assert any("the object store at http://" in line and "cannot be reached" in line for line in served.lines), served.lines[-5:]
    assert [execution["executionStatus"] for execution in served.settled(report)] == ["Completed"]
    assert served.datasets(), "and the server goes on"


def failed_once(served, query):
    """A report's run, once an attempt has failed."""
    report = served.create_report(query, ExecuteNow=True)["reportId"]
    filters = {"getLatestExecution": "false", "executionStatus": "Pending;Running;Completed;Failed"}

    def failed():
        (execution,) = served.ok("GET", f"ScheduledReport/execution/{report}", params=filters)
        return execution if execution["failureReason"] else None

    return eventually(failed, 60)


def test_short_answers_are_the_stores_fault_and_tried_again(served, store, run):
    """The Parquet reader panics on them, and the file is whole."""
    if not isinstance(store, S3):
        pytest.skip("the emulator answers as it likes")
    with store.shortening():
        code, rows, said = run(GROUPED, store)
        assert code == 1 and rows is None and "the object store cannot be read: it answered with" in said and "parquet" not in said.lower(), said
        execution = failed_once(served, served.create_query(GROUPED)["queryId"])
        assert execution["failureReason"] == "The storage cannot be reached. Try again shortly." and execution["executionStatus"] in ("Pending", "Running"), execution
    assert [execution["executionStatus"] for execution in served.settled(execution["reportId"])] == ["Completed"]


def test_a_run_outlasts_credentials_that_are_refused(served, store):
    """They are replaced sooner or later: the run waits, and says for whom."""
    if not isinstance(store, S3):
        pytest.skip("the emulator takes no other credentials")
    with store.refusing():
        execution = failed_once(served, served.create_query(GROUPED)["queryId"])
        assert execution["executionStatus"] == "Pending" and execution["failureReason"].startswith("The server may not use its storage"), execution
        answer = served.call("GET", "ScheduledQueries/testQueryResult", params={"exportQuery": ALL})
        assert answer.status_code == 503 and "may not use its storage" in answer.json()["message"], answer.text[:500]
    assert [execution["executionStatus"] for execution in served.settled(execution["reportId"])] == ["Completed"]


def test_profile_files_of_the_store_are_not_touched(store):
    """Nothing was written there."""
    if hasattr(store, "client"):
        listed = {entry["Key"] for page in store.client.get_paginator("list_objects_v2").paginate(Bucket="reports") for entry in page["Contents"]}
    else:
        listed = set(store.container.list_blob_names())
    assert listed and all(key.endswith(".parquet") for key in listed), json.dumps(sorted(listed)[:5])
