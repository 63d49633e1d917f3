//! The formats of a report's file.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReportFormat {
    #[default]
    Csv,
    Tsv,
    CsvGz,
    CsvZst,
    TsvGz,
    TsvZst,
    Jsonl,
    Parquet,
    Arrow,
}

impl ReportFormat {
    /// The first two are the documented ones.
    pub const ALL: [ReportFormat; 9] = [
        ReportFormat::Csv,
        ReportFormat::Tsv,
        ReportFormat::CsvGz,
        ReportFormat::CsvZst,
        ReportFormat::TsvGz,
        ReportFormat::TsvZst,
        ReportFormat::Jsonl,
        ReportFormat::Parquet,
        ReportFormat::Arrow,
    ];

    /// As answers write it, and as the file's extension.
    pub fn name(self) -> &'static str {
        match self {
            ReportFormat::Csv => "csv",
            ReportFormat::Tsv => "tsv",
            ReportFormat::CsvGz => "csv.gz",
            ReportFormat::CsvZst => "csv.zst",
            ReportFormat::TsvGz => "tsv.gz",
            ReportFormat::TsvZst => "tsv.zst",
            ReportFormat::Jsonl => "jsonl",
            ReportFormat::Parquet => "parquet",
            ReportFormat::Arrow => "arrow",
        }
    }

    pub fn from_name(name: &str) -> Option<ReportFormat> {
        ReportFormat::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(name))
    }

    /// Whether compressing the file once more would save nothing.
    pub fn is_compressed(self) -> bool {
        match self {
            ReportFormat::Csv | ReportFormat::Tsv | ReportFormat::Jsonl | ReportFormat::Arrow => false,
            ReportFormat::CsvGz | ReportFormat::CsvZst | ReportFormat::TsvGz | ReportFormat::TsvZst | ReportFormat::Parquet => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        for format in ReportFormat::ALL {
            assert_eq!(ReportFormat::from_name(&format.name().to_ascii_uppercase()), Some(format));
        }
        for name in ["", "gz", "csv.bz2", ".csv", "json", "json lines", "xlsx"] {
            assert_eq!(ReportFormat::from_name(name), None, "{name}");
        }
    }
}
