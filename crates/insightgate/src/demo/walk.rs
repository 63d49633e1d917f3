//! Walks through the five documented steps as a client of the demo's own server over HTTPS, and prints each with its answer.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use insightgate_client::{Client, ClientError, ClientSettings, Execution, NewQuery, NewReport, Patience, SignIn, Subject};
use insightgate_operations::context::SharedContext;
use insightgate_operations::written_file::{Output, Readers};

use super::ready_file::{Addresses, Ready};
use crate::command_error::CommandError;
use crate::commands::export::waiting;
use crate::data_folder::DataFolder;
use crate::files::{fault, shown};
use crate::terminal::progress::Progress;
use crate::terminal::words::counted;

const QUERY_NAME: &str = "Revenue by customer";
const QUERY: &str =
    "SELECT CustomerName, CustomerMarket, TotalRevenue FROM CustomersAndTenants ORDER BY TotalRevenue DESC TIMESPAN LAST_6_MONTHS";
const REPORT_NAME: &str = "First report";
/// The lines of the CSV that are shown.
const SHOWN_LINES: usize = 5;
/// How long the demo waits for its first report.
const LONGEST_RUN: Duration = Duration::from_secs(60);

/// The values for the curl commands.
pub struct Walked {
    query_id: String,
    report_id: String,
    link: String,
}

pub async fn run(context: &SharedContext, ready: &Ready, local: &Addresses, folder: &DataFolder) -> Result<Walked, CommandError> {
    let client = client(context, ready, local)?;
    println!("Insightgate demo, data in {}", shown(folder.path()));

    println!("\n1. Token\n   POST {}", ready.token_url);
    let token = client.token().await?;
    let start: String = token.access_token.chars().take(24).collect();
    println!("   200 Bearer {start}… for {} with application {}", ready.username, ready.client_id);
    println!("   The real service refuses a password alone since April 2026 (401, code 900421): --require-mfa rehearses that.");

    println!("\n2. Datasets\n   GET {}/ScheduledDataset", ready.api);
    let datasets = client.datasets(None).await?;
    let first = datasets.first().ok_or_else(|| CommandError::failed("the server offers no dataset"))?;
    println!("   {} {}, the first: {}", datasets.status, counted(datasets.envelope.value.len() as u64, "dataset"), first.dataset_name);
    println!("       {} ({}, …)", counted(first.selectable_columns.len() as u64, "column"), beginning(&first.selectable_columns));
    println!("       {} ({})", counted(first.available_metrics.len() as u64, "metric"), first.available_metrics.join(", "));

    println!("\n3. Query\n   POST {}/ScheduledQueries", ready.api);
    println!("       {QUERY}");
    let query = NewQuery { name: QUERY_NAME.to_owned(), description: Some("Made by the demo".to_owned()), query: QUERY.to_owned() };
    let created = client.create_query(&query).await?;
    let query_id = created.first().map(|query| query.query_id.clone()).unwrap_or_default();
    println!("   {} {}: {query_id}", created.status, created.envelope.message.as_deref().unwrap_or_default());

    println!("\n4. Test query\n   GET {}/ScheduledQueries/testQueryResult?queryId={query_id}", ready.api);
    let preview = Progress::during("the query is running", client.try_query(Subject::Id(&query_id), None, None)).await?;
    println!("   {} {}, the first:", preview.status, counted(preview.envelope.value.len() as u64, "row"));
    if let Some(row) = preview.first() {
        println!("       {}", serde_json::to_string(row).unwrap_or_default());
    }

    println!("\n5. Report\n   POST {}/ScheduledReport with ExecuteNow", ready.api);
    let report = NewReport { report_name: REPORT_NAME.to_owned(), query_id: query_id.clone(), execute_now: true, ..NewReport::default() };
    let report_id = match client.create_report(&report).await {
        Ok(created) => {
            let report_id = created.first().map(|report| report.report_id.clone()).unwrap_or_default();
            println!("   {} {}: {report_id}", created.status, created.envelope.message.as_deref().unwrap_or_default());
            report_id
        }
        Err(ClientError::Refused(refusal)) if refusal.message.as_ref().is_some_and(|message| message.contains("ExecuteNow")) => {
            println!("   {} {}", refusal.status, refusal.message.as_deref().unwrap_or_default());
            println!("       the last report of that name serves instead");
            last_report(&client).await?
        }
        Err(error) => return Err(error.into()),
    };
    println!("   GET {}/ScheduledReport/execution/{report_id}", ready.api);
    let execution = Progress::during("the report is running", completed(&client, &report_id)).await?;
    println!("   200 {}, executionId {}", execution.execution_status, execution.execution_id);
    let link = execution.report_access_secure_link.clone().unwrap_or_default();
    let location = execution.report_location.as_deref().unwrap_or_default();
    println!("   GET {location}?sv=…&sig=…");
    let file = folder.path().join("first-report.csv");
    let (bytes, lines) = download(&client, &nearby(ready, local, &link), &file).await?;
    println!("   200 {} in {}", counted(bytes, "byte"), shown(&file));
    for line in lines {
        println!("       {line}");
    }
    Ok(Walked { query_id, report_id, link })
}

/// The same URL at this machine's own address, since the public one may lead here only from elsewhere.
fn nearby(ready: &Ready, local: &Addresses, url: &str) -> String {
    let path = url.strip_prefix(ready.clients()).filter(|path| path.starts_with('/'));
    path.map_or_else(|| url.to_owned(), |path| format!("{}{path}", local.https))
}

pub fn client(context: &SharedContext, ready: &Ready, local: &Addresses) -> Result<Client, CommandError> {
    let authority = Path::new(&ready.ca_certificate);
    let settings = ClientSettings {
        authority_token_url: nearby(ready, local, &ready.token_url),
        api_base: nearby(ready, local, &ready.api),
        resource: ready.resource.clone(),
        client_id: ready.client_id.clone(),
        client_secret: Some(ready.client_secret.clone()),
        sign_in: SignIn::User { username: ready.username.clone(), password: ready.password.clone() },
        ca_certificate: Some(std::fs::read(authority).map_err(|error| fault(authority, &error))?),
        patience: Patience::default(),
    };
    let context = Arc::clone(context);
    Ok(Client::new(settings, Arc::new(move || context.clock.now().timestamp()))?)
}

/// The report that an earlier start made in this folder.
async fn last_report(client: &Client) -> Result<String, CommandError> {
    let filter = insightgate_client::ReportFilter { report_name: Some(REPORT_NAME.to_owned()), ..Default::default() };
    let reports = client.reports(&filter).await?;
    let last = reports.envelope.value.last().map(|report| report.report_id.clone());
    last.ok_or_else(|| CommandError::failed("there is no earlier report").hint("wait an hour, or start with --no-quotas"))
}

/// Waits as `insightgate export` does.
async fn completed(client: &Client, report_id: &str) -> Result<Execution, CommandError> {
    let progress = Progress::new();
    let waited = tokio::time::timeout(LONGEST_RUN, waiting::completed(client, report_id, &progress)).await;
    progress.end();
    waited.unwrap_or_else(|_| Err(CommandError { code: 5, ..CommandError::failed("the report did not finish in time") }))
}

/// Returns the number of bytes written, and the first lines.
async fn download(client: &Client, link: &str, path: &Path) -> Result<(u64, Vec<String>), CommandError> {
    let mut stream = Box::pin(client.download(link).await?.into_stream());
    let mut file = Output::open(path, Readers::Everybody).map_err(|error| fault(path, &error))?;
    let (mut bytes, mut beginning) = (0_u64, Vec::new());
    while let Some(block) = stream.try_next().await? {
        file.write_all(&block).map_err(|error| fault(path, &error))?;
        bytes += block.len() as u64;
        if beginning.len() < 4096 {
            beginning.extend_from_slice(&block);
        }
    }
    file.finish().map_err(|error| fault(path, &error))?;
    let lines = String::from_utf8_lossy(&beginning).lines().take(SHOWN_LINES).map(str::to_owned).collect();
    Ok((bytes, lines))
}

/// A command for each step, to repeat it by hand.
pub fn print_curl(ready: &Ready, walked: &Walked) {
    let Ready { api, token_url, client_id, client_secret, username, password, resource, .. } = ready;
    let Walked { query_id, report_id, link } = walked;
    let curl = format!("curl -s --cacert '{}'", shown(Path::new(&ready.ca_certificate)));
    println!("\nThe same by hand:\n");
    println!(
        "TOKEN=$({curl} {token_url} -d grant_type=password -d scope=openid -d resource={resource} -d client_id={client_id} \\\n    \
         -d client_secret={client_secret} -d username={username} --data-urlencode 'password={password}' \\\n    \
         | sed -n 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/p')"
    );
    // The answers end without a line feed.
    let authorized = format!("{curl} -w '\\n' -H \"Authorization: Bearer $TOKEN\"");
    println!("{authorized} {api}/ScheduledDataset");
    println!(
        "{authorized} {api}/ScheduledQueries -d '{{\"Name\": \"Mine\", \"Query\": \"SELECT CustomerName, Product FROM CustomersAndTenants\"}}'"
    );
    println!("{authorized} '{api}/ScheduledQueries/testQueryResult?queryId={query_id}'");
    println!("{authorized} {api}/ScheduledReport -d '{{\"ReportName\": \"Mine\", \"QueryId\": \"{query_id}\", \"ExecuteNow\": true}}'");
    println!("{authorized} {api}/ScheduledReport/execution/{report_id}");
    println!("{curl} --compressed '{link}'");
}

fn beginning(names: &[String]) -> String {
    names.iter().take(4).map(String::as_str).collect::<Vec<_>>().join(", ")
}
