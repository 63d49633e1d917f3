"""Data folders of every released version, opened by this one; and what an older version says of a newer one's.

A folder of an older version is made from one of today's: its database is made anew by the migrations that the version had, and each table gets the rows
that fit its columns of then. What a later migration adds is left out, as it was not there. The store's own tests try rows in the words of each version,
on Postgres too."""

import fcntl
import shutil
import sqlite3
import subprocess

import pytest

from harness.ports import free_port
from harness.postgres import Postgres
from older_tables import MIGRATIONS, migrated

# Rows that a migration adds by itself, by their first column.
ADDED_LATER = {"settings": {"identity_version": 2}}
SECONDS = 120


def columns(connection, place, table):
    return [name for _, name, *_ in connection.execute(f"PRAGMA {place}.table_info({table})")]


def of_version(folder, place, steps):
    """A copy of the folder as a version with so many migrations would have left it."""
    shutil.copytree(folder, place, ignore=shutil.ignore_patterns("insightgate.db*", "lock"))
    connection = sqlite3.connect(place / "insightgate.db")
    migrated(connection, steps)
    connection.execute("ATTACH ? AS today", (str(folder / "insightgate.db"),))
    tables = [name for (name,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE '%sql%'")]
    for table in tables:
        shared = [name for name in columns(connection, "main", table) if name in columns(connection, "today", table)]
        if shared:
            connection.execute(f"DELETE FROM main.{table}")
            connection.execute(f"INSERT INTO main.{table} ({', '.join(shared)}) SELECT {', '.join(shared)} FROM today.{table}")
        for name, step in ADDED_LATER.get(table, {}).items():
            if step > steps:
                connection.execute(f"DELETE FROM main.{table} WHERE {shared[0]} = ?", (name,))
    connection.commit()
    connection.execute("DETACH today")
    connection.close()
    (place / "insightgate.db").chmod(0o600)
    return place


def on_postgres(postgres, folder, steps):
    """A Postgres as a version with so many migrations would have left it, with the rows of such a folder."""
    database = f"step_{steps}"
    address = postgres.make(database)
    statements = [
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMPTZ NOT NULL DEFAULT now(),"
        " success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL);",
        *(file.read_text() for file in MIGRATIONS[:steps]),
        # Tables refer to each other.
        "SET session_replication_role = replica;",
    ]
    connection = sqlite3.connect(folder / "insightgate.db")
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> '_sqlx_migrations'").fetchall():
        rows = [", ".join(map(literal, row)) for row in connection.execute(f"SELECT * FROM {table}")]
        statements += [f"DELETE FROM {table};", *(f"INSERT INTO {table} VALUES ({row});" for row in rows)]
    for version, description, checksum in connection.execute("SELECT version, description, checksum FROM _sqlx_migrations"):
        row = f"{version}, '{description}', true, '\\x{checksum.hex()}', 1"
        statements.append(f"INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES ({row});")
    connection.close()
    postgres.sql("\n".join(statements), database)
    return address


def literal(value):
    return "NULL" if value is None else str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def told_of_a_newer_version(ran):
    assert ran.returncode == 1, ran.stderr
    lines = ran.stderr.splitlines()
    [error] = [line for line in lines if line.startswith("error: ")]
    assert "was written by a newer version" in error and "step 99" in error and f"knows {len(MIGRATIONS)}" in error
    [hint] = [line for line in lines if line.startswith("hint: ")]
    assert "newer version" in hint and "backup" in hint


@pytest.fixture(scope="module")
def folder(binary, tmp_path_factory):
    """One that today's version has used, and that nobody works on."""
    made = tmp_path_factory.mktemp("upgrade") / "today"
    walk(binary, made)
    connection = sqlite3.connect(made / "insightgate.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return made


@pytest.fixture(scope="module")
def postgres():
    with Postgres("fsync=off") as running:
        yield running


def walk(binary, folder):
    command = [binary.resolve(), "demo", "--once", "--rows", "60", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--data-dir", folder]
    ran = subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ran.returncode == 0 and "200 Completed" in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.parametrize("steps", range(1, len(MIGRATIONS) + 1))
def test_a_folder_of_each_version_is_used(binary, folder, tmp_path, steps):
    """Its user signs in with the password, and a report runs to its file."""
    old = of_version(folder, tmp_path / "data", steps)
    walk(binary, old)
    connection = sqlite3.connect(old / "insightgate.db")
    assert connection.execute("SELECT MAX(version) FROM _sqlx_migrations").fetchone() == (len(MIGRATIONS),)
    assert connection.execute("SELECT COUNT(*), COUNT(DISTINCT report_id) FROM executions WHERE status = 'Completed'").fetchone() == (2, 2)
    connection.close()


def test_a_server_goes_on_with_the_oldest(binary, start, folder, tmp_path):
    """The file that the old version wrote is downloaded from the new one."""
    old = of_version(folder, tmp_path / "data", 1)
    connection = sqlite3.connect(old / "insightgate.db")
    [(report,)] = connection.execute("SELECT id FROM scheduled_reports").fetchall()
    connection.close()
    with start(old, "--rows", "60") as demo:
        demo.serve("", {"INSIGHTGATE_DATA_FOLDER": str(old)})
        [execution] = demo.call("GET", f"/ScheduledReport/execution/{report}").json()["value"]
        file = demo.session.get(execution["reportAccessSecureLink"])
        assert file.content == (folder / "first-report.csv").read_bytes()


def test_a_postgres_of_each_version_is_used(start, postgres, folder, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    with start(data, "--rows", "60") as demo:
        for steps in range(1, len(MIGRATIONS) + 1):
            address = on_postgres(postgres, of_version(folder, tmp_path / f"step-{steps}", steps), steps)
            demo.serve(f'[data]\ndatabase_url = "{address}"\n', {"INSIGHTGATE_DATA_FOLDER": str(data)})
            assert any("brought up to date" in line for line in demo.lines) == (steps < len(MIGRATIONS))
            assert demo.export("SELECT MPNId, PartnerName FROM Profile").splitlines()[0] == b"MPNId,PartnerName"


def test_a_command_leaves_an_older_servers_tables_alone(binary, folder, tmp_path):
    old = of_version(folder, tmp_path / "data", 3)
    before = (old / "insightgate.db").read_bytes()
    command = [binary.resolve(), "run", "SELECT MPNId FROM Profile", "--data-dir", old, "--tenant", "contoso.example"]
    with open(old / "lock", "w") as lock:
        # As a server holds it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ran.returncode == 1 and "older version than this command" in ran.stderr and "upgrade the server first" in ran.stderr, ran.stderr
    assert (old / "insightgate.db").read_bytes() == before
    ran = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ran.returncode == 0, ran.stderr


def test_a_newer_folder_is_refused_by_each_command(binary, folder, tmp_path):
    newer = of_version(folder, tmp_path / "data", len(MIGRATIONS))
    connection = sqlite3.connect(newer / "insightgate.db")
    connection.execute("INSERT INTO _sqlx_migrations SELECT 99, 'later', installed_on, success, checksum, 1 FROM _sqlx_migrations WHERE version = 1")
    connection.commit()
    connection.close()
    before = (newer / "insightgate.db").read_bytes()
    configuration = tmp_path / "insightgate.toml"
    configuration.write_text(f'[data]\nfolder = "{newer}"\n[server]\nhttp = "127.0.0.1:0"\nhttps = ""\n')
    ports = ["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"]
    for command in (
        ["serve", "--config", configuration],
        ["demo", "--once", *ports, "--data-dir", newer],
        ["backup", "--data-dir", newer, "-o", tmp_path / "backup.db"],
        ["run", "SELECT MPNId FROM Profile", "--data-dir", newer, "--tenant", "contoso.example"],
    ):
        ran = subprocess.run([binary.resolve(), *command], cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False)
        told_of_a_newer_version(ran)
    assert (newer / "insightgate.db").read_bytes() == before


def test_a_newer_postgres_is_refused(binary, postgres, tmp_path):
    configuration = tmp_path / "insightgate.toml"
    configuration.write_text(
        f'[data]\nfolder = "{tmp_path / "data"}"\ndatabase_url = "{postgres.make("newer")}"\n[server]\nhttp = "127.0.0.1:{free_port()}"\nhttps = ""\n'
    )

    def run(*command):
        command = [binary.resolve(), *command, "--config", configuration]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False)

    made = run("init", "--operator-file", tmp_path / "operator.json")
    assert made.returncode == 0, made.stderr
    postgres.sql("INSERT INTO _sqlx_migrations SELECT 99, 'later', installed_on, success, checksum, 1 FROM _sqlx_migrations WHERE version = 1", "newer")
    told_of_a_newer_version(run("serve"))
    told_of_a_newer_version(run("serve", "--roles", "worker"))
    told_of_a_newer_version(run("init", "--operator-file", tmp_path / "operator.json"))
