"""Upgrade: the tables of an older version are brought up to date by the start, a newer version's are refused untouched, and a backup is the way back."""

import hashlib
import sqlite3

from drill import Drill
from installation.older_tables import MIGRATIONS, migrated


def tables_of(folder, steps):
    """An empty database as a version left it that knew so many steps."""
    folder.mkdir(mode=0o700)
    with sqlite3.connect(folder / "insightgate.db") as database:
        migrated(database, steps)
    database.close()
    (folder / "insightgate.db").chmod(0o600)


def change(file, statement):
    with sqlite3.connect(file) as database:
        database.execute(statement)
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


with Drill(__doc__) as drill:
    known = len(MIGRATIONS)
    drill.step(f"A database that the version before left: its tables are at step {known - 1} of {known}")
    tables_of(drill.folder / "data", known - 1)
    server = drill.serve()
    [line] = [line for line in drill.log().splitlines() if "brought up to date" in line]
    drill.saw(line)
    drill.expect(f"found={known - 1} known={known}" in line, "the log says from which step to which")
    drill.expect(drill.end(server) == 0, "it ends when it is asked to")

    drill.step("A backup, and then a database that a newer version has changed")
    drill.run("backup", "--config", "insightgate.toml", "-o", "before.db", INSIGHTGATE_DATA_FOLDER="data")
    file = drill.folder / "data" / "insightgate.db"
    row = "SELECT 99, 'of tomorrow', installed_on, 1, checksum, 1 FROM _sqlx_migrations WHERE version = 1"
    change(file, f"INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) {row}")
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    for command in (("serve", "--config", "insightgate.toml"), ("verify", "--config", "insightgate.toml")):
        settings = {"INSIGHTGATE_DATA_FOLDER": "data", "INSIGHTGATE_SERVER_HTTP": "127.0.0.1:0", "INSIGHTGATE_SERVER_HTTPS": ""}
        refused = drill.run(*command, ends_with=1, **settings).stderr
        drill.expect("newer version" in refused and "hint: " in refused, "it is refused, with a hint")
    drill.saw(*[line for line in refused.splitlines() if line.startswith(("error: ", "hint: "))])
    drill.expect(hashlib.sha256(file.read_bytes()).hexdigest() == before, "nothing of the database was changed")

    drill.step("The backup in its place")
    for name in ("insightgate.db-wal", "insightgate.db-shm"):
        (drill.folder / "data" / name).unlink(missing_ok=True)
    (drill.folder / "before.db").replace(file)
    drill.run("verify", "--config", "insightgate.toml", INSIGHTGATE_DATA_FOLDER="data")
    drill.serve()
