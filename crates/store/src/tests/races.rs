//! Many callers do the same at once, through two stores like two processes: limits, uniqueness and single use hold, and callers that have nothing in
//! common do not wait for each other.

use std::time::Duration;

use insightgate_identity::application::ClientSecret;
use insightgate_identity::enrollment::{Enrollment, EnrollmentStage};
use insightgate_identity::external_identity::{ExternalIdentity, ExternalKind};
use insightgate_identity::guessing::{KNOWN_ADDRESSES, Lockout};
use insightgate_identity::tenant::Location;
use insightgate_identity::tokens::device::WAITING_PER_ADDRESS;
use insightgate_identity::tokens::refresh::{KEPT_PER_SIGN_IN, LIFETIME};
use insightgate_report::report_query::ReportQuery;
use tokio::time::timeout;

use super::sign_in::{APP, code, populated, rows, token};
use super::*;
use crate::database::locks::Hold;
use crate::room;

const AT_ONCE: u64 = 40;

/// The results of `AT_ONCE` calls.
async fn at_once<T: Send + 'static, Done: Future<Output = T> + Send + 'static>(
    deployment: &Deployment,
    call: impl Fn(Store, u64) -> Done,
) -> Vec<T> {
    let other = if deployment.store.is_shared() { Store::open(&deployment.url).await.unwrap() } else { deployment.store.clone() };
    let stores = [deployment.store.clone(), other];
    let begun = (0..AT_ONCE).zip(stores.iter().cycle()).map(|(number, store)| tokio::spawn(call(store.clone(), number)));
    let mut outcomes = Vec::new();
    for task in begun.collect::<Vec<_>>() {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

fn count<T>(outcomes: &[T], is: impl Fn(&T) -> bool) -> usize {
    outcomes.iter().filter(|outcome| is(outcome)).count()
}

fn recurring(id: u128) -> ScheduledReport {
    report(id, Timing::Recurring(Schedule::new(at(4), 4, None, 0)))
}

fn quotas(active: u64, execute_now: u64) -> Option<ReportQuotas> {
    Some(ReportQuotas { active, execute_now, execute_now_since: at(-1) })
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_hold_for_many_who_create_at_once() {
    let deployment = deployment().await;
    let added = at_once(&deployment, |store, number| async move {
        let report = recurring(100 + u128::from(number));
        store.add_report(&report, None, quotas(5, 3)).await.unwrap().is_ok()
    });
    assert_eq!(count(&added.await, |added| *added), 5);
    let added = at_once(&deployment, |store, number| async move {
        let report = once(200 + u128::from(number));
        store.add_report(&report, Some(&first_execution(&report)), quotas(5, 3)).await.unwrap().is_ok()
    });
    assert_eq!(count(&added.await, |added| *added), 3);
    let numbers = "(SELECT DISTINCT number FROM scheduled_reports) AS numbers";
    assert_eq!(rows(&deployment.store, numbers).await, 8, "each has a number of its own");
    let query = |number: u64| ReportQuery {
        id: Uuid::from_u128(300 + u128::from(number)),
        tenant: tenant().id,
        owner: OWNER,
        program: Program::Mpn,
        name: "n".into(),
        description: None,
        text: "t".into(),
        user: "u".into(),
        created: at(0),
    };
    let added = at_once(&deployment, |store, number| async move { store.add_report_query(&query(number), Some(4)).await.unwrap() }).await;
    assert_eq!(count(&added, |added| *added), 4);
    let secret = |number: u64| CallbackSecret {
        id: Uuid::from_u128(400 + u128::from(number)),
        tenant: tenant().id,
        owner: OWNER,
        sealed: "s".into(),
        created: at(0),
        expires: None,
    };
    let added =
        at_once(&deployment, |store, number| async move { store.add_callback_secret(&secret(number), at(9), 5).await.unwrap() }).await;
    assert_eq!((count(&added, |added| *added), deployment.store.callback_secrets(OWNER, at(0)).await.unwrap().len()), (5, 5));
    let current = deployment.store.callback_secrets(OWNER, at(0)).await.unwrap();
    assert_eq!(current.iter().filter(|secret| secret.expires.is_none()).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_holds_for_many_that_become_active_at_once() {
    let deployment = deployment().await;
    for number in 0..AT_ONCE {
        let paused = ScheduledReport { status: ReportStatus::Paused, ..recurring(100 + u128::from(number)) };
        deployment.store.add_report(&paused, None, None).await.unwrap().unwrap();
    }
    let resumed = at_once(&deployment, |store, number| async move {
        let resumed = |report: &ScheduledReport| Ok::<_, ReportFault>(report.resumed(at(1)).unwrap());
        store
            .change_report(OWNER, Program::Mpn, Uuid::from_u128(100 + u128::from(number)), quotas(7, 0), at(1), resumed)
            .await
            .unwrap()
            .unwrap()
    });
    assert_eq!(count(&resumed.await, Result::is_ok), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owners_room_for_reports_holds() {
    let deployment = deployment().await;
    let others = "INSERT INTO scheduled_reports (id, tenant_id, owner_id, application_id, program, name, query_id, query, owner_name, created, status,
            execute_now, fired, revision, format, callback_on_failure)
        SELECT CAST(n AS TEXT), '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000003', 'a', 'mpn', 'n', 'q', 'q', 'o', 0,
            'Active', 1, 0, 0, 'csv', 0";
    super::bounds::fill(&deployment.store, room::REPORTS.most - 2, others).await;
    let added =
        at_once(
            &deployment,
            |store, number| async move { store.add_report(&recurring(100 + u128::from(number)), None, None).await.is_ok() },
        );
    assert_eq!(count(&added.await, |added| *added), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_room_holds_for_many_at_once() {
    let deployment = populated().await;
    let (store, own) = (&deployment.store, tenant().id);
    let id = |number: u64| Uuid::from_u128(70_000 + u128::from(number));
    let users = "INSERT INTO users (id, tenant_id, username, display_name, must_change, enabled, failures, totp_step, created)
        SELECT CAST(n AS TEXT), '00000000-0000-0000-0000-000000000001', 'n' || n, '', 0, 1, 0, 0, 0";
    super::bounds::fill(store, room::USERS.most - 3, users).await;
    let added = at_once(&deployment, |store, number| async move {
        store.add_user(&User::new(id(number), own, format!("user{number}@contoso.example")), None, at(0)).await.is_ok()
    });
    assert_eq!(count(&added.await, |added| *added), 2, "beside the one that is there");
    let applications = "INSERT INTO applications (id, tenant_id, name, enabled, operator, public, redirect_uris, created)
        SELECT CAST(n AS TEXT), '00000000-0000-0000-0000-000000000001', 'n', 1, 0, 0, '[]', 0";
    super::bounds::fill(store, room::APPLICATIONS.most - 3, applications).await;
    let added = at_once(&deployment, |store, number| async move {
        store.add_application(&Application::confidential(id(number), own, "app"), at(0)).await.is_ok()
    });
    assert_eq!(count(&added.await, |added| *added), 2, "beside the one that is there");
    let locations =
        "INSERT INTO locations (tenant_id, mpn_id, name, country) SELECT '00000000-0000-0000-0000-000000000001', CAST(n AS TEXT), 'n', 'c'";
    super::bounds::fill(store, room::LOCATIONS.most - 2, locations).await;
    let added = at_once(&deployment, |store, number| async move {
        store.put_location(own, &Location { mpn_id: format!("new {number}"), name: "n".into(), country: "c".into() }).await.is_ok()
    });
    assert_eq!(count(&added.await, |added| *added), 2);
    let bindings = "INSERT INTO external_identities (id, tenant_id, issuer, external_tenant, kind, external_id, local_id, created)
        SELECT CAST(n AS TEXT), '00000000-0000-0000-0000-000000000001', 'i', 't', 'user', CAST(n AS TEXT), 'l', 0";
    super::bounds::fill(store, room::EXTERNAL_IDENTITIES.most - 2, bindings).await;
    let added = at_once(&deployment, |store, number| async move {
        let identity = ExternalIdentity {
            id: id(number),
            tenant: own,
            issuer: "i".into(),
            external_tenant: "t".into(),
            kind: ExternalKind::User,
            external_id: format!("new {number}"),
            local: OWNER,
            created: at(0),
        };
        store.add_external_identity(&identity).await.is_ok()
    });
    assert_eq!(count(&added.await, |added| *added), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_applications_secrets_and_device_codes_are_bounded_for_many_at_once() {
    let deployment = populated().await;
    for number in 0..20 {
        let secret = secret(number, at(1));
        deployment.store.add_client_secret(APP, &secret).await.unwrap();
    }
    at_once(&deployment, |store, number| async move { store.add_client_secret(APP, &secret(100 + number, at(9))).await.unwrap() }).await;
    // The expired ones are gone, and none that is valid.
    assert_eq!(deployment.store.client_secrets(APP).await.unwrap().len(), usize::try_from(AT_ONCE).unwrap());
    for number in 0..u64::from(WAITING_PER_ADDRESS) - 3 {
        assert_eq!(deployment.store.add_device_code(&code(1000 + number, "network", at(1)), at(0)).await.unwrap(), AddedDeviceCode::Added);
    }
    let added =
        at_once(&deployment, |store, number| async move { store.add_device_code(&code(number, "network", at(1)), at(0)).await.unwrap() });
    assert_eq!(count(&added.await, |added| *added == AddedDeviceCode::Added), 3);
}

fn secret(number: u64, expires: DateTime<Utc>) -> ClientSecret {
    ClientSecret {
        id: Uuid::from_u128(number.into()),
        digest: format!("digest {number}"),
        hint: "abc".into(),
        description: String::new(),
        created: at(2),
        expires,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_all_count_and_known_addresses_are_bounded() {
    let deployment = populated().await;
    let ana = || Subject::User(OWNER);
    let wrong = |count: Lockout| Lockout { failures: count.failures + 1, ..count };
    at_once(&deployment, |store, _| async move { store.change_sign_in_count(&ana(), None, at(1), wrong).await.unwrap() }).await;
    let found = deployment.store.sign_in_count(&ana(), None, at(1)).await.unwrap();
    assert_eq!(u64::from(found.count.failures), AT_ONCE);
    at_once(&deployment, |store, number| async move { store.know_address(OWNER, &format!("network {number}"), at(1)).await.unwrap() })
        .await;
    assert_eq!(rows(&deployment.store, "sign_in_counts WHERE network <> ''").await, i64::from(KNOWN_ADDRESSES));
    // A new password unlocks the account, even if wrong passwords come at the same time: the count starts from 0 or from the earlier count.
    let opened = at_once(&deployment, |store, number| async move {
        if number == AT_ONCE / 2 {
            store.set_user_password(OWNER, "new", false).await.unwrap();
        }
        store.change_sign_in_count(&ana(), None, at(1), wrong).await.unwrap().count.failures
    });
    assert!(opened.await.contains(&0), "the guess after the new password is the first");
}

fn session(number: u64) -> SignInSession {
    sign_in::session(&format!("session {number}"), at(0) + TimeDelta::seconds(i64::try_from(number).unwrap()), at(9))
}

fn authorization_code(number: u64) -> AuthorizationCode {
    sign_in::authorization_code(&format!("code {number}"), 4000 + u128::from(number), at(9))
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_codes_of_a_user_are_bounded_for_many_at_once() {
    let deployment = populated().await;
    for number in 0..100 {
        assert!(deployment.store.put_sign_in_session(&session(number), None, false).await.unwrap());
    }
    at_once(&deployment, |store, number| async move { store.put_sign_in_session(&session(1000 + number), None, false).await.unwrap() })
        .await;
    assert_eq!(rows(&deployment.store, "sign_in_sessions").await, 100);
    for number in 0..100 {
        assert!(deployment.store.add_authorization_code(&authorization_code(number), "session 1000").await.unwrap());
    }
    at_once(&deployment, |store, number| async move {
        // Each one is in a session of its own.
        assert!(store.add_authorization_code(&authorization_code(1000 + number), &format!("session {}", 1000 + number)).await.unwrap());
    })
    .await;
    assert_eq!(rows(&deployment.store, "authorization_codes").await, 100);
}

/// Sessions, codes and tokens that are added while a user's sign-ins are ended are ended too, or were added after that.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_outlives_the_end_of_the_sign_ins_that_it_came_from() {
    let deployment = populated().await;
    for round in 0..8 {
        let number = move |kind: u64, place: u64| round * 10_000 + kind * 1000 + place;
        for place in 0..AT_ONCE {
            let store = &deployment.store;
            assert!(store.put_sign_in_session(&session(number(0, place)), None, false).await.unwrap());
            let family = u128::from(number(0, place)) + 9;
            store.add_refresh_token(&token(&format!("old {}", number(0, place)), family, at(0))).await.unwrap();
        }
        at_once(&deployment, |store, place| async move {
            let old = format!("session {}", number(0, place));
            match place % 5 {
                _ if place == AT_ONCE / 2 => store.set_user_password(OWNER, "new", false).await.unwrap(),
                0 => drop(store.put_sign_in_session(&session(number(1, place)), Some(&old), true).await.unwrap()),
                1 => {
                    if store.add_authorization_code(&authorization_code(number(2, place)), &old).await.unwrap() {
                        let given = token(&format!("of a code {}", number(2, place)), u128::from(number(2, place)), at(0));
                        store.redeem_authorization_code(&format!("code {}", number(2, place)), Some(&given)).await.unwrap();
                    }
                }
                _ => {
                    let used = UsedToken { digest: format!("old {}", number(0, place)), now: at(1), good_since: None };
                    let by = token(&format!("new {}", number(3, place)), u128::from(number(0, place)) + 9, at(1));
                    store.replace_refresh_token(used, Some(by), None).await.unwrap();
                }
            }
        })
        .await;
        for left in ["sign_in_sessions", "authorization_codes", "refresh_tokens WHERE revoked = 0"] {
            assert_eq!(rows(&deployment.store, left).await, 0, "{left} in round {round}");
        }
    }
}

/// A stolen token ends its family, including what the thief or the client gets for one of its tokens at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_outlives_its_family() {
    let deployment = populated().await;
    for round in 0..8_u64 {
        let family = 50 + u128::from(round);
        for place in 0..AT_ONCE {
            deployment.store.add_refresh_token(&token(&format!("{round} {place}"), family, at(0))).await.unwrap();
        }
        at_once(&deployment, |store, place| async move {
            if place == AT_ONCE / 2 {
                return store.revoke_refresh_family(Uuid::from_u128(family), None).await.unwrap();
            }
            let used = UsedToken { digest: format!("{round} {place}"), now: at(1), good_since: None };
            let by = token(&format!("{round} {place} new"), family, at(1));
            store.replace_refresh_token(used, Some(by), None).await.unwrap();
        })
        .await;
        assert_eq!(rows(&deployment.store, "refresh_tokens WHERE revoked = 0").await, 0, "in round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_keeps_so_many_tokens_however_many_come_at_once() {
    let deployment = populated().await;
    for number in 0..u64::from(KEPT_PER_SIGN_IN) {
        deployment.store.add_refresh_token(&token(&format!("token {number}"), 1, at(0))).await.unwrap();
    }
    at_once(&deployment, |store, number| async move {
        let used = UsedToken { digest: "token 0".into(), now: at(1), good_since: Some(at(0)) };
        let by = RefreshTokenRecord { expires: at(1) + LIFETIME, ..token(&format!("new {number}"), 1, at(1)) };
        assert!(store.replace_refresh_token(used, Some(by), None).await.unwrap());
        store.trim_refresh_tokens().await.unwrap();
    })
    .await;
    deployment.store.add_refresh_token(&token("last", 1, at(2))).await.unwrap();
    deployment.store.trim_refresh_tokens().await.unwrap();
    assert_eq!(rows(&deployment.store, "refresh_tokens").await, i64::from(KEPT_PER_SIGN_IN));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_steps_of_an_enrollment_at_once_each_sees_the_one_before() {
    let deployment = deployment().await;
    let started = at_once(&deployment, |store, _| async move {
        let start = |known: Option<Enrollment>| match known {
            Some(_) => (None, false),
            None => (Some(Enrollment::active(Program::Mpn, at(0))), true),
        };
        store.change_enrollment(tenant().id, Program::Mpn, start).await.unwrap()
    });
    assert_eq!(count(&started.await, |started| *started), 1);
    let appealed = at_once(&deployment, |store, _| async move {
        let appeal = |known: Option<Enrollment>| {
            let known = known.unwrap();
            (Some(Enrollment { appeals: known.appeals + 1, ..known }), ())
        };
        store.move_enrollment(tenant().id, Program::Mpn, appeal, |(), _| None).await.unwrap();
    });
    appealed.await;
    assert_eq!(u64::from(deployment.store.enrollments(tenant().id).await.unwrap()[0].appeals), AT_ONCE);
}

/// Executions are finished, released, paused and deleted at once: no report waits for an execution that does not exist, and no slot is queued twice.
#[tokio::test(flavor = "multi_thread")]
async fn executions_and_their_reports_agree_whatever_happens_at_once() {
    let deployment = deployment().await;
    let store = &deployment.store;
    let active = |known: Option<Enrollment>| (known.or(Some(Enrollment::active(Program::Mpn, at(0)))), ());
    store.change_enrollment(tenant().id, Program::Mpn, active).await.unwrap();
    for number in 0..AT_ONCE {
        // The schedule has only one slot.
        let schedule = Schedule::new(at(4), 4, Some(1), 0);
        store.add_report(&report(100 + u128::from(number), Timing::Recurring(schedule)), None, None).await.unwrap().unwrap();
    }
    let queued = at_once(&deployment, |store, number| async move {
        let mut place = 0;
        let new_id = || {
            place += 1;
            Ok::<_, StoreError>(Uuid::from_u128(u128::from(number) * 1000 + place + 1_000_000))
        };
        store.queue_due_reports(at(5), CatchUp::All, 3, new_id).await.unwrap()
    });
    assert_eq!(queued.await.into_iter().sum::<usize>(), usize::try_from(AT_ONCE).unwrap());
    assert_eq!(rows(store, "executions").await, i64::try_from(AT_ONCE).unwrap());
    assert_eq!(rows(store, "(SELECT DISTINCT turn FROM executions) AS turns").await, i64::try_from(AT_ONCE).unwrap(), "each has its turn");
    at_once(&deployment, |store, number| async move {
        let id = Uuid::from_u128(100 + u128::from(number));
        match number % 8 {
            0 => drop(store.delete_report(OWNER, Program::Mpn, id, at(5)).await.unwrap()),
            1 => {
                let paused = |report: &ScheduledReport| report.paused().map_err(|_| ReportFault::ActiveQuota(0));
                drop(store.change_report(OWNER, Program::Mpn, id, None, at(5), paused).await.unwrap());
            }
            2 => {
                let suspend =
                    |known: Option<Enrollment>| (known.map(|known| Enrollment { stage: EnrollmentStage::Suspended, ..known }), ());
                store.move_enrollment(tenant().id, Program::Mpn, suspend, |(), _| None).await.unwrap();
            }
            3 => {
                let Some(claimed) = store.claim_execution(0, 100).await.unwrap() else { return };
                store.release_execution(claimed.execution.id, claimed.execution.epoch).await.unwrap();
            }
            _ => {
                let Some(claimed) = store.claim_execution(0, 100).await.unwrap() else { return };
                let outcome = match number % 3 {
                    0 => Outcome::Completed { artifact: artifact(claimed.execution.epoch), note: None, sums: Vec::new() },
                    1 => Outcome::Retry { reason: "r".into(), not_before: 0 },
                    _ => Outcome::Refused { reason: "r".into() },
                };
                store.finish_execution(&claimed, &outcome, None, at(5)).await.unwrap();
            }
        }
    })
    .await;
    let torn = "executions JOIN scheduled_reports AS report ON report.id = executions.report_id WHERE executions.status = 'Pending' AND report.status = 'Paused'";
    assert_eq!(rows(store, torn).await, 0, "an execution waits though its report is paused");
    let over = "scheduled_reports AS report WHERE next_slot IS NULL AND status <> 'Inactive'
        AND NOT EXISTS (SELECT 1 FROM executions WHERE report_id = report.id AND status IN ('Pending', 'Running', 'Paused'))";
    assert_eq!(rows(store, over).await, 0, "a report is not over though nothing of it will run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_used_while_it_is_deleted_leaves_nothing() {
    for round in 0..4 {
        let deployment = populated().await;
        let (store, own) = (&deployment.store, tenant().id);
        assert!(store.put_sign_in_session(&session(0), None, false).await.unwrap());
        at_once(&deployment, |store, number| async move {
            // The database refuses a write whose tenant is gone.
            let id = 7000 + u128::from(number);
            match number % 8 {
                _ if number == AT_ONCE / 2 => assert!(store.delete_tenant(own).await.unwrap()),
                0 => drop(store.add_report(&once(id), Some(&first_execution(&once(id))), None).await),
                1 => drop(store.add_refresh_token(&token(&format!("t {number}"), id, at(0))).await),
                2 => drop(store.put_sign_in_session(&session(number), None, false).await),
                3 => drop(store.add_authorization_code(&authorization_code(number), "session 0").await),
                4 => drop(store.add_device_code(&code(number, "n", at(9)), at(0)).await),
                5 => drop(store.add_user(&User::new(Uuid::from_u128(id), own, format!("u{number}@contoso.example")), None, at(0)).await),
                6 => {
                    let Ok(Some(claimed)) = store.claim_execution(0, 100).await else { return };
                    drop(store.finish_execution(&claimed, &Outcome::Failed { reason: "r".into() }, None, at(5)).await);
                }
                _ => drop(store.put_location(own, &Location { mpn_id: number.to_string(), name: "n".into(), country: "c".into() }).await),
            }
        })
        .await;
        for table in
            ["tenants", "users", "applications", "scheduled_reports", "executions", "refresh_tokens", "sign_in_sessions", "device_codes"]
        {
            assert_eq!(rows(store, table).await, 0, "{table} in round {round}");
        }
    }
}

async fn unhindered<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_millis(1500), work).await.expect("it waits for what it has nothing to do with")
}

/// The same report of another owner, in the same tenant.
fn of_another(report: ScheduledReport) -> ScheduledReport {
    ScheduledReport { owner: Uuid::from_u128(77), ..report }
}

#[tokio::test]
async fn an_open_creation_holds_up_its_owner_alone() {
    let Deployment { store, _folder, .. } = deployment().await;
    if store.dialect != Dialect::Postgres {
        return;
    }
    // A transaction that adds a report for an owner and is still open, with its lock and its rows.
    let mut open = store.begin(Hold::Owner(OWNER)).await.unwrap();
    crate::reports::scheduled_reports::insert_report(&mut open, &recurring(1)).await.unwrap();
    let mut second = of_another(once(2));
    for id in 2..10 {
        second.id = Uuid::from_u128(id);
        unhindered(store.add_report(&second, Some(&first_execution(&second)), quotas(1, 100))).await.unwrap().unwrap();
        unhindered(store.record_audit_event(super::group_commit::event(id))).await.unwrap();
        unhindered(store.claim_execution(0, 100)).await.unwrap().unwrap();
    }
    let third = recurring(20);
    let mut own = Box::pin(store.add_report(&third, None, quotas(1, 0)));
    assert!(timeout(Duration::from_millis(300), own.as_mut()).await.is_err(), "it waits, since the one before may use the quota up");
    open.commit().await.unwrap();
    assert_eq!(unhindered(own).await.unwrap(), Err(ReportFault::ActiveQuota(1)));
}

/// The lock may be held by an earlier version that runs beside this one, or by anything else.
#[tokio::test]
async fn the_lock_that_once_was_for_all_holds_up_nobody() {
    let Deployment { store, url, _folder } = deployment().await;
    if store.dialect != Dialect::Postgres {
        return;
    }
    let mut holding = AnyConnection::connect(&url).await.unwrap();
    for lock in [5_521_706_149_i64, 5_521_706_150] {
        let text = format!("BEGIN; SELECT 1 FROM (SELECT pg_advisory_xact_lock({lock})) AS held");
        sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&mut holding).await.unwrap();
    }
    unhindered(store.record_audit_event(super::group_commit::event(1))).await.unwrap();
    unhindered(store.add_report(&once(1), Some(&first_execution(&once(1))), quotas(1, 1))).await.unwrap().unwrap();
    let claimed = unhindered(store.claim_execution(0, 100)).await.unwrap().unwrap();
    assert!(unhindered(store.finish_execution(&claimed, &Outcome::Failed { reason: "r".into() }, None, at(1))).await.unwrap());
    unhindered(store.queue_due_reports(at(9), CatchUp::All, 10, || Ok::<_, StoreError>(Uuid::nil()))).await.unwrap();
    holding.close().await.unwrap();
}

/// Two transactions hold what the other one wants: the database ends one of them, which is then retried. The retry begins when the other one is done:
/// a row that was let go belongs to who comes first, so that a retry at once may take it from the one that waited, and there would be a second deadlock.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_broken_up_and_both_are_done() {
    let deployment = populated().await;
    if deployment.store.dialect != Dialect::Postgres {
        return;
    }
    let other = Uuid::from_u128(4);
    deployment.store.add_user(&User::new(other, tenant().id, "other@contoso.example".into()), None, at(0)).await.unwrap();
    let [meeting, first_is_done] = [(); 2].map(|()| std::sync::Arc::new(tokio::sync::Barrier::new(2)));
    let both = [(OWNER, other), (other, OWNER)].map(|(first, second)| {
        let store = deployment.store.clone();
        let (meeting, first_is_done) = (std::sync::Arc::clone(&meeting), std::sync::Arc::clone(&first_is_done));
        let tries = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        tokio::spawn(async move {
            let (store, meeting, first_is_done, counted) = (&store, &meeting, &first_is_done, &tries);
            let done = crate::database::again::again(|| async move {
                let is_first_try = counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
                if !is_first_try {
                    first_is_done.wait().await;
                }
                let mut transaction = store.begin(Hold::User(first)).await?;
                if is_first_try {
                    meeting.wait().await;
                }
                store.hold(&mut transaction, Hold::User(second)).await?;
                transaction.commit().await?;
                if is_first_try {
                    first_is_done.wait().await;
                }
                Ok(())
            });
            done.await.unwrap();
            tries.load(std::sync::atomic::Ordering::Relaxed)
        })
    });
    let [one, two] = both;
    assert_eq!(one.await.unwrap() + two.await.unwrap(), 3, "one of them twice");
}
