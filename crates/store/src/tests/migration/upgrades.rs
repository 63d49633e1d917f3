//! Databases of every released version, on SQLite and on Postgres: each is made by the migrations that its version had, and holds rows in the words of
//! that version. Today's version opens it, and goes on with what is there.
//!
//! A migration that is added later is tried by itself, since the versions are those of `migrations()`.

use insightgate_identity::guessing::Lockout;
use insightgate_identity::tokens::refresh::LIFETIME;
use sqlx::migrate::Migrator;

use super::{FIRST_TABLES, SCHEDULED, goes_on_with_reports};
use crate::tests::*;

/// What the versions wrote that came with these migrations: rows of the tables and columns that they added, for the tenant, the user and the run of the
/// first version. A migration that adds none of either has no entry.
const WRITTEN: [(i64, &[&str]); 10] = [
    (
        2,
        &[
            "INSERT INTO callbacks (id, tenant_id, owner_id, program, report_id, execution_id, event, method, url, body, created, state, attempts, epoch,
                 due, give_up, lease_until, finished)
                 SELECT '00000000-0000-0000-0000-000000000050', tenant_id, owner_id, program, id, '24cc2841-769b-4d0f-96ad-2e983372b784', 'completed',
                 'POST', 'https://example.com/', '{}', created, 'delivered', 1, 1, created, created, 0, created FROM scheduled_reports WHERE execute_now = 1",
            "INSERT INTO callback_attempts (callback_id, number, at, milliseconds, http_status, error)
                 VALUES ('00000000-0000-0000-0000-000000000050', 1, 0, 7, 200, NULL)",
            "INSERT INTO callback_secrets (id, tenant_id, owner_id, sealed, created, expires)
                 SELECT '00000000-0000-0000-0000-000000000051', tenant_id, id, 'sealed', created, NULL FROM users",
        ],
    ),
    (
        3,
        &["INSERT INTO artifact_blocks (execution_id, epoch, first_block, sums)
               VALUES ('24cc2841-769b-4d0f-96ad-2e983372b784', 1, 0, '16cdb36ac1a876e01216d2dfad57d9ac02d4f4543ca00d41ee67422672b4df52')"],
    ),
    (
        4,
        &["INSERT INTO audit_events (id, at, tenant_id, actor, action, subject, detail, correlation_id, occurrences, address)
               SELECT '00000000-0000-0000-0000-000000000052', created, tenant_id, '', 'access.refuse', username, 'wrong password', NULL, 12, '192.0.2.0'
               FROM users"],
    ),
    (
        5,
        &["INSERT INTO sign_in_counts (subject, network, nobody, failures, locked_until, since, recent, last_failure, last_success)
               SELECT id, 'keyed digest', 0, 3, NULL, created, '', created, created FROM users"],
    ),
    (
        7,
        &["INSERT INTO scheduled_reports (id, tenant_id, owner_id, application_id, program, name, description, query_id, query, owner_name, created,
               status, execute_now, start_time, interval_hours, fired, next_slot, revision, format, callback_on_failure, end_time, next_run_id, number)
               SELECT '00000000-0000-0000-0000-000000000041', tenant_id, owner_id, application_id, program, 'Ends', NULL, query_id, query, owner_name,
               created, 'Active', 0, 3600000000, 24, 0, 3600000000, 0, 'csv', 1, 7200000000, NULL, 1 FROM scheduled_reports WHERE execute_now = 1"],
    ),
    (
        8,
        &[
            "UPDATE executions SET begun = queued, took = 7",
            "INSERT INTO tenant_limits (tenant_id, name, value) SELECT id, 'queries', 200 FROM tenants",
            "INSERT INTO idempotency_keys (owner_id, program, digest, body, made_id, created) SELECT id, 'mpn', 'digest', 'body', 'made', created FROM users",
        ],
    ),
    (
        9,
        &[
            "INSERT INTO access_events (id, tenant_id, day, at, fields) SELECT '00000000-0000-0000-0000-000000000054', id, 1, 86400000, '{}' FROM tenants ORDER BY id LIMIT 1",
            "INSERT INTO access_days (tenant_id, day, generation, added, written, is_open, claimed_until) SELECT id, 1, 0, 1, 0, 1, 0 FROM tenants",
        ],
    ),
    (
        10,
        &["INSERT INTO console_sessions (digest, tenant_id, application_id, user_id, owner_id, mfa, signed_in, expires)
               SELECT 'digest ' || users.id || applications.id, users.tenant_id, applications.id, users.id, users.id, 0, users.created, users.created FROM users, applications
               WHERE applications.tenant_id = users.tenant_id"],
    ),
    (
        11,
        &["INSERT INTO mails (id, tenant_id, recipient, kind, occasion, subject, body, sealed, events, created, state, attempts, epoch, due, give_up,
               lease_until, finished, error)
               SELECT '00000000-0000-0000-0000-000000000053', tenant_id, username, 'failure', 'execution 1', 'subject', 'body', NULL, 1, created,
               'pending', 1, 1, created, created, 0, NULL, 'away' FROM users"],
    ),
    (12, &["UPDATE executions SET data_version = 7"]),
];

/// The digests of the migrations, at their beginnings. A database knows the whole digest of each that it was made by, and is not opened when one has
/// changed since.
const RELEASED: [&str; 12] = [
    "15ad3ca97cb2",
    "84c8cec58f7b",
    "f7636270495a",
    "07df10aaa32b",
    "65d513b2f576",
    "24671491ac7e",
    "2f66d34bfeff",
    "fea0b6f94769",
    "22e0e49e1f74",
    "f8758d4a5268",
    "d43aabd2225b",
    "4e92ede1eec5",
];

/// What took something away before the rule was there, which only the version before it could have missed.
const TOOK_AWAY: [(i64, &str); 1] = [(5, "DROP TABLE OTHER_WRONG_PASSWORDS")];

fn steps() -> std::ops::RangeInclusive<i64> {
    1..=i64::try_from(migrations().iter().count()).unwrap()
}

/// The migrations that a version had.
fn up_to(step: i64) -> Migrator {
    let known = migrations().iter().filter(|migration| migration.version <= step).cloned().collect();
    Migrator { migrations: Cow::Owned(known), ..migrations() }
}

async fn connect(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(&Dialect::of(url).unwrap().connect_url(url)).await.unwrap()
}

async fn execute_all(connection: &mut AnyConnection, statements: impl IntoIterator<Item = &str>) {
    for statement in statements {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// A database that began with the first version, was used by each later one, and was last used by this one.
async fn left_by(step: i64) -> (String, tempfile::TempDir) {
    let (url, folder) = new_database().await;
    let mut connection = connect(&url).await;
    // The rows of the first version stand in the order of their tables' names, and some of them refer to later ones.
    let [off, on] = match Dialect::of(&url).unwrap() {
        Dialect::Sqlite => ["PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys = ON"],
        Dialect::Postgres => ["SET session_replication_role = replica", "SET session_replication_role = origin"],
    };
    for version in 1..=step {
        up_to(version).run(&mut connection).await.unwrap();
        if version == 1 {
            let rows = FIRST_TABLES.lines().filter(|line| line.starts_with("INSERT INTO") && !line.contains("_sqlx_migrations"));
            // The first migration itself made the one row that counts other wrong passwords.
            let rows = rows.filter(|line| !line.contains("other_wrong_passwords"));
            execute_all(&mut connection, [off].into_iter().chain(rows)).await;
            execute_all(&mut connection, [SCHEDULED, "UPDATE users SET password_hash = 'hash'", on]).await;
        }
        let written = WRITTEN.iter().filter(|(of, _)| *of == version).flat_map(|(_, statements)| *statements);
        execute_all(&mut connection, written.copied()).await;
    }
    connection.close().await.unwrap();
    (url, folder)
}

/// Adds what a version after this one would: a table, a column, and the record of its migration.
async fn migrated_by_a_later_version(url: &str) {
    let later = [
        "CREATE TABLE later (id TEXT PRIMARY KEY)",
        "ALTER TABLE executions ADD COLUMN later BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE users ADD COLUMN later TEXT",
        "ALTER TABLE tenants ADD COLUMN later TEXT",
        "ALTER TABLE scheduled_reports ADD COLUMN later BIGINT",
        "ALTER TABLE sign_in_counts ADD COLUMN later BIGINT",
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             SELECT 99, 'later', success, checksum, 1 FROM _sqlx_migrations WHERE version = 1",
    ];
    let mut connection = connect(url).await;
    execute_all(&mut connection, later).await;
    connection.close().await.unwrap();
}

/// The user's password, wrong passwords and refresh tokens. `time` tells one sign-in from another.
async fn goes_on_with_sign_ins(store: &Store, time: u128) {
    let tenant = store.tenant_by_domain("contoso.example").await.unwrap().unwrap();
    let found = store.user_credentials(tenant.id, "analyst@contoso.example").await.unwrap().unwrap();
    assert_eq!(found.password_hash.as_deref(), Some("hash"));
    let (user, subject) = (found.user.id, Subject::User(found.user.id));
    let application = store.applications(tenant.id).await.unwrap().into_iter().find(|known| known.name == "Contoso reports").unwrap();
    let failures = async || store.sign_in_count(&subject, None, at(1)).await.unwrap().count.failures;
    let before = failures().await;
    store.change_sign_in_count(&subject, None, at(1), |count| Lockout { failures: count.failures + 1, ..count }).await.unwrap();
    assert_eq!(failures().await, before + 1);
    let record = |digest: &str| RefreshTokenRecord {
        digest: format!("{digest} {time}"),
        family: Uuid::from_u128(70 + time),
        tenant: tenant.id,
        application: application.id,
        user,
        resource: "r".into(),
        amr: "pwd".into(),
        expires: at(0) + LIFETIME,
    };
    store.add_refresh_token(&record("first")).await.unwrap();
    let used = UsedToken { digest: format!("first {time}"), now: at(1), good_since: Some(at(0)) };
    assert!(store.replace_refresh_token(used, Some(record("second")), None).await.unwrap());
    assert_eq!(store.refresh_token(&format!("second {time}")).await.unwrap().unwrap().1, RefreshTokenState::Fresh);
    assert!(!store.audit_events(100).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_database_of_each_version_goes_on() {
    for step in steps() {
        let (url, _folder) = left_by(step).await;
        let store = Store::open(&url).await.unwrap_or_else(|error| panic!("step {step}: {error}"));
        goes_on_with_sign_ins(&store, 1).await;
        goes_on_with_reports(&store).await;
        store.close().await;
        Store::open(&url).await.unwrap().close().await;
    }
}

#[tokio::test]
async fn processes_that_start_together_upgrade_once() {
    let (url, _folder) = left_by(1).await;
    if Dialect::of(&url).unwrap() == Dialect::Sqlite {
        return;
    }
    let opened = futures::future::join_all((0..4).map(|_| Store::open(&url))).await;
    for store in opened {
        store.unwrap().close().await;
    }
}

#[tokio::test]
async fn a_later_version_is_told_and_nothing_is_written() {
    let (url, _folder) = left_by(*steps().end()).await;
    migrated_by_a_later_version(&url).await;
    let told = |error: StoreError| {
        let text = error.to_string();
        assert!(text.contains("newer version") && text.contains("step 99") && text.contains(&steps().end().to_string()), "{text}");
        assert!(error.hint().unwrap().contains("newer version"));
    };
    let settings = async || {
        let mut connection = connect(&url).await;
        let rows = sqlx::query("SELECT COUNT(*) FROM _sqlx_migrations").fetch_one(&mut connection).await.unwrap().get::<i64, _>(0);
        connection.close().await.unwrap();
        rows
    };
    let before = settings().await;
    told(Store::open(&url).await.unwrap_err());
    told(Store::keys_before_opening(&url).await.unwrap_err());
    told(Store::tenant_before_opening(&url, "contoso.example").await.unwrap_err());
    assert_eq!(settings().await, before);
}

/// Where several processes share a database, one of them is upgraded first.
#[tokio::test]
async fn a_process_goes_on_beside_one_of_a_later_version() {
    let (url, _folder) = left_by(*steps().end()).await;
    let store = Store::open(&url).await.unwrap();
    if !store.is_shared() {
        // One process has a file to itself, and is upgraded with it.
        return;
    }
    goes_on_with_sign_ins(&store, 1).await;
    assert!(store.claim_execution(1, 2).await.unwrap().is_none());
    // Its statements are prepared by now, on several connections, for tables that have further columns then.
    migrated_by_a_later_version(&url).await;
    goes_on_with_sign_ins(&store, 2).await;
    goes_on_with_reports(&store).await;
    assert!(matches!(Store::open(&url).await.unwrap_err(), StoreError::Newer { found: 99, .. }), "but it is not started again");
}

#[tokio::test]
async fn a_tenant_is_found_without_an_upgrade() {
    let (url, _folder) = left_by(1).await;
    let known = Store::tenant_before_opening(&url, "contoso.example").await.unwrap();
    assert_eq!(known, Some(Uuid::try_parse("c999ed10-6d92-502b-8647-11aa9ff40392").unwrap()));
    assert_eq!(Store::tenant_before_opening(&url, "other.example").await.unwrap(), None);
    let mut connection = connect(&url).await;
    let newest = sqlx::query("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(&mut connection).await.unwrap();
    assert_eq!(newest.get::<i64, _>(0), 1);
    assert!(Store::needs_upgrade(&url).await.unwrap());
    Store::open(&url).await.unwrap().close().await;
    assert!(!Store::needs_upgrade(&url).await.unwrap());
}

#[test]
fn what_was_released_stays_as_it_was() {
    let digests: Vec<_> = migrations().iter().map(|migration| hex::encode(&migration.checksum)[..12].to_owned()).collect();
    let unlisted = digests.get(RELEASED.len()..).unwrap_or_default();
    assert!(
        unlisted.is_empty(),
        "RELEASED lacks the digests of the last migrations, which whoever has the main branch may run: {unlisted:?}"
    );
    assert_eq!(digests.len(), RELEASED.len(), "a migration that was released is gone");
    for (migration, released) in migrations().iter().zip(RELEASED) {
        let digest = hex::encode(&migration.checksum);
        assert!(digest.starts_with(released), "migration {} was released as {released}…: add another one", migration.version);
    }
}

#[test]
fn what_a_migration_adds_has_rows_in_these_tests() {
    for migration in migrations().iter().skip(1) {
        let adds = ["CREATE TABLE", "ADD COLUMN"].iter().any(|words| migration.sql.as_str().contains(words));
        let is_written = WRITTEN.iter().any(|(version, _)| *version == migration.version);
        assert_eq!(adds, is_written, "migration {} and its entry of WRITTEN", migration.version);
    }
}

/// A process of the version before may be at work while the tables are brought up to date, and goes on afterwards.
#[test]
fn each_migration_leaves_the_version_before_at_work() {
    for migration in migrations().iter() {
        let statements: String =
            migration.sql.as_str().lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
        for statement in statements.split(';').map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase()) {
            if TOOK_AWAY.contains(&(migration.version, statement.as_str())) {
                continue;
            }
            let takes_away = ["DROP TABLE", "DROP COLUMN", "RENAME", "ALTER COLUMN", "CREATE UNIQUE INDEX"]
                .iter()
                .find(|words| statement.contains(**words));
            let asks_for_more = statement.contains("ADD COLUMN") && statement.contains("NOT NULL") && !statement.contains("DEFAULT");
            assert!(takes_away.is_none() && !asks_for_more, "migration {}: {statement}", migration.version);
        }
    }
}
