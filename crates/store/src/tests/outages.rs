//! A database that is away, locked, full, another program's or damaged: how long callers wait, and which errors they get.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use insightgate_identity::guessing::Lockout;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::*;

/// Two seconds, and the delay that a busy machine adds to them.
const SOON: Duration = Duration::from_secs(4);

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    timeout(SOON, work).await.expect("nobody waits for so long")
}

/// Shorter than the wait of callers that are held up.
async fn unhindered<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_millis(1500), work).await.expect("it is held up by what it has nothing to do with")
}

fn outage<T>(outcome: Result<T, StoreError>) -> Option<Outage> {
    outcome.err().and_then(|error| error.outage())
}

fn is_postgres() -> bool {
    std::env::var("POSTGRES_URL").is_ok()
}

/// Executes a statement on the server's own database, or on another one.
async fn administer(url: &str, statement: &str) {
    let mut connection = AnyConnection::connect(url).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_writer_that_hangs_keeps_no_reader() {
    let Deployment { store, url, _folder } = deployment().await;
    if is_postgres() {
        return;
    }
    let other = Store::open(&url).await.unwrap();
    let held = other.begin_beside().await.unwrap();
    let writing: Vec<_> = (0..20)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.add_report(&once(number), None, None).await })
        })
        .collect();
    for _ in 0..50 {
        unhindered(store.lease_time()).await.unwrap();
        unhindered(store.tenant_by_domain("contoso.example")).await.unwrap().unwrap();
        unhindered(store.reports(OWNER, Program::Mpn, &ReportFilter::default())).await.unwrap();
    }
    // Writers get an error that says so, including the last of them.
    for written in writing {
        let outcome = timeout(Duration::from_secs(8), written).await.expect("writers do not queue up behind each other").unwrap();
        assert!(matches!(outage(outcome), Some(Outage::Held | Outage::NoConnection)));
    }
    drop(held);
    other.close().await;
    store.add_report(&once(30), None, None).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_no_database_of_ours_is_named_and_left_alone() {
    if is_postgres() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let sqlite = async |name: &str, statements: &str| {
        let path = folder.path().join(name);
        administer(&format!("{}?mode=rwc", sqlite_url(&path)), statements).await;
        path
    };
    let ours = folder.path().join("ours.db");
    Store::open(&sqlite_url(&ours)).await.unwrap().close().await;
    let copy = |name: &str| {
        let path = folder.path().join(name);
        std::fs::copy(&ours, &path).unwrap();
        path
    };
    let newer = copy("newer.db");
    administer(
        &sqlite_url(&newer),
        "INSERT INTO _sqlx_migrations SELECT 99, 'later', installed_on, success, checksum, 1 FROM _sqlx_migrations WHERE version = 1",
    )
    .await;
    let whole = std::fs::read(&ours).unwrap();
    let cut = make("cut.db", &whole[..whole.len() / 2]);
    let mut spoilt = whole.clone();
    spoilt[100..400].fill(0xa5);
    let spoilt = make("spoilt.db", &spoilt);
    let a_folder = folder.path().join("folder.db");
    std::fs::create_dir(&a_folder).unwrap();
    let cases: [(PathBuf, &str); 7] = [
        (make("text.db", b"not a database, but longer than a header"), "not a database of insightgate"),
        (a_folder, "it is no file"),
        (sqlite("foreign.db", "CREATE TABLE recipes (name TEXT)").await, "another program's"),
        (
            sqlite("also-sqlx.db", "CREATE TABLE _sqlx_migrations AS SELECT 1 AS version, 'recipes' AS description").await,
            "another program's",
        ),
        (newer, "newer version"),
        (cut, "damaged"),
        (spoilt, "damaged"),
    ];
    for (path, expected) in cases {
        let before = std::fs::read(&path).ok();
        let error = Store::open(&sqlite_url(&path)).await.expect_err(expected);
        let text = error.to_string();
        assert!(text.contains(expected) && text.contains(path.to_str().unwrap()) && error.hint().is_some(), "{path:?}: {text}");
        assert_eq!(std::fs::read(&path).ok(), before, "{path:?}");
        assert!(Store::back_up(&sqlite_url(&path), folder.path().join("copy").to_str().unwrap()).await.is_err());
    }
    // These databases belong to no program yet.
    Store::open(&sqlite_url(&make("empty.db", b""))).await.unwrap().close().await;
    Store::open(&sqlite_url(&sqlite("no-tables.db", "PRAGMA user_version = 0").await)).await.unwrap().close().await;
}

#[tokio::test]
async fn a_path_of_any_characters_is_the_files_own() {
    if is_postgres() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["a%20b", "what?mode=memory", "#1", "line\nbreak", "a b"] {
        let inner = folder.path().join(name);
        std::fs::create_dir(&inner).unwrap();
        let file = inner.join("insightgate.db");
        let store = Store::open(&sqlite_url(&file)).await.unwrap();
        store.put_setting("a", "1").await.unwrap();
        Store::back_up(&sqlite_url(&file), inner.join("copy.db").to_str().unwrap()).await.unwrap();
        store.close().await;
        assert!(file.is_file() && inner.join("copy.db").is_file(), "{name:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5, "nothing lies elsewhere");
}

/// A Postgres server that allows this process two connections, one of which is in use: the existing ones are shared.
#[tokio::test]
async fn without_a_further_connection_those_that_are_there_go_round() {
    if !is_postgres() {
        return;
    }
    let (url, _folder) = new_database().await;
    Store::open(&url).await.unwrap().close().await;
    let (server, name) = url.rsplit_once('/').unwrap();
    administer(
        &url,
        &format!("CREATE ROLE {name} LOGIN CONNECTION LIMIT 2; GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}; GRANT CREATE ON SCHEMA public TO {name}"),
    )
    .await;
    let limited = format!(
        "postgres://{name}@{}/{name}",
        server.rsplit_once('@').map_or_else(|| server.trim_start_matches("postgres://"), |(_, host)| host)
    );
    let store = Store::open(&limited).await.unwrap();
    let holding = AnyConnection::connect(&limited).await.unwrap();
    store.lease_time().await.unwrap();
    let asking: Vec<_> = (0..200)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.tenants().await })
        })
        .collect();
    for asked in asking {
        in_time(asked).await.unwrap().unwrap();
    }
    // The lane of reports has no connection, and says why.
    let error = in_time(store.reports(OWNER, Program::Mpn, &ReportFilter::default())).await.unwrap_err();
    assert!(error.to_string().contains("too many connections"), "{error}");
    // Opening a store fails in the same way.
    let error = in_time(Store::open(&limited)).await.unwrap_err();
    assert_eq!(error.outage(), Some(Outage::NoConnection));
    assert!(error.to_string().contains("too many connections") && error.hint().unwrap().contains("max_connections"), "{error}");
    drop(holding);
    in_time(store.reports(OWNER, Program::Mpn, &ReportFilter::default())).await.unwrap();
}

#[tokio::test]
async fn a_locked_table_holds_up_nothing_but_itself() {
    let Deployment { store, url, _folder } = deployment().await;
    if !is_postgres() {
        return;
    }
    let mut locking = AnyConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE scheduled_reports IN ACCESS EXCLUSIVE MODE").execute(&mut locking).await.unwrap();
    let adding = |number| {
        let store = store.clone();
        tokio::spawn(async move { store.add_report(&once(number), None, None).await })
    };
    let reading = || {
        let store = store.clone();
        tokio::spawn(async move { store.report(OWNER, Program::Mpn, Uuid::from_u128(1)).await })
    };
    let (adding, reading): (Vec<_>, Vec<_>) = ((0..10).map(adding).collect(), (0..10).map(|_| reading()).collect());
    for number in 0..50 {
        unhindered(store.lease_time()).await.unwrap();
        unhindered(store.principal(tenant().id, Uuid::from_u128(2), None)).await.unwrap();
        unhindered(store.record_audit_event(super::group_commit::event(number))).await.unwrap();
    }
    for added in adding {
        let outcome = timeout(2 * SOON, added).await.unwrap().unwrap();
        let text = format!("{outcome:?}");
        assert!(outage(outcome).is_some(), "{text}");
    }
    for read in reading {
        assert!(outage(timeout(2 * SOON, read).await.unwrap().unwrap()).is_some());
    }
    locking.close().await.unwrap();
    store.add_report(&once(30), None, None).await.unwrap().unwrap();
}

/// A proxy between this process and the database, which can be told to be silent: connections stay open, but nothing arrives. It cuts as many
/// connections as `cuts` says when something is sent on them.
struct Proxy {
    url: String,
    silent: Arc<watch::Sender<bool>>,
    cuts: Arc<AtomicUsize>,
}

impl Proxy {
    async fn before(url: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (before, name) = url.rsplit_once('/').unwrap();
        let (scheme, rest) = before.split_once("://").unwrap();
        let (user, host) = rest.rsplit_once('@').map_or(("", rest), |(user, host)| (user, host));
        let host = if host.contains(':') { host.to_owned() } else { format!("{host}:5432") };
        let silent = Arc::new(watch::channel(false).0);
        let (told, cuts) = (Arc::clone(&silent), Arc::new(AtomicUsize::new(0)));
        let left = Arc::clone(&cuts);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(&host).await.unwrap();
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                tokio::spawn(carry(from_client, to_server, told.subscribe(), Arc::clone(&left)));
                tokio::spawn(carry(from_server, to_client, told.subscribe(), Arc::default()));
            }
        });
        let user = if user.is_empty() { String::new() } else { format!("{user}@") };
        Proxy { url: format!("{scheme}://{user}127.0.0.1:{port}/{name}"), silent, cuts }
    }
}

async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut silent: watch::Receiver<bool>,
    cuts: Arc<AtomicUsize>,
) {
    let mut block = vec![0; 64 << 10];
    while let Ok(count) = from.read(&mut block).await {
        let _ = silent.wait_for(|silent| !silent).await;
        if cuts.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return;
        }
        if count == 0 || to.write_all(&block[..count]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_database_that_falls_silent_keeps_nobody() {
    let (url, _folder) = new_database().await;
    if !is_postgres() {
        return;
    }
    let proxy = Proxy::before(&url).await;
    let store = Store::open(&proxy.url).await.unwrap();
    // Idle connections in every lane.
    store.lease_time().await.unwrap();
    store.reports(OWNER, Program::Mpn, &ReportFilter::default()).await.unwrap();
    store.begin_beside().await.unwrap().commit().await.unwrap();
    let mut begun = store.begin_beside().await.unwrap();
    proxy.silent.send_replace(true);
    for _ in 0..2 {
        let asking: Vec<_> = (0..50)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    (store.lease_time().await.err(), store.reports(OWNER, Program::Mpn, &ReportFilter::default()).await.err())
                })
            })
            .collect();
        for asked in asking {
            let (first, second) = timeout(2 * SOON, asked).await.unwrap().unwrap();
            assert_eq!((first.unwrap().outage(), second.unwrap().outage()), (Some(Outage::Away), Some(Outage::Away)));
        }
    }
    let wrote = timeout(Duration::from_secs(15), execute(&mut begun, sqlx::query("UPDATE settings SET value = value"))).await;
    assert_eq!(outage(wrote.expect("a statement has a limit")), Some(Outage::Away));
    drop(begun);
    // Once the database answers again, the store does too.
    proxy.silent.send_replace(false);
    in_time(store.lease_time()).await.unwrap();
    in_time(store.add_tenant(&tenant(), None, at(0))).await.unwrap();
    // Closing the store does not wait for it either.
    proxy.silent.send_replace(true);
    timeout(2 * SOON, store.close()).await.unwrap();
}

#[tokio::test]
async fn connections_that_are_cut_one_after_another_lose_no_grant() {
    let (url, _folder) = new_database().await;
    if !is_postgres() {
        return;
    }
    let proxy = Proxy::before(&url).await;
    let store = Store::open(&proxy.url).await.unwrap();
    store.add_tenant(&tenant(), None, at(0)).await.unwrap();
    let (ana, now) = (Subject::User(OWNER), at(0));
    let cut_thrice = || proxy.cuts.store(3, Ordering::Relaxed);
    for number in 1..=5 {
        cut_thrice();
        in_time(store.lease_time()).await.unwrap();
        cut_thrice();
        in_time(store.principal(tenant().id, Uuid::from_u128(2), None)).await.unwrap();
        cut_thrice();
        in_time(store.record_audit_event(super::group_commit::event(number))).await.unwrap();
        cut_thrice();
        in_time(store.know_address(OWNER, "home", now)).await.unwrap();
    }
    // The connection may also be cut during the commit, which the database then never receives: every change that was confirmed was made once, and no
    // other was.
    let mut counted = 0;
    for place in 0..40 {
        proxy.cuts.store(usize::from(place % 4 != 0), Ordering::Relaxed);
        let one_more = |count: Lockout| Lockout { failures: count.failures + 1, since: now, ..count };
        let changed = in_time(store.change_sign_in_count(&ana, None, now, one_more)).await;
        counted += u32::from(changed.is_ok());
    }
    let found = store.sign_in_count(&ana, None, now).await.unwrap();
    assert!(counted >= 30, "{counted} of 40 were done");
    assert_eq!(found.count.failures, counted);
}

#[tokio::test]
async fn a_database_of_another_encoding_is_refused() {
    if !is_postgres() {
        return;
    }
    let (url, _folder) = new_database().await;
    administer(
        &url,
        &format!(
            "CREATE DATABASE {}_latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
            url.rsplit_once('/').unwrap().1
        ),
    )
    .await;
    let error = Store::open(&format!("{url}_latin")).await.unwrap_err();
    assert!(error.to_string().contains("LATIN1") && error.hint().unwrap().contains("UTF8"), "{error}");
}

#[tokio::test]
async fn lists_do_not_depend_on_the_databases_language() {
    let (mut url, _folder) = new_database().await;
    if is_postgres() {
        let name = url.rsplit_once('/').unwrap().1.to_owned();
        administer(&url, &format!("CREATE DATABASE {name}_icu TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'")).await;
        url = format!("{url}_icu");
    }
    let store = Store::open(&url).await.unwrap();
    store.add_tenant(&tenant(), None, at(0)).await.unwrap();
    // Names are ordered as bytes; a language would order them differently.
    let names = ["B@x", "_a@x", "a-b@x", "aa@x", "ab@x", "ä@x"];
    for (number, name) in names.iter().rev().enumerate() {
        let user = User::new(Uuid::from_u128(100 + number as u128), tenant().id, (*name).to_owned());
        store.add_user(&user, None, at(0)).await.unwrap();
    }
    let listed: Vec<String> = store.users(tenant().id).await.unwrap().into_iter().map(|user| user.username).collect();
    assert_eq!(listed, names);
}

/// Ends the connections of this database, except for the one that asks. They end a moment later.
async fn cut_all(url: &str) {
    let statement =
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    administer(url, statement).await;
}

#[tokio::test]
async fn what_only_reads_does_not_notice_that_its_connection_was_cut() {
    if !is_postgres() {
        return;
    }
    let Deployment { store, url, _folder } = deployment().await;
    // They sleep until they are cut, on a slow machine too; asked again, they answer at once.
    let text = "SELECT $1, CASE WHEN EXISTS (SELECT 1 FROM settings WHERE name = 'awake') THEN '' ELSE pg_sleep(3)::TEXT END";
    let slow = || {
        let store = store.clone();
        tokio::spawn(async move {
            let row = sqlx::query(text).bind("kept").fetch_one(&store.pool).await?;
            row.try_get::<String, _>(0)
        })
    };
    let waiting: Vec<_> = (0..3).map(|_| slow()).collect();
    wait_for_sleepers(&url, 3).await;
    administer(&url, "INSERT INTO settings (name, value) VALUES ('awake', '')").await;
    cut_all(&url).await;
    for asked in waiting {
        assert_eq!(in_time(asked).await.unwrap().unwrap(), "kept");
    }
}

async fn wait_for_sleepers(url: &str, count: i64) {
    let mut looking = AnyConnection::connect(url).await.unwrap();
    let text = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid()";
    while sqlx::query(text).fetch_one(&mut looking).await.unwrap().get::<i64, _>(0) < count {
        tokio::task::yield_now().await;
    }
    looking.close().await.unwrap();
}

#[tokio::test]
async fn a_transaction_begins_and_events_are_written_on_another_connection() {
    if !is_postgres() {
        return;
    }
    let Deployment { store, url, _folder } = deployment().await;
    // The lock makes the writes wait on a connection that is about to be cut.
    for number in 1..4 {
        let mut held = store.begin_grants().await.unwrap();
        execute(&mut held, sqlx::query("LOCK TABLE audit_events IN EXCLUSIVE MODE")).await.unwrap();
        let writing = store.record_audit_event(super::group_commit::event(number));
        let cutting = async {
            wait_for_lock(&url).await;
            cut_all(&url).await;
        };
        let (written, ()) = in_time(futures::future::join(writing, cutting)).await;
        written.unwrap();
        drop(held);
    }
    assert_eq!(store.audit_events(10).await.unwrap().len(), 3);
    // A write is not repeated if it is unknown whether it took place.
    let mut transaction = store.begin_grants().await.unwrap();
    execute(&mut transaction, sqlx::query("UPDATE settings SET value = value")).await.unwrap();
    cut_all(&url).await;
    assert!(transaction.commit().await.is_err());
}

async fn wait_for_lock(url: &str) {
    let mut looking = AnyConnection::connect(url).await.unwrap();
    let text =
        "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while sqlx::query(text).fetch_one(&mut looking).await.unwrap().get::<i64, _>(0) == 0 {
        tokio::task::yield_now().await;
    }
    looking.close().await.unwrap();
}

#[tokio::test]
async fn events_that_may_be_there_already_are_written_once() {
    let Deployment { store, _folder, .. } = deployment().await;
    store.record_audit_event(super::group_commit::event(1)).await.unwrap();
    let mut transaction = store.begin_grants().await.unwrap();
    audit::insert(&mut transaction, &[&super::group_commit::event(1), &super::group_commit::event(2)], true).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.audit_events(10).await.unwrap().len(), 2);
}
