"""What a run of a report costs a Postgres, counted by the database itself."""

from collections import Counter

from harness.deployment import Deployment
from harness.postgres import Postgres
from harness.waiting import eventually

RUNS = 50
# Of what waits for nothing, beside the runs.
A_FEW = 20
BESIDE = 120
# The end of a run is one transaction. A file without rows has a block for its header.
ONCE = [
    "BEGIN",
    "SELECT 1 FROM scheduled_reports WHERE id = $1 FOR UPDATE",
    "UPDATE executions SET status = 'Completed'",
    "INSERT INTO artifact_blocks",
    "UPDATE scheduled_reports SET status",
    "COMMIT",
]
DEFINITION = """
name = "Sales"
program = "mpn"
columns = [{ name = "Id", type = "int64" }]
"""
DONE = "SELECT COUNT(*) FROM executions WHERE status = 'Completed'"


def test_a_run_is_one_claim_two_looks_at_its_owner_and_one_transaction(binary, tmp_path):
    with Postgres("fsync=off", "log_statement=all") as postgres:
        deployment = Deployment(binary, tmp_path, postgres.make("runs"), 2, roles=["api", "worker"])
        for process in deployment.processes:
            definitions = process.folder / "data" / "datasets" / "mpn"
            definitions.mkdir(parents=True)
            (definitions / "Sales.toml").write_text(DEFINITION)
        with deployment:
            deployment.partner()
            deployment.processes[1].stop()
            token = deployment.token()
            query = deployment.ok("POST", "ScheduledQueries", token, json={"Name": "q", "Query": "SELECT Id FROM Sales"})[0]["queryId"]
            for number in range(RUNS):
                body = {"ReportName": f"r{number}", "QueryId": query, "ExecuteNow": True}
                deployment.ok("POST", "ScheduledReport", token, json=body)
            postgres.asked()
            deployment.processes[1].start()
            eventually(lambda: postgres.sql(DONE, "runs") == [str(RUNS)], 120)
            statements = [statement for statement in postgres.asked() if statement != DONE]
    claims, versions, once = 0, 0, Counter()
    for statement in statements:
        if statement.startswith("UPDATE executions SET status = 'Running'"):
            claims += 1
        elif statement == "SELECT value FROM settings WHERE name = $1":
            versions += 1
        elif kind := next((kind for kind in ONCE if statement.startswith(kind)), None):
            once[kind] += 1
    # A claim that finds a run, and one that finds none.
    assert RUNS <= claims <= 2 * RUNS + A_FEW
    # The version of the identities, before the work and after it.
    assert versions <= 2 * RUNS + A_FEW
    assert all(RUNS <= once[kind] <= RUNS + A_FEW for kind in ONCE), once
    # What a worker asks when it starts, and its loops.
    assert len(statements) - claims - versions - once.total() <= BESIDE
    locks = [statement for statement in statements if "FOR UPDATE" in statement and "SKIP LOCKED" not in statement and "advisory" not in statement]
    assert set(locks) == {"SELECT 1 FROM scheduled_reports WHERE id = $1 FOR UPDATE"}, locks
