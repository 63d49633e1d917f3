//! Who gets a mail: found out in the transaction that writes it.

use insightgate_identity::role::Role;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::database::dialect::placeholders;
use crate::database::profile::{profile_query, read_profile};
use crate::database::row::Read;
use crate::{Connection, StoreError};

/// The most administrators that are told of one occasion.
const MOST: i64 = 5;

/// A user's address is the sign-in name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// The primary contact of the tenant's legal business profile.
    Contact,
    /// The user with this id. If there is none, such as for an application, or the user may not sign in any more: the administrators.
    Owner(Uuid),
    /// The tenant's administrators who may sign in. If there are none: the primary contact of its legal business profile.
    Administrators,
}

/// The addresses, in an order that is the same in every transaction. There may be none.
pub(super) async fn of(connection: &mut Connection, tenant: Uuid, to: &Recipient) -> Result<Vec<String>, StoreError> {
    if *to == Recipient::Contact {
        return contact(connection, tenant).await;
    }
    if let Recipient::Owner(id) = to {
        let query = sqlx::query("SELECT username FROM users WHERE tenant_id = $1 AND id = $2 AND enabled = 1");
        if let Some(row) = query.bind(tenant.to_string()).bind(id.to_string()).fetch_optional(&mut *connection).await? {
            return Ok(vec![row.text("username")?]);
        }
    }
    let roles = placeholders(1, Role::ADMINISTRATORS.len());
    let statement = format!(
        "SELECT username FROM users WHERE tenant_id = $1 AND enabled = 1
             AND id IN (SELECT assignee_id FROM role_assignments WHERE tenant_id = $1 AND role IN ({roles})) ORDER BY username LIMIT {MOST}"
    );
    let query = sqlx::query(AssertSqlSafe(statement)).bind(tenant.to_string());
    let query = Role::ADMINISTRATORS.iter().fold(query, |query, role| query.bind(role.id()));
    let rows = query.fetch_all(&mut *connection).await?;
    let administrators: Vec<String> = rows.iter().map(|row| row.text("username")).collect::<Result<_, _>>()?;
    if administrators.is_empty() { contact(connection, tenant).await } else { Ok(administrators) }
}

async fn contact(connection: &mut Connection, tenant: Uuid) -> Result<Vec<String>, StoreError> {
    let row = profile_query(tenant).fetch_optional(connection).await?;
    // A profile that cannot be read must not keep from happening what the mail tells of.
    let profile = row.and_then(|row| read_profile(&row).ok().flatten());
    let contact = profile.map(|profile| profile.primary_contact_email.trim().to_owned());
    Ok(contact.filter(|contact| !contact.is_empty()).into_iter().collect())
}
