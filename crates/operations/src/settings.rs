//! What a deployment chooses, with the defaults of each choice. Nothing here is secret.

use std::time::Duration;

use chrono::TimeDelta;
use insightgate_engine::Sharing;
use insightgate_identity::access::AccessRules;
use insightgate_identity::tokens::api_ids;
use insightgate_report::execution::HISTORY_DAYS;
use insightgate_report::schedule::CatchUp;
use insightgate_report::scheduled_report::ReportRules;

use crate::callbacks::CallbackSettings;
use crate::executions::downloads::DownloadSettings;

/// What a deployment chooses.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Resources that a token for the insights API may name. The first is the documented one; the API's ids are among them.
    pub resources: Vec<String>,
    /// The management API's own resource: a token for it opens no data.
    pub management_resource: String,
    /// Whether the built-in authority issues tokens and its tokens are accepted. External issuers are trusted either way.
    pub built_in_authority: bool,
    /// The address clients use, without a final slash. None: whatever listener was asked (a sandbox).
    pub public_url: Option<String>,
    /// Whether the documented quotas hold.
    pub quotas: bool,
    pub access_rules: AccessRules,
    pub report_rules: ReportRules,
    /// How long a poll waits for a first execution before its documented 404.
    pub hold_poll: Duration,
    pub link_lifetime: TimeDelta,
    /// What becomes of slots that passed while no scheduler ran.
    pub catch_up: CatchUp,
    /// An execution that takes longer fails.
    pub run_limit: Duration,
    /// How long executions may go on when the process is asked to end, before they are given back.
    pub drain: Duration,
    /// Files are removed when they are so old.
    pub artifact_days: u32,
    /// Executions are forgotten when they ended so long ago and have no file.
    pub history_days: u32,
    /// Audit events are removed when they are so old.
    pub audit_days: u32,
    /// The oldest files are removed when all together hold more bytes; None: they may hold any.
    pub artifact_bytes: Option<u64>,
    /// Bytes that one file may have.
    pub largest_artifact: u64,
    /// Bytes that the files of one tenant may have together.
    pub tenant_artifact_bytes: u64,
    /// Whether links are the artifact store's own addresses, where it has some.
    pub store_links: bool,
    pub downloads: DownloadSettings,
    pub preview_timeout: Duration,
    /// How tenants share the engine.
    pub sharing: Sharing,
    /// A signing key is replaced when it is so old.
    pub signing_key_days: u32,
    /// Whether a refresh token is good once, whoever uses it.
    pub strict_refresh: bool,
    /// Whether the insights API takes only tokens of users who gave a second factor.
    pub require_mfa: bool,
    pub callbacks: CallbackSettings,
}

impl Settings {
    /// The resources that an operator names, and the ids of the API, which name nothing else anywhere.
    pub fn with_api_ids(mut resources: Vec<String>) -> Vec<String> {
        resources.extend(api_ids::ALL.map(str::to_owned));
        resources
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            resources: Settings::with_api_ids(vec!["https://api.partnercenter.microsoft.com".to_owned()]),
            management_resource: "api://insightgate/manage".to_owned(),
            built_in_authority: true,
            public_url: None,
            quotas: true,
            access_rules: AccessRules::default(),
            report_rules: ReportRules::default(),
            hold_poll: Duration::from_secs(2),
            link_lifetime: TimeDelta::days(7),
            catch_up: CatchUp::default(),
            run_limit: Duration::from_secs(3600),
            drain: Duration::from_secs(20),
            artifact_days: HISTORY_DAYS as u32,
            history_days: HISTORY_DAYS as u32,
            audit_days: 365,
            artifact_bytes: None,
            largest_artifact: 10 << 30,
            tenant_artifact_bytes: 100 << 30,
            store_links: false,
            downloads: DownloadSettings::default(),
            preview_timeout: Duration::from_secs(100),
            sharing: Sharing::default(),
            signing_key_days: 90,
            strict_refresh: false,
            require_mfa: false,
            callbacks: CallbackSettings::default(),
        }
    }
}
