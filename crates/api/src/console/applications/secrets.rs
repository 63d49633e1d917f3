//! An application's secrets. A new one is shown once: in the answer to the form that made it, which no address and no later page has.

use askama::Template;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::applications::secrets::{add_secret, remove_secret};

use super::one::{Part, address, settled};
use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::page::{self, Frame, Place, Shown};
use crate::console::visit::Visit;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let needs = Needs::Duty(Duty::Directory);
    vec![
        Endpoint::post("/console/tenants/{tenant}/applications/{application}/secrets", needs, add),
        Endpoint::post("/console/tenants/{tenant}/applications/{application}/secrets/remove", needs, remove),
    ]
}

#[derive(Template)]
#[template(path = "console/applications/secret.html")]
struct SecretPage {
    frame: Frame,
    at: String,
    secret: String,
    ends: Shown,
}

async fn add(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let form = visit.form();
    let days = match form.text("days") {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| Failure::Invalid("'days' should be a number.".to_owned())),
    };
    let (tenant, application) = (visit.tenant(), visit.path("application"));
    let added = match days {
        Ok(days) => add_secret(visit.context(), &administrator, tenant, application, Some(form.raw("description")), days).await,
        Err(failure) => Err(failure),
    };
    match added {
        Ok((kept, secret)) => {
            let frame = Frame::new(&visit, Place::Applications, "The new secret");
            Ok(page::show(&visit, None, &SecretPage { frame, at: address(&visit), secret, ends: Shown(kept.expires) }))
        }
        Err(failure) => settled(&visit, Err(failure), Part::Secrets, "").await,
    }
}

async fn remove(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let secret = visit.form().raw("secret");
    let outcome = remove_secret(visit.context(), &administrator, visit.tenant(), visit.path("application"), secret).await;
    settled(&visit, outcome, Part::Secrets, "secret-removed").await
}
