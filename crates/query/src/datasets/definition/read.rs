//! Reads a definition from TOML.

use std::collections::HashMap;

use toml::de::DeTable;

use super::document::{Fields, Found, Problems};
use super::{DEFAULT_INTERVAL_HOURS, Definition, DefinitionErrors, default_date_ranges};
use crate::datasets::catalog::{Column, ColumnType, Dataset, Grain, Metric, RowFormat, Tenancy, TenantKey};
use crate::diagnostic::nearest::nearest;
use crate::diagnostic::quoted;
use crate::fold::fold;
use crate::metric;
use crate::syntax::ast::LiteralValue;
use crate::syntax::literal::{Converted, convert, wanted};
use crate::timespan::TimeSpan;

/// The most bytes of a definition's text.
const MAXIMUM_TEXT: usize = 4 * 1024 * 1024;
const MAXIMUM_NAME: usize = 128;
const MAXIMUM_COLUMN_NAME: usize = 256;

/// Reads the definition in a text.
///
/// # Errors
///
/// [`DefinitionErrors`] has all problems at once.
pub fn read(text: &str, origin: &str) -> Result<Definition, DefinitionErrors> {
    let refused = |problems: Problems<'_>, document| {
        let more = problems.more();
        DefinitionErrors { origin: origin.to_owned(), problems: problems.into_list(document), more }
    };
    let problems = Problems::of(text);
    if text.len() > MAXIMUM_TEXT {
        problems.add(&(0..0), format!("the definition has {} bytes; at most {MAXIMUM_TEXT} are taken", text.len()));
        return Err(refused(problems, None));
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in errors {
            problems.add(&error.span().unwrap_or(0..0), format!("this is not TOML: {}", error.message().replace('\n', "; ")));
        }
        return Err(refused(problems, None));
    }
    let fields = Fields::new("the definition", document.get_ref(), 0..0, &problems);
    let definition = read_fields(fields, &problems);
    match definition {
        Some(definition) if problems.is_empty() => Ok(definition),
        _ => Err(refused(problems, Some(document.get_ref()))),
    }
}

fn read_fields<'d>(fields: Fields<'d>, problems: &'d Problems<'d>) -> Option<Definition> {
    let name = fields.required("name");
    let names = name.iter().map(|name| Found { value: name.value, at: name.at.clone() }).chain(fields.texts("aliases")).inspect(|name| {
        if !is_folder_name(name.value) {
            let rule = format!("a dataset's name is letters, digits and _, starts with a letter and has at most {MAXIMUM_NAME} characters");
            problems.add(&name.at, format!("{} cannot name a dataset or its folder; {rule}", quoted(name.value)));
        }
    });
    let mut names: Vec<String> = names.map(|name| name.value.to_owned()).collect();
    let title = fields.text("title").map_or_else(|| names.first().cloned().unwrap_or_default(), |title| title.value.to_owned());
    let program = fields.required("program").map(|program| {
        if !["mpn", "cmp"].contains(&program.value) {
            problems.add(&program.at, format!("{} is not a program; write \"mpn\" or \"cmp\"", quoted(program.value)));
        }
        program.value.to_owned()
    });

    let dates = Dates::read(&fields, problems);
    let minimum_interval_hours = interval(&fields, problems);
    let location = fields.text("location_column");
    let tenancy = tenancy(&fields, problems);
    let format = format(&fields, problems);

    let mut taken = HashMap::new();
    let columns: Vec<Column> = fields.tables("columns", "column").into_iter().map(|table| column(table, problems, &mut taken)).collect();
    if columns.is_empty() {
        fields.problem("the definition has no columns; add a [[columns]] table for each");
    }
    let metrics = fields.tables("metrics", "metric").into_iter();
    let places = metric::Columns::of(&columns);
    let metrics: Vec<Metric> = metrics.filter_map(|table| metric(table, &places, problems, &mut taken)).collect();

    let date_column = dates.column.as_ref().and_then(|found| {
        let kinds = [ColumnType::Date, ColumnType::Timestamp];
        column_of(found, "date_column", "a date or timestamp", |kind| kinds.contains(&kind), &columns, problems)
    });
    let location_column = location
        .as_ref()
        .and_then(|found| column_of(found, "location_column", "a string", |kind| kind == ColumnType::String, &columns, problems));
    fields.finish();

    let name = if names.is_empty() { return None } else { names.remove(0) };
    let dataset = Dataset {
        name,
        aliases: names,
        title,
        columns,
        metrics,
        date_column,
        grain: dates.grain,
        date_ranges: dates.ranges,
        minimum_interval_hours,
        location_column,
        tenancy,
        format,
    };
    Some(Definition { program: program?, dataset })
}

struct Dates<'d> {
    column: Option<Found<&'d str>>,
    grain: Grain,
    ranges: Vec<TimeSpan>,
}

impl<'d> Dates<'d> {
    fn read(fields: &Fields<'d>, problems: &Problems<'_>) -> Self {
        let column = fields.text("date_column");
        let written = fields.text("grain");
        let grain = match (&column, &written) {
            (_, Some(found)) if found.value == "none" && column.is_none() => Grain::None,
            (Some(_), Some(found)) if found.value == "day" => Grain::Day,
            (Some(_), Some(found)) if found.value == "month" => Grain::Month,
            (Some(_), Some(found)) => {
                problems.add(&found.at, format!("grain cannot be {}; a row stands for a \"day\" or a \"month\"", quoted(found.value)));
                Grain::Day
            }
            (None, Some(found)) => {
                problems.add(&found.at, "grain needs a date_column; name the column that time spans apply to, or leave grain out");
                Grain::None
            }
            (Some(_), None) => Grain::Day,
            (None, None) => Grain::None,
        };
        let written = fields.texts("date_ranges");
        let mut ranges = Vec::with_capacity(written.len());
        for found in &written {
            match TimeSpan::from_keyword(found.value) {
                Some(span) if ranges.contains(&span) => problems.add(&found.at, format!("{span} stands twice in date_ranges")),
                Some(span) if column.is_none() && span != TimeSpan::Lifetime => {
                    problems.add(&found.at, format!("{span} needs a date_column; without one only LIFETIME can be offered"));
                }
                Some(span) => ranges.push(span),
                None if problems.is_full() => problems.count(),
                None => {
                    let known = TimeSpan::KEYWORDS;
                    let advice = match nearest(found.value, known.iter().copied()) {
                        Some(near) => format!("did you mean {near}?"),
                        None => format!("the spans are {}", known.join(", ")),
                    };
                    problems.add(&found.at, format!("{} is not a time span; {advice}", quoted(found.value)));
                }
            }
        }
        let ranges = if written.is_empty() { default_date_ranges(grain) } else { ranges };
        Dates { column, grain, ranges }
    }
}

fn interval(fields: &Fields<'_>, problems: &Problems<'_>) -> u32 {
    // The API accepts intervals of 4 hours to 90 days.
    const TAKEN: std::ops::RangeInclusive<u32> = DEFAULT_INTERVAL_HOURS..=2160;
    let Some(found) = fields.integer("minimum_interval_hours") else { return DEFAULT_INTERVAL_HOURS };
    match u32::try_from(found.value).ok().filter(|hours| TAKEN.contains(hours)) {
        Some(hours) => hours,
        None => {
            let (from, to) = (TAKEN.start(), TAKEN.end());
            problems.add(&found.at, format!("minimum_interval_hours cannot be {}; reports run every {from} to {to} hours", found.value));
            DEFAULT_INTERVAL_HOURS
        }
    }
}

fn tenancy(fields: &Fields<'_>, problems: &Problems<'_>) -> Tenancy {
    let column = fields.text("tenant_column");
    let key = fields.text("tenant_key");
    let holds = match key.as_ref().map(|key| key.value) {
        None | Some("tenant-id") => TenantKey::TenantId,
        Some("global-account-id") => TenantKey::GlobalAccountId,
        Some(other) => {
            let at = key.as_ref().map_or(0..0, |key| key.at.clone());
            problems.add(&at, format!("tenant_key cannot be {}; write \"tenant-id\" or \"global-account-id\"", quoted(other)));
            TenantKey::TenantId
        }
    };
    match (column, key) {
        (Some(column), _) => {
            check_name(&column, "tenant_column", problems);
            Tenancy::Column { name: column.value.to_owned(), holds }
        }
        (None, Some(key)) => {
            problems.add(&key.at, "tenant_key needs a tenant_column; without one, files lie in tenant=<tenant id> folders");
            Tenancy::Folder
        }
        (None, None) => Tenancy::Folder,
    }
}

fn format(fields: &Fields<'_>, problems: &Problems<'_>) -> RowFormat {
    let Some(found) = fields.text("format") else { return RowFormat::default() };
    found.value.parse().unwrap_or_else(|_| {
        let message = format!("format cannot be {}; write \"parquet\", the default, or \"delta\" for a Delta table", quoted(found.value));
        problems.add(&found.at, message);
        RowFormat::default()
    })
}

fn column<'d>(mut fields: Fields<'d>, problems: &'d Problems<'d>, taken: &mut HashMap<String, String>) -> Column {
    let (name, aliases) = names(&mut fields, "column", problems, taken);
    let kind = fields.required("type").map_or(ColumnType::String, |found| {
        column_type(found.value).unwrap_or_else(|| {
            let types = "string, int64, float64, decimal(precision,scale), date, timestamp and bool";
            problems.add(&found.at, format!("{} is not a type; the types are {types}", quoted(found.value)));
            ColumnType::String
        })
    });
    let values = |key: &'static str| -> Vec<String> {
        let found = fields.texts(key).into_iter();
        let checked = found.inspect(|found| {
            let literal = LiteralValue::String(found.value.to_owned());
            if kind != ColumnType::String && !matches!(convert(&literal, kind), Converted::Value(_)) {
                let (value, what) = (quoted(found.value), fields.what());
                problems.add(&found.at, format!("{value} among the {key} of {what} is not {}", wanted(kind)));
            }
        });
        checked.map(|found| found.value.to_owned()).collect()
    };
    let column = Column {
        name,
        aliases,
        kind,
        nullable: fields.flag("nullable", true),
        sensitive: fields.flag("sensitive", false),
        selectable: fields.flag("selectable", true),
        description: fields.text("description").map_or_else(String::new, |found| found.value.to_owned()),
        allowed: values("allowed"),
        examples: values("examples"),
    };
    fields.finish();
    column
}

fn metric<'d>(
    mut fields: Fields<'d>,
    columns: &metric::Columns<'_>,
    problems: &'d Problems<'d>,
    taken: &mut HashMap<String, String>,
) -> Option<Metric> {
    let (name, aliases) = names(&mut fields, "metric", problems, taken);
    let sensitive = fields.flag("sensitive", false);
    let description = fields.text("description").map_or_else(String::new, |found| found.value.to_owned());
    let text = fields.required("expression");
    // Finding the nearest name looks at every column, so that it is skipped if nothing more is reported.
    let expression = text.as_ref().filter(|_| !problems.is_full()).and_then(|text| {
        let parsed = metric::parse_over(text.value, columns);
        parsed.map_err(|error| problems.add(&text.at, format!("the expression of {} is wrong: {}", fields.what(), error.message))).ok()
    });
    fields.finish();
    Some(Metric { name, aliases, text: text?.value.to_owned(), expression: expression?, sensitive, description })
}

/// Reads a name and its aliases, none of which may be used by anything else in the dataset.
fn names(fields: &mut Fields<'_>, what: &str, problems: &Problems<'_>, taken: &mut HashMap<String, String>) -> (String, Vec<String>) {
    let name = fields.required("name");
    if let Some(name) = &name {
        fields.call(format!("{what} {}", quoted(name.value)));
    }
    let name = name.into_iter();
    let aliases = fields.texts("aliases");
    let mut spellings = Vec::with_capacity(1 + aliases.len());
    for found in name.chain(aliases) {
        check_name(&found, "a name", problems);
        let owner = fields.what().to_owned();
        match taken.insert(fold(found.value).into_owned(), owner) {
            Some(other) => {
                let message = format!("{} names {} and {other}; names ignore case and must differ", quoted(found.value), fields.what());
                problems.add(&found.at, message);
            }
            None => spellings.push(found.value.to_owned()),
        }
    }
    let mut spellings = spellings.into_iter();
    (spellings.next().unwrap_or_default(), spellings.collect())
}

fn check_name(found: &Found<&str>, what: &str, problems: &Problems<'_>) {
    let length = found.value.chars().count();
    if length > MAXIMUM_COLUMN_NAME {
        problems.add(&found.at, format!("{what} has {length} characters; at most {MAXIMUM_COLUMN_NAME} are taken"));
    }
    if found.value.trim() != found.value || found.value.is_empty() || found.value.chars().any(char::is_control) {
        let message =
            format!("{} cannot be {what}: it is empty, starts or ends with a blank, or holds a control character", quoted(found.value));
        problems.add(&found.at, message);
    }
}

/// The column that a key of the definition names.
fn column_of(
    found: &Found<&str>,
    key: &str,
    wanted: &str,
    fits: impl Fn(ColumnType) -> bool,
    columns: &[Column],
    problems: &Problems<'_>,
) -> Option<usize> {
    let index = columns.iter().position(|column| column.is_called(found.value));
    match index.and_then(|index| columns.get(index)) {
        Some(column) if !fits(column.kind) => {
            let kind = super::type_name(column.kind);
            problems.add(&found.at, format!("{key} names {}, which is {kind}; it must be {wanted}", quoted(found.value)));
        }
        Some(_) => {}
        None => {
            let advice = match nearest(found.value, columns.iter().map(|column| column.name.as_str())) {
                Some(near) => format!("did you mean '{near}'?"),
                None => "add a [[columns]] table for it".to_owned(),
            };
            problems.add(&found.at, format!("{key} names {}, which is not among the columns; {advice}", quoted(found.value)));
        }
    }
    index
}

/// The type with that name in a definition; `None` if there is none.
pub fn column_type(text: &str) -> Option<ColumnType> {
    Some(match text {
        "string" => ColumnType::String,
        "int64" => ColumnType::Int64,
        "float64" => ColumnType::Float64,
        "decimal" => ColumnType::Decimal { precision: 18, scale: 2 },
        "date" => ColumnType::Date,
        "timestamp" => ColumnType::Timestamp,
        "bool" => ColumnType::Bool,
        other => {
            let (precision, scale) = other.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
            let (precision, scale) = (precision.trim().parse::<u8>().ok()?, scale.trim().parse::<i8>().ok()?);
            let fits = (1..=38).contains(&precision) && (0..=38).contains(&scale) && i16::from(scale) <= i16::from(precision);
            return fits.then_some(ColumnType::Decimal { precision, scale });
        }
    })
}

fn is_folder_name(name: &str) -> bool {
    name.len() <= MAXIMUM_NAME
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
