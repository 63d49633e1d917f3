//! `insightgate verify`: looks through a deployment for what is damaged, lost or left over, says what to do, and with `--fix` does what is safe.
//!
//! A server may go on working meanwhile. Nothing is changed without `--fix`, and no row of a user's is ever deleted.

mod report;

use insightgate_operations::clock::Clock;
use insightgate_operations::provisioning::Provisioner;
use insightgate_operations::random::Random;
use insightgate_operations::repair::Repair;
use insightgate_operations::repair::artifacts::Depth;
use insightgate_operations::repair::finding::{Finding, Kind};
use insightgate_operations::repair::secrets::check_secrets;
use insightgate_store::{Inspection, Sealed, Store, StoreError};

use crate::command_error::CommandError;
use crate::data_folder::DataFolder;
use crate::deployed::Deployed;
use crate::server::{EngineLimits, open_engine};
use crate::terminal::progress::Progress;
use crate::upkeep_arguments::VerifyArguments;
use report::Report;

/// Stands in the audit trail.
const ACTOR: &str = "insightgate verify";

pub async fn run(arguments: &VerifyArguments) -> Result<(), CommandError> {
    let deployed = Deployed::find(&arguments.place)?;
    let mut report = Report::default();
    let looked = look(arguments, &deployed, &mut report).await;
    // What was found before it failed is told all the same.
    report.print(arguments.json)?;
    looked?;
    report.verdict(arguments.fix)
}

async fn look(arguments: &VerifyArguments, deployed: &Deployed, report: &mut Report) -> Result<(), CommandError> {
    let store = database(deployed, report).await?;
    keys(deployed, store.as_ref(), report).await?;
    if let Some(store) = store {
        let outcome = files(arguments, deployed, store.clone(), report).await;
        store.close().await;
        outcome?;
    }
    unfinished(&deployed.folder, arguments.fix, report)
}

/// The database, if its tables can be read.
async fn database(deployed: &Deployed, report: &mut Report) -> Result<Option<Store>, CommandError> {
    let url = &deployed.database_url;
    let Inspection { version, known, faults } = match Progress::during("looking through the database", Store::inspect(url)).await {
        Ok(found) => found,
        Err(error @ StoreError::Damaged { .. }) => {
            report.add(damaged(error.to_string()));
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    report.database = Some((version, known));
    for fault in &faults {
        report.add(damaged(fault.clone()));
    }
    if version == 0 && faults.is_empty() {
        return Err(CommandError::not_found("there is no database yet").hint("insightgate serve makes it at its first start"));
    }
    if version != known {
        report.add(Finding {
            kind: Kind::TablesOld,
            tenant: None,
            execution: None,
            subject: "the database".to_owned(),
            detail: format!("its tables are at step {version}, and this version knows {known}"),
            advice: "the next start of a server brings them up to date: verify again after that, for the files of reports".to_owned(),
            mended: false,
        });
        return Ok(None);
    }
    match Store::open(url).await {
        Ok(store) => Ok(Some(store)),
        // It was told already.
        Err(StoreError::Damaged { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn damaged(detail: String) -> Finding {
    Finding {
        kind: Kind::DatabaseDamaged,
        tenant: None,
        execution: None,
        subject: "the database".to_owned(),
        detail,
        advice: "stop the server, keep a copy of the file, and put a backup in its place (insightgate backup makes them; a Postgres has its own tools)"
            .to_owned(),
        mended: false,
    }
}

async fn keys(deployed: &Deployed, store: Option<&Store>, report: &mut Report) -> Result<(), CommandError> {
    let folder = &deployed.folder;
    let sealed: Vec<Sealed> = match store {
        Some(store) => store.sealed().await?,
        // Of older tables only the keys can be read, and of a damaged file perhaps nothing.
        None => Store::keys_before_opening(&deployed.database_url).await.unwrap_or_default(),
    };
    report.secrets = Some(sealed.len());
    let missing = |detail: String, advice: String| Finding {
        kind: Kind::KeyMissing,
        tenant: None,
        execution: None,
        subject: "the encryption key".to_owned(),
        detail,
        advice,
        mended: false,
    };
    match folder.existing_vault() {
        Ok(Some(vault)) => check_secrets(&vault, &sealed).into_iter().for_each(|finding| report.add(finding)),
        Ok(None) if sealed.is_empty() => {}
        Ok(None) => {
            let error = folder.locked(true, &deployed.database_url);
            report.add(missing(error.message, error.hint.unwrap_or_default()));
        }
        Err(error) => report.add(missing(error.message, error.hint.unwrap_or_default())),
    }
    for path in folder.readable_keys() {
        report.add(Finding {
            kind: Kind::KeyReadable,
            tenant: None,
            execution: None,
            subject: path.display().to_string(),
            detail: "others than its owner may read it".to_owned(),
            advice: format!("chmod 600 {}; if somebody may have read it, replace the key", path.display()),
            mended: false,
        });
    }
    Ok(())
}

async fn files(arguments: &VerifyArguments, deployed: &Deployed, store: Store, report: &mut Report) -> Result<(), CommandError> {
    // Whoever has the data folder and the database may do this.
    #[allow(clippy::disallowed_methods)]
    let mending = arguments.fix.then(|| Provisioner::at_start(ACTOR));
    let engine = open_engine(&deployed.folder, deployed.roots.clone(), EngineLimits::default())?;
    let repair = Repair { store, engine, clock: Clock::System, random: Random::default(), mending };
    // A store without its bucket is told by its list alone: a file that is asked for by its name is merely not there.
    let listed = Progress::during("listing the files of reports", repair.check_files(&mut |finding| report.add(finding))).await?;
    report.files = Some(listed);
    repair.check_names(&mut |finding| report.add(finding)).await?;
    let progress = Progress::new();
    let depth = if arguments.quick { Depth::Length } else { Depth::Bytes };
    progress.bytes("reading the files of reports", Some(repair.bytes_of_artifacts().await?));
    let looked = repair.check_artifacts(depth, &mut |finding| report.add(finding), &|bytes| progress.advance(bytes)).await;
    progress.end();
    let (looked, lost) = looked?;
    report.artifacts = Some(looked);
    if lost.is_empty() || !arguments.fix {
        return Ok(());
    }
    if looked.lost == looked.artifacts && !arguments.accept_loss {
        eprintln!(
            "every file is missing, so that none is given up: look whether {} is the right place and its disk is there",
            deployed.roots.artifacts
        );
        eprintln!("if the files are lost for good, say --fix --accept-loss");
        return Ok(());
    }
    report.mended(&repair.give_up(&lost).await?);
    Ok(())
}

/// What a killed process left in the data folder. A server that works there may be writing it.
fn unfinished(folder: &DataFolder, fix: bool, report: &mut Report) -> Result<(), CommandError> {
    if !folder.path().is_dir() {
        return Ok(());
    }
    let Ok(lock) = folder.lock() else { return Ok(()) };
    let found = folder.unfinished(&lock)?;
    if fix {
        folder.sweep(&lock)?;
    }
    for path in found {
        report.add(Finding {
            kind: Kind::FileUnfinished,
            tenant: None,
            execution: None,
            subject: path.display().to_string(),
            detail: "a process that was killed did not finish it".to_owned(),
            advice: "the next start of a server removes it; insightgate verify --fix removes it now".to_owned(),
            mended: fix,
        });
    }
    Ok(())
}
