//! Writes a definition as TOML.

use serde::Serialize;

use super::{Definition, type_name};
use crate::datasets::catalog::{Column, Grain, Metric, RowFormat, Tenancy, TenantKey};
use crate::timespan::TimeSpan;

/// The keys in the order in which a person would write them. Default values are left out.
#[derive(Serialize)]
struct Document<'d> {
    name: &'d str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    aliases: &'d [String],
    title: &'d str,
    program: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_column: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grain: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    date_ranges: Vec<&'static str>,
    minimum_interval_hours: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_column: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_column: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_key: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
    columns: Vec<ColumnTable<'d>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<MetricTable<'d>>,
}

#[derive(Serialize)]
struct ColumnTable<'d> {
    name: &'d str,
    r#type: String,
    nullable: bool,
    #[serde(skip_serializing_if = "is_false")]
    sensitive: bool,
    #[serde(skip_serializing_if = "is_true")]
    selectable: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'d str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    aliases: &'d [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allowed: &'d [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    examples: &'d [String],
}

#[derive(Serialize)]
struct MetricTable<'d> {
    name: &'d str,
    expression: &'d str,
    #[serde(skip_serializing_if = "is_false")]
    sensitive: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'d str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    aliases: &'d [String],
}

/// TOML that reads back as an equal definition.
pub fn write(definition: &Definition) -> String {
    let dataset = &definition.dataset;
    let name_of = |index: usize| dataset.columns.get(index).map(|column| column.name.as_str());
    let (tenant_column, tenant_key) = match &dataset.tenancy {
        Tenancy::Folder => (None, None),
        Tenancy::Column { name, holds: TenantKey::TenantId } => (Some(name.as_str()), Some("tenant-id")),
        Tenancy::Column { name, holds: TenantKey::GlobalAccountId } => (Some(name.as_str()), Some("global-account-id")),
    };
    let document = Document {
        name: &dataset.name,
        aliases: &dataset.aliases,
        title: &dataset.title,
        program: &definition.program,
        date_column: dataset.date_column.and_then(name_of),
        grain: match dataset.grain {
            Grain::Day => Some("day"),
            Grain::Month => Some("month"),
            Grain::None => None,
        },
        date_ranges: dataset.date_ranges.iter().copied().map(TimeSpan::keyword).collect(),
        minimum_interval_hours: dataset.minimum_interval_hours,
        location_column: dataset.location_column.and_then(name_of),
        tenant_column,
        tenant_key,
        format: Some(dataset.format).filter(|format| *format != RowFormat::default()).map(RowFormat::name),
        columns: dataset.columns.iter().map(column).collect(),
        metrics: dataset.metrics.iter().map(metric).collect(),
    };
    // The tables contain only strings, numbers and flags, so that TOML can represent them.
    toml::to_string(&document).unwrap_or_default()
}

fn column(column: &Column) -> ColumnTable<'_> {
    ColumnTable {
        name: &column.name,
        r#type: type_name(column.kind),
        nullable: column.nullable,
        sensitive: column.sensitive,
        selectable: column.selectable,
        description: &column.description,
        aliases: &column.aliases,
        allowed: &column.allowed,
        examples: &column.examples,
    }
}

fn metric(metric: &Metric) -> MetricTable<'_> {
    MetricTable {
        name: &metric.name,
        expression: &metric.text,
        sensitive: metric.sensitive,
        description: &metric.description,
        aliases: &metric.aliases,
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_true(flag: &bool) -> bool {
    *flag
}
