//! What the texts of the audit trail name: users, applications, reports and executions, by their ids.

use std::collections::{BTreeMap, HashMap};

pub use insightgate_store::{Named, Thing};
use uuid::Uuid;

use crate::context::Context;
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};

/// What each of the texts names that ends with the id of something of the tenant's. Others name nothing: they are names themselves, or belong to what was
/// removed.
///
/// # Errors
/// When the caller may not do this, or the database does not answer.
pub async fn named<'a>(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    texts: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, Named>, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Look).await?;
    let mut by_id: BTreeMap<Uuid, Vec<&str>> = BTreeMap::new();
    for text in texts {
        // Some subjects say first what has the id.
        if let Some(id) = text.rsplit(' ').next().and_then(|id| Uuid::try_parse(id).ok()) {
            by_id.entry(id).or_default().push(text);
        }
    }
    let found = context.store.named(tenant.id, &by_id.keys().copied().collect::<Vec<_>>()).await?;
    let texts_of = |named: Named| {
        let texts = by_id.get(&named.id).into_iter().flatten();
        texts.map(|text| ((*text).to_owned(), named.clone())).collect::<Vec<_>>()
    };
    Ok(found.into_iter().flat_map(texts_of).collect())
}
