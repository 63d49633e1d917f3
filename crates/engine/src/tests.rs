//! Tests the engine as a whole, with real files in a temporary folder and plans made by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod damage;
mod explain;
mod export;
mod files;
mod formats;
mod ingest;
mod isolation;
mod language;
mod limits;
mod metrics;
mod names;
mod order;
mod reads;
mod redaction;
mod sharing;
mod sheets;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use insightgate_identity::access::AccessRules;
use insightgate_identity::application::{Application, Permission};
use insightgate_identity::enrollment::Enrollment;
use insightgate_identity::principal::Principal;
use insightgate_identity::program::Program;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_identity::scope::TenantScope;
use insightgate_identity::tenant::Tenant;
use insightgate_identity::user::User;
use insightgate_query::column::Value;
use insightgate_query::datasets::catalog::{Column, ColumnType, Dataset, Field, Grain, Metric, RowFormat, Tenancy};
use insightgate_query::metric::MetricExpression;
use insightgate_query::plan::{Condition, OrderKey, Plan, Predicate, Selected};
use insightgate_query::timespan::Window;
use tempfile::TempDir;
use uuid::Uuid;

use crate::{Engine, EngineError, EngineSettings, Sharing, TableWriter, local_folder};
use insightgate_query::format::Format;

pub(super) const ALICE: Uuid = Uuid::from_u128(0xa11ce);
pub(super) const BOB: Uuid = Uuid::from_u128(0xb0b);

pub(super) type Row = Vec<Option<Value>>;

pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) engine: Engine,
}

impl World {
    pub(super) fn new() -> World {
        World::with_memory(64 << 20)
    }

    pub(super) fn with_memory(memory_limit: usize) -> World {
        World::shared(memory_limit, Sharing::default())
    }

    pub(super) fn shared(memory_limit: usize, sharing: Sharing) -> World {
        let folder = TempDir::new().unwrap();
        let engine = Engine::shared(settings(&folder, memory_limit), sharing);
        World { engine: engine.unwrap(), folder }
    }

    pub(super) fn data_folder(&self, dataset: &Dataset, tenant: Option<Uuid>) -> PathBuf {
        local_folder(&self.folder.path().join("data"), Program::Mpn, &dataset.name, tenant)
    }

    /// Writes one file of the tenant's rows.
    pub(super) fn write(&self, dataset: &Dataset, tenant: Uuid, name: &str, rows: &[Row]) {
        write_rows(&self.data_folder(dataset, Some(tenant)).join(name), dataset, rows);
    }

    pub(super) async fn csv(&self, plan: &Plan) -> Result<String, EngineError> {
        self.csv_of(&scope(ALICE), plan, Window::All).await
    }

    pub(super) async fn csv_of(&self, scope: &TenantScope, plan: &Plan, window: Window) -> Result<String, EngineError> {
        let mut out: Vec<u8> = Vec::new();
        let summary = self.engine.export_to_writer(scope, plan, window, Format::Csv, &mut out, &|_| {}).await?;
        assert_eq!(summary.bytes, out.len() as u64);
        Ok(String::from_utf8(out).unwrap())
    }

    /// The lines after the header.
    pub(super) async fn lines(&self, plan: &Plan) -> Vec<String> {
        self.csv(plan).await.unwrap().lines().skip(1).map(str::to_owned).collect()
    }

    pub(super) async fn preview(&self, scope: &TenantScope, plan: &Plan) -> Result<Vec<String>, EngineError> {
        let preview = self.engine.preview(scope, plan, Window::All, 100).await?;
        Ok(preview.rows.iter().map(|row| row.get().to_owned()).collect())
    }
}

fn settings(folder: &TempDir, memory_limit: usize) -> EngineSettings {
    EngineSettings {
        data_root: folder.path().join("data").into(),
        artifact_root: folder.path().join("artifacts").into(),
        memory_limit,
        spill_dir: folder.path().join("spill"),
        spill_limit: 1 << 30,
        partitions: 2,
    }
}

pub(super) fn write_rows(path: &Path, dataset: &Dataset, rows: &[Row]) {
    let mut writer = TableWriter::create(path, dataset).unwrap();
    let columns: Vec<_> = (0..dataset.columns.len()).map(|column| rows.iter().map(|row| row[column].clone()).collect()).collect();
    writer.write(&columns).unwrap();
    writer.finish().unwrap();
}

/// The shape of a file whose footer was not read.
pub(super) fn unread() -> Arc<crate::rows::snapshot::FileShape> {
    let schema = Arc::new(datafusion::arrow::datatypes::Schema::empty());
    Arc::new(crate::rows::snapshot::FileShape { schema, dictionaries: Vec::new(), own: None })
}

pub(super) fn scope(tenant: Uuid) -> TenantScope {
    TenantScope::operator(tenant, Some(format!("account-{tenant}")), Program::Mpn)
}

/// The scope of a viewer of some locations only.
pub(super) fn scope_of(tenant: Uuid, locations: &[&str]) -> TenantScope {
    scope_with(tenant, Program::Mpn, &[(Role::ExecutiveReportViewer, only(locations))])
}

pub(super) fn only(locations: &[&str]) -> Locations {
    Locations::Only(locations.iter().map(|id| (*id).to_owned()).collect())
}

/// The scope of a user with these roles, where Report viewers are allowed.
pub(super) fn scope_with(tenant: Uuid, program: Program, roles: &[(Role, Locations)]) -> TenantScope {
    let principal = Principal {
        tenant: Tenant { id: tenant, domain: "a.example".to_owned(), name: "A".to_owned(), global_account: None },
        application: Application::confidential(Uuid::from_u128(1), tenant, "app"),
        user: Some(User::new(Uuid::from_u128(2), tenant, "a@a.example".to_owned())),
        enrollments: vec![Enrollment::active(program, chrono::DateTime::UNIX_EPOCH)],
        consented: vec![Permission::PartnerApi],
        requested: vec![Permission::PartnerApi],
        roles: roles.iter().map(|(role, locations)| RoleAssignment { role: *role, locations: locations.clone() }).collect(),
        mfa: false,
    };
    principal.scope(program, &AccessRules { allow_report_viewer: true }).unwrap()
}

pub(super) fn column(name: &str, kind: ColumnType) -> Column {
    Column {
        name: name.to_owned(),
        aliases: Vec::new(),
        kind,
        nullable: true,
        sensitive: false,
        selectable: true,
        description: String::new(),
        allowed: Vec::new(),
        examples: Vec::new(),
    }
}

pub(super) fn dataset(name: &str, columns: Vec<Column>) -> Dataset {
    let position = |name: &str| columns.iter().position(|column| column.name == name);
    Dataset {
        name: name.to_owned(),
        aliases: Vec::new(),
        title: name.to_owned(),
        date_column: position("Day"),
        location_column: position("MPNId"),
        columns,
        metrics: Vec::new(),
        grain: Grain::Day,
        date_ranges: Vec::new(),
        minimum_interval_hours: 24,
        tenancy: Tenancy::Folder,
        format: RowFormat::Parquet,
    }
}

/// One column of each type, and a hidden one.
pub(super) fn sales() -> Dataset {
    let mut columns = vec![
        column("Id", ColumnType::Int64),
        column("Name", ColumnType::String),
        column("Amount", ColumnType::Decimal { precision: 12, scale: 2 }),
        column("Ratio", ColumnType::Float64),
        column("Day", ColumnType::Date),
        column("At", ColumnType::Timestamp),
        column("Active", ColumnType::Bool),
        column("MPNId", ColumnType::String),
        column("Hidden", ColumnType::Int64),
    ];
    columns[8].selectable = false;
    dataset("Sales", columns)
}

pub(super) const ID: usize = 0;
pub(super) const NAME: usize = 1;
pub(super) const AMOUNT: usize = 2;
pub(super) const RATIO: usize = 3;
pub(super) const DAY: usize = 4;
pub(super) const AT: usize = 5;
pub(super) const ACTIVE: usize = 6;
pub(super) const MPN_ID: usize = 7;
pub(super) const HIDDEN: usize = 8;

/// A row of `sales` with an id, a name and nulls.
pub(super) fn sale(id: i64, name: Option<&str>) -> Row {
    let mut row: Row = vec![None; 9];
    row[ID] = Some(Value::Int(id));
    row[NAME] = name.map(string);
    row
}

pub(super) fn with(mut row: Row, column: usize, value: Value) -> Row {
    row[column] = Some(value);
    row
}

pub(super) fn metric(name: &str, expression: MetricExpression) -> Metric {
    Metric { name: name.to_owned(), aliases: Vec::new(), text: String::new(), expression, sensitive: false, description: String::new() }
}

pub(super) fn string(text: &str) -> Value {
    Value::String(text.to_owned())
}

pub(super) fn decimal(unscaled: i128, scale: i8) -> Value {
    Value::Decimal { unscaled, scale }
}

pub(super) fn day(text: &str) -> Value {
    Value::Date(NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap())
}

pub(super) fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

pub(super) fn at(text: &str) -> Value {
    Value::Timestamp(instant(text))
}

/// Makes a plan from the names of columns and metrics.
pub(super) fn select(dataset: &Dataset, names: &[&str]) -> Plan {
    let output = |name: &&str| Selected { field: dataset.field(name).unwrap(), name: (*name).to_owned() };
    let outputs: Vec<Selected> = names.iter().map(output).collect();
    Plan {
        grouped: outputs.iter().any(|output| matches!(output.field, Field::Metric(_))),
        dataset: Arc::new(dataset.clone()),
        outputs,
        distinct: false,
        row_conditions: Vec::new(),
        group_conditions: Vec::new(),
        order: Vec::new(),
        limit: None,
        span: None,
        aliased: Vec::new(),
        notes: Vec::new(),
    }
}

pub(super) fn filtered(mut plan: Plan, name: &str, predicate: Predicate) -> Plan {
    let field = plan.dataset.field(name).unwrap();
    match field {
        Field::Column(_) => plan.row_conditions.push(Condition { field, predicate }),
        Field::Metric(_) => plan.group_conditions.push(Condition { field, predicate }),
    }
    plan
}

/// Adds an order; `-Name` is descending.
pub(super) fn ordered(mut plan: Plan, names: &[&str]) -> Plan {
    for name in names {
        let field = plan.dataset.field(name.trim_start_matches('-')).unwrap();
        plan.order.push(OrderKey { field, descending: name.starts_with('-') });
    }
    plan
}
