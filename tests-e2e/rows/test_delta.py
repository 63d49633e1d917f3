"""Delta tables that delta-rs wrote, read by their logs: the rows are those that delta-rs itself reads, and never those that were deleted or replaced."""

import csv
import datetime
import decimal
import io
import json
import os
import subprocess
import threading

import pyarrow
import pytest
from deltalake import DeltaTable, write_deltalake

from harness.demo import RUN_SECONDS
from harness.emulators import S3
from harness.waiting import eventually

OTHER = "00000000-0000-4000-8000-000000000001"
ALL = "SELECT Id, Region, Amount, Day FROM {} ORDER BY Id ASC TIMESPAN LIFETIME"
DEFINITION = """
name = "{name}"
program = "mpn"
date_column = "Day"
format = "delta"
{owner}

[[columns]]
name = "Id"
type = "int64"
[[columns]]
name = "Region"
type = "string"
[[columns]]
name = "Amount"
type = "decimal(18,2)"
[[columns]]
name = "Day"
type = "date"

[[metrics]]
name = "Total"
expression = "SUM(Amount)"
"""
REGIONS = ["Nord/See & Süd", "100 %", "East=West", None]


@pytest.fixture(scope="module")
def demo(start, tmp_path_factory):
    with start(tmp_path_factory.mktemp("delta") / "data", "--no-quotas", "--rows", "60") as running:
        running.sign_in()
        yield running


def rows(first, count, **more):
    """Rows of these ids, in four regions and some days of two months."""
    ids = range(first, first + count)
    columns = {
        "Id": pyarrow.array(ids, pyarrow.int64()),
        "Region": pyarrow.array([REGIONS[id % 4] for id in ids], pyarrow.string()),
        "Amount": pyarrow.array([decimal.Decimal(id % 997) / 4 for id in ids], pyarrow.decimal128(18, 2)),
        "Day": pyarrow.array([datetime.date(2026, 10, 1) + datetime.timedelta(id % 45) for id in ids], pyarrow.date32()),
    }
    return pyarrow.table(columns | {name: pyarrow.array([value] * count, pyarrow.string()) for name, value in more.items()})


class Dataset:
    """A dataset of a running demo, and the table of the demo's tenant."""

    def __init__(self, demo, name, owner=""):
        self.demo, self.name, self.tenant = demo, name, demo.ready["tenant_id"]
        self.definition = demo.data_dir / "datasets" / "mpn" / f"{name}.toml"
        self.definition.parent.mkdir(parents=True, exist_ok=True)
        self.definition.write_text(DEFINITION.format(name=name, owner=owner))
        self.folder = demo.data_dir / "data" / "mpn" / name
        self.table = self.of(self.tenant) if not owner else self.folder
        eventually(lambda: any(dataset["datasetName"] == name for dataset in demo.datasets()))

    def of(self, tenant):
        return self.folder / f"tenant={tenant}"

    def write(self, table, **more):
        self.table.mkdir(parents=True, exist_ok=True)
        write_deltalake(str(self.table), table, **more)

    def delta(self):
        return DeltaTable(str(self.table))

    def by_delta(self, keep=lambda row: True):
        """What delta-rs reads, as our file shows it."""
        shown = lambda value: "" if value is None else str(value)
        found = sorted((row for row in self.delta().to_pyarrow_table().to_pylist() if keep(row)), key=lambda row: row["Id"])
        return [[shown(row[name]) for name in ("Id", "Region", "Amount", "Day")] for row in found]

    def by_us(self, text=ALL, *more, tenant=None):
        command = [self.demo.binary, "run", text.format(self.name), "--data-dir", str(self.demo.data_dir), "--tenant", tenant or self.tenant, *more]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS)
        assert ran.returncode == 0, ran.stderr
        return list(csv.reader(io.StringIO(ran.stdout)))[1:]

    def refused(self):
        """What a caller, an operator and `dataset validate` are told."""
        answer = self.demo.call("GET", "ScheduledQueries/testQueryResult", params={"exportQuery": ALL.format(self.name)})
        assert answer.status_code == 400, answer.text
        told = answer.json()["message"]
        assert "Delta table" in told and self.tenant not in told, told
        validated = self.demo.command("dataset", "validate", "--data-dir", str(self.demo.data_dir))
        assert validated.returncode == 1 and "its rows cannot be used" in validated.stdout, validated.stdout
        return told, next(line for line in validated.stdout.splitlines() if self.name in line and "cannot be read" in line)

    def fits(self):
        validated = self.demo.command("dataset", "validate", "--data-dir", str(self.demo.data_dir))
        assert f"{self.name} holds" in validated.stdout, validated.stdout + validated.stderr
        return next(line for line in validated.stdout.splitlines() if f"{self.name} holds" in line)

    def execution(self):
        return self.demo.run(self.demo.create_query(ALL.format(self.name))["queryId"])


def test_rows_are_those_of_the_newest_version(demo):
    sales = Dataset(demo, "DeltaSales")
    sales.write(rows(0, 500))
    for write in [
        lambda: sales.write(rows(500, 300), mode="append"),
        lambda: sales.delta().delete("Id % 3 = 0"),
        lambda: sales.delta().update(updates={"Amount": "Amount + 1"}, predicate="Region = 'East=West'"),
        lambda: sales.delta().optimize.compact(),
        lambda: sales.write(rows(5, 40), mode="overwrite"),
        lambda: sales.write(rows(100, 1), mode="append"),
        lambda: sales.delta().restore(1),
        lambda: sales.delta().delete(),
        lambda: sales.write(rows(7, 9), mode="append"),
    ]:
        write()
        assert sales.by_us() == sales.by_delta()
        execution = sales.execution()
        assert (execution["dataVersion"], execution["rowCount"]) == (sales.delta().version(), len(sales.by_delta()))
        exported = demo.download(execution["reportAccessSecureLink"]).text
        assert list(csv.reader(io.StringIO(exported)))[1:] == sales.by_delta()
    assert len(list(sales.table.glob("*.parquet"))) > 5, "files of older versions are there"
    assert "of rows fit" in sales.fits()
    # A file that is put beside those of the log has no rows.
    demo_file = next(sales.table.glob("*.parquet"))
    (sales.table / "beside.parquet").write_bytes(demo_file.read_bytes())
    assert sales.by_us() == sales.by_delta()
    assert demo.run(demo.create_query("SELECT MPNId FROM Profile TIMESPAN LIFETIME")["queryId"])["dataVersion"] is None


def test_partitions_and_their_odd_values(demo):
    sales = Dataset(demo, "DeltaParts")
    sales.write(rows(0, 400), partition_by=["Region", "Day"])
    sales.delta().delete("Region = '100 %' AND Id % 8 = 1")
    assert sales.by_us() == sales.by_delta()
    for region in filter(None, REGIONS):
        found = sales.by_us("SELECT Id, Region, Amount, Day FROM {} WHERE Region = '" + region + "' ORDER BY Id ASC TIMESPAN LIFETIME")
        assert found == sales.by_delta(lambda row: row["Region"] == region) and found
    day = datetime.date(2026, 10, 7)
    found = sales.by_us("SELECT Id, Region, Amount, Day FROM {} WHERE Day = '2026-10-07' ORDER BY Id ASC TIMESPAN LIFETIME")
    assert found == sales.by_delta(lambda row: row["Day"] == day) and found


def test_partitions_of_every_type(demo):
    sales = Dataset(demo, "DeltaTypes")
    moment = datetime.datetime(2026, 10, 1, 13, 5, 7, 250000, tzinfo=datetime.timezone.utc)
    values = {
        "Count": ("int64", pyarrow.int64(), [-7, None, 9_000_000_000]),
        # None is negative, since delta-rs 1.6.6 writes -1.50 of a partition as -1.-50.
        "Price": ("decimal(18,2)", pyarrow.decimal128(18, 2), [decimal.Decimal("1.50"), None, decimal.Decimal("1234567890123456.78")]),
        "Ratio": ("float64", pyarrow.float64(), [0.1, None, -2.5e20]),
        "Is": ("bool", pyarrow.bool_(), [True, None, False]),
        "On": ("date", pyarrow.date32(), [datetime.date(1969, 12, 31), None, datetime.date(2026, 2, 28)]),
        "At": ("timestamp", pyarrow.timestamp("us", "UTC"), [moment, None, datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)]),
        "Local": ("timestamp", pyarrow.timestamp("us"), [moment.replace(tzinfo=None), None, datetime.datetime(2026, 1, 1)]),
    }
    more = "".join(f'[[columns]]\nname = "{name}"\ntype = "{kind}"\n' for name, (kind, _, _) in values.items())
    sales.definition.write_text(sales.definition.read_text().replace("[[metrics]]", more + "[[metrics]]"))
    columns = {"Id": pyarrow.array([1, 2, 3], pyarrow.int64())} | {name: pyarrow.array(found, kind) for name, (_, kind, found) in values.items()}
    text = "SELECT Id, {} FROM {} ORDER BY Id ASC TIMESPAN LIFETIME".format(", ".join(values), sales.name)
    # The same rows, once with their values in the files and once in the log.
    shown = []
    for partitions in (None, list(values)):
        sales.write(pyarrow.table(columns), mode="overwrite", schema_mode="overwrite", partition_by=partitions)
        shown.append(sales.by_us(text))
    assert shown[0] == shown[1] and len(shown[0]) == 3 and shown[0][1] == ["2"] + [""] * len(values), shown


def test_many_versions_and_checkpoints(demo):
    sales = Dataset(demo, "DeltaMany")
    sales.write(rows(0, 20), partition_by=["Region"])
    for number in range(1, 25):
        sales.write(rows(number * 20, 20), mode="append")
        if number % 5 == 0:
            sales.delta().delete(f"Id < {number * 10}")
    assert sales.by_us() == sales.by_delta()
    sales.delta().create_checkpoint()
    assert list((sales.table / "_delta_log").glob("*.checkpoint*.parquet"))
    assert sales.by_us() == sales.by_delta()
    sales.write(rows(1000, 3), mode="append")
    # The commits that the checkpoint holds may be gone.
    last = json.loads((sales.table / "_delta_log" / "_last_checkpoint").read_text())["version"]
    for version in range(last + 1):
        (sales.table / "_delta_log" / f"{version:020}.json").unlink()
    assert sales.by_us() == sales.by_delta()
    assert sales.execution()["dataVersion"] == sales.delta().version()
    # Without it, they are missing.
    for file in (sales.table / "_delta_log").glob("*.checkpoint*.parquet"):
        file.unlink()
    told, validated = sales.refused()
    assert "its log lacks 00000000000000000000.json" in told and "Put the file back" in validated


def test_each_tenant_sees_its_own_table(demo):
    sales = Dataset(demo, "DeltaOwn")
    sales.write(rows(0, 10))
    sales.of(OTHER).mkdir()
    write_deltalake(str(sales.of(OTHER)), rows(900, 5))
    assert [row[0] for row in sales.by_us()] == [str(id) for id in range(10)]
    assert {int(row["Id"]) for row in demo.preview(ALL.format(sales.name))} == set(range(10))
    # A log cannot lead out of its table.
    foreign = next(sales.of(OTHER).glob("*.parquet"))
    for number, path in enumerate([f"../tenant={OTHER}/{foreign.name}", f"..%2Ftenant={OTHER}%2F{foreign.name}", str(foreign), f"file://{foreign}"]):
        action = {"add": {"path": path, "partitionValues": {}, "size": foreign.stat().st_size, "modificationTime": 0, "dataChange": True}}
        commit = sales.table / "_delta_log" / f"{sales.delta().version() + 1:020}.json"
        commit.write_text(json.dumps(action) + "\n")
        told, validated = sales.refused()
        assert "names a file outside of it" in told and OTHER not in told and "not a path within" in validated, number
        commit.unlink()
    assert len(sales.by_us()) == 10


def test_a_column_says_whose_rows_they_are(demo):
    tenant = demo.ready["tenant_id"]
    for name, more in [("DeltaShared", {}), ("DeltaSharedParts", {"partition_by": ["Owner"]})]:
        sales = Dataset(demo, name, 'tenant_column = "Owner"')
        sales.write(rows(0, 8, Owner=tenant), **more)
        sales.write(rows(100, 8, Owner=OTHER), mode="append")
        sales.write(rows(200, 8, Owner=None), mode="append")
        sales.delta().delete("Id = 3")
        own = sales.by_delta(lambda row: row["Owner"] == tenant)
        assert sales.by_us() == own and len(own) == 7
        assert demo.preview(f"SELECT Total FROM {name} TIMESPAN LIFETIME") == [{"Total": float(sum(decimal.Decimal(row[2]) for row in own))}]
        assert sales.execution()["rowCount"] == 7
        assert "files of rows fit" in sales.fits()


def test_a_vacuum_and_a_file_that_is_gone(demo):
    sales = Dataset(demo, "DeltaVacuum")
    sales.write(rows(0, 50))
    sales.delta().delete("Id < 10")
    before = sales.by_us()
    assert sales.delta().vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert sales.by_us() == before == sales.by_delta()
    (gone,) = sales.table.glob("*.parquet")
    content = gone.read_bytes()
    gone.unlink()
    told, validated = sales.refused()
    assert f"{gone.name} is gone" in told and "vacuumed" in validated
    gone.write_bytes(content[:-1])
    told, validated = sales.refused()
    assert f"{gone.name} was replaced" in told and f"has {len(content) - 1} bytes, and {len(content)} by the log" in validated
    gone.write_bytes(content)
    assert sales.by_us() == before


def test_versions_come_while_it_is_read(demo):
    """Each answer is a version as it was, never parts of two."""
    sales = Dataset(demo, "DeltaBusy")
    sales.write(rows(0, 100))
    done = threading.Event()

    def write():
        for number in range(1, 12):
            sales.write(rows(number * 1000, 100), mode="overwrite")
            if number % 4 == 0:
                sales.delta().create_checkpoint()
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    answers = 0
    while not done.is_set() or answers < 3:
        ids = [row["Id"] for row in demo.preview(f"SELECT Id FROM {sales.name} ORDER BY Id ASC TIMESPAN LIFETIME")]
        assert len(ids) == 100 and ids[0] % 1000 == 0 and ids == list(range(ids[0], ids[0] + 100)), ids
        answers += 1
    writer.join()


def test_what_is_not_read_is_named(demo):
    sales = Dataset(demo, "DeltaRefused")
    folder = sales.of(sales.tenant)
    folder.mkdir(parents=True)
    (folder / "plain.parquet").write_bytes(b"PAR1")
    told, validated = sales.refused()
    assert "it has no log" in told and "leave `format` out" in validated
    (folder / "plain.parquet").unlink()
    assert sales.by_us() == [], "a tenant without a table"
    # Deletion vectors may be allowed, as long as no file has one.
    sales.write(rows(0, 5), configuration={"delta.enableDeletionVectors": "true"})
    assert "deletionVectors" in (sales.delta().protocol().reader_features or [])
    assert len(sales.by_us()) == 5
    first = (folder / "_delta_log" / f"{0:020}.json").read_text()
    added = next(json.loads(line)["add"] for line in first.splitlines() if '"add"' in line)
    vector = {"storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^", "offset": 1, "sizeInBytes": 36, "cardinality": 2}
    next_commit = folder / "_delta_log" / f"{1:020}.json"
    metadata = next(json.loads(line) for line in first.splitlines() if '"metaData"' in line)
    metadata["metaData"]["configuration"]["delta.columnMapping.mode"] = "name"
    features = {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors", "catalogManaged"], "writerFeatures": []}}
    for actions, caller, operator in [
        ([{"remove": {"path": added["path"], "dataChange": True}}, {"add": added | {"deletionVector": vector}}], "deletion vectors", "PURGE"),
        ([metadata], "column mapping", "remove the mapping"),
        ([features], 'the feature "catalogManaged"', "DROP FEATURE"),
        (["no action"], "is damaged", "line 1"),
    ]:
        next_commit.write_text("".join(json.dumps(action) + "\n" for action in actions))
        told, validated = sales.refused()
        assert caller in told and operator in validated, (told, validated)
    next_commit.unlink()
    assert len(sales.by_us()) == 5
    shown = demo.command("dataset", "show", sales.name, "--data-dir", str(demo.data_dir), "--json")
    assert json.loads(shown.stdout)["format"] == "delta", shown.stdout + shown.stderr
    # Neither is a file added that the log would not name.
    table = demo.data_dir.parent / "more.csv"
    table.write_text("Id,Region,Amount,Day\n1,a,1.00,2026-10-01\n")
    for command in (["import", str(table)], ["add", str(table), "--replace"]):
        refused = demo.command("dataset", *command, "--name", sales.name, "--tenant", sales.tenant, "--data-dir", str(demo.data_dir))
        assert refused.returncode in (1, 2) and "Delta table" in refused.stderr, refused.stderr
    # Without its format, it is refused with the way to read it.
    sales.definition.write_text(sales.definition.read_text().replace('format = "delta"\n', ""))
    told = demo.command("run", ALL.format(sales.name), "--data-dir", str(demo.data_dir), "--tenant", sales.tenant)
    assert told.returncode == 1 and 'format = "delta"' in told.stderr, told.stderr


def test_from_a_store(demo):
    sales = Dataset(demo, "DeltaStored")
    sales.write(rows(0, 300), partition_by=["Region"])
    sales.delta().delete("Id % 5 = 0")
    sales.delta().create_checkpoint()
    sales.write(rows(300, 10), mode="append")
    here = sales.by_us()
    assert here == sales.by_delta()
    store = S3()
    try:
        root = demo.data_dir / "data"
        for file in sorted(path for path in sales.table.rglob("*") if path.is_file()):
            store.put(str(file.relative_to(root)), file.read_bytes())
        command = [demo.binary, "run", ALL.format(sales.name), "--data-dir", str(demo.data_dir), "--tenant", sales.tenant, "--data-root", store.url]
        ran = subprocess.run(command, env=dict(os.environ) | store.environment, capture_output=True, text=True, timeout=RUN_SECONDS)
        assert ran.returncode == 0, ran.stderr
        assert list(csv.reader(io.StringIO(ran.stdout)))[1:] == here
    finally:
        store.close()
