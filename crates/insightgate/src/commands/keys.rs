//! `insightgate keys`: the keys that the server signs tokens with.

use clap::{Args, Subcommand};

use crate::command_error::CommandError;
use crate::session::{Output, Session, show_one};

#[derive(Debug, Args)]
pub struct KeysArguments {
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Makes a new signing key; for operators
    ///
    /// It signs a few minutes later. Tokens of the key before stay good until they expire. The server also replaces its key by itself.
    #[command(after_help = "Example:\n  insightgate keys rotate")]
    Rotate,
}

pub async fn run(session: &Session, arguments: KeysArguments) -> Result<(), CommandError> {
    let KeysArguments { output, command: KeysCommand::Rotate } = arguments;
    let keys = session.client.rotate_signing_key().await?;
    show_one(output, &keys, &[("published, the newest first", keys.key_ids.join(", "))])
}
