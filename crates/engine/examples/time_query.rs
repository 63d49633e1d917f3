//! Runs queries on one open engine and says how long each took: what `cargo xtask bench queries` measures, and what a profiler is put on.
//!
//! It takes one request a line, `{"query": "SELECT …", "out": "answer.csv"}`, and answers each with a line of JSON. With a query among the
//! arguments it runs that one, as often as `--runs` says.
//!
//! ```text
//! time_query --data DIR --definition FILE… --tenant ID [--at 2025-12-15T00:00:00Z] [--memory-mib N] [--partitions N]
//!            [--query TEXT --out FILE [--runs N]]
//! ```

// A benchmark reads the real time.
#![allow(clippy::disallowed_methods)]

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use insightgate_engine::{DEFAULT_MEMORY_LIMIT, Engine, EngineSettings};
use insightgate_identity::program::Program;
use insightgate_identity::scope::TenantScope;
use insightgate_query::datasets::catalog::Catalog;
use insightgate_query::datasets::definition;
use insightgate_query::diagnostic;
use insightgate_query::format::Format;
use serde_json::{Value, json};
use uuid::Uuid;

type Fault = Box<dyn Error>;

#[derive(Default)]
struct Arguments {
    data: PathBuf,
    definitions: Vec<PathBuf>,
    tenant: Uuid,
    anchor: DateTime<Utc>,
    memory: usize,
    partitions: usize,
    query: Option<String>,
    out: PathBuf,
    runs: usize,
}

struct Bench {
    engine: Engine,
    catalog: Catalog,
    scope: TenantScope,
    anchor: DateTime<Utc>,
}

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let arguments = arguments()?;
    let bench = Bench::open(&arguments)?;
    if let Some(query) = &arguments.query {
        for _ in 0..arguments.runs {
            println!("{}", bench.run(query, &arguments.out).await?);
        }
        return Ok(());
    }
    println!("{}", json!({"ready": std::process::id()}));
    let mut line = String::new();
    while std::io::stdin().lock().read_line(&mut line)? > 0 {
        let request: Value = serde_json::from_str(&line)?;
        line.clear();
        let field = |name: &str| request.get(name).and_then(Value::as_str).ok_or_else(|| format!("a request has no {name}: {request}"));
        let answer = match bench.run(field("query")?, Path::new(field("out")?)).await {
            Ok(answer) => answer,
            Err(error) => json!({"error": error.to_string()}),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

impl Bench {
    fn open(arguments: &Arguments) -> Result<Bench, Fault> {
        let work = arguments.data.join(".time_query");
        let engine = Engine::new(EngineSettings {
            data_root: arguments.data.clone().into(),
            artifact_root: work.join("artifacts").into(),
            memory_limit: arguments.memory,
            spill_dir: work.join("spill"),
            spill_limit: 1 << 30,
            partitions: arguments.partitions,
        })?;
        let mut datasets = Vec::new();
        for file in &arguments.definitions {
            let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            datasets.push(Arc::new(definition::read(&text, &file.display().to_string())?.dataset));
        }
        let scope = TenantScope::operator(arguments.tenant, None, Program::Mpn);
        Ok(Bench { engine, catalog: Catalog::new(datasets), scope, anchor: arguments.anchor })
    }

    /// Planning, scan, encoding and writing are all in the time; so is what the product does for every export, such as its hash.
    async fn run(&self, query: &str, out: &Path) -> Result<Value, Fault> {
        let read = bytes_read();
        let began = Instant::now();
        let plan = insightgate_query::plan(query, &self.catalog).map_err(|found| diagnostic::message(&found))?;
        let window = plan.window(self.anchor, None, None);
        let mut file = tokio::fs::File::create(out).await?;
        let summary = self.engine.export_to_writer(&self.scope, &plan, window, Format::Csv, &mut file, &|_| {}).await?;
        drop(file);
        let seconds = began.elapsed().as_secs_f64();
        let read = bytes_read().zip(read).map(|(after, before)| after - before);
        Ok(json!({"seconds": seconds, "rows": summary.rows, "bytes": summary.bytes, "bytes_read": read}))
    }
}

/// Of this process so far, from files and elsewhere. None where the system does not say.
fn bytes_read() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/self/io").ok()?;
    told.lines().find_map(|line| line.strip_prefix("rchar: "))?.parse().ok()
}

fn arguments() -> Result<Arguments, Fault> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut read = Arguments { memory: DEFAULT_MEMORY_LIMIT, partitions: cores, runs: 1, ..Arguments::default() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--data" => read.data = value.into(),
            "--definition" => read.definitions.push(value.into()),
            "--tenant" => read.tenant = value.parse()?,
            "--at" => read.anchor = DateTime::parse_from_rfc3339(&value)?.to_utc(),
            "--memory-mib" => read.memory = value.parse::<usize>()? << 20,
            "--partitions" => read.partitions = value.parse()?,
            "--query" => read.query = Some(value),
            "--out" => read.out = value.into(),
            "--runs" => read.runs = value.parse()?,
            _ => return Err(format!("{word} is not known; the head of this file says what is").into()),
        }
    }
    Ok(read)
}
