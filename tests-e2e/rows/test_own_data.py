"""A person's own tables: added to a running demo, given a metric, exported. The tables are published ones that nobody made for this project."""

import csv
import io
import math

import pytest
from harness.waiting import eventually



@pytest.fixture(scope="module")
def demo(start, tmp_path_factory):
    with start(tmp_path_factory.mktemp("own") / "data", "--no-quotas", "--rows", "60") as running:
        yield running


def add(demo, file, name, *more):
    added = demo.command("dataset", "add", str(file), "--name", name, "--data-dir", str(demo.data_dir), *more)
    assert added.returncode == 0, added.stderr


def add_metric(demo, dataset, name, expression):
    definition = demo.data_dir / "datasets" / "mpn" / f"{dataset}.toml"
    definition.write_text(f"{definition.read_text()}\n[[metrics]]\nname = \"{name}\"\nexpression = \"{expression}\"\n")
    listed = lambda: demo.ok("GET", "ScheduledDataset", params={"datasetName": dataset})[0]
    assert name in eventually(lambda: (found := listed()["availableMetrics"]) and found)


@pytest.mark.parametrize(
    ("file", "name", "group", "summed"),
    [("seattle-weather.csv", "SeattleWeather", "weather", "precipitation"), ("flights-3m.parquet", "Flights", "origin", "delay")],
)
def test_published_table(demo, sql, tables, tmp_path, file, name, group, summed):
    add(demo, tables / file, name, "--tenant", demo.ready["tenant_id"])
    assert demo.preview(f"SELECT {group}, {summed} FROM {name} LIMIT 5 TIMESPAN LIFETIME"), "the next query can use it"
    add_metric(demo, name, "Total", f"SUM({summed})")
    text = f"SELECT {group}, Total FROM {name} ORDER BY {group} ASC TIMESPAN LIFETIME"
    exported = demo.export(text)

    out = tmp_path / "run.csv"
    ran = demo.command("run", text, "--data-dir", str(demo.data_dir), "--tenant", demo.ready["tenant_id"], "-o", str(out))
    assert ran.returncode == 0, ran.stderr
    assert out.read_bytes() == exported

    expected = sql(f"SELECT {group}, sum({summed}) FROM '{tables / file}' GROUP BY 1 ORDER BY 1")
    rows = list(csv.reader(io.StringIO(exported.decode())))
    assert rows[0] == [group, "Total"] and [row[0] for row in rows[1:]] == [key for key, _ in expected]
    for (_, total), (key, value) in zip(rows[1:], expected):
        assert math.isclose(float(total), float(value), rel_tol=1e-9), key


def test_tenant_column(demo, tmp_path):
    own, other = demo.ready["tenant_id"], "00000000-0000-4000-8000-000000000001"
    table = tmp_path / "shared.csv"
    table.write_text(f"owner,city,amount\n{own},Oslo,1\n{other},Foreign,2\n,Nobody,4\n{own},Bergen,8\n")
    add(demo, table, "SharedTable", "--tenant-column", "owner")
    rows = demo.preview("SELECT city, amount FROM SharedTable ORDER BY amount ASC TIMESPAN LIFETIME")
    assert [(row["city"], row["amount"]) for row in rows] == [("Oslo", 1), ("Bergen", 8)]


def test_files_that_do_not_fit(demo, sql, tmp_path):
    """A broken table is refused with its name, and the others keep working."""
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 this is no Parquet file PAR1")
    refused = demo.command("dataset", "add", str(broken), "--name", "Broken", "--tenant", demo.ready["tenant_id"], "--data-dir", str(demo.data_dir))
    assert refused.returncode == 1 and "broken.parquet" in refused.stderr
    table = tmp_path / "fits.csv"
    table.write_text("city,amount\nOslo,1\n")
    add(demo, table, "Fits", "--tenant", demo.ready["tenant_id"])
    assert demo.preview("SELECT city, amount FROM Fits TIMESPAN LIFETIME")
    folder = demo.data_dir / "data" / "mpn" / "Fits" / f"tenant={demo.ready['tenant_id']}"
    sql(f"COPY (SELECT 'Oslo' AS city, 'many' AS amount) TO '{folder / 'zz-other.parquet'}' (FORMAT parquet)")
    answer = demo.call("GET", "ScheduledQueries/testQueryResult", params={"exportQuery": "SELECT city, amount FROM Fits TIMESPAN LIFETIME"})
    assert 400 <= answer.status_code < 500, answer.text
    assert "zz-other.parquet" in answer.json()["message"] and "amount" in answer.json()["message"]
    assert demo.preview("SELECT MPNId FROM Profile TIMESPAN LIFETIME")


def test_what_stays_text_is_said_and_changed_by_the_flag(demo, tmp_path):
    table = tmp_path / "german.csv"
    table.write_bytes("Tag;Preis;Menge\r\n31.12.2026;0,10;NA\r\n01.12.2026;0,20;2\r\n30.11.2026;0,30;1\r\n".encode("utf-16"))
    arguments = ("dataset", "add", str(table), "--name", "German", "--tenant", demo.ready["tenant_id"], "--data-dir", str(demo.data_dir))
    added = demo.command(*arguments)
    assert added.returncode == 0, added.stderr
    assert "note: Tag stays text and looks like dates: --type Tag=date:%d.%m.%Y reads it so, with --replace" in added.stderr, added.stderr
    assert "note: Menge stays text and looks like numbers beside 'NA': --null NA reads it so" in added.stderr
    again = demo.command(*arguments, "--replace", "--type", "Tag=date:%d.%m.%Y", "--null", "NA", "--json")
    assert again.returncode == 0 and '"notes":[]' in again.stdout, again.stdout + again.stderr
    add_metric(demo, "German", "Total", "SUM(Preis)")
    exported = demo.export("SELECT Tag, Menge, Preis FROM German ORDER BY Tag ASC TIMESPAN LIFETIME").decode().splitlines()
    assert exported == ["Tag,Menge,Preis", "2026-11-30,1,0.30", "2026-12-01,2,0.20", "2026-12-31,,0.10"]
    assert demo.export("SELECT Total FROM German TIMESPAN LIFETIME") == b"Total\n0.60\n"
