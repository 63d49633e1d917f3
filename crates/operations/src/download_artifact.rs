//! Opens the file behind a link. The link is enough, but what its owner may see is checked again.

use std::ops::Range;

use insightgate_engine::{ArtifactKey, EngineError};
use insightgate_identity::scope::TenantScope;
use insightgate_report::execution::Artifact;
use uuid::Uuid;

use crate::artifact_key;
use crate::audit::{self, Happening};
use crate::context::Context;
use crate::failure::Failure;
use crate::link::{LinkFault, LinkQuery};

const LOCATIONS_REVOKED: &str = "The file holds rows of locations that you may not see any more.";
const SENSITIVE_REVOKED: &str = "The file holds sensitive data that you may not see any more.";

/// A file that may be read.
pub struct OpenedArtifact {
    key: ArtifactKey,
    pub artifact: Artifact,
    pub file: String,
}

impl OpenedArtifact {
    pub fn content_type(&self) -> &'static str {
        self.key.format.content_type()
    }
}

/// Checks the link, then that the owner of the report still may read its data: the program's, and all that is in the file.
pub async fn open_artifact(
    context: &Context,
    execution: &str,
    file: &str,
    query: &LinkQuery,
    correlation: &str,
) -> Result<OpenedArtifact, Failure> {
    let refused = |fault: LinkFault| Failure::Forbidden(fault.to_string());
    // As it was given: not in one of the other spellings of an id.
    let parsed = Uuid::try_parse(execution).ok().filter(|id| id.to_string() == execution);
    let execution = parsed.ok_or_else(|| refused(LinkFault::Invalid))?;
    if let Err(fault) = context.links.check(execution, file, query, context.clock.now()) {
        count_refusal(context, &fault, correlation);
        return Err(refused(fault));
    }
    let record = context.store.execution(execution).await?.ok_or(Failure::NotFound)?;
    let report = &record.report;
    let user = (report.owner != report.application).then_some(report.owner);
    let owner = context.store.principal(report.tenant, report.application, user).await?;
    let owner = owner.ok_or_else(|| refused(LinkFault::Invalid))?;
    let subject = format!("artifact {execution}");
    let scope = match owner.scope(report.program, &context.settings.access_rules) {
        Ok(scope) => scope,
        Err(refusal) => {
            audit::record_refusal(context, &owner, &subject, &refusal.to_string(), correlation).await;
            return Err(refusal.into());
        }
    };
    let kept = record.execution.artifact.clone().filter(|_| record.execution.artifact_removed.is_none());
    let artifact = kept.ok_or(Failure::NotFound)?;
    if let Err(reason) = may_read(&scope, &artifact) {
        audit::record_refusal(context, &owner, &subject, reason, correlation).await;
        return Err(Failure::Forbidden(reason.to_owned()));
    }
    let key = artifact_key::of(report, execution, artifact.epoch, artifact.format);
    Ok(OpenedArtifact { key, artifact, file: file.to_owned() })
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

/// Whether the scope still covers what the file was made of, sensitive columns included.
pub(crate) fn may_read(scope: &TenantScope, artifact: &Artifact) -> Result<(), &'static str> {
    if !scope.locations().covers(&artifact.locations) {
        return Err(LOCATIONS_REVOKED);
    }
    if scope.clear().covers(&artifact.clear) { Ok(()) } else { Err(SENSITIVE_REVOKED) }
}

/// A stretch of the file, as a stream of blocks.
pub async fn read_artifact(
    context: &Context,
    opened: &OpenedArtifact,
    range: Range<u64>,
) -> Result<futures::stream::BoxStream<'static, Result<bytes::Bytes, EngineError>>, Failure> {
    match context.engine.read(&opened.key, range).await {
        Ok(stream) => Ok(stream),
        Err(EngineError::NoSuchArtifact) => Err(Failure::NotFound),
        Err(error) => Err(error.into()),
    }
}
