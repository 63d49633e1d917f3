"""The rows of datasets that somebody else wrote, read by DuckDB from their files."""

from pathlib import Path

import duckdb

from ..language.folding import fold


def rows(data, program, dataset, tenant):
    """The tenant's rows in the order of files and rows, as the oracle takes them."""
    folder = Path(data) / program / dataset.name / f"tenant={tenant}"
    found = []
    for path in sorted(folder.rglob("*.parquet"), key=lambda path: str(path.relative_to(folder)).encode()):
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
            relation = connection.sql("SELECT * FROM read_parquet(?)", params=[str(path)])
            names = {fold(name): name for name in relation.columns}
            # Instants without a zone: they are all in UTC.
            kinds = {"timestamp": "TIMESTAMP", "int64": "BIGINT", "float64": "DOUBLE"}
            wanted = [
                f'CAST("{names[fold(column.name)]}" AS {kinds[column.kind.name]})' if column.kind.name in kinds else f'"{names[fold(column.name)]}"'
                for column in dataset.columns
                if fold(column.name) in names
            ]
            present = [column.name for column in dataset.columns if fold(column.name) in names]
            missing = {column.name: None for column in dataset.columns if fold(column.name) not in names}
            for row in relation.project(", ".join(wanted)).fetchall():
                found.append({**missing, **dict(zip(present, row)), "ordinal": len(found)})
    return found
