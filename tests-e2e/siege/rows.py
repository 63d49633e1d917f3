"""The rows of both organisations: few for the honest one, and a file of large row groups for the attacker."""

import shutil

import duckdb
import pyarrow.parquet


def place(folder, dataset, tenant):
    rows = folder / "mpn" / dataset / f"tenant={tenant}"
    rows.mkdir(parents=True, exist_ok=True)
    return rows / "rows.parquet"


def sales(server, role, count=2000):
    """Three regions, whatever the count."""
    path = place(server.data / "data", "Sales", server.people[role]["tenant"])
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select(count)}) TO '{path}' (FORMAT parquet)")


def big(site, server, count, role="attacker"):
    """Some 190 bytes a row that cannot be made smaller, a million rows to a row group. Made once for each count, then copied."""
    kept = site.folder / f"big-{count}.parquet"
    if not kept.exists():
        with duckdb.connect() as connection:
            table = connection.sql(select(count)).to_arrow_table()
        pyarrow.parquet.write_table(table, kept, row_group_size=1_000_000, compression="none", use_dictionary=["Region"])
    path = place(server.data / "data", "Big", server.people[role]["tenant"])
    shutil.copyfile(kept, path)
    return path.stat().st_size


def select(count):
    # Hashes of different seeds: no two of them alike.
    texts = ", ".join(f"md5('{name}' || i) || left(md5('{name}!' || i), 24) AS {name}" for name in ("One", "Two", "Three"))
    return f"""SELECT i::BIGINT AS Id, ['North', 'East', 'South'][1 + i % 3] AS Region, {texts},
        (i % 9999)::DECIMAL(18,2) AS Amount, (DATE '2025-01-01' + (i % 300)::INT)::DATE AS Day FROM range({count}) t(i)"""
