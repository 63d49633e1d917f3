//! `insightgate init`: a commented configuration file.

use std::path::Path;

use crate::cli::InitArguments;
use crate::command_error::CommandError;
use crate::config;
use crate::data_folder::fault;

pub fn run(arguments: &InitArguments) -> Result<(), CommandError> {
    let text = config::example();
    if arguments.config == Path::new("-") {
        print!("{text}");
        return Ok(());
    }
    if arguments.config.exists() {
        let message = format!("{} is there already", arguments.config.display());
        return Err(CommandError::failed(message).hint("name another file with --config, or - for stdout"));
    }
    std::fs::write(&arguments.config, text).map_err(|error| fault(&arguments.config, &error))?;
    eprintln!("wrote {}; start the server with: insightgate serve --config {0}", arguments.config.display());
    Ok(())
}
