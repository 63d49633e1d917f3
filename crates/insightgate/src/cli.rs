//! The commands and their flags. Names here are promises: scripts are written against them.
#![allow(rustdoc::bare_urls, reason = "the comments are what --help prints")]

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use uuid::Uuid;

use crate::commands::app::AppArguments;
use crate::commands::audit::AuditArguments;
use crate::commands::callback::CallbackArguments;
use crate::commands::check::CheckArguments;
use crate::commands::dataset::file_arguments::FileArguments;
use crate::commands::execution::ExecutionArguments;
use crate::commands::export::ExportArguments;
use crate::commands::external::ExternalArguments;
use crate::commands::health::HealthArguments;
use crate::commands::keys::KeysArguments;
use crate::commands::local_tenant::LocalTenant;
use crate::commands::location::LocationArguments;
use crate::commands::login::LoginArguments;
use crate::commands::login::logout::LogoutArguments;
use crate::commands::login::token::TokenArguments;
use crate::commands::profile::ProfileArguments;
use crate::commands::query::QueryArguments;
use crate::commands::query::text::QueryText;
use crate::commands::report::ReportArguments;
use crate::commands::role::RoleArguments;
use crate::commands::sandbox::SandboxArguments;
use crate::commands::shell::{CompletionsArguments, ManArguments};
use crate::commands::tenant::TenantArguments;
use crate::commands::user::UserArguments;
use crate::patience::{PatienceArguments, TimeoutOf};
pub use crate::upkeep_arguments::DEFAULT_DATA_DIR;
use crate::upkeep_arguments::{MailCommand, ServerPlace, StoreCommand, VerifyArguments};

/// Programmatic access to partner analytics.
#[derive(Debug, Parser)]
#[command(version, about, after_help = "Start with: insightgate demo", after_long_help = crate::env_vars::help())]
pub struct Cli {
    /// The profile to connect with: its name, or a file such as a demo's ready file
    ///
    /// Names are sections of ~/.config/insightgate/profiles.toml. INSIGHTGATE_PROFILE names one too. What else the environment says goes before a profile.
    #[arg(long, global = true, value_name = "NAME|FILE", help_heading = "Connection")]
    pub profile: Option<String>,
    #[command(flatten)]
    pub patience: PatienceArguments,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Everything on an embedded default: tenant, application, user, role, sample data, server; then one report, end to end
    #[command(
        after_help = "Examples:\n  insightgate demo\n  insightgate demo --once\n  insightgate demo --clock manual --http 127.0.0.1:0 --https 127.0.0.1:0 --ready-file ready.json"
    )]
    Demo(DemoArguments),
    /// The server, as a configuration file describes it
    #[command(after_help = "Example:\n  insightgate init --config insightgate.toml && insightgate serve --config insightgate.toml")]
    Serve(ServeArguments),
    /// A configuration file and the first operator
    #[command(
        after_help = "Examples:\n  insightgate init\n  insightgate init --config /etc/insightgate.toml --operator-file operator.json"
    )]
    Init(InitArguments),
    /// Whether a server is alive and ready; for health checks, and for people
    #[command(
        after_help = "Examples:\n  insightgate health\n  insightgate health --alive\n  insightgate health --url https://insights.example.com --json\n\nExits with 0 if the server is ready, or alive with --alive; with 1 if it is not; and with 5 if nothing answers within five seconds, or within --timeout."
    )]
    Health(HealthArguments),
    /// A copy of the server's SQLite database, while it goes on working
    #[command(
        after_help = "Examples:\n  insightgate backup -o backup.db\n  insightgate backup --config /etc/insightgate.toml -o /backups/monday.db --json"
    )]
    Backup(BackupArguments),
    /// Looks through the database, the files of reports and the keys, and says what is damaged, lost or left over
    #[command(
        after_help = "Examples:\n  insightgate verify\n  insightgate verify --config /etc/insightgate.toml --json\n  insightgate verify --config /etc/insightgate.toml --fix"
    )]
    Verify(VerifyArguments),
    /// The places of rows and of the files of reports
    Store {
        #[command(subcommand)]
        command: StoreCommand,
    },
    /// The mail that the server sends
    Mail {
        #[command(subcommand)]
        command: MailCommand,
    },
    /// Datasets and their definitions
    Dataset {
        #[command(subcommand)]
        command: DatasetCommand,
    },
    /// Runs a query straight on local data: no server, same plan, same policy, same encoder
    #[command(
        after_help = "Examples:\n  insightgate run \"SELECT CustomerName, TotalRevenue FROM CustomersAndTenants\" --data-dir insightgate-data --tenant 3f1c… -o revenue.csv\n  insightgate run \"SELECT MPNId, PartnerName FROM Profile\" --data-root s3://bucket/prefix --tenant 3f1c… -o profile.csv\n  insightgate run --file revenue.sql --tenant contoso.example --explain"
    )]
    Run(RunArguments),
    /// A query's rows in a file: makes a report, waits for it, downloads it, and takes it away again
    #[command(
        after_help = "Examples:\n  insightgate export \"SELECT CustomerName, TotalRevenue FROM CustomersAndTenants\" -o revenue.csv\n  insightgate export --file revenue.sql --from 2026-01-01 --to 2026-02-01 -o january.parquet\n  insightgate export --query Revenue --format tsv | sort\n  insightgate export --last Weekly -o weekly.csv --force\n  insightgate export \"SELECT Month, TotalRevenue FROM CustomersAndTenants ORDER BY Month\" --chart\n  insightgate export --file revenue.sql --html revenue.html"
    )]
    Export(ExportArguments),
    /// Queries: saved, tried and explained on a server, and the language that they are written in
    #[command(
        after_help = "Examples:\n  insightgate query --help-language\n  insightgate query list\n  insightgate query try 'SELECT CustomerName, Product FROM CustomersAndTenants LIMIT 5'"
    )]
    Query(QueryArguments),
    /// Reports: by a schedule or at once, what they have run, and their files
    Report(ReportArguments),
    /// Executions: what waits, runs or failed, and why; ending one, and trying one again
    Execution(ExecutionArguments),
    /// The prerequisites of programmatic access, one by one: met or not, why, and what mends it
    #[command(after_help = "Examples:\n  insightgate check\n  insightgate check --profile contoso --json")]
    Check(CheckArguments),
    /// A token of the profile, for other programs; kept for the next command, and refreshed before it ends
    #[command(after_help = "Examples:\n  insightgate token\n  insightgate token --json\n  insightgate token --new --profile contoso")]
    Token(TokenArguments),
    /// Signs you in with a browser, or with a device code; commands then need no password
    #[command(
        after_help = "Examples:\n  insightgate login\n  insightgate login --no-browser --profile contoso\n  insightgate login --device"
    )]
    Login(LoginArguments),
    /// Forgets the tokens that are kept on this machine
    #[command(after_help = "Examples:\n  insightgate logout\n  insightgate logout --all")]
    Logout(LogoutArguments),
    /// Profiles: where commands connect, and as whom
    Profile(ProfileArguments),
    /// Organisations, and their enrollments in programs
    Tenant(TenantArguments),
    /// Partner locations of an organisation
    Location(LocationArguments),
    /// Users of an organisation
    User(UserArguments),
    /// Applications of an organisation: secrets, permissions, consent
    App(AppArguments),
    /// Roles of users and applications
    Role(RoleArguments),
    /// Whom the tokens of an external issuer stand for
    External(ExternalArguments),
    /// Callbacks of finished executions: what was sent, sending it anew, and the secrets that sign it
    Callback(CallbackArguments),
    /// The keys that the server signs tokens with
    Keys(KeysArguments),
    /// What a shell completes: a script for bash, zsh, fish, PowerShell or elvish
    #[command(after_help = "Examples:\n  insightgate completions bash > ~/.local/share/bash-completion/completions/insightgate\n  \
        insightgate completions zsh > ~/.zfunc/_insightgate\n  insightgate completions fish > ~/.config/fish/completions/insightgate.fish\n  \
        insightgate completions powershell >> $PROFILE")]
    Completions(CompletionsArguments),
    /// The pages of the manual, one for each command
    #[command(after_help = "Examples:\n  insightgate man | man -l -\n  insightgate man -o ~/.local/share/man/man1")]
    Man(ManArguments),
    /// A running demo's clock, faults, receiver and last requests, and its first state
    Sandbox(SandboxArguments),
    /// What was granted, removed and refused, the newest first
    #[command(
        after_help = "Examples:\n  insightgate audit --tenant contoso.example\n  insightgate audit export --format csv -o audit.csv\n  insightgate audit --action role.assign --from 2026-11-01T00:00:00Z --json"
    )]
    Audit(AuditArguments),
}

impl Command {
    /// What its `--timeout` is about: those that wait for a report or a person have one of their own.
    pub fn timeout_of(&self) -> TimeoutOf {
        match self {
            Command::Export(_) => TimeoutOf::WholeWithoutTheEnd,
            Command::Login(_) => TimeoutOf::Whole,
            Command::Report(report) if report.waits() => TimeoutOf::Whole,
            _ => TimeoutOf::Answer,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum DatasetCommand {
    /// Adds a dataset from Parquet, Arrow, CSV, TSV or JSON files; its definition is inferred
    #[command(
        after_help = "Examples:\n  insightgate dataset add flights.parquet --name Flights --tenant-column Owner\n  insightgate dataset add cars.csv --name Cars --tenant contoso.example --date-column Year\n  insightgate dataset add sales.csv.gz --name Sales --tenant 3f1c… --null NA --type Day=date:%d.%m.%Y\n  insightgate dataset add cars.csv --name Cars --tenant 3f1c… --data-root s3://bucket/prefix"
    )]
    Add(DatasetAddArguments),
    /// The datasets that a server offers, or a data folder
    #[command(
        after_help = "Examples:\n  insightgate dataset list\n  insightgate dataset list --profile ready.json --program cmp --json\n  insightgate dataset list --data-dir insightgate-data"
    )]
    List(DatasetListArguments),
    /// Columns, metrics and rules of one dataset, of a server or of a data folder
    #[command(
        after_help = "Examples:\n  insightgate dataset show CustomersAndTenants\n  insightgate dataset show CustomersAndTenants --profile ready.json"
    )]
    Show(DatasetShowArguments),
    /// Whether definitions hold, and the files of rows fit them: every problem with its file, line, column and key
    #[command(
        after_help = "Examples:\n  insightgate dataset validate\n  insightgate dataset validate insightgate-data/datasets/mpn/Sales.toml --json\n  insightgate dataset validate --data-root s3://bucket/prefix"
    )]
    Validate(DatasetValidateArguments),
    /// Adds the rows of Parquet, Arrow, CSV, TSV or JSON files to a dataset that is there, as its definition says
    #[command(
        after_help = "Examples:\n  insightgate dataset import november.csv --name Cars --tenant contoso.example\n  insightgate dataset import flights-11.parquet flights-12.parquet --name Flights"
    )]
    Import(DatasetImportArguments),
    /// Removes a dataset of your own, and its rows if that is said
    #[command(after_help = "Examples:\n  insightgate dataset remove Cars\n  insightgate dataset remove Cars --rows --yes")]
    Remove(DatasetRemoveArguments),
}

#[derive(Debug, Args)]
pub struct DatasetRemoveArguments {
    /// The dataset, as its definition is called
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The rows of every organisation too; without this they stay where they are
    #[arg(long)]
    pub rows: bool,
    #[arg(long, value_name = "PROGRAM", default_value = "mpn")]
    pub program: insightgate_identity::program::Program,
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    pub data_dir: PathBuf,
    /// Where the rows lie, if not in the data folder: another folder, or a URL such as s3://bucket/prefix
    #[arg(long, value_name = "DIR|URL")]
    pub data_root: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Whose datasets are shown.
#[derive(Debug, Args)]
pub struct DatasetPlace {
    /// Look at this data folder; without it, and with a profile, the server is asked
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where the rows lie, if not in the data folder: another folder, or a URL such as s3://bucket/prefix
    #[arg(long, value_name = "DIR|URL")]
    pub data_root: Option<String>,
    /// mpn or cmp; the profile's program, or mpn, if not given
    #[arg(long, value_name = "PROGRAM")]
    pub program: Option<insightgate_identity::program::Program>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct DatasetListArguments {
    #[command(flatten)]
    pub place: DatasetPlace,
}

#[derive(Debug, Args)]
pub struct DatasetShowArguments {
    /// Its name or an alias
    #[arg(value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    pub place: DatasetPlace,
}

#[derive(Debug, Args)]
pub struct DatasetImportArguments {
    /// Parquet, Arrow, CSV, TSV or lines of JSON; each must have the columns that may not be null
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The dataset: its name or an alias
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// Whose rows they are, unless a column says so
    #[arg(long, value_name = "ID|DOMAIN", value_parser = LocalTenant::parse)]
    pub tenant: Option<LocalTenant>,
    #[arg(long, value_name = "PROGRAM", default_value = "mpn")]
    pub program: insightgate_identity::program::Program,
    #[command(flatten)]
    pub reading: FileArguments,
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    pub data_dir: PathBuf,
    /// Where the rows lie, if not in the data folder: another folder, or a URL such as s3://bucket/prefix
    #[arg(long, value_name = "DIR|URL")]
    pub data_root: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct DatasetValidateArguments {
    /// Definitions, wherever they lie; all of the data folder's if none is named
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    pub data_dir: PathBuf,
    /// Where the rows lie, if not in the data folder: another folder, or a URL such as s3://bucket/prefix
    #[arg(long, value_name = "DIR|URL")]
    pub data_root: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClockMode {
    /// The system's
    System,
    /// Stands still until POST /sandbox/v1/clock moves it
    Manual,
}

#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Exit after the first report
    #[arg(long)]
    pub once: bool,
    /// Address to serve HTTP at; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7080")]
    pub http: SocketAddr,
    /// Address to serve HTTPS at; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7443")]
    pub https: SocketAddr,
    /// Folder of the database, the data and the files; made if it is missing
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    pub data_dir: PathBuf,
    /// Rows of sample data in each dataset; from 60 on every value that the documented queries of both programs ask for occurs
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub rows: u64,
    /// Makes the identifiers and the sample rows; never secrets
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// The time that schedules, expiries and time spans follow
    #[arg(long, value_enum, default_value_t = ClockMode::System)]
    pub clock: ClockMode,
    /// A further name in the certificate; repeatable
    #[arg(long, value_name = "HOST")]
    pub tls_name: Vec<String>,
    /// No quotas and no limits a minute: up to 10,000 queries and 10,000 reports of an owner
    #[arg(long)]
    pub no_quotas: bool,
    /// Serve clients that break the documents: no start lead, no quotas, more resources, downloads always compressed
    #[arg(long)]
    pub lenient: bool,
    /// Require a second factor of everybody, as the real service does since April 2026: the walk shows how a password alone is refused
    #[arg(long)]
    pub require_mfa: bool,
    /// An origin whose scripts may call the server from a browser, such as http://localhost:3000; repeatable
    #[arg(long, value_name = "URL", value_parser = crate::origin::public)]
    pub cors_origin: Vec<String>,
    /// Allow addresses other machines can reach, whose users then read the last requests, order failures and reset the demo too
    #[arg(long)]
    pub allow_remote: bool,
    /// The address that clients use, such as https://demo.example.com; what links and issuers begin with
    #[arg(long, value_name = "URL", value_parser = crate::origin::public)]
    pub public_url: Option<String>,
    /// Write addresses and credentials here (readable by the owner only) once the server answers
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    #[command(flatten)]
    pub identities: FixedIdentities,
}

/// Identities to use instead of generated ones, when the folder is new.
#[derive(Debug, Clone, Default, Args)]
pub struct FixedIdentities {
    /// The tenant's id, when the folder is new
    #[arg(long, value_name = "UUID")]
    pub tenant_id: Option<Uuid>,
    /// The application's id, when the folder is new
    #[arg(long, value_name = "UUID")]
    pub client_id: Option<Uuid>,
    /// The application's secret, when the folder is new
    #[arg(long, value_name = "TEXT")]
    pub client_secret: Option<String>,
    /// The user's sign-in name, name@domain, when the folder is new; the domain becomes the tenant's
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// The user's password, when the folder is new
    #[arg(long, value_name = "TEXT")]
    pub password: Option<String>,
}

#[derive(Debug, Args)]
pub struct ServeArguments {
    /// The configuration file; `insightgate init` writes one
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// What this process does; several are separated by commas: api,worker
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["api", "scheduler", "worker"])]
    pub roles: Vec<ServerRole>,
}

#[derive(Debug, Args)]
pub struct BackupArguments {
    #[command(flatten)]
    pub place: ServerPlace,
    /// The file to write, which must not be there; or a pipe, a device or -, for stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Print the file and its size as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ServerRole {
    Api,
    Scheduler,
    Worker,
}

#[derive(Debug, Args)]
pub struct InitArguments {
    /// The section of the profile file to write the operator into
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Where to write the configuration, and to read it when it is there already; to - or a pipe it is written, and nothing else is done
    #[arg(long, value_name = "FILE", default_value = "insightgate.toml")]
    pub config: PathBuf,
    /// Write the operator's credentials to this file (readable by the owner only) instead of the profile file
    #[arg(long, value_name = "FILE")]
    pub operator_file: Option<PathBuf>,
    /// Print every setting, as docs/settings.md has it, and do nothing else
    #[arg(long, conflicts_with_all = ["operator_file", "new_operator_secret"])]
    pub reference: bool,
    /// Give the operator a further secret, when the first one was lost
    #[arg(long)]
    pub new_operator_secret: bool,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("owner").required(true))]
pub struct DatasetAddArguments {
    /// Parquet, Arrow, CSV, TSV or lines of JSON, all with the same columns; .gz and .zst too
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What queries call it: letters, digits and underscores
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// All rows belong to this tenant
    #[arg(long, value_name = "ID|DOMAIN", group = "owner", value_parser = LocalTenant::parse)]
    pub tenant: Option<LocalTenant>,
    /// This column says whose each row is
    #[arg(long, value_name = "COLUMN", group = "owner")]
    pub tenant_column: Option<String>,
    /// What the tenant column holds
    #[arg(long, value_enum, default_value_t = TenantKeyArgument::TenantId, requires = "tenant_column")]
    pub tenant_key: TenantKeyArgument,
    /// The column that time spans apply to; without it every query reads all rows
    #[arg(long, value_name = "COLUMN")]
    pub date_column: Option<String>,
    /// The column of partner locations' MPN ids; without it only organisation-wide viewers may query the dataset
    #[arg(long, value_name = "COLUMN")]
    pub location_column: Option<String>,
    #[arg(long, value_name = "PROGRAM", default_value = "mpn")]
    pub program: insightgate_identity::program::Program,
    #[command(flatten)]
    pub reading: FileArguments,
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    pub data_dir: PathBuf,
    /// Where the rows are to lie, if not in the data folder: another folder, or a URL such as s3://bucket/prefix
    #[arg(long, value_name = "DIR|URL")]
    pub data_root: Option<String>,
    /// Take the place of the rows that are there; what was written into the definition is kept
    #[arg(long)]
    pub replace: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TenantKeyArgument {
    TenantId,
    GlobalAccountId,
}

#[derive(Debug, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub query: QueryText,
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    pub data_dir: PathBuf,
    /// Where the rows lie, if not in the data folder: another folder, or a URL such as s3://bucket/prefix
    #[arg(long, value_name = "DIR|URL")]
    pub data_root: Option<String>,
    /// Whose rows
    #[arg(long, value_name = "ID|DOMAIN", value_parser = LocalTenant::parse)]
    pub tenant: LocalTenant,
    /// The file to write; stdout if not given, or if it is -
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Say in words what the query will do, and do nothing else
    #[arg(long, conflicts_with_all = ["output", "format"])]
    pub explain: bool,
    #[arg(long, value_name = "PROGRAM", default_value = "mpn")]
    pub program: insightgate_identity::program::Program,
    /// Only rows of this partner location (MPN id); repeatable
    #[arg(long, value_name = "MPNID")]
    pub location: Vec<String>,
    /// By the file's extension if not given: csv, tsv, csv.gz, csv.zst, tsv.gz, tsv.zst, jsonl, parquet, arrow or xlsx. csv-excel is CSV that Excel opens
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// The instant that time spans are relative to, as 2026-11-22T12:00:00Z; now if not given
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Print the summary, or the explanation, as JSON (a summary to stderr when the rows go to stdout)
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
#[path = "cli/tests.rs"]
mod tests;
