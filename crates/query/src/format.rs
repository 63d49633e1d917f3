//! The formats in which rows can be written to an artifact.

use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, IntoStaticStr, EnumString, VariantArray, VariantNames)]
#[strum(ascii_case_insensitive)]
pub enum Format {
    #[default]
    #[strum(serialize = "csv")]
    Csv,
    #[strum(serialize = "tsv")]
    Tsv,
    #[strum(serialize = "csv.gz")]
    CsvGz,
    #[strum(serialize = "csv.zst")]
    CsvZst,
    #[strum(serialize = "tsv.gz")]
    TsvGz,
    #[strum(serialize = "tsv.zst")]
    TsvZst,
    #[strum(serialize = "jsonl")]
    Jsonl,
    #[strum(serialize = "parquet")]
    Parquet,
    /// Arrow's file format, which has an index of its batches at its end.
    #[strum(serialize = "arrow")]
    Arrow,
    /// A workbook of Excel.
    #[strum(serialize = "xlsx")]
    Xlsx,
    /// CSV for people who open it in Excel: with a byte-order mark, and with formulas made harmless.
    #[strum(serialize = "csv-excel")]
    CsvExcel,
}

impl Format {
    /// All formats. The first two are the documented ones.
    pub const ALL: &'static [Format] = <Format as VariantArray>::VARIANTS;
    /// The names of all formats, in the same order.
    pub const NAMES: &'static [&'static str] = <Format as VariantNames>::VARIANTS;

    /// The name in requests and answers.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The extension of the artifact, by which programs know what it is.
    pub fn extension(self) -> &'static str {
        match self {
            Format::CsvExcel => Format::Csv.name(),
            other => other.name(),
        }
    }

    pub fn from_name(name: &str) -> Option<Format> {
        name.parse().ok()
    }

    /// Finds the format by the whole extension, such as `.csv.gz`. A `.csv` is plain CSV; a format without an extension of its own is found by its name.
    pub fn from_file_name(name: &str) -> Option<Format> {
        let name = name.to_ascii_lowercase();
        Format::ALL.iter().copied().find(|format| name.strip_suffix(format.name()).is_some_and(|stem| stem.ends_with('.')))
    }

    /// The content type of the artifact as it is: a compressed one is not a text to its receiver.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Csv | Format::CsvExcel => "text/csv; charset=utf-8",
            Format::Tsv => "text/tab-separated-values; charset=utf-8",
            Format::CsvGz | Format::TsvGz => "application/gzip",
            Format::CsvZst | Format::TsvZst => "application/zstd",
            Format::Jsonl => "application/x-ndjson",
            Format::Parquet => "application/vnd.apache.parquet",
            Format::Arrow => "application/vnd.apache.arrow.file",
            Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// Whether compressing the artifact once more would gain nothing.
    pub fn is_compressed(self) -> bool {
        match self {
            Format::Csv | Format::Tsv | Format::Jsonl | Format::Arrow | Format::CsvExcel => false,
            Format::CsvGz | Format::CsvZst | Format::TsvGz | Format::TsvZst | Format::Parquet | Format::Xlsx => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_clients_send_and_files_end_with() {
        let names = ["csv", "tsv", "csv.gz", "csv.zst", "tsv.gz", "tsv.zst", "jsonl", "parquet", "arrow", "xlsx", "csv-excel"];
        assert_eq!(Format::NAMES, names);
        assert_eq!(Format::ALL.iter().map(|format| format.name()).collect::<Vec<_>>(), Format::NAMES);
        for &format in Format::ALL {
            assert_eq!(Format::from_name(&format.name().to_ascii_uppercase()), Some(format));
            assert_eq!(Format::from_file_name(&format!("a.b.{}", format.name())), Some(format));
            assert_eq!(format.extension(), if format == Format::CsvExcel { "csv" } else { format.name() });
        }
        for name in ["", "gz", "csv.bz2", ".csv", "json", "json lines", "xls", "excel", "csv_excel"] {
            assert_eq!(Format::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn names_of_files_tell_their_format() {
        for (name, expected) in [
            ("A.CSV.GZ", Some(Format::CsvGz)),
            (".parquet", Some(Format::Parquet)),
            ("csv", None),
            ("notcsv", None),
            ("a.gz", None),
            ("a.csv.bz2", None),
            ("a.xlsx", Some(Format::Xlsx)),
            ("a.xls", None),
            ("a", None),
        ] {
            assert_eq!(Format::from_file_name(name), expected, "{name}");
        }
    }
}
