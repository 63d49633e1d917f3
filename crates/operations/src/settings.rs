//! The settings of a deployment, with their defaults. They contain no secrets but the password of the mail server, which is not shown.

use std::time::Duration;

use chrono::TimeDelta;
use insightgate_engine::Sharing;
use insightgate_identity::access::AccessRules;
use insightgate_identity::tokens::api_ids;
use insightgate_outbound::MailSettings;
use insightgate_report::execution::HISTORY_DAYS;
use insightgate_report::schedule::CatchUp;
use insightgate_report::scheduled_report::ReportRules;

use crate::callbacks::CallbackSettings;
use crate::executions::downloads::DownloadSettings;
use crate::limits::LimitSettings;

/// The settings of a deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The resources that a token for the insights API may name. The first is the documented one. The API's ids are among them.
    pub resources: Vec<String>,
    /// The management API's own resource. A token for it gives no access to data.
    pub management_resource: String,
    /// Whether the built-in authority issues tokens, and these are accepted. External issuers are trusted either way.
    pub built_in_authority: bool,
    /// The address that clients use, without a final slash. `None` for the address of whichever listener got the request (a sandbox).
    pub public_url: Option<String>,
    /// Whether the documented quotas apply.
    pub quotas: bool,
    pub access_rules: AccessRules,
    pub report_rules: ReportRules,
    /// How long a poll for a first execution is held before its documented 404.
    pub hold_poll: Duration,
    pub link_lifetime: TimeDelta,
    /// What happens to slots that passed while no scheduler ran.
    pub catch_up: CatchUp,
    /// The time limit of an execution. One that takes longer fails.
    pub run_limit: Duration,
    /// How long executions may continue when the process is asked to stop, before they are released to other processes.
    pub drain: Duration,
    /// After how many days artifacts are removed.
    pub artifact_days: u32,
    /// After how many days ended executions without an artifact are removed.
    pub history_days: u32,
    /// After how many days audit events are removed.
    pub audit_days: u32,
    /// After how many days events of the access log are removed; 0 if there is none.
    pub access_log_days: u32,
    /// The most bytes of all artifacts together, beyond which the oldest are removed; `None` for no limit.
    pub artifact_bytes: Option<u64>,
    /// The most bytes of one artifact.
    pub largest_artifact: u64,
    /// The most bytes of all artifacts of one tenant together.
    pub tenant_artifact_bytes: u64,
    /// Whether links are the artifact store's own (presigned) addresses, if it provides them.
    pub store_links: bool,
    pub downloads: DownloadSettings,
    /// How much a tenant and an application may ask for in a minute.
    pub limits: LimitSettings,
    pub preview_timeout: Duration,
    /// How tenants share the engine.
    pub sharing: Sharing,
    /// After how many days a signing key is rotated.
    pub signing_key_days: u32,
    /// Whether a refresh token may be used only once by every application, even by one with a secret.
    pub strict_refresh: bool,
    /// Whether tokens are accepted only from users who gave a second factor, by the insights API and the management API.
    pub require_mfa: bool,
    pub callbacks: CallbackSettings,
    /// The operator's mail server. None: no mail is sent.
    pub mail: Option<MailSettings>,
    /// Whether the telemetry has numbers of each tenant.
    pub tenant_telemetry: bool,
}

impl Settings {
    /// Adds the ids of the API to the resources that an operator names. The ids name nothing else anywhere.
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
            access_log_days: 365,
            artifact_bytes: None,
            largest_artifact: 10 << 30,
            tenant_artifact_bytes: 100 << 30,
            store_links: false,
            downloads: DownloadSettings::default(),
            limits: LimitSettings::default(),
            preview_timeout: Duration::from_secs(100),
            sharing: Sharing::default(),
            signing_key_days: 90,
            strict_refresh: false,
            require_mfa: false,
            callbacks: CallbackSettings::default(),
            mail: None,
            tenant_telemetry: false,
        }
    }
}
