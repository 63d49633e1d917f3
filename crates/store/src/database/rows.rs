//! Writes many rows in one statement.

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};

use crate::database::dialect::placeholders;
use crate::{Connection, StoreError};

/// Inserts rows, many in each statement. `into` is the table with its columns, `end` the end of the statement.
pub(crate) async fn insert_rows<Row>(
    connection: &mut Connection,
    (into, end): (&str, &str),
    columns: usize,
    rows: &[Row],
    bind: impl for<'q> Fn(Query<'q, Any, AnyArguments>, &Row) -> Query<'q, Any, AnyArguments>,
) -> Result<(), StoreError> {
    for some in in_powers_of_two(rows) {
        // The text consists only of names and placeholders; values are bound.
        let text = AssertSqlSafe(format!("INSERT INTO {into} VALUES {} {end}", rows_of_places(some.len(), columns)));
        let query = some.iter().fold(sqlx::query(text), &bind);
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Returns `($1, $2), ($3, $4), …`: what follows VALUES.
pub(crate) fn rows_of_places(rows: usize, columns: usize) -> String {
    let rows: Vec<String> = (0..rows).map(|row| format!("({})", placeholders(row * columns, columns))).collect();
    rows.join(", ")
}

/// Splits rows into pieces of 64, 32, … and 1, so that the database prepares a few statements and not one for each number of rows.
pub(crate) fn in_powers_of_two<Row>(mut rows: &[Row]) -> impl Iterator<Item = &[Row]> {
    std::iter::from_fn(move || {
        let size = 1 << rows.len().checked_ilog2()?.min(6);
        let (some, rest) = rows.split_at_checked(size)?;
        rows = rest;
        Some(some)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hold_every_row_once() {
        for count in [0_usize, 1, 2, 3, 63, 64, 65, 200] {
            let rows: Vec<usize> = (0..count).collect();
            let pieces: Vec<&[usize]> = in_powers_of_two(&rows).collect();
            assert_eq!(pieces.concat(), rows);
            assert!(pieces.iter().all(|piece| piece.len().is_power_of_two() && piece.len() <= 64));
        }
        assert_eq!((placeholders(2, 3), rows_of_places(2, 2)), ("$3, $4, $5".to_owned(), "($1, $2), ($3, $4)".to_owned()));
    }
}
