//! Every table with its limit: a new table needs a line here, and therefore a limit.

use insightgate_identity::application::ClientSecret;
use insightgate_identity::tenant::Location;

use super::*;
use crate::room;

/// Each table, and what keeps it from growing without end, with the setting or the test that says so.
const BOUNDS: &[(&str, &str)] = &[
    ("_sqlx_migrations", "one row a migration"),
    ("tenants", "operators add them"),
    ("enrollments", "one of each program and tenant"),
    ("locations", "room::LOCATIONS of a tenant"),
    ("users", "room::USERS of a tenant"),
    ("applications", "room::APPLICATIONS of a tenant"),
    ("client_secrets", "room::SECRETS of an application, 10 of them unexpired"),
    ("permissions", "those that there are, of an application"),
    ("consents", "those that there are, of an application, for the tenant and each user"),
    ("role_assignments", "those that there are, of a user or application"),
    ("keys", "replaced ones go once nothing needs them (operations::key_age)"),
    ("refresh_tokens", "100 of a sign-in, 1000 of a user and application; go a week after they have expired or were revoked (keeper)"),
    ("report_queries", "100 of an owner and program (reports.quotas), else room::QUERIES of an owner"),
    ("scheduled_reports", "50 active and 5 new ones an hour of an owner and program (reports.quotas), and room::REPORTS of an owner"),
    ("execute_now_creations", "go after an hour (sweeper)"),
    ("executions", "go after reports.history_days; one each 4 hours of a report"),
    ("artifact_blocks", "a row each 128 blocks of a file; go with the file"),
    ("audit_events", "go after audit.days; how fast they come is bounded (operations::recorder)"),
    ("access_events", "go when their day's file is complete; how many a tenant writes is bounded (operations::usage::recorder)"),
    ("access_days", "one of a tenant and day; go after access_log.days (operations::usage::files)"),
    ("settings", "their names are the program's"),
    ("console_sessions", "100 of a user, or of an application alone; go once they have expired (keeper)"),
    ("sign_in_sessions", "100 of a user; go once they have expired (keeper)"),
    ("authorization_codes", "100 of a user; go an hour after they have expired (keeper)"),
    ("device_codes", "1000 of an application wait for their users, 50 of an address; go soon after they have expired (keeper)"),
    ("external_identities", "room::EXTERNAL_IDENTITIES of a tenant"),
    ("sign_in_counts", "11 of a user, and 100,000 names that nobody has; go after a day, known addresses after 90 (keeper)"),
    ("callbacks", "one of an execution; go after 90 days (sweeper)"),
    ("callback_attempts", "room::ATTEMPTS of a callback"),
    ("mails", "room::MAILS of a tenant and of a recipient a day; go after 30 days (sweeper)"),
    ("tenant_limits", "their names are the program's, of a tenant"),
    ("idempotency_keys", "reports::idempotency::KEYS_OF_AN_OWNER of an owner and program; go after a day (sweeper)"),
    ("callback_secrets", "5 of an owner (manage::callback_secrets)"),
];

#[tokio::test]
async fn every_table_has_a_bound() {
    let Deployment { store, _folder, .. } = deployment().await;
    let listed = match store.dialect {
        Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        Dialect::Postgres => "SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables WHERE table_schema = 'public'",
    };
    let rows = sqlx::query(listed).fetch_all(&store.pool).await.unwrap();
    let mut tables: Vec<String> = rows.iter().map(|row| row.get("name")).collect();
    tables.sort();
    let mut bounded: Vec<String> = BOUNDS.iter().map(|(table, _)| (*table).to_owned()).collect();
    bounded.sort();
    assert_eq!(tables, bounded, "a table without a bound, or a bound without a table");
}

/// Inserts many rows with one statement, which counts `n` from 1 to `most`.
pub(super) async fn fill(store: &Store, most: i64, insert: &str) {
    let text =
        format!("WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {most}) {insert} FROM numbers");
    sqlx::query(sqlx::AssertSqlSafe(text)).execute(&store.pool).await.unwrap();
}

fn is_full(outcome: Result<(), StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Full { .. }))
}

#[tokio::test]
async fn a_tenant_has_so_much_room_and_another_its_own() {
    let Deployment { store, _folder, .. } = deployment().await;
    let other = Tenant { id: Uuid::from_u128(8), domain: "other.example".into(), ..tenant() };
    store.add_tenant(&other, None, at(0)).await.unwrap();
    let own = tenant().id;
    let user = |tenant, id| User::new(Uuid::from_u128(id), tenant, format!("user{id}@contoso.example"));
    let users = "INSERT INTO users (id, tenant_id, username, display_name, must_change, enabled, failures, totp_step, created)
        SELECT CAST(n AS TEXT), '00000000-0000-0000-0000-000000000001', 'n' || n, '', 0, 1, 0, 0, 0";
    fill(&store, room::USERS.most - 1, users).await;
    store.add_user(&user(own, 70_000), None, at(0)).await.unwrap();
    assert!(is_full(store.add_user(&user(own, 70_001), None, at(0)).await));
    store.add_user(&user(other.id, 70_002), None, at(0)).await.unwrap();

    let application = |tenant, id| Application::confidential(Uuid::from_u128(id), tenant, "app");
    let applications = "INSERT INTO applications (id, tenant_id, name, enabled, operator, public, redirect_uris, created)
        SELECT CAST(n AS TEXT), '00000000-0000-0000-0000-000000000001', 'n', 1, 0, 0, '[]', 0";
    fill(&store, room::APPLICATIONS.most - 1, applications).await;
    store.add_application(&application(own, 80_000), at(0)).await.unwrap();
    assert!(is_full(store.add_application(&application(own, 80_001), at(0)).await));
    store.add_application(&application(other.id, 80_002), at(0)).await.unwrap();

    let location = |id: &str| Location { mpn_id: id.into(), name: "n".into(), country: "c".into() };
    let locations = "INSERT INTO locations (tenant_id, mpn_id, name, country)
        SELECT '00000000-0000-0000-0000-000000000001', CAST(n AS TEXT), 'n', 'c'";
    fill(&store, room::LOCATIONS.most, locations).await;
    assert!(is_full(store.put_location(own, &location("new")).await));
    store.put_location(own, &location("1")).await.unwrap();
    store.put_location(other.id, &location("new")).await.unwrap();
}

#[tokio::test]
async fn expired_secrets_make_room_and_those_that_work_stay() {
    let Deployment { store, _folder, .. } = deployment().await;
    let application = Application::confidential(Uuid::from_u128(2), tenant().id, "app");
    store.add_application(&application, at(0)).await.unwrap();
    for day in 0..60_u32 {
        let created = at(i64::from(day) * 24);
        let secret = |id: u32, days| ClientSecret {
            id: Uuid::from_u128(id.into()),
            digest: format!("digest {id}"),
            hint: "abc".into(),
            description: String::new(),
            created,
            expires: created + TimeDelta::days(days),
        };
        store.add_client_secret(application.id, &secret(day, 1)).await.unwrap();
        if day < 3 {
            store.add_client_secret(application.id, &secret(1000 + day, 700)).await.unwrap();
        }
    }
    let kept = store.client_secrets(application.id).await.unwrap();
    assert_eq!(kept.len(), usize::try_from(room::SECRETS).unwrap());
    for long in 1000..1003 {
        assert!(kept.iter().any(|secret| secret.id == Uuid::from_u128(long)));
    }
    assert!(kept.iter().any(|secret| secret.id == Uuid::from_u128(59)), "the newest");
}

#[tokio::test]
async fn an_owner_keeps_so_many_reports_and_the_oldest_that_is_over_makes_room() {
    let Deployment { store, _folder, .. } = deployment().await;
    let over = ScheduledReport { status: ReportStatus::Inactive, ..once(20) };
    let ran = ScheduledReport { created: at(-10), ..once(21) };
    store.add_report(&over, None, None).await.unwrap().unwrap();
    let execution = NewExecution { id: Uuid::from_u128(5), report: ran.id, slot: "now".into(), anchor: at(0), queued: at(0) };
    store.add_report(&ran, Some(&execution), None).await.unwrap().unwrap();
    let others = "INSERT INTO scheduled_reports (id, tenant_id, owner_id, application_id, program, name, query_id, query, owner_name, created, status,
            execute_now, fired, revision, format, callback_on_failure)
        SELECT CAST(n AS TEXT), '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000003', 'a', 'mpn', 'n', 'q', 'q', 'o', 0,
            'Active', 1, 0, 0, 'csv', 0";
    fill(&store, room::REPORTS.most - 2, others).await;
    store.add_report(&once(22), None, None).await.unwrap().unwrap();
    assert!(store.report(OWNER, Program::Mpn, over.id).await.unwrap().is_none(), "the one that is over and has no execution went");
    assert!(store.report(OWNER, Program::Mpn, ran.id).await.unwrap().is_some());
    assert!(matches!(store.add_report(&once(23), None, None).await, Err(StoreError::Full { .. })), "none is over");
    let other = ScheduledReport { owner: Uuid::from_u128(77), ..once(24) };
    store.add_report(&other, None, None).await.unwrap().unwrap();
}

#[tokio::test]
async fn old_audit_events_go_in_pieces() {
    let Deployment { store, _folder, .. } = deployment().await;
    for hour in 0..10 {
        let event = AuditEvent {
            id: Uuid::from_u128(u128::try_from(hour).unwrap()),
            at: at(hour),
            tenant: None,
            actor: String::new(),
            action: "a".into(),
            subject: String::new(),
            detail: String::new(),
            correlation: None,
            occurrences: 1,
            address: None,
        };
        store.record_audit_event(event).await.unwrap();
    }
    for (limit, gone) in [(4, 4), (4, 2), (4, 0)] {
        assert_eq!(store.forget_audit_events(at(6), limit).await.unwrap(), gone);
    }
    assert_eq!(store.audit_events(100).await.unwrap().last().unwrap().at, at(6));
}

#[tokio::test]
async fn a_count_is_one_row_however_often_it_is_written() {
    let Deployment { store, _folder, .. } = deployment().await;
    let counted = |occurrences, detail: &str| AuditEvent {
        id: Uuid::from_u128(1),
        at: at(0),
        tenant: Some(tenant().id),
        actor: "client".into(),
        action: "token.refuse".into(),
        subject: "ana@contoso.example".into(),
        detail: detail.into(),
        correlation: Some("last".into()),
        occurrences,
        address: Some("203.0.113.7".into()),
    };
    // An event that no database can store as it is does not hold up the others.
    store.put_counted_events(&[AuditEvent { actor: "x\0y".into(), ..counted(1, "one\0") }, counted(3, "three")]).await.unwrap();
    store.put_counted_events(&[counted(4_000, "many")]).await.unwrap();
    assert_eq!(store.audit_events(10).await.unwrap(), [counted(4_000, "many")]);
}
