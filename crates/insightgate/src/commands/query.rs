//! `insightgate query`: saves, tries and explains queries, and describes the query language.

pub(crate) mod language_page;
mod rows;
pub(crate) mod text;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use insightgate_client::{Answer, Client, ClientError, NewQuery, Query, QueryFilter, Subject};
use insightgate_identity::scope::is_access_log;
use insightgate_query::syntax::MAXIMUM_TEXT;
use serde::Serialize;
use uuid::Uuid;

use crate::command_error::CommandError;
use crate::commands::named;
use crate::commands::query::text::{QueryText, not_valid_by, time};
use crate::session::{Output, insights, text};
use crate::terminal::progress::Progress;
use crate::terminal::table::{Table, fields, plain};
use crate::terminal::{confirm, print, print_json};

#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true, arg_required_else_help = true)]
pub struct QueryArguments {
    /// Describe the language of queries, with an example of every rule
    #[arg(long, required = true)]
    help_language: bool,
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: Option<QueryCommand>,
}

#[derive(Debug, Subcommand)]
enum QueryCommand {
    /// Saves a query, once the server has checked it
    #[command(after_help = "Examples:\n  \
        insightgate query create --name Seats 'SELECT CustomerName, AvailableSeats FROM CustomersAndTenants TIMESPAN LAST_MONTH'\n  \
        insightgate query create --name Seats --file seats.sql --json")]
    Create {
        #[command(flatten)]
        source: QueryText,
        #[arg(long, value_name = "NAME")]
        name: String,
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Your queries, and those of the system that everybody has
    #[command(after_help = "Examples:\n  insightgate query list\n  insightgate query list --own --json")]
    List {
        /// Only your own
        #[arg(long)]
        own: bool,
        /// Only those of the system
        #[arg(long, conflicts_with = "own")]
        system: bool,
        /// Only those of this name
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// One query with its text
    #[command(after_help = "Example:\n  insightgate query show Seats")]
    Show {
        #[arg(value_name = "ID|NAME")]
        query: String,
    },
    /// The first rows of a query, at most 100
    #[command(after_help = "Examples:\n  \
        insightgate query try 'SELECT CustomerName, TotalRevenue FROM CustomersAndTenants ORDER BY TotalRevenue LIMIT 5'\n  \
        insightgate query try --file seats.sql --from 2026-01-01 --to 2026-02-01\n  \
        insightgate query try --id 626274c9-037f-4b69-8922-cf7e87459db8 --json")]
    Try(AskedArguments),
    /// Says in words what a query will do: whose rows, which time, how many rows, bytes and files
    #[command(after_help = "Examples:\n  \
        insightgate query explain 'SELECT CustomerName, TotalRevenue FROM CustomersAndTenants ORDER BY TotalRevenue LIMIT 5'\n  \
        insightgate query explain --id 626274c9-037f-4b69-8922-cf7e87459db8 --from 2026-01-01T00:00:00Z")]
    Explain(AskedArguments),
    /// Deletes a query of yours; reports that use it keep its text
    #[command(
        after_help = "Examples:\n  insightgate query delete Seats --yes\n  insightgate query delete 626274c9-037f-4b69-8922-cf7e87459db8"
    )]
    Delete {
        #[arg(value_name = "ID|NAME")]
        query: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
struct AskedArguments {
    #[command(flatten)]
    source: QueryText,
    /// A saved query, by its id or name
    #[arg(long, value_name = "ID|NAME", conflicts_with_all = ["text", "file"])]
    id: Option<String>,
    /// Rows from this time on, whatever TIMESPAN says: 2026-01-31 or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<DateTime<Utc>>,
    /// Rows before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<DateTime<Utc>>,
}

pub async fn run(profile: Option<&str>, arguments: QueryArguments) -> Result<(), CommandError> {
    let QueryArguments { output, command, .. } = arguments;
    let Some(command) = command else { return print(&language_page::readable()) };
    let client = insights(profile)?;
    match command {
        QueryCommand::Create { source, name, description } => {
            let query = NewQuery { name, description, query: source.needed()? };
            let created = client.create_query(&query).await.map_err(|error| refused(error, Some(&query.query)))?;
            show(output, created.first())
        }
        QueryCommand::List { own, system, name } => list(&client, output, own, system, name).await,
        QueryCommand::Show { query } => show(output, Some(&named::query(&client, &query).await?)),
        QueryCommand::Try(asked) => {
            let asked = Asked::of(&client, asked).await?;
            let rows = asked.answer(client.try_query(asked.subject(), asked.from, asked.to)).await?;
            if output.json {
                return print_json(&rows.envelope);
            }
            rows::show(&rows)?;
            if rows.envelope.value.is_empty() && asked.text.as_deref().is_some_and(asks_the_access_log) {
                eprintln!("note: an event is in the access log within a minute; TIMESPAN, WHERE or the tenant may leave out what there is");
            }
            Ok(())
        }
        QueryCommand::Explain(asked) => {
            let asked = Asked::of(&client, asked).await?;
            let explained = asked.answer(client.explain_query(asked.subject(), asked.from, asked.to)).await?;
            let explained = explained.first().ok_or_else(nothing_said)?;
            if output.json { print_json(explained) } else { said(&explained.sentences, &explained.notes) }
        }
        QueryCommand::Delete { query, yes } => {
            let query = named::query(&client, &query).await?;
            confirm(&format!("Delete the query '{}' ({})?", plain(&query.name), plain(&query.query_id)), yes)?;
            let deleted = client.delete_query(&query.query_id).await?;
            if output.json {
                return print_json(deleted.first().unwrap_or(&query));
            }
            eprintln!("deleted {} ({})", plain(&query.name), plain(&query.query_id));
            Ok(())
        }
    }
}

/// An explanation for people: a line for each sentence, and what they should know beside.
pub fn said(sentences: &[String], notes: &[String]) -> Result<(), CommandError> {
    for note in notes {
        eprintln!("note: {}", plain(note));
    }
    print(&sentences.iter().map(|sentence| format!("{}\n", plain(sentence))).collect::<String>())
}

/// As far as a look at its words tells.
fn asks_the_access_log(text: &str) -> bool {
    text.split(|character: char| !character.is_alphanumeric()).any(is_access_log)
}

/// A query that is asked about, as it was named.
struct Asked<'a> {
    client: &'a Client,
    text: Option<String>,
    id: Option<String>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}

impl<'a> Asked<'a> {
    async fn of(client: &'a Client, arguments: AskedArguments) -> Result<Asked<'a>, CommandError> {
        let AskedArguments { source, id, from, to } = arguments;
        let id = match id {
            Some(named) if named.parse::<Uuid>().is_err() => Some(named::query(client, &named).await?.query_id),
            id => id,
        };
        let text = match id {
            Some(_) => None,
            None => Some(source.needed_or("give it in quotes, with --file, as - on stdin, or a saved one with --id")?),
        };
        if let Some(text) = text.as_deref().filter(|text| text.len() > MAXIMUM_TEXT) {
            let message = format!("the query has {} bytes; at most {MAXIMUM_TEXT} are taken", text.len());
            return Err(CommandError::usage(message));
        }
        Ok(Asked { client, text, id, from, to })
    }

    fn subject(&self) -> Subject<'_> {
        match (&self.text, &self.id) {
            (_, Some(id)) => Subject::Id(id),
            (text, None) => Subject::Text(text.as_deref().unwrap_or_default()),
        }
    }

    /// What is wrong with the text is shown in the text, also in a saved one.
    async fn answer<T>(&self, call: impl Future<Output = Result<Answer<T>, ClientError>>) -> Result<Answer<T>, CommandError> {
        let error = match Progress::during("the query is running", call).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let about_text = matches!(&error, ClientError::Refused(refusal) if refusal.status == 400);
        let saved = match &self.id {
            Some(id) if about_text => named::query(self.client, id).await.ok().map(|query| query.query),
            _ => None,
        };
        Err(refused(error, self.text.as_deref().or(saved.as_deref())))
    }
}

/// Wrong usage, where the text of the query is what is wrong.
pub fn refused(error: ClientError, text: Option<&str>) -> CommandError {
    let message = match &error {
        ClientError::AddressTooLong { .. } => {
            return CommandError::from(error)
                .hint("the text is too long for an address: save it with `insightgate query create`, and name it with --id");
        }
        ClientError::Refused(refusal) if refusal.status == 400 => refusal.message.clone(),
        _ => None,
    };
    let marked = text.zip(message).and_then(|(text, message)| not_valid_by(text, &message));
    let hint = error.hint();
    match (marked, hint) {
        (Some(marked), Some(hint)) => marked.hint(hint),
        (Some(marked), None) => marked.hint("`insightgate query --help-language` describes the language"),
        (None, _) => error.into(),
    }
}

async fn list(client: &Client, output: Output, own: bool, system: bool, name: Option<String>) -> Result<(), CommandError> {
    let named = name.is_some();
    let filter = QueryFilter {
        query_name: name,
        include_system_queries: own.then_some(false),
        include_only_system_queries: system.then_some(true),
        ..QueryFilter::default()
    };
    let queries = match client.queries(&filter).await {
        Ok(answer) => answer.envelope,
        // Nobody asked for a certain one: there simply are none.
        Err(ClientError::Refused(refusal)) if refusal.is_not_found() && !named => {
            eprintln!("there are none");
            return if output.json { print_json(&Nothing { value: [] }) } else { Ok(()) };
        }
        Err(error) => return Err(error.into()),
    };
    if output.json {
        return print_json(&queries);
    }
    let mut table = Table::new(&["id", "name", "type", "created"]);
    for query in &queries.value {
        table.row([query.query_id.as_str(), &query.name, &query.kind, query.created_time.as_deref().unwrap_or_default()]);
    }
    print(&table.text())
}

/// What a list of nothing is to programs.
#[derive(Serialize)]
struct Nothing {
    value: [Query; 0],
}

fn show(output: Output, query: Option<&Query>) -> Result<(), CommandError> {
    let query = query.ok_or_else(nothing_said)?;
    if output.json {
        return print_json(query);
    }
    let shown = fields(&[
        ("id", query.query_id.clone()),
        ("name", query.name.clone()),
        ("description", text(&query.description)),
        ("type", query.kind.clone()),
        ("user", text(&query.user)),
        ("created", text(&query.created_time)),
    ]);
    let lines: String = query.query.lines().map(|line| format!("{}\n", plain(&line.replace('\t', "    ")))).collect();
    print(&format!("{shown}\n{lines}"))
}

fn nothing_said() -> CommandError {
    CommandError::failed("the server's answer holds nothing")
}
