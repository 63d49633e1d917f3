"""`insightgate verify`, the way back from a backup, and a configuration that is read again, as docs/operating.md has them."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing

import pytest
import requests

from harness.demo import RUN_SECONDS
from harness.waiting import eventually

TEXT = "SELECT CustomerName, TotalRevenue FROM CustomersAndTenants ORDER BY CustomerName ASC TIMESPAN LIFETIME"


@pytest.fixture
def run(binary, tmp_path):
    def run(code, *arguments, **environment):
        command = [str(binary), *map(str, arguments)]
        ran = subprocess.run(command, cwd=tmp_path, env=os.environ | environment, capture_output=True, text=True, timeout=RUN_SECONDS)
        assert ran.returncode == code, f"{arguments}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
        return ran

    return run


def artifacts(folder):
    return sorted(path for path in (folder / "artifacts").rglob("*") if path.is_file())


def test_the_way_back_from_a_backup(start, run, tmp_path):
    folder, kept = tmp_path / "data", tmp_path / "kept"
    verify = lambda code, *flags: json.loads(run(code, "verify", "--data-dir", folder, "--json", *flags).stdout)
    kinds = lambda found: [(finding["kind"], finding["fixed"]) for finding in found["findings"]]
    flags = ("--rows", "60", "--no-quotas")
    with start(folder, *flags) as demo:
        report = demo.run(demo.create_query(TEXT)["queryId"])
        bytes_then = demo.download(report["reportAccessSecureLink"]).content
        # The server goes on working: it is looked at, and its database is copied.
        found = verify(0)
        assert found["ok"] and found["findings"] == [] and found["artifacts"]["checked"] == len(artifacts(folder)) == found["files"], found
        assert found["artifacts"]["bytesRead"] == sum(path.stat().st_size for path in artifacts(folder))
        kept.mkdir()
        run(0, "backup", "--data-dir", folder, "-o", kept / "insightgate.db")
        shutil.copytree(folder / "artifacts", kept / "artifacts")
        shutil.copy(folder / "encryption.key", kept)
        later = demo.run(demo.create_query(TEXT)["queryId"])

    # Everything is damaged or gone.
    (folder / "encryption.key").rename(tmp_path / "lost.key")
    assert kinds(verify(1)) == [("keyMissing", False)]
    (folder / "encryption.key").write_bytes(bytes(32))
    (folder / "encryption.key").chmod(0o600)
    found = verify(1)
    assert {kind for kind, _ in kinds(found)} == {"secretSealed"} and len(found["findings"]) == found["secrets"] == 3
    shutil.copy(kept / "encryption.key", folder)
    (file,) = [path for path in artifacts(folder) if report["executionId"] in path.name]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    found = verify(1, "--fix")
    assert kinds(found) == [("artifactDamaged", False)] and found["findings"][0]["executionId"] == report["executionId"]
    assert file.read_bytes() == content and verify(0, "--quick")["ok"]
    shutil.move(folder / "artifacts", tmp_path / "damaged")
    found = verify(1, "--fix")
    assert {kind for kind, _ in kinds(found)} == {"artifactLost"} and not any(finding["fixed"] for finding in found["findings"])
    database = folder / "insightgate.db"
    whole = database.read_bytes()
    database.write_bytes(whole[: len(whole) // 2])
    found = verify(1)
    assert ("databaseDamaged", False) in kinds(found) and "backup" in found["findings"][0]["advice"]

    # The way back. What was made after the backup is on record nowhere: its file stays, and no link leads to it.
    for name in ("insightgate.db-wal", "insightgate.db-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.copy(kept / "insightgate.db", database)
    shutil.rmtree(folder / "artifacts", ignore_errors=True)
    shutil.copytree(kept / "artifacts", folder / "artifacts")
    (strange,) = [path for path in (tmp_path / "damaged").rglob("*") if later["executionId"] in path.name]
    strange = shutil.copytree(strange.parent, folder / strange.parent.relative_to(tmp_path).as_posix().replace("damaged", "artifacts", 1)) / strange.name
    found = verify(0)
    assert kinds(found) == [("artifactUnknown", False)] and found["ok"] and later["executionId"] in found["findings"][0]["subject"]
    with start(folder, *flags) as demo:
        again = demo.settled(report["reportId"])
        assert [one["executionId"] for one in again] == [report["executionId"]] and again[0]["executionStatus"] == "Completed"
        assert demo.download(again[0]["reportAccessSecureLink"]).content == bytes_then
        assert demo.call("GET", f"ScheduledReport/execution/{later['reportId']}").status_code == 404
    assert strange.exists()
    strange.unlink()

    # A file that nobody has any more: its run counts as failed, and says so.
    (file,) = [path for path in artifacts(folder) if report["executionId"] in path.name]
    file.unlink()
    (folder / "artifacts" / "part#1").write_text("half")
    found = verify(0, "--fix")
    assert sorted(kinds(found)) == [("artifactLost", True), ("fileUnfinished", True)] and found["ok"]
    assert not (folder / "artifacts" / "part#1").exists()
    with closing(sqlite3.connect(database)) as connection:
        said = connection.execute("SELECT status, failure FROM executions WHERE id = ?", [report["executionId"]]).fetchone()
        assert said == ("Failed", "The file of this execution was lost. Run the report again.")
        assert connection.execute("SELECT COUNT(*) FROM audit_events WHERE action = 'artifact.lost'").fetchone() == (1,)
    assert verify(0)["findings"] == []


def test_what_cannot_be_verified_is_told_by_the_exit_code(run, tmp_path):
    assert "there is no data folder" in run(4, "verify", "--data-dir", "nowhere").stderr
    assert "no configuration file" in run(4, "verify", "--config", "none.toml").stderr
    away = '[data]\nfolder = "d"\ndatabase_url = "postgres://nobody@127.0.0.1:9/none"\n[server]\nhttp = "127.0.0.1:0"\nhttps = ""\n'
    (tmp_path / "away.toml").write_text(away)
    for command in ("verify", "serve"):
        ran = run(5, command, "--config", "away.toml")
        assert "no connection to the database" in ran.stderr and "hint: look whether the database runs" in ran.stderr, ran.stderr


def test_a_configuration_is_read_again(binary, tmp_path):
    file = tmp_path / "insightgate.toml"

    def write(level, origin, threads):
        file.write_text(
            f'[data]\nfolder = "{tmp_path / "data"}"\n[server]\nhttp = "127.0.0.1:0"\nhttps = ""\ncors_origins = ["{origin}"]\n'
            f'[engine]\nthreads = {threads}\n[log]\nlevel = "{level}"\n'
        )

    write("info", "https://one.example", 2)
    server = subprocess.Popen([str(binary), "serve", "--config", str(file)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        lines = []

        def until(*words):
            """The first line with all of these words."""
            while not all(word in (lines[-1] if lines else "") for word in words):
                lines.append(server.stderr.readline())
                assert lines[-1], "".join(lines)
            return lines[-1]

        address = until("serving http://").split("serving ")[1].strip()
        session = requests.Session()
        session.trust_env = False

        def allowed():
            asked = {"Origin": "https://two.example", "Access-Control-Request-Method": "GET"}
            return session.options(f"{address}/insights/v1/mpn/ScheduledDataset", headers=asked).headers.get("Access-Control-Allow-Origin")

        assert allowed() is None
        write("warn", "https://two.example", 1)
        server.send_signal(signal.SIGHUP)
        until("log.level", "holds from now on")
        until("server.cors_origins", "holds from now on")
        until("engine.threads", "needs a restart")
        # The same connection is answered by what holds now.
        eventually(lambda: allowed() == "https://two.example")
        file.write_text("[server]\nhttp = 7\n")
        server.send_signal(signal.SIGHUP)
        until("was to be read again and cannot be used")
        assert allowed() == "https://two.example"
    finally:
        server.terminate()
        server.communicate(timeout=30)
