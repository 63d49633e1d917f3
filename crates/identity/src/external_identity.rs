//! Who a token of an external issuer stands for: bindings of that issuer's identifiers to our own tenants, users and applications.
//!
//! A binding is by (issuer, its tenant, its object id), and never by a mail address or a name, which people can change. Roles, permissions and consent are
//! those of the local user and application.

use chrono::{DateTime, Utc};
use strum::{EnumString, IntoStaticStr, VariantArray};
use thiserror::Error;
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum ExternalKind {
    /// A tenant of the issuer. It is bound before its users and applications, so that nobody can bind those of another organisation.
    Tenant,
    User,
    Application,
}

impl ExternalKind {
    pub const ALL: &'static [ExternalKind] = ExternalKind::VARIANTS;

    /// The stored and transported name.
    pub fn name(self) -> &'static str {
        self.into()
    }

    pub fn from_name(name: &str) -> Option<ExternalKind> {
        name.parse().ok()
    }
}

/// A binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalIdentity {
    pub id: Uuid,
    /// The local tenant.
    pub tenant: Uuid,
    /// The issuer, as in `iss`.
    pub issuer: String,
    /// Empty for an issuer that belongs to one local tenant by configuration.
    pub external_tenant: String,
    pub kind: ExternalKind,
    /// The issuer's id of the user or application; for a binding of a tenant, the tenant's id.
    pub external_id: String,
    /// The local tenant, user or application.
    pub local: Uuid,
    pub created: DateTime<Utc>,
}

/// The bearer of a verified token, in its issuer's identifiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalBearer {
    /// Empty for an issuer that belongs to one local tenant by configuration.
    pub tenant: String,
    pub application: String,
    /// The user, or the issuer's name for an application that acts alone.
    pub subject: String,
    /// Whether the token itself says that there is no user.
    pub alone: bool,
}

/// The local side of a bearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recognised {
    pub tenant: Uuid,
    pub application: Uuid,
    /// `None` for an application that acts alone.
    pub user: Option<Uuid>,
}

/// Which part of a bearer is not bound. This is for the log and the audit trail; the caller gets "Unauthorized".
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotBound {
    #[error("the issuer's tenant '{0}' is not bound")]
    Tenant(String),
    #[error("the issuer's application '{0}' is not bound")]
    Application(String),
    #[error("the issuer's user '{0}' is not bound")]
    User(String),
}

impl ExternalBearer {
    /// Resolves the bearer to local identities. `bound` are the bindings of this bearer's issuer and tenant; others are ignored. `fixed` is the local tenant
    /// that the issuer belongs to by configuration, if any.
    ///
    /// A bearer without a bound user counts as an application alone only if the token says so, or if the subject is bound as that same application: an
    /// unknown user never gets the rights of the application.
    ///
    /// # Errors
    ///
    /// [`NotBound`] names the part of the bearer that is not bound.
    pub fn recognise(&self, issuer: &str, fixed: Option<Uuid>, bound: &[ExternalIdentity]) -> Result<Recognised, NotBound> {
        let find = |kind: ExternalKind, id: &str| {
            bound.iter().find(|identity| {
                identity.issuer == issuer && identity.external_tenant == self.tenant && identity.kind == kind && identity.external_id == id
            })
        };
        let own = || find(ExternalKind::Tenant, &self.tenant).map(|identity| identity.tenant);
        let tenant = fixed.or_else(own).ok_or_else(|| NotBound::Tenant(self.tenant.clone()))?;
        let find =
            |kind: ExternalKind, id: &str| find(kind, id).filter(|identity| identity.tenant == tenant).map(|identity| identity.local);
        let application =
            find(ExternalKind::Application, &self.application).ok_or_else(|| NotBound::Application(self.application.clone()))?;
        let user = if self.alone { None } else { find(ExternalKind::User, &self.subject) };
        let is_alone = self.alone || find(ExternalKind::Application, &self.subject) == Some(application);
        if user.is_none() && !is_alone {
            return Err(NotBound::User(self.subject.clone()));
        }
        Ok(Recognised { tenant, application, user })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://issuer.example";
    const HOME: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);
    const APP: Uuid = Uuid::from_u128(10);
    const OTHER_APP: Uuid = Uuid::from_u128(11);
    const ANA: Uuid = Uuid::from_u128(20);

    fn identity(tenant: Uuid, external_tenant: &str, kind: ExternalKind, external_id: &str, local: Uuid) -> ExternalIdentity {
        ExternalIdentity {
            id: Uuid::nil(),
            tenant,
            issuer: ISSUER.into(),
            external_tenant: external_tenant.into(),
            kind,
            external_id: external_id.into(),
            local,
            created: DateTime::UNIX_EPOCH,
        }
    }

    fn bearer(tenant: &str, application: &str, subject: &str, alone: bool) -> ExternalBearer {
        ExternalBearer { tenant: tenant.into(), application: application.into(), subject: subject.into(), alone }
    }

    #[test]
    fn bearers_are_recognised_by_what_is_bound() {
        use ExternalKind::{Application, Tenant, User};
        let bound = [
            identity(HOME, "t", Tenant, "t", HOME),
            identity(HOME, "t", Application, "app", APP),
            identity(HOME, "t", Application, "service", APP),
            identity(HOME, "t", Application, "other", OTHER_APP),
            identity(HOME, "t", User, "ana", ANA),
            // Bindings from a time when the tenant was bound elsewhere.
            identity(OTHER, "t", User, "old", ANA),
            identity(OTHER, "t", Application, "old", APP),
            // Bindings whose tenant is not bound.
            identity(OTHER, "u", User, "ana", ANA),
            identity(OTHER, "u", Application, "app", APP),
        ];
        let with_user = Ok(Recognised { tenant: HOME, application: APP, user: Some(ANA) });
        let alone = Ok(Recognised { tenant: HOME, application: APP, user: None });
        let no_user = |name: &str| Err(NotBound::User(name.into()));
        let no_application = |name: &str| Err(NotBound::Application(name.into()));
        let cases = [
            (bearer("t", "app", "ana", false), with_user),
            (bearer("t", "app", "app", true), alone.clone()),
            (bearer("t", "app", "anything", true), alone.clone()),
            (bearer("t", "app", "service", false), alone),
            // The subject of another application is not a user.
            (bearer("t", "app", "other", false), no_user("other")),
            (bearer("t", "app", "zoe", false), no_user("zoe")),
            (bearer("t", "app", "ANA", false), no_user("ANA")),
            (bearer("t", "app", "", false), no_user("")),
            (bearer("t", "app", "old", false), no_user("old")),
            (bearer("t", "old", "ana", false), no_application("old")),
            (bearer("t", "ana", "ana", false), no_application("ana")),
            (bearer("u", "app", "ana", false), Err(NotBound::Tenant("u".into()))),
            (bearer("", "app", "ana", false), Err(NotBound::Tenant(String::new()))),
        ];
        for (bearer, expected) in cases {
            assert_eq!(bearer.recognise(ISSUER, None, &bound), expected, "{bearer:?}");
        }
        let foreign = bearer("t", "app", "ana", false).recognise("https://issuer.example/", None, &bound);
        assert_eq!(foreign, Err(NotBound::Tenant("t".into())), "another issuer");
    }

    #[test]
    fn an_issuer_of_one_tenant_needs_no_tenant_bound() {
        let bound = [
            identity(HOME, "", ExternalKind::Application, "app", APP),
            identity(HOME, "", ExternalKind::User, "ana", ANA),
            identity(OTHER, "", ExternalKind::User, "zoe", ANA),
        ];
        let recognise = |subject: &str| bearer("", "app", subject, false).recognise(ISSUER, Some(HOME), &bound);
        assert_eq!(recognise("ana"), Ok(Recognised { tenant: HOME, application: APP, user: Some(ANA) }));
        assert_eq!(recognise("zoe"), Err(NotBound::User("zoe".into())), "of another tenant");
    }
}
