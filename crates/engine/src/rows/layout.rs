//! The layout of the files of datasets: `<program>/<Dataset>/[tenant=<id>/][key=value/…]*.parquet` under the data root. The access log, which the server
//! writes itself, is `access-log/tenant=<id>/*.parquet` under the root of the artifacts, and the same in each program.

use std::path::{Path as FilePath, PathBuf};

use insightgate_identity::program::Program;
use insightgate_identity::scope::is_access_log;
use object_store::path::Path;
use uuid::Uuid;

use crate::error::TableFormat;

/// The key of the folders whose value is the tenant that owns the rows.
pub(crate) const TENANT_KEY: &str = "tenant";

/// The folder of the access log. No program has this name.
const ACCESS_LOG_FOLDER: &str = "access-log";

pub(crate) fn dataset_folder(program: Program, dataset: &str) -> Path {
    if is_access_log(dataset) { Path::from(ACCESS_LOG_FOLDER) } else { Path::from_iter([program.name(), dataset]) }
}

/// The folder of a tenant's part of the access log.
pub(crate) fn access_log_folder(tenant: Uuid) -> Path {
    tenant_folder(&Path::from(ACCESS_LOG_FOLDER), tenant)
}

/// What the versions of a file of the access log have in common: `2026-11-22.0.0000000012.parquet` is version 12 of `2026-11-22.0`. Versions have as many
/// digits, so that the newest is the last by name.
pub(crate) fn log_file_of_version(file: &Path) -> &str {
    let name = file.as_ref();
    name.rsplitn(3, '.').nth(2).unwrap_or(name)
}

/// Whether the path is the access log's, and not the data root's.
pub(crate) fn is_of_access_log(path: &Path) -> bool {
    path.parts().next().is_some_and(|part| part.as_ref() == ACCESS_LOG_FOLDER)
}

/// The folder of a dataset, or of one tenant's part of it, in a local data root.
pub fn local_folder(data_root: &FilePath, program: Program, dataset: &str, tenant: Option<Uuid>) -> PathBuf {
    let folder = dataset_folder(program, dataset);
    let folder = tenant.map_or_else(|| folder.clone(), |tenant| tenant_folder(&folder, tenant));
    folder.parts().fold(data_root.to_owned(), |path, part| path.join(part.as_ref()))
}

pub(crate) fn tenant_folder(dataset: &Path, tenant: Uuid) -> Path {
    dataset.clone().join(format!("{TENANT_KEY}={tenant}"))
}

/// Hidden files and folders, such as those of a writer that has not finished, are not data.
pub(crate) fn is_data_file(folder: &Path, file: &Path) -> bool {
    let Some(parts) = file.prefix_match(folder) else { return false };
    let mut all_visible = true;
    for part in parts {
        all_visible &= is_visible(part.as_ref());
    }
    all_visible && file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

/// The folders in which tables keep their own records, right below the table's folder.
pub(crate) const RECORDS: [&str; 2] = [DELTA_LOG, ICEBERG_METADATA];

/// The folder of a Delta table's log, right below the table's folder.
pub(crate) const DELTA_LOG: &str = "_delta_log";
const ICEBERG_METADATA: &str = "metadata";

/// The table within a dataset's folder to whose records the file belongs, and the table's folder. A table in a hidden folder is no data.
pub(crate) fn table_of(folder: &Path, file: &Path) -> Option<(TableFormat, Path)> {
    let mut table = folder.clone();
    let mut rest = file.prefix_match(folder)?.peekable();
    while let Some(part) = rest.next() {
        let next = rest.peek()?;
        match part.as_ref() {
            DELTA_LOG => return Some((TableFormat::Delta, table)),
            ICEBERG_METADATA if is_iceberg_metadata(next.as_ref()) => return Some((TableFormat::Iceberg, table)),
            hidden if !is_visible(hidden) => return None,
            _ => table = table.join(part),
        }
    }
    None
}

fn is_iceberg_metadata(name: &str) -> bool {
    name == "version-hint.text" || name.ends_with(".metadata.json")
}

fn is_visible(part: &str) -> bool {
    !part.starts_with(['.', '_'])
}

/// The `key=value` folders on the way from the dataset's folder to a file, the outermost first. Hive's marker of a null gives `None`.
pub(crate) fn folder_values(dataset: &Path, file: &Path) -> Vec<(String, Option<String>)> {
    let Some(parts) = file.prefix_match(dataset) else { return Vec::new() };
    let mut values = Vec::new();
    for part in parts {
        if let Some((key, value)) = part.as_ref().split_once('=') {
            let value = decoded(value);
            values.push((decoded(key), (value != "__HIVE_DEFAULT_PARTITION__").then_some(value)));
        }
    }
    // The last part is the file itself, whose name may contain an equals sign too.
    if file.filename().is_some_and(|name| name.contains('=')) {
        values.pop();
    }
    values
}

/// Decodes the percent encoding that writers use for characters that are not allowed in folder names.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten().and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn folders_give_their_values() {
        let dataset = Path::from("mpn/Sales");
        let file = Path::parse("mpn/Sales/tenant=a/Region=North%20Sea/Month=__HIVE_DEFAULT_PARTITION__/x=1.parquet").unwrap();
        let expected = [("tenant", Some("a")), ("Region", Some("North Sea")), ("Month", None)];
        let expected: Vec<_> = expected.into_iter().map(|(key, value)| (key.to_owned(), value.map(str::to_owned))).collect();
        assert_eq!(folder_values(&dataset, &file), expected);
    }

    #[test]
    fn versions_of_a_log_file_belong_together() {
        for version in ["0000000009", "0000000010"] {
            let file = access_log_folder(Uuid::nil()).join(format!("2026-11-22.0.{version}.parquet"));
            assert!(is_of_access_log(&file));
            assert_eq!(log_file_of_version(&file), format!("access-log/tenant={}/2026-11-22.0", Uuid::nil()));
        }
        assert!(!is_of_access_log(&dataset_folder(Program::Mpn, "AccessLogs")));
    }

    #[test]
    fn records_show_tables() {
        let folder = Path::from("mpn/Sales");
        for (file, expected) in [
            ("mpn/Sales/_delta_log/00000000000000000000.json", Some((TableFormat::Delta, "mpn/Sales"))),
            ("mpn/Sales/_delta_log/_sidecars/a.parquet", Some((TableFormat::Delta, "mpn/Sales"))),
            ("mpn/Sales/tenant=a/_delta_log/_last_checkpoint", Some((TableFormat::Delta, "mpn/Sales/tenant=a"))),
            ("mpn/Sales/metadata/00002-7c3f.metadata.json", Some((TableFormat::Iceberg, "mpn/Sales"))),
            ("mpn/Sales/metadata/v3.gz.metadata.json", Some((TableFormat::Iceberg, "mpn/Sales"))),
            ("mpn/Sales/y=1/metadata/version-hint.text", Some((TableFormat::Iceberg, "mpn/Sales/y=1"))),
            // What a writer keeps to itself, and names that only look alike.
            ("mpn/Sales/_old/_delta_log/00000000000000000000.json", None),
            ("mpn/Sales/.old/metadata/version-hint.text", None),
            ("mpn/Sales/_delta_log", None),
            ("mpn/Sales/metadata/rows.parquet", None),
            ("mpn/Sales/a.metadata.json", None),
            ("mpn/SalesOther/_delta_log/00000000000000000000.json", None),
        ] {
            let expected = expected.map(|(format, table)| (format, Path::from(table)));
            assert_eq!(table_of(&folder, &Path::from(file)), expected, "{file}");
        }
    }

    #[test]
    fn hidden_and_foreign_files_are_no_data() {
        let folder = Path::from("mpn/Sales");
        for (file, is_data) in [
            ("mpn/Sales/a.parquet", true),
            ("mpn/Sales/y=1/A.PARQUET", true),
            ("mpn/Sales/_tmp/a.parquet", false),
            ("mpn/Sales/.a.parquet", false),
            ("mpn/Sales/a.csv", false),
            ("mpn/SalesOther/a.parquet", false),
        ] {
            assert_eq!(is_data_file(&folder, &Path::from(file)), is_data, "{file}");
        }
    }
}
