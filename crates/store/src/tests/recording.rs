//! For everything that grants or removes: the change and its event are both written, or neither is.

mod access_log;

use std::pin::Pin;

use insightgate_identity::application::{ClientSecret, Permission};
use insightgate_identity::enrollment::Enrollment;
use insightgate_identity::external_identity::{ExternalIdentity, ExternalKind};
use insightgate_identity::role::{Role, RoleAssignment};
use insightgate_identity::tenant::Location;

use super::*;

type Made = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;
type Step = (&'static str, fn(Store) -> Made);

const APP: Uuid = Uuid::from_u128(2);
const SECRET: Uuid = Uuid::from_u128(40);
const OTHER: Uuid = Uuid::from_u128(9);

macro_rules! step {
    ($name:literal, |$store:ident| $change:expr) => {
        ($name, |$store: Store| Box::pin(async move { $change.await.map(drop) }))
    };
}

/// Each step continues where the one before ended.
const STEPS: &[Step] = &[
    step!("tenant.add", |store| store.add_tenant(&Tenant { id: OTHER, domain: "other.example".into(), ..tenant() }, None, at(0))),
    step!("tenant.enroll", |store| store.put_enrollment(OTHER, &Enrollment::active(Program::Mpn, at(0)))),
    step!("enrollment.change", |store| store
        .change_enrollment(OTHER, Program::Mpn, |known| { (Some(known.unwrap().suspend("why", at(1)).unwrap()), ()) })),
    step!("location.add", |store| store.put_location(OTHER, &Location { mpn_id: "1".into(), name: "n".into(), country: "c".into() })),
    step!("tenant.delete", |store| store.delete_tenant(OTHER)),
    step!("tenant.take", |store| store.enroll_tenant(
        &Tenant { id: OTHER, domain: "other.example".into(), ..tenant() },
        None,
        &Enrollment::active(Program::Mpn, at(0)),
        at(0)
    )),
    step!("application.register", |store| store.add_application(&Application::confidential(APP, tenant().id, "Reports"), at(0))),
    step!("application.change", |store| store
        .change_application(&Application { name: "Other".into(), ..Application::confidential(APP, tenant().id, "Reports") }, None)),
    step!("secret.add", |store| store.add_client_secret(APP, &secret(SECRET))),
    step!("secret.remove", |store| store.remove_client_secret(APP, SECRET)),
    step!("permission.add", |store| store.add_permission(APP, Permission::PartnerApi)),
    step!("consent.grant", |store| store.grant_consent(APP, Permission::PartnerApi, None, at(0))),
    step!("consent.revoke", |store| store.revoke_consent(APP, Permission::PartnerApi, None)),
    step!("permission.remove", |store| store.remove_permission(APP, Permission::PartnerApi)),
    step!("application.take", |store| store.register_application(
        &Application::confidential(Uuid::from_u128(41), tenant().id, "All at once"),
        true,
        Some(&secret(Uuid::from_u128(42))),
        &[Permission::PartnerApi],
        at(0)
    )),
    step!("user.add", |store| store.add_user(&User::new(OWNER, tenant().id, "ana@contoso.example".into()), Some("hash"), at(0))),
    step!("user.change", |store| store.change_user(OWNER, Some("Ana"), Some(false))),
    step!("user.enable", |store| store.set_user_enabled(OWNER, true)),
    step!("user.setPassword", |store| store.set_user_password(OWNER, "other", false)),
    step!("user.addTotp", |store| store.add_totp(OWNER, "sealed")),
    step!("user.resetTotp", |store| store.set_totp(OWNER, None)),
    step!("role.assign", |store| store.put_role(tenant().id, OWNER, &viewer())),
    step!("role.revoke", |store| store.revoke_role(OWNER, Role::ExecutiveReportViewer)),
    step!("externalIdentity.bind", |store| store.add_external_identity(&identity())),
    step!("externalIdentity.unbind", |store| store.remove_external_identity(&identity())),
    step!("callbackSecret.add", |store| store.add_callback_secret(&callback_secret(), at(24), 5)),
    step!("callbackSecret.remove", |store| store.remove_callback_secret(OWNER, SECRET)),
    step!("key.rotate", |store| store.add_key(&StoredKey {
        id: "k".into(),
        purpose: "signing".into(),
        sealed: "s".into(),
        created: at(0)
    })),
    step!("sign_in.succeed", |store| store.put_sign_in_session(&session(), None, false)),
    step!("console.signIn", |store| store.add_console_session(&ConsoleSession {
        digest: "console".into(),
        tenant: tenant().id,
        application: APP,
        user: Some(OWNER),
        mfa: false,
        signed_in: at(0),
        expires: at(12),
    })),
    step!("device.approve", |store| store.decide_device_code("device", Some(&session()))),
    step!("token.issue", |store| store.redeem_device_code("device", None)),
    step!("run.refuse", |store| refuse_an_execution(store)),
];

async fn refuse_an_execution(store: Store) -> Result<bool, StoreError> {
    let now = store.lease_time().await?;
    // Claimed again, since the previous claim was never finished.
    store.release_leases().await?;
    let claimed = store.claim_execution(now, now + 1).await?.unwrap();
    store.finish_execution(&claimed, &Outcome::Refused { reason: "why".into() }, None, at(1)).await
}

fn secret(id: Uuid) -> ClientSecret {
    let hint = "abc".to_owned();
    ClientSecret { id, digest: format!("digest {id}"), hint, description: String::new(), created: at(0), expires: at(24) }
}

fn viewer() -> RoleAssignment {
    RoleAssignment { role: Role::ExecutiveReportViewer, locations: Locations::Organization }
}

fn identity() -> ExternalIdentity {
    ExternalIdentity {
        id: Uuid::from_u128(50),
        tenant: tenant().id,
        issuer: "https://issuer.example".into(),
        external_tenant: "t".into(),
        kind: ExternalKind::Tenant,
        external_id: "t".into(),
        local: tenant().id,
        created: at(0),
    }
}

fn callback_secret() -> CallbackSecret {
    CallbackSecret { id: SECRET, tenant: tenant().id, owner: OWNER, sealed: "s".into(), created: at(0), expires: None }
}

fn session() -> SignInSession {
    sign_in::session("session", at(0), at(12))
}

fn event(number: usize, action: &str) -> AuditEvent {
    AuditEvent {
        id: Uuid::from_u128(number as u128),
        at: at(0),
        tenant: Some(tenant().id),
        actor: "actor".into(),
        action: action.into(),
        subject: "the subject".into(),
        detail: String::new(),
        correlation: None,
        occurrences: 1,
        address: None,
    }
}

/// All stored rows except the events and what a claim leaves.
async fn everything(store: &Store) -> Vec<String> {
    let mut all = Vec::new();
    for table in [
        "tenants",
        "enrollments",
        "locations",
        "users",
        "applications",
        "client_secrets",
        "permissions",
        "consents",
        "role_assignments",
        "keys",
        "external_identities",
        "callback_secrets",
        "sign_in_sessions",
        "console_sessions",
        "device_codes",
        "scheduled_reports",
    ] {
        let columns = match store.dialect {
            Dialect::Sqlite => format!("SELECT name FROM pragma_table_info('{table}') ORDER BY name"),
            Dialect::Postgres => format!(
                "SELECT CAST(column_name AS TEXT) AS name FROM information_schema.columns WHERE table_name = '{table}' ORDER BY column_name"
            ),
        };
        let columns = sqlx::query(sqlx::AssertSqlSafe(columns)).fetch_all(&store.pool).await.unwrap();
        let columns: Vec<String> =
            columns.iter().map(|row| format!("COALESCE(CAST({} AS TEXT), '-')", row.get::<String, _>("name"))).collect();
        assert!(!columns.is_empty(), "{table}");
        let rows = format!("SELECT {} AS line FROM {table} ORDER BY 1", columns.join(" || '|' || "));
        let rows = sqlx::query(sqlx::AssertSqlSafe(rows)).fetch_all(&store.pool).await.unwrap();
        all.extend(rows.iter().map(|row| format!("{table}: {}", row.get::<String, _>("line"))));
    }
    all
}

async fn rename(store: &Store, from: &'static str, to: &'static str) {
    let text = format!("ALTER TABLE {from} RENAME TO {to}");
    sqlx::query(sqlx::AssertSqlSafe(text)).execute(&store.pool).await.unwrap();
}

#[tokio::test]
async fn a_change_whose_event_cannot_be_written_is_not_made() {
    let Deployment { store, _folder, .. } = deployment().await;
    for (number, (action, change)) in STEPS.iter().enumerate() {
        if *action == "device.approve" {
            let code = DeviceCode {
                digest: "device".into(),
                user_code: "CODE".into(),
                tenant: tenant().id,
                application: APP,
                resource: "r".into(),
                openid: false,
                offline: false,
                expires: at(1),
                state: DeviceState::Pending,
                network: String::new(),
            };
            store.add_device_code(&code, at(0)).await.unwrap();
        }
        if *action == "run.refuse" {
            let schedule = Schedule::new(at(0), 4, None, 0);
            let report = report(30, Timing::Recurring(schedule));
            store.add_report(&report, None, None).await.unwrap().unwrap();
            let queued = store.queue_due_reports(at(0), CatchUp::All, 10, || Ok::<_, StoreError>(Uuid::from_u128(31)));
            assert_eq!(queued.await.unwrap(), 1);
        }
        let recording = || store.recording(event(number, action));
        let before = everything(&store).await;
        rename(&store, "audit_events", "away").await;
        let failed = change(recording()).await.expect_err(action);
        rename(&store, "away", "audit_events").await;
        let StoreError::Unrecorded { action: named, subject, .. } = &failed else { panic!("{action}: {failed:?}") };
        assert_eq!((named.as_str(), subject.as_str()), (*action, "the subject"));
        assert_eq!(everything(&store).await, before, "{action}");

        change(recording()).await.expect(action);
        assert_ne!(everything(&store).await, before, "{action}");
        let events = store.audit_events(1000).await.unwrap();
        assert_eq!(events.iter().filter(|found| **found == event(number, action)).count(), 1, "{action}");
        assert_eq!(events.len(), number + 1, "{action}");
    }
}

#[tokio::test]
async fn what_does_not_take_place_is_not_recorded() {
    let Deployment { store, _folder, .. } = deployment().await;
    let recording = || store.recording(event(1, "x"));
    assert!(!recording().remove_client_secret(APP, SECRET).await.unwrap());
    assert!(!recording().delete_tenant(OTHER).await.unwrap());
    assert!(!recording().revoke_role(OWNER, Role::Manager).await.unwrap());
    assert!(!recording().remove_permission(APP, Permission::PartnerApi).await.unwrap());
    assert!(!recording().remove_callback_secret(OWNER, SECRET).await.unwrap());
    assert!(!recording().remove_external_identity(&identity()).await.unwrap());
    assert!(!recording().decide_device_code("none", None).await.unwrap());
    assert!(recording().replay_callback(SECRET, at(0), at(1)).await.unwrap().is_none());
    recording().change_enrollment(tenant().id, Program::Mpn, |_| (None, ())).await.unwrap();
    assert!(recording().add_tenant(&tenant(), None, at(0)).await.is_err(), "it is there already");
    assert_eq!(store.audit_events(10).await.unwrap(), []);
}

/// Connections are cut again and again, during any statement.
#[tokio::test]
async fn as_many_users_as_events_whatever_happens_to_connections() {
    let Deployment { store, url, _folder } = deployment().await;
    if !store.is_shared() {
        return;
    }
    const USERS: usize = 400;
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
    for adder in 0..8 {
        let (store, said) = (store.clone(), said.clone());
        tokio::spawn(async move {
            for number in (adder..USERS).step_by(8) {
                let user = User::new(Uuid::from_u128(1000 + number as u128), tenant().id, format!("user{number}@contoso.example"));
                // Whether or not the call succeeded: what counts is what is stored in the end.
                let made = store.recording(event(number, "user.add")).add_user(&user, None, at(0)).await;
                said.send(made.is_ok()).unwrap();
            }
        });
    }
    drop(said);
    let mut cutter = AnyConnection::connect(&url).await.unwrap();
    let (mut heard_of, mut made) = (0, 0);
    while let Some(ok) = heard.recv().await {
        heard_of += 1;
        made += usize::from(ok);
        if heard_of % 7 == 0 {
            let cut = "SELECT CAST(COUNT(pg_terminate_backend(pid)) AS BIGINT) FROM pg_stat_activity
                       WHERE datname = current_database() AND pid <> pg_backend_pid()";
            sqlx::query(cut).fetch_one(&mut cutter).await.unwrap();
        }
    }
    assert_eq!(heard_of, USERS);
    assert!(made > 0 && made < USERS, "{made}");
    let users: Vec<Uuid> = store.users(tenant().id).await.unwrap().into_iter().map(|user| user.id).collect();
    let mut events: Vec<Uuid> =
        store.audit_events(1000).await.unwrap().into_iter().map(|event| Uuid::from_u128(1000 + event.id.as_u128())).collect();
    events.sort_unstable();
    let mut sorted = users.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, events);
    assert!(sorted.len() >= made);
}
