"""Workbooks and CSV for Excel, as two readers that are not ours and know nothing of each other find them: openpyxl, and calamine, which is written in Rust."""

import csv
import datetime
import io
import subprocess
from decimal import Decimal

import duckdb
import openpyxl
import pyarrow.parquet
import pytest
import python_calamine
from openpyxl.utils.escape import unescape

from harness.demo import peak_kib_of

TENANT = "3f1c0000-0000-4000-8000-000000000000"
MILLION = 1_000_000
MOST_ROWS = 1_048_575
LIMIT = 256 << 10
QUERY = "SELECT CustomerName, CustomerTpid, Product, Month, AvailableSeats, TotalRevenue FROM CustomersAndTenants ORDER BY CustomerName, Product, Month TIMESPAN LIFETIME"

# Each column's type here, in DuckDB, and values: the odd ones, which Excel cannot hold as they are or would take for something else.
ODD = {
    "Id": ("int64", "BIGINT", [1, 2, 3, 4, 5, 6, 7, 8]),
    "Long": ("int64", "BIGINT", [0, -5, 999_999_999_999_999, 9_007_199_254_740_993, -(2**63), None, 1_234_567_890_123_450, 1000]),
    "Price": (
        "decimal(38,2)",
        "DECIMAL(38,2)",
        [Decimal(text) if text else None for text in ("-12.30", "0.01", "1234567890123.45", "123456789012345678901234567890.12", "0.00", None, "-0.10", "5.00")],
    ),
    "Ratio": ("float64", "DOUBLE", [0.1, -1e300, 1 / 3, float("inf"), float("nan"), None, 5e-324, 2.0]),
    "Day": (
        "date",
        "DATE",
        [datetime.date(*day) if day else None for day in ((2026, 2, 28), (1900, 3, 1), (1900, 2, 28), (9999, 12, 31), (1, 1, 1), None, (2000, 2, 29), (1970, 1, 1))],
    ),
    "At": (
        "timestamp",
        "TIMESTAMP",
        [
            datetime.datetime.fromisoformat(at) if at else None
            for at in ("2026-02-28 13:07:09", "2026-02-28 13:07:09.250", "1899-12-31 12:00:00", "9999-12-31 23:59:59", "5000-01-01 00:00:00.000001", None, "1970-01-01", "2026-02-28")
        ],
    ),
    "Active": ("bool", "BOOLEAN", [True, False, None, True, False, None, True, True]),
    "Note": ("string", "VARCHAR", ["=1+1", "-5", "+49 30 1234", "@SUM(A1)", "_x0041_ \x01\r\n", None, " https://example.com ", "0012"]),
}
HARMLESS = ["'=1+1", "'-5", "'+49 30 1234", "'@SUM(A1)", "_x0041_ \x01\r\n", "", " https://example.com ", "0012"]


def dataset(folder, name, columns, rows):
    """A data folder with one dataset, whose rows are what DuckDB makes of a query."""
    definitions, place = folder / "datasets" / "mpn", folder / "data" / "mpn" / name / f"tenant={TENANT}"
    definitions.mkdir(parents=True)
    place.mkdir(parents=True)
    lines = [f'[[columns]]\nname = "{column}"\ntype = "{kind}"\n' for column, kind in columns.items()]
    (definitions / f"{name}.toml").write_text(f'name = "{name}"\nprogram = "mpn"\n' + "".join(lines))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows(connection, place / "a.parquet")
    return folder


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    def rows(connection, file):
        columns = ", ".join(f'"{name}" {kind}' for name, (_, kind, _) in ODD.items())
        connection.execute(f"CREATE TABLE odd ({columns})")
        connection.executemany(f"INSERT INTO odd VALUES ({', '.join('?' * len(ODD))})", list(zip(*(values for _, _, values in ODD.values()))))
        connection.execute(f"COPY (SELECT * REPLACE (\"At\"::TIMESTAMPTZ AS \"At\") FROM odd ORDER BY Id) TO '{file}' (FORMAT parquet)")

    return dataset(tmp_path_factory.mktemp("odd") / "data", "Odd", {name: kind for name, (kind, _, _) in ODD.items()}, rows)


@pytest.fixture(scope="module")
def tall(tmp_path_factory):
    """One row more than a sheet holds."""

    def rows(connection, file):
        connection.execute(
            f"""COPY (SELECT i AS Id, 'customer ' || hash(i) AS Customer, ['North', 'South', NULL][(1 + i % 3)::INT] AS Region, i / 100 AS Revenue,
                       DATE '2020-01-01' + (i % 2000)::INT AS Day FROM range({MOST_ROWS + 1}) t(i)) TO '{file}' (FORMAT parquet)"""
        )

    columns = {"Id": "int64", "Customer": "string", "Region": "string", "Revenue": "float64", "Day": "date"}
    return dataset(tmp_path_factory.mktemp("tall") / "data", "Tall", columns, rows)


def ran(binary, folder, text, out, *more):
    return subprocess.run([str(binary), "run", text, "--data-dir", str(folder), "--tenant", TENANT, "-o", str(out), *more], capture_output=True, text=True)


def by_openpyxl(content, sheet="Data"):
    return list(openpyxl.load_workbook(io.BytesIO(content), read_only=True)[sheet].iter_rows(values_only=True))


def by_calamine(content, sheet="Data"):
    # It has an empty text for an empty cell.
    rows = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name(sheet).to_python()
    return [tuple(None if value == "" else value for value in row) for row in rows]


def test_every_value_is_what_it_was_or_a_text_with_all_of_it(binary, odd, tmp_path):
    out = tmp_path / "odd.xlsx"
    written = ran(binary, odd, f"SELECT {', '.join(ODD)} FROM Odd ORDER BY Id ASC", out)
    assert written.returncode == 0, written.stderr
    expected = {name: list(values) for name, (_, _, values) in ODD.items()}
    expected["Long"][3:5] = ["9007199254740993", "-9223372036854775808"]
    expected["Price"][3] = "123456789012345678901234567890.12"
    expected["Ratio"][3:5], expected["Ratio"][6] = ["inf", "NaN"], "5e-324"
    expected["Day"][2], expected["Day"][4] = "1900-02-28", "0001-01-01"
    expected["At"][2], expected["At"][4] = "1899-12-31T12:00:00Z", "5000-01-01T00:00:00.000001Z"

    # Excel's numbers are floats, and its days are instants.
    def plain(value):
        # Both readers leave a text as it is escaped, which Excel does not (ST_Xstring of ECMA-376).
        if isinstance(value, str) and "_x005F_" in value:
            return unescape(value)
        if isinstance(value, Decimal) or (type(value) is int and abs(value) > 2**63):
            return float(value)
        return datetime.datetime(value.year, value.month, value.day) if type(value) is datetime.date else value

    wanted = [tuple(ODD)] + [tuple(plain(value) for value in row) for row in zip(*expected.values())]
    found = by_openpyxl(out.read_bytes())
    # It takes the digits of a large float for a whole number.
    assert [tuple(plain(value) for value in row) for row in found] == wanted
    assert [[type(value) for value in row] for row in found[1:]][0][:2] == [int, int], "whole numbers are whole"
    assert [tuple(plain(value) for value in row) for row in by_calamine(out.read_bytes())] == wanted


def test_the_header_is_bold_and_stays_and_texts_are_no_formulas(binary, odd, tmp_path):
    out = tmp_path / "odd.xlsx"
    assert ran(binary, odd, f"SELECT {', '.join(ODD)} FROM Odd ORDER BY Id ASC", out).returncode == 0
    book = openpyxl.load_workbook(out)
    sheet = book["Data"]
    assert book.sheetnames == ["Data", "About"] and sheet.freeze_panes == "A2"
    assert all(cell.font.bold for cell in sheet[1]) and not any(cell.font.bold for cell in sheet[2])
    notes = [sheet.cell(row, list(ODD).index("Note") + 1) for row in range(2, 10)]
    assert {cell.data_type for cell in notes if cell.value is not None} <= {"s", "inlineStr"} and not any(cell.hyperlink for cell in notes)
    assert [bool(cell.quotePrefix) for cell in notes] == [True] * 4 + [False] * 4, "still texts when somebody edits them"
    formats = {name: sheet.cell(2, column).number_format for column, name in enumerate(ODD, 1)}
    assert (formats["Long"], formats["Price"], formats["Day"], formats["At"]) == ("0", "0.00", "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss")
    assert sheet.cell(3, list(ODD).index("At") + 1).number_format == "yyyy-mm-dd hh:mm:ss.000"


def test_csv_for_excel_has_no_formulas(binary, odd, tmp_path):
    plain, excel = tmp_path / "plain.csv", tmp_path / "excel.csv"
    text = f"SELECT {', '.join(ODD)} FROM Odd ORDER BY Id ASC"
    assert ran(binary, odd, text, plain).returncode == 0
    assert ran(binary, odd, text, excel, "--format", "csv-excel").returncode == 0
    content = excel.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf") and content.endswith(b"\r\n")
    rows = [list(csv.reader(io.StringIO(read, newline=""))) for read in (plain.read_bytes().decode(), content.decode("utf-8-sig"))]
    assert [row[-1] for row in rows[1]] == ["Note", *HARMLESS]
    assert [row[:-1] for row in rows[1]] == [row[:-1] for row in rows[0]], "all else is as in CSV, negative numbers too"


def test_a_report_is_a_workbook_that_says_what_it_is(demo):
    query = demo.create_query(QUERY)["queryId"]
    content, rows = [
        demo.download(demo.run(query, Format=name, ReportName="For Excel")["reportAccessSecureLink"]).content for name in ("xlsx", "parquet")
    ]
    table = pyarrow.parquet.read_table(io.BytesIO(rows))
    expected = [tuple(float(value) if isinstance(value, Decimal) else value for value in row.values()) for row in table.to_pylist()]
    for read in (by_openpyxl, by_calamine):
        header, *rows = read(content)
        assert list(header) == table.schema.names, read
        as_said = [tuple(value.date() if isinstance(value, datetime.datetime) else value for value in row) for row in rows]
        assert as_said == expected, read
    about = dict(row for row in by_openpyxl(content, "About"))
    assert about["Query"] == QUERY and about["Rows"] == len(expected) > 50
    assert abs(about["Time (UTC)"].replace(tzinfo=datetime.timezone.utc) - demo.now()) < datetime.timedelta(hours=1)


def test_more_rows_than_a_sheet_holds(binary, tall, tmp_path):
    out = tmp_path / "tall.xlsx"
    # Known before the first row is read.
    refused = ran(binary, tall, "SELECT Id, Customer FROM Tall", out)
    assert refused.returncode == 1 and "1,048,575 rows" in refused.stderr and "LIMIT 1048575" in refused.stderr, refused.stderr
    assert list(tmp_path.iterdir()) == []
    assert list((tall / "spill").rglob("*.*")) == []
    explained = subprocess.run(
        [str(binary), "run", "SELECT Id FROM Tall WHERE Id >= 0", "--data-dir", str(tall), "--tenant", TENANT, "--explain"], capture_output=True, text=True
    )
    assert "more rows than a sheet of Excel holds (1,048,575)" in explained.stdout
    fewer = explained.args[:2] + ["SELECT Id FROM Tall LIMIT 10"] + explained.args[3:]
    assert "Excel" not in subprocess.run(fewer, capture_output=True, text=True).stdout


def test_a_million_rows_take_little_memory(binary, tall, tmp_path):
    out = tmp_path / "tall.xlsx"
    text = f"SELECT Id, Customer, Day FROM Tall LIMIT {MILLION}"
    process = subprocess.Popen(
        [str(binary), "run", text, "--data-dir", str(tall), "--tenant", TENANT, "-o", str(out)], stderr=subprocess.DEVNULL
    )
    peak = peak_kib_of(process, 0.01)
    assert process.returncode == 0
    assert 10 << 10 < peak < LIMIT, f"{peak >> 10} MiB"
    book = openpyxl.load_workbook(out, read_only=True)
    assert book["Data"].max_row == MILLION + 1 and dict(book["About"].iter_rows(values_only=True))["Rows"] == MILLION
