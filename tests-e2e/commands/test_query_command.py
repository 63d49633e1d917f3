"""`insightgate query` on a running demo: what people see, what programs get, and how it fails."""

import json
import os
import subprocess

import pytest

from harness.demo import RUN_SECONDS
from harness.waiting import eventually

REVENUE = "SELECT CustomerName, TotalRevenue FROM CustomersAndTenants ORDER BY TotalRevenue, CustomerName ASC LIMIT 5"


class Desk:
    """Commands of the demo's user."""

    def __init__(self, demo):
        self.demo = demo
        self.profile = demo.data_dir.parent / f"{demo.data_dir.name}-ready.json"
        # Nothing of the person who runs the tests comes in.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("INSIGHTGATE_")}

    def command(self, *arguments, stdin="", profile=True, **environment):
        named = ["--profile", str(self.profile)] if profile else []
        return subprocess.run(
            [self.demo.binary, *arguments, *named],
            env=self.environment | environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
        )

    def ok(self, *arguments, **more):
        ran = self.command("query", *arguments, **more)
        assert ran.returncode == 0, f"{arguments}: {ran.returncode}\n{ran.stderr}"
        return ran

    def json(self, *arguments, **more):
        return json.loads(self.ok(*arguments, "--json", **more).stdout)

    def refused(self, code, *arguments, **more):
        ran = self.command("query", *arguments, **more)
        assert ran.returncode == code, f"{arguments}: {ran.returncode}\n{ran.stderr}"
        assert ran.stdout == "" and ran.stderr.startswith("error: "), ran.stderr
        return ran.stderr


@pytest.fixture(scope="module")
def desk(start, tmp_path_factory):
    with start(tmp_path_factory.mktemp("query") / "data", "--no-quotas", "--rows", "200") as demo:
        # The demo's own walk goes on beside its ready file, and needs its query to the end.
        report = eventually(lambda: demo.call("GET", "ScheduledReport").json()["value"])[0]
        demo.settled(report["reportId"])
        yield Desk(demo)


def test_life_of_a_query(desk, tmp_path):
    # What the demo made on its walk.
    desk.ok("delete", "Revenue by customer", "--yes")
    assert desk.ok("list", "--own").stderr == "there are none\n"
    assert desk.json("list", "--own") == {"value": []}
    file = tmp_path / "revenue.sql"
    file.write_text(REVENUE.replace(" FROM", "\nFROM"))
    made = desk.json("create", "--name", "Revenue", "--description", "by customer", "--file", str(file))
    assert (made["name"], made["description"], made["query"], made["type"]) == ("Revenue", "by customer", file.read_text(), "userDefined")
    shown = desk.ok("create", "--name", "Seats", "-", stdin="SELECT CustomerName, AvailableSeats FROM CustomersAndTenants").stdout
    assert "name     Seats\n" in shown and shown.endswith("\n\nSELECT CustomerName, AvailableSeats FROM CustomersAndTenants\n")

    listed = desk.ok("list", "--own").stdout.splitlines()
    assert listed[0].split() == ["ID", "NAME", "TYPE", "CREATED"]
    assert [line.split()[1:3] for line in listed[1:]] == [["Revenue", "userDefined"], ["Seats", "userDefined"]]
    everything, system = desk.json("list")["value"], desk.json("list", "--system")["value"]
    assert len(everything) == len(system) + 2 and {query["type"] for query in system} == {"system"}
    assert [query["queryId"] for query in desk.json("list", "--name", "revenue")["value"]] == [made["queryId"]]

    for name in (made["queryId"], made["queryId"].upper(), "Revenue", "revenue"):
        assert desk.json("show", name) == made
    assert desk.json("show", system[0]["name"])["queryId"] == system[0]["queryId"]
    assert file.read_text() in desk.ok("show", "Revenue").stdout
    assert desk.json("try", "--id", made["queryId"])["value"] == desk.json("try", REVENUE)["value"]
    assert desk.json("try", "--id", "revenue")["value"] == desk.json("try", REVENUE)["value"]

    again = desk.json("create", "--name", "Revenue", REVENUE)["queryId"]
    assert "several queries are called 'Revenue'" in desk.refused(2, "delete", "Revenue", "--yes")
    assert "--yes" in desk.refused(2, "delete", again)
    assert desk.ok("delete", again, "--yes").stderr == f"deleted Revenue ({again})\n"
    assert desk.json("delete", "revenue", "--yes") == made
    desk.ok("delete", "Seats", "--yes")
    assert "there is no query 'Revenue'" in desk.refused(4, "show", "Revenue")
    assert "system query cannot be deleted" in desk.refused(1, "delete", system[0]["queryId"], "--yes")


def test_rows(desk, sql):
    tried = desk.json("try", REVENUE)
    files = desk.demo.files("CustomersAndTenants")
    window = desk.json("explain", REVENUE)["timeBounds"]
    month = f"Month >= '{window['from'][:10]}' AND Month < '{window['to'][:10]}'"
    expected = sql(
        f"SELECT CustomerName, sum(BilledRevenueUSD) AS total FROM '{files}' WHERE {month} GROUP BY 1 ORDER BY total DESC NULLS LAST, 1 LIMIT 5"
    )
    assert [row["CustomerName"] for row in tried["value"]] == [name for name, _ in expected]
    assert [row["TotalRevenue"] for row in tried["value"]] == [float(total) for _, total in expected]
    ran = desk.ok("try", REVENUE)
    lines = ran.stdout.splitlines()
    assert lines[0].split() == ["CustomerName", "TotalRevenue"] and len(lines) == 6
    # The sample has rows of the current month, and some that are older than the span that a query without one means.
    start, end = window["from"][:10], window["to"][:10]
    left_out = f"here Month from {start} to before {end}: rows before {start} and from {end} on are left out; TIMESPAN LIFETIME reads all"
    assert ran.stderr == f"5 rows\nnote: without TIMESPAN a query reads LAST_6_MONTHS, {left_out}\n"
    assert (tried["message"], [note.endswith(left_out) for note in tried["notes"]]) == (None, [True])
    assert desk.ok("try", f"{REVENUE} TIMESPAN LAST_6_MONTHS").stderr == "5 rows\n"
    assert lines[1].startswith(expected[0][0])

    every = "SELECT Month FROM CustomersAndTenants TIMESPAN LIFETIME"
    assert desk.ok("try", every).stderr == "100 rows, as many as a preview shows: `insightgate export` gets them all\n"
    none = desk.ok("try", every, "--from", "1990-01-01", "--to", "1990-01-02T12:00:00Z")
    assert (none.stdout, none.stderr) == ("", "0 rows\n")
    month = sql(f"SELECT DISTINCT Month FROM '{files}' ORDER BY 1 DESC LIMIT 1 OFFSET 2")[0][0]
    bounded = desk.json("try", f"SELECT DISTINCT Month FROM CustomersAndTenants TIMESPAN LIFETIME", "--from", str(month), "--to", str(month.replace(day=2)))
    assert bounded["value"] == [{"Month": str(month)}]
    noted = desk.ok("try", "SELECT Month FROM CustomersAndTenants WHERE AvailableSeats = 'many'")
    assert noted.stderr == "0 rows\nnote: 'many' is not a number, so the condition on AvailableSeats matches no row\n"


def test_explanation(desk, sql):
    files = desk.demo.files("CustomersAndTenants")
    explained = desk.json("explain", REVENUE)
    visible = sql(f"SELECT count(*) FROM '{files}'")[0][0]
    bounds = explained["timeBounds"]
    in_time = sql(f"SELECT count(*) FROM '{files}' WHERE Month >= '{bounds['from'][:10]}' AND Month < '{bounds['to'][:10]}'")[0][0]
    assert explained["visibleRows"] == visible and in_time <= explained["estimatedRows"] <= visible
    assert (bounds["source"], bounds["timeSpan"], explained["limit"]) == ("default", "LAST_6_MONTHS", 5)
    lines = desk.ok("explain", REVENUE).stdout.splitlines()
    assert lines == explained["sentences"]
    given = desk.ok("explain", REVENUE, "--from", "2026-01-01", "--to", "2026-02-01").stdout
    assert "from 2026-01-01T00:00:00Z to before 2026-02-01T00:00:00Z (the start and end that were given go before TIMESPAN)" in given
    noted = desk.ok("explain", "SELECT Month FROM CustomersAndTenants WHERE AvailableSeats = 'many'")
    assert noted.stderr == "note: 'many' is not a number, so the condition on AvailableSeats matches no row\n"

    # The same without a server, which prints no row.
    place = ["--data-dir", str(desk.demo.data_dir), "--tenant", desk.demo.ready["tenant_id"], "--explain"]
    local = desk.command("run", REVENUE, *place, profile=False)
    assert (local.returncode, local.stdout.splitlines()) == (0, lines), local.stderr
    as_json = desk.command("run", "-", *place, "--json", stdin=REVENUE, profile=False)
    assert json.loads(as_json.stdout) == explained
    both = desk.command("run", REVENUE, *place, "-o", "x.csv", profile=False)
    assert both.returncode == 2 and "cannot be used with" in both.stderr


WRONG = "SELECT Custmer,\n\tTotalRevenu FROM CustomersAndTenants\nWHERE CustomerName = '売上' ADN SKU LIKE x"
MARKED = """\
error: Incorrect column name
1 | SELECT Custmer,
  |        ^~~~~~~
  = 'Custmer' at line 1, column 8 is neither a column nor a metric of CustomersAndTenants; did you mean 'CustomerName'?
2 |     TotalRevenu FROM CustomersAndTenants
  |     ^~~~~~~~~~~
  = 'TotalRevenu' at line 2, column 2 is neither a column nor a metric of CustomersAndTenants; did you mean 'TotalRevenue'?
3 | WHERE CustomerName = '売上' ADN SKU LIKE x
  |                             ^~~
  = 'ADN' at line 3, column 27: did you mean AND? Here can stand AND and another condition, ORDER BY, LIMIT, TIMESPAN or the end
  |                                          ^
  = 'x' at line 3, column 40 is neither a number nor a string; write a string in single quotes: 'x'
"""


def test_errors_show_their_places(desk, tmp_path):
    for arguments in (["create", "--name", "n"], ["try"], ["explain"]):
        refused = desk.refused(2, *arguments, WRONG)
        assert refused.startswith(MARKED) and refused[len(MARKED) :].startswith("hint: "), refused
    place = ["--data-dir", str(desk.demo.data_dir), "--tenant", desk.demo.ready["tenant_id"]]
    for more in (["-o", str(tmp_path / "x.csv")], ["--explain"]):
        ran = desk.command("run", WRONG, *place, *more, profile=False)
        assert ran.returncode == 2 and ran.stderr.startswith(MARKED), ran.stderr
    assert list(tmp_path.iterdir()) == []
    unknown = desk.refused(2, "try", "SELECT a FROM Nowhere")
    assert unknown.startswith("error: Invalid table name\n1 | SELECT a FROM Nowhere\n  |               ^~~~~~~\n  = 'Nowhere' at line 1, column 15 is")
    assert "hint: `insightgate dataset list` shows the datasets" in unknown


def test_a_saved_query_that_became_wrong_shows_its_place(desk, tmp_path):
    table = tmp_path / "cities.csv"
    table.write_text("city,amount\nOslo,1\n")
    added = desk.demo.command("dataset", "add", str(table), "--name", "Cities", "--tenant", desk.demo.ready["tenant_id"], "--data-dir", str(desk.demo.data_dir))
    assert added.returncode == 0, added.stderr
    saved = desk.json("create", "--name", "Cities", "SELECT city,\n  amount FROM Cities")["queryId"]
    definition = desk.demo.data_dir / "datasets" / "mpn" / "Cities.toml"
    definition.write_text(definition.read_text().replace('name = "amount"', 'name = "total"'))
    refused = eventually(lambda: (ran := desk.command("query", "try", "--id", saved)).returncode == 2 and ran.stderr)
    assert refused.startswith("error: Incorrect column name\n2 |   amount FROM Cities\n  |   ^~~~~~\n  = 'amount' at line 2, column 3 is neither")
    desk.ok("delete", saved, "--yes")


def test_failures(desk, tmp_path):
    nowhere = "00000000-0000-4000-8000-000000000000"
    for code, said, arguments, environment in [
        (4, "No item found with given filters.", ["try", "--id", nowhere], {}),
        (4, "No item found with given filters.", ["list", "--name", "nothing"], {}),
        (2, "which query? There is no text", ["try"], {}),
        (1, "Null or missing value: Name", ["create", "--name", "", REVENUE], {}),
        (2, "write it as yyyy-MM-ddTHH:mm:ssZ or yyyy-MM-dd", ["try", REVENUE, "--from", "soon"], {}),
        (1, "endTime should be greater than startTime", ["try", REVENUE, "--from", "2026-01-02", "--to", "2026-01-01"], {}),
        (3, "AADSTS50126", ["list"], {"INSIGHTGATE_PASSWORD": "wrong"}),
        (2, "'csp' is not a program", ["list"], {"INSIGHTGATE_PROGRAM": "csp"}),
        (5, "cannot reach", ["list"], {"INSIGHTGATE_ENDPOINT": "https://127.0.0.1:9"}),
    ]:
        assert said in desk.refused(code, *arguments, **environment), arguments
    missing = desk.refused(4, "try", "--file", str(tmp_path / "nothing.sql"))
    assert "there is no file" in missing and "nothing.sql" in missing and "hint" not in missing
    assert "there is no query 'Nothing'" in desk.refused(4, "try", "--id", "Nothing")
    for ask in ("try", "explain"):
        long = desk.refused(2, ask, "-", stdin=f"{REVENUE} {' ' * 65_536}")
        assert "bytes; at most 65536 are taken" in long and "hint" not in long
        wide = desk.refused(2, ask, "-", stdin=f"SELECT CustomerName FROM CustomersAndTenants WHERE CustomerName = '{'é' * 20_000}'")
        assert "address" in wide and "query create" in wide and "--id" in wide
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": ""}
    assert "no profile is named" in desk.refused(2, "list", profile=False, **home)
    # An application alone has no data in this program.
    alone = desk.demo.ready["operator"]
    refused = desk.refused(3, "list", INSIGHTGATE_CLIENT_ID=alone["client_id"], INSIGHTGATE_CLIENT_SECRET=alone["client_secret"])
    assert "hint: " in refused


def test_the_language(desk):
    ran = desk.command("query", "--help-language", profile=False)
    assert ran.returncode == 0 and ran.stderr == ""
    for heading in ("THE QUERY LANGUAGE", "CONDITIONS", "METRICS", "ORDER BY", "TIMESPAN", "ERRORS"):
        assert f"\n{heading}\n" in f"\n{ran.stdout}"
    shown = desk.command("query", profile=False)
    assert shown.returncode == 2 and "--help-language" in shown.stderr and "explain" in shown.stderr
