//! A look through a whole database, and executions whose artifact is lost.

use super::group_commit::event;
use super::*;

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

#[tokio::test]
async fn an_execution_whose_artifact_is_lost_fails_and_may_publish_another() {
    let Deployment { store, _folder, .. } = deployment().await;
    let report = once(10);
    store.add_report(&report, Some(&first_execution(&report)), None).await.unwrap().unwrap();
    let claim = store.claim_execution(0, 1_000).await.unwrap().unwrap();
    store.put_block_sums(claim.execution.id, claim.execution.epoch, &[[1; 32]]).await.unwrap();
    assert_eq!(store.published_artifacts(None).await.unwrap(), []);
    let done = |epoch: Epoch| Outcome::Completed { artifact: artifact(epoch), note: None };
    assert!(store.finish_execution(&claim, &done(claim.execution.epoch), None, at(1)).await.unwrap());

    let published = store.published_artifacts(None).await.unwrap();
    let [lost] = published.as_slice() else { panic!("{published:?}") };
    assert_eq!(store.published_artifacts(Some(lost.execution.id)).await.unwrap(), []);
    assert!(store.give_up_artifact(lost, "its file is lost", at(2), &event(7)).await.unwrap());
    assert!(!store.give_up_artifact(lost, "its file is lost", at(3), &event(8)).await.unwrap(), "once");
    assert_eq!(store.published_artifacts(None).await.unwrap(), []);
    let failed = store.execution(lost.execution.id).await.unwrap().unwrap().execution;
    assert_eq!((failed.status, failed.failure.as_deref()), (ExecutionStatus::Failed, Some("its file is lost")));
    assert_eq!(failed.artifact_removed, Some(at(2)));
    assert_eq!(store.block_sums(failed.id, claim.execution.epoch, 0).await.unwrap(), None);
    assert_eq!(store.audit_events(10).await.unwrap().len(), 1);

    // If it is run again, its new artifact is not taken for the one that was removed.
    sqlx::query("UPDATE executions SET status = 'Pending', finished = NULL").execute(&store.pool).await.unwrap();
    let claim = store.claim_execution(0, 1_000).await.unwrap().unwrap();
    assert!(store.finish_execution(&claim, &done(claim.execution.epoch), None, at(4)).await.unwrap());
    let again = store.published_artifacts(None).await.unwrap();
    assert_eq!(again.first().map(|record| record.execution.artifact_removed), Some(None));
}
