//! How long a scheduler's tick takes among many reports, and how fast runs that are due at once are done: what `cargo xtask bench schedules` measures.
//!
//! Each step is a process of its own, so that the memory of one does not show in another. The last two answer with a line of JSON.
//!
//! ```text
//! time_schedules seed  --database URL --folder DIR --reports N [--tenants N] [--due spread|together] [--rows N]
//! time_schedules ticks --database URL --folder DIR --reports N
//! time_schedules runs  --database URL --folder DIR --reports N [--tenants N] [--runners N]
//! ```
//!
//! `spread` is for ticks: a few minutes at which one report is due, a few at which a hundred are, the rest much later. `together`: all at one minute.

// A benchmark reads the real time.
#![allow(clippy::disallowed_methods)]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt as _;
use insightgate_engine::{DEFAULT_MEMORY_LIMIT, Engine, EngineSettings, TableWriter, local_folder};
use insightgate_identity::application::{Application, Permission};
use insightgate_identity::program::Program;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_identity::tenant::Tenant;
use insightgate_operations::background_loops::executions;
use insightgate_operations::clock::Clock;
use insightgate_operations::context::{Context, Parts, Settings, SharedContext};
use insightgate_operations::executions::places::Places;
use insightgate_operations::executions::scheduler;
use insightgate_operations::external_issuers::ExternalIssuers;
use insightgate_operations::keys::vault::Vault;
use insightgate_operations::provisioning::Provisioner;
use insightgate_operations::provisioning::add_user::{add_user, assign_role};
use insightgate_operations::provisioning::enroll_tenant::enroll_tenant;
use insightgate_operations::provisioning::register_application::register_application;
use insightgate_operations::random::Random;
use insightgate_outbound::{AddressRules, Outbound};
use insightgate_query::column::Value;
use insightgate_query::format::Format;
use insightgate_report::execution::ExecutionStatus;
use insightgate_report::schedule::{MAXIMUM_INTERVAL_HOURS, Schedule};
use insightgate_report::scheduled_report::{ReportStatus, ScheduledReport, Timing};
use insightgate_store::{ExecutionFilter, Store};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

type Fault = Box<dyn Error>;

const DATASET: &str = r#"
name = "Sales"
program = "mpn"
columns = [
  { name = "Name", type = "string" },
  { name = "Amount", type = "decimal(12,2)" },
]
"#;
const QUERY: &str = "SELECT Name, Amount FROM Sales";
/// Ticks at which nothing is due.
const IDLE_TICKS: u32 = 500;
/// Minutes after the start at which one report is due each, at most; and a hundred. As many as 1,000 reports allow, so that more of them make no more runs.
const ONES: u32 = 200;
const HUNDREDS: u32 = 8;
const HUNDREDS_FROM: i64 = 1_000;
const IDLE_FROM: i64 = 100_000;
/// Nothing has ended for so long: look whether all is done.
const SILENCE: Duration = Duration::from_secs(2);
/// As often without a new file: something is wrong.
const PATIENCE: u32 = 30;

struct Arguments {
    step: String,
    database: String,
    folder: PathBuf,
    reports: u32,
    tenants: u32,
    rows: u32,
    together: bool,
    runners: usize,
}

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let arguments = arguments()?;
    let context = open(&arguments).await?;
    match arguments.step.as_str() {
        "seed" => seed(&context, &arguments).await?,
        "ticks" => ticks(&context, arguments.reports).await?,
        "runs" => runs(&context, &arguments).await?,
        step => return Err(format!("'{step}' is no step; the head of this file says what is").into()),
    }
    context.store.close().await;
    Ok(())
}

fn start() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn minute(number: i64) -> DateTime<Utc> {
    start() + TimeDelta::minutes(number)
}

/// As the server opens it, but with a clock that stands still.
async fn open(arguments: &Arguments) -> Result<SharedContext, Fault> {
    let (folder, settings) = (&arguments.folder, Settings::default());
    let store = Store::open(&arguments.database).await?;
    let (clock, random, vault) = (Clock::manual(start()), Random::default(), Vault::new(&[7; 32])?);
    let engine = Engine::new(EngineSettings {
        data_root: folder.join("data").into(),
        artifact_root: folder.join("artifacts").into(),
        memory_limit: DEFAULT_MEMORY_LIMIT,
        spill_dir: folder.join("spill"),
        spill_limit: 1 << 30,
        partitions: cores(),
    })?;
    let parts = Parts {
        issuers: ExternalIssuers::new(Vec::new(), &AddressRules::default())?,
        outbound: Outbound::new(settings.callbacks.addresses.clone(), None)?,
        store,
        vault,
        engine,
        clock,
        random,
        settings,
        definitions: folder.join("definitions"),
        hashes: 1,
        sandbox: None,
    };
    Ok(Arc::new(Context::open(parts).await?))
}

fn tenant_id(number: u32) -> Uuid {
    Uuid::from_u128((1 << 64) + u128::from(number))
}

fn application_id(number: u32) -> Uuid {
    Uuid::from_u128((2 << 64) + u128::from(number))
}

/// The user who owns the tenant's reports.
fn owner_id(number: u32) -> Uuid {
    Uuid::from_u128((3 << 64) + u128::from(number))
}

fn report_id(number: u32) -> Uuid {
    // In no order, as real ones are.
    Uuid::from_u128(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

async fn seed(context: &Context, arguments: &Arguments) -> Result<(), Fault> {
    let definition = arguments.folder.join("definitions/mpn/Sales.toml");
    std::fs::create_dir_all(definition.with_file_name(""))?;
    std::fs::write(&definition, DATASET)?;
    for number in 0..arguments.tenants {
        add_tenant(context, arguments, number).await?;
    }
    for number in 0..arguments.reports {
        let due = if arguments.together { minute(1) } else { minute(due_minute(number, arguments.reports)) };
        let report = report(number, number % arguments.tenants, due);
        context.store.add_report(&report, None, None).await?.map_err(|fault| format!("a report is refused: {fault:?}"))?;
        if number > 0 && number % 10_000 == 0 {
            eprintln!("{number} reports");
        }
    }
    Ok(())
}

async fn add_tenant(context: &Context, arguments: &Arguments, number: u32) -> Result<(), Fault> {
    #[allow(clippy::disallowed_methods)]
    let by = Provisioner::at_start("bench");
    let (id, owner, application) = (tenant_id(number), owner_id(number), application_id(number));
    let tenant = Tenant { id, domain: format!("t{number}.example"), name: format!("Tenant {number}"), global_account: None };
    enroll_tenant(context, by, &tenant, &[], Program::Mpn).await?;
    let application = Application::confidential(application, id, "bench");
    register_application(context, by, &application, &context.random.uuid()?.to_string(), &[Permission::PartnerApi]).await?;
    add_user(context, by, id, owner, &format!("ana@t{number}.example"), &context.random.uuid()?.to_string()).await?;
    let viewer = RoleAssignment { role: Role::ExecutiveReportViewer, locations: Locations::Organization };
    assign_role(context, by, id, owner, &viewer).await?;
    let catalog = context.catalogs.of(Program::Mpn);
    let dataset = catalog.find("Sales").ok_or("the dataset is not known")?;
    let file = local_folder(&arguments.folder.join("data"), Program::Mpn, "Sales", Some(id)).join("rows.parquet");
    let mut writer = TableWriter::create(&file, dataset)?;
    writer.write(&[
        (0..arguments.rows).map(|row| Some(Value::String(format!("Customer {row}")))).collect(),
        (0..arguments.rows).map(|row| Some(Value::Decimal { unscaled: i128::from(row) * 125, scale: 2 })).collect(),
    ])?;
    writer.finish()?;
    Ok(())
}

/// How many minutes there are at which one report is due, and how many at which a hundred are.
fn busy_minutes(reports: u32) -> (u32, u32) {
    let ones = (reports / 5).min(ONES);
    (ones, ((reports - ones) / 100).min(HUNDREDS))
}

fn due_minute(number: u32, reports: u32) -> i64 {
    let (ones, hundreds) = busy_minutes(reports);
    match number.checked_sub(ones) {
        None => 1 + i64::from(number),
        Some(rest) if rest < hundreds * 100 => HUNDREDS_FROM + i64::from(rest / 100),
        Some(rest) => IDLE_FROM + i64::from(rest),
    }
}

fn report(number: u32, tenant: u32, due: DateTime<Utc>) -> ScheduledReport {
    ScheduledReport {
        id: report_id(number),
        tenant: tenant_id(tenant),
        owner: owner_id(tenant),
        application: application_id(tenant),
        program: Program::Mpn,
        name: format!("Report {number}"),
        description: None,
        query_id: "query".to_owned(),
        query: QUERY.to_owned(),
        user: "bench".to_owned(),
        created: start(),
        modified: None,
        timing: Timing::Recurring(Schedule::new(due, MAXIMUM_INTERVAL_HOURS, None, 0)),
        status: ReportStatus::Active,
        callback: None,
        format: Format::Csv,
    }
}

/// What the scheduler does each time: it queues what is due, and asks when something will be.
async fn tick(context: &Context, at: DateTime<Utc>) -> Result<f64, Fault> {
    let began = Instant::now();
    scheduler::queue_due(context, at).await?;
    context.store.next_due().await?;
    Ok(began.elapsed().as_secs_f64() * 1e6)
}

async fn ticks(context: &Context, reports: u32) -> Result<(), Fault> {
    let (ones, hundreds) = busy_minutes(reports);
    let (mut idle, mut one, mut hundred) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..IDLE_TICKS {
        idle.push(tick(context, start()).await?);
    }
    for number in 0..i64::from(ones) {
        one.push(tick(context, minute(1 + number)).await?);
    }
    for number in 0..i64::from(hundreds) {
        hundred.push(tick(context, minute(HUNDREDS_FROM + number)).await?);
    }
    println!("{}", json!({"idle_us": idle, "one_due_us": one, "hundred_due_us": hundred}));
    Ok(())
}

/// From the tick at which all reports are due to the end of the last execution, with the runners of the server.
async fn runs(context: &SharedContext, arguments: &Arguments) -> Result<(), Fault> {
    let expected = usize::try_from(arguments.reports)?;
    let (stop, stopping) = watch::channel(false);
    context.clock.set(minute(1))?;
    let mut runners = JoinSet::new();
    executions(context, Places::new(usize::MAX), arguments.runners).start(&context.background, &stopping, &mut runners);
    let (began, began_at) = (Instant::now(), DateTime::<Utc>::from(SystemTime::now()));
    scheduler::queue_due(context, context.clock.now()).await?;
    let queued = began.elapsed().as_secs_f64();
    let ended = all_done(context, expected).await?.duration_since(began).as_secs_f64();
    let peak = peak_memory();
    stop.send(true)?;
    runners.join_all().await;
    // An execution's file is complete just before its end is written down.
    let mut delays: Vec<f64> = files(context).await?.into_iter().map(|at| (at - began_at).as_seconds_f64().max(0.0)).collect();
    delays.sort_by(f64::total_cmp);
    let ended = delays.last().copied().unwrap_or_default().max(ended);
    completed(context, arguments).await?;
    let delay = |position: usize| delays.get(position).copied();
    println!(
        "{}",
        json!({
            "seconds": ended,
            "queued_seconds": queued,
            "per_second": f64::from(arguments.reports) / ended,
            "delay_first_seconds": delay(0),
            "delay_median_seconds": delay(delays.len() / 2),
            "delay_last_seconds": ended,
            "peak_memory_bytes": peak,
        })
    );
    Ok(())
}

/// When the last execution ended.
async fn all_done(context: &Context, expected: usize) -> Result<Instant, Fault> {
    let (mut last, mut found, mut without_news) = (Instant::now(), 0, 0);
    loop {
        if tokio::time::timeout(SILENCE, context.signals.finished.notified()).await.is_ok() {
            last = Instant::now();
            continue;
        }
        let now = files(context).await?.len();
        if now >= expected {
            return Ok(last);
        }
        without_news = if now > found { 0 } else { without_news + 1 };
        found = now;
        if without_news > PATIENCE {
            return Err(format!("{now} of {expected} runs left a file, and no more come").into());
        }
    }
}

/// When each file of an execution was complete.
async fn files(context: &Context) -> Result<Vec<DateTime<Utc>>, Fault> {
    Ok(context.engine.list_artifacts().map_ok(|found| found.last_modified).try_collect().await?)
}

/// Ends with a fault where an execution did not complete.
async fn completed(context: &Context, arguments: &Arguments) -> Result<(), Fault> {
    let filter = ExecutionFilter { statuses: vec![ExecutionStatus::Completed], ..ExecutionFilter::default() };
    for number in 0..arguments.reports {
        let owner = owner_id(number % arguments.tenants);
        let found = context.store.executions(owner, Program::Mpn, &[report_id(number)], &filter).await?;
        if found.len() != 1 {
            return Err(format!("report {number} has {} completed executions", found.len()).into());
        }
    }
    Ok(())
}

/// Of this process. None where the system does not say.
fn peak_memory() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn arguments() -> Result<Arguments, Fault> {
    let mut words = std::env::args().skip(1);
    let step = words.next().unwrap_or_default();
    let (database, folder) = (String::new(), PathBuf::new());
    let mut read = Arguments { step, database, folder, reports: 0, tenants: 200, rows: 100, together: false, runners: cores() };
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--database" => read.database = value,
            "--folder" => read.folder = value.into(),
            "--reports" => read.reports = value.parse()?,
            "--tenants" => read.tenants = value.parse::<u32>()?.max(1),
            "--rows" => read.rows = value.parse()?,
            "--due" => read.together = value == "together",
            "--runners" => read.runners = value.parse()?,
            _ => return Err(format!("{word} is not known; the head of this file says what is").into()),
        }
    }
    Ok(read)
}
