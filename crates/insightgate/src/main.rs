//! The binary: configuration, commands, wiring.

mod certificates;
mod cli;
mod command_error;
mod commands;
mod config;
mod connections;
mod data_folder;
mod demo;
mod log;
mod server;
mod tls;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, DatasetCommand};
use command_error::CommandError;
use log::{QUIET, start_log};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&CommandError::failed(format!("the runtime could not be started: {error}"))),
    };
    let outcome = runtime.block_on(run(cli.command));
    // Threads that still hash or read must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

async fn run(command: Command) -> Result<(), CommandError> {
    // A server's level stands in its configuration.
    if !matches!(command, Command::Serve(_)) {
        start_log(QUIET)?;
    }
    match command {
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Serve(arguments) => commands::serve::run(arguments).await,
        Command::Init(arguments) => commands::init::run(&arguments),
        Command::Dataset { command: DatasetCommand::Add(arguments) } => commands::dataset_add::run(&arguments),
        Command::Run(arguments) => commands::run::run(arguments).await,
    }
}

fn fail(error: &CommandError) -> ExitCode {
    eprintln!("error: {error}");
    if let Some(hint) = &error.hint {
        eprintln!("hint: {hint}");
    }
    ExitCode::from(error.code)
}
