"""`insightgate dataset list | show | validate | import`, beside a running server that takes changed definitions up."""

import json
import shutil
import subprocess

DEFINITION = """
name = "Sales"
program = "mpn"
date_column = "Day"

[[columns]]
name = "Day"
type = "date"

[[columns]]
name = "Amount"
type = "decimal(18,2)"

[[metrics]]
name = "Total"
expression = "SUM(Amount)"
"""


def test_a_tenant_is_known_by_its_domain_where_the_folder_has_a_database(demo, binary, tmp_path):
    def run(*arguments):
        return subprocess.run([str(binary), *arguments], capture_output=True, text=True)

    folder, rows = str(demo.data_dir), tmp_path / "cars.csv"
    rows.write_text("Car,Seats\nA,4\n")
    query = "SELECT MPNId, PartnerName FROM Profile"
    domain, known = demo.ready["tenant_domain"], demo.ready["tenant_id"]
    one, other = (run("run", query, "--data-dir", folder, "--tenant", tenant) for tenant in (domain.upper(), known))
    assert one.returncode == 0 and one.stdout == other.stdout and one.stdout.count("\n") > 1, one.stderr
    unknown = run("run", query, "--data-dir", folder, "--tenant", "nobody.example")
    assert unknown.returncode == 4 and "there is no tenant nobody.example" in unknown.stderr and "tenant list" in unknown.stderr
    try:
        assert run("dataset", "add", str(rows), "--name", "Cars", "--tenant", domain, "--data-dir", folder).returncode == 0
        assert run("dataset", "import", str(rows), "--name", "Cars", "--tenant", domain, "--data-dir", folder).returncode == 0
        seen = run("run", "SELECT Car, Seats FROM Cars", "--data-dir", folder, "--tenant", known)
        assert seen.stdout == "Car,Seats\nA,4\nA,4\n", seen.stderr
    finally:
        (demo.data_dir / "datasets/mpn/Cars.toml").unlink(missing_ok=True)
        shutil.rmtree(demo.data_dir / "data/mpn/Cars", ignore_errors=True)
    empty = tmp_path / "empty"
    (empty / "datasets").mkdir(parents=True)
    without = run("run", query, "--data-dir", str(empty), "--tenant", domain)
    assert without.returncode == 2 and "no database" in without.stderr and "tenant show" in without.stderr


def test_what_a_folder_offers_and_whether_it_holds(demo):
    def run(*arguments, code=0):
        ran = demo.command("dataset", *arguments, "--data-dir", str(demo.data_dir))
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran

    def status(query):
        return demo.call("GET", "ScheduledQueries/testQueryResult", params={"exportQuery": query}).status_code

    demo.sign_in()
    listed = json.loads(run("list", "--json").stdout)
    assert {each["name"] for each in listed} >= {"CustomersAndTenants", "OfficeUsage"} and not any(each["own"] for each in listed)
    assert len(json.loads(run("list", "--program", "cmp", "--json").stdout)) == 9
    assert "CustomersAndTenants" in run("list").stdout

    shown = run("show", "customersandtenants").stdout
    assert "TotalRevenue" in shown and "LAST_6_MONTHS" in shown and "in tenant=<tenant id> folders" in shown
    missing = run("show", "Nothing", code=4)
    assert "has no dataset 'Nothing'" in missing.stderr and "dataset list" in missing.stderr

    file = demo.data_dir / "datasets/mpn/Sales.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.write_text(DEFINITION)
        assert "Sales holds" in run("validate").stdout
        # The running server has it with the next request, and keeps its last good version when it breaks.
        asked = "SELECT Total FROM Sales TIMESPAN LIFETIME"
        assert status(asked) == 200
        file.write_text(DEFINITION.replace('"decimal(18,2)"', '"money"').replace("SUM(Amount)", "SUM(Amonut)"))
        broken = run("validate", str(file), code=1)
        lines = broken.stdout.splitlines()
        assert len(lines) == 2, broken.stdout
        assert lines[0].startswith(f"{file}:12:8 columns.type: 'money' is not a type"), lines[0]
        assert lines[1].startswith(f"{file}:16:14 metrics.expression: the expression of metric 'Total' is wrong"), lines[1]
        assert "1 of 1 definition cannot be used" in broken.stderr
        problems = json.loads(run("validate", "--json", code=1).stdout)
        assert [len(each["problems"]) for each in problems if each["file"] and each["file"].endswith("Sales.toml")] == [2]
        assert status(asked) == 200
        assert status("SELECT MPNId FROM Profile") == 200
        assert any("Sales.toml:12:8" in line for line in demo.lines), demo.lines[-5:]
    finally:
        file.unlink()
    assert status("SELECT Total FROM Sales TIMESPAN LIFETIME") == 400


def test_rows_are_added_to_what_is_there(demo, tmp_path):
    def run(*arguments, code=0):
        ran = demo.command("dataset", *arguments, "--data-dir", str(demo.data_dir))
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran

    demo.sign_in()
    tenant = demo.ready["tenant_id"]
    file = demo.data_dir / "datasets/mpn/Sales.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(DEFINITION)
    try:
        (tmp_path / "november.csv").write_text("Day,Amount\n2026-11-01,1.50\n2026-11-02,2\n")
        (tmp_path / "december.csv").write_text("amount,day\n10.25,2026-12-01\n")
        (tmp_path / "wrong.csv").write_text("Day,Amount\n2026-12-02,much\n")
        owned = ["--name", "sales", "--tenant", tenant]
        done = json.loads(run("import", str(tmp_path / "november.csv"), str(tmp_path / "december.csv"), *owned, "--json").stdout)
        assert (done["dataset"], done["rows"], len(done["files"])) == ("Sales", 3, 2)
        assert demo.preview("SELECT Total FROM Sales TIMESPAN LIFETIME") == [{"Total": 13.75}]
        refused = run("import", str(tmp_path / "wrong.csv"), *owned, code=1)
        assert "wrong.csv" in refused.stderr and "'Amount'" in refused.stderr and "'much' in row 1" in refused.stderr and "hint: nothing was written" in refused.stderr
        assert "say whose" in run("import", str(tmp_path / "november.csv"), "--name", "Sales", code=2).stderr
        assert "dataset add" in run("import", str(tmp_path / "november.csv"), "--name", "Sails", "--tenant", tenant, code=4).stderr
        # A file that does not fit is named, and no other dataset minds it.
        assert "Sales holds" in run("validate").stdout
        odd = demo.data_dir / f"data/mpn/Sales/tenant={tenant}/odd.parquet"
        odd.write_text("not a file of rows")
        try:
            told = run("validate", code=1)
            assert "odd.parquet" in told.stdout and "1 file of rows cannot be used" in told.stderr
            assert demo.preview("SELECT MPNId FROM Profile LIMIT 1")
        finally:
            odd.unlink()
        # Nor does it mind a folder that turned out to be a table's, in which rows may be deleted.
        log = demo.data_dir / "data/mpn/Sales/_delta_log"
        log.mkdir()
        (log / "00000000000000000000.json").write_text("{}")
        try:
            told = run("validate", code=1)
            assert "mpn/Sales is a Delta table" in told.stdout and "its rows cannot be used" in told.stdout
            refused = demo.call("GET", "ScheduledQueries/testQueryResult", params={"exportQuery": "SELECT Total FROM Sales TIMESPAN LIFETIME"})
            assert refused.status_code == 400 and "is a Delta table" in refused.json()["message"], refused.text
        finally:
            shutil.rmtree(log)
        assert demo.preview("SELECT Total FROM Sales TIMESPAN LIFETIME") == [{"Total": 13.75}]
    finally:
        file.unlink()
