//! Deleting an organisation, once its domain was typed.

use askama::Template;
use insightgate_identity::tenant::Tenant;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::tenants::delete_tenant;

use super::NEEDS;
use crate::console::endpoint::{Endpoint, Given};
use crate::console::page::{self, Frame, Place};
use crate::console::visit::Visit;

const PATH: &str = "/console/tenants/{tenant}/delete";

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::get(PATH, NEEDS, ask), Endpoint::post(PATH, NEEDS, delete)]
}

#[derive(Template)]
#[template(path = "console/tenants/delete.html")]
struct DeletePage<'a> {
    frame: Frame,
    action: String,
    back: String,
    tenant: Tenant,
    typed: &'a str,
    fault: Option<String>,
}

async fn ask(visit: Visit) -> Given {
    show(&visit, None).await
}

async fn delete(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let tenant = administrator.tenant_for(visit.context(), visit.tenant(), Duty::Operate).await?;
    if visit.form().text("domain").is_none_or(|typed| !typed.eq_ignore_ascii_case(&tenant.domain)) {
        let failure = Failure::Invalid(format!("Type {} to say that this organisation is meant.", tenant.domain));
        return show(&visit, Some(&failure)).await;
    }
    match delete_tenant(visit.context(), &administrator, visit.tenant()).await {
        Ok(()) => Ok(page::go_to("/console/tenants?done=deleted")),
        Err(failure) if page::belongs_to_form(&failure) => show(&visit, Some(&failure)).await,
        Err(failure) => Err(failure),
    }
}

async fn show(visit: &Visit, failure: Option<&Failure>) -> Given {
    let administrator = visit.administrator().await?;
    let tenant = administrator.tenant_for(visit.context(), visit.tenant(), Duty::Operate).await?;
    let at = format!("/console/tenants/{}", tenant.id);
    let page = DeletePage {
        frame: Frame::new(visit, Place::Tenants, "Delete the organisation?"),
        action: format!("{at}/delete"),
        back: at,
        tenant,
        typed: visit.form().raw("domain"),
        fault: failure.map(ToString::to_string),
    };
    Ok(page::show(visit, failure, &page))
}
