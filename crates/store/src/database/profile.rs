//! The legal business profile in the row of its tenant, where both what changes it and mail that goes to its contact read it.

use insightgate_identity::profile::LegalProfile;
use sqlx::Any;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use uuid::Uuid;

use crate::StoreError;
use crate::database::row::Read;

pub(crate) fn profile_query(tenant: Uuid) -> Query<'static, Any, AnyArguments> {
    sqlx::query("SELECT profile FROM tenants WHERE id = $1").bind(tenant.to_string())
}

pub(crate) fn read_profile(row: &AnyRow) -> Result<Option<LegalProfile>, StoreError> {
    let Some(json) = row.optional_text("profile")? else { return Ok(None) };
    serde_json::from_str(&json).map(Some).map_err(|_| StoreError::Corrupt { column: "profile", value: json })
}

pub(crate) fn written_profile(profile: &LegalProfile) -> String {
    serde_json::json!(profile).to_string()
}
