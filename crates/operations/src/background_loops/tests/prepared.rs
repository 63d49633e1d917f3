//! A database and a folder of artifacts with work for every loop. Each case gets a copy of both.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use insightgate_engine::{Engine, EngineSettings, TableWriter, local_folder};
use insightgate_identity::application::{Application, ClientSecret, Permission};
use insightgate_identity::enrollment::Enrollment;
use insightgate_identity::program::Program;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_identity::tenant::Tenant;
use insightgate_identity::user::User;
use insightgate_outbound::{AddressRules, MailSettings, Outbound};
use insightgate_query::column::Value;
use insightgate_query::format::Format;
use insightgate_report::callback::{Callback, CallbackMethod};
use insightgate_report::schedule::Schedule;
use insightgate_report::scheduled_report::{ReportStatus, ScheduledReport, Timing};
use insightgate_store::{MailKind, NewExecution, NewMail, Recipient, Store};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::background::Background;
use crate::callbacks::CallbackSettings;
use crate::clock::Clock;
use crate::context::{Context, Parts, Settings, SharedContext};
use crate::executions::runner::execute_next;
use crate::external_issuers::ExternalIssuers;
use crate::keys::vault::Vault;
use crate::random::Random;

pub(super) const TENANT: Uuid = Uuid::from_u128(1);
const APPLICATION: Uuid = Uuid::from_u128(2);
const OWNER: Uuid = Uuid::from_u128(3);
const DATASET: &str = r#"
name = "Sales"
program = "mpn"
columns = [{ name = "Name", type = "string" }]
"#;

pub(super) struct Prepared {
    server: String,
    name: String,
    pub(super) folder: TempDir,
    /// The port of a server that takes any mail.
    mail_port: u16,
}

impl Prepared {
    /// Prepares the database on the Postgres at this address.
    pub(super) async fn on(server: &str) -> Prepared {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let name = format!("loops_{}", folder.path().file_name().unwrap().to_str().unwrap().to_lowercase().replace('.', ""));
        create_database(server, "template0", &name).await;
        let prepared = Prepared { server: server.to_owned(), name, folder, mail_port: mail_server().await };
        let context = prepared.context(&prepared.url(&prepared.name), "template", super::LIMIT).await;
        prepared.seed(&context, &receiver().await).await;
        context.store.close().await;
        prepared
    }

    /// The address of a fresh copy, and the name of its folder of artifacts. Nobody is connected to what is copied, so that several copy it at once.
    pub(super) async fn copy(&self, number: usize) -> (String, String) {
        let name = format!("{}_{number}", self.name);
        create_database(&self.server, &self.name, &name).await;
        copy_folder(&self.artifacts("template"), &self.artifacts(&name));
        (self.url(&name), name)
    }

    fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.server.rsplit_once('/').unwrap().0)
    }

    fn artifacts(&self, name: &str) -> PathBuf {
        self.folder.path().join("artifacts").join(name)
    }

    /// Opens a context as a server does, with settings under which everything is too old, and with a short limit.
    pub(super) async fn context(&self, url: &str, artifacts: &str, limit: Duration) -> SharedContext {
        let folder = self.folder.path();
        let loopback = AddressRules { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
        let settings = Settings {
            signing_key_days: 0,
            artifact_days: 0,
            history_days: 0,
            audit_days: 0,
            artifact_bytes: Some(0),
            mail: Some(MailSettings::to("127.0.0.1", self.mail_port)),
            callbacks: CallbackSettings { addresses: loopback.clone(), ..CallbackSettings::default() },
            ..Settings::default()
        };
        let store = Store::open(url).await.unwrap();
        let (clock, random, vault) = (Clock::shared(Clock::of_system), Random::default(), Vault::new(&[7; 32]).unwrap());
        clock.follow(&store).await.unwrap();
        let engine = EngineSettings {
            data_root: folder.join("data").into(),
            artifact_root: self.artifacts(artifacts).into(),
            memory_limit: 64 << 20,
            spill_dir: folder.join("spill"),
            spill_limit: 1 << 30,
            partitions: 1,
        };
        let parts = Parts {
            store,
            vault,
            engine: Engine::new(engine).unwrap(),
            clock,
            random,
            issuers: ExternalIssuers::default(),
            outbound: Outbound::new(loopback, None).unwrap(),
            settings,
            definitions: folder.join("definitions"),
            hashes: 1,
            sandbox: None,
        };
        let mut context = Context::open(parts).await.unwrap();
        context.background = Arc::new(Background::with_limit(limit));
        Arc::new(context)
    }

    /// Adds a finished execution whose callback is due, a pending execution, a schedule that is due, a secret that expires, and a mail that is due.
    async fn seed(&self, context: &Context, receiver: &str) {
        let definition = self.folder.path().join("definitions/mpn/Sales.toml");
        std::fs::create_dir_all(definition.parent().unwrap()).unwrap();
        std::fs::write(&definition, DATASET).unwrap();
        let catalog = context.catalogs.of(Program::Mpn);
        let rows = local_folder(&self.folder.path().join("data"), Program::Mpn, "Sales", Some(TENANT)).join("rows.parquet");
        let mut writer = TableWriter::create(&rows, catalog.find("Sales").unwrap()).unwrap();
        writer.write(&[vec![Some(Value::String("Contoso".to_owned()))]]).unwrap();
        writer.finish().unwrap();
        let (store, now) = (&context.store, context.clock.now());
        let tenant = Tenant { id: TENANT, domain: "contoso.example".to_owned(), name: "Contoso".to_owned(), global_account: None };
        store.add_tenant(&tenant, None, now).await.unwrap();
        store.put_enrollment(TENANT, &Enrollment::active(Program::Mpn, now)).await.unwrap();
        let application = Application::confidential(APPLICATION, TENANT, "app");
        store.register_application(&application, true, None, &[Permission::PartnerApi], now).await.unwrap();
        store.add_user(&User::new(OWNER, TENANT, "ana@contoso.example".to_owned()), None, now).await.unwrap();
        let secret = ClientSecret {
            id: Uuid::from_u128(4),
            digest: String::new(),
            hint: String::new(),
            description: String::new(),
            created: now - TimeDelta::days(90),
            expires: now + TimeDelta::days(20),
        };
        store.add_client_secret(APPLICATION, &secret).await.unwrap();
        let mail = NewMail {
            id: Uuid::from_u128(5),
            tenant: TENANT,
            to: Recipient::Owner(OWNER),
            kind: MailKind::Secret,
            occasion: "waits".to_owned(),
            subject: "subject".to_owned(),
            body: "body".to_owned(),
            sealed: None,
            created: now,
            give_up: now + TimeDelta::days(3),
            summary: None,
        };
        assert_eq!(store.add_mail(&mail).await.unwrap(), 1);
        let viewer = RoleAssignment { role: Role::ExecutiveReportViewer, locations: Locations::Organization };
        store.put_role(TENANT, OWNER, &viewer).await.unwrap();
        let report = |id: u128, timing| ScheduledReport {
            id: Uuid::from_u128(id),
            tenant: TENANT,
            owner: OWNER,
            application: APPLICATION,
            program: Program::Mpn,
            name: format!("report {id}"),
            description: None,
            query_id: "query".to_owned(),
            query: "SELECT Name FROM Sales".to_owned(),
            user: "ana@contoso.example".to_owned(),
            created: now,
            modified: None,
            timing,
            status: ReportStatus::Active,
            callback: Some(Callback { url: receiver.to_owned(), method: CallbackMethod::Post, on_failure: false }),
            format: Format::Csv,
        };
        for id in [10, 11] {
            let report = report(id, Timing::Once { query_start: None, query_end: None });
            let first = NewExecution { id: Uuid::from_u128(100 + id), report: report.id, slot: "now".to_owned(), anchor: now, queued: now };
            store.add_report(&report, Some(&first), None).await.unwrap().unwrap();
            if id == 10 {
                assert!(execute_next(context).await.unwrap());
            }
        }
        let schedule = Schedule::new(now - TimeDelta::minutes(1), 4, None, 0);
        store.add_report(&report(12, Timing::Recurring(schedule)), None, None).await.unwrap().unwrap();
        assert_eq!(store.file_bytes().await.unwrap().len(), 1, "an artifact was published");
    }
}

/// Starts a receiver that accepts any callback, and returns its address.
async fn receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            });
        }
    });
    format!("http://127.0.0.1:{port}/")
}

/// Starts a mail server that takes any mail, and returns its port.
async fn mail_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let (mut is_letter, mut answer) = (false, "220 ready");
                loop {
                    let mut line = String::new();
                    let answered = answer.is_empty() || stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_ok();
                    if !answered || stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                        return;
                    }
                    answer = match line.trim_end() {
                        "." if is_letter => "250 taken",
                        _ if is_letter => "",
                        "DATA" => "354 go on",
                        _ => "250 fine",
                    };
                    is_letter = answer == "354 go on" || answer.is_empty();
                }
            });
        }
    });
    port
}

/// Creates a database with Postgres's own program, since only the store may contain SQL. It runs on a thread of its own: the loops of other cases are
/// timed on the runtime's.
async fn create_database(server: &str, template: &str, name: &str) {
    let folder = std::env::var("POSTGRES_BIN").map(PathBuf::from).unwrap_or_default();
    let mut command = Command::new(folder.join("createdb"));
    command.args(["--maintenance-db", server, "--template", template, name]);
    let ran = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
