//! Databases that earlier versions wrote, copies of databases, and a look through a whole one.

use super::*;

/// The database as the first version left it after a demo: a tenant, its report and a finished execution.
const FIRST_TABLES: &str = include_str!("../../tests-data/written-by-first-tables.sql");
/// A report on a schedule without an end, as all were then.
const SCHEDULED: &str =
    "INSERT INTO scheduled_reports SELECT '00000000-0000-0000-0000-000000000040', tenant_id, owner_id, application_id, program, name,
    description, query_id, query, owner_name, created, modified, 'Active', 0, NULL, NULL, 14400000, 4, NULL, 0, 14400000, 0,
    callback_url, callback_method, format FROM scheduled_reports";

#[tokio::test]
async fn a_database_of_the_first_version_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite_url(&folder.path().join("insightgate.db"));
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&Dialect::Sqlite.connect_url(&url)).await.unwrap();
    sqlx::raw_sql(FIRST_TABLES).execute(&mut connection).await.unwrap();
    sqlx::raw_sql(SCHEDULED).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    goes_on_with_reports(&Store::open(&url).await.unwrap()).await;
}

/// The report that ran in the first version, and the one that was on a schedule then.
async fn goes_on_with_reports(store: &Store) {
    let tenant = store.tenant_by_domain("contoso.example").await.unwrap().unwrap();
    let (report, scheduled) = (Uuid::try_parse("eb5a06ce-a098-4972-9332-805f06d4c5cb").unwrap(), Uuid::from_u128(0x40));
    let row = sqlx::query("SELECT id, tenant_id, turn, queued FROM executions").fetch_one(&store.pool).await.unwrap();
    let record = store.execution(Uuid::try_parse(&row.get::<String, _>("id")).unwrap()).await.unwrap().unwrap();
    assert_eq!((record.report.id, record.execution.status), (report, ExecutionStatus::Completed));
    assert_eq!(record.execution.artifact.unwrap().rows, 5);
    assert_eq!(record.execution.artifact_removed, None);
    assert_eq!(row.get::<String, _>("tenant_id"), tenant.id.to_string());
    assert_eq!(row.get::<i64, _>("turn"), row.get::<i64, _>("queued"));
    assert_eq!(store.oldest_artifacts_of(tenant.id).await.unwrap().len(), 1);

    // New executions of the old report are queued and finished.
    let next = NewExecution { id: Uuid::from_u128(5), report, slot: "next".into(), anchor: at(0), queued: at(0) };
    let mut transaction = store.begin_beside().await.unwrap();
    crate::reports::executions::insert_execution(&mut transaction, tenant.id, &next).await.unwrap();
    transaction.commit().await.unwrap();
    let claimed = store.claim_execution(1, 2).await.unwrap().unwrap();
    assert!(
        store
            .finish_execution(&claimed, &Outcome::Completed { artifact: artifact(1_u64), note: None, sums: Vec::new() }, None, at(1))
            .await
            .unwrap()
    );

    // Its schedules continue as before.
    let announced = store.announce_next_execution(scheduled, Uuid::from_u128(6)).await.unwrap().unwrap();
    let expected = Schedule { next_execution: Some(Uuid::from_u128(6)), ..Schedule::new(at(4), 4, None, 0) };
    assert_eq!(announced.timing, Timing::Recurring(expected));
    store.queue_due_reports(at(4), CatchUp::All, 10, || Ok::<_, StoreError>(Uuid::from_u128(7))).await.unwrap();
    assert_eq!(store.claim_execution(3, 4).await.unwrap().unwrap().execution.id, Uuid::from_u128(6));
    let reports = store.reports(announced.owner, announced.program, &ReportFilter::default()).await.unwrap();
    assert!(reports.iter().any(|known| known.id == report) && reports.iter().any(|known| known.id == scheduled));
}

#[tokio::test]
async fn a_backup_is_a_database_of_its_own() {
    let Deployment { store, url, _folder } = deployment().await;
    let copy = _folder.path().join("copy's.db");
    let made = Store::back_up(&url, &copy.display().to_string()).await;
    if store.is_shared() {
        assert!(matches!(made, Err(StoreError::NoBackup)));
        return;
    }
    made.unwrap();
    assert!(Store::back_up(&url, &copy.display().to_string()).await.is_err(), "what is there stays");
    store.add_tenant(&Tenant { id: Uuid::from_u128(9), domain: "later.example".into(), ..tenant() }, None, at(0)).await.unwrap();
    let copy = Store::open(&format!("sqlite:{}", copy.display())).await.unwrap();
    assert_eq!(copy.tenant_by_domain("contoso.example").await.unwrap(), Some(tenant()));
    assert_eq!(copy.tenant_by_domain("later.example").await.unwrap(), None);
}

#[tokio::test]
async fn a_sound_database_has_no_faults_and_nothing_is_made_of_none() {
    let (url, _folder) = new_database().await;
    let nothing = Store::inspect(&url).await.unwrap();
    assert_eq!((nothing.version, nothing.faults.len()), (0, 0));
    assert!(!nothing.is_current());
    if !url.starts_with("postgres") {
        assert_eq!(std::fs::read_dir(_folder.path()).unwrap().count(), 0, "a look makes no file");
    }
    let store = Store::open(&url).await.unwrap();
    store.add_tenant(&tenant(), None, at(0)).await.unwrap();
    let found = Store::inspect(&url).await.unwrap();
    assert!(found.is_current() && found.faults.is_empty(), "{found:?}");
}

#[tokio::test]
async fn rows_that_refer_to_nothing_and_broken_indexes_are_found() {
    let Deployment { store, url, _folder } = deployment().await;
    if store.is_shared() {
        let mut connection = AnyConnection::connect(&url).await.unwrap();
        sqlx::query("ALTER TABLE locations ADD CONSTRAINT later CHECK (mpn_id <> '') NOT VALID").execute(&mut connection).await.unwrap();
        assert_eq!(Store::inspect(&url).await.unwrap().faults, ["the condition later was never checked"]);
        return;
    }
    store.close().await;
    let mut connection = AnyConnection::connect(&Dialect::Sqlite.existing_url(&url)).await.unwrap();
    for statement in ["PRAGMA foreign_keys = OFF", "INSERT INTO locations VALUES ('nobody', '1', 'n', 'c'), ('nobody', '2', 'n', 'c')"] {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
    assert_eq!(Store::inspect(&url).await.unwrap().faults, ["2 rows of locations refer to rows of tenants that are not there"]);
    // Each index then claims to be of other columns than those that it holds.
    for statement in [
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = 'CREATE INDEX users_by_tenant ON users (username, tenant_id)' WHERE name = 'users_by_tenant'",
        "UPDATE sqlite_master SET sql = replace(sql, '(tenant_id, created)', '(created, tenant_id)') WHERE type = 'index'",
        "UPDATE sqlite_master SET sql = replace(sql, 'name TEXT NOT NULL,', 'name TEXT NOT NULL CHECK (name = ''x''),') WHERE name = 'tenants'",
    ] {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    let faults = Store::inspect(&url).await.unwrap().faults;
    assert!(faults.iter().any(|fault| fault.contains("CHECK constraint failed in tenants")), "{faults:?}");
}

#[tokio::test]
async fn a_database_of_an_older_version_is_told_and_not_migrated() {
    let Deployment { store, url, _folder } = deployment().await;
    let known = Store::inspect(&url).await.unwrap().known;
    sqlx::query("UPDATE _sqlx_migrations SET success = FALSE WHERE version = $1").bind(known).execute(&store.pool).await.unwrap();
    let found = Store::inspect(&url).await.unwrap();
    assert_eq!((found.version, found.is_current()), (known - 1, false));
    assert_eq!(found.faults, [format!("step {known} of its tables was begun and did not end")]);
    assert_eq!(Store::inspect(&url).await.unwrap(), found);
}

mod upgrades;
