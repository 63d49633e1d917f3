"""The tables of an older version, made by the migrations that it had. Python's own library is enough."""

import hashlib
from pathlib import Path

MIGRATIONS = sorted((Path(__file__).resolve().parents[2] / "crates/store/migrations").glob("*.sql"))


def migrated(connection, steps):
    """The tables of a version that had so many migrations, and their record."""
    connection.execute(
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,"
        " success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)"
    )
    for version, file in enumerate(MIGRATIONS[:steps], 1):
        text = file.read_bytes()
        connection.executescript(text.decode())
        row = (version, file.stem[5:].replace("_", " "), hashlib.sha384(text).digest())
        connection.execute("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (?, ?, 1, ?, 1)", row)
