"""The same rows in DuckDB, and its answers."""

import duckdb
import pyarrow as pa

from . import translate
from .data.parquet import arrow_type
from .language.folding import fold, fold_character
from .spelling import spelled


class Oracle:
    def __init__(self, world):
        self.connection = duckdb.connect()
        # Plans as they were written: of tables this small, an optimizer costs more than it saves, and has faults of its own.
        self.connection.execute("SET threads = 1; SET TimeZone = 'UTC'; PRAGMA disable_optimizer")
        letters = set(map(chr, range(128)))
        for (name, tenant), rows in world.rows.items():
            dataset = world.datasets[name]
            table = as_table(dataset, rows)
            self.connection.register("incoming", table)
            self.connection.execute(f"CREATE TABLE {table_name(dataset, tenant)} AS SELECT * FROM incoming")
            self.connection.unregister("incoming")
            letters.update(character for row in rows for value in row.values() if isinstance(value, str) for character in value)
        changing = sorted(letter for letter in letters if fold_character(letter) != letter)
        self.changed, self.unchanged = "".join(map(fold_character, changing)), "".join(changing)

    def fold_sql(self, subject):
        """Folds a text that was computed: of letters that the data has, and no others."""
        return f"translate({subject}, {translate.text(self.unchanged)}, {translate.text(self.changed)})"

    def sql(self, query, scope, anchor, most=None):
        return translate.sql(query, scope, anchor, table_name(query.dataset, scope.tenant), self.fold_sql, most)

    def answer(self, query, scope, anchor, most=None):
        """Rows of spelled values; None is null."""
        rows = self.connection.execute(self.sql(query, scope, anchor, most)).fetchall()
        return [tuple(map(spelled, row)) for row in rows]

    def is_out_of_range(self, query, scope, anchor):
        """Whether an integer metric has a value somewhere that its type cannot hold."""
        table = table_name(query.dataset, scope.tenant)
        statement = translate.Translation(query, scope, anchor, table, self.fold_sql).out_of_range()
        return bool(statement and self.connection.execute(statement).fetchone()[0])


def table_name(dataset, tenant):
    return f'"{dataset.name} {tenant}"'


def as_table(dataset, rows):
    columns = {"ordinal": pa.array([row["ordinal"] for row in rows], pa.int64())}
    for column in dataset.columns:
        values = [row[column.name] for row in rows]
        type_ = pa.timestamp("us") if column.kind.name == "timestamp" else arrow_type(column.kind)
        columns[f"c{column.index}"] = pa.array(values, type_)
        folded = [None if value is None else fold(spelled(value)) for value in values]
        columns[f"{'f' if column.kind.name == 'string' else 't'}{column.index}"] = pa.array(folded, pa.string())
    return pa.table(columns)
