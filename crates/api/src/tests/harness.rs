//! A deployment in a temporary folder: two organisations with their users and applications, and a few rows of each.

pub(crate) mod browser;
pub(crate) mod described;
pub(crate) mod issuer;
pub(crate) mod log;
pub(crate) mod mail_server;
pub(crate) mod receiver;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use insightgate_engine::{Engine, EngineSettings, TableWriter, local_folder};
use insightgate_identity::application::{Application, Permission};
use insightgate_identity::enrollment::Enrollment;
use insightgate_identity::program::Program;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_identity::tenant::Tenant;
use insightgate_identity::tokens::token::{AccessClaims, BACKDATED_SECONDS, LIFETIME_SECONDS, TokenVersion};
use insightgate_operations::audit::write_counts;
use insightgate_operations::callbacks::deliverer;
use insightgate_operations::clock::Clock;
use insightgate_operations::context::{Context, Parts, Settings, SharedContext};
use insightgate_operations::executions::{runner, scheduler};
use insightgate_operations::external_issuers::{ExternalIssuers, IssuerSettings};
use insightgate_operations::keys::vault::Vault;
use insightgate_operations::provisioning::Provisioner;
use insightgate_operations::provisioning::add_user::{add_user, assign_role};
use insightgate_operations::provisioning::enroll_tenant::enroll_tenant;
use insightgate_operations::provisioning::register_application::{register_application, register_public_application};
use insightgate_operations::random::Random;
use insightgate_operations::sandbox::Sandbox;
use insightgate_outbound::{AddressRules, Outbound};
use insightgate_query::column::Value as Cell;
use insightgate_report::instant;
use insightgate_store::{AuditEvent, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::{ApiState, Intake, SandboxAccess, router};

pub(super) const BASE: &str = "https://insights.example";
pub(super) const RESOURCE: &str = "https://api.partnercenter.microsoft.com";
pub(super) const NOW: &str = "2026-11-22T12:00:00Z";
pub(super) const REDIRECT: &str = "https://app.contoso.example/back";
pub(super) const PASSWORD: &str = "pässword & more";
/// `PASSWORD`, hashed with little work: most tests check it many times, and none of them looks at the work.
pub(super) const QUICK_HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdCBvZiB0aGUgdGVzdA$li+NkDyONk0BdFLkbCP3OGI9hadkp7VhbESm8XnjZxA";
pub(super) const SECRET: &str = "app+secret/1=";

pub(super) const CONTOSO: Uuid = Uuid::from_u128(0xc0);
pub(super) const FABRIKAM: Uuid = Uuid::from_u128(0xfab);
pub(super) const APP: Uuid = Uuid::from_u128(0xa1);
pub(super) const FOREIGN_APP: Uuid = Uuid::from_u128(0xa2);
/// Disabled.
pub(super) const SHUT_APP: Uuid = Uuid::from_u128(0xa3);
/// An application without the permission.
pub(super) const BARE_APP: Uuid = Uuid::from_u128(0xa4);
/// The application for the server's own management calls.
pub(super) const OPERATOR_APP: Uuid = Uuid::from_u128(0xa5);

/// A public client that has the permission, but no consent.
pub(super) const DESKTOP_APP: Uuid = Uuid::from_u128(0xda);

/// An application with a user, or an application alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who {
    pub(super) tenant: Uuid,
    pub(super) application: Uuid,
    pub(super) user: Option<Uuid>,
}

const fn person(id: u128) -> Who {
    Who { tenant: CONTOSO, application: APP, user: Some(Uuid::from_u128(id)) }
}

/// Sees the whole organisation.
pub(super) const ANA: Who = person(1);
/// Her colleague.
pub(super) const BEN: Who = person(2);
/// Sees the location 1000001 only.
pub(super) const LEA: Who = person(3);
/// A user of the other organisation.
pub(super) const ZOE: Who = Who { tenant: FABRIKAM, application: FOREIGN_APP, user: Some(Uuid::from_u128(4)) };
/// An application that has the role Manager itself.
pub(super) const ALONE: Who = Who { tenant: CONTOSO, application: APP, user: None };

pub(super) const SALES: &str = r#"
name = "Sales"
program = "mpn"
location_column = "MPNId"
columns = [
  { name = "Name", type = "string" },
  { name = "Amount", type = "decimal(12,2)" },
  { name = "MPNId", type = "string" },
]
metrics = [{ name = "TotalAmount", expression = "SUM(Amount)" }]
"#;
const PLAIN: &str = r#"
name = "Plain"
program = "mpn"
columns = [{ name = "Name", type = "string" }]
"#;
const ORDERS: &str = r#"
name = "Orders"
program = "cmp"
columns = [{ name = "Name", type = "string" }]
"#;

const DATABASE: &str = "insightgate.db";
static SEEDED: OnceCell<Files> = OnceCell::const_new();

pub(super) struct Deployment {
    pub(super) context: SharedContext,
    pub(super) folder: TempDir,
    pub(super) router: Router,
}

/// The files of a folder, by their paths in it.
struct Files(Vec<(PathBuf, Vec<u8>)>);

impl Files {
    fn read(folder: &Path) -> Files {
        let (mut files, mut waiting) = (Vec::new(), vec![folder.to_owned()]);
        while let Some(next) = waiting.pop() {
            for path in std::fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
                match path.is_dir() {
                    true => waiting.push(path),
                    false => files.push((path.strip_prefix(folder).unwrap().to_owned(), std::fs::read(&path).unwrap())),
                }
            }
        }
        Files(files)
    }

    fn write(&self, folder: &Path) {
        for (place, bytes) in &self.0 {
            let path = folder.join(place);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
}

/// The state that a listener at `BASE` gives to its handlers.
pub(super) fn state(context: &SharedContext, sandbox: Option<SandboxAccess>) -> ApiState {
    ApiState {
        context: Arc::clone(context),
        base_url: BASE.into(),
        trusted_proxies: Arc::default(),
        cors_origins: Arc::default(),
        hsts_seconds: 0,
        shows_telemetry: true,
        shows_console: true,
        settings: Arc::default(),
        intake: Arc::new(Intake::new(1024, 256)),
        sandbox,
    }
}

impl Deployment {
    pub(super) async fn new() -> Deployment {
        Deployment::with(|_| {}).await
    }

    /// A deployment with other settings. Polls are only held if the settings say so.
    pub(super) async fn with(change: impl FnOnce(&mut Settings)) -> Deployment {
        let mut settings = Settings { hold_poll: Duration::ZERO, ..Settings::default() };
        change(&mut settings);
        Deployment::start(settings, Clock::manual(instant::parse(NOW).unwrap())).await
    }

    pub(super) async fn start(settings: Settings, clock: Clock) -> Deployment {
        Deployment::trusting(Vec::new(), settings, clock).await
    }

    /// A deployment that is a sandbox, as the demo's is.
    pub(super) async fn sandbox() -> Deployment {
        Deployment::sandbox_with(|_| {}).await
    }

    /// A sandbox with other settings.
    pub(super) async fn sandbox_with(change: impl FnOnce(&mut Settings)) -> Deployment {
        let mut settings = Settings { hold_poll: Duration::ZERO, ..Settings::default() };
        change(&mut settings);
        Deployment::sandbox_start(settings, Clock::manual(instant::parse(NOW).unwrap())).await
    }

    pub(super) async fn sandbox_start(settings: Settings, clock: Clock) -> Deployment {
        Deployment::begin(Vec::new(), settings, clock, Some(Sandbox::default())).await
    }

    /// A deployment with external issuers, which may run on this machine.
    pub(super) async fn trusting(issuers: Vec<IssuerSettings>, settings: Settings, clock: Clock) -> Deployment {
        Deployment::begin(issuers, settings, clock, None).await
    }

    async fn begin(issuers: Vec<IssuerSettings>, settings: Settings, clock: Clock, sandbox: Option<Sandbox>) -> Deployment {
        let folder = TempDir::new().unwrap();
        let is_usual = clock.now() == instant::parse(NOW).unwrap();
        if is_usual {
            SEEDED.get_or_init(Deployment::seeded).await.write(folder.path());
        }
        let deployment = Deployment::open(folder, issuers, settings, clock, sandbox).await;
        if !is_usual {
            deployment.seed().await;
        }
        deployment
    }

    /// A deployment with keys of its own.
    pub(super) async fn with_own_keys() -> Deployment {
        let settings = Settings { hold_poll: Duration::ZERO, ..Settings::default() };
        let clock = Clock::manual(instant::parse(NOW).unwrap());
        let deployment = Deployment::open(TempDir::new().unwrap(), Vec::new(), settings, clock, None).await;
        deployment.seed().await;
        deployment
    }

    /// The folder with which each test begins. It is made once, since hashing its passwords and making its keys would take most of the tests' time.
    async fn seeded() -> Files {
        let made = Deployment::with_own_keys().await;
        // The other files are the database's own, which a copy does not need.
        let copy = TempDir::new().unwrap();
        let database = |folder: &TempDir| folder.path().join(DATABASE).display().to_string();
        Store::back_up(&format!("sqlite:{}", database(&made.folder)), &database(&copy)).await.unwrap();
        let mut files = Files::read(made.folder.path());
        files.0.retain(|(place, _)| place.starts_with("data"));
        files.0.extend(Files::read(copy.path()).0);
        files
    }

    /// Opens the deployment in the folder, or makes a new one if the folder is empty.
    async fn open(folder: TempDir, issuers: Vec<IssuerSettings>, settings: Settings, clock: Clock, sandbox: Option<Sandbox>) -> Deployment {
        log::ask_each_thread();
        let path = |name: &str| folder.path().join(name);
        let store = Store::open(&format!("sqlite:{}", path(DATABASE).display())).await.unwrap();
        let (random, vault) = (Random::default(), Vault::new(&[7; 32]).unwrap());
        let engine_settings = EngineSettings {
            data_root: path("data").into(),
            artifact_root: path("artifacts").into(),
            memory_limit: 64 << 20,
            spill_dir: path("spill"),
            spill_limit: 1 << 30,
            partitions: 1,
        };
        let engine = Engine::shared(engine_settings, settings.sharing.clone());
        for (file, text) in [("mpn/Sales.toml", SALES), ("mpn/Plain.toml", PLAIN), ("cmp/Orders.toml", ORDERS)] {
            let file = path("definitions").join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let loopback = AddressRules { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
        let parts = Parts {
            issuers: ExternalIssuers::new(issuers, &loopback).unwrap(),
            outbound: Outbound::new(settings.callbacks.addresses.clone(), None).unwrap(),
            store,
            vault,
            engine: engine.unwrap(),
            clock,
            random,
            settings,
            definitions: path("definitions"),
            hashes: 2,
            sandbox,
        };
        let context = Arc::new(Context::open(parts).await.unwrap());
        let access = || SandboxAccess { hosts: Arc::new(["localhost".into(), "[::1]".into()]), loopback_only: true };
        let access = context.sandbox.as_ref().map(|_| access());
        Deployment { router: router(state(&context, access)), context, folder }
    }

    async fn seed(&self) {
        #[allow(clippy::disallowed_methods)]
        let (context, by) = (&self.context, Provisioner::at_start("test"));
        let tenant = |id, domain: &str, account: &str| Tenant {
            id,
            domain: domain.into(),
            name: domain.into(),
            global_account: Some(account.into()),
        };
        for tenant in [tenant(CONTOSO, "contoso.example", "1000000"), tenant(FABRIKAM, "fabrikam.example", "2000000")] {
            enroll_tenant(context, by, &tenant, &[], Program::Mpn).await.unwrap();
            let marketplace = Enrollment::active(Program::Cmp, self.now());
            context.store.put_enrollment(tenant.id, &marketplace).await.unwrap();
        }
        let permitted: &[Permission] = &[Permission::PartnerApi];
        for (id, tenant, permissions) in [
            (APP, CONTOSO, permitted),
            (FOREIGN_APP, FABRIKAM, permitted),
            (SHUT_APP, CONTOSO, permitted),
            (BARE_APP, CONTOSO, &[]),
            (OPERATOR_APP, CONTOSO, &[]),
        ] {
            let redirect_uris = if id == APP { vec![REDIRECT.to_owned()] } else { Vec::new() };
            let application = Application {
                redirect_uris,
                enabled: id != SHUT_APP,
                operator: id == OPERATOR_APP,
                ..Application::confidential(id, tenant, "app")
            };
            register_application(context, by, &application, SECRET, permissions).await.unwrap();
        }
        let desktop = Application {
            public: true,
            redirect_uris: vec!["http://localhost".into(), "msal-desktop://auth".into()],
            ..Application::confidential(DESKTOP_APP, CONTOSO, "Contoso desktop")
        };
        register_public_application(context, by, &desktop, &[]).await.unwrap();
        context.store.add_permission(DESKTOP_APP, Permission::PartnerApi).await.unwrap();
        let viewer = |locations| RoleAssignment { role: Role::ExecutiveReportViewer, locations };
        for (who, name, locations) in [
            (ANA, "ana@contoso.example", Locations::Organization),
            (BEN, "ben@contoso.example", Locations::Organization),
            (LEA, "lea@contoso.example", Locations::Only(vec!["1000001".into()])),
            (ZOE, "zoe@fabrikam.example", Locations::Organization),
        ] {
            let id = who.user.unwrap();
            add_user(context, by, who.tenant, id, name, PASSWORD).await.unwrap();
            context.store.set_user_password(id, QUICK_HASH, false).await.unwrap();
            // The location only occurs in the rows.
            context.store.put_role(who.tenant, id, &viewer(locations)).await.unwrap();
        }
        let manager = RoleAssignment { role: Role::Manager, locations: Locations::Organization };
        assign_role(context, by, CONTOSO, APP, &manager).await.unwrap();
        self.write_sales(CONTOSO, "a.parquet", &[("alpha", 100, "1000001"), ("beta", 250, "1000001"), ("gamma", 900, "1000002")]);
        self.write_sales(FABRIKAM, "a.parquet", &[("zeta", 7, "2000001")]);
        for (program, dataset) in [(Program::Mpn, "Plain"), (Program::Cmp, "Orders")] {
            self.write(program, dataset, CONTOSO, "a.parquet", &[vec![Some(Cell::String("row".into()))]]);
        }
    }

    /// Gives a user `PASSWORD` as the server hashes it, for tests of what happens while it hashes.
    pub(super) async fn hash_as_usual(&self, who: Who) {
        let hash = self.context.passwords.hash(PASSWORD, &self.context.random).await.unwrap();
        self.context.store.set_user_password(who.user.unwrap(), &hash, false).await.unwrap();
    }

    pub(super) fn data_folder(&self, program: Program, dataset: &str, tenant: Uuid) -> PathBuf {
        local_folder(&self.folder.path().join("data"), program, dataset, Some(tenant))
    }

    /// Writes rows of `Sales`, with amounts in hundredths.
    pub(super) fn write_sales(&self, tenant: Uuid, file: &str, rows: &[(&str, i128, &str)]) {
        let text = |value: &str| Some(Cell::String(value.to_owned()));
        self.write(
            Program::Mpn,
            "Sales",
            tenant,
            file,
            &[
                rows.iter().map(|(name, ..)| text(name)).collect(),
                rows.iter().map(|(_, amount, _)| Some(Cell::Decimal { unscaled: *amount, scale: 2 })).collect(),
                rows.iter().map(|(.., location)| text(location)).collect(),
            ],
        );
    }

    pub(super) fn write(&self, program: Program, dataset: &str, tenant: Uuid, file: &str, columns: &[Vec<Option<Cell>>]) {
        let path = self.data_folder(program, dataset, tenant).join(file);
        let definition = Arc::clone(self.context.catalogs.of(program).find(dataset).unwrap());
        let mut writer = TableWriter::create(&path, &definition).unwrap();
        writer.write(columns).unwrap();
        writer.finish().unwrap();
    }

    // Time and background work

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.context.clock.now()
    }

    pub(super) fn advance(&self, by: TimeDelta) {
        self.context.clock.set(self.now() + by).unwrap();
    }

    /// Queues what is due and executes everything that waits. Returns the number of executions.
    pub(super) async fn work(&self) -> usize {
        scheduler::queue_due(&self.context, self.now()).await.unwrap();
        let mut executed = 0;
        while runner::execute_next(&self.context).await.unwrap() {
            executed += 1;
        }
        executed
    }

    /// Sends the callbacks that are due. Returns the number of attempts.
    pub(super) async fn deliver(&self) -> usize {
        deliverer::deliver_due(&self.context).await.unwrap()
    }

    pub(super) async fn audited(&self, action: &str) -> Vec<AuditEvent> {
        write_counts(&self.context).await.unwrap();
        let mut events = self.context.store.audit_events(10_000).await.unwrap();
        events.retain(|event| event.action == action);
        events
    }

    // Tokens

    pub(super) fn claims(&self, who: Who) -> AccessClaims {
        let now = self.now().timestamp();
        AccessClaims {
            aud: RESOURCE.into(),
            iss: TokenVersion::V1.issuer(BASE, who.tenant),
            iat: now,
            nbf: now - BACKDATED_SECONDS,
            exp: now + LIFETIME_SECONDS,
            tid: who.tenant,
            oid: who.user.unwrap_or(who.application),
            sub: "subject".into(),
            upn: None,
            appid: Some(who.application),
            azp: None,
            scp: who.user.map(|_| "user_impersonation".to_owned()),
            roles: Vec::new(),
            amr: Vec::new(),
            ver: "1.0".into(),
            uti: "unique".into(),
        }
    }

    /// A token signed by the authority, which is valid for an hour from now.
    pub(super) fn token(&self, who: Who) -> String {
        self.context.signing.sign(&self.claims(who)).unwrap()
    }

    // Requests

    pub(super) async fn send(&self, mut request: Request<Body>) -> Answer {
        // Every client sends the header.
        request.headers_mut().entry(header::HOST).or_insert(HeaderValue::from_static("insights.example"));
        let (method, path) = (request.method().clone(), request.uri().path().to_ascii_lowercase());
        let answer = self.answer(request).await;
        self.compare(&method, &path, &answer).await;
        answer
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: to_bytes(body, usize::MAX).await.unwrap().to_vec() }
    }

    /// A call of the partner program's API; `path` begins after the program.
    pub(super) async fn call(&self, who: Who, method: Method, path: &str, body: Value) -> Answer {
        self.call_program(who, "mpn", method, path, body).await
    }

    pub(super) async fn call_program(&self, who: Who, program: &str, method: Method, path: &str, body: Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("/insights/v1/{program}/{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token(who)));
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    pub(super) async fn get(&self, who: Who, path: &str) -> Answer {
        self.call(who, Method::GET, path, Value::Null).await
    }

    pub(super) async fn fetch(&self, uri: &str, headers: &[(&str, &str)]) -> Answer {
        let uri = uri.strip_prefix(BASE).unwrap_or(uri);
        let request = headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Posts a form to a token endpoint, of version 1 unless the path says otherwise.
    pub(super) async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub(super) async fn create_query(&self, who: Who, text: &str) -> String {
        let answer = self.call(who, Method::POST, "ScheduledQueries", json!({"Name": "query", "Query": text})).await;
        answer.ok()[0]["queryId"].as_str().unwrap().to_owned()
    }

    /// A report with these fields; its name and query are given unless the fields say otherwise.
    pub(super) async fn create_report(&self, who: Who, query: &str, fields: Value) -> String {
        let answer = self.call(who, Method::POST, "ScheduledReport", report_body(query, fields)).await;
        answer.ok()[0]["reportId"].as_str().unwrap().to_owned()
    }

    /// The text of a report's state.
    pub(super) async fn report_status(&self, who: Who, report: &str) -> String {
        let answer = self.get(who, &format!("ScheduledReport?reportId={report}")).await;
        answer.ok()[0]["reportStatus"].as_str().unwrap().to_owned()
    }

    /// All executions of a report that are queued or further, the latest first. The one that waits for the next slot is not among them.
    pub(super) async fn executions(&self, who: Who, report: &str) -> Vec<Value> {
        let every = "getLatestExecution=false&executionStatus=Pending;Running;Paused;Completed;Failed";
        let mut all = self.get(who, &format!("ScheduledReport/execution/{report}?{every}")).await.ok();
        all.retain(|execution| !execution["message"].as_str().is_some_and(|message| message.starts_with("The run waits")));
        all
    }

    /// The link to the artifact of a query that was just executed.
    pub(super) async fn export(&self, who: Who, text: &str, fields: Value) -> String {
        let query = self.create_query(who, text).await;
        let report = self.create_report(who, &query, with(json!({"ExecuteNow": true}), fields)).await;
        self.work().await;
        let execution = self.executions(who, &report).await.remove(0);
        execution["reportAccessSecureLink"].as_str().unwrap_or_else(|| panic!("{execution}")).to_owned()
    }
}

pub(super) const ALL_SALES: &str = "SELECT Name, Amount FROM Sales ORDER BY Name ASC";

/// A schedule that begins four hours after the start of the clock.
pub(super) fn every_four_hours(count: Option<u32>) -> Value {
    json!({"StartTime": "2026-11-22T16:00:00Z", "RecurrenceInterval": 4, "RecurrenceCount": count})
}

pub(super) fn report_body(query: &str, fields: Value) -> Value {
    with(json!({"ReportName": "report", "QueryId": query}), fields)
}

/// The fields of both objects; those of the second take precedence.
pub(super) fn with(mut fields: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no object") };
    fields.as_object_mut().unwrap().extend(more);
    fields
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {:?}", self.headers)).to_str().unwrap()
    }

    /// The value of a successful answer.
    pub(super) fn ok(&self) -> Vec<Value> {
        let body = self.envelope();
        assert_eq!(self.status, StatusCode::OK, "{body}");
        body["value"].as_array().unwrap().clone()
    }

    /// The documented form of every answer of the API. `notes`, which this server adds, only come with rows.
    pub(super) fn envelope(&self) -> Value {
        let body = self.json();
        let names: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
        let mut wanted = ["value", "nextLink", "totalCount", "message", "statusCode", "dataRedacted"];
        wanted.sort_unstable();
        let mut sorted = names;
        sorted.sort_unstable();
        if let Some(notes) = body.get("notes") {
            let are_texts = notes.as_array().is_some_and(|notes| !notes.is_empty() && notes.iter().all(Value::is_string));
            // Beside rows, or beside the refusal of a quota, of which they say when a place is free.
            let beside_rows = self.status == StatusCode::OK && body["totalCount"] != 0;
            let of_quota =
                self.status == StatusCode::BAD_REQUEST && notes[0].as_str().is_some_and(|note| note.starts_with("A place is free "));
            assert!(are_texts && (beside_rows || of_quota), "{body}");
            sorted.retain(|name| name != "notes");
        }
        assert_eq!(sorted, wanted, "{body}");
        assert_eq!(body["statusCode"], self.status.as_u16());
        assert_eq!(body["totalCount"], body["value"].as_array().unwrap().len());
        assert_eq!(self.header("content-type"), "application/json; charset=utf-8");
        assert!(!self.header("ms-requestid").is_empty() && !self.header("ms-correlationid").is_empty());
        body
    }

    /// Checks a refusal in the documented form; returns its message.
    pub(super) fn refused(&self, status: u16) -> String {
        let body = self.envelope();
        assert_eq!(self.status.as_u16(), status, "{body}");
        assert_eq!(body["value"], json!([]));
        body["message"].as_str().unwrap().to_owned()
    }
}
