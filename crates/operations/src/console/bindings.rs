//! What external issuers' identifiers stand for, as the page of an organisation, a user or an application shows it: its own bindings, and where more can be
//! bound.

use insightgate_identity::external_identity::{ExternalIdentity, ExternalKind};
use uuid::Uuid;

use crate::context::Context;
use crate::external_issuers::{IssuerSettings, TenantSource};
use crate::failure::Failure;
use crate::manage::administrator::Administrator;
use crate::manage::users::external_identities::list_external_identities;

pub struct Bindings {
    /// Oldest first.
    pub bound: Vec<Bound>,
    /// Where users and applications of the tenant can be bound.
    pub sources: Vec<Source>,
    /// The issuers whose tenants have to be bound, in the order of the configuration.
    pub issuers: Vec<String>,
    /// Whether the server trusts any external issuer.
    pub is_trusting: bool,
}

pub struct Bound {
    pub identity: ExternalIdentity,
    /// Whether the issuer is still configured. Otherwise none of its tokens is accepted.
    pub is_trusted: bool,
}

/// A part of an issuer that belongs to the tenant.
pub struct Source {
    pub issuer: String,
    /// `None` for an issuer that belongs to the tenant as a whole, by configuration.
    pub external_tenant: Option<String>,
    /// The claim with a user's id.
    pub user_claim: String,
    /// The claims that may hold an application's id.
    pub application_claims: Vec<String>,
}

impl Source {
    fn of(settings: &IssuerSettings, external_tenant: Option<String>) -> Source {
        let IssuerSettings { url, user_claim, application_claims, .. } = settings.clone();
        Source { issuer: url, external_tenant, user_claim, application_claims }
    }
}

/// The bindings that stand for `local`: the id of the tenant itself, of a user or of an application.
///
/// # Errors
/// When the caller may not do this, or the database does not answer.
pub async fn bindings_of(context: &Context, administrator: &Administrator, tenant: &str, local: Uuid) -> Result<Bindings, Failure> {
    let all = list_external_identities(context, administrator, tenant).await?;
    let own = administrator.tenant(context, tenant).await?.id;
    let mut sources = Vec::new();
    for issuer in context.issuers.all() {
        match &issuer.settings.tenant {
            TenantSource::Fixed(fixed) if *fixed == own => sources.push(Source::of(&issuer.settings, None)),
            TenantSource::Fixed(_) => {}
            TenantSource::Claim(_) => {
                let of_issuer = all.iter().filter(|one| one.kind == ExternalKind::Tenant && one.issuer == issuer.settings.url);
                sources.extend(of_issuer.map(|one| Source::of(&issuer.settings, Some(one.external_tenant.clone()))));
            }
        }
    }
    let is_claimed = |settings: &IssuerSettings| settings.tenant.fixed().is_none();
    let issuers = context.issuers.all().filter(|issuer| is_claimed(&issuer.settings)).map(|issuer| issuer.settings.url.clone());
    let bound = all.into_iter().filter(|identity| identity.local == local);
    Ok(Bindings {
        bound: bound.map(|identity| Bound { is_trusted: context.issuers.find(&identity.issuer).is_some(), identity }).collect(),
        sources,
        issuers: issuers.collect(),
        is_trusting: context.issuers.all().next().is_some(),
    })
}
