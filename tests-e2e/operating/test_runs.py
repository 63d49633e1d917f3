"""What operators do with runs, users and the audit trail, by commands alone. The demo is left as it was."""

import csv
import io
import json

from harness.desk import Desk
from harness.waiting import eventually

QUERY = "SELECT CustomerName, TotalRevenue FROM CustomersAndTenants"


def test_runs_are_held_back_cancelled_and_tried_again(demo, desk, binary, tmp_path):
    tenant = demo.ready["tenant_domain"]
    assert desk.json("tenant", "pause-runs", tenant, "--reason", "The lake moves")["pausedReason"] == "The lake moves"
    try:
        report = desk.json("report", "create", "--name", "Held", "--now", QUERY)["reportId"]
        of_report = ("execution", "list", "--tenant", tenant, "--report", report)
        (held,) = desk.json(*of_report)["value"]
        assert (held["status"], held["waitsFor"]) == ("Pending", "the organisation's runs, which are paused")
        # The demo's own walk may wait beside it.
        assert desk.json("tenant", "runs", tenant)["pending"] >= 1
        # Without --tenant an operator sees every organisation's.
        assert desk.json("execution", "cancel", held["id"])["status"] == "Cancelled"
        assert "is over" in desk.refused(1, "execution", "cancel", held["id"], "--tenant", tenant)
        assert "The run was cancelled by an operator" in desk.ok(*of_report).stdout
        assert desk.json("execution", "retry", held["id"], "--tenant", tenant)["attempts"] == 0
    finally:
        desk.ok("tenant", "resume-runs", tenant)
    show = ("execution", "show", held["id"], "--tenant", tenant)
    done = eventually(lambda: (found := desk.json(*show))["status"] == "Completed" and found)
    assert done["progress"] == 100 and done["rowCount"] > 0 and done["attempts"] == 1

    # A user sees their own, by the API for data.
    own = {f"INSIGHTGATE_{name.upper()}": demo.ready[name] for name in ("client_id", "client_secret", "username", "password", "authority")}
    own |= {"INSIGHTGATE_ENDPOINT": demo.ready["https"], "INSIGHTGATE_CA_CERTIFICATE": demo.ready["ca_certificate"]}
    (tmp_path / "own").mkdir()
    user = Desk(binary, own, tmp_path / "own")
    assert user.json("execution", "show", held["id"])["executionStatus"] == "Completed"
    assert held["id"] in user.ok("execution", "list", "--report", report).stdout
    assert "is over: Completed" in user.refused(1, "execution", "cancel", held["id"])
    assert "--tenant" in user.refused(2, "execution", "retry", held["id"])
    user.ok("report", "delete", report, "--yes")


def test_users_come_from_a_file_and_go_again(demo, desk):
    tenant = ("--tenant", demo.ready["tenant_domain"])
    domain = demo.ready["tenant_domain"]
    people = desk.folder / "people.csv"
    people.write_text(f"username,role,locations\nada@{domain},report_viewer,\nbob@fabrikam.example,,\ncid@{domain},report_viewer,0\n")
    tried = desk.command("user", "import", "people.csv", "--dry-run", "--json", *tenant)
    assert tried.returncode == 1
    outcomes = [(row["line"], row["outcome"]) for row in json.loads(tried.stdout)["value"]]
    assert outcomes == [(2, "would be added"), (3, "refused"), (4, "refused")]
    people.write_text(f"username,role\nada@{domain},report_viewer\n")
    (added,) = desk.json("user", "import", "people.csv", "--generate", *tenant)["value"]
    assert added["outcome"] == "added" and len(added["generatedPassword"]) > 20
    (again,) = desk.json("user", "import", "people.csv", "--generate", *tenant)["value"]
    assert again["outcome"] == "unchanged" and "generatedPassword" not in again
    people.write_text(f"username,password\ncid@{domain},a password of cid's\n")
    people.chmod(0o644)
    assert "others may read it" in desk.refused(3, "user", "import", "people.csv", *tenant)
    desk.ok("user", "delete", f"ada@{domain}", "--yes", *tenant)
    desk.refused(4, "user", "delete", f"ada@{domain}", "--yes", *tenant)

    rows = list(csv.DictReader(io.StringIO(desk.ok("audit", "export", "--format", "csv", "--action", "user.delete", *tenant).stdout)))
    assert rows[0]["detail"] == f"ada@{domain}" and {row["action"] for row in rows} == {"user.delete"}
    desk.ok("audit", "export", "-o", "audit.jsonl", *tenant)
    lines = [json.loads(line) for line in (desk.folder / "audit.jsonl").read_text().splitlines()]
    assert {"user.add", "role.assign", "user.delete"} <= {line["action"] for line in lines}
    assert added["generatedPassword"] not in (desk.folder / "audit.jsonl").read_text()
    desk.refused(2, "audit", "export", "-o", "audit.jsonl", *tenant)
