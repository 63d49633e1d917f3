"""A report in every format holds the same rows, as tools that are not ours read them."""

import gzip
import hashlib
import io
import json
import subprocess
from datetime import timezone

import duckdb
import openpyxl
import pyarrow
import pyarrow.ipc
import pyarrow.parquet
import pytest

from harness.demo import peak_kib_of

TEXTS = ("csv", "tsv")
COMPRESSED = ("csv.gz", "csv.zst", "tsv.gz", "tsv.zst")
FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "csv.gz": "application/gzip",
    "csv.zst": "application/zstd",
    "tsv.gz": "application/gzip",
    "tsv.zst": "application/zstd",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.file",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv-excel": "text/csv; charset=utf-8",
}
TALL_ROWS = 800_000
# A text with commas, numbers, a date, and values that are missing.
QUERY = "SELECT CustomerName, CustomerTpid, Product, Month, AvailableSeats, TotalRevenue FROM CustomersAndTenants ORDER BY CustomerName, Product, Month TIMESPAN LIFETIME"


def columnar(name, content):
    if name == "parquet":
        return pyarrow.parquet.read_table(io.BytesIO(content))
    return pyarrow.ipc.open_file(io.BytesIO(content)).read_all()


def plain(name, content):
    """The text in a compressed file, by the tool that every system has for it, and by Python's own."""
    if name.endswith(".gz"):
        text = gzip.decompress(content)
        assert subprocess.run(["gzip", "-dc"], input=content, capture_output=True, check=True).stdout == text
        return text
    text = subprocess.run(["zstd", "-dc"], input=content, capture_output=True, check=True).stdout
    with pyarrow.input_stream(io.BytesIO(content), compression="zstd") as stream:
        assert stream.read() == text
    return text


@pytest.fixture(scope="module")
def query(demo):
    return demo.create_query(QUERY)["queryId"]


@pytest.fixture(scope="module")
def files(demo, query):
    """Each format's execution and the answer with its file."""
    found = {}
    for name in FORMATS:
        # Requests name it in any case.
        execution = demo.run(query, Format=name.upper(), ReportName="Ünits & more")
        answer = demo.download(execution["reportAccessSecureLink"], headers={"Accept-Encoding": "identity"})
        assert answer.status_code == 200
        found[name] = (execution, answer)
    return found


@pytest.fixture(scope="module")
def tall(tmp_path_factory):
    """A data folder with a dataset of many rows, and whose they are."""
    folder, tenant = tmp_path_factory.mktemp("tall") / "data", "3f1c0000-0000-4000-8000-000000000000"
    definitions, rows = folder / "datasets" / "mpn", folder / "data" / "mpn" / "Tall" / f"tenant={tenant}"
    definitions.mkdir(parents=True)
    rows.mkdir(parents=True)
    columns = {"Id": "int64", "Customer": "string", "Region": "string"}
    lines = [f'[[columns]]\nname = "{column}"\ntype = "{kind}"\n' for column, kind in columns.items()]
    (definitions / "Tall.toml").write_text('name = "Tall"\nprogram = "mpn"\n' + "".join(lines))
    with duckdb.connect() as connection:
        connection.execute(
            f"""COPY (SELECT i AS Id, 'customer ' || hash(i) AS Customer, ['North', 'South', NULL][(1 + i % 3)::INT] AS Region FROM range({TALL_ROWS}) t(i))
                TO '{rows}/a.parquet' (FORMAT parquet)"""
        )
    return folder, tenant


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_is_what_its_execution_says(files, name):
    execution, answer = files[name]
    assert execution["format"] == name
    assert execution["byteCount"] == len(answer.content) == int(answer.headers["Content-Length"])
    assert execution["sha256"] == hashlib.sha256(answer.content).hexdigest()
    assert execution["rowCount"] == files["csv"][0]["rowCount"] > 50
    assert answer.headers["Content-Type"] == FORMATS[name] and "Content-Encoding" not in answer.headers
    file = f"_{execution['executionId']}.{'csv' if name == 'csv-excel' else name}"
    assert answer.headers["Content-Disposition"].endswith(file) and execution["reportLocation"].endswith(file)


@pytest.mark.parametrize("name", FORMATS)
def test_only_texts_are_compressed_on_their_way(demo, files, name):
    """What is downloaded of a compressed file is the file, also by a client that says it takes gzip."""
    execution, answer = files[name]
    with demo.download(execution["reportAccessSecureLink"], headers={"Accept-Encoding": "gzip"}, stream=True) as sent:
        as_sent = sent.raw.read(decode_content=False)
    if name in COMPRESSED or name in ("parquet", "xlsx"):
        assert "Content-Encoding" not in sent.headers and as_sent == answer.content
        assert sent.headers["ETag"] == f'"{execution["sha256"]}"', "the very bytes"
    else:
        assert sent.headers["Content-Encoding"] == "gzip" and gzip.decompress(as_sent) == answer.content
    part = demo.download(execution["reportAccessSecureLink"], headers={"Range": "bytes=3-40"})
    assert part.status_code == 206 and part.content == answer.content[3:41] and "Content-Encoding" not in part.headers


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_compressed_file_is_the_plain_one(files, name):
    assert plain(name, files[name][1].content) == files[name.split(".")[0]][1].content


def test_the_rows_are_the_same_in_every_format(files, tmp_path):
    """By DuckDB, which reads all but Arrow's file by itself."""
    paths = {}
    for name, (_, answer) in files.items():
        if name == "xlsx":
            continue  # by programs of its own, in test_excel.py
        paths[name] = tmp_path / f"file.{name}"
        paths[name].write_bytes(answer.content)
    table = columnar("arrow", files["arrow"][1].content)
    assert table.schema == columnar("parquet", files["parquet"][1].content).schema
    assert not any(pyarrow.types.is_dictionary(field.type) for field in table.schema)
    names = table.schema.names
    sources = {name: f"read_parquet('{paths[name]}')" if name == "parquet" else f"read_json('{paths[name]}', format='newline_delimited')" for name in ("parquet", "jsonl")}
    for name in (*TEXTS, *COMPRESSED, "csv-excel"):
        delimiter = "\\t" if name.startswith("tsv") else ","
        sources[name] = f"read_csv('{paths[name]}', delim=E'{delimiter}', header=true, all_varchar=true)"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("arrow_file", table)
        types = {row[0]: row[1] for row in connection.execute("DESCRIBE FROM arrow_file").fetchall()}
        shown = ", ".join(f'"{column}"::{types[column]} AS "{column}"' for column in names)
        expected = connection.execute(f"SELECT {shown} FROM arrow_file").fetchall()
        assert len(expected) == files["csv"][0]["rowCount"]
        for name, source in sources.items():
            assert connection.execute(f"SELECT {shown} FROM {source}").fetchall() == expected, name


def test_lines_of_json_have_the_types_of_a_preview(demo, files):
    lines = [json.loads(line) for line in files["jsonl"][1].text.splitlines()]
    assert lines[:100] == demo.preview(QUERY)


def test_an_unknown_format_is_the_documented_fault(demo, query):
    for name in ("xls", "gz", "csv.bz2", "json lines"):
        answer = demo.call("POST", "ScheduledReport", json={"ReportName": "r", "QueryId": query, "ExecuteNow": True, "Format": name})
        assert answer.status_code == 400 and "Report format should be csv/tsv" in answer.json()["message"], answer.text


def about(content):
    """What the second sheet of a workbook says."""
    sheet = openpyxl.load_workbook(io.BytesIO(content), read_only=True)["About"]
    return {label: value for label, value in sheet.iter_rows(max_col=2, values_only=True)}


@pytest.mark.parametrize("name", ["csv.zst", "parquet", "arrow"])
def test_memory_does_not_grow_with_the_file(binary, tall, tmp_path, name):
    """What any export may take: 256 MiB, here of a process that does nothing else."""
    folder, tenant = tall
    text = "SELECT Id, Customer, Region FROM Tall TIMESPAN LIFETIME"
    out = tmp_path / f"tall.{name}"
    process = subprocess.Popen(
        [str(binary), "run", text, "--data-dir", str(folder), "--tenant", tenant, "-o", str(out)], stderr=subprocess.DEVNULL
    )
    peak = peak_kib_of(process, 0.005)
    assert process.returncode == 0
    assert 10 << 10 < peak < 256 << 10, f"{peak >> 10} MiB"
    if name == "parquet":
        file = pyarrow.parquet.ParquetFile(out)
        assert file.metadata.num_rows == TALL_ROWS
        assert max(file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)) <= 131_072
    elif name == "arrow":
        with pyarrow.memory_map(str(out)) as source:
            assert pyarrow.ipc.open_file(source).read_all().num_rows == TALL_ROWS


def test_a_command_writes_every_format(demo, files, tmp_path):
    """By the file's name or by what is asked for; the same bytes as the report."""
    for name, (execution, answer) in files.items():
        out = tmp_path / f"Units.{name}"
        # A workbook has the time in it that the execution's time span is relative to.
        when = about(answer.content)["Time (UTC)"].replace(tzinfo=timezone.utc) if name == "xlsx" else demo.now()
        at = when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        flags = ["run", QUERY, "--data-dir", str(demo.data_dir), "--tenant", demo.ready["tenant_id"], "--at", at]
        # Only what has no extension of its own is said.
        ran = demo.command(*flags, "-o", str(out), *(["--format", name] if name == "csv-excel" else []))
        assert ran.returncode == 0, ran.stderr
        assert out.read_bytes() == answer.content, name
    named = tmp_path / "named"
    assert demo.command(*flags, "-o", str(named), "--format", "CSV.GZ").returncode == 0
    assert named.read_bytes() == files["csv.gz"][1].content
    refused = demo.command(*flags, "-o", str(tmp_path / "x.gz"))
    assert refused.returncode == 2 and "'gz' is not a format" in refused.stderr and "csv.gz" in refused.stderr
