"""Repair: a byte that flips, a file that is lost and a key that is lost are found, never answered with wrong rows, and mended where that is safe. A backup is the way back."""

import shutil
import sqlite3

from drill import Drill


def flip_a_byte(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def completed(database):
    with sqlite3.connect(database) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM executions WHERE status = 'Completed'")
    connection.close()
    return count


with Drill(__doc__) as drill:
    config = ("--data-dir", "data")
    verify = lambda code, *flags: drill.json("verify", *config, *flags, ends_with=code)
    kinds = lambda found: [finding["kind"] for finding in found["findings"]]

    drill.step("A server with a report, looked through and copied while it works")
    demo = drill.demo("--no-quotas")
    execution = drill.finished(drill.order())
    # The demo's own report: of several files one may be lost, and of none is more written.
    drill.until(lambda: completed(drill.folder / "data" / "insightgate.db") == 2, "the demo's own report is completed too")
    rows = drill.get(drill.link(execution)).body
    found = verify(0)
    drill.expect(found["ok"] and not found["findings"], f"nothing is wrong, and {found['artifacts']['checked']} files are what was written")
    drill.run("backup", *config, "-o", "kept.db")
    shutil.copytree(drill.folder / "data" / "artifacts", drill.folder / "kept")
    [file] = [path for path in (drill.folder / "data" / "artifacts").rglob("*") if path.is_file() and execution["executionId"] in path.name]

    drill.step("A byte of the file flips on the disk")
    flip_a_byte(file)
    drill.expect(drill.get(drill.link(execution)).status != 200, "the download gives no wrong rows")
    found = verify(1, "--fix")
    drill.saw(*[f"{finding['kind']}: {finding['advice']}" for finding in found["findings"]])
    drill.expect(kinds(found) == ["artifactDamaged"] and not found["findings"][0]["fixed"], "it is found, and kept for a backup to replace")
    [event] = drill.json("audit", "--action", "artifact.damaged")["value"]
    drill.saw(event)
    drill.expect(execution["executionId"] in str(event), "it is an event of the audit trail")
    shutil.rmtree(drill.folder / "data" / "artifacts")
    shutil.copytree(drill.folder / "kept", drill.folder / "data" / "artifacts")
    drill.expect(drill.get(drill.link(execution)).body == rows, "with the copy in its place the rows are there again")

    drill.step("The key of the secrets is lost, and so is the database")
    drill.end(demo)
    key = drill.folder / "data" / "encryption.key"
    key.rename(drill.folder / "aside.key")
    drill.expect("keyMissing" in kinds(verify(1)), "the key is missed")
    (drill.folder / "aside.key").rename(key)
    database = drill.folder / "data" / "insightgate.db"
    database.write_bytes(database.read_bytes()[: database.stat().st_size // 2])
    drill.expect("databaseDamaged" in kinds(verify(1)), "half a database is found to be damaged")
    for name in ("insightgate.db-wal", "insightgate.db-shm"):
        (drill.folder / "data" / name).unlink(missing_ok=True)
    shutil.copy(drill.folder / "kept.db", database)
    drill.expect(verify(0)["ok"], "with the backup in its place all fits again")

    drill.step("The file is lost, and there is no copy")
    file.unlink()
    found = verify(0, "--fix")
    drill.expect(kinds(found) == ["artifactLost"] and found["findings"][0]["fixed"], "its execution counts as failed")
    with sqlite3.connect(database) as connection:
        [(status, failure)] = connection.execute("SELECT status, failure FROM executions WHERE id = ?", [execution["executionId"]])
    connection.close()
    drill.saw(f"{status}: {failure}")
    drill.expect(status == "Failed" and "Run the report again" in failure, "its owner is told to run the report again")
    drill.serve("[reports]\nquotas = false\n")
    again = drill.finished(drill.order())
    drill.expect(drill.get(drill.link(again)).body == rows, "and that gives the same rows")
