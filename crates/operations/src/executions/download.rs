//! Opens the artifact of a link. The link is enough, but the rights of its owner are checked again.

mod pace;
mod pump;
mod served;

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt as _, unfold};
use insightgate_engine::{ArtifactKey, ArtifactReader, EngineError};
use insightgate_identity::scope::{ACCESS_LOG, TenantScope};
use insightgate_report::execution::Artifact;
use insightgate_report::file_name;
use insightgate_report::scheduled_report::ScheduledReport;
use insightgate_store::StoreError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use uuid::Uuid;

use crate::audit::{self, Happening};
use crate::context::{Context, SharedContext};
use crate::executions::artifact_key;
use crate::executions::link::{LinkFault, LinkQuery};
use crate::failure::{Failure, STORE_AWAY_SECONDS};
use crate::usage;
use crate::usage::event::{Access, Event, Origin};
use pump::{Pump, note_damage};
use served::Served;

/// A store that has not answered by then is away, as far as its caller is concerned.
const STORE_WAIT: Duration = Duration::from_secs(2);

const LOCATIONS_REVOKED: &str = "The file holds rows of locations that you may not see any more.";
const LOG_REVOKED: &str = "The file holds the access log, which you may not see any more.";
const SENSITIVE_REVOKED: &str = "The file holds sensitive data that you may not see any more.";

/// An artifact that may be read.
#[derive(Debug, Clone)]
pub struct OpenedArtifact {
    key: ArtifactKey,
    pub artifact: Artifact,
    /// The name of the saved file.
    pub file: String,
    /// The owner of the report, by their ids.
    pub tenant: Uuid,
    /// `None` for an application that acts alone.
    pub user: Option<Uuid>,
    pub application: Uuid,
    /// The event of a download of all of it.
    access: Access,
}

impl OpenedArtifact {
    pub fn content_type(&self) -> &'static str {
        self.key.format.content_type()
    }
}

/// Checks the link, and then that the owner of the report may still read the program's data and everything in the artifact.
///
/// # Errors
/// When the link is not valid, the owner may no longer read the artifact, it was removed, or the database does not answer.
pub async fn open_artifact(
    context: &Context,
    execution: &str,
    file: &str,
    query: &LinkQuery,
    origin: &Origin,
) -> Result<OpenedArtifact, Failure> {
    let refused = |fault: LinkFault| Failure::Forbidden(fault.to_string());
    // As it was given: not in one of the other spellings of an id.
    let parsed = Uuid::try_parse(execution).ok().filter(|id| id.to_string() == execution);
    let execution = parsed.ok_or_else(|| refused(LinkFault::Invalid))?;
    if let Err(fault) = context.links.check(execution, file, query, context.clock.now()) {
        count_refusal(context, &fault, &origin.correlation);
        return Err(refused(fault));
    }
    let record = context.store.execution(execution).await?.ok_or(Failure::NotFound)?;
    let report = &record.report;
    let user = (report.owner != report.application).then_some(report.owner);
    let owner = context.store.principal(report.tenant, report.application, user).await?;
    let owner = owner.ok_or_else(|| refused(LinkFault::Invalid))?;
    let subject = format!("artifact {execution}");
    let dataset = usage::dataset_of(context, report.program, &report.query);
    let access = usage::asked(Event::Download, report.program, origin).by(&owner).of_report(report, dataset);
    let access = Access { execution_id: Some(execution.to_string()), ..access };
    let scope = match owner.scope(report.program, &context.settings.access_rules) {
        Ok(scope) => scope,
        Err(refusal) => {
            usage::refuse(context, &owner, (&subject, &refusal.to_string()), access).await;
            return Err(refusal.into());
        }
    };
    let kept = record.execution.artifact.clone().filter(|_| record.execution.artifact_removed.is_none());
    let artifact = kept.ok_or(Failure::NotFound)?;
    if let Err(reason) = may_read(&scope, report, &artifact) {
        usage::refuse(context, &owner, (&subject, reason), access).await;
        return Err(Failure::Forbidden(reason.to_owned()));
    }
    let key = artifact_key::of(report, execution, artifact.epoch, artifact.format);
    let file = file_name::on_disk(&report.name, execution, artifact.format);
    let access = Access { rows: Some(artifact.rows), bytes: Some(artifact.bytes), ..access };
    let (tenant, application) = (report.tenant, report.application);
    Ok(OpenedArtifact { key, artifact, file, tenant, user, application, access })
}

/// Who has no link that holds could be anybody.
fn count_refusal(context: &Context, fault: &LinkFault, correlation: &str) {
    let happening = Happening {
        tenant: None,
        actor: String::new(),
        action: "link.refuse",
        subject: String::new(),
        detail: fault.to_string(),
        correlation: Some(correlation.to_owned()),
    };
    audit::count(context, happening, fault.to_string(), None);
}

/// Whether the scope still covers what the artifact of this report was made from, including sensitive columns.
pub(crate) fn may_read(scope: &TenantScope, report: &ScheduledReport, artifact: &Artifact) -> Result<(), &'static str> {
    if usage::reads_access_log(&report.query) && scope.within(ACCESS_LOG).is_err() {
        return Err(LOG_REVOKED);
    }
    if !scope.locations().covers(&artifact.locations) {
        return Err(LOCATIONS_REVOKED);
    }
    if scope.unredacted().covers(&artifact.unredacted) { Ok(()) } else { Err(SENSITIVE_REVOKED) }
}

/// A range of the artifact as it is read: every byte of it, or an error at the end. Nothing is returned before its checksum matches.
pub type Content = BoxStream<'static, Result<Bytes, Broken>>;

/// Why a download ends early.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    #[error(transparent)]
    Read(#[from] EngineError),
    #[error("the checksums of the file cannot be read: {0}")]
    Sums(#[from] StoreError),
    #[error("the download was broken off")]
    Off,
}

/// Starts to read a range of the artifact. `cut_off` is called if the reader stops reading, and has to close the connection.
///
/// # Errors
/// When there is no place for a download, the artifact does not exist, or the store does not answer in time.
pub async fn read_artifact(
    context: &SharedContext,
    opened: &OpenedArtifact,
    range: Range<u64>,
    correlation: &str,
    cut_off: impl FnOnce() + Send + 'static,
) -> Result<Content, Failure> {
    context.readiness.artifacts_can_be_read(&context.engine).await?;
    let place = context.downloads.admit(&context.settings.downloads, opened.key.tenant, opened.key.execution)?;
    let until = Instant::now() + STORE_WAIT;
    let reader = reader(context, opened, until, correlation).await?;
    let left = range.end - range.start;
    let served = Served::new(context, opened, left);
    if left == 0 {
        return Ok(futures::stream::empty().boxed());
    }
    let (sender, pieces) = mpsc::channel(pace::READY);
    let (refused, refusal) = oneshot::channel();
    let pump = Pump::new(context, opened, reader, correlation, refused, served);
    tokio::spawn(async move {
        let stalled = pump.run(range, sender).await;
        // Whatever becomes of the connection, the place is free.
        drop(place);
        if stalled {
            cut_off();
        }
    });
    // What cannot be read at all is refused, as long as there is time for it. None when the first bytes are ready.
    if let Ok(Ok(error)) = tokio::time::timeout_at(until, refusal).await {
        return Err(error.into());
    }
    Ok(counted(unfold(pieces, async |mut pieces| Some((pieces.recv().await?, pieces))), left))
}

/// Whether the artifact exists, for requests without a body.
///
/// # Errors
/// As [`read_artifact`].
pub async fn find_artifact(context: &Context, opened: &OpenedArtifact, correlation: &str) -> Result<(), Failure> {
    reader(context, opened, Instant::now() + STORE_WAIT, correlation).await.map(drop)
}

async fn reader(context: &Context, opened: &OpenedArtifact, until: Instant, correlation: &str) -> Result<ArtifactReader, Failure> {
    match tokio::time::timeout_at(until, context.engine.open_reader(&opened.key)).await {
        Ok(Ok(reader)) => Ok(reader),
        Ok(Err(EngineError::NoSuchArtifact)) => {
            // It may have been removed since its execution was looked up.
            let now = context.store.execution(opened.key.execution).await?;
            if now.is_some_and(|record| record.execution.artifact_removed.is_none() && record.execution.artifact.is_some()) {
                note_damage(context, &opened.key, "the artifact is not there", correlation).await;
            }
            Err(Failure::NotFound)
        }
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(Failure::Unavailable {
            told: "The storage cannot be reached. Try again shortly.".to_owned(),
            wait_seconds: STORE_AWAY_SECONDS,
            cause: format!("the artifact store did not answer within {} seconds", STORE_WAIT.as_secs()),
        }),
    }
}

impl From<Broken> for Failure {
    fn from(error: Broken) -> Self {
        match error {
            Broken::Read(error) => error.into(),
            Broken::Sums(error) => error.into(),
            Broken::Off => Failure::internal(error),
        }
    }
}

/// The same pieces, with an error at the end when fewer bytes came than should have: a stream that merely ends would end well where its length is not
/// told, as of a compressed answer.
fn counted(pieces: impl Stream<Item = Result<Bytes, Broken>> + Send + 'static, left: u64) -> Content {
    let counted = unfold((pieces.boxed(), Some(left)), async |(mut pieces, left)| {
        let left = left?;
        match pieces.next().await {
            Some(Ok(piece)) => match left.checked_sub(piece.len() as u64) {
                Some(left) => Some((Ok(piece), (pieces, Some(left)))),
                None => Some((Err(Broken::Off), (pieces, None))),
            },
            Some(Err(error)) => Some((Err(error), (pieces, None))),
            None if left > 0 => Some((Err(Broken::Off), (pieces, None))),
            None => None,
        }
    });
    // Whoever compresses asks once more behind the end.
    counted.fuse().boxed()
}
