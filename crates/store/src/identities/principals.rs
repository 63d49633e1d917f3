//! A caller's rights at this moment, in one read.

use insightgate_identity::application::Permission;
use insightgate_identity::principal::Principal;
use insightgate_identity::role::{Role, RoleAssignment};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::again::again;
use crate::database::dialect::{by_bytes, placeholders};
use crate::database::locks::Hold;
use crate::database::row::{Read, read_locations, written_locations};
use crate::identities::applications::{read_application, written_user};
use crate::identities::tenants::{read_enrollment, read_tenant};
use crate::identities::users::{SELECT_USERS, read_user};
use crate::{Store, StoreError};

impl Store {
    /// Returns the application, and the user if one is named, with their rights. Returns `None` if any of them does not exist or belongs to another tenant.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn principal(&self, tenant: Uuid, application: Uuid, user: Option<Uuid>) -> Result<Option<Principal>, StoreError> {
        again(|| self.read_principal(tenant, application, user)).await
    }

    async fn read_principal(&self, tenant: Uuid, application: Uuid, user: Option<Uuid>) -> Result<Option<Principal>, StoreError> {
        let mut connection = self.pool.acquire_reading().await?;
        let tenant_id = tenant.to_string();
        let query = sqlx::query("SELECT * FROM tenants WHERE id = $1").bind(tenant_id.clone());
        let Some(tenant_row) = query.fetch_optional(&mut connection).await? else { return Ok(None) };
        let query = sqlx::query("SELECT * FROM applications WHERE tenant_id = $1 AND id = $2");
        let query = query.bind(tenant_id.clone()).bind(application.to_string());
        let Some(application_row) = query.fetch_optional(&mut connection).await? else { return Ok(None) };
        let user = match user {
            None => None,
            Some(id) => {
                let query = sqlx::query(AssertSqlSafe(format!("{SELECT_USERS} WHERE tenant_id = $1 AND id = $2")));
                let query = query.bind(tenant_id.clone()).bind(id.to_string());
                let Some(row) = query.fetch_optional(&mut connection).await? else { return Ok(None) };
                Some(read_user(&row)?)
            }
        };
        let query = sqlx::query("SELECT * FROM enrollments WHERE tenant_id = $1").bind(tenant_id.clone());
        let enrollments = query.fetch_all(&mut connection).await?.iter().map(read_enrollment).collect::<Result<_, _>>()?;
        // The permission was consented to by the whole tenant, or by this user.
        let query = sqlx::query(
            "SELECT p.permission, (SELECT COUNT(*) FROM consents c WHERE c.application_id = p.application_id
                                   AND c.permission = p.permission AND c.user_id IN ('', $2)) AS consented
             FROM permissions p WHERE p.application_id = $1",
        );
        let query = query.bind(application.to_string()).bind(written_user(user.as_ref().map(|user| user.id)));
        let (mut requested, mut consented) = (Vec::new(), Vec::new());
        for row in query.fetch_all(&mut connection).await? {
            let permission = row.named("permission", Permission::from_name)?;
            requested.push(permission);
            if row.flag("consented")? {
                consented.push(permission);
            }
        }
        let assignee = user.as_ref().map_or(application, |user| user.id);
        let query = sqlx::query("SELECT role, locations FROM role_assignments WHERE tenant_id = $1 AND assignee_id = $2");
        let query = query.bind(tenant_id).bind(assignee.to_string());
        let mut roles = Vec::new();
        for row in query.fetch_all(&mut connection).await? {
            roles.push(read_assignment(&row)?);
        }
        Ok(Some(Principal {
            tenant: read_tenant(&tenant_row)?,
            application: read_application(&application_row)?,
            user,
            enrollments,
            consented,
            requested,
            roles,
            mfa: false,
        }))
    }

    /// Whether any tenant, user or application has this id. An id in one tenant's assignments must never belong to another tenant.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_id_taken(&self, id: Uuid) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "SELECT id FROM tenants WHERE id = $1 UNION ALL SELECT id FROM users WHERE id = $1
             UNION ALL SELECT id FROM applications WHERE id = $1",
        );
        Ok(query.bind(id.to_string()).fetch_optional(&self.pool).await?.is_some())
    }

    /// Assigns the role, or changes its locations. Writes nothing if the tenant is gone.
    ///
    /// # Errors
    /// When there is no room for another, or the database does not answer.
    pub async fn put_role(&self, tenant: Uuid, assignee: Uuid, assignment: &RoleAssignment) -> Result<(), StoreError> {
        let locations = written_locations(&assignment.locations);
        let query = sqlx::query(
            "INSERT INTO role_assignments (tenant_id, assignee_id, role, locations)
             SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT 1 FROM tenants WHERE id = $1)
             ON CONFLICT (assignee_id, role) DO UPDATE SET locations = excluded.locations",
        )
        .bind(tenant.to_string())
        .bind(assignee.to_string())
        .bind(assignment.role.id())
        .bind(locations);
        self.change_identity_of(Some(Hold::Tenant(tenant)), query).await.map(drop)
    }

    /// Returns false if the assignee did not have the role.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke_role(&self, assignee: Uuid, role: Role) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM role_assignments WHERE assignee_id = $1 AND role = $2");
        Ok(self.change_identity(query.bind(assignee.to_string()).bind(role.id())).await? == 1)
    }

    /// Returns each assignee with its assignments, ordered by assignee and role.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn role_assignments(&self, tenant: Uuid) -> Result<Vec<(Uuid, RoleAssignment)>, StoreError> {
        let query =
            sqlx::query(by_bytes(self.dialect, "SELECT * FROM role_assignments WHERE tenant_id = $1 ORDER BY assignee_id, role {}"))
                .bind(tenant.to_string());
        read_assigned(&query.fetch_all(&self.pool).await?)
    }

    /// Returns the assignments of these assignees, ordered by assignee and role.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn role_assignments_of(&self, tenant: Uuid, assignees: &[Uuid]) -> Result<Vec<(Uuid, RoleAssignment)>, StoreError> {
        if assignees.is_empty() {
            return Ok(Vec::new());
        }
        let listed = placeholders(1, assignees.len());
        let text =
            format!("SELECT * FROM role_assignments WHERE tenant_id = $1 AND assignee_id IN ({listed}) ORDER BY assignee_id, role {{}}");
        let query = sqlx::query(by_bytes(self.dialect, &text)).bind(tenant.to_string());
        let query = assignees.iter().fold(query, |query, assignee| query.bind(assignee.to_string()));
        read_assigned(&query.fetch_all(&self.pool).await?)
    }
}

fn read_assigned(rows: &[AnyRow]) -> Result<Vec<(Uuid, RoleAssignment)>, StoreError> {
    rows.iter().map(|row| Ok((row.id("assignee_id")?, read_assignment(row)?))).collect()
}

fn read_assignment(row: &AnyRow) -> Result<RoleAssignment, StoreError> {
    Ok(RoleAssignment { role: row.named("role", Role::from_id)?, locations: read_locations(row.optional_text("locations")?)? })
}
