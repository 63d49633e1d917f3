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
    output: Option<PathBuf>,
}

const NAME: &str = "insightgate";

/// `cli` is the definition of all commands.
pub fn completions(arguments: &CompletionsArguments, mut cli: Command) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut cli, NAME, &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// `cli` is the definition of all commands.
pub fn man(arguments: &ManArguments, cli: Command) -> Result<(), CommandError> {
    let Some(folder) = &arguments.output else {
        let mut page = Vec::new();
        clap_mangen::Man::new(cli).render(&mut page).map_err(|error| CommandError::failed(error.to_string()))?;
        return print(&String::from_utf8_lossy(&page));
    };
    std::fs::create_dir_all(folder).map_err(|error| fault(folder, &error))?;
    clap_mangen::generate_to(cli, folder).map_err(|error| fault(folder, &error))?;
    eprintln!("wrote the pages to {}: man -l {}", folder.display(), folder.join(format!("{NAME}.1")).display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_command_has_a_page_and_every_shell_a_script() {
        let folder = tempfile::tempdir().unwrap();
        let arguments = ManArguments { output: Some(folder.path().join("man")) };
        man(&arguments, Cli::command()).unwrap_or_else(|error| panic!("{error}"));
        let page = |name: &str| std::fs::read_to_string(folder.path().join("man").join(name)).unwrap();
        assert!(page("insightgate.1").contains("profile"));
        assert!(page("insightgate-app-secret-add.1").contains("Makes a secret and prints it, once"));
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("login") && script.contains("no-browser"), "{shell}");
        }
    }
}
