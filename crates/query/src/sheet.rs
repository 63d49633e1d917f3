//! What a sheet of Excel holds, and the words for an answer that does not fit into one. The numbers are Excel's own
//! (<https://support.microsoft.com/office/excel-specifications-and-limits>), and no setting changes them.

use thiserror::Error;

/// The rows of a sheet beneath the header.
pub const MOST_ROWS: u64 = 1_048_575;
pub const MOST_COLUMNS: usize = 16_384;
/// The characters of a cell, as Excel counts them: in UTF-16, where a character beyond the first plane counts as two.
pub const MOST_CHARACTERS: usize = 32_767;

/// Why an answer cannot be written as `xlsx`. The texts are for the caller.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SheetFault {
    #[error(
        "The answer has more than 1,048,575 rows, the most that a sheet of Excel holds beneath its header. End the query with LIMIT 1048575, ask for \
         a shorter time span, or choose another format, such as csv or parquet."
    )]
    Rows,
    /// No query of the language selects so many: a plan that is made otherwise may.
    #[error(
        "The answer has {0} columns, and a sheet of Excel holds 16,384. Select fewer columns, or choose another format, such as csv or parquet."
    )]
    Columns(usize),
    /// Rows are counted from 1, without the header.
    #[error(
        "The text of column '{column}' in row {row} has {characters} characters, and a cell of Excel holds 32,767. Leave the column out, or choose \
         another format, such as csv or parquet."
    )]
    Text { column: String, row: u64, characters: usize },
}

/// # Errors
/// If a sheet has fewer columns.
pub fn fits_columns(columns: usize) -> Result<(), SheetFault> {
    if columns > MOST_COLUMNS { Err(SheetFault::Columns(columns)) } else { Ok(()) }
}

/// # Errors
/// If a sheet has fewer rows.
pub fn fits_rows(rows: u64) -> Result<(), SheetFault> {
    if rows > MOST_ROWS { Err(SheetFault::Rows) } else { Ok(()) }
}

/// # Errors
/// If a cell holds fewer characters. `row` is counted from 1, without the header.
pub fn fits_text(text: &str, column: &str, row: u64) -> Result<(), SheetFault> {
    // UTF-16 never has more units than UTF-8 has bytes.
    if text.len() <= MOST_CHARACTERS {
        return Ok(());
    }
    match text.encode_utf16().count() {
        characters if characters > MOST_CHARACTERS => Err(SheetFault::Text { column: column.to_owned(), row, characters }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_excels() {
        assert_eq!(fits_columns(16_384), Ok(()));
        assert_eq!(fits_columns(16_385), Err(SheetFault::Columns(16_385)));
        assert_eq!(fits_rows((1 << 20) - 1), Ok(()));
        assert_eq!(fits_rows(1 << 20), Err(SheetFault::Rows));
    }

    #[test]
    fn characters_are_counted_as_excel_counts_them() {
        for (text, characters) in [("x", 1), ("ä", 1), ("漢", 1), ("🦀", 2)] {
            let most = MOST_CHARACTERS / characters;
            assert_eq!(fits_text(&text.repeat(most), "Note", 7), Ok(()), "{text}");
            let fault = fits_text(&text.repeat(most + 1), "Note", 7).unwrap_err();
            assert_eq!(fault, SheetFault::Text { column: "Note".to_owned(), row: 7, characters: (most + 1) * characters });
        }
    }

    #[test]
    fn each_fault_names_the_limit_and_the_way_out() {
        let text = SheetFault::Text { column: "Note".to_owned(), row: 3, characters: 40_000 };
        for (fault, limit) in [(SheetFault::Rows, "1,048,575"), (SheetFault::Columns(20_000), "16,384"), (text, "32,767")] {
            let said = fault.to_string();
            assert!(said.contains(limit) && said.contains("choose another format"), "{said}");
        }
    }
}
