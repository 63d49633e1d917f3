//! `insightgate completions` and `insightgate man`: what shells and `man` know of the commands, made from their definition.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use crate::command_error::CommandError;
use crate::files::fault;
use crate::terminal::print;

#[derive(Debug, Args)]
pub struct CompletionsArguments {
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Args)]
pub struct ManArguments {
    /// The folder to write one page for each command into, made if it is missing; without it the first page goes to stdout
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

const NAME: &str = "insightgate";

/// `all`: the program with all of its commands.
pub fn completions(arguments: &CompletionsArguments, mut all: Command) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut all, NAME, &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// `all`: the program with all of its commands.
pub fn man(arguments: &ManArguments, all: Command) -> Result<(), CommandError> {
    let Some(folder) = &arguments.output else {
        let mut page = Vec::new();
        clap_mangen::Man::new(all).render(&mut page).map_err(|error| CommandError::failed(error.to_string()))?;
        return print(&String::from_utf8_lossy(&page));
    };
    std::fs::create_dir_all(folder).map_err(|error| fault(folder, &error))?;
    clap_mangen::generate_to(all, folder).map_err(|error| fault(folder, &error))?;
    eprintln!("wrote the pages to {}: man -l {}", folder.display(), folder.join(format!("{NAME}.1")).display());
    Ok(())
}
