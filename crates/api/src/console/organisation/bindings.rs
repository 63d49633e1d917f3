//! The part of a page that shows which identifiers of external issuers stand for a user, an application or the organisation, with the forms to add and
//! remove one.

use askama::Template;
use insightgate_identity::external_identity::ExternalKind;
use insightgate_operations::console::bindings::{Bindings, Bound, Source, bindings_of};
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::users::external_identities::{NewExternalIdentity, bind_external_identity, unbind_external_identity};
use url::form_urlencoded::Serializer;
use uuid::Uuid;

use super::super::page::Shown;
use super::super::visit::Visit;
use super::super::visit::form::Form;

/// What is told once a form was taken.
pub(in crate::console) const BOUND: (&str, &str) = ("bound", "The external identity is bound: tokens that name it count from now on.");
pub(in crate::console) const UNBOUND: (&str, &str) =
    ("unbound", "The external identity is removed: tokens that name it open nothing any more.");

#[derive(Template)]
#[template(path = "console/organisation/bindings.html")]
pub(in crate::console) struct BindingsPart {
    csrf: String,
    /// The page's address, which those of the forms begin with.
    at: String,
    kind: ExternalKind,
    rows: Vec<Row>,
    choices: Vec<Choice>,
    /// The issuer's id, as it was typed.
    external_id: String,
    is_trusting: bool,
    may_change: bool,
    is_operator: bool,
    tenant: String,
    fault: Option<String>,
}

/// Its own template has escaped what it shows.
impl askama::filters::HtmlSafe for BindingsPart {}

struct Row {
    id: String,
    issuer: String,
    external_tenant: String,
    external_id: String,
    is_trusted: bool,
    created: Shown,
}

/// Where the form can bind.
struct Choice {
    /// The fields of the call that it stands for.
    value: String,
    issuer: String,
    external_tenant: Option<String>,
    /// The claims in which the issuer's tokens have the id.
    claims: String,
    is_chosen: bool,
}

impl BindingsPart {
    fn is(&self, kind: &str) -> bool {
        self.kind.name() == kind
    }
}

/// The part for what has the id `local`. `fault` is why the form of the part could not be done, if it was sent.
///
/// # Errors
/// When the visitor may not look at this, or the database does not answer.
pub(in crate::console) async fn bindings_part(
    visit: &Visit,
    (kind, local): (ExternalKind, Uuid),
    at: &str,
    fault: Option<String>,
) -> Result<BindingsPart, Failure> {
    let administrator = visit.administrator().await?;
    let Bindings { bound, sources, issuers, is_trusting } = bindings_of(visit.context(), &administrator, visit.tenant(), local).await?;
    let typed = fault.is_some();
    let chosen = if typed { visit.form().raw("source") } else { "" };
    let choices = match kind {
        ExternalKind::Tenant => issuers.into_iter().map(|issuer| choice(issuer, None, String::new(), chosen)).collect(),
        ExternalKind::User | ExternalKind::Application => sources.into_iter().map(|source| of_source(source, kind, chosen)).collect(),
    };
    Ok(BindingsPart {
        csrf: visit.arrival.browser.form_token(),
        at: at.to_owned(),
        kind,
        rows: bound.into_iter().map(row).collect(),
        choices,
        external_id: if typed { visit.form().raw("external_id").to_owned() } else { String::new() },
        is_trusting,
        may_change: visit.has(Duty::Directory),
        is_operator: visit.is_operator(),
        tenant: visit.tenant().to_owned(),
        fault,
    })
}

/// Binds what the form names to a user or an application of the path, or an issuer's tenant to the organisation.
///
/// # Errors
/// As [`bind_external_identity`] has them.
pub(in crate::console) async fn bind(visit: &Visit, kind: ExternalKind) -> Result<(), Failure> {
    let administrator = visit.administrator().await?;
    let form = visit.form();
    let source = Form::parse(form.raw("source").as_bytes());
    let external_id = form.text("external_id");
    let of = |wanted: ExternalKind, name: &str| (kind == wanted).then(|| visit.path(name).to_owned());
    let (external_tenant, external_id) = match kind {
        ExternalKind::Tenant => (external_id, None),
        ExternalKind::User | ExternalKind::Application => (source.text("externalTenant"), external_id),
    };
    let new = NewExternalIdentity {
        issuer: source.text("issuer"),
        external_tenant,
        kind: Some(kind.name().to_owned()),
        external_id,
        user: of(ExternalKind::User, "user"),
        application: of(ExternalKind::Application, "application"),
    };
    bind_external_identity(visit.context(), &administrator, visit.tenant(), new).await.map(drop)
}

/// Removes the binding that the form names.
///
/// # Errors
/// As [`unbind_external_identity`] has them.
pub(in crate::console) async fn unbind(visit: &Visit) -> Result<(), Failure> {
    let administrator = visit.administrator().await?;
    unbind_external_identity(visit.context(), &administrator, visit.tenant(), visit.form().raw("identity")).await
}

fn row(Bound { identity, is_trusted }: Bound) -> Row {
    Row {
        id: identity.id.to_string(),
        issuer: identity.issuer,
        external_tenant: identity.external_tenant,
        external_id: identity.external_id,
        is_trusted,
        created: Shown(identity.created),
    }
}

fn of_source(source: Source, kind: ExternalKind, chosen: &str) -> Choice {
    let claims = if kind == ExternalKind::User { source.user_claim } else { source.application_claims.join(" or ") };
    choice(source.issuer, source.external_tenant, claims, chosen)
}

fn choice(issuer: String, external_tenant: Option<String>, claims: String, chosen: &str) -> Choice {
    let mut fields = Serializer::new(String::new());
    fields.append_pair("issuer", &issuer);
    if let Some(external) = &external_tenant {
        fields.append_pair("externalTenant", external);
    }
    let value = fields.finish();
    Choice { is_chosen: value == chosen, value, issuer, external_tenant, claims }
}
