//! Answers many queries from one process: what the differential test compares with an engine that is not ours.
//!
//! Reads JSON lines: the first is a `World`, every other a `Request`. Writes one JSON line for each request, in the order in which they are
//! done. Uses public functions only, so that every row comes through a scope.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use insightgate_engine::{DataRoot, Engine, EngineSettings};
use insightgate_identity::access::AccessRules;
use insightgate_identity::application::{Application, Permission};
use insightgate_identity::enrollment::Enrollment;
use insightgate_identity::principal::Principal;
use insightgate_identity::program::Program;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_identity::scope::TenantScope;
use insightgate_identity::tenant::Tenant;
use insightgate_identity::user::User;
use insightgate_query::datasets::catalog::{Catalog, Dataset};
use insightgate_query::datasets::{builtin, definition};
use insightgate_query::format::Format;
use insightgate_query::{check, diagnostic};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;

/// Rows of a preview.
const PREVIEW_ROWS: usize = 100;

/// Bytes for the queries that sort and group, all together.
const MEMORY: usize = 256 << 20;

type Failure = Box<dyn Error + Send + Sync>;

/// What all requests are about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct World {
    data: PathBuf,
    /// For intermediate results.
    scratch: PathBuf,
    program: String,
    /// A folder of TOML definitions, which join the built-in ones.
    definitions: Option<PathBuf>,
    workers: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    id: u64,
    text: String,
    mode: Mode,
    tenant: Uuid,
    global_account: Option<String>,
    /// As an operator, without roles, when left out.
    roles: Option<Vec<Assignment>>,
    anchor: Instant,
    start: Option<Instant>,
    end: Option<Instant>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(try_from = "String")]
struct Instant(DateTime<Utc>);

impl TryFrom<String> for Instant {
    type Error = chrono::ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        DateTime::parse_from_rfc3339(&text).map(|instant| Instant(instant.to_utc()))
    }
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Export,
    Preview,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Assignment {
    role: String,
    /// The whole organisation when left out.
    locations: Option<Vec<String>>,
}

/// Which part refused a request, and its message.
struct Refused {
    by: &'static str,
    message: String,
}

struct Answering {
    engine: Engine,
    program: Program,
    catalog: Catalog,
}

impl Answering {
    fn of(world: &World) -> Result<Self, Failure> {
        let program: Program = world.program.parse().map_err(|_| format!("'{}' is no program", world.program))?;
        let own = world.definitions.as_deref().map(definitions).transpose()?.unwrap_or_default();
        let known = builtin::catalog(program.name());
        let engine = Engine::new(EngineSettings {
            data_root: DataRoot::Folder(world.data.clone()),
            artifact_root: world.scratch.join("artifacts").into(),
            memory_limit: MEMORY,
            spill_dir: world.scratch.join("spill"),
            spill_limit: 1 << 30,
            partitions: 2,
        })?;
        Ok(Answering { engine, program, catalog: Catalog::new(known.datasets().iter().cloned().chain(own)) })
    }

    async fn line(&self, request: &Request) -> Value {
        match self.answer(request).await {
            Ok(answer) => answer,
            Err(Refused { by, message }) => json!({"id": request.id, "refused_by": by, "message": message}),
        }
    }

    async fn answer(&self, request: &Request) -> Result<Value, Refused> {
        let scope = self.scope(request).map_err(|error| Refused { by: "scope", message: error.to_string() })?;
        let refused = |diagnostics: diagnostic::Diagnostics| Refused { by: "check", message: diagnostic::message(&diagnostics) };
        let plan = check::plan(&request.text, &self.catalog).map_err(refused)?;
        let window = plan.window(request.anchor.0, request.start.map(|start| start.0), request.end.map(|end| end.0));
        let failed =
            |error: insightgate_engine::EngineError| Refused { by: "engine", message: format!("{} ({error})", error.caller_message()) };
        match request.mode {
            Mode::Export => {
                let mut csv: Vec<u8> = Vec::new();
                self.engine.export_to_writer(&scope, &plan, window, Format::Csv, &mut csv, &|_| {}).await.map_err(failed)?;
                let csv = String::from_utf8(csv).map_err(|error| Refused { by: "encoder", message: error.to_string() })?;
                Ok(json!({"id": request.id, "csv": csv, "notes": plan.notes}))
            }
            Mode::Preview => {
                let preview = self.engine.preview(&scope, &plan, window, PREVIEW_ROWS).await.map_err(failed)?;
                // As texts: a number keeps its digits.
                let rows: Vec<&str> = preview.rows.iter().map(|row| row.get()).collect();
                Ok(json!({"id": request.id, "rows": rows, "notes": plan.notes}))
            }
        }
    }

    fn scope(&self, request: &Request) -> Result<TenantScope, Failure> {
        let Some(assignments) = &request.roles else {
            return Ok(TenantScope::operator(request.tenant, request.global_account.clone(), self.program));
        };
        let mut roles = Vec::with_capacity(assignments.len());
        for Assignment { role, locations } in assignments {
            let role = Role::from_id(role).ok_or_else(|| format!("'{role}' is no role"))?;
            let locations = locations.clone().map_or(Locations::Organization, Locations::Only);
            roles.push(RoleAssignment { role, locations });
        }
        let tenant = Tenant {
            id: request.tenant,
            domain: "tenant.example".to_owned(),
            name: "Tenant".to_owned(),
            global_account: request.global_account.clone(),
        };
        let principal = Principal {
            tenant,
            application: Application::confidential(Uuid::from_u128(1), request.tenant, "app"),
            user: Some(User::new(Uuid::from_u128(2), request.tenant, "user@tenant.example".to_owned())),
            enrollments: vec![Enrollment::active(self.program, DateTime::UNIX_EPOCH)],
            consented: vec![Permission::PartnerApi],
            requested: vec![Permission::PartnerApi],
            roles,
            mfa: false,
        };
        Ok(principal.scope(self.program, &AccessRules { allow_report_viewer: true })?)
    }
}

fn definitions(folder: &Path) -> Result<Vec<Arc<Dataset>>, Failure> {
    let mut found = HashMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let read = definition::read(&std::fs::read_to_string(&path)?, &path.display().to_string());
            let dataset = read.map_err(|errors| errors.to_string())?.dataset;
            found.insert(path, Arc::new(dataset));
        }
    }
    Ok(found.into_values().collect())
}

fn main() -> Result<(), Failure> {
    let mut lines = io::stdin().lock().lines();
    let first = lines.next().ok_or("the first line describes the world")??;
    let world: World = serde_json::from_str(&first)?;
    let workers = world.workers.max(1);
    let answering = Arc::new(Answering::of(&world)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    let (asked, requests) = mpsc::channel::<Request>(workers);
    let requests = Arc::new(tokio::sync::Mutex::new(requests));
    let output = Arc::new(Mutex::new(io::stdout()));
    let running: Vec<_> = (0..workers)
        .map(|_| {
            let (answering, requests, output) = (Arc::clone(&answering), Arc::clone(&requests), Arc::clone(&output));
            runtime.spawn(async move {
                loop {
                    let next = requests.lock().await.recv().await;
                    let Some(request) = next else { return Ok::<(), io::Error>(()) };
                    let id = request.id;
                    let answering = Arc::clone(&answering);
                    // A panic is one request's answer, too.
                    let answered = tokio::spawn(async move { answering.line(&request).await }).await;
                    let answer = answered.unwrap_or_else(|panic| json!({"id": id, "refused_by": "panic", "message": panic.to_string()}));
                    let mut line = answer.to_string();
                    line.push('\n');
                    let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
                    output.write_all(line.as_bytes())?;
                    output.flush()?;
                }
            })
        })
        .collect();
    for line in lines {
        asked.blocking_send(serde_json::from_str(&line?)?)?;
    }
    drop(asked);
    for worker in running {
        runtime.block_on(worker)??;
    }
    Ok(())
}
