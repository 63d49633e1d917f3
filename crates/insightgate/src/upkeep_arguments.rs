//! The flags of commands that look after a deployment beside its server.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Where commands look for data when no folder is named.
pub const DEFAULT_DATA_DIR: &str = "insightgate-data";

/// Which deployment.
#[derive(Debug, Args)]
pub struct ServerPlace {
    /// The server's configuration, which says where its database and its files are
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The data folder, without a configuration
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR, conflicts_with = "config")]
    pub data_dir: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Writes, reads, lists and removes a probe where files are kept, lists and reads where rows are, and names what is missing
    #[command(
        after_help = "Examples:\n  insightgate store check --config /etc/insightgate.toml\n  insightgate store check --artifact-root s3://bucket/prefix --json"
    )]
    Check(StoreCheckArguments),
}

#[derive(Debug, Subcommand)]
pub enum MailCommand {
    /// Sends one mail as the server would, and says what the mail server answered
    #[command(
        after_help = "Examples:\n  insightgate mail test --to you@example.com\n  insightgate mail test --to you@example.com --config /etc/insightgate.toml --json"
    )]
    Test(MailTestArguments),
}

#[derive(Debug, Args)]
pub struct MailTestArguments {
    /// Who gets it
    #[arg(long, value_name = "ADDRESS")]
    pub to: String,
    /// The server's configuration, which says where mail goes
    #[arg(long, value_name = "FILE", default_value = "insightgate.toml")]
    pub config: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct StoreCheckArguments {
    #[command(flatten)]
    pub place: ServerPlace,
    /// Try this place of rows: it is listed and read
    #[arg(long, value_name = "DIR|URL", conflicts_with = "config")]
    pub data_root: Option<String>,
    /// Try this place of files: a probe is written, read and removed
    #[arg(long, value_name = "DIR|URL", conflicts_with = "config")]
    pub artifact_root: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct VerifyArguments {
    #[command(flatten)]
    pub place: ServerPlace,
    /// Mend what can be mended without a loss: removes files that nobody can open, and marks executions whose file is lost as failed
    #[arg(long)]
    pub fix: bool,
    /// With --fix, mark executions as failed even if every file is missing, as when a disk is not mounted
    #[arg(long, requires = "fix")]
    pub accept_loss: bool,
    /// Look only whether files are there with their length, and do not read them
    #[arg(long)]
    pub quick: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
