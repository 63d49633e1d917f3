//! `insightgate dataset validate`: checks definitions, and whether the existing files fit them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use insightgate_engine::{DataRoot, Engine, EngineError, FileCheck};
use insightgate_identity::program::Program;
use insightgate_operations::datasets::catalogs::{DefinitionFault, read_definition};
use insightgate_query::datasets::catalog::Dataset;
use insightgate_query::datasets::{builtin, definition};
use serde_json::{Value, json};

use super::own;
use crate::cli::DatasetValidateArguments;
use crate::command_error::CommandError;
use crate::data_folder::DataFolder;
use crate::files::{fault, no_named_pipe, shown};
use crate::server::{EngineLimits, Roots, open_engine};
use crate::terminal::progress::Progress;
use crate::terminal::words::counted;
use crate::terminal::{print, print_json};

/// Extensions of what is no definition.
const ROWS: [&str; 10] = ["parquet", "arrow", "csv", "tsv", "tab", "json", "jsonl", "ndjson", "gz", "zst"];

/// A definition, what is wrong with it, and what is wrong with its files.
struct Checked {
    /// None for a built-in one.
    file: Option<PathBuf>,
    definition: Result<(Program, Arc<Dataset>), DefinitionFault>,
    rows: Option<FileCheck>,
}

/// Reports every problem of every definition and of every file of rows. Fails if there is one.
pub async fn run(arguments: &DatasetValidateArguments) -> Result<(), CommandError> {
    let folder = DataFolder::existing(&arguments.data_dir).ok();
    let mut all = Vec::new();
    match (arguments.files.as_slice(), &folder) {
        ([], Some(folder)) => {
            for &program in Program::ALL {
                let own = own(folder, program)?;
                all.extend(own.into_iter().map(|path| Checked::in_folder(path, program)));
                all.extend(not_replaced(program, &all));
            }
        }
        ([], None) => drop(DataFolder::existing(&arguments.data_dir)?),
        (named, _) => {
            for path in named {
                all.push(Checked::named(path)?);
            }
        }
    }
    if let Some(folder) = &folder {
        let root = folder.data_root(arguments.data_root.as_deref())?;
        // A folder that is not there holds nothing, and is not to be made.
        if root.folder().is_none_or(Path::is_dir) {
            Progress::during("reading the files", check_rows(folder, root, &mut all)).await?;
        }
    }
    // Of the built-in ones only those are of interest that have rows.
    all.retain(|checked| checked.file.is_some() || checked.rows.as_ref().is_some_and(|rows| rows.files > 0 || !rows.faults.is_empty()));
    if arguments.json {
        print_json(&all.iter().map(Checked::described).collect::<Vec<_>>())?;
    } else {
        print(&all.iter().map(Checked::told).collect::<String>())?;
    }
    let definitions = all.iter().filter(|checked| checked.definition.is_err()).count();
    let files: usize = all.iter().flat_map(|checked| &checked.rows).map(|rows| rows.faults.len() + rows.ownerless.len()).sum();
    match (definitions, files) {
        (0, 0) if all.is_empty() => {
            eprintln!("there are no definitions of your own, and no rows");
            Ok(())
        }
        (0, 0) => Ok(()),
        (0, files) => Err(CommandError::failed(format!("{} of rows cannot be used", counted(files as u64, "file")))
            .hint("queries of their tenants fail until they fit or are moved away; others go on")),
        (definitions, _) => {
            Err(CommandError::failed(format!("{definitions} of {} cannot be used", counted(all.len() as u64, "definition")))
                .hint("a server goes on with the last good version of each, and leaves one out that never was good"))
        }
    }
}

impl Checked {
    fn in_folder(path: PathBuf, program: Program) -> Checked {
        let definition = read_definition(&path, program).map(|dataset| (program, dataset));
        Checked { file: Some(path), definition, rows: None }
    }

    /// One that lies in a program's folder must be in the right one, under its name; elsewhere only what it says counts.
    fn named(path: &Path) -> Result<Checked, CommandError> {
        // Whoever names one means the rows.
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
        if ROWS.contains(&extension.as_str()) && path.is_file() {
            return Err(CommandError::usage(format!("{} is a file of rows and no definition", path.display())).hint(
                "`insightgate dataset add` infers a definition of it; files that are in their place are checked when no file is named",
            ));
        }
        no_named_pipe(path)?;
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => CommandError::not_found(format!("there is no file {}", path.display())),
            _ => fault(path, &error),
        })?;
        let folder = path.canonicalize().ok().and_then(|path| Some(path.parent()?.file_name()?.to_str()?.to_owned()));
        if let Some(program) = folder.and_then(|name| name.parse::<Program>().ok()) {
            return Ok(Checked::in_folder(path.to_owned(), program));
        }
        let read = definition::read(&text, &path.display().to_string()).map_err(DefinitionFault::from);
        let definition = read.and_then(|found| match found.program.parse::<Program>() {
            Ok(program) => Ok((program, Arc::new(found.dataset))),
            Err(_) => Err(DefinitionFault::OtherProgram { file: path.display().to_string(), folder: "any", found: found.program }),
        });
        Ok(Checked { file: Some(path.to_owned()), definition, rows: None })
    }

    fn problems(&self) -> Vec<Value> {
        match &self.definition {
            Ok(_) => Vec::new(),
            Err(DefinitionFault::Wrong(errors)) => {
                let problems = errors.problems.iter();
                let shown = problems
                    .map(|problem| json!({"line": problem.line, "column": problem.column, "key": problem.key, "message": problem.message}));
                let more = (errors.more > 0).then(|| format!("and {} more", errors.more));
                shown.chain(more.map(|more| json!({"line": null, "column": null, "key": null, "message": more}))).collect()
            }
            Err(other) => vec![json!({"line": null, "column": null, "key": null, "message": other.to_string()})],
        }
    }

    fn described(&self) -> Value {
        let named = self.definition.as_ref().ok();
        let misfits = self.rows.iter().flat_map(|rows| &rows.faults).map(described_fault);
        json!({
            "file": self.file,
            "program": named.map(|(program, _)| program.name()),
            "dataset": named.map(|(_, dataset)| &dataset.name),
            "problems": self.problems(),
            "files": self.rows.as_ref().map(|rows| rows.files),
            "bytes": self.rows.as_ref().map(|rows| rows.bytes),
            "misfits": misfits.collect::<Vec<_>>(),
            "ownerless": self.rows.as_ref().map(|rows| &rows.ownerless),
        })
    }

    fn told(&self) -> String {
        let of = self.file.as_ref().map_or_else(|| "built-in".to_owned(), |file| shown(file));
        let (dataset, mut text) = match &self.definition {
            Err(problems) => return format!("{problems}\n"),
            Ok((_, dataset)) => (dataset, String::new()),
        };
        let rows = self.rows.as_ref();
        for fault in rows.iter().flat_map(|rows| &rows.faults) {
            text.push_str(&format!("{fault}\n"));
        }
        for file in rows.iter().flat_map(|rows| &rows.ownerless) {
            text.push_str(&format!("{file}: it lies in no tenant=<tenant id> folder, so that nobody sees its rows\n"));
        }
        let wrong = rows.map(|rows| rows.faults.len() + rows.ownerless.len()).unwrap_or_default();
        let files = match (rows.map(|rows| rows.files).unwrap_or_default(), wrong) {
            (0, 0) => "no files of rows yet".to_owned(),
            (0, _) => "its rows cannot be used".to_owned(),
            (1, 0) => "1 file of rows fits".to_owned(),
            (files, 0) => format!("{files} files of rows fit"),
            (files, wrong) => format!("{wrong} of {} of rows cannot be used", counted(files as u64, "file")),
        };
        format!("{text}{of}: {} holds, {files}\n", dataset.name)
    }
}

fn described_fault(fault: &EngineError) -> Value {
    match fault {
        EngineError::Misfit { file, column, expected, found } => {
            json!({"file": file, "column": column, "expected": expected, "found": found, "message": fault.to_string()})
        }
        EngineError::Corrupt { file, column, .. } => json!({"file": file, "column": column, "message": fault.to_string()}),
        EngineError::TableFound { folder: file, .. } | EngineError::Delta { table: file, .. } => {
            json!({"file": file, "message": fault.to_string()})
        }
        other => json!({"message": other.to_string()}),
    }
}

/// The built-in datasets of a program that no definition among the checked ones takes the place of.
fn not_replaced(program: Program, checked: &[Checked]) -> Vec<Checked> {
    let replaced = |dataset: &Dataset| {
        checked.iter().any(|checked| {
            let stem = checked.file.as_ref().and_then(|file| file.file_stem()?.to_str());
            stem.is_some_and(|stem| insightgate_query::datasets::catalog::same_name(stem, &dataset.name))
        })
    };
    let catalog = builtin::catalog(program.name());
    let kept = catalog.datasets().iter().filter(|dataset| !replaced(dataset));
    kept.map(|dataset| Checked { file: None, definition: Ok((program, Arc::clone(dataset))), rows: None }).collect()
}

async fn check_rows(folder: &DataFolder, root: DataRoot, all: &mut [Checked]) -> Result<(), CommandError> {
    let roots = Roots { rows: root, ..Roots::of(folder) };
    let engine: Engine = open_engine(folder, roots, EngineLimits::default())?;
    for checked in all {
        if let Ok((program, dataset)) = &checked.definition {
            let found = engine.check_files(*program, dataset).await;
            checked.rows = Some(found.map_err(|error| CommandError::failed(error.to_string()))?);
        }
    }
    Ok(())
}
