//! The program: configuration, commands, wiring. It is a library for the sake of builds: a library is compiled as soon as what it uses is checked, and a
//! program not before that is compiled.

mod chart;
mod cli;
mod command_error;
mod commands;
mod config;
mod data_folder;
mod demo;
mod deployed;
mod env_vars;
mod files;
mod interrupt;
mod log;
mod origin;
mod patience;
mod profiles;
mod server;
mod session;
mod terminal;
mod traces;
mod upkeep_arguments;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser};
use insightgate_engine::STACK;

use cli::{Cli, Command, DatasetCommand};
use command_error::CommandError;
use log::{LogFormat, QUIET, start_log};
use session::Session;
use upkeep_arguments::{MailCommand, StoreCommand};

/// The process: reads the command line, does what it says, and returns how it ends.
pub fn start() -> ExitCode {
    // Before the arguments are understood, which takes a while. A word like a server's command among another's does no harm.
    if std::env::args_os().any(|word| word == "serve" || word == "demo") {
        server::tls::outlive_hangups();
    }
    let cli = Cli::parse();
    server::tls::choose_cryptography();
    // On a thread of its own: how much stack the first one has is the caller's choice, and `run` plans queries there.
    let outcome = match std::thread::Builder::new().name("insightgate".to_owned()).stack_size(STACK).spawn(|| on_runtime(cli)) {
        Ok(thread) => thread.join().unwrap_or_else(|_| Err(CommandError::failed("the command panicked"))),
        Err(error) => Err(CommandError::failed(format!("no thread could be started: {error}"))),
    };
    log::finish();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn on_runtime(cli: Cli) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_stack_size(STACK).enable_all().build();
    let runtime = runtime.map_err(|error| CommandError::failed(format!("the runtime could not be started: {error}")))?;
    let outcome = runtime.block_on(run(cli));
    // Threads that still hash or read must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome
}

async fn run(cli: Cli) -> Result<(), CommandError> {
    let Cli { profile, patience: flags, command } = cli;
    // Not the parser's work: its lines of usage would show the flag as if it were needed.
    let profile = profile.filter(|name| !name.is_empty()).or_else(|| env_vars::read(&env_vars::PROFILE));
    patience::tell(flags, command.timeout_of());
    let session = || Session::open(profile.as_deref());
    // A server's level and the form of its log stand in its configuration.
    if let Command::Serve(arguments) = &command
        && config::log_format(&arguments.config) == LogFormat::Json
    {
        log::speak(LogFormat::Json);
    }
    for line in env_vars::unknown(&config::variables()) {
        log::warn(&line, None);
    }
    match &command {
        Command::Serve(_) => {}
        Command::Demo(_) => drop(start_log(&demo::log_filter(), LogFormat::Text, None)?),
        _ => drop(start_log(QUIET, LogFormat::Text, None)?),
    }
    match command {
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Serve(arguments) => commands::serve::run(arguments).await,
        Command::Init(arguments) => commands::init::run(&arguments).await,
        Command::Health(arguments) => commands::health::run(arguments).await,
        Command::Backup(arguments) => commands::backup::run(&arguments).await,
        Command::Verify(arguments) => commands::verify::run(&arguments).await,
        Command::Store { command: StoreCommand::Check(arguments) } => commands::store::check(&arguments).await,
        Command::Mail { command: MailCommand::Test(arguments) } => commands::mail::test(&arguments).await,
        Command::Dataset { command } => match command {
            DatasetCommand::Add(arguments) => commands::dataset::add::run(&arguments).await,
            DatasetCommand::List(arguments) => commands::dataset::list(profile.as_deref(), &arguments).await,
            DatasetCommand::Show(arguments) => commands::dataset::show(profile.as_deref(), &arguments).await,
            DatasetCommand::Validate(arguments) => commands::dataset::validate::run(&arguments).await,
            DatasetCommand::Remove(arguments) => commands::dataset::remove::run(&arguments),
            DatasetCommand::Import(arguments) => commands::dataset::import::run(&arguments).await,
        },
        Command::Run(arguments) => commands::run::run(arguments).await,
        Command::Export(arguments) => commands::export::run(profile.as_deref(), arguments).await,
        Command::Query(arguments) => commands::query::run(profile.as_deref(), arguments).await,
        Command::Report(arguments) => commands::report::run(profile.as_deref(), arguments).await,
        Command::Execution(arguments) => commands::execution::run(profile.as_deref(), arguments).await,
        Command::Check(arguments) => commands::check::run(profile.as_deref(), arguments).await,
        Command::Token(arguments) => commands::login::token::run(profile.as_deref(), &arguments).await,
        Command::Login(arguments) => commands::login::run(profile.as_deref(), arguments).await,
        Command::Logout(arguments) => commands::login::logout::run(profile.as_deref(), &arguments),
        Command::Profile(arguments) => commands::profile::run(profile.as_deref(), arguments),
        Command::Completions(arguments) => commands::shell::completions(&arguments, Cli::command()),
        Command::Man(arguments) => commands::shell::man(&arguments, Cli::command()),
        Command::Tenant(arguments) => commands::tenant::run(&session()?, arguments).await,
        Command::Location(arguments) => commands::location::run(&session()?, arguments).await,
        Command::User(arguments) => commands::user::run(&session()?, arguments).await,
        Command::App(arguments) => commands::app::run(&session()?, arguments).await,
        Command::Role(arguments) => commands::role::run(&session()?, arguments).await,
        Command::External(arguments) => commands::external::run(&session()?, arguments).await,
        Command::Callback(arguments) => commands::callback::run(&session()?, arguments).await,
        Command::Sandbox(arguments) => commands::sandbox::run(profile.as_deref(), arguments).await,
        Command::Keys(arguments) => commands::keys::run(&session()?, arguments).await,
        Command::Audit(arguments) => commands::audit::run(&session()?, arguments).await,
    }
}

fn fail(error: &CommandError) -> ExitCode {
    if log::is_json() {
        log::fail_as_json(&error.message, error.hint.as_deref())
    } else {
        error.show()
    }
    ExitCode::from(error.code)
}
