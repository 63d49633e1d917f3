//! Calls of the management API. Each answer is compared with the served OpenAPI document, and each call with the audit events that it left.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::{Method, Request, header};
use insightgate_identity::application::{Application, Permission};
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_operations::audit::write_counts;
use insightgate_operations::context::Settings;
use insightgate_operations::provisioning::Provisioner;
use insightgate_operations::provisioning::add_user::{add_user, assign_role};
use insightgate_operations::provisioning::register_application::register_application;
use insightgate_store::{AuditEvent, AuditFilter};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::tests::harness::described::Document;
use crate::tests::harness::*;

pub(super) const MANAGE: &str = "api://insightgate/manage";

/// The application with which Contoso's administrators call.
pub(super) const CONSOLE: Uuid = Uuid::from_u128(0xb1);
/// An application that manages Contoso without a user.
pub(super) const ROBOT: Who = Who { tenant: CONTOSO, application: Uuid::from_u128(0xb2), user: None };
pub(super) const FOREIGN_CONSOLE: Uuid = Uuid::from_u128(0xb3);
pub(super) const OPERATOR: Who = Who { tenant: CONTOSO, application: OPERATOR_APP, user: None };
/// The only Global admin of Contoso.
pub(super) const GLOBAL: Who = admin(0x11);
/// Account admin of Contoso.
pub(super) const ACCOUNT: Who = admin(0x12);
/// MPN Partner Admin of Contoso.
pub(super) const PARTNER: Who = admin(0x13);
/// An Executive report viewer of Contoso, who manages nothing.
pub(super) const VIEWER: Who = Who { tenant: CONTOSO, application: CONSOLE, user: ANA.user };
/// Global admin of Fabrikam.
pub(super) const FOREIGNER: Who = Who { tenant: FABRIKAM, application: FOREIGN_CONSOLE, user: Some(Uuid::from_u128(0x21)) };

const fn admin(id: u128) -> Who {
    Who { tenant: CONTOSO, application: CONSOLE, user: Some(Uuid::from_u128(id)) }
}

pub(super) struct Desk {
    pub(super) deployment: Deployment,
    document: Document,
    calls: AtomicUsize,
    /// The bodies of all answers.
    answered: Mutex<Vec<String>>,
}

impl Desk {
    pub(super) async fn new() -> Desk {
        Desk::with(|_| {}).await
    }

    /// A desk with other settings.
    pub(super) async fn with(change: impl FnOnce(&mut Settings)) -> Desk {
        let deployment = Deployment::with(change).await;
        #[allow(clippy::disallowed_methods)]
        let (context, by) = (&deployment.context, Provisioner::at_start("test"));
        for (id, tenant, permission) in [
            (CONSOLE, CONTOSO, Permission::Management),
            (ROBOT.application, CONTOSO, Permission::ManagementApplication),
            (FOREIGN_CONSOLE, FABRIKAM, Permission::Management),
        ] {
            let application = Application::confidential(id, tenant, "console");
            register_application(context, by, &application, SECRET, &[permission]).await.unwrap();
        }
        for (who, name, role) in [
            (GLOBAL, "gil@contoso.example", Role::GlobalAdmin),
            (ACCOUNT, "abe@contoso.example", Role::AccountAdmin),
            (PARTNER, "pia@contoso.example", Role::MpnPartnerAdmin),
            (FOREIGNER, "fay@fabrikam.example", Role::GlobalAdmin),
        ] {
            let id = who.user.unwrap();
            add_user(context, by, who.tenant, id, name, PASSWORD).await.unwrap();
            let assignment = RoleAssignment { role, locations: Locations::Organization };
            assign_role(context, by, who.tenant, id, &assignment).await.unwrap();
        }
        let document = Document::new(deployment.fetch("/manage/v1/openapi.json", &[]).await.json());
        Desk { deployment, document, calls: AtomicUsize::new(0), answered: Mutex::default() }
    }

    pub(super) fn token(&self, who: Who) -> String {
        let mut claims = self.deployment.claims(who);
        claims.aud = MANAGE.to_owned();
        claims.scp = who.user.map(|_| "management".to_owned());
        self.deployment.context.signing.sign(&claims).unwrap()
    }

    pub(super) async fn ask(&self, who: Who, method: &str, path: &str, body: Value) -> Answer {
        self.ask_with(&self.token(who), method, path, body).await
    }

    /// `path` begins after `/manage/v1`.
    pub(super) async fn ask_with(&self, token: &str, method: &str, path: &str, body: Value) -> Answer {
        let correlation = format!("call-{}", self.calls.fetch_add(1, Ordering::Relaxed));
        let request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("/manage/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header("ms-correlationid", &correlation);
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let answer = self.deployment.send(request.body(body).unwrap()).await;
        if let Err(fault) = self.document.check(method, path, &answer) {
            panic!("{method} {path}: {fault}: {}", answer.text());
        }
        self.check_events(method, path, &correlation, &answer).await;
        self.answered.lock().unwrap().push(answer.text());
        answer
    }

    /// Changes and refusals leave exactly one event, which names the call; reads and invalid requests leave none.
    async fn check_events(&self, method: &str, path: &str, correlation: &str, answer: &Answer) {
        write_counts(&self.deployment.context).await.unwrap();
        let filter = AuditFilter { correlation: Some(correlation.to_owned()), ..AuditFilter::default() };
        let events = self.deployment.context.store.audit_page(&filter, None, 10).await.unwrap().items;
        let code = if answer.status.is_success() { String::new() } else { answer.json()["error"]["code"].as_str().unwrap().to_owned() };
        let recorded = match code.as_str() {
            "" => method != "GET",
            "forbidden" | "illegalMove" | "unauthorized" => true,
            _ => false,
        };
        assert_eq!(events.len(), usize::from(recorded), "{method} {path} {} {}: {events:?}", answer.status, answer.text());
        for event in &events {
            if code == "unauthorized" {
                assert_eq!((event.action.as_str(), event.tenant), ("access.unauthorized", None));
                continue;
            }
            assert!(Uuid::try_parse(&event.actor).is_ok() && !event.subject.is_empty(), "{event:?}");
            assert_eq!(event.action == "access.refuse", code == "forbidden", "{event:?}");
        }
    }

    /// Returns the body of a successful answer.
    pub(super) async fn done(&self, who: Who, method: &str, path: &str, body: Value) -> Value {
        let answer = self.ask(who, method, path, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {} {}", answer.status, answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    pub(super) async fn get(&self, who: Who, path: &str) -> Value {
        self.done(who, "GET", path, Value::Null).await
    }

    /// Returns the message of a refusal with this code.
    pub(super) async fn refused(&self, who: Who, method: &str, path: &str, body: Value, code: &str) -> String {
        let answer = self.ask(who, method, path, body).await;
        let status = match code {
            "invalid" => 400,
            "unauthorized" => 401,
            "forbidden" => 403,
            "notFound" => 404,
            "conflict" | "illegalMove" => 409,
            other => panic!("{other}"),
        };
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (status, &json!(code)), "{method} {path}: {}", answer.text());
        answer.json()["error"]["message"].as_str().unwrap().to_owned()
    }

    pub(super) async fn events(&self) -> Vec<AuditEvent> {
        write_counts(&self.deployment.context).await.unwrap();
        self.deployment.context.store.audit_events(100_000).await.unwrap()
    }

    /// No event contains one of these secrets, and no answer except the one that had to show it.
    pub(super) async fn assert_kept(&self, secrets: &[(&str, usize)]) {
        let events = format!("{:?}", self.events().await);
        let answered = self.answered.lock().unwrap().clone();
        for (secret, shown) in secrets {
            assert!(!events.contains(secret), "an event holds a secret");
            assert_eq!(answered.iter().filter(|answer| answer.contains(secret)).count(), *shown, "{secret}");
        }
    }
}

pub(super) fn contoso(path: &str) -> String {
    format!("/tenants/contoso.example{path}")
}

pub(super) fn profile() -> Value {
    json!({
        "companyLegalName": "Adatum Corporation",
        "addressLine1": "1 Long Street",
        "city": "Berlin",
        "postalCode": "10115",
        "countryRegion": "Germany",
        "primaryContactFirstName": "Ida",
        "primaryContactLastName": "Berg",
        "primaryContactEmail": "ida.berg@adatum.example",
    })
}

pub(super) fn new_tenant() -> Value {
    json!({"domain": "Adatum.Example", "name": "Adatum", "globalAccountId": "3000000", "profile": profile()})
}
